"""What Peppol BIS Billing 3 asks for beyond the core, as far as a draft can break it; the official sheet sees the rest.

The identifiers and national rules of Denmark, Greece, Iceland, Italy, the Netherlands and Norway are left to the sheet.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from services.documents.model import PEPPOL_SELF_BILLING, Identifier, Invoice, VatCategory
from services.documents.rules.finding import Finding, Severity, fatal
from services.documents.rules.profiles import common, germany

BILLING: Final = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"  # BT-23: an invoice by itself, without an order
SELF_BILLING: Final = "urn:fdc:peppol.eu:2017:poacc:selfbilling:01:1.0"
_OTHER_PROCESSES = frozenset(
    {
        "urn:peppol:bis:billing_with_response",
        "urn:peppol:france:billing:regulated",
        "urn:peppol:france:billing:non-regulated",
    }
)
_INVOICES = frozenset(
    """71 80 82 84 102 218 219 326 331 380 382 383 384 386 388 393 395 553 575 623 780 817 870 875 876 877""".split()
)
_CREDIT_NOTES = frozenset("381 396 81 83 532".split())
_SELF_BILLED, _SELF_BILLED_CREDITS = frozenset({"389", "527"}), frozenset({"261"})
_GERMAN_ONLY = frozenset({"326", "384"})
_VATEX: Mapping[str, VatCategory] = {
    "VATEX-EU-G": VatCategory.EXPORT,
    "VATEX-EU-O": VatCategory.OUTSIDE_SCOPE,
    "VATEX-EU-IC": VatCategory.INTRA_COMMUNITY,
    "VATEX-EU-AE": VatCategory.REVERSE_CHARGE,
    "VATEX-EU-D": VatCategory.EXEMPT,
    "VATEX-EU-F": VatCategory.EXEMPT,
    "VATEX-EU-I": VatCategory.EXEMPT,
    "VATEX-EU-J": VatCategory.EXEMPT,
}
_VATEX_RULES = dict(zip(_VATEX, (f"PEPPOL-EN16931-P0{number}" for number in range(104, 112)), strict=True))
# Schemes of electronic addresses that the core's list has (BR-CL-25) and Peppol's has not.
_NOT_ON_THE_NETWORK = frozenset(
    """0037 0147 0154 0158 0170 0177 0193 0194 0202 0203 0205 0212 0213 0215 0217 0219 0220 AN AQ AS AU EM""".split()
)
_SWEDISH_RATES = (25, 12, 6)


def check(invoice: Invoice) -> Iterator[Finding]:
    """The rules PEPPOL-EN16931-R… and -P…, and the shape of identifiers (PEPPOL-COMMON-R…)."""
    yield from common.check(invoice)
    yield from common.check_slack(invoice, Severity.FATAL)
    domestic = germany.is_domestic(invoice)
    process = invoice.process.business_process
    own = SELF_BILLING if invoice.process.specification == PEPPOL_SELF_BILLING else BILLING
    if process is not None and process not in _OTHER_PROCESSES | {own}:
        yield fatal("PEPPOL-EN16931-R007", "The business process is none of Peppol's.", "BG-2/BT-23")
    if len(invoice.notes) > 1 and not domestic:
        yield fatal("PEPPOL-EN16931-R002", "There is room for one note only, unless both are in Germany.", "BG-1[2]")
    if not (invoice.buyer_reference or invoice.purchase_order or invoice.sales_order):
        yield fatal("PEPPOL-EN16931-R003", "The buyer's reference or purchase order is missing.", "BT-10")
    yield from _type_code(invoice, domestic=domestic)
    for index, row in enumerate(invoice.vat_breakdown, start=1):
        code = (row.exemption_code or "").upper()
        if code in _VATEX and row.category is not _VATEX[code]:
            yield fatal(_VATEX_RULES[code], f"{code} is for category {_VATEX[code]}.", f"BG-23[{index}]/BT-121")
    yield from _known_parties(invoice)


def _known_parties(invoice: Invoice) -> Iterator[Finding]:
    """Addresses that the network knows, and identifiers with the right check digits."""
    seller, buyer = invoice.seller.electronic_address, invoice.buyer.electronic_address
    for place, address in (("BG-4/BT-34", seller), ("BG-7/BT-49", buyer)):
        if address is not None and address.scheme in _NOT_ON_THE_NETWORK:
            message = f"Peppol has no participant of scheme {address.scheme}; an e-mail address is none."
            yield fatal("PEPPOL-EN16931-CL008", message, place)
    for place, identifier in _identifiers(invoice):
        shape = None if identifier is None else _SHAPES.get(identifier.scheme or "")
        if identifier is not None and shape is not None:
            rule, is_right = shape
            if not is_right(identifier.value):
                yield fatal(rule, f"{identifier.value!r} is no number of scheme {identifier.scheme}.", place)


def check_national(invoice: Invoice) -> Iterator[Finding]:
    """Germany's rules between two in Germany, and Sweden's for a Swedish seller."""
    if germany.is_domestic(invoice):
        yield from germany.check(invoice, germany.PEPPOL_NAMES)
    if invoice.seller.address.country == "SE":
        yield from _swedish(invoice)


def _type_code(invoice: Invoice, *, domestic: bool) -> Iterator[Finding]:
    code = invoice.type_code
    if invoice.process.specification == PEPPOL_SELF_BILLING:
        allowed = _SELF_BILLED_CREDITS if invoice.is_credit_note else _SELF_BILLED
    else:
        allowed = _CREDIT_NOTES if invoice.is_credit_note else _INVOICES
    if code not in allowed:
        rule = "PEPPOL-EN16931-P0101" if invoice.is_credit_note else "PEPPOL-EN16931-P0100"
        yield fatal(rule, f"Type {code} does not travel in this process.", "BT-3")
    if code in _GERMAN_ONLY and not domestic:
        yield fatal("PEPPOL-EN16931-P0112", f"Type {code} is for two in Germany only.", "BT-3")


def _identifiers(invoice: Invoice) -> Iterator[tuple[str, Identifier | None]]:
    seller, buyer, payee = invoice.seller, invoice.buyer, invoice.payee
    yield "BG-4/BT-34", seller.electronic_address
    yield "BG-4/BT-30", seller.legal_id
    for index, known_as in enumerate(seller.identifiers, start=1):
        yield f"BG-4/BT-29[{index}]", known_as
    yield "BG-7/BT-49", buyer.electronic_address
    yield "BG-7/BT-47", buyer.legal_id
    yield "BG-7/BT-46", buyer.identifier
    if payee is not None:
        yield "BG-10/BT-60", payee.identifier
        yield "BG-10/BT-61", payee.legal_id


def _is_gln(value: str) -> bool:
    """Weights 1 and 3 from the right, the check digit at the end."""
    if not re.fullmatch(r"[0-9]+", value):
        return False
    digits = [int(digit) for digit in reversed(value[:-1])]
    return (-sum(digit * (3 if at % 2 == 0 else 1) for at, digit in enumerate(digits))) % 10 == int(value[-1])


def _is_norwegian(value: str) -> bool:
    if not re.fullmatch(r"[0-9]{9}", value):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(value[:8], (3, 2, 7, 6, 5, 4, 3, 2), strict=True))
    return (11 - total % 11) % 11 == int(value[8])


def _is_belgian(value: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{10}", value)) and 97 - int(value[:8]) % 97 == int(value[8:])


def _is_swedish(value: str) -> bool:
    """Luhn: from the left every other digit twice."""
    if not re.fullmatch(r"[0-9]{10}", value):
        return False
    twice = [sum(divmod(int(digit) * 2, 10)) for digit in value[0:9:2]]
    once = [int(digit) for digit in value[1:9:2]]
    return (-(sum(twice) + sum(once))) % 10 == int(value[9])


_SHAPES: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "0088": ("PEPPOL-COMMON-R040", _is_gln),
    "0192": ("PEPPOL-COMMON-R041", _is_norwegian),
    "0208": ("PEPPOL-COMMON-R043", _is_belgian),
    "0007": ("PEPPOL-COMMON-R049", _is_swedish),
}


def _swedish(invoice: Invoice) -> Iterator[Finding]:
    seller = invoice.seller
    vat_id = seller.vat_id or ""
    if vat_id.startswith("SE"):
        if len(vat_id) != 14:
            yield fatal("SE-R-001", "A Swedish VAT number has 14 characters.", "BG-4/BT-31")
        if not vat_id[2:].isdecimal():
            yield fatal("SE-R-002", "A Swedish VAT number is SE and digits.", "BG-4/BT-31")
        for index, line in enumerate(invoice.lines, start=1):
            if line.vat.category is VatCategory.STANDARD and line.vat.rate not in _SWEDISH_RATES:
                yield fatal("SE-R-006", "Swedish VAT is 25, 12 or 6 %.", f"BG-25[{index}]/BG-30/BT-152")
    if seller.legal_id is not None:
        if not _is_swedish(seller.legal_id.value):
            yield fatal("SE-R-013", "The organisation number has 10 digits, the last a check digit.", "BG-4/BT-30")
        if seller.tax_id is not None and seller.tax_id.upper() != "GODKÄND FÖR F-SKATT":
            yield fatal("SE-R-005", "The tax registration must say: Godkänd för F-skatt.", "BG-4/BT-32")
