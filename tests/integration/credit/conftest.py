"""A running credit for each test: its own database, its consumer, and its gRPC door on a port of its own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.local.sources import Town
from services.chassis.service import Parts, database_of
from services.credit.service import SERVICE
from tests.callers import serving
from tests.integration.conftest import OpenService
from tests.integration.credit.desk import Desk, Stubs, set_clock
from tests.integration.credit.town import SLOW_S


@asynccontextmanager
async def served(parts: Parts[Any]) -> AsyncIterator[Desk]:
    """Give the service behind a port."""
    async with serving(SERVICE, parts) as channel:
        yield Desk(parts, Stubs(channel))


@pytest.fixture
async def desk(open_service: OpenService) -> AsyncIterator[Desk]:
    """Give credit at nine on 5 January 2026 by the business clock."""
    async with open_service(SERVICE, clock="test") as parts, served(parts) as desk:
        await set_clock(parts, datetime(2026, 1, 5, 9, tzinfo=UTC))
        yield desk


@pytest.fixture
async def desks(open_service: OpenService) -> AsyncIterator[tuple[Desk, Desk]]:
    """Give two replicas on one database."""
    async with open_service(SERVICE) as parts, database_of(parts.settings) as database:
        other = Parts(parts.settings, database, SERVICE.consumer(parts.settings, database))
        async with served(parts) as one, served(other) as two:
            yield one, two


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Give who plays the sources of facts about companies, in plain text."""
    with Town(tmp_path_factory.mktemp("sources") / "log", slow_s=SLOW_S) as town:
        yield town
