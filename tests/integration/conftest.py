"""A service's own database for each test: migrated once a session, copied in some 50 ms.

    async def test_what_is_invoiced_is_used(open_service):
        async with open_service(SERVICE, clock="test") as parts:      # any setting of the service may be given
            await parts.consumer.handle([a_record(…)])                # as from Kafka
            async with parts.database.transaction(["acme"]) as tx:    # as the server role, clock included
                assert await store.…(tx) == …

`own_database(SERVICE)` gives the two addresses alone, for a process or a connection of one's own.
"""

import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from deploy.local.postgres import DatabaseUrls, copy, drop, provision
from deploy.local.servers import Servers
from services.chassis.migrate import migrate
from services.chassis.service import Parts, Service, database_of

OwnDatabase = Callable[[Service[Any]], DatabaseUrls]
_NUMBERS = itertools.count()
OpenService = Callable[..., AbstractAsyncContextManager[Parts[Any]]]


@pytest.fixture(scope="session")
def service_template(servers: Servers) -> Iterator[Callable[[Service[Any]], str]]:
    """Give the name of a service's migrated database, which nobody enters but to copy it."""
    admin_url = servers.admin_database_url
    run = f"{os.getpid()}_{uuid4().hex[:6]}"  # workers side by side, and runs on a given server, have their own
    made: dict[str, str] = {}

    def template(service: Service[Any]) -> str:
        if service.name not in made:
            name = f"t_{service.name}_{run}"
            urls = provision(admin_url, name)
            migrate(urls.owner, f"{name}_server", service.migrations)
            made[service.name] = name
        return made[service.name]

    yield template
    for name in made.values():
        drop(admin_url, name)
        with psycopg.connect(admin_url, autocommit=True) as admin:
            roles = [sql.Identifier(f"{name}_{role}") for role in ("owner", "server")]
            admin.execute(sql.SQL("DROP ROLE {}, {}").format(*roles))


@pytest.fixture(scope="session")
def admin(servers: Servers) -> Iterator[psycopg.Connection]:
    """Give a connection as the server's administrator."""
    with psycopg.connect(servers.admin_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def own_database(
    servers: Servers, admin: psycopg.Connection, service_template: Callable[[Service[Any]], str]
) -> Iterator[OwnDatabase]:
    """Give a test its own migrated copy of a service's database, as often as it asks."""
    copies: list[str] = []

    def own(service: Service[Any]) -> DatabaseUrls:
        template = service_template(service)
        copies.append(f"{template}_{next(_NUMBERS)}")
        return copy(servers.admin_database_url, template, copies[-1], by=admin, by_file=True)

    yield own
    drop(servers.admin_database_url, *copies, by=admin)


@pytest.fixture
def open_service(own_database: OwnDatabase, servers: Servers) -> OpenService:
    """Open a service on a database of its own, without its process: settings, database and consumer."""

    @asynccontextmanager
    async def opened(service: Service[Any], **settings: Any) -> AsyncIterator[Parts[Any]]:
        urls = own_database(service)
        usual = servers.cluster.settings() | {"grpc_tls": "off"}
        given = service.settings(database_url=urls.server, owner_database_url=urls.owner, **usual | settings)
        async with database_of(given) as database:
            yield Parts(given, database, service.consumer(given, database))

    return opened
