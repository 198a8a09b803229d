"""How long records are kept, by the law of the seller's country (retention.csv): so long they must be, and no longer."""

import csv
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib.resources import files

ELSEWHERE = ""  # the rows for a country that is not in the table, or not known


class Record(StrEnum):
    """What is kept."""

    # Invoices and credit notes as documents. Nothing here removes them.
    INVOICE = "invoice"
    # What is booked, with what was written on the voucher (a payment's remittance).
    LEDGER_ENTRY = "ledger_entry"
    # What was written in a case.
    DISPUTE = "dispute"
    # What was told to people.
    MESSAGE = "message"
    # Who did what, and what they wrote beside it.
    ACT = "act"


@dataclass(frozen=True, slots=True)
class Row:
    """Years after the end of the calendar year in which a record was made."""

    country: str
    record: Record
    years: int
    # The law that says so, and what the row was compared with.
    source: str
    status: str


def _read() -> tuple[Row, ...]:
    text = files(__package__).joinpath("retention.csv").read_text(encoding="utf-8")
    return tuple(
        Row(row["country"], Record(row["record"]), int(row["years"]), row["source"], row["status"])
        for row in csv.DictReader(text.splitlines())
    )


ROWS = _read()
_YEARS = {(row.country, row.record): row.years for row in ROWS}


def years(countries: Collection[str], record: Record) -> int:
    """How long a record of a seller is kept whose legal entities are in these countries: as the longest of them says."""
    known = [_YEARS.get((country, record), _YEARS[ELSEWHERE, record]) for country in countries or (ELSEWHERE,)]
    return max(known)


def kept_from(countries: Collection[str], record: Record, today: date) -> date:
    """The first day of which records are still kept; those of before have served their time."""
    return date(today.year - years(countries, record), 1, 1)
