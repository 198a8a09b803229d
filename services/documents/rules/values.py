"""Whether each value by itself can stand in a document: present, finite, printable, not too exact."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from services.documents.formats.values import plain
from services.documents.model import Invoice, Place, VatCategory, walk
from services.documents.model.shape import Shape, shapes
from services.documents.rules.codes import CodeLists
from services.documents.rules.finding import Finding, fatal
from services.documents.safe import UNPRINTABLE
from services.documents.totals import DECIMALS_MAX, decimals
from services.kernel.refusals import quoted

# Terms that must say something; an optional term that says nothing breaks AR-TEXT-01.
_REQUIRED = {
    "BT-1": "BR-02",
    "BT-3": "BR-04",
    "BT-5": "BR-05",
    "BT-24": "BR-01",
    "BT-25": "BR-55",
    "BT-27": "BR-06",
    "BT-40": "BR-09",
    "BT-44": "BR-07",
    "BT-55": "BR-11",
    "BT-59": "BR-17",
    "BT-62": "BR-18",
    "BT-63": "BR-56",
    "BT-69": "BR-20",
    "BT-80": "BR-57",
    "BT-81": "BR-49",
    "BT-84": "BR-50",
    "BT-122": "BR-52",
    "BT-126": "BR-21",
    "BT-130": "BR-23",
    "BT-153": "BR-25",
    "BT-160": "BR-54",
    "BT-161": "BR-54",
}
_AMOUNTS = {
    "BT-92": "BR-DEC-01",
    "BT-93": "BR-DEC-02",
    "BT-99": "BR-DEC-05",
    "BT-100": "BR-DEC-06",
    "BT-106": "BR-DEC-09",
    "BT-107": "BR-DEC-10",
    "BT-108": "BR-DEC-11",
    "BT-109": "BR-DEC-12",
    "BT-110": "BR-DEC-13",
    "BT-111": "BR-DEC-15",
    "BT-112": "BR-DEC-14",
    "BT-113": "BR-DEC-16",
    "BT-114": "BR-DEC-17",
    "BT-115": "BR-DEC-18",
    "BT-116": "BR-DEC-19",
    "BT-117": "BR-DEC-20",
    "BT-131": "BR-DEC-23",
    "BT-136": "BR-DEC-24",
    "BT-137": "BR-DEC-25",
    "BT-141": "BR-DEC-27",
    "BT-142": "BR-DEC-28",
}
NOT_A_NUMBER = "AR-NUMBER-01"
_DIGITS_MAX = 40  # a number with more is no amount, price or quantity of any trade


def check(invoice: Invoice, codes: CodeLists | None) -> Iterator[Finding]:
    """Look at every value once; at codes, if their lists are given.

    To name the place of each value costs more than to look at it, so places are named only in a document in which
    something may be wrong.
    """
    if codes is not None or not _is_sound(invoice, _fewest_decimals(invoice)):
        yield from look_closely(invoice, codes)
    yield from _extensions(invoice)


def look_closely(invoice: Invoice, codes: CodeLists | None) -> Iterator[Finding]:
    """What is wrong with the values, each with its place."""
    for place in walk(invoice):
        number = place.path.rpartition("/")[2].partition("[")[0]
        if isinstance(place.value, str):
            yield from _text(place, number)
            if codes is not None:
                yield from codes.check(place, number)
        elif isinstance(place.value, Decimal):
            yield from _number(place, number, invoice)


# Whether a value can stand in a document, amounts with so many decimals at most: never yes where `look_closely` finds
# something, mostly yes where it does not.
_Look = Callable[[Any, int], bool]
_LOOKS: dict[type[Any], tuple[tuple[str, bool, _Look], ...]] = {}  # a document has thousands of groups


def _fewest_decimals(invoice: Invoice) -> int:
    return min(decimals(currency) for currency in (invoice.currency, invoice.vat_currency) if currency is not None)


def _is_sound(group: Any, places: int) -> bool:
    for name, is_many, is_sound in _looks(type(group)):
        value = getattr(group, name)
        if value is None:
            continue
        if is_many:
            for each in value:
                if not is_sound(each, places):
                    return False
        elif not is_sound(value, places):
            return False
    return True


def _looks(cls: type[Any]) -> tuple[tuple[str, bool, _Look], ...]:
    """The fields of a group at which there is something to look, and how."""
    if cls not in _LOOKS:
        known = ((name, shape.is_many, _look(shape)) for name, shape in shapes(cls).items())
        _LOOKS[cls] = tuple((name, is_many, look) for name, is_many, look in known if look is not None)
    return _LOOKS[cls]


def _look(shape: Shape) -> _Look | None:
    if shape.is_group:
        return _is_sound
    return _is_sound_amount if shape.is_amount else _KINDS.get(shape.kind)


def _is_sound_text(value: str, _: int) -> bool:
    if not value or value.isspace():
        return False
    return value.isprintable() or UNPRINTABLE.search(value) is None


def _is_sound_number(value: Decimal, _: int) -> bool:
    written = str(value)
    return len(written) <= _DIGITS_MAX and "E" not in written and value.is_finite()


def _is_sound_amount(value: Decimal, places: int) -> bool:
    written = str(value)
    return (
        len(written) <= _DIGITS_MAX
        and "E" not in written
        and len(written.partition(".")[2]) <= places
        and value.is_finite()
    )


_KINDS: Mapping[type[Any], _Look] = {str: _is_sound_text, VatCategory: _is_sound_text, Decimal: _is_sound_number}


def _text(place: Place, number: str) -> Iterator[Finding]:
    value = str(place.value)
    if not value.strip():
        yield fatal(_REQUIRED.get(number, "AR-TEXT-01"), f"{number} is there but says nothing.", place.path)
    if (odd := UNPRINTABLE.search(value)) is not None:
        yield fatal("AR-TEXT-02", f"{number} holds the unprintable character {odd[0]!r}.", place.path)


def _number(place: Place, number: str, invoice: Invoice) -> Iterator[Finding]:
    assert isinstance(place.value, Decimal)
    value = place.value
    if not is_plain(value):
        yield fatal(NOT_A_NUMBER, f"{number} is not a number that a document can hold.", place.path)
    elif place.is_amount:
        currency = invoice.vat_currency or invoice.currency if number == "BT-111" else invoice.currency
        if _more_decimals(value, DECIMALS_MAX):
            yield fatal(_AMOUNTS[number], f"{number} is {value:f}: more than two decimals.", place.path)
        elif _more_decimals(value, decimals(currency)):
            yield fatal("AR-DEC-01", f"{number} is {value:f}: more decimals than {currency} has.", place.path)


def is_plain(value: Decimal) -> bool:
    """Whether a number is finite and of a size that can be written out."""
    return value.is_finite() and len(value.as_tuple().digits) <= _DIGITS_MAX and abs(value.adjusted()) <= _DIGITS_MAX


def _more_decimals(value: Decimal, places: int) -> bool:
    return len(plain(value).partition(".")[2]) > places


def _extensions(invoice: Invoice) -> Iterator[Finding]:
    of_lines = ((f"BG-25[{index}]/", line.extensions) for index, line in enumerate(invoice.lines, start=1))
    for place, extensions in (("", invoice.extensions), *of_lines):
        for key in extensions:
            if not all(key.partition(":")):
                yield fatal(
                    "AR-EXT-01", f"The extension {quoted(key)} has no namespace (name:key).", f"{place}extensions"
                )
