"""Traces: each event, call and job in its own, what they share linked, nobody's words in any, and nothing where off."""

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import grpc
import pytest
import pytest_asyncio
from opentelemetry.sdk.trace import ReadableSpan

from deploy.local.artifacts import ROOT
from services.chassis import jobs, spans, tracing
from services.chassis.envelope import Origin, Record, new_traceparent
from services.chassis.jobs import Job
from services.chassis.service import Parts
from services.chassis.settings import ChassisSettings
from services.chassis.workers import Batch, Work, drain
from tests.chaos.toy.events import effects, placed, waiting
from tests.integration.chassis.test_chassis_calls import Caller, refused, serving
from tests.receiver import Receiver, Seen

Toy = Parts[ChassisSettings]
Begin = Callable[..., None]
PARENT = "d" * 16


def of(nth: int, flags: str = "01") -> str:
    """The n-th trace, as somebody before us says it."""
    return f"00-{nth:032x}-{PARENT}-{flags}"


def an_order(nth: int, flags: str = "01", **how: Any) -> Record:
    return placed(f"o{nth}", headers={"traceparent": of(nth, flags)}, **how)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Give what takes our spans."""
    with Receiver() as answers:
        yield answers


@pytest.fixture
def begin(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Give what begins to record, with further variables."""

    def begun(**variables: str) -> None:
        for name, value in (receiver.environment() | variables).items():
            monkeypatch.setenv(name, value)
        tracing.begin("toy")

    yield begun
    tracing.end()


@pytest_asyncio.fixture
async def call(toy: Toy) -> AsyncIterator[Caller]:
    """Give a caller of the toy."""
    async with serving(toy) as caller:
        yield caller


async def sent(receiver: Receiver) -> list[Seen]:
    """All that was recorded, in the order in which it began."""
    await asyncio.to_thread(tracing.end)
    return sorted(receiver.spans, key=lambda span: span.began)


async def announced(toy: Toy) -> dict[str, str]:
    """The traceparent of each event that was announced, by its subject."""
    async with toy.database.transaction(()) as tx:
        rows = await tx.rows("SELECT headers FROM outbox ORDER BY id")
    return {row.headers["ce_subject"]: row.headers["traceparent"] for row in rows}


async def test_an_event_is_handled_in_its_trace_and_what_comes_of_it_goes_on_there(
    toy: Toy, receiver: Receiver, begin: Begin
):
    begin()

    await toy.consumer.handle([an_order(1)])

    seen = await sent(receiver)
    [handled] = [span for span in seen if span.kind == "consumer"]
    assert (handled.service, handled.name) == ("receivables-toy", "process receivables.orders.v1")
    assert (handled.trace, handled.parent) == (f"{1:032x}", PARENT)
    assert handled.attributes["cloudevents.event_type"] == "receivables.orders.v1.OrderPlaced"
    [transaction] = [span for span in seen if span.name == "transaction"]
    statements = [span for span in seen if span.kind == "client"]
    assert transaction.parent == handled.id
    assert {span.parent for span in statements} == {transaction.id}
    assert {span.name for span in statements} >= {"INSERT", "WITH"}
    assert await announced(toy) == {"order/o1": handled.traceparent}


async def test_of_a_batch_each_event_has_its_span_and_links_to_the_first_s_where_their_work_is(
    toy: Toy, receiver: Receiver, begin: Begin
):
    begin()

    await toy.consumer.handle([an_order(n, account=f"b{n}") for n in range(1, 301)])

    seen = await sent(receiver)
    handled = [span for span in seen if span.kind == "consumer"]
    assert [span.trace for span in handled] == [f"{n:032x}" for n in range(1, 301)]
    first = handled[0]
    assert [span.links for span in handled] == [(), *[((first.trace, first.id),)] * 299]
    assert {span.trace for span in seen if span.kind != "consumer"} == {first.trace}
    assert await announced(toy) == {f"order/o{n}": span.traceparent for n, span in enumerate(handled, 1)}


async def test_what_was_not_recorded_before_us_is_not_recorded_by_us_and_stays_in_its_trace(
    toy: Toy, receiver: Receiver, begin: Begin
):
    begin(OTEL_TRACES_SAMPLER="parentbased_always_on")

    await toy.consumer.handle([an_order(1, "00"), an_order(2), an_order(3, "00")])

    [handled] = await sent(receiver)  # the work of all would be the first one's
    assert handled.trace == f"{2:032x}"
    told = await announced(toy)
    assert (told["order/o1"], told["order/o3"]) == (of(1, "00"), of(3, "00"))


