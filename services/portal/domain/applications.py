"""An application as the seller's desk sees it: what can be done with it, by whom, and what is known of its company."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from services.kernel.money import Money
from services.kernel.refusals import Refusal
from services.portal.domain.people import Person

_AMOUNT = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,3})? [A-Z]{3}", re.ASCII)
# What a person does with an application, by its state. The words are the contract's without APPLICATION_STATE_.
ACTS: Mapping[str, Sequence[str]] = {
    "REFERRED": ("TAKE_UP",),
    "APPEALED": ("TAKE_UP",),
    "IN_REVIEW": ("TAKE_UP", "DECIDE", "ASK"),
    "WAITING_FOR_FACTS": ("ASK",),
    "PROPOSED": ("CONFIRM",),
}
# Done by whoever sees to it, and by nobody else.
OWNERS = frozenset({"DECIDE", "ASK"})


def is_theirs(person: Person, actor: str) -> bool:
    """Whether somebody, or for whom they stand in, is the one who did something ("user:b for user:a")."""
    return bool({person.subject, person.on_behalf_of} & set(actor.split(" for ")) - {""})


def acts(state: str, *, is_owner: bool) -> list[str]:
    """What somebody with the roles for it can do now: whoever sees to it need not take it up, others do so first."""
    left_out = frozenset({"TAKE_UP"}) if is_owner else OWNERS
    return [act for act in ACTS.get(state, ()) if act not in left_out]


def nearness(application: Any, now: datetime) -> str:
    """LATE after the last promised instant, AT_RISK after the usual one, else ON_TRACK; "" where nothing is promised."""
    if not application.HasField("latest_by"):
        return ""
    usually, latest = (stamp.ToDatetime(UTC) for stamp in (application.usually_by, application.latest_by))
    return "LATE" if latest < now else "AT_RISK" if usually < now else "ON_TRACK"


def name_of(facts: Iterable[Any]) -> str:
    """What the company is called; "" where that is not known."""
    return next((str(fact.value) for fact in facts if fact.key == "company_name"), "")


def asked_for(facts: Iterable[Any]) -> Money | None:
    """The amount that is asked for; None where it is not known."""
    return amount(next((fact.value for fact in facts if fact.key == "requested_amount"), ""))


def amount(said: str) -> Money | None:
    """A fact's value as an amount ("1200.00 EUR"), if it is one."""
    if not _AMOUNT.fullmatch(said):
        return None
    number, _, currency = said.partition(" ")
    try:
        return Money.of(Decimal(number), currency)
    except Refusal:
        return None


def by_key(facts: Iterable[Any]) -> dict[str, list[Any]]:
    """What is known of a company, each datum with all who say something of it."""
    found: dict[str, list[Any]] = defaultdict(list)
    for fact in facts:
        found[fact.key].append(fact)
    return found


def differs(said: Sequence[Any]) -> bool:
    """Whether two say different things of one datum."""
    return len({" ".join(fact.value.casefold().split()) for fact in said}) > 1
