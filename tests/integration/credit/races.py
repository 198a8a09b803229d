"""All that changes what accounts and groups use and hold, at once, on two pools of connections; and what must be true of it."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from google.protobuf.message import Message
from receivables.common.v1 import money_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.database import INSTANT, Database, Question, Tx
from services.chassis.envelope import Origin
from services.chassis.service import Parts
from services.credit import store, usecases
from services.credit.domain.decisions import Outcome, Request
from services.credit.domain.limits import Uplift
from services.credit.domain.rates import Rate
from services.credit.domain.tree import Kind
from services.kernel.money import Money
from services.kernel.orders import Scope
from services.kernel.refusals import Conflict
from tests.integration.credit.desk import decoded, expire, register
from tests.records import a_record

WORKERS = 16
ACCOUNTS = [f"b{n}" for n in range(12)]
NODES = {"g": ("", Kind.GROUP), "p1": ("g", Kind.PARENT), "p2": ("g", Kind.PARENT)}
PLACES = ["", "g", "p1", "p2", "s"]  # the last is kept in another currency
LIMIT = 1_000_000  # of a company; of the group five times as much, so that either binds


def origin(by: str) -> Origin:
    return Origin("acme", by, "race", str(uuid4()), "00-0-0-01")


@asynccontextmanager
async def noting_instants(tx: Tx) -> AsyncIterator[list[datetime]]:
    """Note at which instants decisions are made in a transaction."""
    instants: list[datetime] = []
    ask = tx.ask

    async def noting(*questions: Question) -> list[list[Any]]:
        answers = await ask(*questions)
        instants.extend(rows[0].at for question, rows in zip(questions, answers, strict=True) if question is INSTANT)
        return answers

    tx.ask = noting  # type: ignore[method-assign]
    yield instants


@dataclass
class Race:
    """Sixteen workers on two pools, each doing this and that."""

    parts: Parts[Any]
    pools: Sequence[Database]
    # How many operations, and how many of them a transaction has at most.
    operations: int
    batch_most: int
    seed: int = 14
    # Orders that were approved, each of its account and currency, and how many operations of each kind were done.
    orders: list[tuple[str, str, str]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Do them all, then let all that is for a while be over."""
        for account in ACCOUNTS:
            await register(self.parts, account, LIMIT)
        async with self.parts.database.transaction(["acme"]) as tx:
            await tx.run("INSERT INTO tenant VALUES ('acme')")  # whose jobs are looked for
            for node, (parent, kind) in NODES.items():
                limit = Money(5 * LIMIT if node == "g" else 3 * LIMIT, "EUR")
                await usecases.register_node(tx, origin("user:ada"), node, kind, limit, parent_id=parent)
            await usecases.set_rates(tx, origin("user:ada"), [a_rate("11.25")])
            group = Money(40 * LIMIT, "SEK")
            await usecases.register_node(tx, origin("user:ada"), "s", Kind.GROUP, group, parent_id="")
            for nth, account in enumerate(ACCOUNTS):
                await usecases.move_account(tx, origin("user:ada"), account, PLACES[nth % len(PLACES)])
        workers = [self._work(self.pools[n % len(self.pools)], random.Random(self.seed + n)) for n in range(WORKERS)]
        over = asyncio.Event()
        clock = asyncio.create_task(self._let_lapse(over))
        try:
            await asyncio.gather(*workers)
        finally:
            over.set()
            await clock

    async def _let_lapse(self, over: asyncio.Event) -> None:
        while not over.is_set():
            self.done["expired"] += await expire(self.parts)
            await asyncio.sleep(0.2)

    async def _work(self, pool: Database, chance: random.Random) -> None:
        steps = [self._hold] * 6 + [self._capture, self._pay] * 2
        steps += [self._cancel, self._set_limit, self._raise, self._move, self._set_node_limit, self._set_rate]
        while self.done.total() < self.operations:
            try:
                async with pool.transaction(["acme"]) as tx:
                    kind, count = await chance.choice(steps)(tx, chance)
            except Conflict as refusal:
                self.refused[refusal.code] += 1
            else:
                self.done[kind] += count

    async def _hold(self, tx: Tx, chance: random.Random) -> tuple[str, int]:
        wishes = [self._wish(chance) for _ in range(chance.randint(1, self.batch_most))]
        async with noting_instants(tx) as instants:
            answers = await usecases.decide(tx, [(origin("key:shop"), wish) for wish in wishes])
        approved = [
            (one.order_id, one.account_id, one.amount.currency) for one in answers if one.outcome is Outcome.APPROVED
        ]
        await never_over_a_limit(tx, {account for _, account, _ in approved}, instants[-1])
        self.orders += approved
        return "held", len(wishes)

    def _wish(self, chance: random.Random) -> Request:
        promised = date(2020, 1, 1) if chance.random() < 0.1 else None
        amount = Money(chance.randint(1, LIMIT // 8), "EUR")
        if chance.random() < 0.2:
            amount = Money(10 * amount.minor, "SEK")
        return Request("acme", chance.choice(ACCOUNTS), str(uuid4()), 1, amount, promised, Scope())

    async def _capture(self, tx: Tx, chance: random.Random) -> tuple[str, int]:
        bodies = [
            ledger_pb2.ItemOpened(
                invoice_id=str(uuid4()),
                account_id=account,
                order_id=order,
                final=chance.random() < 0.7,
                amount=money_pb2.Money(minor=chance.randint(1, LIMIT // 10), currency=currency),
            )
            for order, account, currency in self._some(chance)
        ]
        return "captured", await self._follow(tx, bodies)

    async def _cancel(self, tx: Tx, chance: random.Random) -> tuple[str, int]:
        bodies = [
            orders_pb2.OrderCancelled(order_id=order, account_id=account) for order, account, _ in self._some(chance)
        ]
        return "released", await self._follow(tx, bodies)

    async def _pay(self, tx: Tx, chance: random.Random) -> tuple[str, int]:
        bodies = [
            ledger_pb2.PaymentReceived(
                payment_id=str(uuid4()),
                account_id=account,
                amount=money_pb2.Money(minor=chance.randint(1, LIMIT // 5), currency=currency),
            )
            for _, account, currency in self._some(chance)
        ]
        return "paid", await self._follow(tx, bodies)

    def _some(self, chance: random.Random) -> list[tuple[str, str, str]]:
        if not self.orders:
            return []
        return chance.choices(self.orders[-200:], k=chance.randint(1, self.batch_most))

    async def _follow(self, tx: Tx, bodies: Sequence[Message]) -> int:
        records = [a_record(body, account=body.account_id, subject="x") for body in bodies]  # type: ignore[attr-defined]
        await usecases.follow(tx, decoded(records))
        return len(bodies)

    async def _set_limit(self, tx: Tx, chance: random.Random) -> tuple[str, int]:
        since = None if chance.random() < 0.7 else datetime.now(UTC) + timedelta(seconds=chance.uniform(0, 1))
        limit = Money(chance.randint(LIMIT // 2, 2 * LIMIT), "EUR")
        await usecases.set_limit(tx, origin("user:ada"), chance.choice(ACCOUNTS), limit, since)
        return "limit set", 1

    async def _raise(self, tx: Tx, chance: random.Random) -> tuple[str, int]:
        until = datetime.now(UTC) + timedelta(seconds=chance.uniform(0.05, 1))
        amount = Money(chance.randint(1, LIMIT), "EUR")
        name = str(uuid4())
        uplift = Uplift("acme", name, chance.choice(ACCOUNTS), amount, None, until, "race", "user:ada")
        await usecases.ask_for_uplift(tx, origin("user:ada"), uplift)
        await usecases.approve_uplift(tx, origin("user:bo"), name)
        if chance.random() < 0.2:
            await usecases.end_uplift(tx, origin("user:bo"), name)
        return "raised", 1

    async def _move(self, tx: Tx, chance: random.Random) -> tuple[str, int]:
        await usecases.move_account(tx, origin("user:ada"), chance.choice(ACCOUNTS), chance.choice(PLACES))
        return "moved", 1

    async def _set_node_limit(self, tx: Tx, chance: random.Random) -> tuple[str, int]:
        limit = Money(chance.randint(2 * LIMIT, 6 * LIMIT), "EUR")
        since = None if chance.random() < 0.7 else datetime.now(UTC) + timedelta(seconds=chance.uniform(0, 1))
        await usecases.set_node_limit(tx, origin("user:ada"), chance.choice(list(NODES)), limit, since)
        return "node set", 1

    async def _set_rate(self, tx: Tx, chance: random.Random) -> tuple[str, int]:
        rate = a_rate(f"{chance.randint(9, 14)}.{chance.randint(0, 99):02}")
        await usecases.set_rates(tx, origin("user:ada"), [rate], corrects=True)
        return "rate set", 1


def a_rate(in_kronor: str) -> Rate:
    """What a euro is worth today."""
    return Rate("EUR", "SEK", datetime.now(UTC).date(), Decimal(in_kronor))


async def never_over_a_limit(tx: Tx, accounts: set[str], at: datetime) -> None:
    """Of each account for which something was approved just now, and each node of its path: not more than its limit then."""
    for account in accounts:
        row = await tx.row("SELECT used_minor + held_minor AS n, path FROM account WHERE account_id = %s", [account])
        found = await store.limit_as_of(tx, ("acme", account), at, at)
        assert found is not None, account
        assert row.n <= sum(found), f"{account} has {row.n} of {found} at {at}"
        for node in await store.find_path(tx, "acme", row.path):
            limit = await store.node_limit_as_of(tx, ("acme", node.node_id), at, at)
            assert limit is not None and node.used.minor + node.held.minor <= limit, (node, limit)


async def nothing_drifts(tx: Tx) -> None:
    """What accounts hold and use is the sum of their holds and movements; of nodes, of their accounts."""
    wrong = await tx.rows(
        """SELECT a.account_id, a.used_minor, a.held_minor FROM account a
             LEFT JOIN LATERAL (SELECT sum(used_minor) AS used, sum(held_minor) AS held FROM movement m
                                 WHERE m.account_id = a.account_id) AS m ON true
             LEFT JOIN LATERAL (SELECT sum(ceil(coalesce(taken_minor, amount_minor)::numeric * held_minor / amount_minor)) AS held
                                  FROM hold h WHERE h.account_id = a.account_id) AS h ON true
            WHERE (a.used_minor, a.held_minor, a.held_minor)
                  IS DISTINCT FROM (coalesce(m.used, 0), coalesce(m.held, 0), coalesce(h.held, 0))
           UNION ALL
           SELECT n.node_id, n.used_minor, n.held_minor FROM node n
             LEFT JOIN LATERAL (SELECT sum(coalesce(group_used_minor, used_minor)) AS used,
                                       sum(coalesce(group_held_minor, held_minor)) AS held FROM account
                                 WHERE n.node_id = ANY (path)) AS a ON true
            WHERE (n.used_minor, n.held_minor) IS DISTINCT FROM (coalesce(a.used, 0), coalesce(a.held, 0))"""
    )
    assert wrong == []


async def limits_are_what_was_granted(tx: Tx) -> None:
    """What an account's row says may be owed is what its grants and uplifts come to."""
    sql, params = INSTANT
    now = (await tx.row(sql, params)).at
    for row in await tx.rows("SELECT account_id, limit_minor, limit_until FROM account"):
        if row.limit_until is None or row.limit_until > now:
            found = await store.limit_as_of(tx, ("acme", row.account_id), now, now)
            assert found is not None and row.limit_minor == sum(found), row
