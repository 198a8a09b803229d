"""A running ledger for each test: its own database, its consumer, and its gRPC door on a port of its own."""

from collections.abc import AsyncIterator

import grpc
import pytest
from receivables.ledger.v1 import service_pb2_grpc

from services.ledger.service import SERVICE
from tests.integration.conftest import OpenService
from tests.integration.ledger.desk import Desk, day


@pytest.fixture
async def desk(open_service: OpenService) -> AsyncIterator[Desk]:
    """Give a ledger on 1 February 2026 by the business clock."""
    async with open_service(SERVICE, clock="test") as parts:
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", 8 * 1024 * 1024)])
        for servicer in SERVICE.servicers(parts):
            servicer.add(servicer.answers, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            desk = Desk(parts, service_pb2_grpc.LedgerServiceStub(channel))
            await desk.set_clock(day("2026-02-01"))
            yield desk
        await server.stop(0)
