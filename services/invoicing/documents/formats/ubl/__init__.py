"""UBL 2.1 Invoice and CreditNote."""

from services.invoicing.documents.formats.ubl.reader import read
from services.invoicing.documents.formats.ubl.writer import write

__all__ = ["read", "write"]
