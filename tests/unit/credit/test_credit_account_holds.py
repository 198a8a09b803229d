"""Holds on accounts: which orders they stop, and until when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.credit.domain import decisions
from services.credit.domain.account_holds import AccountHold
from services.credit.domain.decisions import Outcome
from services.kernel.orders import Scope
from services.kernel.refusals import Invalid
from tests.unit.credit.books import KEY, NOW, a_book, a_request

WHOLE = AccountHold("acme", "h1", "b1", Scope(), "overdue", "since March", "user:ada", None)
ORDER = Scope("north", "cc1", "po1")


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (Scope(), True),
        (Scope(site="north"), True),
        (Scope(cost_centre="cc1", purchase_order="po1"), True),
        (ORDER, True),
        (Scope(site="south"), False),
        (Scope(site="north", cost_centre="cc2"), False),
        (Scope(purchase_order="po"), False),
    ],
)
def test_a_hold_covers_an_order_of_which_each_part_that_it_names_is_the_same(scope: Scope, covered: bool):
    book = a_book()
    book.account_holds[KEY] = [replace(WHOLE, scope=scope)]

    decision, _ = decisions.decide(book, replace(a_request(), scope=ORDER), NOW)

    assert (decision.outcome is Outcome.DECLINED) is covered
    assert decision.reasons == (("account_on_hold",) if covered else ("within_limit",))


def test_an_order_of_no_part_is_stopped_by_a_hold_of_the_whole_only():
    assert WHOLE.covers(Scope())
    assert not replace(WHOLE, scope=Scope(site="north")).covers(Scope())


def test_a_hold_whose_time_is_over_stops_nothing_though_nobody_has_lifted_it():
    book = a_book()
    book.account_holds[KEY] = [replace(WHOLE, until=NOW)]
    assert decisions.decide(book, a_request("o1"), NOW)[0].outcome is Outcome.APPROVED

    book.account_holds[KEY] = [replace(WHOLE, until=NOW + timedelta(microseconds=1))]
    assert decisions.decide(book, a_request("o2"), NOW)[0].outcome is Outcome.DECLINED


@pytest.mark.parametrize(
    ("until", "code"),
    [
        (NOW, "hold.until_past"),
        (NOW - timedelta(days=1), "hold.until_past"),
        (datetime(1, 1, 1, tzinfo=UTC), "hold.until_past"),
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "hold.until_out_of_range"),
    ],
)
def test_a_hold_ends_in_the_future_that_calendars_have(until: datetime, code: str):
    with pytest.raises(Invalid) as refused:
        replace(WHOLE, until=until).check(NOW)
    assert refused.value.code == code
