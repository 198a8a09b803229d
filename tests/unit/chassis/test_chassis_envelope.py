"""What a record says, and what is refused at the door."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.orders.v1 import events_pb2

from services.chassis import parked
from services.chassis.consumer import types_of
from services.chassis.database import check_tenant
from services.chassis.envelope import (
    Event,
    Origin,
    Record,
    Unreadable,
    contract_of,
    decode,
    encode,
    identity_of,
    kept,
    source_of,
    text_headers,
    topic_of,
)
from services.chassis.inbox import body_hash
from services.kernel.refusals import Invalid
from tests.records import a_record

TOPIC = "receivables.orders.v1"
TYPES = types_of(TOPIC, {events_pb2.OrderPlaced: None})  # type: ignore[dict-item]
BODY = events_pb2.OrderPlaced(order_id="o1", version=1, account_id="b1")
LIMITS = types_of("receivables.credit.v1", {credit_pb2.LimitChanged: None})  # type: ignore[dict-item]
LIMIT = credit_pb2.LimitChanged(account_id="b1")
AT = datetime(2026, 1, 5, 9, 30, 0, 123456, tzinfo=UTC)
ORIGIN = Origin("acme", "user:ada", "because", "key-1", "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "cause-1")


def a_placed(**changes: object) -> Record:
    return replace(a_record(BODY, account="b1", subject="order/o1"), **changes)  # type: ignore[arg-type]


def a_limit(**changes: object) -> Record:
    """An event of one of our services."""
    return replace(a_record(LIMIT, account="b1", subject="buyer/b1"), **changes)  # type: ignore[arg-type]


def with_headers(**changes: str) -> Record:
    record = a_placed()
    return replace(record, headers={**record.headers, **{k.replace("__", "-"): v for k, v in changes.items()}})


def code_of(record: Record) -> str:
    with pytest.raises(Unreadable) as refused:
        decode(record, TYPES)
    return refused.value.code


def test_what_is_encoded_is_decoded_as_the_same_but_for_why_it_was_done():
    headers = encode(
        LIMIT, event_id="e1", subject="buyer/b1", at=AT, origin=ORIGIN, source="/receivables/x", sequence=7
    )

    event = decode(a_limit(headers=headers), LIMITS)

    assert event == Event(
        id="e1",
        type="receivables.credit.v1.LimitChanged",
        subject="buyer/b1",
        account_id="b1",
        at=AT,
        origin=replace(ORIGIN, reason="", causation_id="e1"),  # what follows from it is caused by it
        body=LIMIT,
        sequence=7,
        source="/receivables/x",
    )


def test_every_message_of_a_contract_is_known_whether_handled_or_not():
    assert TYPES.keys() >= {f"{TOPIC}.{name}" for name in ("OrderPlaced", "OrderShipped", "OrderCancelled")}
    assert topic_of(events_pb2.OrderPlaced) == TOPIC


@pytest.mark.parametrize("header", ["ce_id", "ce_type", "ce_subject", "ce_tenant"])
def test_a_header_that_we_need_is_missed(header: str):
    assert code_of(with_headers(**{header: ""})) == "event.header_missing"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        *(("ce_tenant", tenant) for tenant in ("ACME", "a,b")),
        ("ce_time", "soon"),
        ("ce_source", "a\nb"),
        *((f"ce_{name}", "x" * 201) for name in ("id", "subject", "source")),
    ],
)
def test_a_header_that_makes_no_sense_is_unreadable(header: str, value: str):
    assert code_of(with_headers(**{header: value})) == "event.header_malformed"


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("contact:c1", "key:erp-1 for contact:c1"),
        ("key:other for user:ada", "key:erp-1 for user:ada"),
        ("key:other", "key:erp-1"),
        ("service:credit", "key:erp-1"),
        ("system:rebuild", "key:erp-1"),
        ("Jane Doe", "key:erp-1"),
        ("", "key:erp-1"),
    ],
)
def test_a_source_acts_as_itself_whoever_it_says_that_it_is(said: str, read: str):
    record = replace(a_limit(), topic="receivables.orders.v1.erp-1")
    record = replace(record, headers={**record.headers, "ce_actor": said})

    assert decode(record, LIMITS).origin.actor == read


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("contact:c1", "contact:c1"),
        ("user:é-1", "user:é-1"),
        ("system:unpublish", "system:unpublish"),
        ("contact:b for contact:a", "contact:b for contact:a"),
        ("contact:b for Jane", "contact:b for system:unknown"),
        ("Jane Doe", "system:unknown"),
        ("user:Jane Doe", "system:unknown"),
        ("user:jane@doe.example", "system:unknown"),
        ("user:\u202eada", "system:unknown"),
        ("a for b for c", "system:unknown"),
        ("user:" + "y" * 9000, "system:unknown"),
        ("", "system:unknown"),
    ],
)
def test_who_says_something_is_read_and_told_by_ids_alone(said: str, read: str):
    record = a_limit(headers={**a_limit().headers, "ce_actor": said})
    told = encode(
        decode(record, LIMITS).body,
        event_id="e1",
        subject="s",
        at=AT,
        origin=replace(ORIGIN, actor=said),
        source="/x",
        sequence=None,
    )

    assert (decode(record, LIMITS).origin.actor, told["ce_actor"]) == (read, read)


def test_why_somebody_did_something_is_neither_told_nor_read():
    """The version before this told it, and so it stands on the topics."""
    event = decode(a_limit(headers={**a_limit().headers, "ce_sequence": "7", "ce_reason": "x" * 9000}), LIMITS)
    told = encode(event.body, event_id="e1", subject="s", at=AT, origin=ORIGIN, source="/x", sequence=None)

    assert (event.origin.reason, told["ce_reason"]) == ("", "")
    assert ORIGIN.reason


def test_of_what_waits_only_headers_that_are_known_are_kept_and_none_that_names_a_person():
    headers = {"ce_id": "e1", "ce_actor": "Jane Doe", "ce_reason": "Jane wants it", "x-clerk": "Jane"}

    assert kept(headers) == {"ce_id": "e1", "ce_actor": "system:unknown", "ce_reason": ""}


def test_an_event_of_no_source_is_one_of_its_tenant():
    assert decode(with_headers(ce_source="", ce_id="1"), TYPES).identity == ("acme", "", "1")


@pytest.mark.parametrize(
    "key",
    [
        None,
        b"",
        b"acme",
        b"acme/",
        b"other/b1",
        b"acme/\xff",
        b"acme/b\x001",
        b"acme/" + b"x" * 201,
        "acme/b\u202e1".encode(),
        b"acme/b1 ",
    ],
)
def test_a_key_that_is_not_the_tenants_account_is_unreadable(key: bytes | None):
    assert code_of(a_placed(key=key)) == "event.key_malformed"


@pytest.mark.parametrize("kind", ["receivables.orders.v2.OrderPlaced", "receivables.credit.v1.CreditDecided", "x"])
def test_a_type_of_another_contract_or_version_is_unknown(kind: str):
    assert code_of(with_headers(ce_type=kind)) == "event.type_unknown"


def test_a_payload_that_is_no_such_message_is_unreadable():
    assert code_of(a_placed(value=b"\xff\xff\xff\xff")) == "event.payload_malformed"
    assert code_of(a_placed(value=None)) == "event.payload_missing"


@given(
    key=st.none() | st.binary(max_size=40),
    value=st.none() | st.binary(max_size=60),
    headers=st.dictionaries(
        st.sampled_from(["ce_id", "ce_type", "ce_subject", "ce_tenant", "ce_time", "ce_sequence"])
        | st.text(max_size=9),
        st.binary(max_size=20)
        | st.sampled_from([b"receivables.orders.v1.OrderPlaced", b"acme", "²".encode(), b"9" * 5000, b"\0"]),
        max_size=9,
    ),
)
def test_whatever_bytes_come_are_an_event_or_unreadable_and_can_be_stored(
    key: bytes | None, value: bytes | None, headers: dict[str, bytes]
):
    text = text_headers(headers.items())
    record = Record(TOPIC, 0, 0, key, value, text)

    with suppress(Unreadable):
        decode(record, TYPES)
    assert not any("\0" in part for pair in text.items() for part in pair)
    assert all(len(part) <= 200 for part in parked.slot_of(record))
    assert "\0" not in "".join(parked.slot_of(record))


@pytest.mark.parametrize("digits", ["", "²", "-1", "1.0", "9" * 5000])
def test_a_sequence_that_is_no_number_is_no_sequence(digits: str):
    headers = {**a_limit().headers, "ce_sequence": digits}

    assert decode(a_limit(headers=headers), LIMITS).sequence is None


def test_a_shop_has_no_sequence_whatever_it_says():
    assert decode(with_headers(ce_sequence="7"), TYPES).sequence is None


def test_a_record_of_anothers_key_holds_back_nobody():
    """Its headers name acme's order, its key another tenant: who wrote it may not stop acme."""
    assert parked.slot_of(a_placed()) == (TOPIC, "acme", "order/o1")
    assert parked.slot_of(a_placed(key=b"evil/b1")) == (TOPIC, "", "")


