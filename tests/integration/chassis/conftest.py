"""The toy on a database of its own, without its process."""

from collections.abc import AsyncIterator

import pytest_asyncio

from services.chassis.service import Parts
from services.chassis.settings import ChassisSettings
from tests.chaos.toy.service import SERVICE
from tests.integration.conftest import OpenService


@pytest_asyncio.fixture
async def toy(open_service: OpenService) -> AsyncIterator[Parts[ChassisSettings]]:
    """Give the toy's settings, database and consumer."""
    async with open_service(SERVICE, clock="test", failures_in_row_max=3) as parts:
        yield parts
