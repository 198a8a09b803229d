"""A relay puts every account where the relays before it, and every other Kafka client, put it."""

import random

import pytest
from aiokafka.errors import for_code
from kafka.partitioner import murmur2

from services.chassis.relay import REFUSED, partition


@pytest.mark.parametrize("count", [1, 2, 8, 24])
def test_an_account_stays_on_the_partition_where_others_put_it(count: int):
    dice = random.Random(count)
    for _ in range(500):
        key = f"t{dice.getrandbits(20)}/ünï-{dice.getrandbits(dice.randrange(1, 120))}".encode()

        assert partition(key, count) == (murmur2(key) & 0x7FFFFFFF) % count


@pytest.mark.parametrize(
    ("code", "for_its_own_sake"), [(10, True), (18, True), (32, True), (87, True), (2, False), (19, False)]
)
def test_what_the_broker_says_of_the_record_itself_is_told_from_what_passes(code: int, for_its_own_sake: bool):
    assert issubclass(for_code(code), REFUSED) is for_its_own_sake
