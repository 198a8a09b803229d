"""The gRPC door: a write once per idempotency key, refusals with their codes, tenants apart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from receivables.credit.v1 import service_pb2, service_pb2_grpc
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from services.chassis.logs import trace_id
from services.chassis.service import Parts
from services.chassis.settings import ChassisSettings
from tests.chaos.toy.events import effects, placed, told, waiting
from tests.chaos.toy.service import servicers

Toy = Parts[ChassisSettings]


class Caller:
    """Calls the toy as somebody."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = service_pb2_grpc.CreditServiceStub(channel)

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

    async def get(self, account: str = "b1", *, tenant: str = "acme") -> Any:
        """Ask for a buyer."""
        request = service_pb2.GetAccountRequest(account_id=account)
        return await self._stub.GetAccount(request, metadata=(("ar-tenant", tenant),))


@asynccontextmanager
async def serving(toy: Toy) -> AsyncIterator[Caller]:
    """A server of the toy, and its caller, over the wire."""
    server = grpc.aio.server()
    [servicer] = servicers(toy)
    servicer.add(servicer.answers, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Caller(channel)
    await server.stop(None)


@pytest_asyncio.fixture
async def call(toy: Toy) -> AsyncIterator[Caller]:
    """Give a caller of the toy."""
    async with serving(toy) as caller:
        yield caller


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


@pytest.mark.parametrize("missing", ["ar-tenant", "ar-idempotency-key", "ar-actor", "ar-reason"])
async def test_a_write_says_for_whom_by_whom_and_why(call: Caller, missing: str):
    code = await refused(call.register(**{missing: ""}) if missing != "ar-tenant" else call.register(tenant=""))

    assert code == (grpc.StatusCode.INVALID_ARGUMENT, "call.metadata_missing")


async def test_metadata_that_makes_no_sense_is_refused(call: Caller):
    assert await refused(call.register(tenant="a,b")) == (grpc.StatusCode.INVALID_ARGUMENT, "tenant.malformed")
    assert await refused(call.register(key="k" * 201)) == (grpc.StatusCode.INVALID_ARGUMENT, "call.metadata_too_long")


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
        "test",
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
    calls += [call.decide("o2", key="k1")]

    *answers, other = await asyncio.gather(*calls, return_exceptions=True)

    assert answers == ["o1"] * 5 + [f"x{n}" for n in range(5)]
    assert isinstance(other, grpc.aio.AioRpcError)
    assert other.code() is grpc.StatusCode.ALREADY_EXISTS
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
