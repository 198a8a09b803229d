"""The end of a case survives the death of whoever carries it out, at each step: one credit note, one rebill, one story."""

import asyncio
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import grpc
import pytest
from receivables.common.v1 import money_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.disputes.v1 import service_pb2 as disputes_calls
from receivables.disputes.v1.service_pb2_grpc import DisputesServiceStub
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from tests.integration.house.house import House
from tests.integration.house.test_house_edges import Edge, Trade
from tests.integration.house.test_house_ends import a_case, look_at
from tests.integration.house.test_house_scenarios import balances

KILLS = int(os.environ.get("END_KILLS", "100"))
# Whoever has just done this, and not committed it, dies.
STEPS = (
    "services.invoicing.store.add_credit_requests",
    "services.invoicing.store.add_replacements",
    "services.invoicing.store.correct_prices",
    "services.invoicing.usecases.issuing._prepare",
    "services.invoicing.store.take_numbers",
    "services.invoicing.store.add_issued",
    "services.invoicing.store.credit_balances",
    "services.invoicing.store.save_replaced",
    "services.ledger.store.book",
    "services.ledger.store.save_disputes",
    "services.ledger.store.allocate",
    "services.credit.store.save",
    "services.disputes.store.add_credit_notes",
    "services.disputes.store.save_disputes",
    "services.chassis.outbox.add",
)
OF_THE_CALL = "services.disputes.store.save_credited"
ENDS = ("REBILL", "PRICE_CORRECTION", "REPLACEMENT", "GOODWILL", "SPLIT_SETTLEMENT", "WRITE_OFF", "INVALID_PAYABLE")


class Killed(BaseException):
    """No defect that somebody catches: the process is no more."""


@dataclass
class Reaper:
    """Comes once, when a step is done for the nth time."""

    left: int
    came: bool = False

    @contextmanager
    def at(self, step: str, kind: type[BaseException]) -> Iterator[None]:
        """Wait there."""
        module, name = step.rsplit(".", 1)
        real: Any = getattr(__import__(module, fromlist=[name]), name)

        async def done(*args: Any, **more: Any) -> Any:
            result = await real(*args, **more)
            self.left -= 1
            if self.left == 0:
                self.came = True
                raise kind
            return result

        with patch(step, done):
            yield


async def go_on(house: House) -> None:
    """Whoever died is started again: their jobs are anybody's, and what was not acknowledged comes again."""
    while True:
        try:
            await house.settle()
        except Killed:
            for resident in house.residents.values():
                async with resident.parts.database.transaction(["acme"]) as tx:
                    await tx.run("UPDATE job SET leased_until = now() - interval '1 second' WHERE lease IS NOT NULL")
        else:
            return


@pytest.fixture
async def trade(house: House) -> Trade:
    """Give a business between two."""
    opened = Trade(house, Edge())
    await opened.begin()
    return opened


async def an_invoice(house: House, trade: Trade, nth: int) -> invoicing_pb2.InvoiceIssued:
    order = trade.order(f"o{nth}")
    await trade.place(order)
    trade.ship(order)
    await house.settle()
    issued: list[invoicing_pb2.InvoiceIssued] = house.said(invoicing_pb2.InvoiceIssued)
    return issued[-1]


def said(resolution: str) -> dict[str, Any]:
    """What an end has to name."""
    price = [disputes_pb2.CorrectedLine(line_id="1", unit_price="12.00")]
    if resolution == "REBILL":
        return {"correction": disputes_pb2.Correction(lines=price, purchase_order="PO-7")}
    if resolution == "PRICE_CORRECTION":
        return {"correction": disputes_pb2.Correction(lines=price)}
    if resolution in ("GOODWILL", "SPLIT_SETTLEMENT"):
        return {"amount": money_pb2.Money(minor=1000, currency="EUR")}
    return {}


async def survives(house: House, trade: Trade, nth: int, resolution: str, step: str) -> bool:
    """Play a case to its end, and kill whoever does a step on the way; return whether somebody did it."""
    invoice = await an_invoice(house, trade, nth)
    case = await a_case(house, invoice, lines={"1": "10"})
    request = disputes_calls.ResolveRequest(
        dispute_id=case.dispute_id,
        resolution=disputes_pb2.Resolution.Value(f"RESOLUTION_{resolution}"),
        **said(resolution),
    )
    reaper = Reaper(1)
    if step == OF_THE_CALL:
        key = uuid4().hex
        with reaper.at(step, RuntimeError), pytest.raises(grpc.aio.AioRpcError):
            await resolve(house, request, key)
        await resolve(house, request, key)
        await resolve(house, request, key)
        await go_on(house)
    else:
        await resolve(house, request, uuid4().hex)
        with reaper.at(step, Killed):
            await go_on(house)
            if resolution == "REPLACEMENT":
                await send_again(house, trade, nth, case)
    await assert_ended_once(house, invoice, case, resolution)
    return reaper.came


