"""What characters a text from outside may have, by its kind (proto/receivables/common/v1/bounds.proto)."""

import re
from collections.abc import Callable, Iterator

from receivables.common.v1 import bounds_pb2

ID, CODE, LINE, LINES = bounds_pb2.TEXT_ID, bounds_pb2.TEXT_CODE, bounds_pb2.TEXT_LINE, bounds_pb2.TEXT_LINES
DATE, DECIMAL = bounds_pb2.TEXT_DATE, bounds_pb2.TEXT_DECIMAL
INSTEAD = "\ufffd"

CONTROL_CHARACTER, CHARACTERS, TOO_LONG = "text.control_character", "text.characters", "text.too_long"

# XML 1.0's characters are all but these (production [2] Char); protobuf lets no lone surrogate in.
_NOT_XML = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"
_NOT_IN_LINES = re.compile(f"[{_NOT_XML}]")
# Controls and line breaks; what turns the direction of others; what has no width, but U+200C and U+200D, which join and
# part the letters of Persian and Indian names.
_NOT_IN_LINE = re.compile(
    f"[{_NOT_XML}\t\n\r\x7f-\x9f\u2028\u2029"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    "\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# Letters and signs that nobody sees, though Unicode counts them among those that can be.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_NOT_IN_CODE = re.compile(r"[^A-Za-z0-9_.:/+\-=]")
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?|[+-]?\.[0-9]+")
_CONTROL = re.compile(f"[{_NOT_XML}\t\n\r\x7f-\x9f]")


def _is_id(text: str) -> bool:
    """Whether all of it can be seen; what Python calls printable has no white space but blanks, and nothing of Unicode's C."""
    if not text.isprintable() or not (text.isascii() or _UNSEEN.search(text) is None):
        return False
    return " " not in text or ("  " not in text and text[0] != " " and text[-1] != " ")


# Most texts are printable, which is seen sooner than that they have none of what their kind excludes.
FITS: dict[int, Callable[[str], bool]] = {
    ID: _is_id,
    CODE: lambda text: _NOT_IN_CODE.search(text) is None,
    LINE: lambda text: text.isprintable() or _NOT_IN_LINE.search(text) is None,
    LINES: lambda text: text.isprintable() or _NOT_IN_LINES.search(text) is None,
    DATE: lambda text: _DATE.fullmatch(text) is not None,
    DECIMAL: lambda text: _DECIMAL.fullmatch(text) is not None,
}
_MALFORMED: dict[int, tuple[str, str]] = {
    DATE: ("date.malformed", "is not a date (YYYY-MM-DD)"),
    DECIMAL: ("number.malformed", "is not a plain decimal"),
}


def fits(text: str, kind: int, longest: int) -> bool:
    """Whether it is of its kind and no longer; an empty one always is."""
    return not text or (len(text) <= longest and FITS[kind](text))


def flaw(text: str, kind: int, longest: int) -> tuple[str, str] | None:
    """What is wrong with a text, as a stable code and in words that follow its name; None if it fits."""
    if fits(text, kind, longest):
        return None
    if len(text) > longest:
        return TOO_LONG, f"has {len(text):,} characters, {longest:,} are taken"
    at = next(_wrong(text, kind))
    if _CONTROL.match(text, at):
        return CONTROL_CHARACTER, f"has a control character at position {at + 1}"
    return _MALFORMED.get(kind, (CHARACTERS, f"cannot have the character at position {at + 1}"))


def cleaned(text: str, kind: int, longest: int) -> str:
    """As much of it as can be told: each wrong character replaced, the rest cut off; of a word or a number nothing."""
    if fits(text, kind, longest):
        return text
    if kind not in (ID, LINE, LINES):
        return ""
    text = text[:longest]
    wrong = set(_wrong(text, kind))
    return "".join(INSTEAD if at in wrong else character for at, character in enumerate(text))


def _wrong(text: str, kind: int) -> Iterator[int]:
    """The positions of what its kind does not have; of a date or a number its first control character, or its start."""
    if kind == ID:
        yield from (at for at in range(len(text)) if not _is_id(text[at]) and not _is_inner_blank(text, at))
    elif kind in _MALFORMED:
        control = _CONTROL.search(text)
        yield control.start() if control else 0
    else:
        yield from (found.start() for found in _EXCLUDED[kind].finditer(text))


def _is_inner_blank(text: str, at: int) -> bool:
    return text[at] == " " and 0 < at < len(text) - 1 and text[at - 1] != " "


_EXCLUDED: dict[int, re.Pattern[str]] = {CODE: _NOT_IN_CODE, LINE: _NOT_IN_LINE, LINES: _NOT_IN_LINES}
