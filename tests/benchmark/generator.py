"""The load: a process of its own that places orders, ships what is approved, and sees what is announced of each.

It is written to be cheap (prepared bytes, whole batches, C where there is some), because it runs on the cores that it
measures; what it takes is reported apart. Every time is of this process's clock: when a record was handed to the
broker, and when an announcement was read from it.
"""

import asyncio
import multiprocessing
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import DefaultPartitioner
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2

from deploy.local.cluster import ERP, SHOP, Cluster
from tests.benchmark import business
from tests.benchmark.business import ORDERS, Pattern, Record
from tests.benchmark.sink import Count

FOLLOWED = ("receivables.credit.v1", "receivables.invoicing.v1", "receivables.ledger.v1")
BATCH_BYTES = 900_000
STALL_S = 60.0  # without any progress, after which what is left is given up
TELL_S = 1.0
DECIDED, INVOICED, OPENED, CAPTURED = 1, 2, 4, 8
DONE = DECIDED | INVOICED | OPENED | CAPTURED


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done: so many orders a second whatever comes of them, or always so many under way."""

    run: str
    warm_s: float
    seconds: float
    rate: float = 0.0
    most_under_way: int = 0
    # Between two looks, so that there is something to see; who measures delays waits for what comes instead, so long.
    tick_s: float = 0.02
    wait_s: float = 0.0
    # In all, after which none is placed any more; 0: no end but the time's.
    orders: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How far everything is, at an instant."""

    at: float
    phase: str
    placed: int
    decided: int
    invoiced: int
    opened: int
    captured: int
    # All of that, and their mails taken.
    complete: int
    mails: int

    @property
    def under_way(self) -> int:
        """Placed and not complete."""
        return self.placed - self.complete


@dataclass(slots=True)
class Ran:
    """What came of a plan."""

    standings: list[Standing] = field(default_factory=list)
    # In seconds, of the orders that were placed while it was measured.
    decision_s: list[float] = field(default_factory=list)
    invoice_s: list[float] = field(default_factory=list)
    # What was invoiced, in minor units by account, as announced; and the numbers' counters.
    invoiced_minor: dict[str, int] = field(default_factory=dict)
    numbers: set[int] = field(default_factory=set)
    # What should not have happened.
    trouble: Counter[str] = field(default_factory=Counter)

    def between(self, first: str, last: str) -> tuple[Standing, Standing]:
        """The first standing of one phase, and the first of a later one."""
        return (
            next(one for one in self.standings if one.phase == first),
            next(one for one in self.standings if one.phase == last),
        )


class Generator:
    """The process, for the length of a `with` block."""

    def __init__(self, cluster: Cluster, mails: Path) -> None:
        """`mails` is where the mail server counts."""
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, cluster, mails), name="load", daemon=True)

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._process.pid is not None
        return self._process.pid

    def __enter__(self) -> Self:
        self._process.start()
        self._pipe.recv()  # it is at the topics' ends
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join(timeout=5)

    def run(self, plan: Plan, watch: Callable[[Standing], None]) -> Ran:
        """Carry a plan out; `watch` is called about once a second, and at each phase's beginning."""
        self._pipe.send(plan)
        while True:
            told = self._pipe.recv()
            if isinstance(told, Ran):
                return told
            watch(told)


def _serve(pipe: Connection, cluster: Cluster, mails: Path) -> None:
    uvloop.run(_work(pipe, cluster, Count(mails)))


async def _work(pipe: Connection, cluster: Cluster, mails: Count) -> None:
    """Carry out one plan after the other, until the other end of the pipe is closed."""
    async with _Shop(cluster) as shop, _Ears(cluster) as ears:
        pipe.send("ready")
        while True:
            try:
                plan = await asyncio.to_thread(pipe.recv)
            except EOFError:
                return
            pipe.send(await _Load(plan, shop, ears, mails, pipe.send).run())


