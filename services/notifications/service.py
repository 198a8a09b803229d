"""The notifications service, assembled."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from receivables.notifications.v1 import (
    feedback_pb2,
    feedback_pb2_grpc,
    letters_pb2,
    letters_pb2_grpc,
    service_pb2,
    service_pb2_grpc,
)

from services.chassis.service import Parts, Service, Servicer, certificate_of, speaker_of
from services.chassis.workers import Work
from services.notifications import learning, metrics, postbox, reading, sending, stream, usecases
from services.notifications.previews import Press
from services.notifications.quotes import Quotes
from services.notifications.rebuild import FOLD
from services.notifications.rpc import NotificationsService
from services.notifications.rpc_feedback import FeedbackService
from services.notifications.rpc_letters import LetterService
from services.notifications.settings import Settings
from services.notifications.threads import Written
from services.notifications.usecases import Desk


def quotes_of(parts: Parts[Settings]) -> Quotes:
    """What fetches what people wrote, as the settings say."""
    settings = parts.settings
    return Quotes(
        settings.disputes_address,
        settings.ledger_address,
        speaker_of("notifications", settings),
        certificate_of(settings),
        Written(parts.database),
    )


def _servicers(parts: Parts[Settings]) -> list[Servicer]:
    return [
        Servicer(
            service_pb2.DESCRIPTOR.services_by_name["NotificationsService"].full_name,
            service_pb2_grpc.add_NotificationsServiceServicer_to_server,
            NotificationsService(parts.database, parts.consumer, Desk.of(parts.settings), quotes_of(parts)),
        ),
        Servicer(
            feedback_pb2.DESCRIPTOR.services_by_name["FeedbackService"].full_name,
            feedback_pb2_grpc.add_FeedbackServiceServicer_to_server,
            FeedbackService(parts.database, parts.consumer, Desk.of(parts.settings)),
        ),
        Servicer(
            letters_pb2.DESCRIPTOR.services_by_name["LetterService"].full_name,
            letters_pb2_grpc.add_LetterServiceServicer_to_server,
            LetterService(parts.database, parts.consumer, Press.of(parts.settings)),
        ),
    ]


def _works(parts: Parts[Settings]) -> tuple[Work, ...]:
    settings, desk = parts.settings, Desk.of(parts.settings)
    speak, held = speaker_of("notifications", settings), certificate_of(settings)
    return (
        *sending.works(desk, settings, quotes_of(parts), speak, held),
        reading.work(desk, settings),
        learning.work(desk),
    )


@asynccontextmanager
async def _open(parts: Parts[Settings]) -> AsyncIterator[None]:
    """Take mail, where there is a port for it."""
    settings = parts.settings
    if not settings.mail_port:
        yield
        return
    async with postbox.opened(
        parts.database,
        host=settings.grpc_host,
        port=settings.mail_port,
        domain=settings.reply_domain,
        held=certificate_of(settings),
    ):
        yield


SERVICE = Service(
    name="notifications",
    settings=Settings,
    migrations=Path(__file__).parent / "migrations",
    stands_on="0029_declined.sql",
    handlers=stream.handlers,
    servicers=_servicers,
    measure=metrics.measure,
    outdated=usecases.forget_outdated,
    works=_works,
    fold=FOLD,
    door=_open,
)
