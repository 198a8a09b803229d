"""Whose word a mail is, and which addresses are ours."""

from datetime import UTC, datetime

import pytest

from services.kernel.orders import Scope
from services.notifications.domain.journeys import Journey
from services.notifications.domain.post import Claim, Reply, claim, code_of, door
from services.notifications.domain.roles import Role
from tests.unit.notifications.samples import ACCOUNT, TENANT, a_colleague, a_person

JOURNEY = Journey(TENANT, "invoice/i1", ACCOUNT, datetime(2026, 3, 2, tzinfo=UTC))
CLEO = a_person("cleo", Role.AP_CLERK)
DIS = a_colleague("dis", Role.DISPUTE_OWNER)


def whose(*people: object, vouched: bool = False, must: bool = False) -> Claim:
    return claim(Reply("x@x.example", "Hello", vouched=vouched), JOURNEY, people, must_vouch=must)  # type: ignore[arg-type]


def test_a_buyers_person_is_believed_by_the_address_until_somebody_vouches():
    assert whose(CLEO) == Claim("contact:cleo", proven=True)
    assert whose(CLEO, must=True) == Claim("contact:cleo", proven=False)
    assert whose(CLEO, must=True, vouched=True) == Claim("contact:cleo", proven=True)


def test_the_sellers_word_is_never_believed_by_the_address_alone():
    assert whose(DIS) == Claim("user:dis", proven=False)
    assert whose(DIS, must=True) == Claim("user:dis", proven=False)
    assert whose(DIS, must=True, vouched=True) == Claim("user:dis", proven=True)


@pytest.mark.parametrize(
    "person",
    [
        a_person("bob", Role.AP_CLERK, account_id="globex"),
        a_person("gone"),
        a_person("north", Role.AP_CLERK, scope=Scope(site="NORTH")),
    ],
)
def test_who_may_not_see_it_does_not_write_there(person: object):
    assert whose(person) == Claim("", proven=False)
    assert whose(person, CLEO) == Claim("contact:cleo", proven=True)


def test_nobody_has_the_address():
    assert whose() == Claim("", proven=False)


@pytest.mark.parametrize(
    ("local", "found"),
    [
        (f"case+{'a' * 32}", ("case", "a" * 32)),
        (f"BOUNCE+{'A1' * 16}", ("bounce", "a1" * 16)),
        (f"case+{'a' * 31}", None),
        (f"case+{'g' * 32}", None),
        (f"case+{'a' * 32}\n", None),
        ("case+", None),
        ("postmaster", None),
    ],
)
def test_an_address_of_ours_has_a_token(local: str, found: tuple[str, str] | None):
    assert door(local) == found


def test_the_code_is_what_the_server_said():
    assert [code_of(said) for said in ("smtp; 554 5.7.1 no", "x 5501", "")] == [554, 550, 550]