class _Shop:
    """Hands records to the broker, a batch for each partition."""

    def __init__(self, cluster: Cluster) -> None:
        self._producer: Any = AIOKafkaProducer(**cluster.options(SHOP), acks="all", max_batch_size=BATCH_BYTES)
        self._partition_of: dict[bytes, int] = {}
        self.failed: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        await self._producer.start()
        partitions = sorted(await self._producer.partitions_for(ORDERS))
        choose = DefaultPartitioner()
        for pattern in business.patterns():
            self._partition_of[pattern.key] = choose(pattern.key, partitions, partitions)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def tell(self, records: Sequence[Record]) -> None:
        """Hand them over; the broker's answer is not waited for."""
        by_partition: defaultdict[int, list[Record]] = defaultdict(list)
        for record in records:
            by_partition[self._partition_of[record.key]].append(record)
        for partition, some in by_partition.items():
            batch = self._producer.create_batch()
            for record in some:
                if self._add(batch, record) is None:
                    await self._send(batch, partition)
                    batch = self._producer.create_batch()
                    self._add(batch, record)
            await self._send(batch, partition)

    @staticmethod
    def _add(batch: Any, record: Record) -> Any:
        return batch.append(timestamp=None, key=record.key, value=record.value, headers=record.headers)

    async def _send(self, batch: Any, partition: int) -> None:
        answer = await self._producer.send_batch(batch, ORDERS, partition=partition)
        answer.add_done_callback(self._answered)

    def _answered(self, answer: asyncio.Future[object]) -> None:
        if (error := answer.exception()) is not None:
            self.failed[f"not told: {type(error).__name__}"] += 1


class _Ears:
    """Reads what is announced from now on."""

    def __init__(self, cluster: Cluster) -> None:
        self._consumer: Any = AIOKafkaConsumer(**cluster.options(ERP), enable_auto_commit=False, check_crcs=False)

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        await self._consumer._client.force_metadata_update()
        places = [
            TopicPartition(topic, partition)
            for topic in FOLLOWED
            for partition in self._consumer.partitions_for_topic(topic) or ()
        ]
        self._consumer.assign(places)
        await self._consumer.seek_to_end(*places)
        for place in places:
            await self._consumer.position(place)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def hear(self, wait_s: float) -> list[Any]:
        """Whatever has come."""
        found = await self._consumer.getmany(timeout_ms=int(wait_s * 1000))
        return [record for records in found.values() for record in records]


