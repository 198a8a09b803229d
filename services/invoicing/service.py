"""The invoicing service, assembled."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from receivables.invoicing.v1 import service_pb2, service_pb2_grpc

from services.chassis.service import Parts, Service, Servicer
from services.chassis.workers import Work
from services.invoicing import metrics, store, usecases
from services.invoicing.press import presses_of
from services.invoicing.rebuild import FOLD
from services.invoicing.rpc import InvoicingService
from services.invoicing.settings import InvoicingSettings
from services.invoicing.stream import HANDLERS

LINES_AT_ONCE = 2000  # of all the documents of a batch: some seconds of work at most


def _servicers(parts: Parts[InvoicingSettings]) -> list[Servicer]:
    return [
        Servicer(
            service_pb2.DESCRIPTOR.services_by_name["InvoicingService"].full_name,
            service_pb2_grpc.add_InvoicingServiceServicer_to_server,
            InvoicingService(parts.database, parts.consumer, presses_of(parts.settings).pages),
        )
    ]


def _works(parts: Parts[InvoicingSettings]) -> Sequence[Work]:
    presses = presses_of(parts.settings)
    issue = partial(usecases.issue, press=presses.usual)
    return (
        # Two batches for each process: while it prepares one, the other is read or committed.
        Work(
            usecases.DRAFT,
            issue,
            most=100,
            cost_most=LINES_AT_ONCE,
            side_by_side=2 * parts.settings.check_processes,
        ),
        Work(usecases.AGAIN, issue, most=50, cost_most=LINES_AT_ONCE, find=store.find_unjudged),
        Work(usecases.LARGE, partial(usecases.issue, press=presses.large), most=1, within_s=660),
        Work(
            usecases.FILE,
            partial(usecases.write_files, press=presses.pages),
            most=10,
            cost_most=LINES_AT_ONCE,
            find=store.find_unwritten,
        ),
        Work(usecases.TELL, usecases.tell_whole, find=store.find_untold),
        Work(usecases.LARGE_FILE, partial(usecases.write_files, press=presses.large), most=1, within_s=660),
    )


SERVICE = Service(
    name="invoicing",
    settings=InvoicingSettings,
    migrations=Path(__file__).parent / "migrations",
    stands_on="0016_receipts.sql",
    handlers=lambda _settings: HANDLERS,
    servicers=_servicers,
    works=_works,
    measure=metrics.measure,
    tell=usecases.tell_refused,
    fold=FOLD,
)
