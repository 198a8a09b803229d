"""The invoicing service, assembled."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from receivables.invoicing.v1 import service_pb2, service_pb2_grpc

from services.chassis import jobs
from services.chassis.database import Database, Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.service import Parts, Service, Servicer
from services.chassis.workers import Batch, Work
from services.invoicing import metrics, store, usecases
from services.invoicing.checks import JUDGE
from services.invoicing.rpc import InvoicingService
from services.invoicing.settings import InvoicingSettings
from services.invoicing.stream import HANDLERS


def _servicers(parts: Parts[InvoicingSettings]) -> list[Servicer]:
    JUDGE.open(parts.settings)  # the rules are warm before the first call or event comes in
    return [
        Servicer(
            service_pb2.DESCRIPTOR.services_by_name["InvoicingService"].full_name,
            service_pb2_grpc.add_InvoicingServiceServicer_to_server,
            InvoicingService(parts.database, parts.consumer),
        )
    ]


def _until_jobs(kind: str, run: Callable[[Database], Awaitable[int]], due: Callable[[Tx], Awaitable[int]]) -> Work:
    """What finds its own rows still, as one job for all of them."""

    async def do(batch: Batch) -> None:
        while await run(batch.database):
            pass
        async with batch.finishing():
            pass

    async def find(tx: Tx) -> int:
        if not await due(tx):
            return 0
        word = Origin("", "system:sweep", "something is due", "", new_traceparent())
        return await jobs.find(tx, word, "SELECT min(tenant), %s::text, 'all', '', 1 FROM tenant", [kind])

    return Work(kind, do, find=find, findable=due)


SERVICE = Service(
    name="invoicing",
    settings=InvoicingSettings,
    migrations=Path(__file__).parent / "migrations",
    stands_on="0003_judged_again.sql",
    handlers=lambda _settings: HANDLERS,
    servicers=_servicers,
    works=lambda _parts: (
        _until_jobs("write_files", usecases.write_files, store.count_unwritten),
        _until_jobs("judge_again", usecases.judge_again, store.count_unjudged),
    ),
    measure=metrics.measure,
    tell=usecases.tell_refused,
)
