"""The broker lets in whoever says who he is, to what the manifests grant him; and nobody on the wire reads along."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError

from deploy.local.authority import Authority, write
from deploy.local.cluster import ERP, SHOP, set_passwords
from deploy.local.kafka import Kafka
from deploy.local.processes import free_port
from k8s import product
from services.chassis import topics
from services.chassis.brokers import Brokers, Context, Password
from services.chassis.sources import PORTAL
from services.chassis.tls import AUTHORITIES
from tests.integration.wires.sniffer import Sniffer

MARK = b"a marked value 4711"
BY_CALLS = f"receivables.orders.v1.{PORTAL}"


@dataclass(frozen=True)
class Closed:
    """A broker with all topics, and somebody before its door for passwords."""

    kafka: Kafka
    authority: Authority
    sniffer: Sniffer


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    folder = tmp_path_factory.mktemp("broker")
    authority = Authority(folder / "authority")
    port = free_port()
    kafka = Kafka(folder / "kafka", folder / "kafka.log", authority=authority, advertised_port=port)
    kafka.start()
    try:
        with Sniffer(port, int(kafka.bootstrap.rpartition(":")[2])) as sniffer:
            topics.ensure(kafka.cluster.brokers(), [*topics.TOPICS, BY_CALLS], partitions=1, replication=1)
            yield Closed(kafka, authority, sniffer)
    finally:
        kafka.stop()


def writable(brokers: Brokers, names: Sequence[str] = topics.TOPICS) -> set[str]:
    """Which of these topics this user may write."""

    def refused(sending: Any) -> bool:
        try:
            sending.get(timeout=30)
        except TopicAuthorizationFailedError:
            return True
        return False

    # Without numbers for repeats: one refusal would end all that is under way.
    with closing(KafkaProducer(**brokers.options(), enable_idempotence=False)) as producer:
        sent = {}
        for name in names:
            try:
                sent[name] = producer.send(name, MARK, partition=0)
            except TopicAuthorizationFailedError:
                continue
        return {name for name, sending in sent.items() if not refused(sending)}


def readable(brokers: Brokers) -> set[str]:
    """The topics that this user may read, each of which has a record; who may read one also sees it."""
    found = set()
    with closing(KafkaConsumer(**brokers.options(), auto_offset_reset="earliest")) as consumer:
        for name in described(brokers):
            consumer.assign([TopicPartition(name, 0)])
            try:
                consumer.seek_to_beginning()
                while not consumer.poll(timeout_ms=1000):
                    pass
                found.add(name)
            except TopicAuthorizationFailedError:
                continue
    return found


def described(brokers: Brokers) -> set[str]:
    """The topics that this user sees."""
    with closing(KafkaAdminClient(**brokers.options())) as admin:
        return set(admin.list_topics()) & set(topics.TOPICS)


EVERYTHING = set(topics.TOPICS)
ORDERS = {"receivables.orders.v1"}
# Of each user: what he sees, reads and writes.
RIGHTS: dict[str, tuple[set[str], set[str], set[str]]] = {
    each.group: (EVERYTHING, {*each.follows, *each.writes}, set(each.writes))
    for each in product.products()
    if each.knows_broker
}
RIGHTS |= {SHOP: (ORDERS, set(), ORDERS), ERP: (EVERYTHING, EVERYTHING, set())}


@pytest.fixture(scope="module")
def written(closed: Closed) -> None:
    """A record on each topic."""
    assert writable(closed.kafka.cluster.brokers()) == EVERYTHING


@pytest.mark.parametrize("user", RIGHTS)
def test_each_user_may_do_what_his_service_does_and_no_more(closed: Closed, written: None, user: str):
    brokers = closed.kafka.cluster.brokers(user)

    assert (described(brokers), readable(brokers), writable(brokers)) == RIGHTS[user]


def test_what_is_ordered_by_a_call_invoicing_alone_tells(closed: Closed):
    told_by = {user for user in RIGHTS if writable(closed.kafka.cluster.brokers(user), [BY_CALLS])}

    assert told_by == {"receivables-invoicing"}


@pytest.mark.parametrize("user", RIGHTS)
def test_nobody_takes_part_in_anothers_group_or_makes_a_topic(closed: Closed, user: str):
    other = "receivables-ledger" if user != "receivables-ledger" else "receivables-credit"
    with closing(KafkaAdminClient(**closed.kafka.cluster.options(user))) as admin:
        with pytest.raises(GroupAuthorizationFailedError):
            admin.list_group_offsets(other)
        with pytest.raises(KafkaError, match=r"(?i)authoriz"):
            admin.create_topics([NewTopic("receivables.mine.v1", 1, 1)])


def test_a_certificate_says_who_comes_as_a_password_does(closed: Closed, written: None):
    assert writable(closed.kafka.by_certificate("receivables-credit")) == {"receivables.credit.v1"}


def test_who_is_nobody_or_says_the_wrong_password_is_not_let_in(closed: Closed):
    known = closed.kafka.cluster.brokers(SHOP)
    for wrong in (replace(known, password="guessed"), replace(known, user="nobody")):
        assert topics.trouble(wrong) != ""
    assert topics.trouble(known) == ""


def test_a_user_without_rights_sees_nothing(closed: Closed):
    assert described(closed.kafka.by_certificate("stranger")) == set()


def test_plain_text_is_not_answered(closed: Closed):
    assert topics.trouble(Brokers((closed.kafka.bootstrap,))) != ""


def test_a_broker_of_another_authority_is_not_believed(closed: Closed, tmp_path: Path):
    other = Context.of(Authority(tmp_path / "elsewhere").file, None)

    assert topics.trouble(replace(closed.kafka.cluster.brokers(), context=other)) != ""


def test_the_wire_shows_no_value_and_no_password(closed: Closed, written: None):
    assert len(closed.sniffer.seen) > len(MARK)  # it came this way
    assert MARK not in closed.sniffer.seen
    assert b"receivables" not in closed.sniffer.seen


def test_a_password_and_an_authority_that_change_are_read_at_the_next_connection(closed: Closed, tmp_path: Path):
    said, authorities = tmp_path / "password", tmp_path / AUTHORITIES
    said.write_text(closed.kafka.cluster.password_of(ERP))
    write(authorities, closed.authority.file.read_bytes())
    known = closed.kafka.cluster.brokers(ERP)
    brokers = replace(known, password=Password(said.read_text), context=Context.of(authorities, None))
    assert topics.trouble(brokers) == ""

    with closing(KafkaAdminClient(**closed.kafka.administrator().options())) as admin:
        set_passwords(admin, {ERP: "another"})
        assert topics.trouble(brokers) != ""
        said.write_text("another")
        assert topics.trouble(brokers) == ""

        write(authorities, Authority(tmp_path / "elsewhere").file.read_bytes())
        assert topics.trouble(brokers) != ""
        write(authorities, closed.authority.file.read_bytes() + authorities.read_bytes())
        assert topics.trouble(brokers) == ""
        set_passwords(admin, {ERP: known.password})


def test_a_certificate_that_changes_is_shown_at_the_next_connection(closed: Closed):
    brokers = closed.kafka.by_certificate("receivables-ledger")
    who = partial(writable, brokers)
    assert who() == {"receivables.ledger.v1"}

    closed.authority.issue("receivables-credit", closed.authority.folder / "receivables-ledger")

    assert who() == {"receivables.credit.v1"}
