"""Small words for reading UBL: a value or None, by path; what is no value of its kind is refused with its place."""

from base64 import b64decode
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from lxml import etree

from services.documents.formats import values
from services.documents.formats.ubl.names import CAC, CBC
from services.documents.model import Identifier, VatCategory
from services.kernel.refusals import Invalid, quoted


def groups(element: etree._Element, *path: str) -> Iterator[etree._Element]:
    """The aggregates (cac) at a path."""
    return element.iterfind("/".join(CAC + name for name in path))


def group(element: etree._Element | None, *path: str) -> etree._Element | None:
    """The first aggregate at a path."""
    return None if element is None else next(groups(element, *path), None)


def needed(element: etree._Element, *path: str) -> etree._Element:
    """An aggregate without which the document says nothing."""
    if (found := group(element, *path)) is None:
        raise unreadable(element, f"{'/'.join(path)} is missing")
    return found


def basic(element: etree._Element | None, name: str) -> etree._Element | None:
    """A basic element (cbc)."""
    return None if element is None else element.find(CBC + name)


def text(element: etree._Element | None, name: str) -> str | None:
    """The text of a basic element; an empty one says nothing."""
    found = basic(element, name)
    return None if found is None else (found.text or "").strip() or None


def said(element: etree._Element, name: str) -> str:
    """A text without which the document says nothing."""
    if (found := text(element, name)) is None:
        raise unreadable(element, f"{name} is missing")
    return found


def number(element: etree._Element | None, name: str) -> Decimal | None:
    """A decimal, exactly as written."""
    if element is None or (found := text(element, name)) is None:
        return None
    if (value := values.number(found)) is None:
        raise unreadable(element, f"{name} is no number: {quoted(found)}")
    return value


def counted(element: etree._Element, name: str) -> Decimal:
    """A decimal without which the document says nothing."""
    if (found := number(element, name)) is None:
        raise unreadable(element, f"{name} is missing")
    return found


def day(element: etree._Element | None, name: str) -> date | None:
    """A date."""
    if element is None or (found := text(element, name)) is None:
        return None
    if (value := values.day(found)) is None:
        raise unreadable(element, f"{name} is no date: {quoted(found)}")
    return value


def identifier(element: etree._Element | None, name: str = "ID") -> Identifier | None:
    """An identifier with its scheme."""
    found = basic(element, name)
    if found is None or not (value := (found.text or "").strip()):
        return None
    return Identifier(value=value, scheme=found.get("schemeID") or None)


def category(element: etree._Element) -> VatCategory:
    """A VAT category of those that EN 16931 allows (BR-CL-17, BR-CL-18)."""
    code = said(element, "ID")
    try:
        return VatCategory(code)
    except ValueError:
        raise unreadable(element, f"{quoted(code)} is no VAT category") from None


def file(element: etree._Element) -> bytes:
    """The content of an attached file."""
    try:
        return b64decode("".join((element.text or "").split()), validate=True)
    except ValueError:
        raise unreadable(element, "the attached file is no base64") from None


def unreadable(element: etree._Element, why: str) -> Invalid:
    """The refusal of a document, with the place."""
    return Invalid(
        "document.unreadable",
        f"{element.getroottree().getelementpath(element)}: {why}".replace(CAC, "").replace(CBC, ""),
    )
