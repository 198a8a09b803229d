"""How an account has paid, as it is known after what the ledger told, once or again."""

from datetime import date, timedelta
from typing import Any

from receivables.common.v1 import money_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2

from services.chassis.service import Parts
from services.credit import store
from services.credit.domain.conduct import Conduct
from services.credit.service import SERVICE
from tests.integration.conftest import OpenService
from tests.integration.credit.desk import eur, numbered, placed, register
from tests.records import a_record

DUE = date(2026, 3, 1)
KEY = ("acme", "b1")


def item(invoice: str, sequence: int, minor: int = 10_000, due: date = DUE) -> Any:
    body = ledger_pb2.ItemOpened(
        invoice_id=invoice,
        account_id="b1",
        order_id=f"o-{invoice}",
        amount=eur(minor),
        due_date=due.isoformat(),
        final=True,
    )
    return numbered(a_record(body, account="b1", subject=f"invoice/{invoice}"), sequence)


def reduced(
    invoice: str, sequence: int, left: int = 0, *, late: int = 0, due: date = DUE, minor: int = 10_000, **changes: Any
) -> Any:
    body = ledger_pb2.ItemReduced(
        invoice_id=invoice,
        account_id="b1",
        by=changes.get("by", ledger_pb2.REDUCTION_PAID),
        amount=money_pb2.Money(minor=minor - left, currency="EUR"),
        open=eur(left),
        cause_id=f"p-{invoice}",
        due_date=due.isoformat(),
        effective_on=(due + timedelta(days=late)).isoformat(),
    )
    return numbered(a_record(body, account="b1", subject=f"invoice/{invoice}"), sequence)


async def conduct_on(parts: Parts[Any], today: date) -> Conduct:
    async with parts.database.transaction(["acme"]) as tx:
        await store.keep_arrears(tx, [KEY], today)
        return (await store.conduct_of(tx, [KEY], today))[KEY]


async def test_an_account_is_known_by_how_it_paid_and_what_it_has_not_paid(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts)
        await parts.consumer.handle([placed(f"o-i{n}", 10_000) for n in range(1, 5)])
        told = [item(f"i{n}", n) for n in range(1, 5)]
        told += [reduced("i1", 5), reduced("i2", 6, late=40), reduced("i3", 7, by=ledger_pb2.REDUCTION_CREDITED)]
        await parts.consumer.handle(told)

        today = DUE + timedelta(days=41)
        known = await conduct_on(parts, today)
        async with parts.database.transaction(["acme"]) as tx:
            await tx.run("DELETE FROM inbox")
        await parts.consumer.handle(told)

        assert (known.settled, known.late, known.days_late) == (2, 1, 40)
        assert (known.overdue_minor, known.overdue_since) == (10_000, DUE)
        assert known.open_p95 == 40_000
        assert await conduct_on(parts, today) == known
        async with parts.database.transaction(["acme"]) as tx:
            arrears = await store.arrears_of(tx, "acme", ["b1", "b2"], DUE, today)
            before = await store.arrears_of(tx, "acme", ["b1"], DUE, DUE + timedelta(days=30))
        assert [(one.invoice_id, one.since, one.settled_on) for one in arrears["b1"]] == [
            ("i2", DUE + timedelta(days=31), DUE + timedelta(days=40)),
            ("i4", DUE + timedelta(days=31), None),
        ]
        assert before == {}

        await parts.consumer.handle([reduced("i4", 8, by=ledger_pb2.REDUCTION_CREDITED)])
        await conduct_on(parts, today)
        async with parts.database.transaction(["acme"]) as tx:
            [one] = (await store.arrears_of(tx, "acme", ["b1"], DUE, today))["b1"]
        assert one.invoice_id == "i2"
