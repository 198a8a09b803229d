"""The toy's parts, and the points at which a test can hold it."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.credit.v1 import service_pb2, service_pb2_grpc
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.consumer import Consumer
from services.chassis.database import Database, Tx
from services.chassis.envelope import Origin, Record
from services.chassis.rpc import Door, read, write, write_many
from services.chassis.service import Parts, Service, Servicer
from services.chassis.settings import ChassisSettings
from services.chassis.sources import Sources
from services.chassis.workers import Batch, Work
from services.kernel.refusals import NotFound
from tests.chaos.toy import usecases

NAME = "toy"


class ToyService(Door, service_pb2_grpc.CreditServiceServicer):
    """Three calls of a real contract: a write, one of which many go as one, and a read."""

    @write
    async def RegisterBuyer(
        self, tx: Tx, call: Origin, request: service_pb2.RegisterBuyerRequest
    ) -> service_pb2.RegisterBuyerResponse:
        """Make a buyer known."""
        await usecases.register(tx, call, request.account_id)
        return service_pb2.RegisterBuyerResponse(account=service_pb2.Account(account_id=request.account_id))

    @write_many
    async def Decide(
        self, tx: Tx, calls: Sequence[tuple[Origin, service_pb2.DecideRequest]]
    ) -> list[service_pb2.DecideResponse]:
        """Leave an effect for each order."""
        await usecases.decide(tx, [(call, request.account_id, request.order_id) for call, request in calls])
        return [
            service_pb2.DecideResponse(decision=credit_pb2.CreditDecided(order_id=request.order_id))
            for _, request in calls
        ]

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
            sources=Sources(settings.order_sources),
            topic_ids=topic_ids,
            failures_in_row_max=settings.failures_in_row_max,
            batch_s=settings.batch_s,
            alone_s=settings.batch_s + settings.idle_transaction_s,
        )


async def work(batch: Batch) -> None:
    """Do jobs whose subjects say what becomes of them."""
    async with batch.finishing() as done:
        await usecases.work(done.tx, done.jobs)


async def defect(tx: Tx) -> int:
    """A defect outside any event and any job, if the environment asks for it."""
    row = await tx.row("SELECT count(*) AS n FROM inbox")
    if row.n and os.environ.get("TOY_WORK_FAILS"):
        raise RuntimeError("a defect outside any event")
    return 0


WORKS = (Work("toy", work, most=20, find=defect),)


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
    works=lambda _parts: WORKS,
    tell=usecases.tell,
)
