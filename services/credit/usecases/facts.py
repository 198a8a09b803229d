"""What is known of a company and asked of it: each datum once, whoever asks (RULES: asked once)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from receivables.credit.v1 import events_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.outbox import Announcement
from services.credit import sources, store
from services.credit.domain import facts as domain
from services.credit.domain import underwriting
from services.credit.domain.applications import Application
from services.credit.domain.facts import Fact, Known
from services.credit.domain.fraud import Feature
from services.credit.domain.identity import banks, contacts, numbers
from services.credit.domain.looks import Look
from services.credit.domain.step_ups import SHOWN_OF, STEPS
from services.credit.domain.underwriting import Asked, FactKind, Facts, Policy, Value, parse_value
from services.credit.usecases.companies import Registered
from services.credit.usecases.features import Around
from services.credit.wire_applications import ENGINE, Question
from services.kernel.refusals import Invalid, Refusal, quoted


@dataclass(frozen=True, slots=True)
class NotSaved:
    """An answer that was refused by itself."""

    key: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What an application is decided by, as it is at an instant."""

    application: Application
    policy: Policy
    known: Mapping[str, Known]
    # The same as the policy reads it.
    values: Facts
    # What a person of the seller asks for.
    by_desk: Sequence[str]
    # What is odd about it, with its evidence; as far as the policy knows of it, part of the values.
    features: Sequence[Feature]
    # How it has paid, and what its group owes.
    own: Facts
    at: datetime
    beside: Around
    # What it was compared with last; None: it never was.
    look: Look | None


def read(
    policy: Policy,
    known: Mapping[str, Known],
    where: Application | Registered,
    features: Sequence[Feature],
    own: Facts,
    *,
    at: datetime,
) -> dict[str, Value | None]:
    """What is decided by, as the policy reads it; what is too old, and what it cannot read, is not known.

    What we know ourselves (`own`) nobody else says.
    """
    values: dict[str, Value | None] = {
        feature.key: feature.value for feature in features if feature.key in policy.facts
    }
    values["country"] = where.country
    for key, one in known.items():
        kind, fact = policy.facts.get(key), one.counts(at)
        if kind is None or fact is None or not fact.is_valid(at):
            continue
        try:
            values[key] = parse_value(kind, fact.value, where.currency)
        except Refusal:
            values[key] = None
    return {**values, **own}


async def save(
    tx: Tx, origin: Origin, application: Application, policy: Policy, given: Sequence[tuple[str, str]], *, by: str
) -> list[NotSaved]:
    """Keep answers, each by itself; the company is held. Announce what is known now, never its value."""
    provenance = domain.CLERK if by.startswith("user:") else domain.APPLICANT
    saved: dict[str, Fact] = {}
    refused = []
    for key, text in given:
        try:
            kind = answerable(policy, key)
            value = _normal(key, text.strip(), application.country)
            parse_value(kind, value, application.currency)
            saved[key] = Fact(key, value, provenance, by, tx.at, valid_until(kind, tx), is_personal=kind.personal)
        except Refusal as refusal:
            refused.append(NotSaved(key, refusal.code, refusal.message))
    for key in saved.keys() & SHOWN_OF.keys():
        await store.end_shown(tx, application.tenant, application.account_id, saved[key], SHOWN_OF[key])
    await keep(tx, origin, application, list(saved.values()))
    return refused


def _normal(key: str, text: str, country: str) -> str:
    """A value in the form in which it is kept and compared; refuse what is no number, address or account of its kind."""
    form = _FORMS.get(key)
    return form(text, country) if form is not None else text


def _website(text: str, _country: str) -> str:
    """As it was typed, if it is one."""
    contacts.website(text)
    return text


_FORMS: Mapping[str, Callable[[str, str], str]] = {
    "register_number": numbers.register_number,
    "register_court": lambda text, _country: numbers.court(text),
    "vat_id": numbers.vat_id,
    "contact_email": lambda text, _country: contacts.email(text).address,
    "contact_phone": contacts.phone,
    "website": _website,
    "iban": lambda text, _country: banks.account(text).iban,
}


def valid_until(kind: FactKind, tx: Tx) -> datetime | None:
    """Until when a fact of this kind that is given now holds."""
    return tx.at + timedelta(days=kind.valid_days) if kind.valid_days is not None else None


def answerable(policy: Policy, key: str) -> FactKind:
    """What an applicant may say of it; refuse what nobody asks."""
    kind = policy.facts.get(key)
    if kind is None or not kind.given or key in STEPS:
        raise Invalid("fact.unknown", f"{quoted(key)} is nothing that an applicant is asked")
    return kind


