"""Each source outside tells on a topic of its own, for its tenants alone, and its ids are its own."""

from collections.abc import AsyncIterator, Collection, Mapping

import pytest
import pytest_asyncio

from services.chassis import metrics
from services.chassis.consumer import Consumer
from services.chassis.envelope import Record
from services.chassis.parked import Shown, find, listed
from services.chassis.service import Parts
from services.chassis.settings import ChassisSettings
from services.chassis.sources import Sources
from tests.chaos.toy import usecases
from tests.chaos.toy.events import effects, placed, shipped, told, waiting
from tests.chaos.toy.service import HANDLERS, SERVICE
from tests.integration.conftest import OpenService

Toy = Parts[ChassisSettings]
ORDERS = "receivables.orders.v1"
SOURCES = {"webshop": ["acme"], "erp-1": ["acme", "globex"], "closed": [], "*": ["*"]}


@pytest_asyncio.fixture
async def toy(open_service: OpenService) -> AsyncIterator[Toy]:
    """Give a toy that hears two shops."""
    async with open_service(SERVICE, order_sources=SOURCES) as parts:
        yield parts


def a_consumer(toy: Toy, sources: Mapping[str, Collection[str]]) -> Consumer:
    """The toy, once its setting has changed."""
    return Consumer(toy.database, "toy", HANDLERS, tell=usecases.tell, sources=Sources(sources))


async def all_waiting(toy: Toy) -> list[Shown]:
    async with toy.database.transaction(()) as tx:
        found = [await find(tx, "toy", row.id) for row in await listed(tx, "toy")]
    return [row for row in found if row is not None]


async def test_the_topics_of_all_sources_are_followed_beside_the_shared_one_and_only_where_orders_are(toy: Toy):
    assert toy.consumer.topics == [
        "receivables.invoicing.v1",
        ORDERS,
        f"{ORDERS}.closed",
        f"{ORDERS}.erp-1",
        f"{ORDERS}.webshop",
    ]


async def test_two_shops_of_a_seller_number_alike_and_each_is_heard(toy: Toy):
    first, second = placed("o1", event_id="e1", source="webshop"), placed("o2", event_id="e1", source="erp-1")
    shared = placed("o3", event_id="e1", headers={"ce_source": "webshop"})

    await toy.consumer.handle([first, second, shared])
    await toy.consumer.handle([placed("o1", event_id="e1", source="webshop")])

    assert await effects(toy.database) == ["o1/1 placed", "o2/1 placed", "o3/1 placed"]
    assert await waiting(toy.database) == []


async def test_what_a_shop_writes_into_its_headers_makes_it_no_other_source(toy: Toy):
    """Whose event it is, its topic says: an id that another uses next is not taken."""
    one = placed("o1", event_id="e1", source="webshop", headers={"ce_source": f"{ORDERS}.erp-1"})
    same = placed("o1", event_id="e1", source="webshop", headers={"ce_source": "/elsewhere"})
    forged = placed("o2", event_id="e2", headers={"ce_source": f"{ORDERS}.erp-1"})

    await toy.consumer.handle([one, same, forged])
    await toy.consumer.handle(
        [placed("o3", event_id="e1", source="erp-1"), placed("o2", event_id="e2", source="erp-1")]
    )

    assert await effects(toy.database) == ["o1/1 placed", "o3/1 placed", "o2/1 placed"]
    assert await waiting(toy.database) == ["unreadable order/o2"]


async def test_who_speaks_for_another_tenant_is_refused_and_that_tenant_neither_hears_of_it_nor_waits_for_it(toy: Toy):
    before = metrics.REFUSED.labels("event.tenant_not_allowed")._value.get()
    wrong = placed("o1", tenant="globex", event_id="e1", source="webshop")

    await toy.consumer.handle([wrong, placed("o2", source="webshop")])
    await toy.consumer.handle([placed("o1", tenant="globex", event_id="e1", source="erp-1")])

    [row] = await all_waiting(toy)
    assert (row.reason, row.code, row.tenant, row.subject) == ("refused", "event.tenant_not_allowed", "", "")
    assert row.detail == "webshop does not speak for 'globex' (AR_ORDER_SOURCES)"
    assert metrics.REFUSED.labels("event.tenant_not_allowed")._value.get() == before + 1
    assert await effects(toy.database, "acme") == ["o2/1 placed"]
    assert await effects(toy.database, "globex") == ["o1/1 placed"]
    assert [line for line in await told(toy.database) if "Refused" in line] == []
    async with toy.database.glance() as tx:
        assert {row.tenant for row in await tx.rows("SELECT tenant FROM tenant")} == {"acme", "globex"}


