"""The VAT rates of sellers' countries (vat.csv) and the membership of the EU, with the days between which each held."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files

from services.kernel.refusals import Invalid

FOR_EVER = date.max
_DAY = timedelta(days=1)


class RateKind(StrEnum):
    """What a rate is for; which goods exactly is the country's law."""

    STANDARD = "STANDARD"
    # Most reduced goods: what an order's class REDUCED means.
    REDUCED = "REDUCED"
    # A further reduced rate, below or above that one.
    OTHER_REDUCED = "OTHER_REDUCED"
    # Below the 5 % that the EU asks of reduced rates.
    SUPER_REDUCED = "SUPER_REDUCED"
    # For what was taxed lower when the country joined.
    PARKING = "PARKING"


@dataclass(frozen=True, slots=True)
class Row:
    """A rate in percent and the days on which it held, both included."""

    country: str
    kind: RateKind
    rate: Decimal
    valid_from: date
    valid_to: date
    # Where in the country it does not hold, or what it is for.
    note: str
    # Who publishes it, and what it was compared with.
    source: str
    status: str


@dataclass(frozen=True, slots=True)
class Rates:
    """A country's rates between two days, both included; without a reduced rate, everything is at the standard one."""

    valid_from: date
    valid_to: date
    standard: Decimal
    reduced: Decimal | None
    # All of them, the other reduced ones included, by kind.
    by_kind: tuple[tuple[RateKind, Decimal], ...]

    def find(self, rate: Decimal) -> Decimal | None:
        """The rate as the table writes it, if it is one of any kind."""
        return next((known for _, known in self.by_kind if known == rate), None)

    def kinds_of(self, rate: Decimal) -> tuple[RateKind, ...]:
        """What the rate is for."""
        return tuple(kind for kind, known in self.by_kind if known == rate)

    def of_kind(self, kind: RateKind) -> Decimal | None:
        """The rate of the kind, if there is one."""
        return dict(self.by_kind).get(kind)


@dataclass(frozen=True, slots=True)
class Membership:
    """When a country was part of the EU's VAT territory, both days included."""

    valid_from: date
    valid_to: date


def _read() -> tuple[Row, ...]:
    text = files(__package__).joinpath("vat.csv").read_text(encoding="utf-8")
    return tuple(
        Row(
            country=row["country"],
            kind=RateKind(row["kind"]),
            rate=Decimal(row["rate"]),
            valid_from=date.fromisoformat(row["valid_from"]),
            valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else FOR_EVER,
            note=row["note"],
            source=row["source"],
            status=row["status"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def timeline(rows: Iterable[Row]) -> tuple[Rates, ...]:
    """One country's rates as spans of days in which none of them changes, from the first day of a standard rate."""
    known = tuple(rows)
    begins = {row.valid_from for row in known} | {row.valid_to + _DAY for row in known if row.valid_to != FOR_EVER}
    days = sorted(begins)
    ends = [day - _DAY for day in days[1:]] + [FOR_EVER]
    spans = (_span(known, day, end) for day, end in zip(days, ends, strict=True))
    return tuple(span for span in spans if span is not None)


def _span(rows: Iterable[Row], day: date, end: date) -> Rates | None:
    held = {row.kind: row.rate for row in rows if row.valid_from <= day <= row.valid_to}
    if (standard := held.get(RateKind.STANDARD)) is None:
        return None
    return Rates(day, end, standard, held.get(RateKind.REDUCED), tuple(held.items()))


ROWS = _read()
RATES: Mapping[str, tuple[Rates, ...]] = {
    country: timeline(row for row in ROWS if row.country == country) for country in sorted({r.country for r in ROWS})
}

# The countries of the EU; the United Kingdom's VAT left with the transition period.
MEMBERS: Mapping[str, Membership] = {
    **dict.fromkeys("AT BE DE DK ES FI FR GR IE IT LU NL PT SE".split(), Membership(date(1995, 1, 1), FOR_EVER)),
    **dict.fromkeys("CY CZ EE HU LT LV MT PL SI SK".split(), Membership(date(2004, 5, 1), FOR_EVER)),
    **dict.fromkeys(("BG", "RO"), Membership(date(2007, 1, 1), FOR_EVER)),
    "HR": Membership(date(2013, 7, 1), FOR_EVER),
    "GB": Membership(date(1973, 1, 1), date(2020, 12, 31)),
}


@lru_cache(1024)
def rates_of(country: str, on: date) -> Rates:
    """The country's rates of that day; refused if the tables do not reach that far."""
    for rates in RATES.get(country, ()):
        if rates.valid_from <= on <= rates.valid_to:
            return rates
    raise Invalid("tax.rate_unknown", f"no VAT rates of {country[:2] or 'no country'} on {on} are known")
