"""Disputes behind its real door: a gRPC server on a database of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.chassis.envelope import RECORD_MAX_BYTES
from services.disputes.service import SERVICE
from tests.callers import serving
from tests.integration.conftest import OpenService
from tests.integration.disputes.desk import MONDAY, Desk, OpenDesk, Stubs, issued


@pytest.fixture
def open_desk(open_service: OpenService) -> OpenDesk:
    """Open the service and its door; the business clock stands at Monday, 2 March 2026."""

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[Desk]:
        large = [("grpc.max_receive_message_length", 2 * RECORD_MAX_BYTES)]  # evidence, whole
        async with (
            open_service(SERVICE, clock="test", **settings) as parts,
            serving(SERVICE, parts, options=large) as channel,
        ):
            desk = Desk(parts, Stubs(channel))
            await desk.set_clock(MONDAY)
            yield desk

    return opened


@pytest.fixture
async def desk(open_desk: OpenDesk) -> AsyncIterator[Desk]:
    """The service with one invoice known."""
    async with open_desk() as opened:
        await opened.follow(issued())
        yield opened
