"""What of an answer of the source of rates is believed by itself, and how it is named."""

from datetime import date
from decimal import Decimal

import pytest
from receivables.sources.v1 import service_pb2

from deploy.local.sources import rates_of, rates_setting
from services.chassis.settings import Peer, load
from services.credit.domain.rates import Rate
from services.credit.rate_source import RATES_MOST, believed
from services.credit.settings import Settings

TODAY = date(2026, 1, 5)


def a_rate(quote: str = "SEK", rate: str = "11.25", day: str = "2026-01-05") -> service_pb2.Rate:
    return service_pb2.Rate(base="EUR", quote=quote, day=day, rate=rate)


def of(*rates: service_pb2.Rate) -> tuple[Rate, ...]:
    return believed(service_pb2.RatesResponse(rates=rates), TODAY)


SEK = Rate("EUR", "SEK", TODAY, Decimal("11.25"))


@pytest.mark.parametrize(
    "wrong",
    [
        a_rate("USD", rate="0"),
        a_rate("USD", rate="-1"),
        a_rate("USD", rate="1e3"),
        a_rate("USD", rate="1.00000000001"),
        a_rate("USD", rate="0" * 41),
        a_rate("EUR"),
        a_rate("XXX"),
        a_rate("USD", day="2026-01-06"),
        a_rate("USD", day="2025-12-04"),
        a_rate("USD", day="today"),
    ],
)
def test_what_is_no_rate_of_these_days_is_left_out_and_the_rest_counts(wrong: service_pb2.Rate):
    assert of(wrong, a_rate()) == (SEK,)


def test_a_pair_that_comes_twice_for_a_day_is_not_believed_at_all():
    assert of(a_rate(), a_rate(rate="11.26"), a_rate(day="2026-01-04")) == (
        Rate("EUR", "SEK", date(2026, 1, 4), Decimal("11.25")),
    )


def test_an_answer_with_too_much_in_it_is_none():
    assert of(*[a_rate()] * (RATES_MOST + 1)) == ()


def test_what_is_played_is_believed():
    assert len(of(*rates_of("2026-01-05"))) == len(rates_of("2026-01-05"))


@pytest.mark.parametrize(
    ("said", "port"),
    [
        ("", None),
        (rates_setting("a:1"), Peer(address="a:1")),
        ('{"address":"a:1","deadline_s":3}', Peer(address="a:1", deadline_s=3)),
    ],
)
def test_who_tells_rates_is_named_with_an_address(said: str, port: Peer | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AR_DATABASE_URL", "postgresql:///credit?host=/var/run/postgresql")
    monkeypatch.setenv("AR_CREDIT_RATES", said)

    assert load(Settings).credit_rates == port


@pytest.mark.parametrize(
    "said", ["rates.example:443", "[]", "{}", '{"address": "http://a:1"}', '{"address": "a:1", "keys": []}']
)
def test_a_source_of_rates_that_makes_no_sense_ends_the_start(said: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AR_DATABASE_URL", "postgresql:///credit?host=/var/run/postgresql")
    monkeypatch.setenv("AR_CREDIT_RATES", said)

    with pytest.raises(SystemExit, match=r"^AR_CREDIT_RATES: "):
        load(Settings)
