"""An invoice has the rates of its order where the seller's country has them, and says where it does not."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from services.documents.model import VatCategory
from services.invoicing.domain import drafts
from services.invoicing.domain.drafts import Supply
from services.invoicing.domain.parties import OtherRates
from services.kernel.money import Money
from services.kernel.orders import LineKind, Order, OrderLine
from services.kernel.refusals import Invalid
from tests.unit.invoicing.supplies import TODAY, a_company, a_draft, a_line, a_seller, a_supply

FRENCH = a_company("FR", "FR40303265045", "Vendeur SA")
FRENCH_BUYER = a_company("FR", "FR83404833048", "Acheteur SA")
GERMAN_BUYER = a_company("DE", "DE115235681", "Käufer AG")


def from_france(
    *lines: OrderLine,
    tax: int = 0,
    buyer: object = FRENCH_BUYER,
    other_rates: OtherRates = OtherRates.REFUSE,
    placed_on: date = TODAY,
    on: date = TODAY,
) -> Supply:
    seller = replace(a_seller(FRENCH), other_rates=other_rates)
    supply = a_supply(list(lines), seller=seller, buyer=buyer, on=on)  # type: ignore[arg-type] # a company
    return replace(supply, order=taxed(replace(supply.order, placed_on=placed_on), tax))


def taxed(order: Order, minor: int) -> Order:
    tax = Money(minor, order.net.currency)
    return replace(order, tax=tax, gross=order.net + tax)


def ordered_at(rate: str | None, *, line_id: str = "1", price: str = "100", tax_class: str = "REDUCED") -> OrderLine:
    line = a_line(line_id, "1", price, tax_class)
    return replace(line, vat_rate=None if rate is None else Decimal(rate))


def rates(supply: Supply) -> list[Decimal | None]:
    return [line.vat_rate for line in a_draft(supply).statement.lines]


def told(supply: Supply) -> list[str]:
    return [f"{finding.rule}: {finding.message}" for finding in drafts.differences(supply)]


@pytest.mark.parametrize("rate", ["20", "10", "5.5", "2.1"])
@pytest.mark.parametrize("tax_class", ["STANDARD", "REDUCED", "ZERO"])
def test_a_rate_that_the_country_has_is_taken_as_ordered(rate: str, tax_class: str) -> None:
    supply = from_france(ordered_at(rate, tax_class=tax_class), tax=int(Decimal(rate) * 100))
    draft = a_draft(supply).statement

    assert draft.gross == supply.order.gross
    assert (draft.lines[0].vat_category, draft.lines[0].vat_rate) == (VatCategory.STANDARD, Decimal(rate))
    assert told(supply) == []


def test_a_hundred_and_ten_percent_ordered_from_france_are_a_hundred_and_ten() -> None:
    assert a_draft(from_france(ordered_at("10"), tax=1000)).statement.gross == Money(11000, "EUR")


def test_lines_of_different_rates_have_each_its_own() -> None:
    lines = [ordered_at(rate, line_id=str(nth)) for nth, rate in enumerate(("20", "10", "5.5", "2.1", None))]

    assert [str(rate) for rate in rates(from_france(*lines))] == ["20", "10", "5.5", "2.1", "5.5"]


@pytest.mark.parametrize("rate", ["19.6", "8.5", "0", "7"])
def test_a_rate_that_the_country_does_not_have_is_refused(rate: str) -> None:
    with pytest.raises(Invalid) as refused:
        a_draft(from_france(ordered_at(rate)))

    assert refused.value.code == "order.rate_unknown"


def test_or_it_is_taken_and_told_if_the_seller_wants_it_so() -> None:
    supply = from_france(ordered_at("8.5"), tax=850, other_rates=OtherRates.FROM_ORDER)

    assert a_draft(supply).statement.gross == supply.order.gross
    assert told(supply) == ["BT-152: line 1: 8.5 % as ordered, which is no VAT rate of FR on 2026-03-02"]


def test_no_tax_that_is_taken_from_the_order_is_zero_rated() -> None:
    supply = from_france(ordered_at("0"), other_rates=OtherRates.FROM_ORDER)

    assert a_draft(supply).statement.lines[0].vat_category is VatCategory.ZERO_RATED


@pytest.mark.parametrize(("tax_class", "category"), [("ZERO", VatCategory.ZERO_RATED), ("EXEMPT", VatCategory.EXEMPT)])
def test_no_tax_ordered_on_what_bears_none_is_no_difference(tax_class: str, category: VatCategory) -> None:
    supply = from_france(ordered_at("0", tax_class=tax_class))

    assert a_draft(supply).statement.lines[0].vat_category is category
    assert told(supply) == []


def test_where_no_vat_is_due_none_is_charged_and_that_is_told() -> None:
    supply = from_france(ordered_at("20"), tax=2000, buyer=GERMAN_BUYER)

    assert a_draft(supply).statement.lines[0].vat_category is VatCategory.INTRA_COMMUNITY
    assert told(supply) == ["BT-152: line 1: 20 % ordered, none is due: Intra-community supply"]


def test_when_the_rate_changed_since_the_order_the_day_of_supply_decides_and_that_is_told() -> None:
    # The rate of 7 % became 10 % in 2014.
    supply = from_france(ordered_at("7"), tax=700, placed_on=date(2013, 12, 30), on=date(2014, 1, 2))

    assert rates(supply) == [Decimal(10)]
    assert told(supply) == ["BT-152: line 1: 7 % ordered, 10 % on 2014-01-02"]


def test_of_many_lines_a_few_are_named() -> None:
    lines = [ordered_at("20", line_id=str(nth)) for nth in range(1, 6)]

    assert told(from_france(*lines, buyer=GERMAN_BUYER))[0].startswith("BT-152: lines 1, 2, 3 …: 20 % ordered")


@pytest.mark.parametrize(("tax", "rate"), [(1000, "10"), (550, "5.5"), (210, "2.1"), (2000, "20")])
def test_an_order_that_says_its_tax_alone_has_the_rate_that_gives_it(tax: int, rate: str) -> None:
    supply = from_france(ordered_at(None, price="60"), ordered_at(None, line_id="2", price="40"), tax=tax)

    assert set(rates(supply)) == {Decimal(rate)}
    assert a_draft(supply).statement.gross == supply.order.gross
    assert told(supply) == []


def test_a_shipment_of_such_an_order_has_that_rate_too() -> None:
    supply = from_france(ordered_at(None, price="60"), ordered_at(None, line_id="2", price="40"), tax=1000)
    half = replace(supply, quantities=supply.quantities[:1])

    assert a_draft(half).statement.gross == Money(6600, "EUR")


def test_a_tax_that_no_rate_gives_leaves_it_to_the_tables_and_is_told() -> None:
    supply = from_france(ordered_at(None), tax=777)

    assert rates(supply) == [Decimal("5.5")]
    assert told(supply) == ["BT-110: 7.77 EUR ordered as tax, 5.50 EUR by the rates of the day"]


def test_an_order_of_several_classes_is_not_taken_for_one_of_a_single_rate() -> None:
    supply = from_france(ordered_at(None), ordered_at(None, line_id="2", tax_class="STANDARD"), tax=2000)

    assert rates(supply) == [Decimal("5.5"), Decimal(20)]
    assert told(supply) == ["BT-110: 20.00 EUR ordered as tax, 25.50 EUR by the rates of the day"]


def test_a_tax_that_is_rounded_as_on_the_invoice_is_no_difference() -> None:
    lines = [a_line(str(nth), "1", "0.50") for nth in range(1, 4)]  # 1.50 at 19 % is 0.285, each line's 0.095

    supply = a_supply(lines)

    assert drafts.differences(replace(supply, order=taxed(supply.order, 29))) == ()


def test_services_are_reverse_charged_beside_goods_that_are_taxed_where_they_are() -> None:
    goods, service = a_line("1", "1", "100"), replace(a_line("2", "1", "50"), kind=LineKind.SERVICE)
    supply = a_supply([goods, service], buyer=a_company("FR", "FR40303265045", "Acheteur SA"))

    assert [line.vat_category for line in a_draft(supply).statement.lines] == [
        VatCategory.INTRA_COMMUNITY,
        VatCategory.REVERSE_CHARGE,
    ]


def test_services_that_go_with_exported_goods_are_exported_with_them() -> None:
    goods, service = a_line("1", "1", "100"), replace(a_line("2", "1", "50"), kind=LineKind.SERVICE)
    swiss = a_company("CH", "CHE107787577", "Käufer AG")

    together, alone = a_draft(a_supply([goods, service], buyer=swiss)), a_draft(a_supply([service], buyer=swiss))

    assert {line.vat_category for line in together.statement.lines} == {VatCategory.EXPORT}
    assert {line.vat_category for line in alone.statement.lines} == {VatCategory.OUTSIDE_SCOPE}


def test_what_is_outside_the_scope_of_vat_bears_no_vat_id_of_anybody() -> None:
    service = replace(a_line("1", "1", "50"), kind=LineKind.SERVICE)
    draft = a_draft(a_supply([service], buyer=a_company("CH", "CHE107787577", "Käufer AG")))

    assert (draft.paper.seller.vat_id, draft.paper.buyer.vat_id) == (None, None)
    assert (draft.statement.seller.vat_id, draft.statement.buyer.vat_id) == ("", "")
