"""An invoice as it is drafted: amounts, rates, parties, references, and its number last."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from services import documents
from services.documents.model import TypeCode, VatCategory
from services.invoicing.domain.numbers import Series
from services.invoicing.domain.parties import Contract, Seller
from services.invoicing.domain.statements import Kind
from services.kernel.money import Money
from services.kernel.orders import Scope
from services.kernel.refusals import Invalid
from tests.unit.invoicing.supplies import a_company, a_draft, a_line, a_seller, a_supply


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def test_tax_is_rounded_once_a_rate_and_not_once_a_line() -> None:
    # Each line's tax of 0.095 would round to 0.10; together they are 0.285.
    draft = a_draft(a_supply([a_line(str(nth), "1", "0.50") for nth in range(1, 4)]))

    assert (draft.statement.net, draft.statement.tax, draft.statement.gross) == (eur(150), eur(29), eur(179))
    assert documents.check(draft.paper) == []


def test_a_price_with_many_decimals_is_rounded_once_a_line() -> None:
    draft = a_draft(a_supply([a_line("1", "1000", "0.012345")]))

    assert draft.statement.net == eur(1235)
    assert draft.statement.lines[0].unit_price == Decimal("0.012345")


def test_what_a_line_is_for_stands_on_the_invoice_as_its_object() -> None:
    draft = a_draft(a_supply([replace(a_line("1"), asset_id="A-1"), a_line("2")]))

    assert [line.object_id and line.object_id.value for line in draft.paper.lines] == ["A-1", None]
    assert [line.asset_id for line in draft.statement.lines] == ["A-1", ""]
    assert documents.check(draft.paper) == []


def test_two_rates_make_two_rows_of_vat() -> None:
    rows = a_draft().statement.vat

    assert [(row.rate, row.taxable, row.tax) for row in rows] == [
        (Decimal(19), eur(12500), eur(2375)),
        (Decimal(7), eur(2997), eur(210)),
    ]


def test_the_day_of_delivery_decides_the_rate() -> None:
    assert a_draft(a_supply([a_line()], on=date(2020, 12, 31))).statement.tax == eur(2000)
    assert a_draft(a_supply([a_line()], on=date(2021, 1, 1))).statement.tax == eur(2375)


def test_what_the_buyer_asked_for_stands_on_the_invoice() -> None:
    terms = Contract(net_days=14, buyer_reference="04011000-12345-34")
    paper = a_draft(a_supply(contract=terms, scope=Scope("north", "K7", "PO-9"))).paper

    assert (paper.purchase_order, paper.buyer_accounting, paper.buyer_reference) == ("PO-9", "K7", "04011000-12345-34")
    assert (paper.sales_order, paper.despatch_advice, paper.type_code) == ("o1", "p1", TypeCode.INVOICE)
    assert paper.due_date == date(2026, 3, 16)
    assert paper.delivery is not None and paper.delivery.delivered_on == date(2026, 3, 2)


def test_euros_are_asked_for_by_sepa_and_other_money_by_an_ordinary_transfer() -> None:
    euros = a_draft().paper.payment
    pounds = a_draft(a_supply([a_line(currency="GBP")])).paper.payment

    assert euros is not None and (euros.means, euros.transfers[0].account) == ("58", "DE89370400440532013000")
    assert pounds is not None and pounds.means == "30"


def test_an_intra_community_supply_is_drafted_with_all_that_its_rules_ask_for() -> None:
    draft = a_draft(a_supply(buyer=a_company("FR", "FR40303265045", "Acheteur SA")))

    assert [(row.category, row.rate) for row in draft.statement.vat] == [(VatCategory.INTRA_COMMUNITY, Decimal(0))]
    assert draft.statement.tax == eur(0)
    assert documents.check(draft.paper) == []


def test_a_seller_outside_vat_names_no_vat_id_of_anybody() -> None:
    draft = a_draft(a_supply(seller=a_seller(a_company(vat_id=""))))

    assert draft.paper.buyer.vat_id is None
    assert documents.check(draft.paper) == []


def test_exempt_goods_say_why() -> None:
    assert documents.check(a_draft(a_supply([a_line(tax_class="EXEMPT")])).paper) == []


def test_credit_notes_are_numbered_in_a_series_of_their_own() -> None:
    assert Series("acme", "s1", Kind.CREDIT_NOTE, 2026, "RE").number(7) == "RE-C-2026-000007"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"series_prefix": "RE-C"}, "seller.series_malformed"),
        ({"series_prefix": ""}, "seller.series_malformed"),
        ({"series_prefix": "a b"}, "seller.series_malformed"),
        ({"time_zone": "Mars/North"}, "seller.time_zone_unknown"),
        ({"seller_id": "a/b"}, "seller.id_malformed"),
        ({"company": a_company(country="")}, "seller.incomplete"),
        ({"company": a_company(country="Germany")}, "country.unknown"),
        ({"company": a_company(country="XX")}, "country.unknown"),
        ({"company": replace(a_company(), vat_id="", legal_id="")}, "seller.unidentified"),
    ],
)
def test_a_seller_that_could_not_issue_is_refused(changes: dict[str, str], code: str) -> None:
    fields = {name: getattr(a_seller(), name) for name in Seller.__dataclass_fields__}

    with pytest.raises(Invalid) as refused:
        Seller(**(fields | changes)).check()

    assert refused.value.code == code


@pytest.mark.parametrize("days", [-1, 366])
def test_terms_that_nobody_means_are_refused(days: int) -> None:
    with pytest.raises(Invalid):
        Contract(net_days=days).check()
