"""The formats by name: each is one module that writes an invoice and reads it back; a document is known by its content."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from services.documents import safe
from services.documents.formats import cii, csv, facturx, json, ubl
from services.documents.formats.losses import Loss, between, unheld
from services.documents.formats.ubl.names import ROOTS as UBL_ROOTS
from services.documents.formats.values import unreadable
from services.documents.model import Invoice
from services.kernel.refusals import Invalid, quoted

__all__ = ["FORMATS", "Format", "Loss", "losses", "named", "recognise"]

_NO_EXTENSIONS = {"extensions": "EN 16931 has no term for it"}


def _written_only(_: bytes) -> Invoice:
    raise Invalid("document.written_only", "this format is written, not read")


@dataclass(frozen=True, slots=True)
class Format:
    """What a format offers: equal invoices give equal bytes; `read` refuses what is none (`document.unreadable`)."""

    title: str
    suffix: str
    write: Callable[[Invoice], bytes]
    read: Callable[[bytes], Invoice] = _written_only
    # The roots of its documents, where it is XML.
    roots: frozenset[str] = frozenset()
    # Why it lacks a term: by BT or BG number, by extension, or "" for whatever it lacks.
    reasons: Mapping[str, str] = field(default_factory=dict)
    # Of a format that is only written: whether it holds the value at a place.
    is_held: Callable[[str], bool] | None = None


# The one place to touch when a format is added.
FORMATS: Mapping[str, Format] = {
    "ubl": Format("UBL 2.1", ".xml", ubl.write, ubl.read, roots=UBL_ROOTS, reasons={**_NO_EXTENSIONS, **ubl.REASONS}),
    "cii": Format("UN/CEFACT CII D16B", ".xml", cii.write, cii.read, roots=cii.ROOTS, reasons=cii.REASONS),
    "facturx": Format(
        "Factur-X (PDF)",
        ".pdf",
        facturx.write,
        facturx.read,
        reasons={**cii.REASONS, "BT-24": "a PDF carries Factur-X's levels, the core or XRechnung"},
    ),
    "json": Format("our own JSON", ".json", json.write, json.read),
    "csv": Format(
        "CSV",
        ".csv",
        csv.write,
        is_held=csv.is_held,
        reasons={**_NO_EXTENSIONS, "": "it may stand many times in a document, and a row has one cell for it"},
    ),
}


def named(name: str) -> Format:
    """Find a format; refuse a name that is none."""
    if (found := FORMATS.get(name)) is None:
        raise Invalid("document.unknown_format", f"{quoted(name)} is not a format; there are: {', '.join(FORMATS)}")
    return found


def recognise(data: bytes) -> str:
    """The name of the format that the bytes are in, by what they say; refuse what is none that we read."""
    start = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise unreadable("the document is empty")
    if start.startswith(b"{"):
        return "json"
    if start.startswith(b"%PDF-"):
        return "facturx"
    try:
        root = safe.root_of(data)
    except safe.Unsafe as error:
        raise unreadable(str(error)) from None
    for name, format_ in FORMATS.items():
        if root in format_.roots:
            return name
    raise unreadable(f"{root[:120]} is the root of no invoice that we know")


def losses(invoice: Invoice, name: str, written: bytes) -> list[Loss]:
    """Every value of an invoice that these bytes of that format do not hold."""
    format_ = named(name)
    reasons = format_.reasons
    if name in ("cii", "facturx"):
        reasons = cii.level_reasons(invoice.process.specification) or reasons
    if (held := format_.is_held) is None:
        return between(invoice, format_.read(written), reasons)
    return unheld(invoice, held, reasons)
