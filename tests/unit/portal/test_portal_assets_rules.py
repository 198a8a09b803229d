"""An asset's age in words, and the cases that are about it."""

from datetime import date

import pytest

from services.portal.domain.assets import age, is_about
from services.portal.looks import Words

TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("since", "words"),
    [
        (date(2026, 3, 2), "0 Tage"),
        (date(2026, 2, 3), "27 Tage"),
        (date(2026, 2, 2), "1 Monat"),
        (date(2025, 3, 3), "11 Monate"),
        (date(2025, 3, 2), "1 Jahr"),
        (date(2023, 1, 30), "3 Jahre, 1 Monat"),
        (date(2019, 11, 4), "6 Jahre"),
        (date(2026, 4, 1), ""),
    ],
)
def test_an_age_is_said_in_whole_years_and_months_and_in_days_while_it_is_new(since: date, words: str):
    assert Words("de").age(age(since, TODAY)) == words


def test_a_case_is_about_an_asset_by_its_lines_or_as_a_whole():
    assert is_about([], ["1"])
    assert is_about(["1", "2"], ["2"])
    assert not is_about(["1"], ["2"])
