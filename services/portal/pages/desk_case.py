"""What the desk does with a case beside moving it: who has it, who looks at it, its right reason, two that are one, one that is two."""

from decimal import Decimal
from typing import Any

from fastapi.responses import Response
from receivables.disputes.v1 import events_pb2 as disputes_events
from receivables.disputes.v1 import service_pb2 as disputes_pb2

from services.kernel.refusals import Invalid
from services.portal.asks import Refused
from services.portal.domain.people import Guard
from services.portal.pages import desk_disputes
from services.portal.web import Ask, post

RUNS = Guard(frozenset({"DISPUTE_OWNER", "SELLER_ADMIN"}))


@post("/desk/disputes/{dispute}/assign", RUNS)
async def assign(ask: Ask) -> Response:
    """Take a case, or give it to somebody."""
    request = disputes_pb2.AssignRequest(
        dispute_id=ask.path("dispute"), owner=ask.typed("owner"), stand_in=ask.typed("stand_in")
    )
    return await _done(ask, "Assign", request)


@post("/desk/disputes/{dispute}/recode", RUNS)
async def recode(ask: Ask) -> Response:
    """Say the right reason."""
    request = disputes_pb2.RecodeRequest(dispute_id=ask.path("dispute"), reason_code=ask.typed("reason"))
    return await _done(ask, "Recode", request)


@post("/desk/disputes/{dispute}/cell", RUNS)
async def set_cell(ask: Ask) -> Response:
    """Say who looks at a case that takes more care, step by step."""
    places = [
        disputes_events.CellPlace(step=step, person=ask.typed(f"person-{step}"), by=ask.typed(f"by-{step}"))
        for step in disputes_events.CellStep.values()[1:]
    ]
    cell = disputes_pb2.Cell(coordinator=ask.typed("coordinator"), places=places)
    return await _done(ask, "SetCell", disputes_pb2.SetCellRequest(dispute_id=ask.path("dispute"), cell=cell))


@post("/desk/disputes/{dispute}/merge", RUNS)
async def merge(ask: Ask) -> Response:
    """Go on with this case as with another; that one's page comes."""
    into = ask.typed("into").strip()
    request = disputes_pb2.MergeRequest(dispute_id=ask.path("dispute"), into=into)
    return await _done(ask, "Merge", request, into)


@post("/desk/disputes/{dispute}/split", RUNS)
async def split(ask: Ask) -> Response:
    """Have some of a case's lines go on by themselves."""
    request = disputes_pb2.SplitRequest(dispute_id=ask.path("dispute"))
    case = (
        await ask.of.disputes("GetDispute", disputes_pb2.GetDisputeRequest(dispute_id=request.dispute_id, page_size=1))
    ).dispute
    try:
        for nth, line in enumerate(case.lines):
            quantity = ask.words.typed(ask.typed(f"part-{nth}") or "0")
            if not 0 <= quantity <= Decimal(line.quantity):
                raise Invalid("form.too_much", ask.words.say("More than is disputed cannot go on by itself."))
            if quantity > 0:
                request.lines.append(disputes_events.DisputedLine(line_id=line.line_id, quantity=f"{quantity:f}"))
    except Invalid as refused:
        return await _refused(ask, refused, "split")
    return await _done(ask, "Split", request)


async def _done(ask: Ask, method: str, request: Any, then: str = "") -> Response:
    try:
        await ask.of.disputes(method, request, ask.write())
    except Refused as refused:
        return await _refused(ask, refused, method.lower())
    return ask.go(f"/desk/disputes/{then or ask.path('dispute')}")


async def _refused(ask: Ask, refused: Refused | Invalid, field: str) -> Response:
    return await desk_disputes.show_refused(ask, refused, field)
