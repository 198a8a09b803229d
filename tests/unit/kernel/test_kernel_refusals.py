"""Refusals: a stable code for programs, a message for people, one kind for each way of being refused."""

import re
from pathlib import Path

import pytest

from services.kernel.refusals import Conflict, Early, Invalid, KeyReused, NotFound, Refusal, quoted


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("o1", "'o1'"),
        ("a\nb\u202ec\x00", r"'a\nb\u202ec\x00'"),
        ("x" * 60, f"'{'x' * 60}'"),
        ("x" * 16_000, f"'{'x' * 60}' …"),
    ],
)
def test_what_a_refusal_repeats_is_short_and_shows_what_cannot_be_seen(text: str, said: str) -> None:
    assert quoted(text) == said


def test_nobody_cuts_an_input_to_his_own_taste() -> None:
    services = Path(__file__).parents[3] / "services"
    own = {path.name for path in services.rglob("*.py") if re.search(r"\[:\d+\]!r", path.read_text())}

    assert own == set()


def test_no_kind_of_refusal_is_taken_for_another() -> None:
    kinds = (Invalid, NotFound, Conflict, KeyReused, Early)

    assert not [(a, b) for a in kinds for b in kinds if a is not b and issubclass(a, b)]
