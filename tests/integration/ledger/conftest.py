"""A running ledger for each test: its own database, its consumer, and its gRPC door on a port of its own."""

from collections.abc import AsyncIterator

import pytest
from receivables.ledger.v1 import service_pb2_grpc

from services.ledger.service import SERVICE
from tests.callers import serving
from tests.integration.conftest import OpenService
from tests.integration.ledger.desk import Desk, day


@pytest.fixture
async def desk(open_service: OpenService) -> AsyncIterator[Desk]:
    """Give a ledger on 1 February 2026 by the business clock."""
    async with open_service(SERVICE, clock="test") as parts, serving(SERVICE, parts) as channel:
        desk = Desk(parts, service_pb2_grpc.LedgerServiceStub(channel))
        await desk.set_clock(day("2026-02-01"))
        yield desk
