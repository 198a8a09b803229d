"""Refusals: a stable code for programs, a message for people, one kind for each way of being refused."""

import pytest

from services.kernel.refusals import Conflict, Early, Invalid, KeyReused, NotFound, Refusal


@pytest.mark.parametrize("kind", [Invalid, NotFound, Conflict, KeyReused])
def test_a_refusal_says_its_code_to_programs_and_its_message_to_people(kind: type[Refusal]) -> None:
    refusal = kind("order.no_lines", "an order needs at least one line")

    assert (refusal.code, refusal.message, str(refusal)) == (
        "order.no_lines",
        "an order needs at least one line",
        "an order needs at least one line",
    )
    assert isinstance(refusal, Refusal)


def test_what_is_early_names_the_partner_it_waits_for() -> None:
    early = Early("order/o1")

    assert (early.code, early.waits_for, early.message) == ("event.early", "order/o1", "waits for order/o1")


def test_no_kind_of_refusal_is_taken_for_another() -> None:
    kinds = (Invalid, NotFound, Conflict, KeyReused, Early)

    assert not [(a, b) for a in kinds for b in kinds if a is not b and issubclass(a, b)]
