"""The formats by name: each is one module that writes an invoice and reads it back."""

from collections.abc import Mapping
from typing import Protocol

from services.invoicing.documents.formats import ubl
from services.invoicing.documents.model import Invoice
from services.kernel.refusals import Invalid


class Format(Protocol):
    """What a format's module offers."""

    def write(self, invoice: Invoice, /) -> bytes:
        """Write the document; equal invoices give equal bytes."""

    def read(self, data: bytes, /) -> Invoice:
        """Read a document; refuse what is none (`document.unreadable`)."""


# The one place to touch when a format is added.
FORMATS: Mapping[str, Format] = {"ubl": ubl}


def named(name: str) -> Format:
    """Find a format; refuse a name that is none."""
    if (found := FORMATS.get(name)) is None:
        raise Invalid("document.unknown_format", f"{name[:40]!r} is not a format; there are: {', '.join(FORMATS)}")
    return found
