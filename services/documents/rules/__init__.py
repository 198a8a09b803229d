"""Whether an invoice may be issued: our own checks on the model, then the XSD and the official rules on the bytes."""

from collections.abc import Mapping
from decimal import Decimal

from services.documents.model import EXTRACTS, Invoice
from services.documents.rules import arithmetic, categories, core, profiles, values
from services.documents.rules.arithmetic import NO_RESIDUES, VatKey, residues
from services.documents.rules.codes import CodeLists
from services.documents.rules.finding import Finding, Severity, fatal, is_valid
from services.kernel.money import exponent
from services.kernel.refusals import Invalid

__all__ = ["CodeLists", "Finding", "Severity", "check", "is_valid", "residues"]


def check(
    invoice: Invoice, codes: CodeLists | None = None, *, rests: Mapping[VatKey, Decimal] = NO_RESIDUES
) -> list[Finding]:
    """Check a draft: any number will do, the number that counts is taken only when nothing fatal is found.

    With `codes`, units, countries, reasons and schemes are looked up in the official lists too. What the document
    claims to obey (BT-24) is checked if we know it: Peppol, XRechnung. Values that cannot be calculated with (an
    unknown currency, a number that is none) end the check early, and so does an extract without lines (Factur-X MINIMUM
    and BASIC WL), as it is read back: there is nothing to add up. `rests` is what VAT rows may take beside their own
    rounding: a credit note's, of what is left of its invoice.
    """
    for currency, number, rule in (
        (invoice.currency, "BT-5", "BR-CL-04"),
        (invoice.vat_currency, "BT-6", "BR-CL-05"),
    ):
        if currency is not None and not _is_currency(currency):
            return [fatal(rule, f"{currency!r} is no currency (ISO 4217).", number)]
    found = list(values.check(invoice, codes))
    is_extract = not invoice.lines and invoice.process.specification in EXTRACTS
    if not is_extract and not any(finding.rule == values.NOT_A_NUMBER for finding in found):
        for found_by in (core.check(invoice), categories.check(invoice), arithmetic.check(invoice, rests)):
            found.extend(found_by)
        found = list(profiles.check(invoice, found))
    return found


def _is_currency(code: str) -> bool:
    try:
        exponent(code)
    except Invalid:
        return False
    return True
