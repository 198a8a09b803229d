"""Six real services, started once for all stories on a broker and a mail server of their own, gone after the last."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser

from deploy.demo.calls import Services
from deploy.demo.feed import Feed
from deploy.demo.player import Stage
from deploy.demo.shop import Shop
from deploy.demo.stack import SOURCES as OF_THE_DEMO
from deploy.demo.stack import Stack, rows
from deploy.local.artifacts import ROOT
from deploy.local.cluster import ERP, SHOP
from deploy.local.servers import Servers, own_folder
from tests.end_to_end import visitors
from tests.end_to_end.visitors import Visitor
from tests.end_to_end.world import Trader, World
from tests.receiver import Receiver

# Other tests use the run's broker for the same topics, and would be followed; the database is shared.
OWN = ("KAFKA_BOOTSTRAP_SERVERS", "AR_SMTP_HOST", "AR_SMTP_PORT", "AR_MAIL_FOLDER")

# A second shop of every seller, and one of another.
SOURCES = {**OF_THE_DEMO, "second-shop": ["*"], "erp": ["elsewhere"]}

FAILED = "SELECT event_type, detail FROM parked WHERE reason = 'failed' AND closed_at IS NULL"


@pytest.fixture(scope="package")
def traces() -> Iterator[Receiver]:
    """Give what takes the services' spans."""
    with Receiver() as receiver:
        yield receiver


@contextmanager
def running(sources: Mapping[str, Sequence[str]], settings: Mapping[str, str]) -> Iterator[Stage]:
    """The services on a broker of their own, with a shop and a reader of the topics."""
    with pytest.MonkeyPatch.context() as environment:
        for name in OWN:
            environment.delenv(name, raising=False)
        described = Servers(own_folder(ROOT / "var" / "test"))
    with (
        described as servers,
        Stack(
            servers,
            servers.folder / "logs",
            prefix=f"e2e_{servers.folder.name.replace('-', '_')}",
            settings=settings,
            sources=sources,
        ) as stack,
        Services(stack.addresses, stack.issuers) as services,
        Shop(servers.cluster.brokers(SHOP)) as shop,
        Feed(servers.cluster.brokers(ERP)) as feed,
    ):
        yield Stage(stack, services, shop, feed)


@pytest.fixture(scope="package")
def stage(traces: Receiver) -> Iterator[Stage]:
    """Give the running services, which record what a shop records, and nothing else."""
    recorded = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_TRACES_SAMPLER": "parentbased_always_off"}
    with running(SOURCES, traces.environment() | recorded) as stage:
        yield stage


@pytest.fixture(scope="package")
def world(stage: Stage) -> World:
    """Give the world on a Monday morning; tests move its clock forward, each for itself and all who follow."""
    return World(stage, stage.stack.servers.mail_folder, datetime(2026, 3, 2, 9, tzinfo=UTC))


@pytest.fixture
def trader(world: World) -> Trader:
    """Give a seller that no other test knows, on the morning of a new day."""
    world.next_business_day()
    return Trader(world)


@pytest.fixture(autouse=True)
def _no_defects(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a story is about: no event is parked for a defect, and no service ends by itself."""
    yield
    if "world" in request.fixturenames:
        stack = request.getfixturevalue("stage").stack
        failed = {name: rows(service.database, [], FAILED) for name, service in stack.running.items()}
        assert (failed, stack.restarts) == ({name: [] for name in stack.running}, {})


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Give the browser, which the tests of a file share; each visitor has a context of their own.

    As long as it is open its event loop runs, and no other can in this process.
    """
    with visitors.chromium() as launched:
        yield launched


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """Give what opens a browser for somebody; nothing must have gone wrong in any."""
    opened: list[Visitor] = []

    def open_one(trader: Trader, address: str, **context: Any) -> Visitor:
        opened.append(Visitor(chromium, trader, address, **context))
        return opened[-1]

    yield open_one
    for visitor in opened:
        visitor.close()
