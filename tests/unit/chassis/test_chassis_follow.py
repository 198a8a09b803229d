"""Acknowledged only after the commit and in order; and the bug of Faust that makes the order matter."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from faust.transport.consumer import Consumer as FaustConsumer
from faust.types import TP
from kafka.errors import KafkaConnectionError

from services.chassis import follow
from services.chassis.envelope import Record
from services.chassis.fetch import BatchConsumer
from services.chassis.follow import Follower, Standing
from services.chassis.settings import ChassisSettings


class Committing:
    """Stands for the consumer: notes its commits, and fails when it is told to."""

    name = "toy"
    topics = ("receivables.orders.v1",)
    event_types: frozenset[str] = frozenset()
    timeouts = 0
    alone_s = 1.0

    def __init__(self, diary: list[str], fails: bool = False) -> None:
        self._diary, self._fails = diary, fails

    async def next_offsets(self) -> dict[tuple[str, int], int]:
        """Nothing is handled yet."""
        return {}

    async def handle(self, records: Sequence[Record]) -> None:
        """Commit, or not."""
        await asyncio.sleep(0)
        if self._fails:
            raise RuntimeError("it did not commit")
        self._diary.append(f"commit {[record.offset for record in records]}")


def a_record(offset: int, partition: int = 0) -> Record:
    return Record("receivables.orders.v1", partition, offset, None, None, {})


async def flush(diary: list[str], *, fails: bool = False) -> None:
    """Let a follower handle five records in batches of three."""
    settings = ChassisSettings(database_url="postgresql://nowhere", kafka_security="plaintext", batch_size=3)  # type: ignore[arg-type, call-arg]
    follower = Follower(Committing(diary, fails), settings)  # type: ignore[arg-type]
    follower._buffer.add(a_record(offset) for offset in range(5))

    def acknowledge(records: Sequence[Record]) -> None:
        diary.append(f"acknowledge {[record.offset for record in records]}")

    follower.app.consumer = SimpleNamespace(acknowledge=acknowledge)
    with suppress(TimeoutError, RuntimeError):
        await asyncio.wait_for(follower._flush(), 0.1)


async def test_a_batch_is_acknowledged_after_its_commit_in_the_order_of_its_offsets():
    diary: list[str] = []

    await flush(diary)

    assert diary == ["commit [0, 1, 2]", "acknowledge [0, 1, 2]", "commit [3, 4]", "acknowledge [3, 4]"]


async def test_a_batch_that_did_not_commit_is_never_acknowledged():
    diary: list[str] = []

    await flush(diary, fails=True)

    assert diary == []


@pytest_asyncio.fixture
async def fetching() -> BatchConsumer:
    """Faust's consumer as we made it, without a broker; it was given two partitions, and nothing is fetched yet."""
    settings = ChassisSettings(database_url="postgresql://nowhere", kafka_security="plaintext")  # type: ignore[arg-type, call-arg]
    consumer = Follower(Committing([]), settings).app._new_consumer()  # type: ignore[arg-type]
    assert isinstance(consumer, BatchConsumer)
    consumer.app.consumer_generation_id = consumer._thread.generation = 5
    return consumer


def fetched(*offsets: int, partition: int = 0) -> dict[TP, list[Any]]:
    """What the broker gave of one partition."""
    about = {"topic": "receivables.orders.v1", "partition": partition, "key": b"", "value": b"", "timestamp": 0}
    records = [SimpleNamespace(offset=offset, headers=(), **about) for offset in offsets]
    return {TP("receivables.orders.v1", partition): records}


def to_commit(consumer: BatchConsumer) -> dict[TP, int]:
    """What Faust would tell the broker now."""
    return consumer._filter_committable_offsets(consumer._filter_tps_with_pending_acks())


FIRST, SECOND = TP("receivables.orders.v1", 0), TP("receivables.orders.v1", 1)


async def test_what_is_told_to_the_broker_is_what_comes_after_what_was_acknowledged(fetching: BatchConsumer):
    fetching._committed_offset.update({FIRST: 50, SECOND: 7})
    fetching._hand_over(fetched(50, 51, 52, 60) | fetched(7, partition=1))
    assert to_commit(fetching) == {}

    fetching.acknowledge([a_record(50), a_record(51), a_record(52)])

    assert to_commit(fetching) == {FIRST: 53}
    fetching.acknowledge([a_record(7, partition=1), a_record(60)])
    assert to_commit(fetching) == {FIRST: 61, SECOND: 8}


async def test_the_first_record_after_the_committed_head_is_never_skipped(fetching: BatchConsumer):
    """Where Faust's own list of what was acknowledged loses one (below)."""
    fetching._committed_offset[FIRST] = 50
    fetching._hand_over(fetched(50, 51))

    assert to_commit(fetching) == {}


