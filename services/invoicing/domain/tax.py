"""How VAT treats a supply: its category, rate and reason, from the parties, the kind of goods and the day of supply."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from services.documents.model import VatCategory
from services.documents.totals import STANDARD_EXEMPTIONS
from services.invoicing.domain.rates import MEMBERS, RATES, Rates
from services.kernel.refusals import Invalid, quoted

ZERO = Decimal(0)
_NORTHERN_IRELAND = "XI"  # prefix of its VAT ids: for goods it stayed in the EU's VAT territory


class TaxClass(StrEnum):
    """The kind of goods, as the order says it."""

    STANDARD = "STANDARD"
    REDUCED = "REDUCED"
    ZERO = "ZERO"
    EXEMPT = "EXEMPT"
    # Goods of which the buyer owes the VAT at home too, such as scrap metal or mobile phones.
    REVERSE_CHARGE = "REVERSE_CHARGE"


@dataclass(frozen=True, slots=True)
class VatTreatment:
    """Category (BT-151), rate in percent (BT-152; None outside the scope of VAT), and why no VAT is due, if none is."""

    category: VatCategory
    rate: Decimal | None
    exemption_code: str = ""
    exemption_text: str = ""


class _Route(StrEnum):
    """Where goods go, in the eyes of VAT."""

    DOMESTIC = "DOMESTIC"
    INTRA_COMMUNITY = "INTRA_COMMUNITY"
    EXPORT = "EXPORT"


EXEMPT = VatTreatment(VatCategory.EXEMPT, ZERO, exemption_text="Exempt from VAT")


def rate_for(
    *, seller_country: str, seller_has_vat_id: bool, buyer_country: str, buyer_vat_id: str, tax_class: str, on: date
) -> VatTreatment:
    """Decide by the day of supply; refuse a kind of goods, or a country and day, that no table knows.

    A buyer without VAT id in the EU or the UK is taxed as at home; goods that leave for elsewhere are an export.
    """
    kind = _tax_class(tax_class)
    if not seller_has_vat_id:
        return _untaxed(VatCategory.OUTSIDE_SCOPE, None)
    if kind is TaxClass.EXEMPT:
        return EXEMPT
    match _route(seller_country, buyer_country, buyer_vat_id, on):
        case _Route.INTRA_COMMUNITY:
            return _untaxed(VatCategory.INTRA_COMMUNITY, ZERO)
        case _Route.EXPORT:
            return _untaxed(VatCategory.EXPORT, ZERO)
    if kind is TaxClass.REVERSE_CHARGE and buyer_vat_id and seller_country == buyer_country:
        return _untaxed(VatCategory.REVERSE_CHARGE, ZERO)
    return _domestic(kind, rates_of(seller_country, on))


def rates_of(country: str, on: date) -> Rates:
    """The country's rates of that day; refused if the tables do not reach that far."""
    for rates in RATES.get(country, ()):
        if rates.valid_from <= on <= rates.valid_to:
            return rates
    raise Invalid("tax.rate_unknown", f"no VAT rates of {country[:2] or 'no country'} on {on} are known")


def is_in_eu(country: str, on: date) -> bool:
    """Whether the country was in the EU's VAT territory on that day."""
    membership = MEMBERS.get(country)
    return membership is not None and membership.valid_from <= on <= membership.valid_to


def _route(seller_country: str, buyer_country: str, buyer_vat_id: str, on: date) -> _Route:
    seller_in_eu = is_in_eu(seller_country, on)
    if seller_in_eu and seller_country != "GB" and buyer_vat_id.startswith(_NORTHERN_IRELAND):
        return _Route.INTRA_COMMUNITY
    if seller_country == buyer_country:
        return _Route.DOMESTIC
    if seller_in_eu and is_in_eu(buyer_country, on):
        # The exemption asks for a VAT id of a member state other than the one that the goods leave.
        issuer = _issuer(buyer_vat_id)
        abroad = issuer != seller_country and is_in_eu(issuer, on)
        return _Route.INTRA_COMMUNITY if abroad else _Route.DOMESTIC
    if not buyer_vat_id and (is_in_eu(buyer_country, on) or buyer_country == "GB"):
        return _Route.DOMESTIC
    return _Route.EXPORT


def _issuer(vat_id: str) -> str:
    """The country that issued a VAT id; Greece's begin with EL."""
    return "GR" if vat_id.startswith("EL") else vat_id[:2]


def _domestic(kind: TaxClass, rates: Rates) -> VatTreatment:
    if kind is TaxClass.ZERO:
        return VatTreatment(VatCategory.ZERO_RATED, ZERO)
    reduced = kind is TaxClass.REDUCED and rates.reduced is not None
    return VatTreatment(VatCategory.STANDARD, rates.reduced if reduced else rates.standard)


def _untaxed(category: VatCategory, rate: Decimal | None) -> VatTreatment:
    why = STANDARD_EXEMPTIONS[category]
    return VatTreatment(category, rate, why.code or "", why.reason or "")


def _tax_class(text: str) -> TaxClass:
    try:
        return TaxClass(text or TaxClass.STANDARD)
    except ValueError:
        raise Invalid("tax.class_unknown", f"{quoted(text)} is not a kind of goods that the tax tables know") from None
