"""Shops outside tell orders on topics of their own; who speaks for another seller is not heard."""

from collections.abc import Iterator

import pytest

from deploy.demo.shop import TOPIC, Shop
from deploy.demo.stack import PARTITIONS, rows
from deploy.local.processes import wait_until
from services.chassis import topics
from tests.end_to_end.world import Trader, World

FOLLOWERS = ("credit", "invoicing", "disputes", "notifications")
REFUSED = """SELECT topic, subject, key FROM parked
              WHERE closed_at IS NULL AND tenant = '' AND (reason, code) = ('refused', 'event.tenant_not_allowed')"""


@pytest.fixture
def erp(world: World) -> Iterator[Shop]:
    """Give a source that speaks for another seller alone."""
    with Shop(world.stage.stack.servers.cluster.brokers(), "erp") as shop:
        yield shop


@pytest.fixture
def stranger(world: World) -> Iterator[Shop]:
    """Give somebody who has a topic, of whom the services were told nothing."""
    brokers = world.stage.stack.servers.cluster.brokers()
    topics.ensure(brokers, [f"{TOPIC}.stranger"], partitions=PARTITIONS, replication=1)
    with Shop(brokers, "stranger") as shop:
        yield shop


def test_a_shop_that_speaks_for_another_seller_is_refused_everywhere_and_nobody_hears_of_it(
    world: World, trader: Trader, erp: Shop
) -> None:
    trader.buyer(limit=1000)
    billing = trader.person("clerk", "BILLING CREDIT SALES")
    erp.place(trader.tenant, trader.place("o1", "100", told=False), world.at)
    erp.flush()
    mine = f"{trader.tenant}/b1".encode()

    def refused(service: str) -> list[str]:
        found = rows(world.stage.stack.running[service].database, [], REFUSED)
        return [f"{topic}{subject}" for topic, subject, key in found if bytes(key) == mine]

    for service in FOLLOWERS:
        wait_until(lambda name=service: refused(name) == [f"{TOPIC}.erp"], f"{service} refuses it")  # type: ignore[misc]
        assert world.parked(service, trader.tenant) == []
    trader.tell_placed("o1")  # by its own shop, under the same id
    world.settle()

    assert [body.order_id for body in trader.told("CreditDecided")] == ["o1"]
    assert trader.told("OrderRefused") == []
    assert trader.mails(billing) == []


def test_a_topic_of_nobody_whom_the_services_know_is_not_read(world: World, trader: Trader, stranger: Shop) -> None:
    trader.buyer(limit=1000)
    stranger.place(trader.tenant, trader.place("o1", "100", told=False), world.at)
    stranger.flush()
    trader.place("o2", "100")
    world.settle()

    assert [body.order_id for body in trader.told("CreditDecided")] == ["o2"]
    assert [world.parked(service, trader.tenant) for service in FOLLOWERS] == [[]] * 4
