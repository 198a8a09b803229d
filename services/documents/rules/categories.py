"""What each VAT category that a document uses asks of its parties, rates, reasons and delivery."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from services.documents.model import Invoice, VatCategory
from services.documents.rules.families import FAMILIES, BuyerId, Family, Rate, SellerId
from services.documents.rules.finding import Finding, fatal

# The numbers within a family of the rules on parties and rates, by where the category is used.
_LINE, _ALLOWANCE, _CHARGE = ("02", "05"), ("03", "06"), ("04", "07")
# A category and its rate, the numbers of the rules, and the place: a group, which of them, and the term.
_Use = tuple[VatCategory, Decimal | None, tuple[str, str], tuple[str, int, str]]


def check(invoice: Invoice) -> Iterator[Finding]:
    """The families BR-S, BR-Z, BR-E, BR-AE, BR-IC, BR-G, BR-O, BR-AF, BR-AG, BR-B."""
    told: set[str] = set()
    right: set[tuple[VatCategory, Decimal | None, str]] = set()  # most lines are like one before
    used = set()
    for category, rate, (parties, rates), (group, index, term) in _uses(invoice):
        if (category, rate, rates) in right:
            continue
        used.add(category)
        family = FAMILIES[category]
        if (rule := f"BR-{family.name}-{parties}") not in told:  # once for the document, not once per line
            told.add(rule)
            yield from _parties(invoice, family, rule)
        if _fits(rate, family.rate):
            right.add((category, rate, rates))
        else:
            yield fatal(
                f"BR-{family.name}-{rates}", f"The VAT rate must be {family.rate.value}.", f"{group}[{index}]/{term}"
            )
    yield from _reasons(invoice)
    if VatCategory.INTRA_COMMUNITY in used:
        yield from _intra_community(invoice)
    if VatCategory.OUTSIDE_SCOPE in used and len(used) > 1:
        yield fatal("BR-O-11", "What is not subject to VAT stands alone in a document.", "BG-23")
    if VatCategory.SPLIT_PAYMENT in used:
        yield from _split_payment(invoice, used)


def _uses(invoice: Invoice) -> Iterator[_Use]:
    for index, line in enumerate(invoice.lines, start=1):
        yield line.vat.category, line.vat.rate, _LINE, ("BG-25", index, "BG-30/BT-152")
    for index, allowance in enumerate(invoice.allowances, start=1):
        yield allowance.vat_category, allowance.vat_rate, _ALLOWANCE, ("BG-20", index, "BT-96")
    for index, charge in enumerate(invoice.charges, start=1):
        yield charge.vat_category, charge.vat_rate, _CHARGE, ("BG-21", index, "BT-103")


_FITS: Mapping[Rate, Callable[[Decimal], bool]] = {
    Rate.POSITIVE: lambda rate: rate > 0,
    Rate.NOT_NEGATIVE: lambda rate: rate >= 0,
    Rate.ZERO: lambda rate: rate == 0,
}


def _fits(rate: Decimal | None, must: Rate) -> bool:
    if rate is None or must is Rate.NONE:
        return rate is None and must is Rate.NONE
    return _FITS[must](rate)


def _parties(invoice: Invoice, family: Family, rule: str) -> Iterator[Finding]:
    seller, buyer, representative = invoice.seller, invoice.buyer, invoice.tax_representative
    has_vat = seller.vat_id is not None or representative is not None
    known = {
        SellerId.ANY: has_vat or seller.tax_id is not None,
        SellerId.VAT: has_vat,
        SellerId.NONE: not has_vat and buyer.vat_id is None,
    }
    if not known[family.seller]:
        yield fatal(rule, f"The category asks for {family.seller.value}.", "BG-4/BT-31")
    known_buyer = {
        BuyerId.NOT_NEEDED: True,
        BuyerId.VAT: buyer.vat_id is not None,
        BuyerId.VAT_OR_LEGAL: buyer.vat_id is not None or buyer.legal_id is not None,
    }
    if not known_buyer[family.buyer]:
        yield fatal(rule, f"The category asks for {family.buyer.value}.", "BG-7/BT-48")


def _reasons(invoice: Invoice) -> Iterator[Finding]:
    for index, row in enumerate(invoice.vat_breakdown, start=1):
        family, place = FAMILIES[row.category], f"BG-23[{index}]"
        has_reason = row.exemption_reason is not None or row.exemption_code is not None
        if family.reason and not has_reason:
            yield fatal(f"BR-{family.name}-10", "Why no VAT is due must be said.", f"{place}/BT-120")
        if not family.reason and has_reason:
            yield fatal(f"BR-{family.name}-10", "A taxed supply has no reason for exemption.", f"{place}/BT-120")


def _intra_community(invoice: Invoice) -> Iterator[Finding]:
    delivery = invoice.delivery
    if (delivery is None or delivery.delivered_on is None) and invoice.period is None:
        yield fatal("BR-IC-11", "An intra-community supply needs its day or period.", "BG-13/BT-72")
    if delivery is None or delivery.address is None:
        yield fatal("BR-IC-12", "An intra-community supply needs the country it goes to.", "BG-13/BG-15/BT-80")


def _split_payment(invoice: Invoice, used: set[VatCategory]) -> Iterator[Finding]:
    addresses = [invoice.seller.address, invoice.buyer.address]
    if invoice.tax_representative is not None:
        addresses.append(invoice.tax_representative.address)
    if invoice.delivery is not None and invoice.delivery.address is not None:
        addresses.append(invoice.delivery.address)
    if any(address.country != "IT" for address in addresses):
        yield fatal("BR-B-01", "Split payment is for domestic Italian supplies.", "BG-23")
    if VatCategory.STANDARD in used:
        yield fatal("BR-B-02", "Split payment and the standard category exclude each other.", "BG-23")
