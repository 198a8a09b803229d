"""Acknowledged only after the commit and in order; and the bug of Faust that makes the order matter."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import SimpleNamespace

import pytest
from faust.transport.consumer import Consumer as FaustConsumer
from kafka.errors import KafkaConnectionError

from services.chassis import follow
from services.chassis.envelope import Record
from services.chassis.follow import Follower, Standing
from services.chassis.settings import ChassisSettings


class Acknowledged:
    """Stands for Faust's event: says in the diary that it was acknowledged."""

    message = SimpleNamespace(timestamp=0.0)

    def __init__(self, diary: list[str], offset: int) -> None:
        self._diary, self._offset = diary, offset

    def ack(self) -> None:
        """Note it."""
        self._diary.append(f"ack {self._offset}")


class Committing:
    """Stands for the consumer: notes its commits, and fails when it is told to."""

    name = "toy"
    topics = ("receivables.orders.v1",)
    event_types: frozenset[str] = frozenset()

    def __init__(self, diary: list[str], fails: bool = False) -> None:
        self._diary, self._fails = diary, fails

    async def handle(self, records: Sequence[Record]) -> None:
        """Commit, or not."""
        await asyncio.sleep(0)
        if self._fails:
            raise RuntimeError("it did not commit")
        self._diary.append(f"commit {[record.offset for record in records]}")


async def flush(diary: list[str], *, fails: bool = False) -> None:
    """Let a follower handle five records in batches of three."""
    settings = ChassisSettings(database_url="postgresql://nowhere", batch_size=3)  # type: ignore[arg-type, call-arg]
    follower = Follower(Committing(diary, fails), settings)  # type: ignore[arg-type]
    for offset in range(5):
        source = Acknowledged(diary, offset)
        await follower._buffer.put(Record("receivables.orders.v1", 0, offset, None, None, {}, source))
    with suppress(TimeoutError, RuntimeError):
        await asyncio.wait_for(follower._flush(), 0.1)


async def test_a_batch_is_acknowledged_after_its_commit_in_the_order_of_its_offsets():
    diary: list[str] = []

    await flush(diary)

    assert diary == ["commit [0, 1, 2]", "ack 0", "ack 1", "ack 2", "commit [3, 4]", "ack 3", "ack 4"]


async def test_a_batch_that_did_not_commit_is_never_acknowledged():
    diary: list[str] = []

    await flush(diary, fails=True)

    assert diary == []


def test_faust_still_skips_a_gap_of_one_at_the_committed_head():
    """faust-streaming/faust#606. Red after an upgrade means that it is mended: `follow.py` may say so then."""
    consumer = SimpleNamespace(  # what `_new_offset` reads: 50 is committed and not acknowledged, 51 is
        _acked={0: [51]}, _acked_index={0: {51}}, _gap={0: None}, _committed_offset={0: 50}
    )

    assert FaustConsumer._new_offset(consumer, 0) == 52  # type: ignore[arg-type] # 50 is lost


def test_faust_sees_a_gap_of_two():
    consumer = SimpleNamespace(_acked={0: [52]}, _acked_index={0: {52}}, _gap={0: None}, _committed_offset={0: 50})

    assert FaustConsumer._new_offset(consumer, 0) is None  # type: ignore[arg-type]


async def watch(monkeypatch: pytest.MonkeyPatch, standings: Sequence[Standing | Exception]) -> None:
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
    settings = ChassisSettings(database_url="postgresql://nowhere")  # type: ignore[arg-type, call-arg]
    with suppress(TimeoutError):
        await asyncio.wait_for(Follower(Committing([]), settings)._watch_progress(), 0.5)  # type: ignore[arg-type]


PLACE = ("receivables.orders.v1", 0)


async def test_lag_that_nobody_works_off_ends_the_process(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(RuntimeError, match="stuck"):
        await watch(monkeypatch, [Standing({PLACE: 10}, {PLACE: 3})])


async def test_lag_that_shrinks_an_idle_consumer_and_a_broker_that_is_away_end_nothing(
    monkeypatch: pytest.MonkeyPatch,
):
    await watch(monkeypatch, [Standing({PLACE: 1000}, {PLACE: n}) for n in range(200)])
    await watch(monkeypatch, [Standing({PLACE: 10}, {PLACE: 10})])
    await watch(monkeypatch, [KafkaConnectionError()])
