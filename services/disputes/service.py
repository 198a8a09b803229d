"""The disputes service, assembled."""

from pathlib import Path

from receivables.disputes.v1 import service_pb2, service_pb2_grpc, standing_pb2, standing_pb2_grpc

from services.chassis.service import Parts, Service, Servicer
from services.chassis.settings import ChassisSettings
from services.disputes import metrics, usecases
from services.disputes.rebuild import FOLD
from services.disputes.rpc import DisputesService
from services.disputes.rpc_standing import StandingApprovalService
from services.disputes.stream import HANDLERS


def _servicers(parts: Parts[ChassisSettings]) -> list[Servicer]:
    return [
        Servicer(
            service_pb2.DESCRIPTOR.services_by_name["DisputesService"].full_name,
            service_pb2_grpc.add_DisputesServiceServicer_to_server,
            DisputesService(parts.database, parts.consumer),
        ),
        Servicer(
            standing_pb2.DESCRIPTOR.services_by_name["StandingApprovalService"].full_name,
            standing_pb2_grpc.add_StandingApprovalServiceServicer_to_server,
            StandingApprovalService(parts.database, parts.consumer),
        ),
    ]


SERVICE = Service(
    name="disputes",
    settings=ChassisSettings,
    migrations=Path(__file__).parent / "migrations",
    stands_on="0015_checks.sql",
    handlers=lambda _settings: HANDLERS,
    servicers=_servicers,
    measure=metrics.measure,
    outdated=usecases.forget_outdated,
    fold=FOLD,
)
