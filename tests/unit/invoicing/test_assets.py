"""What is told of an asset: the newest word holds, in whichever order words come."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import permutations

import pytest

from services.invoicing.domain.assets import READINGS_MAX, Asset, Reading, hear
from services.kernel.orders import Scope
from services.kernel.refusals import Conflict, Invalid


def on(day: int) -> datetime:
    return datetime(2026, 3, day, 8, tzinfo=UTC)


def hours(value: str, day: int, name: str = "Operating hours") -> Reading:
    return Reading(name, Decimal(value), "h", on(day))


def told(day: int, *readings: Reading, name: str = "Compressor") -> Asset:
    return Asset(
        tenant="acme",
        asset_id="A-1",
        account_id="b1",
        serial_number="SN-1",
        name=name,
        in_service_since=date(2023, 3, 2),
        next_visit_on=None,
        scope=Scope(),
        reported_at=on(day),
        readings=readings,
    )


def heard(*words: Asset) -> Asset:
    known = None
    for word in words:
        known = hear(known, word) or known
    assert known is not None
    return known


def test_words_come_to_the_same_in_whichever_order_they_come() -> None:
    words = (
        told(2, hours("100", 2), hours("7", 2, "Pressure")),
        told(5, hours("130", 4), name="Compressor, repaired"),
        told(3, hours("110", 3), hours("120", 4)),
    )

    known = {heard(*order) for order in permutations(words)}

    assert known == {told(5, hours("130", 4), hours("7", 2, "Pressure"), name="Compressor, repaired")}


def test_what_says_nothing_new_changes_nothing() -> None:
    known = heard(told(5, hours("130", 4)))

    assert hear(known, told(5, hours("130", 4))) is None
    assert hear(known, told(4, hours("110", 3), name="Pump")) is None


def test_a_newer_reading_counts_though_an_older_word_brings_it() -> None:
    known = heard(told(5, hours("130", 4)), told(3, hours("150", 6), name="Pump"))

    assert (known.name, known.readings) == ("Compressor", (hours("150", 6),))


def test_an_asset_stays_with_its_account() -> None:
    with pytest.raises(Conflict) as refused:
        hear(told(2), replace(told(3), account_id="b2"))

    assert refused.value.code == "asset.account_changed"


def test_an_asset_has_so_many_readings_and_no_more() -> None:
    full = told(2, *(hours("1", 2, f"r{nth}") for nth in range(READINGS_MAX)))
    assert heard(full, told(3, hours("2", 3, "r1"))).readings

    with pytest.raises(Conflict) as refused:
        hear(full, told(3, hours("1", 3, "one more")))

    assert refused.value.code == "asset.too_many_readings"


@pytest.mark.parametrize(
    ("asset", "code"),
    [
        (replace(told(2), asset_id=""), "asset.incomplete"),
        (replace(told(2), account_id=""), "asset.incomplete"),
        (told(2, hours("1", 2, "")), "asset.reading_unnamed"),
    ],
)
def test_what_names_nothing_is_refused(asset: Asset, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        asset.check()

    assert refused.value.code == code
