"""The VAT rates of sellers' countries and the membership of the EU, with the days between which each held."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

FOR_EVER = date.max


@dataclass(frozen=True, slots=True)
class Rates:
    """A country's rates in percent, both days included; without a reduced rate, everything is at the standard one."""

    valid_from: date
    valid_to: date
    standard: Decimal
    reduced: Decimal | None


@dataclass(frozen=True, slots=True)
class Membership:
    """When a country was part of the EU's VAT territory, both days included."""

    valid_from: date
    valid_to: date


def _timeline(*steps: tuple[str, str, str | None]) -> tuple[Rates, ...]:
    """Rates by their first day; each holds until the day before the next."""
    starts = [date.fromisoformat(start) for start, _, _ in steps]
    ends = [date.fromordinal(start.toordinal() - 1) for start in starts[1:]] + [FOR_EVER]
    return tuple(
        Rates(start, end, Decimal(standard), None if reduced is None else Decimal(reduced))
        for start, end, (_, standard, reduced) in zip(starts, ends, steps, strict=True)
    )


# First day, standard rate, the reduced rate for most reduced goods.
RATES: Mapping[str, tuple[Rates, ...]] = {
    "AT": _timeline(("1995-01-01", "20", "10")),
    "BE": _timeline(("1996-01-01", "21", "6")),
    "DE": _timeline(("2007-01-01", "19", "7"), ("2020-07-01", "16", "5"), ("2021-01-01", "19", "7")),
    "DK": _timeline(("1992-01-01", "25", None)),
    "ES": _timeline(("1995-01-01", "16", "7"), ("2010-07-01", "18", "8"), ("2012-09-01", "21", "10")),
    "FI": _timeline(
        ("2009-10-01", "22", "12"),
        ("2010-07-01", "23", "13"),
        ("2013-01-01", "24", "14"),
        ("2024-09-01", "25.5", "14"),
        ("2026-01-01", "25.5", "13.5"),
    ),
    "FR": _timeline(("2000-04-01", "19.6", "5.5"), ("2014-01-01", "20", "5.5")),
    "GB": _timeline(
        ("1997-09-01", "17.5", "5"), ("2008-12-01", "15", "5"), ("2010-01-01", "17.5", "5"), ("2011-01-04", "20", "5")
    ),
    "IE": _timeline(
        ("2008-12-01", "21.5", "13.5"),
        ("2010-01-01", "21", "13.5"),
        ("2012-01-01", "23", "13.5"),
        ("2020-09-01", "21", "13.5"),
        ("2021-03-01", "23", "13.5"),
    ),
    "IT": _timeline(("1997-10-01", "20", "10"), ("2011-09-17", "21", "10"), ("2013-10-01", "22", "10")),
    "LU": _timeline(
        ("1992-01-01", "15", "6"), ("2015-01-01", "17", "8"), ("2023-01-01", "16", "7"), ("2024-01-01", "17", "8")
    ),
    "NL": _timeline(("2001-01-01", "19", "6"), ("2012-10-01", "21", "6"), ("2019-01-01", "21", "9")),
    "PL": _timeline(("2004-05-01", "22", "7"), ("2011-01-01", "23", "8")),
    "PT": _timeline(
        ("2005-07-01", "21", "5"), ("2008-07-01", "20", "5"), ("2010-07-01", "21", "6"), ("2011-01-01", "23", "6")
    ),
    "SE": _timeline(("1996-01-01", "25", "12")),
}

# The countries of the EU; the United Kingdom's VAT left with the transition period.
MEMBERS: Mapping[str, Membership] = {
    **dict.fromkeys("AT BE DE DK ES FI FR GR IE IT LU NL PT SE".split(), Membership(date(1995, 1, 1), FOR_EVER)),
    **dict.fromkeys("CY CZ EE HU LT LV MT PL SI SK".split(), Membership(date(2004, 5, 1), FOR_EVER)),
    **dict.fromkeys(("BG", "RO"), Membership(date(2007, 1, 1), FOR_EVER)),
    "HR": Membership(date(2013, 7, 1), FOR_EVER),
    "GB": Membership(date(1973, 1, 1), date(2020, 12, 31)),
}
