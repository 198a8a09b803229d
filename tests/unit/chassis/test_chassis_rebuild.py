"""A rebuild reads what was told whole or not at all, in the order in which it happened."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, cast

import pytest

from services.chassis import rebuild
from services.chassis.envelope import Record
from services.chassis.rebuild import Unfit
from services.chassis.told import Place, Range

TOLD, FOLLOWED = Place("receivables.credit.v1", 0), Place("receivables.orders.v1", 0)
OTHER = Place("receivables.ledger.v1", 0)


def told(number: int, *, id: str = "", key: str = "acme/b1", cause: str = "", at: float = 1.0) -> Record:  # noqa: A002 - the header's name
    headers = {"ce_tenant": "acme", "ce_id": id or f"told-{number}", "ce_sequence": str(number)}
    headers |= {"ce_causationid": cause} if cause else {}
    return Record(*TOLD, next_offset(TOLD), key.encode(), b"", headers, at)


def followed(id: str, *, at: float = 1.0, place: Place = FOLLOWED) -> Record:  # noqa: A002 - the header's name
    return Record(*place, next_offset(place), b"acme/b1", b"", {"ce_tenant": "acme", "ce_id": id}, at)


_offsets: defaultdict[Place, int] = defaultdict(int)


def next_offset(place: Place) -> int:
    _offsets[place] += 1
    return _offsets[place] - 1


@pytest.fixture(autouse=True)
def _from_the_start() -> None:
    _offsets.clear()


class Topics:
    """Stands for the broker: records by partition."""

    def __init__(self, *records: Record) -> None:
        self.records: defaultdict[Place, list[Record]] = defaultdict(list)
        for record in records:
            self.records[Place(record.topic, record.partition)].append(record)

    @property
    def ranges(self) -> dict[Place, Range]:
        return {place: (0, len(records)) for place, records in self.records.items()}

    async def read(self, ranges: Mapping[Place, Range]) -> AsyncIterator[list[tuple[Place, Record]]]:
        for place, (begin, end) in ranges.items():
            yield [(place, record) for record in self.records[place][begin:end]]

    def begin(self, ranges: Mapping[Place, Range]) -> dict[Place, int]:
        self.left = {place: self.records[place][begin:end] for place, (begin, end) in ranges.items()}
        return {place: end for place, (begin, end) in ranges.items() if begin < end}

    async def some(self, ends: dict[Place, int], of: Collection[Place]) -> list[tuple[Place, Record]]:
        """One record of each, so that whoever merges has to ask again."""
        found = [(place, self.left[place].pop(0)) for place in of]
        for place in of:
            if not self.left[place]:
                del ends[place]
        return found


async def survey(topics: Topics, known: Mapping[tuple[str, str], int] | None = None) -> Any:
    found = rebuild._Survey({}, dict(known or {}))
    await rebuild._survey_own(cast("Any", topics), found, topics.ranges)
    return found


KEY = (TOLD.topic, "acme/b1")


async def test_what_the_database_has_is_not_read_again():
    found = await survey(Topics(told(1), told(2), told(3, cause="o1")), {KEY: 2})

    assert found.ranges == {TOLD: (2, 3)}
    assert found.answers == {("acme", "o1"): [1.0]}


async def test_a_database_that_has_all_has_nothing_to_read():
    assert (await survey(Topics(told(1), told(2)), {KEY: 7})).ranges == {}


async def test_what_a_relay_sent_again_after_a_crash_is_one_event():
    found = await survey(Topics(told(1), told(2, cause="o1"), told(1), told(2, cause="o1"), told(3)))

    assert found.answers == {("acme", "o1"): [1.0]}


async def test_a_number_that_is_missing_ends_it():
    with pytest.raises(Unfit, match="offset 1: acme/b1 has number 3 after 1: some are gone"):
        await survey(Topics(told(1), told(3)))


async def test_a_copy_that_was_started_and_went_another_way_ends_it():
    with pytest.raises(Unfit, match="number 2 of acme/b1 was told twice, of different events"):
        await survey(Topics(told(1), told(2), told(2, id="another")))


async def followed_range(topics: Topics, *, causes: Sequence[str], until: float, acknowledged: int = 0) -> Any:
    found = rebuild._Survey({}, {}, until=until, acknowledged={(FOLLOWED.topic, FOLLOWED.partition): acknowledged})
    found.answers.update({("acme", cause): [until] for cause in causes})
    await rebuild._survey_followed(cast("Any", topics), found, topics.ranges)
    return found.ranges.get(FOLLOWED)


async def test_followed_events_are_read_up_to_the_last_that_was_answered_acknowledged_or_there_at_the_last_word():
    topics = Topics(followed("o1", at=1), followed("o2", at=5), followed("o3", at=5), followed("o4", at=5))

    assert await followed_range(topics, causes=[], until=0) is None
    assert await followed_range(topics, causes=[], until=2) == (0, 1)
    assert await followed_range(topics, causes=["o3"], until=2) == (0, 3)
    assert await followed_range(topics, causes=["o3"], until=2, acknowledged=4) == (0, 4)


async def merged(topics: Topics, answers: Mapping[str, Sequence[float]]) -> list[str]:
    found = rebuild._Survey(topics.ranges, {})
    found.answers = {("acme", said): list(at) for said, at in answers.items()}
    found.ahead = set(found.answers)
    merge = rebuild._Merge(cast("Any", topics), topics.ranges)
    taken = await merge.take(100, rebuild._Order([TOLD.topic], found))
    return [record.headers["ce_id"] for record in taken]


async def test_all_is_taken_by_the_brokers_time():
    topics = Topics(followed("o1", at=1), told(1, at=2), followed("o2", at=3), told(2, at=4))

    assert await merged(topics, {}) == ["o1", "told-1", "o2", "told-2"]


async def test_an_answer_comes_after_what_it_answers_whatever_the_clocks_say():
    topics = Topics(told(1, cause="o2", at=1), told(2, at=1), followed("o1", at=8), followed("o2", at=9))

    assert await merged(topics, {"o2": [1]}) == ["o1", "o2", "told-1", "told-2"]


async def test_a_partition_keeps_its_order_where_its_producers_clocks_go_backwards():
    topics = Topics(followed("o1", at=5), followed("o2", at=1), told(1, at=3))

    assert await merged(topics, {}) == ["told-1", "o1", "o2"]


async def test_what_follows_an_event_waits_for_what_was_told_of_it_within_a_moment():
    topics = Topics(followed("o1", at=1), followed("o2", at=1.1), told(1, cause="o1", at=1.5))

    assert await merged(topics, {"o1": [1.5]}) == ["o1", "told-1", "o2"]


async def test_an_event_that_had_to_wait_for_long_holds_nothing_up():
    topics = Topics(followed("o1", at=1), followed("o2", at=2), told(1, cause="o1", at=60))

    assert await merged(topics, {"o1": [60]}) == ["o1", "o2", "told-1"]


async def test_of_two_that_wait_for_each_other_one_goes_first():
    topics = Topics(
        followed("o1", at=1), followed("o2", at=1.1), told(1, cause="o2", at=1.2), told(2, cause="o1", at=1.3)
    )

    assert await merged(topics, {"o1": [1.3], "o2": [1.2]}) == ["o1", "o2", "told-1", "told-2"]


async def test_two_that_wait_for_each_other_let_nobody_go_before_them_who_came_later():
    topics = Topics(
        followed("o1", at=1),
        followed("o2", at=1.1),
        told(1, cause="o2", at=1.2),
        told(2, cause="o1", at=1.3),
        told(3, at=1.4),
        followed("i1", at=2, place=OTHER),
    )

    taken = await merged(topics, {"o1": [1.3], "o2": [1.2]})

    assert taken == ["o1", "o2", "told-1", "told-2", "told-3", "i1"]