async def test_where_nobody_wants_any_nothing_is_sent_and_all_know_it(toy: Toy, receiver: Receiver, begin: Begin):
    begin(OTEL_TRACES_SAMPLER="always_off")

    await toy.consumer.handle([an_order(1), placed("o2")])

    assert await sent(receiver) == []
    assert receiver.asked == 0
    told = await announced(toy)
    assert told["order/o1"].startswith(f"00-{1:032x}-")
    assert [traceparent[-2:] for traceparent in told.values()] == ["00", "00"]


@pytest.mark.parametrize("said", ["", "somebody's name", f"00-{'0' * 32}-{PARENT}-01", f"00-{'a' * 32}-{'0' * 16}-01"])
async def test_an_event_without_a_trace_begins_one(toy: Toy, receiver: Receiver, begin: Begin, said: str):
    begin()

    await toy.consumer.handle([placed("o1", headers={"traceparent": said})])

    [handled] = [span for span in await sent(receiver) if span.kind == "consumer"]
    assert handled.parent == ""
    assert await announced(toy) == {"order/o1": handled.traceparent}


async def test_a_span_says_that_its_event_was_parked_and_as_what(toy: Toy, receiver: Receiver, begin: Begin):
    begin()

    await toy.consumer.handle([an_order(1, site="fails"), an_order(2)])

    # The batch was undone and went by halves within its one transaction.
    handled = {span.trace: span for span in await sent(receiver) if span.kind == "consumer"}
    assert handled[f"{1:032x}"].attributes["receivables.parked"] == "failed"
    assert "receivables.parked" not in handled[f"{2:032x}"].attributes
    assert await waiting(toy.database) == ["failed order/o1"]


async def test_an_early_event_goes_on_in_its_trace_when_its_partner_comes(toy: Toy, receiver: Receiver, begin: Begin):
    begin()

    await toy.consumer.handle([an_order(1, after="order/o2")])
    await toy.consumer.handle([an_order(2)])

    seen = [span for span in await sent(receiver) if (span.trace, span.kind) == (f"{1:032x}", "consumer")]
    early, late = seen[0], seen[-1]
    assert (early.parent, early.attributes["receivables.parked"]) == (PARENT, "early")
    assert (late.parent, late.attributes.get("receivables.parked")) == (PARENT, None)
    assert (await announced(toy))["order/o1"] == late.traceparent


async def test_a_call_is_a_span_and_its_statements_are_within(toy: Toy, call: Caller, receiver: Receiver, begin: Begin):
    begin()

    await call.register(traceparent=of(1))

    seen = await sent(receiver)
    [served] = [span for span in seen if span.kind == "server"]
    assert served.name == "receivables.credit.v1.CreditService/RegisterBuyer"
    assert (served.trace, served.parent, served.failed) == (f"{1:032x}", PARENT, False)
    assert {span.trace for span in seen} == {f"{1:032x}"}
    assert await announced(toy) == {"buyer/b1": served.traceparent}


async def test_a_refusal_is_no_error_and_a_defect_is_one_and_neither_says_what_somebody_wrote(
    toy: Toy, call: Caller, receiver: Receiver, begin: Begin
):
    begin()

    await refused(call.register("refused", key="a-key-with-a-name"))
    await refused(call.register("raises 22012", key="k2"))
    with pytest.raises(grpc.aio.AioRpcError):
        await call.register("raises 42601", key="k3")  # a syntax error: ours

    seen = await sent(receiver)
    served = [(span.attributes.get("error.type"), span.failed) for span in seen if span.kind == "server"]
    assert served == [("toy.refused", False), ("DivisionByZero", True), ("SyntaxError", True)]
    assert all(not span.whole.events and not span.whole.status.message for span in seen)


async def test_calls_that_share_a_transaction_link_to_it_and_go_on_each_in_its_own(
    toy: Toy, call: Caller, receiver: Receiver, begin: Begin
):
    begin()

    await asyncio.gather(*(call.decide(f"o{n}", traceparent=of(n)) for n in range(1, 21)))

    seen = await sent(receiver)
    served = {span.trace: span for span in seen if span.kind == "server"}
    assert await announced(toy) == {f"order/o{n}": served[f"{n:032x}"].traceparent for n in range(1, 21)}
    shared = [span for span in seen if span.name == "Decide of several"]
    parents = {(span.trace, span.parent) for span in shared}
    linked = {link for span in shared for link in span.links}
    assert parents | linked == {(span.trace, span.id) for span in served.values()}
    assert not parents & linked
    assert {span.parent for span in seen if span.name == "transaction"} <= {span.id for span in shared}


