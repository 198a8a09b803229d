"""What every test may ask for: the real servers, started once a run."""

import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import structlog
from xdist.scheduler import LoadScopeScheduling

from deploy.local.artifacts import ROOT
from deploy.local.servers import Servers, own_folder

PROVE_S = 3600


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers before xdist starts its workers, who find them in the environment: one set for all.

    Whoever runs the tests may be an operator of something else.
    """
    os.environ["AR_OPERATOR_KEY"] = str(ROOT / "var" / "no-operator.json")
    if config.getoption("numprocesses", default=None):  # nothing in a worker, and in a run without xdist
        started = ExitStack()
        config.add_cleanup(started.close)
        os.environ.update(started.enter_context(Servers(own_folder(ROOT / "var" / "test"))).environment())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes has an hour; a test's own limit goes before. AR_TEST_ORDER=<number> shuffles files and tests."""
    if seed := os.environ.get("AR_TEST_ORDER"):
        chance = random.Random(seed)
        places = {item.path: chance.random() for item in items}
        items.sort(key=lambda item: (places[item.path], chance.random()))
    for item in items:
        if item.get_closest_marker("prove") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(PROVE_S))


class OneStack(LoadScopeScheduling):
    """Each test goes to whichever worker is free; those that share running services stay together on one."""

    TOGETHER = ("tests/end_to_end/", "tests/chaos/")
    ALONE = "tests/end_to_end/test_story_demo.py"  # starts its own services

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(self.ALONE):
            return self.ALONE
        return next((folder for folder in self.TOGETHER if nodeid.startswith(folder)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneStack:
    """Long scopes come first, by their number of tests."""
    return OneStack(config, log)


@pytest.fixture(autouse=True)
def _logs_of_its_own() -> None:
    """What one test, or a stack that it started, says about logging is none of the next one's business."""
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Give the servers that the environment names (`python -m deploy.local run`), or start our own."""
    with Servers(own_folder(ROOT / "var" / "test")) as running:
        yield running
