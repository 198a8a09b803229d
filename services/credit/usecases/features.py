"""Features of fraud of an application, from what it and others gave (FEATURES.md); what is not known makes nobody suspicious."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from receivables.credit.v1 import applications_pb2

from services.chassis.database import Tx
from services.credit import store, wire_applications
from services.credit.domain import fraud, looks
from services.credit.domain.applications import Application, Document
from services.credit.domain.facts import Known
from services.credit.domain.fraud import Feature, Mark, MarkKind, Reference, Seen
from services.credit.domain.identity import contacts, numbers, places
from services.credit.domain.looks import Look, Shown
from services.kernel.orders import Address
from services.kernel.refusals import Refusal

_REFERENCES = ("reference_1", "reference_2")


@dataclass(frozen=True, slots=True)
class Around:
    """What is known beside an application's own facts."""

    # By what marks are made; None before the tenant's first application.
    key: bytes | None
    own: tuple[Mark, ...]
    # What others than its group show that share a mark with it.
    others: Sequence[Seen]
    # Who else named the same references.
    naming: Mapping[str, Sequence[bytes]]
    documents: Sequence[Document]
    # Of the company and its group.
    domains: frozenset[str]
    # Who of the company was found to be somebody else.
    cleared: frozenset[looks.Pair]


async def around(tx: Tx, application: Application, known: Mapping[str, Known]) -> Around:
    """Look around an application; of other companies that they gave the same is all that is looked at."""
    tenant, account_id = application.tenant, application.account_id
    key = await store.mark_key(tx, tenant)
    documents = await store.documents_of(tx, application.key)
    said = _said(known, tx.at)
    own = marks_of(key, application, said, documents)
    references = [mark.digest for mark in own if mark.kind is MarkKind.REFERENCE]
    identity = [mark for mark in own if mark.kind is not MarkKind.REFERENCE]
    cleared = [one.pair for one in await store.cleared_of(tx, tenant, account_id) if one.cleared_at is not None]
    async with tx.all_accounts():
        group = await store.group_of(tx, tenant, account_id)
        others = await store.seen_elsewhere(tx, application, identity, group) if identity else []
        naming = await store.named_elsewhere(tx, tenant, references, group) if references else {}
        addresses = await store.addresses_of(tx, tenant, group) if len(group) > 1 else []
    return Around(
        key=key,
        own=own,
        others=others,
        naming=naming,
        documents=documents,
        domains=frozenset(domain for _, value in addresses if (domain := contacts.domain_of(value))),
        cleared=frozenset(cleared),
    )


def of_application(
    application: Application, known: Mapping[str, Known], beside: Around, look: Look | None, at: datetime
) -> list[Feature]:
    """What is odd about it, by what is known at an instant; `look` is what it was compared with last."""
    said = _said(known, at)
    email = _email(said.get("contact_email", ""))
    site = contacts.domain_of(said.get("website", ""))
    found = [] if email is None else fraud.mail(email, site, beside.domains)
    if "company_name" in said and "bank_holder_name" in said:
        found.append(
            fraud.bank_holder(said["company_name"], said["bank_holder_name"], _source(known, "bank_holder_name"))
        )
    if beside.own:
        found += fraud.velocity(beside.own, beside.others, at)
        found += fraud.duplicates(beside.own, beside.others)
    if beside.key is not None and any(key in said for key in _REFERENCES):
        found += _references(beside.key, application, said, beside.naming)
    found += _edited(beside.documents)
    if "signer" in said and "officers" in said:
        officers = [name for _, name in looks.named({"owners": said["officers"]})]
        signers = [name for _, name in looks.named({"signer": said["signer"]})][:1]
        found += [fraud.signer(name, officers, _source(known, "officers")) for name in signers]
    if place := _place(said, "ship_to_", application.country):
        home = _place(said, "", application.country)
        found.append(fraud.ship_to(place, [home] if home else []))
    return [*found, *(look.features if look is not None else ())]


def shown(application: Application, known: Mapping[str, Known], beside: Around, at: datetime) -> Shown:
    """What is compared with lists and known domains."""
    said = _said(known, at)
    email = _email(said.get("contact_email", ""))
    domains = [email.domain if email is not None else "", contacts.domain_of(said.get("website", ""))]
    return Shown(
        names=looks.named(said),
        country=application.country,
        domains=tuple(dict.fromkeys(domain for domain in domains if domain)),
        own=beside.domains,
        company=f"{application.tenant}/{application.account_id}",
        cleared=beside.cleared,
    )


