"""How VAT treats a supply: its category, rate and reason, from the parties, the place, what is supplied and the day."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from services.documents.model import VatCategory
from services.documents.totals import STANDARD_EXEMPTIONS
from services.kernel.orders import LineKind
from services.kernel.refusals import Invalid, quoted
from services.kernel.vat import MEMBERS, Rates, rates_of

ZERO = Decimal(0)
_NORTHERN_IRELAND = "XI"  # prefix of its VAT ids: for goods, and for these alone, it stayed in the EU's VAT territory
_UNITED_KINGDOM = "GB"


class TaxClass(StrEnum):
    """The kind of goods, as the order says it."""

    STANDARD = "STANDARD"
    REDUCED = "REDUCED"
    ZERO = "ZERO"
    EXEMPT = "EXEMPT"
    # Goods of which the buyer owes the VAT at home too, such as scrap metal or mobile phones.
    REVERSE_CHARGE = "REVERSE_CHARGE"


@dataclass(frozen=True, slots=True)
class Deal:
    """Who supplies whom, from where to where, and when: all of it that VAT asks about."""

    seller_country: str
    # Empty: it charges no VAT.
    seller_vat_id: str
    buyer_country: str
    # Empty: to VAT it is no business.
    buyer_vat_id: str
    # The country that goods go to.
    ship_to: str
    # The day of supply.
    on: date


@dataclass(frozen=True, slots=True)
class VatTreatment:
    """Category (BT-151), rate in percent (BT-152; None outside the scope of VAT), and why no VAT is due, if none is."""

    category: VatCategory
    rate: Decimal | None
    exemption_code: str = ""
    exemption_text: str = ""


EXEMPT = VatTreatment(VatCategory.EXEMPT, ZERO, exemption_text="Exempt from VAT")
# Where VAT is charged as the seller's country does at home; else the category says why not.
_AT_HOME = VatCategory.STANDARD


@lru_cache(4096)  # the same few deals of a day come again and again
def rate_for(deal: Deal, tax_class: str, kind: LineKind = LineKind.GOODS) -> VatTreatment:
    """Decide by the day of supply; refuse a class of goods, or a country and day, that no table knows.

    Goods are taxed by where they go, services by where the business is that gets them (Directive 2006/112/EC, articles
    32, 44, 138 and 146). A buyer without VAT id in the EU or the UK is taxed as at home.
    """
    wanted = _tax_class(tax_class)
    if not deal.seller_vat_id:
        return untaxed(VatCategory.OUTSIDE_SCOPE)
    if wanted is TaxClass.EXEMPT:
        return EXEMPT
    category = _of_goods(deal) if kind is LineKind.GOODS else _of_service(deal)
    if category is not _AT_HOME:
        return untaxed(category)
    if wanted is TaxClass.REVERSE_CHARGE and deal.buyer_vat_id and deal.buyer_country == deal.seller_country:
        return untaxed(VatCategory.REVERSE_CHARGE)
    return _domestic(wanted, rates_of(deal.seller_country, deal.on))


def is_in_eu(country: str, on: date) -> bool:
    """Whether the country was in the EU's VAT territory on that day."""
    membership = MEMBERS.get(country)
    return membership is not None and membership.valid_from <= on <= membership.valid_to


def untaxed(category: VatCategory) -> VatTreatment:
    """No VAT is due for the reason that the category stands for."""
    why = STANDARD_EXEMPTIONS[category]
    rate = None if category is VatCategory.OUTSIDE_SCOPE else ZERO
    return VatTreatment(category, rate, why.code or "", why.reason or "")


def _of_goods(deal: Deal) -> VatCategory:
    """Goods are taxed where they go."""
    if deal.ship_to == deal.seller_country:
        return _AT_HOME
    to_northern_ireland = deal.ship_to == _UNITED_KINGDOM and deal.buyer_vat_id.startswith(_NORTHERN_IRELAND)
    if to_northern_ireland and is_in_eu(deal.seller_country, deal.on):
        return VatCategory.INTRA_COMMUNITY
    if _leaves_from_eu(deal) and is_in_eu(deal.ship_to, deal.on):
        return VatCategory.INTRA_COMMUNITY if _is_business_elsewhere(deal) else _AT_HOME
    return _AT_HOME if _is_no_business_nearby(deal, deal.ship_to) else VatCategory.EXPORT


def _of_service(deal: Deal) -> VatCategory:
    """Services to a business are taxed where it is, wherever they are done; it owes the VAT there."""
    if deal.buyer_country == deal.seller_country:
        return _AT_HOME
    if is_in_eu(deal.seller_country, deal.on) and is_in_eu(deal.buyer_country, deal.on):
        return VatCategory.REVERSE_CHARGE if _is_business_elsewhere(deal) else _AT_HOME
    return _AT_HOME if _is_no_business_nearby(deal, deal.buyer_country) else VatCategory.OUTSIDE_SCOPE


def _leaves_from_eu(deal: Deal) -> bool:
    from_northern_ireland = deal.seller_vat_id.startswith(_NORTHERN_IRELAND)
    return from_northern_ireland or is_in_eu(deal.seller_country, deal.on)


def _is_business_elsewhere(deal: Deal) -> bool:
    """Whether the buyer has a VAT id of a member state other than the seller's, which the exemption asks for."""
    issuer = _issuer(deal.buyer_vat_id)
    return issuer != deal.seller_country and (issuer == _NORTHERN_IRELAND or is_in_eu(issuer, deal.on))


def _is_no_business_nearby(deal: Deal, country: str) -> bool:
    """Whether a seller of the EU or the UK charges the VAT of home, because the buyer there has no VAT id."""
    near = {country, deal.seller_country}
    return not deal.buyer_vat_id and all(one == _UNITED_KINGDOM or is_in_eu(one, deal.on) for one in near)


def _issuer(vat_id: str) -> str:
    """The country that issued a VAT id; Greece's begin with EL."""
    return "GR" if vat_id.startswith("EL") else vat_id[:2]


def _domestic(wanted: TaxClass, rates: Rates) -> VatTreatment:
    if wanted is TaxClass.ZERO:
        return VatTreatment(VatCategory.ZERO_RATED, ZERO)
    reduced = rates.reduced if wanted is TaxClass.REDUCED else None
    return VatTreatment(VatCategory.STANDARD, rates.standard if reduced is None else reduced)


def _tax_class(text: str) -> TaxClass:
    try:
        return TaxClass(text or TaxClass.STANDARD)
    except ValueError:
        raise Invalid("tax.class_unknown", f"{quoted(text)} is not a kind of goods that the tax tables know") from None
