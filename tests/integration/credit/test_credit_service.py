"""Credit on a real Postgres: once per order and version, never beyond the limit, told in order."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from receivables.common.v1 import money_pb2
from receivables.credit.v1 import events_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.database import Tx
from services.chassis.envelope import Origin, Record
from services.chassis.pages import Page
from services.credit import store, usecases
from services.credit.domain.book import Book
from services.credit.domain.decisions import Outcome, Request
from services.credit.service import SERVICE
from services.kernel.money import Money
from services.kernel.orders import Scope
from services.kernel.refusals import Conflict, NotFound
from tests.integration.conftest import OpenService
from tests.integration.credit.desk import (
    ORIGIN,
    account_of,
    cancelled,
    decoded,
    expire,
    opened,
    outcomes,
    paid,
    parked,
    placed,
    register,
    set_clock,
    told,
)
from tests.records import a_record


async def test_an_order_is_decided_once_however_often_it_is_told(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts)
        once = placed(gross=70_000)
        await parts.consumer.handle([once])
        await parts.consumer.handle([placed(gross=70_000)])  # told again, by another event

        assert await account_of(parts) == (0, 70_000)
        assert await outcomes(parts) == [("o1", 1, "APPROVED", ["within_limit"])]
        assert await told(parts) == ["BuyerRegistered", "CreditDecided"]


async def test_the_same_version_with_another_amount_is_refused_and_told(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts)
        await parts.consumer.handle([placed(gross=70_000), placed(gross=70_001)])

        assert await parked(parts) == [("refused", "order.version_reused")]
        assert await told(parts) == ["BuyerRegistered", "CreditDecided", "OrderRefused"]
        assert await account_of(parts) == (0, 70_000)


async def test_a_new_version_replaces_the_open_hold(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts)
        await parts.consumer.handle([placed(gross=90_000), placed(gross=95_000, version=2)])

        assert await account_of(parts) == (0, 95_000)
        assert await told(parts) == ["BuyerRegistered", "CreditDecided", "HoldReleased", "CreditDecided"]


async def test_an_unknown_buyers_order_is_declined_and_not_parked(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await parts.consumer.handle([placed(account="nobody")])

        assert await outcomes(parts) == [("o1", 1, "DECLINED", ["unknown_buyer"])]
        assert await parked(parts) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"gross_minor": 9_999}, "order.gross_mismatch"),
        ({"net_minor": 9_999, "gross_minor": 9_999}, "order.net_mismatch"),
        ({"currency": "EURO"}, "money.unknown_currency"),
        ({"placed_on": "5.1.2026"}, "date.malformed"),
        ({"version": 0}, "order.incomplete"),
        ({"account_id": "b2"}, "order.account_mismatch"),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused_with_its_code_and_the_next_goes_on(
    open_service: OpenService, changes: dict[str, Any], code: str
):
    async with open_service(SERVICE) as parts:
        await register(parts)
        await parts.consumer.handle([placed("bad", **changes), placed("good")])

        assert await parked(parts) == [("refused", code)]
        assert (await told(parts))[1:] == ["OrderRefused", "CreditDecided"]
        assert await outcomes(parts) == [("good", 1, "APPROVED", ["within_limit"])]


async def test_invoices_take_the_hold_and_the_final_one_frees_the_rest(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts)
        await parts.consumer.handle([placed(gross=10_000)])
        await parts.consumer.handle([opened(gross=4_000, invoice="i1", final=False)])
        assert await account_of(parts) == (4_000, 6_000)

        await parts.consumer.handle([opened(gross=5_000, invoice="i2", final=True)])

        assert await account_of(parts) == (9_000, 0)
        assert (await told(parts))[2:] == ["HoldCaptured", "HoldCaptured", "HoldReleased"]


async def test_an_item_that_comes_before_its_order_waits_for_it(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts)
        await parts.consumer.handle([opened(gross=10_000)])
        assert await parked(parts) == [("early", "event.early")]

        await parts.consumer.handle([placed(gross=10_000)])

        assert await parked(parts) == []
        assert await account_of(parts) == (10_000, 0)


async def test_shipped_above_the_limit_is_used_all_the_same_and_told(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts, limit=10_000)
        await parts.consumer.handle([placed(gross=15_000), opened(gross=15_000)])

        assert await account_of(parts) == (15_000, 0)
        assert (await told(parts))[-1] == "LimitExceeded"
        assert (await outcomes(parts))[0][2] == "DECLINED"


async def test_cancelling_gives_back_exactly_what_the_hold_still_has(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts)
        await parts.consumer.handle([placed(gross=10_000), placed("other", 1_000)])
        await parts.consumer.handle([opened(gross=4_000, final=False)])
        await parts.consumer.handle([cancelled(), cancelled()])

        assert await account_of(parts) == (4_000, 1_000)
        assert (await told(parts)).count("HoldReleased") == 1


async def test_payments_and_credit_notes_lower_what_is_used_even_below_zero(open_service: OpenService):
    def lowered(body: Any, cause: str) -> Record:
        return a_record(body, account="b1", subject=cause)

    money = money_pb2.Money(minor=3_000, currency="EUR")
    async with open_service(SERVICE) as parts:
        await register(parts)
        await parts.consumer.handle([placed(), opened()])
        await parts.consumer.handle(
            [
                lowered(ledger_pb2.PaymentReceived(payment_id="p1", account_id="b1", amount=money), "payment/p1"),
                lowered(
                    ledger_pb2.ItemReduced(
                        invoice_id="i1", account_id="b1", by=ledger_pb2.REDUCTION_PAID, amount=money, cause_id="p1"
                    ),
                    "invoice/i1",
                ),
                lowered(
                    ledger_pb2.ItemReduced(
                        invoice_id="i1", account_id="b1", by=ledger_pb2.REDUCTION_CREDITED, amount=money, cause_id="c1"
                    ),
                    "invoice/i1",
                ),
                lowered(
                    ledger_pb2.CreditKept(invoice_id="i1", account_id="b1", credit_note_number="C-1", amount=money),
                    "invoice/i1",
                ),
                lowered(ledger_pb2.PaymentReceived(payment_id="p2", account_id="b1", amount=money), "payment/p2"),
            ]
        )

        assert await account_of(parts) == (10_000 - 4 * 3_000, 0)


async def test_a_hold_lapses_by_the_business_clock_and_says_so_once(open_service: OpenService):
    async with open_service(SERVICE, clock="test") as parts:
        await register(parts)
        await parts.consumer.handle([placed()])
        await set_clock(parts, datetime(2026, 1, 13, 23, 59, tzinfo=UTC))
        assert await expire(parts) == 0

        await set_clock(parts, datetime(2026, 1, 14, tzinfo=UTC))

        assert await expire(parts) == 1
        assert await expire(parts) == 0
        assert await account_of(parts) == (0, 0)
        assert (await told(parts))[-1] == "HoldExpired"


async def test_a_referred_order_is_approved_by_a_person_and_goes_on(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts, limit=10_000)
        await parts.consumer.handle([placed(gross=10_500)])
        async with parts.database.transaction(["acme"]) as tx:
            assert [r.order_id for r in await store.referred(tx, "acme", Page())] == ["o1"]
            decision = await usecases.review(tx, ORIGIN, "o1", Outcome.APPROVED)

        assert decision.reasons == ("by_person",)
        assert await account_of(parts) == (0, 10_500)
        assert await outcomes(parts) == [("o1", 1, "REFERRED", ["near_limit"]), ("o1", 1, "APPROVED", ["by_person"])]


async def test_a_batch_of_many_accounts_is_decided_in_one_go(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        for n in range(5):
            await register(parts, f"b{n}", limit=100_000)
        batch = [placed(f"o{n}", 9_000, account=f"b{n % 5}") for n in range(100)]
        await parts.consumer.handle(batch)

        approved = [o for o in await outcomes(parts) if o[2] == "APPROVED"]
        assert len(approved) == 55  # eleven of 90.00 fit in each limit of 1,000.00
        for n in range(5):
            assert await account_of(parts, f"b{n}") == (0, 99_000)


async def test_a_batch_of_all_kinds_is_one_piece_of_work_in_the_order_in_which_it_came(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts)
        batch = [
            placed("o1", 60_000),
            opened("o1", 50_000, invoice="i1"),
            placed("o2", 60_000),  # 10,000 too much, but what was not invoiced of o1 is free by now
            cancelled("o2"),
            paid(50_000),
            placed("o3", 100_000),
        ]
        async with parts.database.transaction(["acme"]) as tx:
            await usecases.follow(tx, decoded(batch))

        assert await account_of(parts) == (0, 100_000)
        assert [(order, outcome) for order, _, outcome, _ in await outcomes(parts)] == [
            ("o1", "APPROVED"),
            ("o2", "REFERRED"),
            ("o3", "APPROVED"),
        ]
        assert await told(parts) == [
            "BuyerRegistered",
            "CreditDecided",
            "HoldCaptured",
            "HoldReleased",
            "CreditDecided",
            "CreditDecided",
        ]


async def test_what_is_shipped_beyond_the_limit_does_not_spoil_what_the_same_batch_granted(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts)
        async with parts.database.transaction(["acme"]) as tx:
            await usecases.follow(tx, decoded([placed("o1", 100_000), opened("o1", 130_000)]))

        assert await account_of(parts) == (130_000, 0)
        assert (await told(parts))[-1] == "LimitExceeded"


async def test_two_tenants_accounts_of_one_name_stay_apart_in_a_batch(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts, tenant="acme")
        await register(parts, tenant="bolt", limit=10)
        [order] = decoded([placed()])
        theirs = a_record(order.body, account="b1", subject="order/o1", tenant="bolt")
        await parts.consumer.handle([placed(), theirs, opened()])

        assert await account_of(parts) == (10_000, 0)
        async with parts.database.transaction(["bolt"]) as tx:
            [row] = await tx.rows(
                "SELECT used_minor, account.held_minor, state FROM account JOIN hold USING (tenant, account_id)"
            )
        assert (row.used_minor, row.held_minor, row.state) == (0, 0, "REFUSED")


async def test_checkouts_at_once_cannot_spend_one_limit_twice(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts, limit=100_000)

        async def ask(order_id: str) -> Outcome:
            wish = Request(
                "acme", "b1", order_id, 1, Money(30_000, "EUR"), datetime(2026, 1, 5, tzinfo=UTC).date(), Scope()
            )
            async with parts.database.transaction(["acme"]) as tx:
                [decision] = await usecases.decide(tx, [(ORIGIN, wish)])
            return decision.outcome

        answers = await asyncio.gather(*(ask(f"o{n}") for n in range(10)))

        assert answers.count(Outcome.APPROVED) == 3
        assert await account_of(parts) == (0, 90_000)


async def test_the_statement_itself_guards_the_limit(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts, limit=100)

        async def overdraw(tx: Tx) -> None:
            book = Book(await store.lock_accounts(tx, {("acme", "b1")}))
            book.change(("acme", "b1"), held=101)
            await store.save(tx, book.accounts.values(), [], [], granted={("acme", "b1")})

        async with parts.database.transaction(["acme"]) as tx:
            with pytest.raises(AssertionError, match="exceed its limit"):
                await overdraw(tx)


async def test_another_tenants_account_is_not_found(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts, tenant="acme")
        async with parts.database.transaction(["other"]) as tx:
            assert await store.list_accounts(tx, "acme", Page()) == []
            with pytest.raises(NotFound):
                await usecases.set_limit(tx, Origin("other", "user:x", "r", "k", ""), "b1", Money(1, "EUR"))


async def test_a_buyer_is_registered_once(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts)
        with pytest.raises(Conflict) as refused:
            await register(parts)
        assert refused.value.code == "buyer.exists"


async def test_what_credit_tells_names_the_order_and_what_is_left(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts)
        await parts.consumer.handle([placed(gross=70_000)])
        async with parts.database.transaction(()) as tx:
            rows: Sequence[Any] = await tx.rows("SELECT key, headers, payload FROM outbox ORDER BY id DESC LIMIT 1")

        decided = events_pb2.CreditDecided.FromString(rows[0].payload)
        assert rows[0].key == "acme/b1"
        assert rows[0].headers["ce_subject"] == "order/o1"
        assert (decided.outcome, decided.headroom.minor) == (events_pb2.OUTCOME_APPROVED, 30_000)


def of_lines(count: int, order_id: str) -> Record:
    """An order with so many lines of one cent."""
    lines = [
        orders_pb2.OrderLine(line_id=str(n), sku="s", name="n", quantity="1", unit_price="0.01", net_minor=1)
        for n in range(count)
    ]
    order = placed(order_id, gross=count)
    body = orders_pb2.OrderPlaced.FromString(order.value or b"")
    del body.lines[:]
    body.lines.extend(lines)
    return a_record(body, account="b1", subject=f"order/{order_id}")


async def test_an_order_of_ten_thousand_lines_is_decided_and_one_of_a_line_more_refused(open_service: OpenService):
    async with open_service(SERVICE) as parts:
        await register(parts, limit=100_000)
        await parts.consumer.handle([of_lines(10_000, "large"), of_lines(10_001, "larger"), placed("good")])

        assert await parked(parts) == [("refused", "order.too_large")]
        assert [(order, outcome) for order, _, outcome, _ in await outcomes(parts)] == [
            ("large", "APPROVED"),
            ("good", "APPROVED"),
        ]
        assert "OrderRefused" in await told(parts)
