"""VAT by the day of supply, the parties and the kind of goods."""

from datetime import date
from decimal import Decimal

import pytest

from services.documents.model import VatCategory
from services.invoicing.domain.tax import Deal, VatTreatment, rate_for
from services.kernel.orders import LineKind
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
    own = f"{seller}1" if registered else ""
    return rate_for(Deal(seller, own, buyer, vat_id, ship_to=buyer, on=on), kind)


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
        ("FR", "REDUCED", "2026-03-02", "5.5"),
        ("NO", "STANDARD", "2026-03-02", "25"),
        ("NO", "REDUCED", "2026-03-02", "15"),
        ("CH", "STANDARD", "2023-12-31", "7.7"),
        ("CH", "REDUCED", "2024-01-01", "2.6"),
        ("CZ", "REDUCED", "2026-03-02", "12"),
        ("RO", "STANDARD", "2026-03-02", "21"),
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


GOODS, SERVICE = LineKind.GOODS, LineKind.SERVICE
FR_ID, DE_ID, GB_ID, XI_ID, CH_ID, NO_ID = (
    "FR40303265045",
    "DE115235681",
    "GB980780684",
    "XI980780684",
    "CHE107787577IVA",
    "NO995525828MVA",
)


@pytest.mark.parametrize(
    ("seller", "buyer", "vat_id", "ship_to", "kind", "category"),
    [
        # Goods go by where they go, whoever buys them.
        ("DE", "DE", DE_ID, "DE", GOODS, S),
        ("DE", "DE", DE_ID, "FR", GOODS, S),  # the buyer's id is of the country that the goods leave
        ("DE", "FR", FR_ID, "FR", GOODS, K),
        ("DE", "FR", FR_ID, "DE", GOODS, S),  # the French buyer has them sent to its German site
        ("DE", "FR", FR_ID, "IT", GOODS, K),
        ("DE", "FR", FR_ID, "CH", GOODS, G),
        ("DE", "FR", "", "FR", GOODS, S),
        ("DE", "CH", CH_ID, "CH", GOODS, G),
        ("DE", "CH", CH_ID, "DE", GOODS, S),
        ("DE", "CH", CH_ID, "FR", GOODS, S),  # no id of a member state
        ("DE", "US", "", "US", GOODS, G),
        ("DE", "US", "", "DE", GOODS, S),
        ("DE", "GB", GB_ID, "GB", GOODS, G),
        ("DE", "GB", XI_ID, "GB", GOODS, K),  # Northern Ireland
        ("DE", "GB", XI_ID, "US", GOODS, G),
        ("GB", "GB", XI_ID, "GB", GOODS, S),
        ("GB", "FR", FR_ID, "FR", GOODS, G),
        ("GB", "FR", FR_ID, "GB", GOODS, S),
        ("CH", "DE", DE_ID, "DE", GOODS, G),
        ("CH", "DE", "", "DE", GOODS, G),
        ("CH", "CH", "", "CH", GOODS, S),
        ("CH", "GB", XI_ID, "GB", GOODS, G),
        ("NO", "SE", "SE556036079301", "SE", GOODS, G),
        ("NO", "NO", NO_ID, "NO", GOODS, S),
        # Services go by where the business is, wherever they are done.
        ("DE", "DE", DE_ID, "DE", SERVICE, S),
        ("DE", "DE", DE_ID, "FR", SERVICE, S),
        ("DE", "FR", FR_ID, "FR", SERVICE, AE),
        ("DE", "FR", FR_ID, "DE", SERVICE, AE),
        ("DE", "FR", "", "FR", SERVICE, S),
        ("DE", "FR", DE_ID, "FR", SERVICE, S),
        ("DE", "CH", CH_ID, "DE", SERVICE, O),
        ("DE", "US", "", "DE", SERVICE, O),
        ("DE", "GB", GB_ID, "GB", SERVICE, O),
        ("DE", "GB", XI_ID, "GB", SERVICE, O),  # the protocol is of goods
        ("DE", "GB", "", "GB", SERVICE, S),
        ("GB", "FR", FR_ID, "FR", SERVICE, O),
        ("GB", "FR", "", "FR", SERVICE, S),
        ("GB", "GB", GB_ID, "FR", SERVICE, S),
        ("CH", "DE", DE_ID, "DE", SERVICE, O),
        ("NO", "GB", "", "GB", SERVICE, O),
    ],
)
def test_goods_are_taxed_where_they_go_and_services_where_the_business_is(
    seller: str, buyer: str, vat_id: str, ship_to: str, kind: LineKind, category: VatCategory
) -> None:
    deal = Deal(seller, f"{seller}1", buyer, vat_id, ship_to, NEW)

    treatment = rate_for(deal, "STANDARD", kind)

    assert treatment.category is category
    assert (treatment.rate or 0) == (STANDARD_OF[seller] if category is S else 0)
    assert (treatment.rate is None) is (category is O)


STANDARD_OF = {"DE": 19, "GB": 20, "CH": Decimal("8.1"), "NO": 25}


def test_a_seller_in_northern_ireland_supplies_goods_from_within_the_eu_and_services_from_outside() -> None:
    deal = Deal("GB", XI_ID, "IE", "IE6388047V", "IE", NEW)

    assert rate_for(deal, "STANDARD", GOODS).category is K
    assert rate_for(deal, "STANDARD", SERVICE).category is O


def test_while_the_uk_was_in_the_eu_services_to_its_businesses_were_reverse_charged() -> None:
    deal = Deal("DE", "DE1", "GB", GB_ID, "GB", date(2020, 12, 31))

    assert rate_for(deal, "STANDARD", SERVICE).category is AE
