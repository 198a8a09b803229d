"""Whom credit asks about companies, when a source is spared, and what of an answer is believed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given as given_any
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from receivables.sources.v1 import service_pb2

from deploy.local.sources import FACTS, SPECIAL, Company, setting
from services.chassis.settings import load
from services.credit.settings import Settings, Source
from services.credit.sources import ANSWER_MAX, FACTS_MAX, FAILURES_MAX, SPARED_S, Breaker, Question, Told, believed
from services.kernel.money import decimal
from services.kernel.refusals import Invalid

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
KEYS = {"company_status", "employees"}


def read_status(text: str) -> str:
    if text not in ("active", "dissolved"):
        raise Invalid("fact.value", "no status")
    return text


QUESTION = Question({}, {"company_status": read_status, "employees": lambda text: decimal(text, what="a number")}, NOW)


def told(*facts: service_pb2.Found) -> tuple[Told, ...]:
    return believed("registry", KEYS, QUESTION, service_pb2.LookResponse(facts=facts))


def a_fact(key: str = "company_status", value: str = "active", **times: datetime) -> service_pb2.Found:
    fact = service_pb2.Found(key=key, value=value, evidence="extract 7")
    for name, at in times.items():
        getattr(fact, name).FromDatetime(at)
    return fact


def disbelieved(why: str) -> float:
    labels = {"source": "registry", "reason": why}
    return REGISTRY.get_sample_value("ar_credit_source_disbelieved_total", labels) or 0.0


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def failing(breaker: Breaker, times: int) -> list[bool]:
    return [breaker.failed() for _ in range(times)]


def test_a_source_that_failed_five_times_in_a_row_is_spared(clock: Clock):
    breaker = Breaker(clock)

    assert failing(breaker, FAILURES_MAX) == [False, False, False, False, True]
    assert not breaker.lets()


def test_an_answer_in_between_begins_the_count_anew(clock: Clock):
    breaker = Breaker(clock)
    failing(breaker, FAILURES_MAX - 1)

    breaker.answered()

    assert not any(failing(breaker, FAILURES_MAX - 1))
    assert breaker.lets()


def test_a_source_that_is_spared_is_asked_again_after_a_while_and_one_more_failure_spares_it_as_long(clock: Clock):
    breaker = Breaker(clock)
    failing(breaker, FAILURES_MAX)

    clock.s += SPARED_S - 0.1
    assert not breaker.lets()
    clock.s += 0.1
    assert breaker.lets()

    assert breaker.failed()
    assert not breaker.lets()
    clock.s += SPARED_S
    breaker.answered()
    assert not breaker.failed()
    assert breaker.lets()


def test_a_fact_is_believed_with_where_it_comes_from_and_since_when():
    last_year = NOW - timedelta(days=30)

    assert told(a_fact(as_of=last_year, valid_until=NOW + timedelta(days=1))) == (
        Told("company_status", "active", "registry", "extract 7", last_year, NOW + timedelta(days=1)),
    )


def test_that_there_is_none_is_an_answer_too():
    assert told(a_fact(value="")) == (Told("company_status", "", "registry", "extract 7"),)


@pytest.mark.parametrize(
    ("facts", "why", "times"),
    [
        ([a_fact("iban", "DE89370400440532013000")], "unasked", 1),
        ([a_fact("", "active")], "unasked", 1),
        ([a_fact(), a_fact(value="dissolved")], "twice", 2),
        ([a_fact(value="splendid")], "value", 1),
        ([a_fact(value="active\x00")], "value", 1),
        ([a_fact("employees", "1e9"), a_fact(value="x" * 2001)], "value", 2),
        ([a_fact("employees", "NaN")], "value", 1),
        ([service_pb2.Found(key="employees", value="1", evidence="two\nlines")], "value", 1),
        ([a_fact(valid_until=NOW)], "time", 1),
        ([a_fact(as_of=NOW + timedelta(days=2))], "time", 1),
        ([a_fact(as_of=datetime(1066, 10, 14, tzinfo=UTC))], "value", 1),
        ([a_fact()] * (FACTS_MAX + 1), "too_many", 1),
    ],
)
def test_what_was_not_asked_for_or_makes_no_sense_is_counted_and_not_believed(facts: list[Any], why: str, times: int):
    before = disbelieved(why)

    assert told(*facts) == ()
    assert disbelieved(why) == before + times


def test_nonsense_beside_it_takes_nothing_from_a_fact():
    assert [fact.key for fact in told(a_fact("employees", "many"), a_fact(), a_fact("iban", "1"))] == ["company_status"]


FACTS_OF_ALL_KINDS = st.builds(
    lambda key, value, evidence, as_of, valid_until: service_pb2.Found(
        key=key, value=value, evidence=evidence, as_of=as_of, valid_until=valid_until
    ),
    st.sampled_from([*KEYS, "iban"]) | st.text(max_size=5),
    st.sampled_from(["active", "7", ""]) | st.text(max_size=20),
    st.text(max_size=20),
    *(
        st.none()
        | st.builds(Timestamp, seconds=st.integers(-(2**63), 2**63 - 1), nanos=st.integers(-(2**31), 2**31 - 1)),
    )
    * 2,
)


@given_any(st.lists(FACTS_OF_ALL_KINDS, max_size=5))
def test_whatever_a_source_says_is_believed_or_not_and_no_defect(facts: list[service_pb2.Found]):
    for fact in told(*facts):
        assert fact.key in KEYS
        assert fact.value == "" or QUESTION.wanted[fact.key](fact.value) is not None
        assert fact.valid_until is None or fact.valid_until > NOW


def test_all_that_a_contract_allows_fits_into_an_answer():
    full = [a_fact(f"key_{n}", "\N{EURO SIGN}" * 1000 + "x" * 1000) for n in range(FACTS_MAX)]

    assert service_pb2.LookResponse(facts=full).ByteSize() < ANSWER_MAX


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AR_DATABASE_URL", "postgresql:///credit?host=/var/run/postgresql")
    return monkeypatch


def test_where_nothing_is_said_no_source_is_asked(given: pytest.MonkeyPatch):
    assert load(Settings).credit_sources == {}


def test_a_source_is_named_with_its_address_and_what_it_knows(given: pytest.MonkeyPatch):
    given.setenv("AR_CREDIT_SOURCES", '{"registry": {"address": "dns:///registry.example:443", "keys": ["employees"]}}')

    assert load(Settings).credit_sources == {
        "registry": Source(address="dns:///registry.example:443", keys=frozenset({"employees"}))
    }


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("registry", "is no JSON"),
        ("[]", "all of it: "),
        ('{"Registry": {"address": "a:1", "keys": ["k"]}}', "Registry: "),
        ('{"applicant": {"address": "a:1", "keys": ["k"]}}', "applicant is no name of a source"),
        ('{"registry": {"keys": ["k"]}}', "registry.address: Field required"),
        ('{"registry": {"address": "a", "keys": ["k"]}}', "registry.address: "),
        ('{"registry": {"address": "http://a:1", "keys": ["k"]}}', "registry.address: "),
        ('{"registry": {"address": "a:1"}}', "registry.keys: Field required"),
        ('{"registry": {"address": "a:1", "keys": []}}', "registry.keys: "),
        ('{"registry": {"address": "a:1", "keys": ["Company name"]}}', "registry.keys.0: "),
        ('{"registry": {"address": "a:1", "keys": ["k"], "told": []}}', "registry.told: "),
        ('{"registry": {"address": "a:1", "keys": ["k"], "deadline_s": 0}}', "registry.deadline_s: "),
        ('{"registry": {"address": "a:1", "keys": ["k"], "timeout": 1}}', "registry.timeout: "),
    ],
)
def test_sources_that_make_no_sense_end_the_start_with_a_line_that_names_the_place(
    said: str, why: str, given: pytest.MonkeyPatch
):
    given.setenv("AR_CREDIT_SOURCES", said)

    with pytest.raises(SystemExit, match=r"^AR_CREDIT_SOURCES: ") as ended:
        load(Settings)

    assert why in str(ended.value)


def test_the_sources_that_are_played_are_what_the_setting_takes(given: pytest.MonkeyPatch):
    given.setenv("AR_CREDIT_SOURCES", setting("127.0.0.1:50061"))

    assert {name: source.keys for name, source in load(Settings).credit_sources.items()} == {
        name: set(facts) for name, facts in FACTS.items()
    }
    assert {name for behaviours in SPECIAL.values() for name in behaviours} <= FACTS.keys()


def test_what_is_played_follows_from_a_companys_number_alone():
    def said(number: str) -> list[str]:
        company = {name: Company.of({"country": "SE", "register_number": number}, name) for name in FACTS}
        return [tell(company[name]) for name, facts in FACTS.items() for tell in facts.values()]

    assert said("5560360793") == said("5560360793")
    assert said("5560360793") != said("5560125790")
