"""The invoicing service, assembled."""

from pathlib import Path

from receivables.invoicing.v1 import service_pb2, service_pb2_grpc

from services.chassis.jobs import Job
from services.chassis.service import Parts, Service, Servicer
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


SERVICE = Service(
    name="invoicing",
    settings=InvoicingSettings,
    migrations=Path(__file__).parent / "migrations",
    stands_on="0003_judged_again.sql",
    handlers=lambda _settings: HANDLERS,
    servicers=_servicers,
    jobs=lambda _parts: (
        Job("write_files", usecases.write_files, store.count_unwritten),
        Job("judge_again", usecases.judge_again, store.count_unjudged),
    ),
    measure=metrics.measure,
    tell=usecases.tell_refused,
)
