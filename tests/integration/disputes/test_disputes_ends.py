"""How cases end beside returns, at the desk's door: what is told, what counts, and who completes them."""

from typing import Any

import pytest
from receivables.disputes.v1 import events_pb2, service_pb2

from tests.integration.disputes.desk import Desk, Refused, credited, issued, sent_again, written_off

RESOLVING, RESOLVED = events_pb2.STATE_RESOLVING, events_pb2.STATE_RESOLVED
RIGHT = events_pb2.Correction(lines=[events_pb2.CorrectedLine(line_id="1", unit_price="9.00")])


@pytest.fixture
async def proposed(desk: Desk) -> Any:
    """Give a case about two of the first line, worth 23.80, to which an end was proposed."""
    await desk.follow(issued())
    return await desk.move(await desk.open(("1", "2")), "REVIEW", "PROPOSE", by="user:bo")


async def room(desk: Desk) -> int:
    row = await desk.row(
        "SELECT gross_minor - credited_minor - disputed_minor AS room FROM invoice WHERE invoice_id = 'i1'"
    )
    return int(row.room)


async def last_resolved(desk: Desk) -> Any:
    return [told for name, told in await desk.told() if name == "DisputeResolved"][-1]


async def test_a_rebill_is_resolved_when_both_documents_are_there(desk: Desk, proposed: Any):
    case = await desk.resolve(proposed, "REBILL", correction=events_pb2.Correction(purchase_order="PO-7"))
    told = await last_resolved(desk)
    assert (told.credit.minor, told.correction.purchase_order) == (19_990, "PO-7")
    assert (case.state, await room(desk)) == (RESOLVING, 0)

    note = credited(case, 19_990, corrected="i2")
    await desk.follow(note)
    assert (await desk.get(case)).dispute.state == RESOLVING  # it waits for the corrected invoice

    await desk.follow(issued("i2", number="N-2"))
    shown = (await desk.get(case)).dispute
    assert (shown.state, shown.corrected_invoice_number) == (RESOLVED, "N-2")
    assert await room(desk) == 0
    with pytest.raises(Refused, match=r"dispute\.nothing_left"):
        await desk.move(shown, "REOPEN", by="contact:ann")


async def test_a_price_correction_tells_lines_prices_and_the_difference(desk: Desk, proposed: Any):
    await desk.resolve(proposed, "PRICE_CORRECTION", correction=RIGHT)

    told = await last_resolved(desk)
    assert told.credit.minor == 1190
    assert [(line.line_id, line.quantity, line.unit_price) for line in told.correction.lines] == [("1", "10", "9.00")]
    assert list(told.lines) == []


async def test_goods_that_are_sent_again_are_named_and_end_the_case_when_they_left(desk: Desk, proposed: Any):
    case = await desk.resolve(proposed, "REPLACEMENT")
    told = await last_resolved(desk)
    assert [(line.line_id, line.quantity) for line in told.replaced] == [("1", "2")]
    assert (case.state, await room(desk)) == (RESOLVING, 19_990 - 2_380)

    await desk.follow(sent_again(case.dispute_id), sent_again(case.dispute_id))
    shown = (await desk.get(case)).dispute
    assert (shown.state, shown.replaced_by_shipment, await room(desk)) == (RESOLVED, "r1", 19_990)


async def test_what_is_given_up_cannot_be_credited_any_more(desk: Desk, proposed: Any):
    case = await desk.resolve(proposed, "WRITE_OFF")
    assert (await last_resolved(desk)).given_up.minor == 2_380

    await desk.follow(written_off(case, 2_380, 17_610), written_off(case, 2_380, 17_610))
    shown = (await desk.get(case)).dispute
    assert (shown.state, shown.written_off.minor, await room(desk)) == (RESOLVED, 2_380, 17_610)
    with pytest.raises(Refused, match=r"dispute\.exceeds_line"):
        await desk.open(("1", "9"))


async def test_goodwill_is_within_the_policy_of_today(desk: Desk, proposed: Any):
    policy = events_pb2.DisputePolicy(
        window_days=90, answer_days=5, customer_days=5, reopen_days=30, first_answer_days=1, goodwill_max=5
    )
    await desk.call("SetPolicy", service_pb2.SetPolicyRequest(policy=policy))

    with pytest.raises(Refused, match=r"dispute\.goodwill_too_high"):
        await desk.resolve(proposed, "GOODWILL", cents=501)
    await desk.resolve(proposed, "GOODWILL", cents=500)
    assert (await last_resolved(desk)).credit.minor == 500


async def test_whoever_proposed_an_end_without_a_credit_does_not_make_it_alone(desk: Desk, proposed: Any):
    for resolution in ("WRITE_OFF", "REPLACEMENT"):
        with pytest.raises(Refused, match=r"dispute\.four_eyes"):
            await desk.resolve(proposed, resolution, by="user:bo")
