"""The credit service, assembled."""

from functools import partial
from pathlib import Path
from weakref import WeakKeyDictionary

from receivables.credit.v1 import (
    applications_pb2,
    applications_pb2_grpc,
    exposure_pb2,
    exposure_pb2_grpc,
    lab_pb2,
    lab_pb2_grpc,
    service_pb2,
    service_pb2_grpc,
    standing_pb2,
    standing_pb2_grpc,
)

from services.chassis.database import Database
from services.chassis.service import Parts, Service, Servicer, certificate_of, speaker_of
from services.chassis.workers import Work
from services.credit import lookout, metrics, rate_source, store, usecases
from services.credit.bench import Bench
from services.credit.domain import underwriting
from services.credit.lookout import Lookout
from services.credit.rate_source import RateSource
from services.credit.rebuild import FOLD
from services.credit.rpc import CreditService, ExposureService
from services.credit.rpc_applications import ApplicationService, PolicyService
from services.credit.rpc_lab import LabService
from services.credit.rpc_standing import StandingApprovalService
from services.credit.settings import Settings
from services.credit.sources import Sources, work
from services.credit.stream import HANDLERS

_SOURCES: WeakKeyDictionary[Database, Sources] = WeakKeyDictionary()
_RATES: WeakKeyDictionary[Database, RateSource] = WeakKeyDictionary()
_LOOKOUTS: WeakKeyDictionary[Database, Lookout] = WeakKeyDictionary()


def sources_of(parts: Parts[Settings]) -> Sources:
    """Who tells facts about companies, as the settings say; its door and its jobs share what they know of who is away."""
    if (known := _SOURCES.get(parts.database)) is None:
        settings = parts.settings
        speak = speaker_of("credit", settings)
        known = _SOURCES[parts.database] = Sources(settings.credit_sources, speak, certificate_of(settings))
    return known


def rate_source_of(parts: Parts[Settings]) -> RateSource | None:
    """Who tells what currencies are worth, as the settings say; None: nobody."""
    settings = parts.settings
    if settings.credit_rates is None:
        return None
    if (known := _RATES.get(parts.database)) is None:
        speak = speaker_of("credit", settings)
        known = _RATES[parts.database] = RateSource(settings.credit_rates, speak, certificate_of(settings))
    return known


def lookout_of(parts: Parts[Settings]) -> Lookout:
    """What applications are compared with; the door and its jobs share what they know of domains."""
    if (known := _LOOKOUTS.get(parts.database)) is None:
        given = lookout.domains_in(parts.settings.credit_domains)
        known = _LOOKOUTS[parts.database] = Lookout(lookout.files_of(parts.settings.credit_sanctions), given)
    return known


def _servicers(parts: Parts[Settings]) -> list[Servicer]:
    underwriting.default()  # read once, before anybody waits for it
    return [
        Servicer(
            service_pb2.DESCRIPTOR.services_by_name["CreditService"].full_name,
            service_pb2_grpc.add_CreditServiceServicer_to_server,
            CreditService(parts.database, parts.consumer),
        ),
        Servicer(
            applications_pb2.DESCRIPTOR.services_by_name["ApplicationService"].full_name,
            applications_pb2_grpc.add_ApplicationServiceServicer_to_server,
            ApplicationService(parts, sources_of(parts), lookout_of(parts)),
        ),
        Servicer(
            applications_pb2.DESCRIPTOR.services_by_name["PolicyService"].full_name,
            applications_pb2_grpc.add_PolicyServiceServicer_to_server,
            PolicyService(parts.database, parts.consumer),
        ),
        Servicer(
            exposure_pb2.DESCRIPTOR.services_by_name["ExposureService"].full_name,
            exposure_pb2_grpc.add_ExposureServiceServicer_to_server,
            ExposureService(parts.database, parts.consumer),
        ),
        Servicer(
            lab_pb2.DESCRIPTOR.services_by_name["LabService"].full_name,
            lab_pb2_grpc.add_LabServiceServicer_to_server,
            LabService(parts),
        ),
        Servicer(
            standing_pb2.DESCRIPTOR.services_by_name["StandingApprovalService"].full_name,
            standing_pb2_grpc.add_StandingApprovalServiceServicer_to_server,
            StandingApprovalService(parts.database, parts.consumer),
        ),
    ]


SERVICE = Service(
    name="credit",
    settings=Settings,
    migrations=Path(__file__).parent / "migrations",
    stands_on="0030_rates_asked.sql",
    handlers=lambda _settings: HANDLERS,
    servicers=_servicers,
    works=lambda parts: (
        Work(store.LAPSE, usecases.lapse, most=500, find=usecases.find_lapsed, findable=store.count_lapsed),
        Work(store.LIFT, usecases.end, most=500, find=usecases.find_over, findable=store.count_over),
        Work(
            store.EXPIRE,
            usecases.lapse_applications,
            most=100,
            find=usecases.find_lapsing_applications,
            findable=store.count_lapsing,
        ),
        Work(
            store.CHECKS,
            usecases.tell_due_checks,
            most=100,
            find=usecases.find_due_checks,
            findable=store.count_due_checks,
        ),
        work(sources_of(parts), usecases.still_wanted, usecases.sources_told),
        Work(store.LOOK, usecases.look, most=20, find=usecases.find_looks, findable=store.count_looks),
        Work(
            store.TRIAL,
            partial(usecases.try_some, bench=Bench(), settings=parts.settings),
            most=1,
            within_s=150,
        ),
        Work(store.DECIDE, partial(usecases.decide_again, lookout_of(parts)), most=10),
        Work(store.LIMITS, usecases.turn, most=100, find=usecases.find_turned, findable=store.count_turned),
        rate_source.work(rate_source_of(parts)),
        Work(store.VALUE, usecases.value, most=100, find=usecases.find_unvalued, findable=store.count_unvalued),
    ),
    measure=metrics.measure,
    outdated=usecases.forget_outdated,
    tell=usecases.tell_refused,
    fold=FOLD,
    door=lambda parts: lookout.keeping(lookout_of(parts), parts.database),
    warm=lambda settings: lookout.warm(settings.credit_sanctions, settings.credit_domains),
)
