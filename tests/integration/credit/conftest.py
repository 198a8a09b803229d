"""A running credit for each test: its own database, its consumer, and its gRPC door on a port of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from receivables.credit.v1 import exposure_pb2_grpc, service_pb2_grpc

from services.chassis.service import Parts, database_of
from services.credit.service import SERVICE
from tests.callers import serving
from tests.integration.conftest import OpenService
from tests.integration.credit.desk import Desk, set_clock


@asynccontextmanager
async def served(parts: Parts[Any]) -> AsyncIterator[Desk]:
    """Give the service behind a port."""
    async with serving(SERVICE, parts) as channel:
        yield Desk(parts, service_pb2_grpc.CreditServiceStub(channel), exposure_pb2_grpc.ExposureServiceStub(channel))


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
