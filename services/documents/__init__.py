"""The invoice as a document: EN 16931's model, exact totals, formats and rules. Values in, bytes out."""

from services.documents import formats
from services.documents.model import Invoice
from services.documents.rules import CodeLists, Finding, Severity, check, is_valid, residues
from services.documents.rules.official import ENGINE_FAILED, OfficialRules
from services.documents.rules.profiles import PROFILES, Profile, claim
from services.documents.rules.xsd import Schema
from services.documents.totals import Calculated, Exemption, line_net, totals, with_taxes

__all__ = [
    "ENGINE_FAILED",
    "PROFILES",
    "Calculated",
    "CodeLists",
    "Exemption",
    "Finding",
    "OfficialRules",
    "Profile",
    "Schema",
    "Severity",
    "check",
    "claim",
    "is_valid",
    "line_net",
    "read",
    "residues",
    "totals",
    "with_taxes",
    "write",
]


def write(invoice: Invoice, format: str = "ubl") -> bytes:  # noqa: A002 - the caller's word for it
    """Write an invoice; equal invoices give equal bytes."""
    return formats.named(format).write(invoice)


def read(data: bytes, format: str = "ubl") -> Invoice:  # noqa: A002 - the caller's word for it
    """Read a document from anywhere; refuse what is none of that format (`document.unreadable`)."""
    return formats.named(format).read(data)
