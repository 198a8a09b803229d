"""The invoicing service, assembled."""

import asyncio
from pathlib import Path

from receivables.invoicing.v1 import service_pb2, service_pb2_grpc

from services.chassis.database import Database, Tx
from services.chassis.jobs import Job
from services.chassis.service import Parts, Service, Servicer
from services.invoicing import metrics, store, usecases
from services.invoicing.checks import JUDGE
from services.invoicing.rpc import InvoicingService
from services.invoicing.settings import InvoicingSettings
from services.invoicing.stream import HANDLERS

GAUGE_S = 2.0  # between two counts of what is held


def _servicers(parts: Parts[InvoicingSettings]) -> list[Servicer]:
    JUDGE.open(parts.settings)  # the rules are warm before the first call or event comes in
    return [
        Servicer(
            service_pb2.DESCRIPTOR.services_by_name["InvoicingService"].full_name,
            service_pb2_grpc.add_InvoicingServiceServicer_to_server,
            InvoicingService(parts.database, parts.consumer),
        )
    ]


async def _count_held(database: Database) -> int:
    """Keep the gauge of held drafts; it is never due."""
    async with database.transaction(await database.tenants()) as tx:
        metrics.HELD.set(await store.count_waiting(tx))
    await asyncio.sleep(GAUGE_S)
    return 0


async def _never_due(_tx: Tx) -> int:
    return 0


SERVICE = Service(
    name="invoicing",
    settings=InvoicingSettings,
    migrations=Path(__file__).parent / "migrations",
    handlers=lambda _settings: HANDLERS,
    servicers=_servicers,
    jobs=lambda _parts: (Job("count_held", _count_held, _never_due),),
    tell=usecases.tell_refused,
)
