"""What forms cost whoever sends them, and what they may."""

from datetime import UTC, datetime

import pytest

from services.portal import pages
from services.portal.domain import effort, feedback
from services.portal.domain.effort import BUDGETS, FIGURES, FORMS, Spent
from services.portal.web import ROUTES

pages.load()
OPENS = FORMS["/invoices/{number}/dispute"]


def test_a_case_that_is_opened_costs_two_clicks_and_what_is_written():
    said = {"once": "x", "reason": "QTY_SHORT", "amount": "119.00", "line": "1", "description": " Two missing. "}

    assert effort.spent(OPENS, said, 1) == Spent(2, frozenset({"description"}), 1)
    assert effort.spent(OPENS, said | {"description": " "}, 0) == Spent(2, frozenset(), 0)


def test_an_application_costs_each_field_once_and_what_saves_one_as_it_is_left_is_no_click():
    said = {"fact-company_name": "Acme", "fact-vat_id": "", "fact-owners": "Jane", "only": "owners"}

    one = effort.spent(FORMS["/apply/{token}/field"], said, 0)
    assert one == Spent(0, frozenset({"fact-owners"}), 0)
    assert effort.spent(FORMS["/apply/{token}"], said, 0) == Spent(
        1, frozenset({"fact-company_name", "fact-owners"}), 0
    )


def test_a_field_that_no_form_of_ours_has_counts_as_nothing():
    said = {f"fact-{'x' * 80}": "1", "fact-\u202e": "1", "another": "1"}

    assert effort.spent(FORMS["/apply/{token}"], said, 0) == Spent(1, frozenset(), 0)
    many = {f"fact-f{n}": "1" for n in range(500)}
    assert len(effort.spent(FORMS["/apply/{token}"], many, 0).fields) == effort.FIELDS_MOST


def test_each_form_that_counts_is_one_that_is_sent_and_each_process_has_a_budget_for_each_figure():
    assert {route.path for route in ROUTES if route.method == "POST"} >= FORMS.keys()
    assert {form.process for form in FORMS.values()} == BUDGETS.keys()
    assert all(set(budget) == set(FIGURES) for budget in BUDGETS.values())


@pytest.mark.parametrize(("clicks", "is_over"), [(3.0, False), (3.1, True)])
def test_what_costs_more_than_it_may_is_seen_and_what_is_not_known_is_not(clicks: float, is_over: bool):
    first, *others = effort.figures("dispute", {"clicks": clicks}, {"fields": 1.0})

    assert (first.name, first.is_over, first.before) == ("clicks", is_over, None)
    assert not any(one.is_over for one in others)


def test_answers_are_drawn_from_the_oldest_to_the_newest_and_the_best_highest():
    marks = feedback.marks([(datetime(2026, 3, 12, tzinfo=UTC), 2), (datetime(2026, 3, 2, tzinfo=UTC), 9)])

    assert [mark.is_low for mark in marks] == [False, True]
    assert marks[0].x < marks[1].x
    assert marks[0].y < marks[1].y
    assert feedback.marks([]) == []
    assert len(feedback.marks([(datetime(2026, 3, 2, tzinfo=UTC), 9)])) == 1
