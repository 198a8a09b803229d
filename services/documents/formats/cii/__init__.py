"""UN/CEFACT Cross Industry Invoice D16B."""

from services.documents.formats.cii.levels import reasons as level_reasons
from services.documents.formats.cii.names import REASONS, ROOTS
from services.documents.formats.cii.reader import read
from services.documents.formats.cii.writer import write

__all__ = ["REASONS", "ROOTS", "level_reasons", "read", "write"]
