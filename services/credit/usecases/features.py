"""Features of fraud of an application, from what it and others gave (FEATURES.md); what is not known makes nobody suspicious."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.chassis.database import Tx
from services.credit import store
from services.credit.domain import fraud
from services.credit.domain.applications import Application, Document
from services.credit.domain.facts import Known
from services.credit.domain.fraud import Feature, Mark, MarkKind
from services.credit.domain.identity import contacts, numbers
from services.kernel.refusals import Refusal


async def of_application(tx: Tx, application: Application, known: Mapping[str, Known]) -> list[Feature]:
    """What is odd about it, by what is known now; of other companies that they gave the same is all that is looked at."""
    said = {key: fact.value for key, one in known.items() if (fact := one.counts(tx.at)) is not None}
    email = _email(said.get("contact_email", ""))
    found = [] if email is None else fraud.mail(email, "", ())
    if "company_name" in said and "bank_holder_name" in said:
        holder = known["bank_holder_name"].told
        source = holder.provenance if holder is not None else ""
        found.append(fraud.bank_holder(said["company_name"], said["bank_holder_name"], source))
    if own := await marks_of(tx, application, known):
        async with tx.all_accounts():
            others = await store.seen_elsewhere(tx, application, own)
        found += fraud.velocity(own, others, tx.at)
        found += fraud.duplicates(own, others)
    return found


async def marks_of(tx: Tx, application: Application, known: Mapping[str, Known]) -> tuple[Mark, ...]:
    """What the company shows of itself, so that it can be found again and not read."""
    if (key := await store.mark_key(tx, application.tenant)) is None:
        return ()
    documents = await store.documents_of(tx, application.key)
    return fraud.marks(key, _given(known, application.country, documents, tx.at))


def _given(
    known: Mapping[str, Known], country: str, documents: Sequence[Document], at: datetime
) -> list[tuple[MarkKind, str]]:
    said = {key: fact.value for key, one in known.items() if (fact := one.counts(at)) is not None and fact.value}
    given = [(MarkKind.DOCUMENT, document.sha256) for document in documents if document.name]
    given += [(MarkKind.TAX_ID, said["vat_id"])] if "vat_id" in said else []
    given += [(MarkKind.IBAN, said["iban"])] if "iban" in said else []
    if number := said.get("register_number", ""):
        place = said.get("register_court", "") or said.get("register_state", "")
        whole = f"{place} {number}" if place else number
        given.append((MarkKind.REGISTER_NUMBER, numbers.of_one_company(whole, country)))
    if (email := _email(said.get("contact_email", ""))) is not None:
        given += [(MarkKind.EMAIL, email.mailbox), (MarkKind.DOMAIN, email.domain)]
    return given


def _email(text: str) -> contacts.Email | None:
    try:
        return contacts.email(text)
    except Refusal:
        return None
