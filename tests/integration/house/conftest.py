"""The house, open at nine on a Monday."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.local import rules
from services.invoicing.press import close_presses
from tests.integration.conftest import OpenService
from tests.integration.house.house import House, opened

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture(scope="session")
def rules_dir() -> Iterator[Path]:
    yield rules.install()
    close_presses()


@pytest.fixture
async def house(open_service: OpenService, rules_dir: Path) -> AsyncIterator[House]:
    async with opened(open_service, {"invoicing": {"rules_dir": rules_dir, "official_rules_share": 0.0}}) as house:
        await house.set_clock(MONDAY)
        yield house
