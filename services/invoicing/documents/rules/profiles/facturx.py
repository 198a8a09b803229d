"""What Factur-X's levels ask for beyond the core: only that what they have no room for is not needed."""

from collections.abc import Iterator

from services.invoicing.documents.model import Invoice
from services.invoicing.documents.rules.finding import Finding, fatal


def check(invoice: Invoice) -> Iterator[Finding]:
    """BASIC and BASIC WL cannot say BT-114, so that what is due would not add up (BR-CO-16 of their sheets)."""
    if invoice.totals.rounding:
        yield fatal("BR-CO-16", "This level of Factur-X has no room for a rounding amount.", "BG-22/BT-114")