def marks_of(
    key: bytes | None, application: Application, said: Mapping[str, str], documents: Sequence[Document]
) -> tuple[Mark, ...]:
    """What the company shows of itself, and whom it names, so that it can be found again and not read."""
    if key is None:
        return ()
    named = ((MarkKind.REFERENCE, way) for one in _named(said, application.country) for way in _ways(one))
    return fraud.marks(key, [*_given(said, application.country, documents), *named])


async def kept_look(tx: Tx, application: Application) -> Look | None:
    """What an application was compared with when it was looked at last."""
    if (written := await store.find_look(tx, application.key)) is None:
        return None
    return wire_applications.look_of(applications_pb2.Look.FromString(written))


def _said(known: Mapping[str, Known], at: datetime) -> dict[str, str]:
    return {key: fact.value for key, one in known.items() if (fact := one.counts(at)) is not None and fact.value}


def _source(known: Mapping[str, Known], key: str) -> str:
    told = known[key].told
    return told.provenance if told is not None else ""


def _given(said: Mapping[str, str], country: str, documents: Sequence[Document]) -> list[tuple[MarkKind, str]]:
    given = [(MarkKind.DOCUMENT, document.sha256) for document in documents if document.name]
    given += [(MarkKind.TAX_ID, said["vat_id"])] if "vat_id" in said else []
    given += [(MarkKind.IBAN, said["iban"])] if "iban" in said else []
    if number := said.get("register_number", ""):
        place = said.get("register_court", "") or said.get("register_state", "")
        whole = f"{place} {number}" if place else number
        given.append((MarkKind.REGISTER_NUMBER, numbers.of_one_company(whole, country)))
    if (email := _email(said.get("contact_email", ""))) is not None:
        given += [(MarkKind.EMAIL, email.mailbox), (MarkKind.DOMAIN, email.domain)]
    if phone := said.get("contact_phone", ""):
        given.append((MarkKind.PHONE, phone))
    if place := _place(said, "ship_to_", country):
        given.append((MarkKind.SHIP_TO, place))
    return given


def _named(said: Mapping[str, str], country: str) -> list[Reference]:
    """Those who are named as knowing the company, by how they are reached."""
    found = []
    for key in _REFERENCES:
        mails, phones = contacts.reached(said.get(key, ""), country)
        email = next((one for text in mails if (one := _email(text)) is not None), None)
        domain = email.domain if email is not None and not contacts.everybodys(email.domain) else ""
        found.append(Reference(phones[0] if phones else "", email.mailbox if email is not None else "", domain))
    return found


def _ways(one: Reference) -> Iterable[str]:
    return (way for way in (one.phone, one.mailbox, one.domain) if way)


def _references(
    key: bytes, application: Application, said: Mapping[str, str], naming: Mapping[str, Sequence[bytes]]
) -> list[Feature]:
    """References compared by their marks: who others named is known by nothing else."""

    def marked(text: str) -> str:
        [mark] = fraud.marks(key, [(MarkKind.REFERENCE, text)]) or (None,)
        return mark.digest.hex() if mark is not None else ""

    def masked(one: Reference) -> Reference:
        return Reference(marked(one.phone), marked(one.mailbox), marked(one.domain))

    email = _email(said.get("contact_email", ""))
    site = contacts.domain_of(said.get("website", ""))
    domain = site if email is None or contacts.everybodys(email.domain) else email.domain
    own = Reference(said.get("contact_phone", ""), email.mailbox if email is not None else "", domain)
    others = {subject: [Reference(mark.hex()) for mark in theirs] for subject, theirs in naming.items()}
    named = [one for one in _named(said, application.country) if one != Reference()]
    return fraud.references(masked(own), [masked(one) for one in named], others) if named else []


def _edited(documents: Sequence[Document]) -> list[Feature]:
    """What the files that were not forgotten say of themselves: one that was edited counts before all others."""
    found = [fraud.document(one.issued_on, one.written_at, one.changed_at) for one in documents if one.name]
    known = sorted((one for one in found if one.value is not None), key=lambda one: one.value is not True)
    return known[:1]


def _place(said: Mapping[str, str], before: str, country: str) -> str:
    street, code, city = (said.get(f"{before}{part}", "") for part in ("street", "post_code", "city"))
    return places.place(Address(street=street, post_code=code, city=city, country=country)) if street else ""


def _email(text: str) -> contacts.Email | None:
    try:
        return contacts.email(text) if text else None
    except Refusal:
        return None
