"""Issued documents as files: in the form agreed with the buyer, and in any other format that somebody asks for."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from services.chassis import outbox, tracing
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.jobs import Job
from services.chassis.outbox import Announcement
from services.chassis.workers import Batch
from services.documents import PROFILES
from services.documents.formats import FORMATS
from services.invoicing import store, wire
from services.invoicing.checks import check_of
from services.invoicing.domain.drafts import LARGE_LINES
from services.invoicing.domain.parties import CORE_FORM, PDF, Form, Look, Seller, usual_form
from services.invoicing.domain.statements import File, Kept, Statement
from services.invoicing.press import Press
from services.invoicing.usecases.desk import Key
from services.kernel.refusals import Conflict, Invalid, NotFound, quoted

# Kinds of jobs: pages of the usual size, and of very long documents, for which the others need not wait.
FILE, LARGE_FILE = store.FILE, "file_large"
# Formats in the name of no profile.
PLAIN = ("json", "csv")


def asked_form(said: Statement, format_: str, profile: str) -> Form:
    """The format and profile that are meant by what was asked; refuses what does not go together."""
    if format_ and format_ not in FORMATS:
        raise Invalid("document.format_unknown", f"{quoted(format_)} is no format; there are: {', '.join(FORMATS)}")
    if format_ in PLAIN:
        if profile:
            raise Invalid("document.format_not_of_profile", f"{format_} has no profile")
        return Form("", format_)
    format_ = format_ or (said.form if profile in ("", said.form.profile) else usual_form(profile)).format
    if not profile:
        carries = PROFILES[said.form.profile].rule_sets
        profile = said.form.profile if format_ in carries else CORE_FORM.profile
    return Form(profile, format_).check()


async def render(
    serve: Callable[[], AbstractAsyncContextManager[Tx]], press: Press, document: Key, format_: str, profile: str
) -> tuple[Statement, File]:
    """A file of a document (tenant, and id or number): as it was given first, else written now, and kept.

    `serve` begins a transaction of whoever asks. It is written outside any transaction: a page takes some 40 ms.
    """
    tenant, id_or_number = document
    async with serve() as tx:
        if (kept := await store.get_issued(tx, tenant, id_or_number)) is None:
            raise NotFound("invoice.unknown", f"no invoice or credit note {quoted(id_or_number)}")
        said = kept.statement
        form = asked_form(said, format_, profile)
        if (file := await store.get_file(tx, said.key, form)) is not None:
            return said, file
        look = _look(said, await store.find_sellers(tx, [(said.tenant, said.seller_id)]))
        if (paper := await store.get_paper(tx, said.key)) is None:
            issued = await store.get_file(tx, said.key, CORE_FORM)
            assert issued is not None, "what the first version issued has its XML, which says all"
            paper = (issued.content, CORE_FORM.format)
    with tracing.together("write documents", [tracing.current()]):
        written, findings = await press.render(*paper, form, look)
    if findings:
        rules = "; ".join(f"{finding.rule}: {finding.message}" for finding in findings[:5])
        raise Conflict("document.profile_not_met", f"the document does not meet {form.profile}: {rules}"[:2000])
    async with serve() as tx:
        return said, await store.keep_file(tx, said.key, written)


async def write_files(batch: Batch, press: Press) -> None:
    """Write the files of documents that took too long for the transaction that numbered them, and tell them."""
    keys = [_key(job) for job in batch.jobs]
    async with batch.database.transaction({job.tenant for job in batch.jobs}) as tx:
        issued = await store.find_issued(tx, keys)
        papers = await store.find_papers(tx, keys)
        sellers = await store.find_sellers(
            tx, {(kept.statement.tenant, kept.statement.seller_id) for kept in issued.values()}
        )
    statements = [issued[key].statement for key in keys]
    with tracing.together("write documents", [job.origin.traceparent for job in batch.jobs]):
        written = await press.lay_out(
            [
                (papers[key], store.PAPER, said.form, _look(said, sellers))
                for key, said in zip(keys, statements, strict=True)
            ]
        )
    contents = dict(zip(keys, written, strict=True))
    async with batch.finishing() as done:
        telling = []
        for job in done.jobs:
            kept = issued[_key(job)]
            # What somebody asked for before is what is told: the same bytes for ever.
            file = await store.keep_file(done.tx, kept.statement.key, _file(kept, contents[_key(job)]))
            telling.append(tell(job.origin, kept.statement, file))
        await outbox.add(done.tx, telling)


def _look(said: Statement, sellers: Mapping[Key, Seller]) -> Look:
    """In the language that it was issued in, with the logo of today."""
    return Look(sellers[said.tenant, said.seller_id].logo, said.language)


def _file(kept: Kept, content: bytes) -> File:
    """The file, with the rules that judged its XML before the number was taken."""
    form = kept.statement.form
    return File(check_of(form, form.format, content, kept.check.rule_set), content)


def is_slow(said: Statement) -> bool:
    """Whether its file is written after it is issued."""
    return said.form.format == PDF


def file_job(origin: Origin, said: Statement) -> Job:
    """To write a document's file later."""
    kind = LARGE_FILE if len(said.lines) > LARGE_LINES else FILE
    return Job(kind, f"document/{said.document_id}", origin, cost=len(said.lines))


def tell(origin: Origin, said: Statement, file: File) -> Announcement:
    """Announce a document's file."""
    return Announcement(origin, said.account_id, f"document/{said.document_id}", wire.document_issued(said, file))


def _key(job: Job) -> Key:
    return (job.tenant, job.subject.removeprefix("document/"))
