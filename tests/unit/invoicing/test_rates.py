"""The table of rates: each row says where it is from, the days fit together, and others have the same rates."""

import csv
from datetime import date
from decimal import Decimal
from importlib.metadata import version as installed
from itertools import combinations, pairwise
from pathlib import Path

import eu_vat_rates_data as package
import pytest

from services.kernel.vat import FOR_EVER, MEMBERS, RATES, ROWS, RateKind, Row

DIFFERENCES = Path(__file__).with_name("rates_elsewhere.csv")
COMPARED, MISSING, PAST = "compared with ", "not in ", "past: not compared"
PACKAGE = "eu-vat-rates-data"


def differences() -> set[tuple[str, Decimal, str, str]]:
    with DIFFERENCES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert all(row["why"] for row in rows)
    return {(row["country"], Decimal(row["rate"]), row["here"], row["there"]) for row in rows}


def theirs(country: str) -> set[Decimal]:
    told = package.get_rate(country)
    assert told is not None, country
    extra = [rate for rate in (told["super_reduced"], told["parking"]) if rate is not None]
    return {Decimal(str(rate)).normalize() for rate in (told["standard"], *told["reduced"], *extra)}


def ours(country: str, on: date) -> set[Decimal]:
    return {row.rate.normalize() for row in ROWS if row.country == country and row.valid_from <= on <= row.valid_to}


def refused(row: Row) -> str:
    """Why a row may not stand in the table; empty if it may."""
    if not row.source:
        return "it does not say who publishes it"
    if row.valid_to != FOR_EVER:
        return "" if row.status == PAST else "what is past is compared with nothing"
    return "" if row.status.startswith((f"{COMPARED}{PACKAGE} ", f"{MISSING}{PACKAGE} ")) else "it has no status"


def test_each_row_names_its_source_and_its_status() -> None:
    assert {(row.country, row.rate, why) for row in ROWS if (why := refused(row))} == set()


@pytest.mark.parametrize(("source", "status"), [("", ROWS[0].status), ("somebody", ""), ("somebody", "surely right")])
def test_a_row_without_one_is_refused(source: str, status: str) -> None:
    row = ROWS[0]

    assert refused(Row(row.country, row.kind, row.rate, row.valid_from, FOR_EVER, "", source, status))


def test_the_rates_of_today_are_those_of_the_commissions_database_but_for_what_is_said_to_differ() -> None:
    on = date.fromisoformat(package.data_version)
    found = {(country, rate, "yes", "no") for country in RATES for rate in ours(country, on) - theirs(country)}
    found |= {(country, rate, "no", "yes") for country in RATES for rate in theirs(country) - ours(country, on)}

    assert found == differences()


def test_a_status_says_what_the_comparison_says() -> None:
    version = f"{PACKAGE} {installed(PACKAGE)}"
    for row in (row for row in ROWS if row.valid_to == FOR_EVER):
        agrees = row.rate.normalize() in theirs(row.country)

        assert row.status == (COMPARED if agrees else MISSING) + version, row


def test_the_standard_rate_is_the_same_one() -> None:
    on = date.fromisoformat(package.data_version)
    for country, timeline in RATES.items():
        [standard] = [rates.standard for rates in timeline if rates.valid_from <= on <= rates.valid_to]

        assert standard == Decimal(str(package.get_standard_rate(country))), country


def test_all_members_of_the_eu_and_the_countries_around_are_there() -> None:
    assert set(RATES) == set(MEMBERS) | {"XI", "NO", "CH"}


def test_each_countrys_rates_follow_one_another_without_gap_and_for_ever() -> None:
    for country, timeline in RATES.items():
        for earlier, later in pairwise(timeline):
            assert later.valid_from.toordinal() == earlier.valid_to.toordinal() + 1, country
        assert timeline[-1].valid_to == FOR_EVER, country


def test_no_two_rates_of_a_kind_hold_on_one_day() -> None:
    for one, other in combinations(ROWS, 2):
        if (one.country, one.kind) == (other.country, other.kind):
            assert one.valid_to < other.valid_from, (one, other)


def test_a_country_with_a_reduced_rate_has_one_from_its_first_day() -> None:
    # Else what is reduced would be taxed at the standard rate on the days that the table forgot.
    for country, timeline in RATES.items():
        reduced = {rates.reduced is not None for rates in timeline}

        assert len(reduced) == 1, country


@pytest.mark.parametrize(
    ("country", "on", "rates"),
    [
        ("FR", date(2026, 3, 2), {"20", "10", "5.5", "2.1"}),
        ("FR", date(2013, 12, 31), {"19.6", "7", "5.5", "2.1"}),
        ("SE", date(2026, 3, 2), {"25", "12", "6"}),
        ("NO", date(2026, 3, 2), {"25", "15", "12"}),
        ("CH", date(2023, 12, 31), {"7.7", "2.5", "3.7"}),
        ("CH", date(2024, 1, 1), {"8.1", "2.6", "3.8"}),
        ("DK", date(2026, 3, 2), {"25"}),
        ("GB", date(2021, 12, 1), {"20", "5", "12.5"}),
    ],
)
def test_all_rates_of_a_day_are_known(country: str, on: date, rates: set[str]) -> None:
    [span] = [span for span in RATES[country] if span.valid_from <= on <= span.valid_to]

    assert {str(rate) for _, rate in span.by_kind} == rates
    assert span.of_kind(RateKind.STANDARD) == span.standard
