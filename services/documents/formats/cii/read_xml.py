"""Small words for reading CII: a value or None, by path; what is no value of its kind is refused with its place."""

import re
from base64 import b64decode
from datetime import date
from decimal import Decimal

from lxml import etree

from services.documents.formats import values
from services.documents.formats.cii.names import SPACES
from services.documents.formats.cii.write_xml import name_of
from services.documents.model import Identifier, VatCategory
from services.kernel.refusals import Invalid, quoted

_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)


def groups(element: etree._Element | None, path: str) -> list[etree._Element]:
    """The elements at a path; without a prefix a name is one of ram."""
    return [] if element is None else element.findall("/".join(name_of(name) for name in path.split("/")))


def group(element: etree._Element | None, path: str) -> etree._Element | None:
    """The first element at a path."""
    return next(iter(groups(element, path)), None)


def needed(element: etree._Element, path: str) -> etree._Element:
    """An element without which the document says nothing."""
    if (found := group(element, path)) is None:
        raise unreadable(element, f"{path} is missing")
    return found


def text(element: etree._Element | None, path: str) -> str | None:
    """The text at a path; an empty one says nothing."""
    found = group(element, path)
    return None if found is None else (found.text or "").strip() or None


def said(element: etree._Element, path: str) -> str:
    """A text without which the document says nothing."""
    if (found := text(element, path)) is None:
        raise unreadable(element, f"{path} is missing")
    return found


def number(element: etree._Element | None, path: str) -> Decimal | None:
    """A decimal, exactly as written."""
    if element is None or (found := text(element, path)) is None:
        return None
    if (value := values.number(found)) is None:
        raise unreadable(element, f"{path} is no number: {quoted(found)}")
    return value


def counted(element: etree._Element, path: str) -> Decimal:
    """A decimal without which the document says nothing."""
    if (found := number(element, path)) is None:
        raise unreadable(element, f"{path} is missing")
    return found


def day(element: etree._Element | None, path: str) -> date | None:
    """A date as CCYYMMDD."""
    if element is None or (found := text(element, path)) is None:
        return None
    digits = _DAY.fullmatch(found)
    value = values.day("-".join(digits.groups())) if digits is not None else None
    if value is None:
        raise unreadable(element, f"{path} is no date: {quoted(found)}")
    return value


def identifier(element: etree._Element | None) -> Identifier | None:
    """An identifier of an element's own text, with its scheme."""
    if element is None or not (value := (element.text or "").strip()):
        return None
    return Identifier(value=value, scheme=element.get("schemeID") or None)


def identifiers(party: etree._Element | None) -> tuple[Identifier, ...]:
    """How a party is known: without a scheme first."""
    found = (identifier(element) for name in ("ID", "GlobalID") for element in groups(party, name))
    return tuple(known_as for known_as in found if known_as is not None)


def category(element: etree._Element) -> VatCategory:
    """A VAT category of those that EN 16931 allows."""
    code = said(element, "CategoryCode")
    try:
        return VatCategory(code)
    except ValueError:
        raise unreadable(element, f"{quoted(code)} is no VAT category") from None


def is_true(element: etree._Element) -> bool:
    """Whether an allowance or charge is a charge."""
    return text(element, "ChargeIndicator/udt:Indicator") in ("true", "1")


def file(element: etree._Element) -> bytes:
    """The content of an attached file."""
    try:
        return b64decode("".join((element.text or "").split()), validate=True)
    except ValueError:
        raise unreadable(element, "the attached file is no base64") from None


def unreadable(element: etree._Element, why: str) -> Invalid:
    """The refusal of a document, with the place."""
    place = str(element.getroottree().getelementpath(element))
    for space in SPACES.values():
        place = place.replace(f"{{{space}}}", "")
    return values.unreadable(f"{place}: {why}")
