"""What the desk of applications shows: acts by state and person, amounts, what differs, what changes in a policy."""

import pytest
from receivables.credit.v1 import applications_pb2

from services.credit.domain.applications import MOVES, Action, By, State
from services.kernel import credit_reasons
from services.kernel.money import Money
from services.portal import rights
from services.portal.domain import applications, policies
from services.portal.domain.people import Person
from services.portal.domain.policies import Line
from services.portal.labels import LABELS
from services.portal.looks import Words

ADA = Person("acme", "ada", "", "Ada", frozenset({"CREDIT"}), "en")
BOB_FOR_ADA = Person("acme", "bob", "", "Bob", frozenset({"CREDIT"}), "en", on_behalf_of="user:ada")
# How the desk calls what credit calls by its outcome.
SHOWN = {Action.DECIDE: "DECIDE", Action.PROPOSE: "DECIDE", Action.CONFIRM: "CONFIRM", Action.SEND_BACK: "CONFIRM"}


def fact(key: str, value: str, provenance: str = "applicant") -> applications_pb2.Fact:
    return applications_pb2.Fact(key=key, value=value, provenance=provenance)


def test_each_state_offers_the_moves_that_credit_allows_the_desk_and_no_other():
    allowed = {
        state: {
            SHOWN.get(action, action.value) for (of, action), (_, by) in MOVES.items() if of is state and By.DESK in by
        }
        for state in State
    }
    assert {state: set(applications.ACTS.get(state, ())) for state in State} == allowed


@pytest.mark.parametrize(
    ("state", "is_owner", "acts"),
    [
        ("REFERRED", False, ["TAKE_UP"]),
        ("IN_REVIEW", False, ["TAKE_UP"]),
        ("IN_REVIEW", True, ["DECIDE", "ASK"]),
        ("PROPOSED", False, ["CONFIRM"]),
        ("DECIDED", True, []),
    ],
)
def test_who_sees_to_it_decides_and_others_take_it_up_first(state: str, is_owner: bool, acts: list[str]):
    assert applications.acts(state, is_owner=is_owner) == acts


@pytest.mark.parametrize(
    ("actor", "theirs"),
    [
        ("user:ada", (True, True)),
        ("user:bob for user:cy", (False, True)),
        ("user:cy", (False, False)),
        ("", (False, False)),
    ],
)
def test_what_is_done_for_somebody_is_theirs_and_of_who_does_it(actor: str, theirs: tuple[bool, bool]):
    assert (applications.is_theirs(ADA, actor), applications.is_theirs(BOB_FOR_ADA, actor)) == theirs


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        ("1200.50 EUR", Money(120_050, "EUR")),
        ("24000 JPY", Money(24_000, "JPY")),
        ("12 RUE", None),
        ("12", None),
        ("1,200 EUR", None),
        ("99999999999999999 EUR", None),
    ],
)
def test_an_amount_is_told_from_what_only_looks_like_one(said: str, amount: Money | None):
    assert applications.amount(said) == amount


def test_two_sources_that_say_the_same_in_other_letters_do_not_differ():
    assert not applications.differs([fact("company_name", "Muster GmbH"), fact("company_name", "MUSTER  gmbh")])
    assert applications.differs([fact("company_name", "Muster GmbH"), fact("company_name", "Muster AG")])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("true", "Ja"),
        ("1200.00 EUR", "1.200,00 €"),
        ("2026-03-01", "01.03.2026"),
        ("2026-02-31", "2026-02-31"),
        ("HRB 1", "HRB 1"),
    ],
)
def test_a_fact_is_written_as_people_read_it(value: str, said: str):
    assert Words("de").fact(value).replace("\xa0", " ") == said


def test_a_reason_has_its_figures_or_is_said_shortly():
    figures = {"requested": "9000.00 EUR", "need": "2400.00 EUR"}
    told = applications_pb2.Reason(code="R04")
    assert Words("en").reason(told).because == "More than the orders call for"
    told.figures.extend(applications_pb2.Figure(name=name, value=value) for name, value in figures.items())
    assert Words("en").reason(told).because == "You asked for €9,000.00; what you buy calls for €2,400.00."
    missing = applications_pb2.Reason(
        code="R12", figures=[applications_pb2.Figure(name="facts", value="owners signer")]
    )
    assert Words("en").reason(missing).because == "Still missing: Owners above 25 % and Who signs."
    assert Words("sv").reason(applications_pb2.Reason(code="R99")).because == "R99"


def test_every_reason_that_a_person_can_choose_has_short_words():
    assert {f"reason {code}" for code in credit_reasons.CODES - set(credit_reasons.PRIVATE.values())} <= LABELS.keys()


def test_what_changes_is_shown_with_what_stands_beside_it():
    before = "\n".join(f"line {n}" for n in range(20))
    assert policies.changes(before, before) == []
    assert policies.changes(before, before.replace("line 9", "line nine")) == [
        Line("…", ""),
        *(Line(" ", f"line {n}") for n in (6, 7, 8)),
        Line("-", "line 9"),
        Line("+", "line nine"),
        *(Line(" ", f"line {n}") for n in (10, 11, 12)),
    ]
    assert policies.changes("--- a", "+++ b") == [Line("…", ""), Line("-", "--- a"), Line("+", "+++ b")]


def test_an_act_is_shown_to_whom_the_contract_lets_do_it():
    assert rights.may(ADA, "applications", "DecideApplication")
    auditor = Person("acme", "eve", "", "Eve", frozenset({"AUDITOR"}), "en")
    assert not rights.may(auditor, "applications", "DecideApplication")
    assert rights.may(auditor, "policies", "ListPolicyTexts")
