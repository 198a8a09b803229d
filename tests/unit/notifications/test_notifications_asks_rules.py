"""Who is asked next where nobody does what was asked, and when nobody is asked any more."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from receivables.disputes.v1 import events_pb2 as disputes

from services.kernel.calendars import Calendar
from services.kernel.orders import Scope
from services.notifications.domain.asks import Ask, Level, StandIns, begin, closes, go_on, handed_over, is_done, role_of
from services.notifications.domain.contacts import Contact
from services.notifications.domain.journeys import Journey, Leg
from services.notifications.domain.matrix import Kind, Weight
from services.notifications.domain.roles import Role
from services.notifications.domain.routing import Recipient
from services.notifications.domain.stories import Moment, Story
from tests.unit.notifications.samples import (
    FIVE,
    NOW,
    TENANT,
    a_colleague,
    a_person,
    decided,
    dispute_moved,
    invoice,
    our_own,
    shipped,
    story_of,
)

HAMBURG = Scope(site="Hamburg")
CLEO = a_person("cleo", Role.AP_CLERK)
SAM = a_colleague("sam", Role.SALES)
EVERYBODY = [
    CLEO,
    a_person("clio", Role.AP_CLERK),
    a_person("stan", Role.REQUESTER),
    a_person("ada", Role.ACCOUNT_ADMIN),
    a_person("eve", Role.EXEC_SPONSOR),
    a_person("bob", Role.PROCUREMENT),
]


def the(story: Story | None) -> Story:
    assert story is not None
    return story


def asked(story: Story | None, *people: Contact) -> Ask | None:
    return begin(the(story), [Recipient(one, Weight.ACT, one.roles[0]) for one in people], NOW)


def an_ask(**changes: Any) -> Ask:
    ask = asked(story_of(invoice()), CLEO)
    assert ask is not None
    return replace(ask, **changes)


def on(day: int) -> Moment:
    return Moment(datetime(2026, 4, day, 7, tzinfo=UTC), Calendar("Europe/Berlin"), FIVE)


def asked_in_turn(
    people: Sequence[Contact] = EVERYBODY,
    stand_ins: StandIns | None = None,
    ask: Ask | None = None,
) -> list[tuple[Level, list[str], datetime | None]]:
    """Level by level, who is asked, until nobody is asked any more."""
    found, ask, now = [], ask or an_ask(), on(2)
    for _ in Level:
        ask, new = go_on(ask, people, stand_ins or {}, (), now)
        if not new:
            break
        found.append((ask.level, [one.contact_id for one in new], ask.next_at))
        if ask.next_at is None:
            break
        now = replace(now, at=ask.next_at)
    return found


def at_eight(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 6, tzinfo=UTC)


def test_one_level_a_business_day_each_once():
    assert asked_in_turn(stand_ins={("cleo", "AP_CLERK"): {"stan"}, ("cleo", "LEGAL"): {"bob"}}) == [
        (Level.SAME_ROLE, ["clio"], at_eight(4, 3)),
        (Level.STAND_IN, ["stan"], at_eight(4, 6)),  # over a weekend
        (Level.ADMIN, ["ada"], at_eight(4, 7)),
        (Level.SPONSOR, ["eve"], None),
    ]


def test_a_level_at_which_nobody_is_costs_no_day():
    people = [CLEO, a_person("eve", Role.EXEC_SPONSOR)]

    assert asked_in_turn(people) == [(Level.SPONSOR, ["eve"], None)]
    assert asked_in_turn([CLEO]) == []


def test_holidays_are_no_business_days():
    easter = Calendar("Europe/Berlin", frozenset({date(2026, 4, 3), date(2026, 4, 6)}))

    ask, new = go_on(an_ask(), EVERYBODY, {}, (), replace(on(2), calendar=easter))
    assert [one.contact_id for one in new] == ["clio"]
    assert ask.next_at == at_eight(4, 7)


@pytest.mark.parametrize(
    "changes",
    [{"suspended": True}, {"roles": ()}, {"scope": HAMBURG}],
)
def test_who_cannot_do_it_is_not_asked(changes: dict[str, object]):
    other = a_person("clio", Role.AP_CLERK, **changes)

    assert asked_in_turn([CLEO, other]) == []


def test_of_a_site_the_people_of_that_site_are_asked_and_of_no_other():
    there, elsewhere = (a_person(site, Role.AP_CLERK, scope=Scope(site=site)) for site in ("Hamburg", "Bremen"))

    assert asked_in_turn([CLEO, there, elsewhere], ask=an_ask(scopes=(HAMBURG,))) == [
        (Level.SAME_ROLE, ["Hamburg"], at_eight(4, 3))
    ]


def test_who_was_asked_of_the_same_subject_today_waits_until_tomorrow_and_so_does_the_level():
    ask, new = go_on(an_ask(), [CLEO, a_person("ada", Role.ACCOUNT_ADMIN)], {}, {"ada"}, on(2))
    assert (new, ask.level, ask.next_at) == ([], Level.FIRST, at_eight(4, 3))

    ask, [one] = go_on(ask, [CLEO, a_person("ada", Role.ACCOUNT_ADMIN)], {}, (), on(3))
    assert (one.contact_id, ask.level) == ("ada", Level.ADMIN)


def test_who_was_asked_first_in_the_place_of_a_vacant_role_is_not_asked_again():
    ask = asked(story_of(invoice()), a_person("ada", Role.ACCOUNT_ADMIN))

    assert asked_in_turn([a_person("ada", Role.ACCOUNT_ADMIN)], ask=ask) == []


def test_each_is_asked_as_who_they_are():
    ask = an_ask(level=Level.STAND_IN)

    assert role_of(a_person("stan", Role.REQUESTER), ask) is Role.REQUESTER
    assert role_of(a_person("both", Role.ACCOUNT_ADMIN, Role.AP_CLERK), ask) is Role.AP_CLERK
    both = a_person("both", Role.ACCOUNT_ADMIN, Role.AP_CLERK)
    assert role_of(both, replace(ask, level=Level.ADMIN)) is Role.ACCOUNT_ADMIN


def test_it_is_looked_at_in_the_morning_after_the_day_is_over():
    ask = an_ask()

    assert (ask.by_when, ask.next_at) == (date(2026, 4, 1), at_eight(4, 2))
    assert (ask.role, [one.contact_id for one in ask.asked]) == (Role.AP_CLERK, ["cleo"])


def test_what_asks_nothing_of_the_buyer_or_lapses_by_itself_does_not_escalate():
    assert asked(story_of(decided()), CLEO) is None
    assert asked(story_of(shipped()), CLEO) is None
    assert asked(our_own(Kind.COLLEAGUE_UNREACHABLE, contact="c1", roles=("SALES",)), SAM) is None


def test_a_question_is_for_the_one_who_knows():
    ask = asked(story_of(dispute_moved(disputes.STATE_AWAITING_CUSTOMER, "a photo")), CLEO)

    assert ask is not None
    assert ask.role in (Role.RECEIVING, Role.REQUESTER, Role.AP_CLERK)


def a_journey(about: str, ended: str = "", **legs: bool) -> Journey:
    done = {code: Leg(done_at=NOW.at if is_done_ else None) for code, is_done_ in legs.items()}
    return Journey(TENANT, about, "acme", NOW.at, ended=ended, legs=done)


@pytest.mark.parametrize(
    ("journey", "is_over"),
    [
        (a_journey("invoice/i1", INVOICED=True), False),
        (a_journey("invoice/i1", INVOICED=True, PAID=True), True),
        (a_journey("invoice/i1", "CREDITED", INVOICED=True), True),
        (a_journey("dispute/d1", ASKED=False), False),
        (a_journey("dispute/d1", ASKED=True), True),
        (a_journey("dispute/d1", "WITHDRAWN"), True),
        (a_journey("order/o1", PLACED=True), False),
        (a_journey("order/o1", DECIDED=True), True),
        (a_journey("payment/p1", RECEIVED=True), False),
    ],
)
def test_it_is_done_by_the_step_of_its_journey_or_by_its_end(journey: Journey, *, is_over: bool):
    assert closes(journey) is is_over
    assert is_done(an_ask(), journey, vacant=(), unreachable=()) is is_over


def test_that_somebody_is_to_be_named_is_done_once_they_are_and_an_address_once_it_is_right():
    vacant = an_ask(kind=Kind.NAME_SOMEBODY, about="buyer/acme")
    gone = an_ask(kind=Kind.CONTACT_UNREACHABLE, about="contact/cleo")

    assert not is_done(vacant, None, vacant={Role.AP_CLERK}, unreachable=())
    assert is_done(vacant, None, vacant=(), unreachable=())
    assert not is_done(gone, None, vacant=(), unreachable={"cleo"})
    assert is_done(gone, None, vacant=(), unreachable={"clio"})
    assert not is_done(an_ask(), None, vacant=(), unreachable=())


def test_what_somebody_took_over_counts_as_asked_of_them():
    ask = handed_over(an_ask(), "cleo", "clio", date(2026, 3, 9))

    assert [(one.contact_id, one.on) for one in ask.asked] == [("clio", date(2026, 3, 9))]
