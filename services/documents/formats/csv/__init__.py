"""CSV, written only: one row a line, the document's own values repeated in each, a column for each term that stands once."""

from services.documents.formats.csv.writer import is_held, write

__all__ = ["is_held", "write"]
