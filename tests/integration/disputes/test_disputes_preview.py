"""What a case would be, behind the real door: what is seen is what is opened, and looking changes nothing."""

import random
from collections import Counter
from typing import Any

import pytest
from receivables.common.v1 import money_pb2
from receivables.disputes.v1 import events_pb2, service_pb2

from tests.integration.disputes.desk import Desk, OpenDesk, Refused, credited, issued, seller

TABLES = (
    "invoice",
    "invoice_line",
    "dispute",
    "dispute_line",
    "dispute_move",
    "case_series",
    "credited_rate",
    "outbox",
)


async def facts(desk: Desk) -> dict[str, Any]:
    """All that there is, and who wrote or locked it."""
    return {table: await desk.rows(f"SELECT xmin::text, xmax::text, t.* FROM {table} t ORDER BY t") for table in TABLES}


async def result(desk: Desk, method: str, request: Any) -> Any:
    """The answer, or the code of the refusal."""
    try:
        return await desk.call(method, request, by="contact:ann")
    except Refused as refused:
        return refused.code


def wanted(*lines: tuple[str, str], cents: int = 0, invoice: str = "i1", reason: str = "QTY_SHORT") -> dict[str, Any]:
    """What both calls are asked."""
    return {
        "invoice": invoice,
        "reason_code": reason,
        "lines": [events_pb2.DisputedLine(line_id=line_id, quantity=quantity) for line_id, quantity in lines],
        "amount": money_pb2.Money(minor=cents, currency="EUR") if cents else None,
    }


async def preview(desk: Desk, *lines: tuple[str, str], **more: Any) -> Any:
    return await result(desk, "Preview", service_pb2.PreviewRequest(**wanted(*lines, **more)))


async def test_a_preview_names_the_lines_the_amount_and_the_day(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.follow(
            issued(names=("Schrauben", "Fräse", "")), seller(time_zone="Europe/Berlin", holidays="DE"), issued("i2")
        )
        await desk.open(("1", "4"))

        seen = await preview(desk, ("1", "2"), ("3", "1"), invoice="N-i1")

        assert (seen.invoice_id, seen.number, seen.amount.minor, seen.amount.currency) == ("i1", "N-i1", 2_915, "EUR")
        assert seen.promised_by == "2026-03-02"
        assert [(line.line_id, line.name, line.invoiced, line.left, line.amount.minor) for line in seen.lines] == [
            ("1", "Schrauben", "10", "6", 7_140),
            ("2", "Fräse", "1", "1", 5_950),
            ("3", "", "4", "4", 2_140),
        ]
        assert (await preview(desk)).amount.minor == 19_990 - 4_760
        assert (await preview(desk, invoice="i2")).amount.minor == 19_990


async def test_what_cannot_be_opened_is_refused_as_opening_it_is(desk: Desk) -> None:
    await desk.follow(issued("i2", number="N-i1"))

    for named, code in (
        ({"invoice": "nothing"}, "dispute.unknown_invoice"),
        ({"invoice": "N-i1"}, "dispute.ambiguous_invoice"),
        ({"reason": "BECAUSE"}, "dispute.unknown_reason"),
        ({"cents": 19_991}, "dispute.exceeds_invoice"),
        ({"cents": -1}, "dispute.amount_not_positive"),
    ):
        assert await preview(desk, **named) == code
        opening = service_pb2.OpenRequest(**wanted(**{"cents": 1} | named))
        assert await result(desk, "Open", opening) == code
    await desk.open(cents=19_990)
    assert await preview(desk) == "dispute.nothing_left"


def anything(chance: random.Random) -> dict[str, Any]:
    """Something that may be contested, likely or not."""
    reason = chance.choice(["QTY_SHORT"] * 9 + ["no"])
    if chance.random() < 0.3:
        return wanted(cents=chance.choice([1, 300, 4_711, 20_000]), reason=reason)
    lines = {chance.choice("1234"): chance.choice(["1", "2", "0.5", "0.333"]) for _ in range(chance.choice([1, 1, 2]))}
    return wanted(*lines.items(), reason=reason)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_what_is_seen_is_what_is_opened_and_looking_changes_nothing(desk: Desk, seed: int) -> None:
    chance, outcomes = random.Random(seed), Counter[str]()
    for n in range(40):
        said = anything(chance)
        before = await facts(desk)
        seen = await result(desk, "Preview", service_pb2.PreviewRequest(**said))
        assert await facts(desk) == before

        opened = await result(desk, "Open", service_pb2.OpenRequest(**said))
        if isinstance(seen, str):
            assert opened == seen
            outcomes[seen] += 1
            continue
        case = opened.dispute
        assert (case.amount, case.answer_by, list(case.lines)) == (seen.amount, seen.promised_by, said["lines"])
        outcomes["opened"] += 1
        if chance.random() < 0.5:
            await desk.move(case, "WITHDRAW")
        elif chance.random() < 0.5:
            case = await desk.resolve(await desk.move(case, "REVIEW", "PROPOSE"), "FULL_CREDIT")
            await desk.follow(credited(case, case.amount.minor, note=f"c{n}"))

    assert outcomes["opened"] > 10
    assert len(outcomes) > 2