def test_two_bodies_or_types_of_one_id_differ():
    other = a_placed(value=events_pb2.OrderPlaced(order_id="o2").SerializeToString())

    assert body_hash(a_placed()) == body_hash(a_placed())
    assert len({body_hash(r) for r in (a_placed(), other, with_headers(ce_type="x"))}) == 3


@pytest.mark.parametrize("tenant", ["", "-a", "A", "a b", "a,b", "a/b", "ä", "a" * 64, "a\n"])
def test_a_tenant_that_could_not_stand_in_a_key_is_refused(tenant: str):
    with pytest.raises(Invalid):
        check_tenant(tenant)


@pytest.mark.parametrize(
    ("topic", "contract", "source"),
    [
        (TOPIC, TOPIC, ""),
        (f"{TOPIC}.webshop", TOPIC, "webshop"),
        (f"{TOPIC}.", f"{TOPIC}.", ""),
        (f"{TOPIC}.a.b", f"{TOPIC}.a.b", ""),
        ("receivables.credit.v1", "receivables.credit.v1", ""),
        ("receivables.credit.v1.webshop", "receivables.credit.v1.webshop", ""),
        ("jobs", "jobs", ""),
    ],
)
def test_a_sources_topic_has_the_contract_that_it_begins_with(topic: str, contract: str, source: str):
    assert (contract_of(topic), source_of(topic)) == (contract, source)


def test_on_a_topic_of_its_own_a_source_numbers_by_itself_whatever_it_says_and_gives_no_number_of_ours():
    record = a_placed(topic=f"{TOPIC}.webshop")
    record = replace(record, headers={**record.headers, "ce_id": "e1", "ce_sequence": "7"})

    event = decode(record, TYPES)

    assert event.identity == identity_of(record) == ("acme", f"{TOPIC}.webshop", "e1")
    assert event.origin.causation_id == "webshop/e1"
    assert event.sequence is None


def test_nobody_names_anothers_topic_as_its_source():
    assert code_of(with_headers(ce_source=f"{TOPIC}.webshop")) == "event.header_malformed"
    assert decode(with_headers(ce_source="webshop"), TYPES).source == "webshop"
