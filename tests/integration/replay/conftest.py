"""The five services side by side in this process, each on a database of its own; their topics are lists."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from deploy.local import rules
from deploy.local.servers import Servers
from services.invoicing.press import close_presses
from tests.integration.conftest import OpenService
from tests.integration.replay.house import SERVICES, House, open_door

# Two shops of the seller, one of another, one that writes on the topic that all share, and whoever orders by a call.
SOURCES = {"webshop": ["acme"], "erp-1": ["acme"], "other": ["globex"], "*": ["acme"], "portal": ["acme"]}


@pytest.fixture
async def house(open_service: OpenService, servers: Servers) -> AsyncIterator[House]:
    """Give the five of them, with nothing told yet."""
    settings = {"invoicing": {"rules_dir": rules.install(), "official_rules_share": 0.0}}
    async with AsyncExitStack() as stack:
        opened = House(servers.admin_database_url)
        for service in SERVICES:
            own = settings.get(service.name, {})
            parts = await stack.enter_async_context(open_service(service, clock="test", order_sources=SOURCES, **own))
            opened.add(service, parts, await stack.enter_async_context(open_door(service, parts)))
        yield opened
    close_presses()
