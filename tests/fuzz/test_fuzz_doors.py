"""Whatever comes to a door is done or refused, never a defect; and what a door lets in, every follower can take."""

import os
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.message import Message
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.chassis.envelope import Record, text_headers
from services.chassis.service import OPERATIONS
from tests.fuzz import world as stage
from tests.fuzz.values import ODD_TEXTS, Values
from tests.fuzz.world import ORDERS, SERVICES, World, metadata
from tests.integration.conftest import OpenService
from tests.records import a_record

FEW = 20  # of each method, or kind of event, in a run of all tests
MANY = 2_000
SEED = int(os.environ.get("AR_FUZZ_SEED", "11"))
ANSWERS = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
}
NAMES = [service.name for service in SERVICES]


async def flaws(world: World) -> list[str]:
    """What is parked and should not be: any defect, and whatever one of our services told and another refuses."""
    found = []
    for name, opened in world.services.items():
        for row in await opened.parked():
            ours = row.topic not in {"receivables.orders.v1", "jobs"}
            if row.reason == "failed" or (ours and row.reason in {"refused", "unreadable"}):
                found.append(f"{name}: {row.reason} {row.code} {row.event_type}: {row.detail[-400:]}")
    return found


def odd_metadata(values: Values) -> list[tuple[str, str]]:
    """Who calls, mostly as it should be."""
    said = metadata()
    if values.chance(0.9):
        return said
    at = values.choice(range(len(said)))
    name, text = said[at]
    match values.choice(("missing", "twice", "odd", "known")):
        case "missing":
            return said[:at] + said[at + 1 :]
        case "twice":
            return [*said, (name, text)]
        case "odd":
            printable = [odd for odd in ODD_TEXTS if odd.isascii() and odd.isprintable()]
            said[at] = (name, values.choice(printable))
        case "known":
            said = metadata(**{"ar-idempotency-key": "the same"})
    return said


async def call_at_random(world: World, name: str, grpc_service: str, times: int) -> Counter[str]:
    """Send each method so many requests; return what was answered that should not be, and how often."""
    opened, values, bad = world.services[name], world.values, Counter[str]()
    methods = opened.methods(grpc_service)
    assert methods, "a service answers something"
    for method in methods:
        kind = message_factory.GetMessageClass(method.input_type)
        for _ in range(times):
            payload = values.payload(kind)
            status = await world.send(name, method, payload, odd_metadata(values))
            if status not in ANSWERS:
                bad[f"{method.name} {status.name} {payload[:200]!r}"] += 1
        await world.tell([])
    return bad


async def calls(open_service: OpenService, rules_dir: Path, name: str, times: int, seed: int) -> None:
    async with stage.opened(open_service, rules_dir, Values(seed)) as world:
        own = next(answered for answered in world.services[name].answers if answered != OPERATIONS)

        assert await call_at_random(world, name, own, times) == {}, f"AR_FUZZ_SEED={seed}"
        assert await flaws(world) == [], f"AR_FUZZ_SEED={seed}"
        assert await world.call(name, _anything(name)) is grpc.StatusCode.OK


def _anything(name: str) -> Message:
    """What each service answers on an ordinary day."""
    return {
        "credit": credit_pb2.GetAccountRequest(account_id="b1"),
        "invoicing": invoicing_pb2.ListInvoicesRequest(),
        "ledger": ledger_pb2.GetAccountRequest(account_id="b1"),
        "disputes": disputes_pb2.ListDisputesRequest(),
        "notifications": notifications_pb2.ListMessagesRequest(),
    }[name]


def a_record_at_random(values: Values) -> Record:
    """What somebody sends as a shop: a message of the contract, with headers of which some make no sense."""
    body = values.message(values.choice(ORDERS.values()))
    account, order = (getattr(body, name, "") or "-" for name in ("account_id", "order_id"))
    odd = {
        values.choice(
            ("ce_reason", "ce_actor", "ce_idempotencykey", "ce_subject", "ce_source", "ce_id")
        ): values.choice(ODD_TEXTS)
    }
    record = a_record(body, account=account, subject=f"order/{order}", headers=odd if values.chance(0.1) else {})
    return replace(record, headers=text_headers([(name, text.encode()) for name, text in record.headers.items()]))


async def events(open_service: OpenService, rules_dir: Path, times: int, seed: int) -> None:
    values = Values(seed)
    async with stage.opened(open_service, rules_dir, values) as world:
        for _ in range(3 * times // 25):
            await world.tell([a_record_at_random(values) for _ in range(25)])

        assert await flaws(world) == [], f"AR_FUZZ_SEED={seed}"
        await world.tell(stage.an_order("after", "b1"))
        assert await world.call("credit", credit_pb2.GetDecisionRequest(order_id="after")) is grpc.StatusCode.OK


@pytest.mark.parametrize("name", NAMES)
async def test_no_call_is_a_defect_and_what_comes_of_it_everybody_can_take(
    open_service: OpenService, rules_dir: Path, name: str
):
    await calls(open_service, rules_dir, name, FEW, SEED)


async def test_no_call_of_an_operator_is_a_defect(open_service: OpenService, rules_dir: Path):
    async with stage.opened(open_service, rules_dir, Values(SEED)) as world:
        assert await call_at_random(world, "credit", OPERATIONS, FEW) == {}


async def test_no_event_from_outside_is_a_defect_and_what_comes_of_it_everybody_can_take(
    open_service: OpenService, rules_dir: Path
):
    await events(open_service, rules_dir, FEW, SEED)


@pytest.mark.prove
@pytest.mark.parametrize("name", NAMES)
async def test_no_call_of_two_thousand_is_a_defect(open_service: OpenService, rules_dir: Path, name: str):
    await calls(open_service, rules_dir, name, MANY, random.randrange(10**6))


@pytest.mark.prove
async def test_no_event_of_six_thousand_from_outside_is_a_defect(open_service: OpenService, rules_dir: Path):
    await events(open_service, rules_dir, MANY, random.randrange(10**6))
