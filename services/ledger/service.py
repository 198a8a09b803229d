"""The ledger service, assembled."""

from pathlib import Path

from receivables.ledger.v1 import service_pb2, service_pb2_grpc

from services.chassis.service import Parts, Service, Servicer
from services.chassis.settings import ChassisSettings
from services.chassis.workers import Work
from services.ledger import metrics, usecases
from services.ledger.rebuild import FOLD
from services.ledger.rpc import LedgerService
from services.ledger.stream import HANDLERS


def _servicers(parts: Parts[ChassisSettings]) -> list[Servicer]:
    return [
        Servicer(
            service_pb2.DESCRIPTOR.services_by_name["LedgerService"].full_name,
            service_pb2_grpc.add_LedgerServiceServicer_to_server,
            LedgerService(parts.database, parts.consumer),
        )
    ]


SERVICE = Service(
    name="ledger",
    settings=ChassisSettings,
    migrations=Path(__file__).parent / "migrations",
    stands_on="0011_given_up.sql",
    handlers=lambda _settings: HANDLERS,
    servicers=_servicers,
    works=lambda _parts: (Work(usecases.APPLY, usecases.match_on, most=8),),
    measure=metrics.measure,
    outdated=usecases.forget_outdated,
    fold=FOLD,
)
