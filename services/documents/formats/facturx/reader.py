"""Finds the invoice inside a PDF from anywhere, within bounds, and reads it."""

import io
import zlib
from collections.abc import Iterator

import pikepdf

from services.documents import safe
from services.documents.formats import cii
from services.documents.formats.facturx.names import FILENAMES
from services.documents.formats.values import unreadable
from services.documents.model import Invoice

_FILES_MAX = 1000  # embedded files that are looked at
# What qpdf unpacks is bounded for the whole process: nobody here reads larger parts of a PDF.
pikepdf.settings.set_qpdf_limits(flate_max_memory=safe.SIZE_MAX, run_length_max_memory=safe.SIZE_MAX)


def read(data: bytes) -> Invoice:
    """Read the invoice inside a PDF; refuse one that has none, or none that can be read (`document.unreadable`)."""
    return cii.read(extract(data))


def extract(data: bytes) -> bytes:
    """The XML of the invoice inside a PDF; refuse a PDF without one (`document.unreadable`)."""
    try:
        with pikepdf.open(io.BytesIO(safe.bounded(data)), attempt_recovery=False) as document:
            found = {name: stream for name, stream in _embedded(document) if name in FILENAMES}
            for name in FILENAMES:
                if name in found:
                    return _unpacked(found[name])
    except (pikepdf.PdfError, RecursionError, safe.Unsafe) as error:
        raise unreadable(f"this PDF cannot be read: {error}") from None
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError, NotImplementedError):
        raise unreadable("this PDF cannot be read: its list of embedded files is broken") from None
    raise unreadable("this PDF has no invoice inside: no factur-x.xml is attached to it")


def _embedded(document: pikepdf.Pdf) -> Iterator[tuple[str, pikepdf.Stream]]:
    """The embedded files by name, as the document lists them: in its associated files, or in its names."""
    listed = [*_entries(document.Root.get("/AF"))]
    names = document.Root.get("/Names")
    if isinstance(names, pikepdf.Dictionary) and "/EmbeddedFiles" in names:
        listed += [
            file for _, file in zip(range(_FILES_MAX), pikepdf.NameTree(names.EmbeddedFiles).values(), strict=False)
        ]
    for file in listed[:_FILES_MAX]:
        if isinstance(file, pikepdf.Dictionary) and isinstance(held := file.get("/EF"), pikepdf.Dictionary):
            name = str(file.get("/UF", file.get("/F", "")))
            stream = held.get("/F", held.get("/UF"))
            if isinstance(stream, pikepdf.Stream):
                yield name.lower().rpartition("/")[2], stream


def _entries(listed: object) -> list[object]:
    return [*listed][:_FILES_MAX] if isinstance(listed, pikepdf.Array) else []


def _unpacked(stream: pikepdf.Stream) -> bytes:
    """The bytes of a file, unpacked within bounds."""
    filters = stream.get("/Filter")
    names = [str(filters)] if isinstance(filters, pikepdf.Name) else [str(each) for each in _entries(filters)]
    raw = stream.read_raw_bytes()
    if not names:
        return safe.bounded(raw)
    if names != ["/FlateDecode"]:
        raise unreadable(f"the invoice in this PDF is packed in a way that is not read: {', '.join(names)[:80]}")
    try:
        return safe.bounded(zlib.decompressobj().decompress(raw, safe.SIZE_MAX + 1))
    except zlib.error as error:
        raise unreadable(f"the invoice in this PDF cannot be unpacked: {error}") from None
