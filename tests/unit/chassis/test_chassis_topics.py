"""How topics are made where nobody made them before us."""

import pytest

from services.chassis.topics import TOPICS, wanted


@pytest.mark.parametrize(("copies", "acknowledged"), [(1, "1"), (2, "1"), (3, "2")])
def test_every_topic_is_kept_for_ever_and_what_is_acknowledged_outlives_a_broker(copies: int, acknowledged: str):
    topics = wanted(partitions=12, replication=copies)

    assert {topic.name for topic in topics} == set(TOPICS)
    for topic in topics:
        assert (topic.num_partitions, topic.replication_factor) == (12, copies)
        assert topic.topic_configs["retention.ms"] == "-1"
        assert topic.topic_configs["min.insync.replicas"] == acknowledged


def test_what_is_asked_for_is_made_in_the_same_form():
    [topic] = wanted(["receivables.orders.v1.webshop"], partitions=4, replication=3)

    assert (topic.name, topic.topic_configs["retention.ms"]) == ("receivables.orders.v1.webshop", "-1")
