"""Notifications behind its real door, on a database of its own, with a real mail server and a real gRPC invoicing."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from receivables.invoicing.v1 import service_pb2_grpc as invoicing_grpc

from deploy.local.mail import Mail
from services.chassis.service import Servicer
from services.notifications.service import SERVICE
from tests.callers import answering, environment, serving
from tests.integration.conftest import OpenService
from tests.integration.notifications.office import Invoicing, Office, OpenOffice, Stubs, Writers
from tests.unit.notifications.samples import MONDAY_10

INVOICING = "receivables.invoicing.v1.InvoicingService"


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Mail]:
    """A mail server of the test's own."""
    server = Mail(tmp_path / "mail")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def open_office(open_service: OpenService, mail: Mail) -> OpenOffice:
    """Open the service and its door; the business clock stands at Monday, 2 March 2026, 10:00 in Berlin."""

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[Office]:
        invoicing = Invoicing()  # type: ignore[abstract] # it is asked for documents alone
        servicer = Servicer(INVOICING, invoicing_grpc.add_InvoicingServiceServicer_to_server, invoicing)
        writers = Writers()
        async with (
            answering("invoicing", [servicer]) as address,
            answering("disputes", [writers.disputes()]) as disputes,
            answering("ledger", [writers.ledger()]) as ledger,
        ):
            given = {
                "smtp_host": mail.host,
                "smtp_port": mail.port,
                "smtp_tls": "none",
                "invoicing_address": address,
                "disputes_address": disputes,
                "ledger_address": ledger,
                "identity_key": environment(SERVICE.name)["AR_IDENTITY_KEY"],
            } | settings
            async with open_service(SERVICE, clock="test", **given) as parts, serving(SERVICE, parts) as channel:
                office = Office(parts, Stubs(channel), SERVICE.works(parts), mail, invoicing, writers)
                await office.set_clock(MONDAY_10)
                yield office

    return opened


@pytest.fixture
async def office(open_office: OpenOffice) -> AsyncIterator[Office]:
    """The service, which knows how the two companies are called."""
    async with open_office() as opened:
        await opened.know_the_companies()
        yield opened