async def test_what_was_fetched_before_the_partitions_were_given_anew_is_not_handed_over(fetching: BatchConsumer):
    """Its partition begins anew at what was committed: what lies between would be skipped."""
    fetching.app.consumer_generation_id = 6
    fetching._hand_over(fetched(50, 51))

    assert fetching.app.buffer.drop() == []


async def test_what_was_handed_over_is_not_handed_over_again(fetching: BatchConsumer):
    fetching._hand_over(fetched(50, 51))
    fetching._hand_over(fetched(51, 52))

    assert [record.offset for record in fetching.app.buffer.drop()] == [50, 51, 52]


async def test_before_partitions_are_given_away_only_the_batch_at_hand_is_waited_for(
    fetching: BatchConsumer, monkeypatch: pytest.MonkeyPatch
):
    committed = []

    async def commit() -> None:
        committed.append(to_commit(fetching))

    monkeypatch.setattr(fetching, "commit_and_end_transactions", commit)
    fetching._hand_over(fetched(50, 51, 52, 53) | fetched(7, 8, partition=1))
    at_hand = await fetching.app.buffer.some(2, 1000)
    leaving = asyncio.create_task(fetching.wait_empty())
    await asyncio.sleep(0)
    assert not committed

    fetching.acknowledge(at_hand)
    await leaving

    assert committed == [{FIRST: 52, SECOND: 7}]
    assert not fetching.app.buffer.full


async def test_what_is_acknowledged_after_its_partition_was_taken_away_is_not_told(fetching: BatchConsumer):
    fetching._hand_over(fetched(50))
    await fetching.on_partitions_revoked({FIRST})

    fetching.acknowledge([a_record(50)])

    assert to_commit(fetching) == {}


def test_faust_still_skips_a_gap_of_one_at_the_committed_head():
    """faust-streaming/faust#606. Red after an upgrade means that it is mended: `fetch.py` may say so then."""
    consumer = SimpleNamespace(  # what `_new_offset` reads: 50 is committed and not acknowledged, 51 is
        _acked={0: [51]}, _acked_index={0: {51}}, _gap={0: None}, _committed_offset={0: 50}
    )

    assert FaustConsumer._new_offset(consumer, 0) == 52  # type: ignore[arg-type] # 50 is lost


def test_faust_sees_a_gap_of_two():
    consumer = SimpleNamespace(_acked={0: [52]}, _acked_index={0: {52}}, _gap={0: None}, _committed_offset={0: 50})

    assert FaustConsumer._new_offset(consumer, 0) is None  # type: ignore[arg-type]


async def watch(
    monkeypatch: pytest.MonkeyPatch, standings: Sequence[Standing | Exception], consumer: Committing | None = None
) -> None:
    """Let a follower watch its progress, looking at these standings one after the other and then at the last."""
    monkeypatch.setattr(follow, "WATCH_S", 0.01)
    monkeypatch.setattr(follow, "STUCK_S", 0.1)
    left = list(standings)

    async def stand(_consumer: object, _servers: str) -> Standing:
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(follow, "stand", stand)
    monkeypatch.setattr(Follower, "_assigned", lambda _self: set())
    settings = ChassisSettings(database_url="postgresql://nowhere", kafka_security="plaintext")  # type: ignore[arg-type, call-arg]
    with suppress(TimeoutError):
        follower = Follower(consumer or Committing([]), settings)  # type: ignore[arg-type]
        await asyncio.wait_for(follower._watch_progress(), 0.5)


PLACE = ("receivables.orders.v1", 0)


async def test_lag_that_nobody_works_off_ends_the_process(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(RuntimeError, match="stuck"):
        await watch(monkeypatch, [Standing({PLACE: 10}, {PLACE: 3})])


async def test_a_batch_that_comes_again_halved_ends_nothing(monkeypatch: pytest.MonkeyPatch):
    class Halving(Committing):
        """Takes too long, again and again, with ever fewer."""

        @property
        def timeouts(self) -> int:  # type: ignore[override]
            self._diary.append("too long")
            return len(self._diary)

    await watch(monkeypatch, [Standing({PLACE: 10}, {PLACE: 3})], Halving([]))


async def test_lag_that_shrinks_an_idle_consumer_and_a_broker_that_is_away_end_nothing(
    monkeypatch: pytest.MonkeyPatch,
):
    await watch(monkeypatch, [Standing({PLACE: 1000}, {PLACE: n}) for n in range(200)])
    await watch(monkeypatch, [Standing({PLACE: 10}, {PLACE: 10})])
    await watch(monkeypatch, [KafkaConnectionError()])
