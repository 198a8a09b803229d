"""The five services with the business of two sellers, each behind its door."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog

from deploy.local import rules
from services.invoicing.press import close_presses
from tests.integration.access.world import MONDAY
from tests.integration.conftest import OpenService
from tests.integration.house.house import House, opened


@pytest.fixture
async def house(open_service: OpenService) -> AsyncIterator[House]:
    """Give the house at nine on a Monday."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # thousands are refused
    sources = {"portal": ["*"], "*": ["*"]}
    settings: dict[str, dict[str, Any]] = {
        "invoicing": {"rules_dir": rules.install(), "official_rules_share": 0.0, "order_sources": sources},
        "credit": {"order_sources": sources},
        "notifications": {"order_sources": sources},
    }
    async with opened(open_service, settings) as house:
        await house.set_clock(MONDAY)
        yield house
    close_presses()