async def resolve(house: House, request: disputes_calls.ResolveRequest, key: str) -> None:
    metadata = (("ar-tenant", "acme"), ("ar-idempotency-key", key), ("ar-actor", "user:lead"), ("ar-reason", "test"))
    stub = DisputesServiceStub(house.residents["disputes"].channel)
    await stub.Resolve(request, metadata=metadata, timeout=30)


async def send_again(house: House, trade: Trade, nth: int, case: Any) -> None:
    body = orders_pb2.OrderShipped(
        order_id=f"o{nth}",
        shipment_id=f"r{nth}",
        account_id=trade.account,
        shipped_on="2026-03-02",
        lines=[orders_pb2.ShippedLine(line_id="1", quantity="10")],
        dispute_id=case.dispute_id,
    )
    house.tell(body, account=trade.account, subject=f"order/o{nth}")
    await go_on(house)


async def assert_ended_once(house: House, invoice: invoicing_pb2.InvoiceIssued, case: Any, resolution: str) -> None:
    """One of everything, the books and the credit line right, everybody told one version."""
    assert await house.waiting() == []
    if resolution == "REPLACEMENT" and (await look_at(house, case)).state == disputes_pb2.STATE_RESOLVING:
        return
    notes = [n for n in house.said(invoicing_pb2.CreditNoteIssued) if n.dispute_id == case.dispute_id]
    rebills = [i for i in house.said(invoicing_pb2.InvoiceIssued) if i.dispute_id == case.dispute_id]
    no_note = resolution in ("REPLACEMENT", "WRITE_OFF", "INVALID_PAYABLE")
    assert (len(notes), len(rebills)) == (0 if no_note else 1, 1 if resolution == "REBILL" else 0)
    assert (await look_at(house, case)).state == disputes_pb2.STATE_RESOLVED
    for kind in (invoicing_pb2.InvoiceIssued, invoicing_pb2.CreditNoteIssued):
        numbers = sorted(int(one.number.rsplit("-", 1)[1]) for one in house.said(kind))
        assert numbers == list(range(1, len(numbers) + 1))
    told = [one for one in house.said(disputes_pb2.DisputeResolved) if one.dispute_id == case.dispute_id]
    assert len(told) == 1
    async with house.residents["notifications"].parts.database.transaction(["acme"]) as tx:
        rows = await tx.rows(
            """SELECT contact_id, event_type, count(*) AS n, count(DISTINCT case_version) AS versions FROM message
                WHERE about = %s AND event_type LIKE '%%DisputeResolved' GROUP BY contact_id, event_type""",
            [f"dispute/{case.dispute_id}"],
        )
    assert {(row.n, row.versions) for row in rows} == {(1, 1)}


async def agrees(house: House, trade: Trade) -> None:
    """What credit says is used is what the books say is owed, less what the buyer has as credit."""
    books = await balances(house)
    assert await trade.used() == books.get("1100", 0) + books.get("2110", 0)
    assert "9100" not in books


@pytest.mark.parametrize(
    ("resolution", "step"),
    [
        ("REBILL", "services.invoicing.store.add_issued"),
        ("WRITE_OFF", "services.ledger.store.allocate"),
        ("PRICE_CORRECTION", OF_THE_CALL),
    ],
)
async def test_an_end_whose_step_is_killed_is_carried_out_once(house: House, trade: Trade, resolution: str, step: str):
    assert await survives(house, trade, 1, resolution, step)
    await agrees(house, trade)


@pytest.mark.prove
@pytest.mark.timeout(3600)
async def test_an_end_that_is_killed_a_hundred_times_is_carried_out_once_each_time(house: House, trade: Trade):
    came = 0
    for nth, (resolution, step) in enumerate(drawn(random.Random(15)), start=1):
        came += await survives(house, trade, nth, resolution, step)
        if came == KILLS:
            break
        await asyncio.sleep(0)
    assert came == KILLS
    await agrees(house, trade)


def drawn(dice: random.Random) -> Iterator[tuple[str, str]]:
    """Ends and steps without an end."""
    steps: Sequence[str] = (*STEPS, OF_THE_CALL)
    while True:
        yield dice.choice(ENDS), dice.choice(steps)
