"""A relay puts every account where the relays before it, and every other Kafka client, put it."""

import random

import pytest
from kafka.partitioner import murmur2

from services.chassis.relay import partition


@pytest.mark.parametrize("count", [1, 2, 8, 24])
def test_an_account_stays_on_the_partition_where_others_put_it(count: int):
    dice = random.Random(count)
    for _ in range(500):
        key = f"t{dice.getrandbits(20)}/ünï-{dice.getrandbits(dice.randrange(1, 120))}".encode()

        assert partition(key, count) == (murmur2(key) & 0x7FFFFFFF) % count
