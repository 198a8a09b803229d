"""How values are written and read in every format: one text for equal values, and nothing read that is no value."""

import re
from datetime import date
from decimal import Decimal

from services.documents.totals import DECIMALS_MAX, decimals
from services.kernel.refusals import Invalid

# What an attached file is that does not say what it is; the code lists refuse it (BR-CL-24).
ANY_MEDIA_TYPE = "application/octet-stream"
_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})", re.ASCII)  # xsd:decimal, of a bounded length
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(Z|[+-]\d\d:\d\d)?", re.ASCII)  # xsd:date; a day here is a day, without a zone


def plain(value: Decimal, places: int = 0) -> str:
    """Write a number so that equal values give equal text: no exponent, no needless zero, at least `places` decimals."""
    written = str(value)
    if "E" in written:
        written = f"{value:f}"
    whole, _, fraction = written.partition(".")
    if len(fraction) != places:
        fraction = fraction.rstrip("0").ljust(places, "0")
        written = f"{whole}.{fraction}" if fraction else whole
    return written.removeprefix("-") if not value else written


def places_of(currency: str) -> int:
    """How many decimals amounts of a currency are written with; two if we do not know it."""
    try:
        return decimals(currency)
    except Invalid:  # a document that was read may name a currency that we do not know
        return DECIMALS_MAX


def number(text: str) -> Decimal | None:
    """The number that a text says exactly, if it is one."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def day(text: str) -> date | None:
    """The day that a text says, if it is one."""
    if (said := _DAY.fullmatch(text)) is None:
        return None
    try:
        return date.fromisoformat(said[1])
    except ValueError:
        return None


def terms(text: str | None) -> str | None:
    """Payment terms (BT-20): a cash discount in XRechnung's form ends with a line break, which is part of it."""
    said = (text or "").strip()
    if said.rpartition("\n")[2].startswith("#") and (text or "").rstrip(" \t").endswith("\n"):
        return said + "\n"
    return said or None


def unreadable(why: str) -> Invalid:
    """The refusal of a document that says nothing we can read."""
    return Invalid("document.unreadable", why)
