"""Who takes over what, who answers for an account, and what somebody decides."""

from datetime import date

import pytest

from services.kernel.orders import Scope
from services.kernel.refusals import Conflict, Invalid, Refusal
from services.notifications.domain.contacts import Contact
from services.notifications.domain.influence import Influence, influence, suggested
from services.notifications.domain.roles import Role
from services.notifications.domain.succession import succeed
from services.notifications.domain.teams import PICTURE_MAX, Away, Face, Team, check, face, media_type
from tests.unit.notifications.samples import a_colleague, a_person

CLEO = a_person("cleo", Role.AP_CLERK, Role.LEGAL, wants_document=True)
ROB = a_person("rob", Role.REQUESTER, Role.LEGAL)
SAM, TIA, UMA = (a_colleague(one, Role.SALES) for one in ("sam", "tia", "uma"))
THERE = {one.contact_id: one for one in (SAM, TIA, UMA)}
FRIDAY = date(2026, 3, 6)


def test_a_successor_has_the_roles_of_both_and_the_leaver_none():
    left, after = succeed(CLEO, ROB)

    assert after.roles == (Role.REQUESTER, Role.LEGAL, Role.AP_CLERK)
    assert after.wants_document
    assert (left.roles, left.wants_document, left.successor) == ((), False, "rob")


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (Scope("Hamburg"), Scope("Hamburg"), Scope("Hamburg")),
        (Scope("Hamburg"), Scope("Bremen"), Scope()),
        (Scope("Hamburg", "K1"), Scope("Hamburg", "K2"), Scope("Hamburg")),
        (Scope("Hamburg"), Scope(), Scope()),
    ],
)
def test_a_successor_is_of_all_that_both_were_of(one: Scope, other: Scope, both: Scope):
    leaver = a_person("cleo", Role.AP_CLERK, scope=one)

    assert succeed(leaver, a_person("rob", Role.REQUESTER, scope=other))[1].scope == both
    assert succeed(leaver, a_person("new", scope=other))[1].scope == one  # who was nothing yet is what the leaver was


@pytest.mark.parametrize(
    ("leaver", "successor", "code"),
    [
        (CLEO, CLEO, "contact.succeeds_oneself"),
        (CLEO, a_person("far", Role.AP_CLERK, account_id="other"), "contact.successor_elsewhere"),
        (CLEO, SAM, "contact.successor_elsewhere"),
        (CLEO, a_person("gone", Role.AP_CLERK, suspended=True), "contact.successor_unreachable"),
        (a_person("left"), ROB, "contact.nothing_to_hand_over"),
    ],
)
def test_not_everybody_can_hand_over_to_everybody(leaver: Contact, successor: Contact, code: str):
    with pytest.raises((Invalid, Conflict)) as refused:
        succeed(leaver, successor)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("team", "away", "there", "answers"),
    [
        (Team("sam", "tia"), [], "sam tia uma", Face("sam")),
        (Team("sam", "tia"), [Away("sam", "uma", FRIDAY)], "sam tia uma", Face("uma", "sam", FRIDAY)),
        (Team("sam", "tia"), [Away("sam", "uma", FRIDAY)], "sam tia", Face("tia", "sam", FRIDAY)),
        (Team("sam", "tia"), [], "tia", Face("tia", "sam")),
        (Team("sam", ""), [Away("sam", "gone", FRIDAY)], "sam", Face("sam")),
        (Team("sam", "tia"), [Away("sam", "tia", FRIDAY), Away("tia", "uma", FRIDAY)], "sam tia uma", Face("sam")),
        (Team("sam", ""), [], "tia", None),
        (Team(), [], "sam", None),
    ],
)
def test_somebody_who_is_there_answers(team: Team, away: list[Away], there: str, answers: Face | None):
    assert face(team, away, {one: THERE[one] for one in there.split()}) == answers


@pytest.mark.parametrize(
    ("team", "code"),
    [
        (Team("", "tia"), "team.without_owner"),
        (Team("sam", "sam"), "team.oneself"),
        (Team("cleo", ""), "team.not_ours"),
        (Team("nobody", ""), "team.not_ours"),
        (Team("left", ""), "team.not_ours"),
    ],
)
def test_a_team_is_two_of_the_sellers_people(team: Team, code: str):
    people = THERE | {"cleo": CLEO, "left": a_colleague("left")}
    with pytest.raises(Refusal) as refused:
        check(team, people)
    assert refused.value.code == code
    assert check(Team("sam", "tia"), people) == Team("sam", "tia")
    assert check(Team(), people) == Team()


def test_a_picture_is_what_it_begins_as_and_not_too_large():
    assert media_type(b"\xff\xd8\xff\xe0") == "image/jpeg"
    assert media_type(b"\x89PNG\r\n\x1a\n") == "image/png"
    for content, code in ((b"<svg>", "picture.format"), (b"\xff\xd8\xff" + b"x" * PICTURE_MAX, "picture.too_large")):
        with pytest.raises(Invalid) as refused:
            media_type(content)
        assert refused.value.code == code


def test_what_somebody_decides_is_said_or_follows_from_their_roles():
    assert suggested([Role.AP_CLERK, Role.FINANCE_LEAD]) is Influence.DECIDER
    assert suggested([Role.AP_MANAGER, Role.REQUESTER]) is Influence.INFLUENCER
    assert suggested([Role.RECEIVING]) is Influence.USER
    assert (influence("DECIDER"), influence("")) == ("DECIDER", "")
    with pytest.raises(Invalid):
        influence("KING")
