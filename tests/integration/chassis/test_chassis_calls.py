"""The gRPC door: a write once per idempotency key, refusals with their codes, tenants apart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from receivables.credit.v1 import service_pb2, service_pb2_grpc
from receivables.operations.v1 import service_pb2 as operations_pb2
from receivables.operations.v1 import service_pb2_grpc as operations_pb2_grpc
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from services.chassis import parts
from services.chassis.logs import trace_id
from services.chassis.service import Parts
from services.chassis.settings import ChassisSettings
from tests import callers
from tests.chaos.toy.events import effects, placed, told, waiting
from tests.chaos.toy.service import SERVICE, servicers

Toy = Parts[ChassisSettings]


class Caller:
    """Calls the toy as somebody."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._stub = service_pb2_grpc.CreditServiceStub(channel)
        self.operations = operations_pb2_grpc.OperationsServiceStub(channel)

    async def register(self, account: str = "b1", *, key: str = "k1", tenant: str = "acme", **more: str) -> Any:
        """Make a buyer known."""
        metadata = {"ar-tenant": tenant, "ar-idempotency-key": key, "ar-actor": "user:ada", "ar-reason": "test", **more}
        request = service_pb2.RegisterBuyerRequest(account_id=account)
        return await self._stub.RegisterBuyer(request, metadata=tuple(metadata.items()))

    async def decide(self, order: str, account: str = "b1", *, key: str = "", **more: str) -> Any:
        """Have an order decided."""
        metadata = {
            "ar-tenant": "acme",
            "ar-idempotency-key": key or order,
            "ar-actor": "user:ada",
            "ar-reason": "test",
        }
        request = service_pb2.DecideRequest(order_id=order, account_id=account)
        answer = await self._stub.Decide(request, metadata=tuple({**metadata, **more}.items()))
        return answer.decision.order_id

    async def send(self, payload: bytes, *more: tuple[str, str | bytes]) -> Any:
        """Register a buyer with whatever bytes, and metadata beside the usual."""
        metadata = (
            ("ar-tenant", "acme"),
            ("ar-idempotency-key", "k1"),
            ("ar-actor", "user:ada"),
            ("ar-reason", "test"),
        )
        call: Any = self._channel.unary_unary("/receivables.credit.v1.CreditService/RegisterBuyer")
        return await call(payload, metadata=(*metadata, *more))

    async def set_clock(self, **time: int) -> None:
        """Say what time it is, in seconds and nanos."""
        await self.operations.SetClock(operations_pb2.SetClockRequest(at=Timestamp(**time)))

    async def get(self, account: str = "b1", *, tenant: str = "acme") -> Any:
        """Ask for a buyer."""
        request = service_pb2.GetAccountRequest(account_id=account)
        return await self._stub.GetAccount(request, metadata=(("ar-tenant", tenant),))


@asynccontextmanager
async def serving(toy: Toy) -> AsyncIterator[Caller]:
    """A server of the toy, and its caller, over the wire."""
    async with callers.serving(SERVICE, toy) as channel:
        yield Caller(channel)


@pytest_asyncio.fixture
async def call(toy: Toy) -> AsyncIterator[Caller]:
    """Give a caller of the toy."""
    async with serving(toy) as caller:
        yield caller


