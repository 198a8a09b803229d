"""Files of rates: CSV with a line of names (day,base,quote,rate), and what the European Central Bank publishes."""

import csv
import io
from collections.abc import Iterator

from lxml import etree

from services.credit.domain.rates import THROUGH, Rate
from services.kernel.calendars import day
from services.kernel.money import decimal
from services.kernel.refusals import Invalid

_CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"
_NAMES = ["day", "base", "quote", "rate"]


def read(content: bytes) -> list[Rate]:
    """The rates of a file; refused where it is of neither form."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("rate.file", "the file is not UTF-8") from None
    try:
        found = list(_of_ecb(content) if text.lstrip().startswith("<") else _of_csv(text))
    except csv.Error as broken:
        raise Invalid("rate.file", f"the file is no CSV: {broken}") from None
    if not found:
        raise Invalid("rate.file", "the file has no rates")
    return found


def _of_csv(text: str) -> Iterator[Rate]:
    rows = csv.reader(io.StringIO(text))
    if [name.strip() for name in next(rows, [])] != _NAMES:
        raise Invalid("rate.file", f"the first line says {','.join(_NAMES)}")
    for row in rows:
        if len(row) != len(_NAMES):
            raise Invalid("rate.file", f"line {rows.line_num} has not {len(_NAMES)} values")
        on, base, quote, rate = (value.strip() for value in row)
        yield _rate(on, base, quote, rate)


def _of_ecb(content: bytes) -> Iterator[Rate]:
    """Cubes of days, in each a cube a currency: what a euro is worth in it."""
    try:
        root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise Invalid("rate.file", f"the file is no XML: {error}") from None
    for on in root.iter(_CUBE):
        if on.get("time") is not None:
            for cube in on.iter(_CUBE):
                if (quote := cube.get("currency")) is not None:
                    yield _rate(on.get("time", ""), THROUGH, quote, cube.get("rate", ""))


def _rate(on: str, base: str, quote: str, rate: str) -> Rate:
    return Rate(base, quote, day(on, what="day"), decimal(rate, what="rate"))
