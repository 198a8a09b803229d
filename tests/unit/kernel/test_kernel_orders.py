"""An order is checked once for whoever reads it: each thing that can be wrong with it has its code."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.money import MINOR_MAX, Money
from services.kernel.orders import LINES_MAX, Address, Order, OrderLine, Scope, check_billable
from services.kernel.refusals import Invalid


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


LINE = OrderLine(
    line_id="1",
    sku="S-1",
    name="Screw",
    quantity=Decimal(3),
    unit="C62",
    unit_price=Decimal("0.335"),
    net=eur(101),
    tax_class="STANDARD",
)
ORDER = Order(
    order_id="o1",
    version=1,
    account_id="b1",
    placed_on=date(2026, 3, 2),
    promised_ship_on=date(2026, 3, 4),
    lines=(LINE, replace(LINE, line_id="2", quantity=Decimal(2), unit_price=Decimal(5), net=eur(1_000))),
    net=eur(1_101),
    tax=eur(209),
    gross=eur(1_310),
    scope=Scope(),
)
CENT = Decimal("0.01")
MANY = tuple(
    replace(LINE, line_id=str(n), quantity=Decimal(1), unit_price=CENT, net=eur(1)) for n in range(LINES_MAX + 1)
)


def with_line(**changes: object) -> Order:
    return replace(ORDER, lines=(replace(LINE, **changes), ORDER.lines[1]))  # type: ignore[arg-type] # the table's words


def test_an_order_that_adds_up_is_itself() -> None:
    assert ORDER.check() is ORDER


def test_tax_may_be_nothing_and_a_line_free() -> None:
    free = replace(LINE, line_id="3", unit_price=Decimal(0), net=eur(0))

    assert replace(ORDER, lines=(*ORDER.lines, free), tax=eur(0), gross=eur(1_101)).check()


def test_as_many_lines_as_allowed_are_taken() -> None:
    lines = MANY[:LINES_MAX]

    assert replace(ORDER, lines=lines, net=eur(LINES_MAX), tax=eur(0), gross=eur(LINES_MAX)).check()


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (replace(ORDER, order_id=""), "order.incomplete"),
        (replace(ORDER, account_id=""), "order.incomplete"),
        (replace(ORDER, version=0), "order.incomplete"),
        (replace(ORDER, version=-1), "order.incomplete"),
        (replace(ORDER, lines=()), "order.no_lines"),
        (replace(ORDER, lines=MANY), "order.too_large"),
        (replace(ORDER, lines=(LINE, LINE)), "order.line_repeated"),
        (with_line(net=eur(MINOR_MAX + 1)), "money.too_large"),
        (with_line(net=Money(101, "EUX")), "money.unknown_currency"),
        (with_line(quantity=Decimal(0)), "order.quantity_not_positive"),
        (with_line(quantity=Decimal(-3)), "order.quantity_not_positive"),
        (with_line(unit_price=Decimal("-0.335")), "order.price_negative"),
        (with_line(net=eur(100)), "order.line_mismatch"),
        (with_line(net=eur(102)), "order.line_mismatch"),
        (replace(ORDER, net=eur(MINOR_MAX + 1)), "money.too_large"),
        (replace(ORDER, tax=eur(MINOR_MAX + 1)), "money.too_large"),
        (replace(ORDER, gross=eur(MINOR_MAX + 1)), "money.too_large"),
        (replace(ORDER, gross=eur(0)), "order.amount_not_positive"),
        (replace(ORDER, gross=eur(-1_310)), "order.amount_not_positive"),
        (replace(ORDER, tax=eur(-1), gross=eur(1_100)), "order.amount_not_positive"),
        (replace(ORDER, net=eur(1_102), gross=eur(1_311)), "order.net_mismatch"),
        (replace(ORDER, gross=eur(1_311)), "order.gross_mismatch"),
        (replace(ORDER, gross=eur(1_309)), "order.gross_mismatch"),
        (replace(ORDER, ship_to=Address(city="Lyon")), "order.ship_to_malformed"),
        (replace(ORDER, ship_to=Address(country="fr")), "country.unknown"),
        (replace(ORDER, ship_to=Address(country="XX")), "country.unknown"),
        (replace(ORDER, ship_to=Address(country="XI")), "country.unknown"),
        (with_line(vat_rate=Decimal("-0.1")), "order.rate_malformed"),
        (with_line(vat_rate=Decimal("100.1")), "order.rate_malformed"),
    ],
)
def test_an_order_with_one_thing_wrong_is_refused_for_it(order: Order, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        order.check()

    assert refused.value.code == code


@given(st.lists(st.tuples(st.decimals("0.001", "1000", places=3), st.decimals("0", "1000", places=4)), min_size=1))
def test_any_lines_that_are_rounded_one_by_one_make_an_order(wanted: list[tuple[Decimal, Decimal]]) -> None:
    lines = tuple(
        replace(LINE, line_id=str(n), quantity=quantity, unit_price=price, net=Money.of(quantity * price, "EUR"))
        for n, (quantity, price) in enumerate(wanted)
    )
    net = Money.total((line.net for line in lines), "EUR")

    assert replace(ORDER, lines=lines, net=net, tax=eur(1), gross=net + eur(1)).check()


def in_dinars(net: int, tax: int) -> Order:
    of = Money(net, "KWD")
    line = replace(LINE, quantity=Decimal(1), unit_price=of.decimal, net=of)
    return replace(ORDER, lines=(line,), net=of, tax=Money(tax, "KWD"), gross=Money(net + tax, "KWD"))


def test_dinars_with_two_decimals_are_an_order() -> None:
    assert in_dinars(45_500, 2_270).check()


@pytest.mark.parametrize(("net", "tax"), [(45_505, 0), (45_500, 2_275), (45_505, 2_275)])
def test_an_amount_of_three_decimals_is_refused_because_no_invoice_could_say_it(net: int, tax: int) -> None:
    with pytest.raises(Invalid) as refused:
        in_dinars(net, tax).check()

    assert refused.value.code == "order.currency_decimals"


@pytest.mark.parametrize("amount", [Money(45, "JPY"), Money(4_551, "EUR"), Money(45_510, "KWD"), Money(0, "KWD")])
def test_whole_yen_cents_and_hundredths_of_a_dinar_can_be_invoiced(amount: Money) -> None:
    check_billable(amount)
