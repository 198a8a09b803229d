"""The disputes service, assembled."""

from pathlib import Path
from weakref import WeakKeyDictionary

from receivables.disputes.v1 import (
    causes_pb2,
    causes_pb2_grpc,
    incidents_pb2,
    incidents_pb2_grpc,
    responses_pb2,
    responses_pb2_grpc,
    service_pb2,
    service_pb2_grpc,
    standing_pb2,
    standing_pb2_grpc,
)

from services.chassis.database import Database
from services.chassis.service import Parts, Service, Servicer, certificate_of, speaker_of
from services.chassis.workers import Work
from services.disputes import channel, joining, metrics, running, store, usecases
from services.disputes.channel import Fetcher
from services.disputes.rebuild import FOLD
from services.disputes.rpc import DisputesService
from services.disputes.rpc_causes import CauseService
from services.disputes.rpc_incidents import IncidentService
from services.disputes.rpc_responses import ResponseService
from services.disputes.rpc_standing import StandingApprovalService
from services.disputes.settings import Settings
from services.disputes.stream import HANDLERS

_FETCHERS: WeakKeyDictionary[Database, Fetcher] = WeakKeyDictionary()


def fetcher_of(parts: Parts[Settings]) -> Fetcher | None:
    """Who brings what buyers' systems say of invoices, as the settings say; None: nobody."""
    settings = parts.settings
    if settings.disputes_channel is None:
        return None
    if (known := _FETCHERS.get(parts.database)) is None:
        speak = speaker_of("disputes", settings)
        known = _FETCHERS[parts.database] = Fetcher(settings.disputes_channel, speak, certificate_of(settings))
    return known


def _servicers(parts: Parts[Settings]) -> list[Servicer]:
    return [
        Servicer(
            service_pb2.DESCRIPTOR.services_by_name["DisputesService"].full_name,
            service_pb2_grpc.add_DisputesServiceServicer_to_server,
            DisputesService(parts.database, parts.consumer),
        ),
        Servicer(
            causes_pb2.DESCRIPTOR.services_by_name["CauseService"].full_name,
            causes_pb2_grpc.add_CauseServiceServicer_to_server,
            CauseService(parts.database, parts.consumer),
        ),
        Servicer(
            incidents_pb2.DESCRIPTOR.services_by_name["IncidentService"].full_name,
            incidents_pb2_grpc.add_IncidentServiceServicer_to_server,
            IncidentService(parts.database, parts.consumer),
        ),
        Servicer(
            responses_pb2.DESCRIPTOR.services_by_name["ResponseService"].full_name,
            responses_pb2_grpc.add_ResponseServiceServicer_to_server,
            ResponseService(parts.database, parts.consumer),
        ),
        Servicer(
            standing_pb2.DESCRIPTOR.services_by_name["StandingApprovalService"].full_name,
            standing_pb2_grpc.add_StandingApprovalServiceServicer_to_server,
            StandingApprovalService(parts.database, parts.consumer),
        ),
    ]


SERVICE = Service(
    name="disputes",
    settings=Settings,
    migrations=Path(__file__).parent / "migrations",
    stands_on="0021_checks.sql",
    handlers=lambda _settings: HANDLERS,
    servicers=_servicers,
    works=lambda parts: (
        Work(store.CLOCK, running.tell_due, most=100, find=running.find_due, findable=store.count_due),
        channel.work(fetcher_of(parts)),
        Work(joining.END, joining.end_cases, most=20),
    ),
    measure=metrics.measure,
    outdated=usecases.forget_outdated,
    fold=FOLD,
)
