"""Services on databases of their own, and the official rule files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import rules
from services.invoicing.press import close_presses
from tests.integration.conftest import admin, open_service, own_database, service_template

__all__ = ["admin", "open_service", "own_database", "service_template"]


@pytest.fixture(scope="session")
def rules_dir() -> Iterator[Path]:
    """Give the official rules, and end the processes that read them."""
    yield rules.install()
    close_presses()
