"""What every test may ask for: the real servers, started once a run."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from deploy.local.artifacts import ROOT
from deploy.local.servers import Servers, own_folder


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers before xdist starts its workers, who find them in the environment: one set for all."""
    if config.getoption("numprocesses", default=None):  # nothing in a worker, and in a run without xdist
        started = ExitStack()
        config.add_cleanup(started.close)
        os.environ.update(started.enter_context(Servers(own_folder(ROOT / "var" / "test"))).environment())


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Give the servers that the environment names (`python -m deploy.local run`), or start our own."""
    with Servers(own_folder(ROOT / "var" / "test")) as running:
        yield running
