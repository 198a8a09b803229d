"""VAT by the day of supply, the parties and the kind of goods."""

from datetime import date
from decimal import Decimal

import pytest

from services.documents.model import VatCategory
from services.invoicing.domain.tax import VatTreatment, rate_for
from services.kernel.refusals import Invalid

S, Z, E = VatCategory.STANDARD, VatCategory.ZERO_RATED, VatCategory.EXEMPT
AE, K, G, O = (  # noqa: E741 - the categories' own letters
    VatCategory.REVERSE_CHARGE,
    VatCategory.INTRA_COMMUNITY,
    VatCategory.EXPORT,
    VatCategory.OUTSIDE_SCOPE,
)
NEW = date(2026, 3, 2)


def treat(
    seller: str, buyer: str, vat_id: str = "", kind: str = "STANDARD", on: date = NEW, *, registered: bool = True
) -> VatTreatment:
    return rate_for(
        seller_country=seller,
        seller_has_vat_id=registered,
        buyer_country=buyer,
        buyer_vat_id=vat_id,
        tax_class=kind,
        on=on,
    )


@pytest.mark.parametrize(
    ("country", "kind", "on", "rate"),
    [
        ("DE", "STANDARD", "2020-06-30", "19"),
        ("DE", "STANDARD", "2020-07-01", "16"),
        ("DE", "REDUCED", "2020-12-31", "5"),
        ("DE", "STANDARD", "2021-01-01", "19"),
        ("DE", "REDUCED", "2021-01-01", "7"),
        ("GB", "STANDARD", "2009-12-31", "15"),
        ("GB", "STANDARD", "2010-12-01", "17.5"),
        ("GB", "STANDARD", "2011-01-03", "17.5"),
        ("GB", "STANDARD", "2011-01-04", "20"),
        ("GB", "REDUCED", "2026-03-02", "5"),
        ("FI", "STANDARD", "2024-09-01", "25.5"),
        ("IE", "STANDARD", "2021-02-28", "21"),
        ("DK", "REDUCED", "2026-03-02", "25"),
    ],
)
def test_a_domestic_supply_has_the_rate_of_its_day(country: str, kind: str, on: str, rate: str) -> None:
    assert treat(country, country, kind=kind, on=date.fromisoformat(on)) == VatTreatment(S, Decimal(rate))


@pytest.mark.parametrize(
    ("seller", "buyer", "vat_id", "on", "category"),
    [
        ("DE", "FR", "FR40303265045", NEW, K),
        ("DE", "GR", "EL094259216", NEW, K),
        ("DE", "FR", "", NEW, S),  # a buyer without VAT id in the EU or the UK is domestic
        ("DE", "FR", "DE115235681", NEW, S),  # the exemption needs an id of another country
        ("DE", "GB", "GB980780684", date(2020, 12, 31), K),
        ("DE", "GB", "GB980780684", date(2021, 1, 1), G),
        ("DE", "GB", "", NEW, S),
        ("DE", "GB", "XI980780684", NEW, K),  # Northern Ireland, for goods
        ("GB", "GB", "XI980780684", NEW, S),
        ("DE", "CH", "CHE107787577IVA", NEW, G),
        ("DE", "US", "", NEW, G),
        ("GB", "DE", "DE115235681", NEW, G),
        ("GB", "DE", "DE115235681", date(2010, 12, 1), K),  # the UK was in the EU
        ("GB", "DE", "", date(2010, 12, 1), S),
        ("GB", "GG", "", date(2010, 12, 1), G),
        ("DE", "HR", "HR33392005961", date(2013, 6, 30), G),  # not yet a member
        ("DE", "HR", "HR33392005961", date(2013, 7, 1), K),
    ],
)
def test_where_the_goods_go_decides_the_category(
    seller: str, buyer: str, vat_id: str, on: date, category: VatCategory
) -> None:
    treatment = treat(seller, buyer, vat_id, on=on)

    assert treatment.category is category
    assert (treatment.rate == 0) is (category is not S)


def test_what_is_not_taxed_says_why_by_its_code() -> None:
    assert treat("DE", "FR", "FR40303265045").exemption_code == "VATEX-EU-IC"
    assert treat("DE", "US").exemption_code == "VATEX-EU-G"
    assert treat("DE", "DE", "DE115235681", "REVERSE_CHARGE").exemption_code == "VATEX-EU-AE"
    assert treat("DE", "DE", kind="EXEMPT").exemption_text


def test_reverse_charge_at_home_needs_a_business_with_a_vat_id() -> None:
    assert treat("GB", "GB", "GB980780684", "REVERSE_CHARGE").category is AE
    assert treat("GB", "GB", "", "REVERSE_CHARGE") == VatTreatment(S, Decimal(20))


def test_zero_rated_and_exempt_goods_have_their_own_category() -> None:
    assert treat("GB", "GB", kind="ZERO").category is Z
    assert treat("DE", "FR", "FR40303265045", "EXEMPT").category is E


def test_a_seller_without_vat_id_is_outside_the_scope_of_vat() -> None:
    assert treat("DE", "DE", registered=False) == VatTreatment(
        O, None, exemption_code="VATEX-EU-O", exemption_text="Not subject to VAT"
    )


@pytest.mark.parametrize(
    ("seller", "kind", "on", "code"),
    [
        ("DE", "SERVICE", NEW, "tax.class_unknown"),
        ("DE", "STANDARD", date(2006, 12, 31), "tax.rate_unknown"),
        ("JP", "STANDARD", NEW, "tax.rate_unknown"),
    ],
)
def test_what_no_table_knows_is_refused(seller: str, kind: str, on: date, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        treat(seller, seller, kind=kind, on=on)

    assert refused.value.code == code
