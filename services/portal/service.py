"""The portal, assembled."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.chassis import http
from services.chassis.database import Database
from services.chassis.identity import Signer
from services.chassis.service import Parts, Service, certificate_of
from services.chassis.settings import secret_now
from services.chassis.workers import Work
from services.portal import metrics, pages, usecases
from services.portal.asks import Asks
from services.portal.settings import Settings
from services.portal.usecases import Door
from services.portal.web import ROUTES, Web

NAME = "portal"


def door_of(parts: Parts[Settings]) -> Door:
    """What signing in, and each page, stands on."""
    return door_on(parts.settings, parts.database)


def door_on(settings: Settings, database: Database) -> Door:
    """The same, of a command."""
    signer = Signer(NAME, lambda: secret_now(settings, "identity_key"))
    return Door(database, Asks(settings, signer, certificate_of(settings)), settings)


@asynccontextmanager
async def _open(parts: Parts[Settings]) -> AsyncIterator[None]:
    """Answer browsers."""
    pages.load()
    door = door_of(parts)
    web = Web(door, static_dir=parts.settings.static_dir)
    metrics.expect(ROUTES)
    settings = parts.settings
    async with http.door(
        web.asgi,
        host=settings.grpc_host,
        port=settings.http_port,
        certificate=settings.http_tls_dir if settings.http_tls == "on" else None,
        proxies=settings.http_proxies,
    ):
        yield
    await door.asks.close()


def _works(parts: Parts[Settings]) -> tuple[Work, ...]:
    door = door_of(parts)
    return (
        *usecases.works(door),
        usecases.placing(door),
        usecases.asking(door),
        usecases.noticing(door),
        usecases.succeeding(door),
        *usecases.applying(door),
    )


SERVICE = Service(
    name=NAME,
    settings=Settings,
    migrations=Path(__file__).parent / "migrations",
    stands_on="0013_effort.sql",
    handlers=lambda _settings: {},
    servicers=lambda _parts: [],
    works=_works,
    outdated=usecases.forget_outdated,
    door=_open,
    knows_broker=False,
)
