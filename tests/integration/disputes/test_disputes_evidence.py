"""Photos and documents of a case, on a real Postgres behind the real door."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any

import grpc
import psycopg
import pytest
from receivables.disputes.v1 import service_pb2
from receivables.notifications.v1 import events_pb2 as notifications_pb2

from services.chassis.envelope import RECORD_MAX_BYTES
from services.disputes import usecases
from services.disputes.domain.evidence import FILES_MAX
from tests.integration.disputes.desk import MONDAY, Desk, Refused
from tests.records import a_record

MOST = 8_000_000  # bytes of a file
PDF = b"%PDF-1.7 "


async def add(desk: Desk, case: Any, content: bytes = PDF, name: str = "box.pdf", **call: Any) -> Any:
    request = service_pb2.AddEvidenceRequest(
        dispute_id=case.number, file_name=name, media_type="application/pdf", content=content
    )
    return (await desk.call("AddEvidence", request, **{"by": "contact:ann"} | call)).evidence


async def listed(desk: Desk, case: Any, **call: Any) -> list[Any]:
    return list(
        (await desk.call("ListEvidence", service_pb2.ListEvidenceRequest(dispute_id=case.number), **call)).evidence
    )


async def get(desk: Desk, case: Any, evidence_id: str, **call: Any) -> Any:
    request = service_pb2.GetEvidenceRequest(dispute_id=case.dispute_id, evidence_id=evidence_id)
    return await desk.call("GetEvidence", request, **call)


async def refused_code(work: Any) -> str:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value.code


async def forget(desk: Desk, contact_id: str, account_id: str = "b1") -> None:
    body = notifications_pb2.ContactErased(contact_id=contact_id, account_id=account_id)
    await desk.follow(a_record(body, account=account_id or "people", subject=f"contact/{contact_id}"))


async def test_what_was_added_is_listed_oldest_first_and_shown_and_nobody_is_told(desk: Desk) -> None:
    case = await desk.open(cents=100)
    told = await desk.told()

    first = await add(desk, case, PDF + b"1", "Karton – links.pdf")
    await desk.set_clock(MONDAY + timedelta(days=1))
    second = await add(desk, case, PDF + b"2", by="user:bo")

    assert (first.file_name, first.media_type, first.bytes) == ("Karton – links.pdf", "application/pdf", len(PDF) + 1)
    assert (first.sha256, first.added_by) == (hashlib.sha256(PDF + b"1").hexdigest(), "contact:ann")
    assert (first.added_at.ToDatetime(MONDAY.tzinfo), second.added_by) == (MONDAY, "user:bo")
    assert await listed(desk, case) == [first, second]
    shown = await get(desk, case, second.evidence_id)
    assert (shown.evidence, shown.content) == (second, PDF + b"2")
    assert await desk.told() == told
    assert len((await desk.get(case)).history) == 2


async def test_the_same_content_is_kept_once_in_a_case(desk: Desk) -> None:
    case, other = await desk.open(cents=100), await desk.open(cents=100)
    first = await add(desk, case)

    assert await add(desk, case, name="again.pdf", by="contact:bob") == first
    assert await listed(desk, case) == [first]
    assert (await add(desk, other)).evidence_id != first.evidence_id


async def test_whoever_asks_the_same_again_hears_the_same_but_for_the_name(desk: Desk) -> None:
    case = await desk.open(cents=100)
    first = await add(desk, case, key="k1")

    again = await add(desk, case, key="k1")

    first.file_name = ""
    assert again == first
    assert await refused_code(add(desk, case, PDF + b"other", key="k1")) == "call.key_reused"


async def test_a_file_has_eight_million_bytes_and_a_case_forty(desk: Desk) -> None:
    case = await desk.open(cents=100)
    for nth in range(5):
        content = (PDF + str(nth).encode()).ljust(MOST, b"x")
        added = await add(desk, case, content, f"{nth}.pdf")
        assert added.bytes == MOST
    assert (await get(desk, case, added.evidence_id)).content == content

    assert await refused_code(add(desk, case)) == "evidence.too_much"
    assert await refused_code(add(desk, case, PDF.ljust(MOST + 1, b"x"))) == "bytes.too_long"
    with pytest.raises(Refused) as refused:
        await add(desk, case, PDF.ljust(RECORD_MAX_BYTES, b"x"))
    assert refused.value.status is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(await listed(desk, case)) == 5


async def test_those_who_add_at_once_come_one_after_the_other(desk: Desk) -> None:
    case = await desk.open(cents=100)

    answers = await asyncio.gather(
        *(add(desk, case, PDF + bytes([n // 2])) for n in range(2 * FILES_MAX + 4)), return_exceptions=True
    )

    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert {one.code for one in refused} == {"evidence.too_many"}
    assert len(refused) == 4
    kept = await listed(desk, case)
    assert len(kept) == len({one.sha256 for one in kept}) == FILES_MAX


async def test_nothing_is_added_after_the_end_until_it_is_taken_up_again(desk: Desk) -> None:
    case = await desk.move(await desk.open(cents=100), "REVIEW", "REJECT")
    assert await refused_code(add(desk, case)) == "evidence.case_ended"

    case = await desk.move(case, "APPEAL")
    added = await add(desk, case)
    case = await desk.move(case, "WITHDRAW")

    assert await refused_code(add(desk, case, PDF + b"late")) == "evidence.case_ended"
    assert await listed(desk, case) == [added]


async def test_what_is_no_evidence_is_refused_with_its_code(desk: Desk) -> None:
    case, other = await desk.open(cents=100), await desk.open(cents=100)
    added = await add(desk, case)

    assert await refused_code(add(desk, case, b"<html>")) == "evidence.type"
    assert await refused_code(add(desk, case, name="../box.pdf")) == "evidence.name"
    assert await refused_code(add(desk, case, name="a\nb.pdf")) == "text.control_character"
    assert await refused_code(add(desk, case, name="x" * 121)) == "text.too_long"
    assert await refused_code(get(desk, other, added.evidence_id)) == "evidence.unknown"
    for work in (add(desk, case, tenant="other"), listed(desk, case, tenant="other")):
        assert await refused_code(work) == "dispute.unknown"


async def test_what_a_person_added_is_forgotten_and_somebody_else_may_add_it_again(desk: Desk) -> None:
    case = await desk.open(cents=100)
    hers = await add(desk, case, by="contact:c1")
    for_her = await add(desk, case, PDF + b"2", by="user:bo for user:c1")
    others = await add(desk, case, PDF + b"3")

    await forget(desk, "c1")
    assert (await get(desk, case, for_her.evidence_id)).content == PDF + b"2"  # one of the seller's own of that id
    await forget(desk, "c1", "")

    for one in (hers, for_her):
        one.file_name = ""
        shown = await get(desk, case, one.evidence_id)
        assert (shown.evidence, shown.content) == (one, b"")
    assert await listed(desk, case) == [hers, for_her, others]
    assert (await get(desk, case, others.evidence_id)).content == PDF + b"3"
    again = await add(desk, case)
    assert (again.sha256, (await get(desk, case, again.evidence_id)).content) == (hers.sha256, PDF)
    await forget(desk, "c1")
    assert (await listed(desk, case))[-1] == again


async def test_what_was_added_to_cases_that_ended_is_forgotten_when_its_time_is_over(desk: Desk) -> None:
    ended, still_open = await desk.open(cents=100), await desk.open(cents=100)
    for case in (ended, still_open):
        for nth in range(usecases.FILES_AT_ONCE // 2 + 1):
            await add(desk, case, PDF + str(nth).encode())
    await desk.move(ended, "WITHDRAW")
    async with desk.parts.database.transaction(["acme"]) as tx:
        assert await usecases.forget_outdated(tx, "acme") == 0
    await desk.set_clock(MONDAY + timedelta(days=20 * 366))

    async with desk.parts.database.transaction(["acme"]) as tx:
        while await usecases.forget_outdated(tx, "acme"):
            pass

    rows = await desk.rows(
        "SELECT dispute_id, bool_and(file_name = '' AND content = '') AS gone, bool_or(file_name = '') AS some FROM evidence GROUP BY 1"
    )
    assert {row.dispute_id: (row.gone, row.some) for row in rows} == {
        ended.dispute_id: (True, True),
        still_open.dispute_id: (False, False),
    }


async def test_evidence_cannot_be_altered_by_the_server(desk: Desk) -> None:
    case = await desk.open(cents=100)
    await add(desk, case)

    for statement in ("UPDATE evidence SET added_by = 'x'", "UPDATE evidence SET sha256 = 'x'", "DELETE FROM evidence"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await desk.rows(statement)
    with pytest.raises(psycopg.errors.CheckViolation):
        await desk.rows("UPDATE evidence SET content = 'other' RETURNING 1")
