"""Issued documents as files: in the form agreed with the buyer, and in any other format that somebody asks for."""

import traceback
from dataclasses import replace

from services.chassis import outbox
from services.chassis.database import Database, Tx, is_transient
from services.chassis.envelope import Origin
from services.chassis.logs import log
from services.chassis.outbox import Announcement
from services.invoicing import store, wire
from services.invoicing.checks import JUDGE, PAPER
from services.invoicing.documents import PROFILES
from services.invoicing.documents.formats import FORMATS
from services.invoicing.domain.parties import CORE_FORM, PDF, Form, usual_form
from services.invoicing.domain.statements import File, Kept, Statement
from services.kernel.refusals import Conflict, Invalid

WRITTEN_AT_ONCE = 10  # pages take some 40 ms each, and their rows are locked meanwhile
# Formats in the name of no profile.
PLAIN = ("json", "csv")


def asked_form(said: Statement, format_: str, profile: str) -> Form:
    """The format and profile that are meant by what was asked; refuses what does not go together."""
    if format_ and format_ not in FORMATS:
        raise Invalid("document.format_unknown", f"{format_[:40]!r} is no format; there are: {', '.join(FORMATS)}")
    if format_ in PLAIN:
        if profile:
            raise Invalid("document.format_not_of_profile", f"{format_} has no profile")
        return Form("", format_)
    format_ = format_ or (said.form if profile in ("", said.form.profile) else usual_form(profile)).format
    if not profile:
        carries = PROFILES[said.form.profile].rule_sets
        profile = said.form.profile if format_ in carries else CORE_FORM.profile
    return Form(profile, format_).check()


async def render(tx: Tx, said: Statement, form: Form) -> File:
    """A document's file: as it was given first, else written now and kept."""
    if (kept := await store.get_file(tx, said.key, form)) is not None:
        return kept
    seller = (said.tenant, said.seller_id)
    logo = (await store.find_sellers(tx, [seller]))[seller].logo
    if (paper := await store.get_paper(tx, said.key)) is None:
        # Issued by the version before this one: its XML says all.
        issued = await store.get_file(tx, said.key, CORE_FORM)
        assert issued is not None, "an issued document has its XML"
        written, findings = await JUDGE.render(issued.content, CORE_FORM.format, form, logo)
    else:
        written, findings = await JUDGE.render(paper, PAPER, form, logo)
    if findings:
        rules = "; ".join(f"{finding.rule}: {finding.message}" for finding in findings[:5])
        raise Conflict("document.profile_not_met", f"the document does not meet {form.profile}: {rules}"[:2000])
    await store.keep_file(tx, said.key, written)
    first = await store.get_file(tx, said.key, form)
    assert first is not None, "it was just kept, by us or by another"
    return first


async def write_files(database: Database) -> int:
    """Write some of the files that took too long for the transaction that numbered, and tell them; return how many."""
    async with database.transaction(await database.tenants()) as tx:
        waiting = await store.lock_unwritten(tx, WRITTEN_AT_ONCE)
        if not waiting:
            return 0
        issued = await store.find_issued(tx, waiting.keys())
        told = {}
        for key, origin in waiting.items():
            if (file := await _written(tx, issued[key])) is not None:
                told[key] = tell(origin, issued[key].statement, file)
        await store.remove_unwritten(tx, told.keys())
        await outbox.add(tx, list(told.values()))
    return len(waiting)


async def _written(tx: Tx, kept: Kept) -> File | None:
    """The file of a document that was issued; None if it cannot be written, which must not stop the others."""
    said = kept.statement
    try:
        async with tx.savepoint():
            file = await render(tx, said, said.form)
    except Exception as error:  # whatever it is, it concerns this document
        if is_transient(error):
            raise
        log.exception("file not written", document=said.document_id, format=said.form.format)
        await store.put_off(tx, said.key, "".join(traceback.format_exception(error))[-4000:].replace("\0", ""))
        return None
    # The XML inside was judged before the number was taken.
    return replace(file, check=replace(file.check, rule_set=kept.check.rule_set))


def is_slow(said: Statement) -> bool:
    """Whether its file is written after it is issued."""
    return said.form.format == PDF


def tell(origin: Origin, said: Statement, file: File) -> Announcement:
    """Announce a document's file."""
    return Announcement(origin, said.account_id, f"document/{said.document_id}", wire.document_issued(said, file))