async def test_a_job_goes_on_in_the_trace_that_made_it_and_one_of_the_clock_begins_its_own(
    toy: Toy, receiver: Receiver, begin: Begin
):
    begin()
    word = Origin("acme", "user:ada", "test", "key", of(1))
    done: list[Job] = []

    async def do(batch: Batch) -> None:
        async with batch.finishing() as finished:
            done.extend(finished.jobs)

    async with toy.database.transaction(["acme"]) as tx:
        await tx.run("INSERT INTO tenant VALUES ('acme')")
        await jobs.add(tx, [Job("toy", "asked", word)])
        clock = replace(word, tenant="", traceparent=new_traceparent())
        found = "SELECT 'acme', 'toy', 'due/' || n, '', 1 FROM generate_series(1, 2) AS n"
        assert await jobs.find(tx, clock, found, []) == 2
    await drain(toy.consumer, [Work("toy", do)])

    ran = [span for span in await sent(receiver) if span.name == "job toy"]
    assert [(span.trace == f"{1:032x}", span.parent) for span in ran] == [(True, PARENT), (False, ""), (False, "")]
    assert len({span.trace for span in ran}) == 3
    assert [job.origin.traceparent for job in done] == [span.traceparent for span in ran]


async def test_statements_are_told_without_their_values_also_those_of_one_trip_and_only_in_a_trace(
    toy: Toy, receiver: Receiver, begin: Begin
):
    begin()
    question = "SELECT %s::text AS said"
    async with toy.database.transaction(["acme"]) as tx:
        await tx.rows(question, ["nobody asks in a trace"])

    with tracing.span("here", "internal", of(1)):
        async with toy.database.transaction(["acme"]) as tx:
            rows = await tx.ask((question, ["kim"]), (f"{question}, 2 AS n", ["lee"]))
            assert [row.said for [row] in rows] == ["kim", "lee"]
            assert await tx.run("UPDATE effect SET what = %s WHERE false", ["kim"]) == 0
    async with toy.database.transaction(["acme"]) as tx:
        await tx.rows(question, ["nor afterwards"])

    statements = [span for span in await sent(receiver) if span.kind == "client"]
    assert [span.attributes["db.statement"] for span in statements] == [
        question,
        f"{question}, 2 AS n",
        "UPDATE effect SET what = %s WHERE false",
    ]
    assert not any("kim" in str(span.whole) or "acme" in str(span.whole) for span in receiver.spans)


async def test_what_the_database_says_of_a_value_is_in_no_span(toy: Toy, receiver: Receiver, begin: Begin):
    begin()

    with pytest.raises(Exception, match="kim"), tracing.span("here", "internal", of(1)):
        async with toy.database.transaction(["acme"]) as tx:
            await tx.run("SELECT %s::text::int", ["kim"])

    seen = await sent(receiver)
    assert {span.attributes.get("error.type") for span in seen} == {"InvalidTextRepresentation"}
    assert all(span.failed for span in seen)
    assert "kim" not in str([span.whole for span in seen])


async def test_a_receiver_that_takes_nothing_costs_spans_and_no_business(toy: Toy, receiver: Receiver, begin: Begin):
    receiver.hold()
    begin(OTEL_BSP_MAX_QUEUE_SIZE="64", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="16", OTEL_BSP_SCHEDULE_DELAY="10")

    for batch in range(10):
        await toy.consumer.handle([an_order(batch * 100 + n + 1) for n in range(100)])
    assert receiver.asked > 0
    assert (
        sum(isinstance(kept, ReadableSpan) for kept in gc.get_objects()) <= 64 + 2 * 16
    )  # who waits, is sent, or worked
    began = time.monotonic()
    await asyncio.to_thread(tracing.end)

    assert time.monotonic() - began < spans.END_S + 1
    assert len(await effects(toy.database)) == 1000


async def test_a_receiver_that_is_away_costs_spans_and_no_business(toy: Toy, begin: Begin):
    begin(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")

    await toy.consumer.handle([an_order(n) for n in range(1, 101)])
    began = time.monotonic()
    await asyncio.to_thread(tracing.end)

    assert time.monotonic() - began < spans.END_S + 1
    assert len(await effects(toy.database)) == 100


async def test_the_standard_variables_name_the_service_and_can_switch_all_off(
    toy: Toy, receiver: Receiver, begin: Begin
):
    begin(OTEL_SDK_DISABLED="true")
    assert not tracing.is_on()
    begin(OTEL_SDK_DISABLED="false", OTEL_TRACES_EXPORTER="none")
    assert not tracing.is_on()
    begin(OTEL_TRACES_EXPORTER="otlp", OTEL_SERVICE_NAME="another")

    await toy.consumer.handle([an_order(1)])

    assert {span.service for span in await sent(receiver)} == {"another"}


def test_a_protocol_that_we_do_not_speak_ends_the_start_with_a_line(begin: Begin):
    with pytest.raises(SystemExit, match="OTEL_EXPORTER_OTLP_PROTOCOL"):
        begin(OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")


def test_switched_off_nothing_of_it_is_loaded():
    words = "import sys, services.credit.service, services.notifications.service; print([m for m in sys.modules if m.startswith('opentelemetry')])"
    said = subprocess.run(
        [sys.executable, "-c", words],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.strip() == "[]"
