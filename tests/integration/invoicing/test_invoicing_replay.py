"""Facts that come again, under other ids, long after anybody remembers these: known by what they are about."""

from dataclasses import replace
from typing import Any

from receivables.credit.v1 import events_pb2 as credit_pb2

from services.chassis.envelope import Record
from tests.integration.invoicing.office import (
    Office,
    approved,
    buyer,
    buyer_changed,
    cancelled,
    company,
    decided,
    placed,
    resolved,
    shipped,
)

TABLES = """seller contract buyer sales_order order_line shipment series issued issued_line document paper invoice_balance
    credit_request held refused_order outbox job""".split()


async def rows(office: Office) -> dict[str, list[Any]]:
    """Everything that is remembered, and all that was told."""
    found = {}
    async with office.parts.database.transaction(["acme"]) as tx:
        for table in TABLES:
            found[table] = await tx.rows(f"SELECT * FROM {table} AS t ORDER BY t::text")
    return found


def numbered(record: Record, sequence: int) -> Record:
    """As credit numbers what it tells of an account."""
    return replace(record, headers={**record.headers, "ce_sequence": str(sequence)})


async def test_all_that_was_told_comes_again_in_order_and_changes_nothing(office: Office) -> None:
    await office.set_contract("b1", on_approval=True)
    moved, back = company(name="Käufer SE"), company(name="Käufer AG & Co")

    def orders_and_buyers() -> list[Record]:
        return [
            numbered(buyer(), 1),
            numbered(buyer_changed(moved), 2),
            placed("o1"),
            placed("o2"),
            placed("o2", [("1", "2", "5.00", "STANDARD")], version=2),
            placed("o3"),
            placed("o4", [("1", "1", "0.00", "STANDARD")]),
            placed("o4", [("1", "1", "7.00", "STANDARD")], version=2),
            approved("o1"),
            shipped("o1"),
            shipped("o2", quantities=[("1", "1")], final=False),
            decided(credit_pb2.OUTCOME_DECLINED, "o2", 2),
            shipped("o3", quantities=[("1", "4")], final=False),
            cancelled("o3"),
            numbered(buyer_changed(back), 3),
        ]

    await office.handle(*orders_and_buyers())
    invoice = (await office.invoices())[0]

    def cases() -> list[Record]:
        return [resolved(invoice, lines=[("1", "1")], dispute="d1"), resolved(invoice, gross=500, dispute="d2")]

    await office.handle(*cases())
    before = await rows(office)
    assert len(before["issued"]) == 5

    for record in [*orders_and_buyers(), *cases()]:
        await office.handle(record)
        assert (await rows(office))["buyer"] == before["buyer"]  # no invoice meanwhile names the buyer as it was

    assert await rows(office) == before