class _Load:
    """One plan under way."""

    def __init__(self, plan: Plan, shop: _Shop, ears: _Ears, mails: Count, tell: Callable[[Standing], None]) -> None:
        self._plan, self._shop, self._ears, self._mails, self._tell = plan, shop, ears, mails, tell
        self._patterns = business.patterns()
        self._mails_before = mails.value
        self._marks = bytearray()
        self._placed_at: list[float] = []
        self._shipped_at: dict[int, float] = {}
        self._count: Counter[int] = Counter()
        self._done = 0
        # The orders that are measured, by number; those bounds that are not known yet are out of reach.
        self._measured_from = self._measured_to = sys.maxsize
        self._ran = Ran()
        self._began = time.perf_counter()
        self._act = {
            b"receivables.credit.v1.CreditDecided": self._decided,
            b"receivables.credit.v1.HoldCaptured": self._captured,
            b"receivables.invoicing.v1.InvoiceIssued": self._invoiced,
            b"receivables.ledger.v1.ItemOpened": self._opened,
        }

    async def run(self) -> Ran:
        """Warm up, measure, and wait until everything has ended or nothing moves."""
        plan = self._plan
        await self._until("warm", plan.warm_s)
        self._measured_from = len(self._placed_at)
        await self._until("measured", plan.warm_s + plan.seconds)
        self._measured_to = len(self._placed_at)
        await self._drain()
        self._ran.trouble += self._shop.failed
        self._shop.failed.clear()
        return self._ran

    async def _until(self, phase: str, end_s: float) -> None:
        self._say(phase)
        while (elapsed := self._elapsed()) < end_s and not self._finished():
            self._say_again(phase)
            await self._tick(list(self._new_orders(elapsed)))

    async def _drain(self) -> None:
        self._say("draining")
        moved_at, before = self._elapsed(), 0
        while self._standing("").under_way and self._elapsed() < moved_at + STALL_S:
            self._say_again("draining")
            await self._tick([])
            if (now := sum(self._count.values()) + self._mails.value) != before:
                moved_at, before = self._elapsed(), now
        if left := self._standing("").under_way:
            self._ran.trouble["orders without their end"] += left
        self._say("done")

    def _finished(self) -> bool:
        return bool(self._plan.orders) and len(self._placed_at) >= self._plan.orders

    def _say(self, phase: str) -> None:
        standing = self._standing(phase)
        self._ran.standings.append(standing)
        self._tell(standing)

    def _say_again(self, phase: str) -> None:
        if self._elapsed() - self._ran.standings[-1].at >= TELL_S:
            self._say(phase)

    def _elapsed(self) -> float:
        return time.perf_counter() - self._began

    def _standing(self, phase: str) -> Standing:
        mails = self._mails.value - self._mails_before
        return Standing(
            at=self._elapsed(),
            phase=phase,
            placed=len(self._placed_at),
            decided=self._count[DECIDED],
            invoiced=self._count[INVOICED],
            opened=self._count[OPENED],
            captured=self._count[CAPTURED],
            complete=min(self._done, mails // business.MAILS_PER_ORDER),
            mails=mails,
        )

    async def _tick(self, records: list[Record]) -> None:
        """Tell what is new, hear what was announced, and ship what was approved."""
        if records:
            await self._shop.tell(records)
        shipments: list[Record] = []
        at = business.now()
        for record in await self._ears.hear(self._plan.wait_s):
            self._hear(record, shipments, at)
        if shipments:
            await self._shop.tell(shipments)
        await asyncio.sleep(self._plan.tick_s)

    def _new_orders(self, elapsed: float) -> Iterator[Record]:
        """In the open loop an order is due at its time, and waits from then on, however late we are."""
        plan, at = self._plan, business.now()
        if plan.rate:
            wanted = int(elapsed * plan.rate) + 1
        else:
            wanted = len(self._placed_at) + plan.most_under_way - self._standing("").under_way
        if plan.orders:
            wanted = min(wanted, plan.orders)
        for number in range(len(self._placed_at), wanted):
            self._marks.append(0)
            self._placed_at.append(number / plan.rate if plan.rate else elapsed)
            yield business.placed(self._pattern(number), plan.run, number, at)

    def _pattern(self, number: int) -> Pattern:
        return self._patterns[number % len(self._patterns)]

    # What is heard.

    def _hear(self, record: Any, shipments: list[Record], at: bytes) -> None:
        kind = next(value for name, value in record.headers if name == "ce_type")
        if (act := self._act.get(kind)) is not None:
            act(record.value, shipments, at)
        elif kind.rpartition(b".")[2] in UNWANTED:
            self._ran.trouble[kind.decode()] += 1

    def _decided(self, value: bytes, shipments: list[Record], at: bytes) -> None:
        body = credit_pb2.CreditDecided.FromString(value)
        if (number := self._mark(body.order_id, DECIDED)) is None:
            return
        if body.outcome != credit_pb2.OUTCOME_APPROVED:
            self._ran.trouble[f"not approved: {', '.join(body.reasons)}"] += 1
            return
        elapsed = self._elapsed()
        if self._is_measured(number):
            self._ran.decision_s.append(elapsed - self._placed_at[number])
        self._shipped_at[number] = elapsed
        shipments.append(business.shipped(self._pattern(number), self._plan.run, number, at))

    def _invoiced(self, value: bytes, _shipments: list[Record], _at: bytes) -> None:
        body = invoicing_pb2.InvoiceIssued.FromString(value)
        if (number := self._mark(body.order_id, INVOICED)) is None:
            return
        gross = self._ran.invoiced_minor
        gross[body.account_id] = gross.get(body.account_id, 0) + body.gross_minor
        self._ran.numbers.add(int(body.number.rpartition("-")[2]))
        if body.gross_minor != self._pattern(number).gross_minor:
            self._ran.trouble["invoiced another amount than was ordered"] += 1
        shipped_at = self._shipped_at.pop(number)
        if self._is_measured(number):
            self._ran.invoice_s.append(self._elapsed() - shipped_at)

    def _opened(self, value: bytes, _shipments: list[Record], _at: bytes) -> None:
        self._mark(ledger_pb2.ItemOpened.FromString(value).order_id, OPENED)

    def _captured(self, value: bytes, _shipments: list[Record], _at: bytes) -> None:
        self._mark(credit_pb2.HoldCaptured.FromString(value).order_id, CAPTURED)

    def _is_measured(self, number: int) -> bool:
        return self._measured_from <= number < self._measured_to

    def _mark(self, order_id: str, what: int) -> int | None:
        """Note one step of an order of this run, by its number; None if it was known, or is of another run."""
        run, _, digits = order_id.rpartition("-")
        if run != self._plan.run:
            return None
        number = int(digits)
        if self._marks[number] & what:
            return None  # told again
        self._marks[number] |= what
        self._count[what] += 1
        self._done += self._marks[number] == DONE
        return number


UNWANTED = {b"OrderRefused", b"ShipmentRefused", b"DocumentHeld", b"LimitExceeded", b"HoldExpired"}