async def keep(tx: Tx, origin: Origin, application: Application, facts: Sequence[Fact]) -> None:
    """Write what is known of a company that is held, and tell that it is, never what."""
    await store.add_facts(tx, application.tenant, application.account_id, facts)
    await outbox.add(
        tx,
        [
            _tell(
                origin,
                application,
                events_pb2.FactGiven(
                    application_id=application.application_id,
                    account_id=application.account_id,
                    key=fact.key,
                    provenance=fact.provenance,
                ),
            )
            for fact in facts
        ],
    )


async def ask(tx: Tx, origin: Origin, application: Application, keys: Collection[str]) -> None:
    """Ask a company that is held for what nobody has asked; the caller knows that nothing valid is known of it."""
    if new := await store.ask(tx, application, keys, ENGINE):
        await _tell_wanted(tx, origin, application, new, ENGINE)


async def ask_for_one(tx: Tx, origin: Origin, application: Application, key: str) -> None:
    """A person asks for one fact, and waits for it; what the engine asks for already is the same question."""
    await store.take_over_question(tx, application, key, origin.actor)
    await store.ask(tx, application, [key], origin.actor)
    await _tell_wanted(tx, origin, application, [key], origin.actor)


async def _tell_wanted(tx: Tx, origin: Origin, application: Application, keys: Sequence[str], by: str) -> None:
    wanted = events_pb2.FactWanted(
        application_id=application.application_id, account_id=application.account_id, keys=keys[:100], asked_by=by
    )
    await outbox.add(tx, [_tell(origin, application, wanted)])


def standing(known: Mapping[str, Known]) -> list[Fact]:
    """The facts behind what is known."""
    return [fact for one in known.values() for fact in (one.given, one.told) if fact is not None]


def wanted_of_sources(ground: Ground) -> sources.Question:
    """What sources are asked: what none of them has told, or not lately; each is told what its setting says it may be."""
    currency, at = ground.application.currency, ground.at
    subject = {
        key: fact.value
        for key, one in ground.known.items()
        if (fact := one.counts(at)) is not None and fact.is_valid(at)
    }
    wanted = {
        key: partial(parse_value, kind, currency=currency)
        for key, kind in ground.policy.facts.items()
        if (one := ground.known.get(key)) is None or one.told is None or not one.told.is_valid(at)
    }
    return sources.Question(subject | {"country": ground.application.country, "currency": currency}, wanted, at)


def told_by_sources(ground: Ground, gathered: sources.Gathered, at: datetime) -> list[Fact]:
    """What sources told, as facts; that there is none is no fact."""
    found = []
    for told in gathered.found:
        kind = ground.policy.facts.get(told.key)
        if kind is None or not told.value:
            continue
        until = told.valid_until
        if until is None and kind.valid_days is not None:
            until = at + timedelta(days=kind.valid_days)
        source = f"service:source-{told.source}"
        evidence = told.evidence[:200]
        found.append(Fact(told.key, told.value, told.source, source, at, until, evidence, kind.personal))
    return found


def questions(ground: Ground) -> list[Question]:
    """What the applicant is asked now: what a person asks for, what the policy wants, what two say differently."""
    policy, known, currency = ground.policy, ground.known, ground.application.currency
    asked = dict.fromkeys((key for key in ground.by_desk if key in policy.facts), Asked("", required=True))
    for one in underwriting.questions(policy, ground.values, on=ground.at.date(), currency=currency):
        asked.setdefault(one.key, one)
    for key, about in known.items():
        kind = policy.facts.get(key)
        if about.is_conflict and kind is not None and kind.given and not kind.secret:
            asked.setdefault(key, Asked(key, required=False))
    return [_question(policy.facts[key], known.get(key), one) for key, one in asked.items()]


def _question(kind: FactKind, known: Known | None, asked: Asked) -> Question:
    given, told = (known.given, known.told) if known is not None else (None, None)
    conflict = known is not None and known.is_conflict
    older = given or told
    return Question(
        key=kind.key,
        kind=kind.kind.value,
        required=asked.required,
        known=older.value if older is not None else "",
        other=told.value if conflict and told is not None else "",
        other_source=told.provenance if conflict and told is not None else "",
        choices=kind.choices,
        alternative=asked.alternative,
    )


def _tell(origin: Origin, application: Application, body: events_pb2.FactGiven | events_pb2.FactWanted) -> Announcement:
    return Announcement(origin, application.account_id, f"application/{application.application_id}", body)
