"""A message that would take all memory is told by its bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receivables.orders.v1 import events_pb2

from services.chassis import parts

LINE = b"\x3a\x00"  # one of an order, with nothing in it


def test_an_order_as_large_as_can_be_is_decoded():
    order = events_pb2.OrderPlaced(order_id="o1", version=1, net_minor=2**60)
    for n in range(10_000):
        order.lines.add(line_id=str(n), name="x" * 700, net_minor=n)

    assert not parts.too_many(order.SerializeToString())


def test_as_many_parts_as_allowed_are_decoded_and_one_more_is_not():
    filler = events_pb2.OrderPlaced(order_id="x" * parts.LOOKED_AT_BYTES).SerializeToString()

    assert not parts.too_many(filler + LINE * parts.PARTS_MAX)
    assert parts.too_many(filler + LINE * (parts.PARTS_MAX + 1))


def test_four_million_empty_lines_are_told_soon():
    assert parts.too_many(LINE * (4 * 1024 * 1024))


@given(st.binary())
def test_whatever_bytes_come_there_is_an_answer(payload: bytes):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(parts, "LOOKED_AT_BYTES", 0)

        assert parts.too_many(payload) in (True, False)