@pytest_asyncio.fixture
async def believed(toy: Toy) -> AsyncIterator[Caller]:
    """Give a caller who brings no token, of a toy that takes its word for it while versions change."""
    async with (
        callers.answering("toy", servicers(toy), access="accept") as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        yield Caller(channel)


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    """The status and the stable code of a call that is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    status = rpc_status.from_call(failed.value)  # type: ignore[arg-type] # it has all that is read
    info = error_details_pb2.ErrorInfo()
    if status is not None and status.details:
        status.details[0].Unpack(info)
    return failed.value.code(), info.reason


async def test_a_request_with_text_that_nothing_can_hold_is_refused(toy: Toy, call: Caller):
    assert await refused(call.register("b\0")) == (grpc.StatusCode.INVALID_ARGUMENT, "text.control_character")
    assert await effects(toy.database) == []


async def test_the_same_key_repeats_the_answer_and_does_it_once(toy: Toy, call: Caller):
    first = await call.register()

    assert await call.register() == first
    assert await effects(toy.database) == ["/0 registered"]
    assert await told(toy.database) == ["BuyerRegistered buyer/b1 1"]


async def test_the_same_key_with_another_body_is_refused(toy: Toy, call: Caller):
    await call.register("b1")

    assert await refused(call.register("b2")) == (grpc.StatusCode.ALREADY_EXISTS, "call.key_reused")
    assert await effects(toy.database) == ["/0 registered"]


async def test_two_at_once_with_one_key_do_it_once_and_hear_the_same(toy: Toy, call: Caller):
    answers = await asyncio.gather(*(call.register() for _ in range(8)))

    assert all(answer == answers[0] for answer in answers)
    assert await effects(toy.database) == ["/0 registered"]


async def test_a_refused_call_leaves_nothing_not_even_its_key(toy: Toy, call: Caller):
    assert await refused(call.register("refused")) == (grpc.StatusCode.FAILED_PRECONDITION, "toy.refused")

    await call.register("b1", key="k1")

    assert await effects(toy.database) == ["/0 registered"]


async def test_one_tenants_key_and_rows_are_not_anothers(toy: Toy, call: Caller):
    await call.register("b1", tenant="acme")

    assert await refused(call.get("b1", tenant="other")) == (grpc.StatusCode.NOT_FOUND, "toy.unknown")
    await call.register("b1", tenant="other")

    assert await effects(toy.database, "other") == ["/0 registered"]
    assert (await call.get("b1", tenant="other")).account.account_id == "b1"


@pytest.mark.parametrize("missing", ["ar-tenant", "ar-idempotency-key", "ar-actor"])
async def test_a_write_without_a_token_says_for_whom_and_by_whom(believed: Caller, missing: str):
    code = await refused(believed.register(**{missing: ""}) if missing != "ar-tenant" else believed.register(tenant=""))

    assert code == (grpc.StatusCode.INVALID_ARGUMENT, "call.metadata_missing")


async def test_metadata_that_makes_no_sense_is_refused(call: Caller, believed: Caller):
    assert await refused(believed.register(tenant="a,b")) == (grpc.StatusCode.INVALID_ARGUMENT, "tenant.malformed")
    assert await refused(call.register(key="k" * 201)) == (grpc.StatusCode.INVALID_ARGUMENT, "call.metadata_too_long")
    assert await refused(call.register(key="k  1")) == (grpc.StatusCode.INVALID_ARGUMENT, "call.metadata_malformed")


@pytest.mark.parametrize("key", ["ar-tenant", "ar-idempotency-key", "ar-actor", "ar-reason", "ar-anything"])
async def test_who_says_twice_for_whom_or_why_is_refused(toy: Toy, call: Caller, key: str):
    twice = await refused(call.send(b"\x0a\x02b1", (key, "other"), (key, "another")))

    assert twice == (grpc.StatusCode.INVALID_ARGUMENT, "call.metadata_repeated")
    assert await effects(toy.database) == []


async def test_who_says_why_in_ascii_and_in_utf8_says_it_twice(toy: Toy, call: Caller):
    twice = await refused(call.send(b"\x0a\x02b1", ("ar-reason-bin", "größer".encode())))

    assert twice == (grpc.StatusCode.INVALID_ARGUMENT, "call.metadata_repeated")
    assert await effects(toy.database) == []


async def test_what_others_add_to_the_metadata_on_the_way_may_come_twice(call: Caller):
    await call.send(b"\x0a\x02b1", ("x-forwarded-for", "10.0.0.1"), ("x-forwarded-for", "10.0.0.2"))


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\x0a\x02\xff\xfe", "call.unreadable"),  # a text that is not UTF-8
        (b"\x0a\xff\xff\xff", "call.unreadable"),  # cut off
        (b"\x12\x00" * (parts.PARTS_MAX + 40_000), "call.too_large"),
    ],
)
async def test_bytes_that_are_no_request_are_refused(toy: Toy, call: Caller, payload: bytes, code: str):
    assert await refused(call.send(payload)) == (grpc.StatusCode.INVALID_ARGUMENT, code)
    assert await effects(toy.database) == []


async def test_a_refusal_repeats_so_little_that_its_answer_arrives(call: Caller):
    assert await refused(call.register("\u202e" * 16_000)) == (grpc.StatusCode.INVALID_ARGUMENT, "text.too_long")
    assert await refused(call.register("é\n" * 31)) == (grpc.StatusCode.INVALID_ARGUMENT, "text.control_character")


@pytest.mark.parametrize("state", ["22003", "22021", "22001", "54000"])
async def test_what_the_database_cannot_store_is_refused_and_no_defect(toy: Toy, call: Caller, state: str):
    assert await refused(call.register(f"raises {state}")) == (grpc.StatusCode.INVALID_ARGUMENT, "call.unstorable")
    assert await effects(toy.database) == []


@pytest.mark.parametrize(
    "time",
    [
        {"seconds": -62_135_596_801},
        {"seconds": 253_402_300_800},
        {"seconds": 2**63 - 1},
        {"seconds": 1_800_000_000, "nanos": 10**9},
        {"seconds": 1_800_000_000, "nanos": -1},
    ],
)
async def test_a_clock_cannot_be_set_to_what_is_no_time(call: Caller, time: dict[str, int]):
    assert await refused(call.set_clock(**time)) == (grpc.StatusCode.INVALID_ARGUMENT, "time.out_of_range")


async def test_a_clock_goes_forwards_alone_and_is_told_the_time(call: Caller):
    await call.set_clock(seconds=1_800_000_000)

    assert await refused(call.set_clock(seconds=1_799_999_999)) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "clock.backwards",
    )
    unsaid = await refused(call.operations.SetClock(operations_pb2.SetClockRequest()))
    assert unsaid == (grpc.StatusCode.INVALID_ARGUMENT, "clock.time_missing")


async def test_what_a_call_announces_wakes_what_waited_for_it(toy: Toy, call: Caller):
    await toy.consumer.handle([placed("o1", after="buyer/b1")])
    assert await waiting(toy.database) == ["early order/o1"]

    await call.register("b1")

    assert await effects(toy.database) == ["/0 registered", "o1/1 placed"]


async def test_a_database_that_is_away_asks_the_caller_to_come_again(toy: Toy, call: Caller):
    await toy.database.pool.close()

    code, _ = await refused(call.register())

    assert code is grpc.StatusCode.UNAVAILABLE


async def test_a_trace_that_is_none_is_not_gone_on_with(toy: Toy, call: Caller):
    await call.register(traceparent="somebody's name")

    async with toy.database.transaction(()) as tx:
        row = await tx.row("SELECT headers FROM outbox")
    assert len(trace_id(row.headers["traceparent"])) == 32


async def test_even_a_call_refused_for_its_metadata_is_logged_with_its_trace(call: Caller):
    with capture_logs(processors=[merge_contextvars]) as lines:
        await refused(call.register(tenant="No Tenant", traceparent=f"00-{'c' * 32}-{'d' * 16}-01"))

    assert [line["trace_id"] for line in lines if line["event"] == "call refused"] == ["c" * 32]


async def test_a_calls_trace_goes_on_in_what_it_announces(toy: Toy, call: Caller):
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"

    await call.register(traceparent=trace)

    async with toy.database.transaction(()) as tx:
        row = await tx.row("SELECT headers FROM outbox")
    assert row.headers["traceparent"] == trace
    assert (row.headers["ce_actor"], row.headers["ce_reason"], row.headers["ce_idempotencykey"]) == (
        "user:ada",
        "",
        "k1",
    )


async def transactions(toy: Toy) -> int:
    """How many transactions left the effects."""
    async with toy.database.transaction(["acme"]) as tx:
        return int((await tx.row("SELECT count(DISTINCT xmin::text) AS n FROM effect")).n)


async def test_calls_at_once_share_transactions_and_each_hears_its_own_answer(toy: Toy, call: Caller):
    orders = [f"o{n}" for n in range(40)]

    assert await asyncio.gather(*(call.decide(order) for order in orders)) == orders

    assert sorted(await effects(toy.database)) == sorted(f"{order}/1 decided" for order in orders)
    assert await transactions(toy) < 20
    assert await asyncio.gather(*(call.decide(order) for order in orders)) == orders  # the same keys, the same answers
    assert len(await effects(toy.database)) == 40


async def test_one_that_is_refused_among_calls_at_once_leaves_the_others_alone(toy: Toy, call: Caller):
    others = asyncio.gather(*(call.decide(f"o{n}") for n in range(10)))
    bad = [call.decide("refused", "refused"), call.decide("fails", "fails")]

    assert [await refused(one) for one in bad] == [
        (grpc.StatusCode.FAILED_PRECONDITION, "toy.refused"),
        (grpc.StatusCode.INTERNAL, ""),
    ]
    assert await others == [f"o{n}" for n in range(10)]
    assert len(await effects(toy.database)) == 10


async def test_one_key_several_times_among_calls_at_once_is_done_once(toy: Toy, call: Caller):
    calls = [call.decide("o1", key="k1") for _ in range(5)]
    calls += [call.decide(f"x{n}") for n in range(5)]
    calls += [call.decide("o2", key="k1") for _ in range(5)]

    answers = await asyncio.gather(*calls, return_exceptions=True)

    assert answers[5:10] == [f"x{n}" for n in range(5)]
    first, second = sorted((answers[:5], answers[10:]), key=lambda five: isinstance(five[0], Exception))
    assert first in (["o1"] * 5, ["o2"] * 5)  # whichever came first
    assert all(isinstance(one, grpc.aio.AioRpcError) for one in second)
    assert {one.code() for one in second} == {grpc.StatusCode.ALREADY_EXISTS}  # type: ignore[union-attr]
    assert len(await effects(toy.database)) == 6


async def test_the_same_calls_at_once_at_two_replicas_are_done_once(toy: Toy, call: Caller):
    orders = [f"o{n}" for n in range(30)]
    async with serving(toy) as another:
        answers = await asyncio.gather(
            *(one.decide(order) for order in orders for one in (call, another)), *(call.decide(o) for o in orders[::-1])
        )

    assert sorted(answers) == sorted(orders * 3)
    assert sorted(await effects(toy.database)) == sorted(f"{order}/1 decided" for order in orders)


async def test_calls_that_share_a_transaction_keep_their_own_traces(toy: Toy, call: Caller):
    traces = {f"o{n}": f"00-{n:032x}-{'d' * 16}-01" for n in range(1, 9)}

    await asyncio.gather(*(call.decide(order, traceparent=trace) for order, trace in traces.items()))

    async with toy.database.transaction(()) as tx:
        rows = await tx.rows("SELECT headers FROM outbox")
    assert {row.headers["ce_subject"].removeprefix("order/"): row.headers["traceparent"] for row in rows} == traces


async def test_a_caller_who_gave_up_leaves_the_others_alone(toy: Toy, call: Caller):
    async with toy.database.transaction(["acme"]) as tx:
        await tx.run("LOCK TABLE effect IN EXCLUSIVE MODE")
        hasty = [asyncio.create_task(call.decide(f"h{n}")) for n in range(3)]
        others = asyncio.gather(*(call.decide(f"o{n}") for n in range(5)))
        await asyncio.sleep(0.2)
        for task in hasty:
            task.cancel()
        await asyncio.gather(*hasty, return_exceptions=True)

    assert await others == [f"o{n}" for n in range(5)]
