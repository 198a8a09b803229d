"""The toy's parts, and the points at which a test can hold it."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from receivables.credit.v1 import service_pb2, service_pb2_grpc
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.consumer import Consumer
from services.chassis.database import Database, Tx
from services.chassis.envelope import Origin, Record
from services.chassis.jobs import Job
from services.chassis.rpc import Door, read, write
from services.chassis.service import Parts, Service, Servicer
from services.chassis.settings import ChassisSettings
from services.kernel.refusals import NotFound
from tests.chaos.toy import usecases

NAME = "toy"


class ToyService(Door, service_pb2_grpc.CreditServiceServicer):
    """Two calls of a real contract: a write and a read."""

    @write
    async def RegisterBuyer(
        self, tx: Tx, call: Origin, request: service_pb2.RegisterBuyerRequest
    ) -> service_pb2.RegisterBuyerResponse:
        """Make a buyer known."""
        await usecases.register(tx, call, request.account_id)
        return service_pb2.RegisterBuyerResponse(account=service_pb2.Account(account_id=request.account_id))

    @read
    async def GetAccount(
        self, tx: Tx, call: Origin, request: service_pb2.GetAccountRequest
    ) -> service_pb2.GetAccountResponse:
        """Tell whether a buyer is known."""
        known = await tx.row(
            "SELECT FROM known WHERE tenant = %s AND subject = %s", [call.tenant, f"buyer/{request.account_id}"]
        )
        if known is None:
            raise NotFound("toy.unknown", "no buyer by that id")
        return service_pb2.GetAccountResponse(account=service_pb2.Account(account_id=request.account_id))


class HeldConsumer(Consumer):
    """A consumer that a test can hold between the commit and the acknowledgement."""

    async def handle(self, records: Sequence[Record]) -> None:
        """Handle, then wait until nobody holds the lock."""
        await super().handle(records)
        await self._retrying(self._wait_until_let_go)

    async def _wait_until_let_go(self) -> None:
        async with self.database.transaction(()) as tx:
            await tx.run("SELECT pg_advisory_xact_lock_shared(%s)", [usecases.AFTER_COMMIT])


class Toy(Service[ChassisSettings]):
    """The service; its consumer can be held where the environment asks for it."""

    def consumer(
        self, settings: ChassisSettings, database: Database, topic_ids: Mapping[str, str] | None = None
    ) -> Consumer:
        """As every service's, unless a test wants to hold it."""
        made = HeldConsumer if os.environ.get("TOY_CAN_BE_HELD") else Consumer
        return made(
            database,
            self.name,
            self.handlers(settings),
            tell=self.tell,
            topic_ids=topic_ids,
            failures_in_row_max=settings.failures_in_row_max,
            batch_s=settings.batch_s,
            alone_s=settings.batch_s + settings.idle_transaction_s,
        )


def jobs(_parts: Parts[ChassisSettings]) -> tuple[Job, ...]:
    """A job that fails when the environment asks for it: a defect outside any event."""
    if not os.environ.get("TOY_JOB_FAILS"):
        return ()
    return (Job("broken", _fail, _nothing_due),)


async def _fail(database: Database) -> int:
    async with database.transaction(()) as tx:
        row = await tx.row("SELECT count(*) AS n FROM inbox")
    if row.n:
        raise RuntimeError("a defect outside any event")
    await asyncio.sleep(0)
    return 0


async def _nothing_due(_tx: Tx) -> int:
    return 0


def servicers(parts: Parts[ChassisSettings]) -> list[Servicer]:
    """What answers calls."""
    return [
        Servicer(
            "receivables.credit.v1.CreditService",
            service_pb2_grpc.add_CreditServiceServicer_to_server,
            ToyService(parts.database, parts.consumer),  # type: ignore[abstract] # the other calls are UNIMPLEMENTED
        )
    ]


HANDLERS: dict[Any, Callable[[Tx, Sequence[Any]], Awaitable[object]]] = {
    orders_pb2.OrderPlaced: usecases.place,
    orders_pb2.OrderShipped: usecases.ship,
    orders_pb2.OrderCancelled: usecases.cancel,
    invoicing_pb2.InvoiceIssued: usecases.issue,
}

SERVICE = Toy(
    name=NAME,
    settings=ChassisSettings,
    # A newer version of the toy brings a migration more, in a folder that a test names.
    migrations=Path(os.environ.get("TOY_MIGRATIONS") or Path(__file__).parent / "migrations"),
    stands_on="0001_effects.sql",
    handlers=lambda _settings: HANDLERS,
    servicers=servicers,
    jobs=jobs,
    tell=usecases.tell,
)
