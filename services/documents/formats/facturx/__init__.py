"""Factur-X and ZUGFeRD 2: a page that a person reads, PDF/A-3, with the same invoice as CII inside."""

from dataclasses import replace

from services.documents.formats import cii
from services.documents.formats.facturx import pdf
from services.documents.formats.facturx.logo import check as check_logo
from services.documents.formats.facturx.names import LEVELS
from services.documents.formats.facturx.page import Page, content
from services.documents.formats.facturx.reader import extract, read
from services.documents.model import CORE, Invoice
from services.documents.words import LANGUAGES, Words
from services.kernel.refusals import Invalid

__all__ = ["LANGUAGES", "Page", "check_logo", "extract", "read", "write"]

_PLAIN = Page()
LINES_MAX = 10_000  # of a page; that many take seconds


def write(invoice: Invoice, page: Page = _PLAIN) -> bytes:
    """Write the PDF of the level that BT-24 claims; what claims none, such as Peppol, is written in the core's name.

    The page shows the whole invoice, whatever the level's XML has room for; one too long for a page is refused
    (`document.too_long`).
    """
    if len(invoice.lines) > LINES_MAX:
        raise Invalid("document.too_long", f"a page has {LINES_MAX:,} lines at most, this one would have more")
    if invoice.process.specification not in LEVELS:
        invoice = replace(invoice, process=replace(invoice.process, specification=CORE))
    level = LEVELS[invoice.process.specification]
    shown = content(invoice, page)
    return pdf.make(shown, cii.write(invoice), level, page.fonts, Words(shown["language"])["unshown"])
