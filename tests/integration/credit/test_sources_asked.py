"""Credit asks the sources that the demo has: one process that plays all of them, over gRPC."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import grpc
import pytest
from prometheus_client import REGISTRY
from receivables.sources.v1 import service_pb2

from deploy.local import sources as played
from deploy.local.authority import Authority, write
from deploy.local.processes import free_port
from deploy.local.sources import Town
from deploy.local.trust import Issuers
from services.chassis import tls
from services.chassis.access import IDENTITY
from services.chassis.identity import Principal, Speaker
from services.credit.settings import Source
from services.credit.sources import ANSWER_MAX, FAILURES_MAX, SPARED_S, Gathered, Sources
from tests.integration.credit.town import EVERYBODY, ORIGIN, READERS, SLOW_S, about, given, told

WITHIN_S = SLOW_S / 4  # for the first answer: long enough for a slow machine, and far from what is slow


def counted(source: str, outcome: str) -> float:
    labels = {"source": source, "outcome": outcome}
    return REGISTRY.get_sample_value("ar_credit_source_seconds_count", labels) or 0.0


def disbelieved(source: str, why: str) -> float:
    labels = {"source": source, "reason": why}
    return REGISTRY.get_sample_value("ar_credit_source_disbelieved_total", labels) or 0.0


def plainly(tenant: str, _audience: str) -> list[tuple[str, str]]:
    """Who says no more than for whom it asks."""
    return [("ar-tenant", tenant)]


Opened = Callable[..., AbstractAsyncContextManager[Sources]]


@pytest.fixture
def opened(town: Town) -> Opened:
    @asynccontextmanager
    async def opened(now: Callable[[], float] = time.monotonic, **changes: Any) -> AsyncIterator[Sources]:
        sources = Sources(given(town.setting, **changes), plainly, None, now=now)
        try:
            # The first call to each also connects.
            await sources.look(ORIGIN, about("00000000"))
            yield sources
        finally:
            await sources.close()

    return opened


async def test_all_are_asked_together_and_each_fact_says_whose_it_is(opened: Opened):
    async with opened() as sources:
        gathered = await sources.look(ORIGIN, about("00445790", company_name="Bridge Ltd"), within_s=WITHIN_S)

    assert not gathered.again
    assert told(gathered, "company_name") == dict.fromkeys(("registry", "vies", "gleif"), "Bridge Ltd")
    assert told(gathered, "company_status") == {"registry": "active"}
    assert told(gathered, "lei") == {"gleif": ""}
    assert {fact.source for fact in gathered.found} == EVERYBODY
    assert {fact.key for fact in gathered.found} == READERS.keys()
    [name] = [fact for fact in gathered.found if (fact.source, fact.key) == ("registry", "company_name")]
    assert (name.evidence, name.as_of) == ("extract 00445790", datetime(2025, 12, 1, tzinfo=UTC))


async def test_only_those_are_asked_who_know_something_that_is_wanted(opened: Opened):
    before = {name: counted(name, "told") for name in EVERYBODY}
    async with opened() as sources:
        connected = {name: counted(name, "told") for name in EVERYBODY}
        gathered = await sources.look(ORIGIN, about("00445790", "bureau_limit"), within_s=WITHIN_S)
        after = {name: counted(name, "told") for name in EVERYBODY}

    assert {fact.key for fact in gathered.found} == {"bureau_limit"}
    assert {name for name in EVERYBODY if after[name] > connected[name]} == {"bureau"}
    assert all(connected[name] == before[name] + 1 for name in EVERYBODY)


async def test_the_same_company_is_told_the_same_each_time(opened: Opened):
    async with opened() as sources:
        once = await sources.look(ORIGIN, about("00445790"), within_s=WITHIN_S)
        again = await sources.look(ORIGIN, about("00445790"), within_s=WITHIN_S)

    assert once == again


async def test_who_is_slow_is_not_waited_for_and_answers_when_there_is_time(opened: Opened):
    question = about("99000001")
    async with opened() as sources:
        began = time.perf_counter()
        gathered = await sources.look(ORIGIN, question, within_s=WITHIN_S)
        took_s = time.perf_counter() - began
        later = await sources.look(ORIGIN, question, only=gathered.again)

    assert took_s < SLOW_S
    assert gathered.late == gathered.again == {"bureau"}
    assert {fact.source for fact in gathered.found} == EVERYBODY - {"bureau"}
    assert {fact.source for fact in later.found} == {"bureau"}
    assert {fact.key for fact in later.found} == played.FACTS["bureau"].keys()
    assert not later.again


async def test_the_first_answer_takes_its_time_and_no_more_while_one_never_answers(opened: Opened):
    """By ratio, since the machine may be slow: as long as the first answer may take, beside what it takes without."""
    within_s, times = 0.15, 20

    async def took(sources: Sources, number: str) -> float:
        began = time.perf_counter()
        await sources.look(ORIGIN, about(number), within_s=within_s)
        return time.perf_counter() - began

    async with opened() as sources:
        whole = [await took(sources, "00445790") for _ in range(times)]
        silent = [await took(sources, "99000006") for _ in range(times)]

    assert min(silent) > within_s * 0.9
    assert median(silent) < (within_s + median(whole)) * 2


async def test_who_is_away_takes_nothing_from_the_others(opened: Opened):
    async with opened() as sources:
        gathered = await sources.look(ORIGIN, about("99000002"), within_s=WITHIN_S)

    assert gathered.away == gathered.again == {"registry"}
    assert {fact.source for fact in gathered.found} == EVERYBODY - {"registry"}


async def test_what_a_source_cannot_say_now_is_asked_again(opened: Opened):
    async with opened() as sources:
        gathered = await sources.look(ORIGIN, about("99000007"), within_s=WITHIN_S)

    assert gathered.unavailable == {"vies": {"company_name"}}
    assert gathered.again == {"vies"}


async def test_sources_that_contradict_each_other_are_both_heard(opened: Opened):
    async with opened() as sources:
        gathered = await sources.look(ORIGIN, about("99000003", company_name="Bridge Ltd"), within_s=WITHIN_S)

    assert told(gathered, "company_name") == {
        "registry": "Bridge Ltd",
        "vies": "Bridge Ltd",
        "gleif": "Bridge Ltd Holdings",
    }


async def test_a_company_may_be_dissolved_and_its_account_anothers(opened: Opened):
    question = about("99000004", company_name="Bridge Ltd", iban="DE89370400440532013000")
    async with opened() as sources:
        gathered = await sources.look(ORIGIN, question, within_s=WITHIN_S)

    assert told(gathered, "company_status") == {"registry": "dissolved"}
    assert told(gathered, "bank_holder_similarity") == {"payee": "0.31"}


async def test_nonsense_is_counted_and_not_believed(opened: Opened):
    async with opened() as sources:
        before = {why: disbelieved("bureau", why) for why in ("unasked", "value", "twice")}
        gathered = await sources.look(ORIGIN, about("99000005"), within_s=WITHIN_S)

    assert {fact.key for fact in gathered.found if fact.source == "bureau"} == {"bureau_source"}
    assert not gathered.again
    after = {why: disbelieved("bureau", why) - count for why, count in before.items()}
    # A bureau's own name may be any text.
    assert after == {"unasked": 1, "value": 3, "twice": 2}


async def test_who_failed_five_times_is_spared_for_a_while(opened: Opened):
    seconds = [1000.0]
    async with opened(now=lambda: seconds[0]) as sources:
        look = partial(sources.look, ORIGIN, about("99000002"), within_s=WITHIN_S)
        for _ in range(FAILURES_MAX):
            assert (await look()).away == {"registry"}
        asked = counted("registry", "away")

        spared = await look()
        assert spared.away == {"registry"}
        assert counted("registry", "away") == asked

        seconds[0] += SPARED_S
        await look()
        assert counted("registry", "away") == asked + 1
        # Nor is it asked about others, until it is its turn again; then it answers, and is back.
        assert not told(await sources.look(ORIGIN, about("00445790"), within_s=WITHIN_S), "company_status")
        seconds[0] += SPARED_S
        assert told(await sources.look(ORIGIN, about("00445790"), within_s=WITHIN_S), "company_status")


async def test_to_be_too_late_for_the_first_answer_is_no_failure(opened: Opened):
    async with opened() as sources:
        first = [await sources.look(ORIGIN, about("99000001"), within_s=0.05) for _ in range(FAILURES_MAX + 1)]
        later = await sources.look(ORIGIN, about("99000001"))

    assert all("bureau" in gathered.late for gathered in first)
    assert told(later, "bureau_limit")


async def test_to_be_later_than_its_own_deadline_is_one(opened: Opened):
    async with opened(deadline_s=0.3) as sources:
        question = about("99000006", "insurer_limit")
        gathered = [await sources.look(ORIGIN, question) for _ in range(FAILURES_MAX + 1)]

    assert gathered[0].late == gathered[-1].away == {"insurer"}


async def test_a_source_is_told_nothing_but_what_it_may_know(town: Town):
    """A bank finds nobody by a register number: what it tells of a company follows from its account alone."""
    sources = Sources(given(town.setting), plainly, None)
    one, other = [
        await sources.look(ORIGIN, about(number, "bank_account_age_days")) for number in ("00445790", "99000004")
    ]
    without = await sources.look(ORIGIN, about("00445790", "bank_account_age_days", "company_status", iban=""))
    await sources.close()

    assert told(one, "bank_account_age_days")
    assert one.found == other.found
    assert {fact.key for fact in without.found} == {"company_status"}


async def test_where_nobody_listens_they_are_all_away():
    sources = Sources(given(played.setting(f"127.0.0.1:{free_port()}")), plainly, None)
    gathered = await sources.look(ORIGIN, about("00445790"), within_s=WITHIN_S)
    await sources.close()

    assert gathered.away == EVERYBODY
    assert gathered.found == ()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def issuers(tmp_path: Path) -> Issuers:
    return Issuers(tmp_path / "identity").make(["credit", "ledger"])


def signed(issuers: Issuers, subject: str = "service:credit", audience: str = "") -> Speaker:
    """Who says with each call that it is credit."""
    name = subject.partition(":")[2]

    def speak(tenant: str, called: str) -> list[tuple[str, str]]:
        token = issuers.signer(name).sign(Principal(subject, tenant, name), audience or called)
        return [("ar-tenant", tenant), (IDENTITY, token)]

    return speak


@pytest.fixture
def closed_town(authority: Authority, issuers: Issuers, tmp_path: Path) -> Iterator[Town]:
    """Plays them over mutual TLS, and asks for tokens."""
    with Town(tmp_path / "log", tls_dir=played.certify(authority), trust_dir=issuers.trust) as town:
        yield town


async def away(town: Town, speak: Speaker, folder: Path) -> set[str]:
    """Who does not answer, of all of them."""
    sources = Sources(given(town.setting), speak, tls.Holder(folder))
    gathered = await sources.look(ORIGIN, about("00445790"))
    await sources.close()
    assert {fact.source for fact in gathered.found} == EVERYBODY - gathered.away
    return set(gathered.away)


async def test_credit_is_known_by_its_certificate_and_its_token(
    closed_town: Town, authority: Authority, issuers: Issuers
):
    assert await away(closed_town, signed(issuers), authority.issue("credit")) == set()


async def test_whoever_is_not_credit_is_told_nothing(
    closed_town: Town, authority: Authority, issuers: Issuers, tmp_path: Path
):
    credit, stranger = authority.issue("credit"), Authority(tmp_path / "elsewhere").issue("credit")
    write(stranger / tls.AUTHORITIES, authority.file.read_bytes())

    assert await away(closed_town, signed(issuers), authority.issue("ledger")) == EVERYBODY
    assert await away(closed_town, signed(issuers), stranger) == EVERYBODY
    assert await away(closed_town, plainly, credit) == EVERYBODY
    assert await away(closed_town, signed(issuers, "service:ledger"), credit) == EVERYBODY
    assert await away(closed_town, signed(issuers, audience="source-vies"), credit) == EVERYBODY - {"vies"}


async def test_a_source_with_anothers_certificate_is_not_believed(
    authority: Authority, issuers: Issuers, tmp_path: Path
):
    """Of one authority, and for one name: it is that one, and none of the others."""
    with Town(tmp_path / "log", tls_dir=authority.issue("source-vies"), trust_dir=issuers.trust) as town:
        found = await away(town, signed(issuers), authority.issue("credit"))

    assert found == EVERYBODY - {"vies"}


async def test_many_at_once_are_answered(opened: Opened):
    async with opened() as sources:
        numbers = [f"{n:08}" for n in range(50)]
        gathered = await asyncio.gather(*(sources.look(ORIGIN, about(number)) for number in numbers))

    assert all({fact.source for fact in one.found} == EVERYBODY for one in gathered)


@asynccontextmanager
async def saying(payload: bytes) -> AsyncIterator[Sources]:
    """A source that says this, whatever it is asked."""

    async def answer(_request: bytes, _context: Any) -> bytes:
        return payload

    server = grpc.aio.server()
    methods: dict[str, Any] = {"Look": grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("receivables.sources.v1.SourceService", methods),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sources = Sources({"odd": Source(address=f"127.0.0.1:{port}", keys=frozenset(READERS))}, plainly, None)
    try:
        yield sources
    finally:
        await sources.close()
        await server.stop(None)


HUGE = service_pb2.LookResponse(facts=[service_pb2.Found(key="lei", value="x" * ANSWER_MAX)]).SerializeToString()


@pytest.mark.parametrize(
    "payload",
    [b"<html>502 Bad Gateway</html>", b"\x0a\x05\x0a\x03\xff\xfe\xfd", HUGE],
    ids=["html", "no UTF-8", "huge"],
)
async def test_what_is_no_answer_is_a_failure_of_the_source(payload: bytes):
    async with saying(payload) as sources:
        gathered = [await sources.look(ORIGIN, about("00445790")) for _ in range(FAILURES_MAX + 1)]
        spared = counted("odd", "spared")

    assert all(each.away == {"odd"} and not each.found for each in gathered)
    assert spared >= 1


async def test_an_empty_answer_knows_nothing():
    async with saying(b"") as sources:
        assert await sources.look(ORIGIN, about("00445790")) == Gathered()
