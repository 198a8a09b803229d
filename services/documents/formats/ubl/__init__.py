"""UBL 2.1 Invoice and CreditNote."""

from services.documents.formats.ubl.names import REASONS
from services.documents.formats.ubl.reader import read
from services.documents.formats.ubl.writer import write

__all__ = ["REASONS", "read", "write"]
