"""The credit service, assembled."""

from pathlib import Path

from receivables.credit.v1 import applications_pb2, applications_pb2_grpc, service_pb2, service_pb2_grpc

from services.chassis.service import Parts, Service, Servicer
from services.chassis.settings import ChassisSettings
from services.chassis.workers import Work
from services.credit import metrics, store, usecases
from services.credit.rebuild import FOLD
from services.credit.rpc import CreditService
from services.credit.rpc_applications import ApplicationService, PolicyService
from services.credit.stream import HANDLERS


def _servicers(parts: Parts[ChassisSettings]) -> list[Servicer]:
    return [
        Servicer(
            service_pb2.DESCRIPTOR.services_by_name["CreditService"].full_name,
            service_pb2_grpc.add_CreditServiceServicer_to_server,
            CreditService(parts.database, parts.consumer),
        ),
        Servicer(
            applications_pb2.DESCRIPTOR.services_by_name["ApplicationService"].full_name,
            applications_pb2_grpc.add_ApplicationServiceServicer_to_server,
            ApplicationService(parts.database, parts.consumer),
        ),
        Servicer(
            applications_pb2.DESCRIPTOR.services_by_name["PolicyService"].full_name,
            applications_pb2_grpc.add_PolicyServiceServicer_to_server,
            PolicyService(parts.database, parts.consumer),
        ),
    ]


SERVICE = Service(
    name="credit",
    settings=ChassisSettings,
    migrations=Path(__file__).parent / "migrations",
    stands_on="0030_applications.sql",
    handlers=lambda _settings: HANDLERS,
    servicers=_servicers,
    works=lambda _parts: (
        Work(store.LAPSE, usecases.lapse, most=500, find=usecases.find_lapsed, findable=store.count_lapsed),
        Work(store.LIFT, usecases.end, most=500, find=usecases.find_over, findable=store.count_over),
        Work(
            store.EXPIRE,
            usecases.lapse_applications,
            most=100,
            find=usecases.find_lapsing_applications,
            findable=store.count_lapsing,
        ),
    ),
    measure=metrics.measure,
    outdated=usecases.forget_outdated,
    tell=usecases.tell_refused,
    fold=FOLD,
)
