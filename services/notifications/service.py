"""The notifications service, assembled."""

from pathlib import Path

from receivables.notifications.v1 import service_pb2, service_pb2_grpc

from services.chassis.service import Parts, Service, Servicer
from services.notifications import sending, stream
from services.notifications.rpc import NotificationsService
from services.notifications.settings import House, Settings
from services.notifications.usecases import Desk


def _servicers(parts: Parts[Settings]) -> list[Servicer]:
    return [
        Servicer(
            service_pb2.DESCRIPTOR.services_by_name["NotificationsService"].full_name,
            service_pb2_grpc.add_NotificationsServiceServicer_to_server,
            NotificationsService(parts.database, parts.consumer),
        )
    ]


def _service(house: House) -> Service[Settings]:
    desk = Desk(house.time_zone, house.reply_domain)
    return Service(
        name="notifications",
        settings=Settings,
        migrations=Path(__file__).parent / "migrations",
        handlers=stream.handlers(desk),
        servicers=_servicers,
        jobs=lambda parts: (sending.job(desk, parts.settings),),
    )


SERVICE = _service(House())
