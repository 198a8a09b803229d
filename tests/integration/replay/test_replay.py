"""A service that has forgotten which events it handled, and hears all of them again, changes and says nothing."""

from collections.abc import Callable, Sequence

from services.chassis.envelope import Record
from tests.integration.replay.house import SERVICES, House, play

# What a shop told of a seller for whom it does not speak.
NOT_ALLOWED = "refused event.tenant_not_allowed receivables.orders.v1.OrderPlaced  other does not speak for 'acme' (AR_ORDER_SOURCES)"
ORDERS: dict[str, Callable[[Sequence[Record]], list[Record]]] = {
    "as it was told": list,
    "topic after topic": lambda told: sorted(told, key=lambda record: record.topic),
    "the last topics first": lambda told: sorted(told, key=lambda record: record.topic, reverse=True),
}


async def test_what_is_told_again_from_the_first_offset_changes_nothing_and_is_told_to_nobody(house: House):
    await play(house)
    waiting = {service.name: await house.waiting(service.name) for service in SERVICES}
    before = {service.name: house.facts(service.name) for service in SERVICES}
    wrong: list[tuple[str, ...]] = []

    for service in SERVICES:
        name = service.name
        for how, order in ORDERS.items():
            await house.tell_again(name, order(house.told))
            after, said, waits = house.facts(name), await house.announced(name), await house.waiting(name)
            wrong += [(name, how, table) for table, rows in before[name].items() if rows != after[table]]
            wrong += [(name, how, "says", record.headers["ce_type"], record.headers["ce_subject"]) for record in said]
            wrong += [(name, how, "parks", row) for row in waits if row not in waiting[name]]

    assert {name: found for name, found in waiting.items() if found} == {
        name: [NOT_ALLOWED] for name in ("credit", "invoicing", "disputes", "notifications")
    }
    assert wrong == [], "\n".join(sorted({str(each) for each in wrong}))
