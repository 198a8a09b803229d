"""The credit service, assembled."""

from pathlib import Path

from receivables.credit.v1 import exposure_pb2, exposure_pb2_grpc, service_pb2, service_pb2_grpc

from services.chassis.service import Parts, Service, Servicer
from services.chassis.settings import ChassisSettings
from services.chassis.workers import Work
from services.credit import metrics, store, usecases
from services.credit.rebuild import FOLD
from services.credit.rpc import CreditService, ExposureService
from services.credit.stream import HANDLERS


def _servicers(parts: Parts[ChassisSettings]) -> list[Servicer]:
    return [
        Servicer(
            service_pb2.DESCRIPTOR.services_by_name["CreditService"].full_name,
            service_pb2_grpc.add_CreditServiceServicer_to_server,
            CreditService(parts.database, parts.consumer),
        ),
        Servicer(
            exposure_pb2.DESCRIPTOR.services_by_name["ExposureService"].full_name,
            exposure_pb2_grpc.add_ExposureServiceServicer_to_server,
            ExposureService(parts.database, parts.consumer),
        ),
    ]


SERVICE = Service(
    name="credit",
    settings=ChassisSettings,
    migrations=Path(__file__).parent / "migrations",
    stands_on="0022_securities.sql",
    handlers=lambda _settings: HANDLERS,
    servicers=_servicers,
    works=lambda _parts: (
        Work(store.LAPSE, usecases.lapse, most=500, find=usecases.find_lapsed, findable=store.count_lapsed),
        Work(store.LIFT, usecases.end, most=500, find=usecases.find_over, findable=store.count_over),
        Work(store.LIMITS, usecases.turn, most=100, find=usecases.find_turned, findable=store.count_turned),
    ),
    measure=metrics.measure,
    outdated=usecases.forget_outdated,
    tell=usecases.tell_refused,
    fold=FOLD,
)
