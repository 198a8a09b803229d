"""Our own JSON: the model as it is, decimals as exact strings, by the published schema (`model/invoice.schema.json`)."""

from services.documents.formats.json.reader import read
from services.documents.formats.json.writer import write

__all__ = ["read", "write"]