@pytest.mark.parametrize("value", [b"\xff not a message", None])
async def test_what_cannot_be_read_of_a_tenant_that_is_not_the_shops_is_nobodys_too(toy: Toy, value: bytes | None):
    whole = placed("o1", tenant="globex", source="webshop")

    await toy.consumer.handle([Record(whole.topic, 0, whole.offset, whole.key, value, whole.headers)])

    [row] = await all_waiting(toy)
    assert (row.code, row.tenant, row.subject) == ("event.tenant_not_allowed", "", "")


async def test_a_source_that_is_named_with_no_tenant_is_read_and_refused(toy: Toy):
    await toy.consumer.handle([placed("o1", source="closed")])

    assert await effects(toy.database) == []
    assert [row.code for row in await all_waiting(toy)] == ["event.tenant_not_allowed"]


@pytest.mark.parametrize(
    ("sources", "heard"),
    [
        ({}, ["acme", "globex"]),
        ({"webshop": ["acme"]}, []),
        ({"*": ["globex"]}, ["globex"]),
        ({"*": []}, []),
        ({"*": ["*"]}, ["acme", "globex"]),
    ],
)
async def test_the_shared_topic_speaks_for_whom_the_setting_says_and_for_all_where_it_names_no_source(
    toy: Toy, sources: dict[str, list[str]], heard: list[str]
):
    consumer = a_consumer(toy, sources)

    await consumer.handle([placed("o1", tenant=tenant) for tenant in ("acme", "globex")])

    assert [tenant for tenant in ("acme", "globex") if await effects(toy.database, tenant)] == heard


async def test_once_the_shop_may_speak_for_the_tenant_a_replay_handles_what_was_refused_once(toy: Toy):
    await toy.consumer.handle([placed(f"o{n}", tenant="globex", event_id=f"e{n}", source="webshop") for n in (1, 2)])
    first, second = await all_waiting(toy)

    await toy.consumer.replay(first, by="user:ada")
    assert await effects(toy.database, "globex") == []

    allowed = a_consumer(toy, {"webshop": ["acme", "globex"]})
    await allowed.handle([placed("o2", tenant="globex", event_id="e2", source="webshop")])
    await allowed.replay(first, by="user:ada")
    assert [row.id for row in await all_waiting(toy)] == [second.id], "each is the operator's to try"
    await allowed.replay(second, by="user:ada")

    assert await effects(toy.database, "globex") == ["o2/1 placed", "o1/1 placed"]
    assert await all_waiting(toy) == []


async def test_what_is_refused_of_the_tenant_at_the_replay_is_told_to_it(toy: Toy):
    await toy.consumer.handle([placed("o1", tenant="globex", site="refused", source="webshop")])
    [row] = await all_waiting(toy)

    await a_consumer(toy, {"webshop": ["globex"]}).replay(row, by="user:ada")

    [row] = await all_waiting(toy)
    assert (row.code, row.tenant, row.subject) == ("toy.refused", "globex", "order/o1")
    assert await told(toy.database) == ["OrderRefused order/o1 1"]


async def test_a_shipment_on_one_topic_waits_for_its_order_on_another(toy: Toy):
    await toy.consumer.handle([shipped("o1", source="erp-1")])
    assert [row.reason for row in await all_waiting(toy)] == ["early"]

    await toy.consumer.handle([placed("o1", source="webshop")])

    assert await effects(toy.database) == ["o1/1 placed", "o1/0 shipped s1"]


async def test_what_comes_again_after_its_type_was_learned_is_handled_once(toy: Toy):
    """A type of a newer version is parked by no identity; its repeat may come once the version is there."""
    new = placed("o1", event_id="e1")
    strange = Record(new.topic, 0, new.offset, new.key, new.value, {**new.headers, "ce_type": f"{ORDERS}.OrderDreamt"})
    await toy.consumer.handle([strange])
    async with toy.database.transaction(()) as tx:  # what a newer version can read of it
        await tx.run('UPDATE parked SET headers = headers || \'{"ce_type": "receivables.orders.v1.OrderPlaced"}\'')
        await tx.run("UPDATE parked SET event_type = 'receivables.orders.v1.OrderPlaced'")

    await toy.consumer.wake_due()
    await toy.consumer.handle([placed("o1", event_id="e1")])

    assert await effects(toy.database) == ["o1/1 placed"]
