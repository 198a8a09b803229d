"""One world for all chaos tests, gone after the last of them; each test has its own tenant in it."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from deploy.local.artifacts import ROOT
from deploy.local.servers import own_folder
from tests.chaos.world import World


@pytest.fixture(scope="package")
def whole_world() -> Iterator[World]:
    """Start a broker, a database and two replicas of the toy."""
    world = World(own_folder(ROOT / "var" / "chaos"))
    try:
        world.start()
        yield world
    finally:
        world.stop()


@pytest.fixture
def world(whole_world: World) -> World:
    """Give the world with everything in it running."""
    whole_world.start_replicas()
    return whole_world


@pytest.fixture
def tenant() -> str:
    """Name a tenant that no other test has."""
    return f"t{uuid4().hex[:12]}"
