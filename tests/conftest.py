"""What every test may ask for: the real servers, started once a run."""

import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from deploy.local.artifacts import ROOT
from deploy.local.servers import Servers, own_folder

PROVE_S = 3600

# How long an example takes says how busy the machine is, not whether the rule holds.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers before xdist starts its workers, who find them in the environment: one set for all.

    Whoever runs the tests may be an operator of something else.
    """
    os.environ["AR_OPERATOR_KEY"] = str(ROOT / "var" / "no-operator.json")
    if config.getoption("numprocesses", default=None):  # nothing in a worker, and in a run without xdist
        started = ExitStack()
        config.add_cleanup(started.close)
        os.environ.update(started.enter_context(_servers()).environment())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes has an hour; a test's own limit goes before. AR_TEST_ORDER=<number> shuffles files and tests."""
    if seed := os.environ.get("AR_TEST_ORDER"):
        chance = random.Random(seed)
        places = {item.path: chance.random() for item in items}
        items.sort(key=lambda item: (places[item.path], chance.random()))
    for item in items:
        if item.get_closest_marker("prove") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(PROVE_S))


class FolderScheduling(LoadScopeScheduling):
    """The tests of a folder stay together on one worker: services, databases and judges that they share start once."""

    ALONE = "tests/end_to_end/test_story_demo.py"  # starts its own services

    def _split_scope(self, nodeid: str) -> str:
        return self.ALONE if nodeid.startswith(self.ALONE) else nodeid.partition("::")[0].rpartition("/")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FolderScheduling:
    """Folders in their order: what takes longest (chaos, end_to_end) comes before what is shared out to the minute."""
    config.option.loadscopereorder = False
    return FolderScheduling(config, log)


@pytest.fixture(autouse=True)
def _logs_of_its_own() -> None:
    """What one test, or a stack that it started, says about logging is none of the next one's business."""
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Give the servers that the environment names (`python -m deploy.local run`), or start our own."""
    with _servers() as running:
        yield running


def _servers() -> Servers:
    return Servers(own_folder(ROOT / "var" / "test"), scratch=True)
