"""An outside shop prices orders as the invoices will be, and tells the same fact under the same id."""

from datetime import UTC, date, datetime
from decimal import Decimal

from deploy.demo import orders, sample
from deploy.demo.orders import Line, Order, Party
from deploy.demo.shop import event_id, headers_of

GERMAN = Party("DE", "DE271828106")
BRITISH = Party("GB", "GB314159228")


def an_order(*lines: tuple[str, str], currency: str = "GBP", on: date = date(2010, 12, 1)) -> Order:
    priced = [Line(str(n), "SKU", "Thing", Decimal(q), Decimal(p)) for n, (q, p) in enumerate(lines, 1)]
    return Order("o1", "b1", currency, on, on, priced)


def test_taxes_are_those_of_the_day() -> None:
    at_home = Party("GB", "")

    placed = orders.placed(an_order(("1", "100")), BRITISH, at_home)
    later = orders.placed(an_order(("1", "100"), on=date(2011, 2, 1)), BRITISH, at_home)

    assert (placed.net_minor, placed.tax_minor, placed.gross_minor) == (100_00, 17_50, 117_50)
    assert later.tax_minor == 20_00


def test_tax_is_rounded_once_for_each_rate_and_not_by_line() -> None:
    placed = orders.placed(an_order(("1", "0.13"), ("1", "0.13"), ("1", "0.13")), BRITISH, Party("GB", ""))

    assert placed.tax_minor == 7  # 0.39 x 17.5 % = 0.06825; by line it would be 3 x 0.02


def test_goods_that_leave_the_country_are_untaxed() -> None:
    assert orders.placed(an_order(("1", "100")), GERMAN, Party("FR", "FR96552100554")).tax_minor == 0
    assert orders.placed(an_order(("1", "100")), GERMAN, Party("US", "")).tax_minor == 0


def test_yen_have_no_minor_unit() -> None:
    placed = orders.placed(an_order(("3", "100.5"), currency="JPY"), GERMAN, Party("JP", ""))

    assert (placed.net_minor, placed.gross_minor) == (302, 302)


def test_a_shipment_names_all_lines_unless_it_is_told_which() -> None:
    placed = orders.placed(an_order(("2", "10"), ("3", "10")), BRITISH, Party("GB", ""))

    whole = orders.shipped(placed, "s1", date(2010, 12, 2))
    part = orders.shipped(placed, "s2", date(2010, 12, 2), [("2", "1")], final=False)

    assert [(line.line_id, line.quantity) for line in whole.lines] == [("1", "2"), ("2", "3")]
    assert ([(line.line_id, line.quantity) for line in part.lines], part.final) == ([("2", "1")], False)


def test_the_same_fact_has_the_same_id_whenever_it_is_told() -> None:
    assert event_id("t", "OrderPlaced", "o1/1") == event_id("t", "OrderPlaced", "o1/1")
    assert event_id("t", "OrderPlaced", "o1/1") != event_id("u", "OrderPlaced", "o1/1")
    assert headers_of("x.Y", "t", "o1", at=datetime(2026, 3, 2, tzinfo=UTC), ce_id="e")["ce_subject"] == "order/o1"


def test_the_sample_is_what_the_issue_asks_for() -> None:
    business = sample.load()

    placed = [order for step in business.steps for _, order in step.orders]
    told = [what for step in business.steps for what in step.happenings]
    assert {s.company.address.country for s in business.sellers} == {"DE", "GB"}
    assert len(business.buyers) in range(18, 25)
    assert len({b.company.address.country for b in business.buyers}) >= 8
    assert {b.currency for b in business.buyers} == {"EUR", "GBP", "SEK", "USD", "JPY"}
    assert {c.language for c in business.contacts} == {"en", "de", "sv"}
    assert any(c.email.startswith("bounce") for c in business.contacts)
    assert len({order.order_id for order in placed}) >= 60
    assert any(order.version == 2 for order in placed)
    assert {w.what for w in told} >= {
        "ship",
        "cancel",
        "approve",
        "decline",
        "pay",
        "bank",
        "dispute",
        "resolve",
        "bad",
        "apply",
        "accept",
        "decide",
        "appeal",
        "reconsider",
        "want",
        "group",
    }
    known = {(b.tenant, b.account) for b in business.buyers}
    known |= {(a.tenant, a.application) for a in business.applications}
    assert [o.account_id for s in business.steps for t, o in s.orders if (t, o.account_id) not in known] == ["N-999"]


def test_the_first_days_alone_can_be_played() -> None:
    days = {step.at.date() for step in sample.load(days=3).steps}

    assert days == {date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)}
