"""Invoicing behind its real door: a gRPC server on a database of its own, the official rule files installed."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from receivables.invoicing.v1 import service_pb2_grpc

from deploy.local import rules
from services.invoicing.press import close_presses
from services.invoicing.service import SERVICE
from tests.callers import serving
from tests.integration.conftest import OpenService
from tests.integration.invoicing.office import MONDAY, Office, OpenOffice, buyer


@pytest.fixture(scope="session")
def rules_dir() -> Iterator[Path]:
    yield rules.install()
    close_presses()  # kept from one test to the next: a second or two each


@pytest.fixture
def open_office(open_service: OpenService, rules_dir: Path) -> OpenOffice:
    """Open the service and its door; the business clock stands at Monday, 2 March 2026, 9:00 UTC."""

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[Office]:
        given = {"clock": "test", "rules_dir": rules_dir, "official_rules_share": 0.0} | settings
        async with open_service(SERVICE, **given) as parts, serving(SERVICE, parts) as channel:
            office = Office(parts, service_pb2_grpc.InvoicingServiceStub(channel))
            await office.set_clock(MONDAY)
            yield office

    return opened


@pytest.fixture
async def office(open_office: OpenOffice) -> AsyncIterator[Office]:
    """Give an office with one German seller and one German buyer."""
    async with open_office() as opened:
        await opened.register_seller()
        await opened.handle(buyer())
        yield opened
