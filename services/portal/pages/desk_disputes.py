"""Cases at the seller's desk: the queue by promise, and one case with every act that its state and one's roles allow."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from fastapi.responses import Response
from receivables.common.v1 import money_pb2
from receivables.disputes.v1 import events_pb2 as disputes_events
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.kernel.refusals import Invalid
from services.portal import uploads
from services.portal.asks import Asking, Refused, Unknown, together
from services.portal.domain import cases
from services.portal.domain.people import SELLERS, Guard
from services.portal.pages import desk_notes, threads
from services.portal.web import PAGE, Ask, get, post

MOVES = Guard(frozenset("DISPUTE_OWNER SALES LOGISTICS QUALITY SELLER_ADMIN".split()))
SETTLES = Guard(frozenset({"DISPUTE_OWNER", "SELLER_ADMIN"}), assurance=2, step_up=True)
_QUEUE = 100
_HISTORY = 500
WORDS_MAX = 200  # characters of why
_PARTIAL = "RESOLUTION_PARTIAL_CREDIT"
RESOLUTIONS = ("RESOLUTION_FULL_CREDIT", _PARTIAL, "RESOLUTION_INVALID_PAYABLE")


async def waiting(of: Asking, whose: Sequence[str], account: str = "", size: int = _QUEUE, after: str = "") -> Any:
    """Cases that wait for one side, by promise: the longest broken one first."""
    order = disputes_pb2.LIST_ORDER_WAITING_FOR_SELLER
    if whose is cases.THEIRS:
        order = disputes_pb2.LIST_ORDER_WAITING_FOR_BUYER
    request = disputes_pb2.ListDisputesRequest(account_id=account, order=order, page_size=size, page_token=after)
    return await of.disputes("ListDisputes", request)


async def of_state(of: Asking, state: str, account: str, size: int, after: str) -> Any:
    """Cases of a state, the newest first."""
    request = disputes_pb2.ListDisputesRequest(
        account_id=account,
        state=disputes_events.State.Value(f"STATE_{state}"),
        order=disputes_pb2.LIST_ORDER_NEWEST_FIRST,
        page_size=size,
        page_token=after,
    )
    return await of.disputes("ListDisputes", request)


@get("/desk/disputes", SELLERS)
async def queue(ask: Ask) -> Response:
    """Cases that wait for us, or for the buyer, by promise; ?state= lists those of a state, ?q= opens one by its number."""
    if named := ask.query("q").strip():
        try:
            found = await ask.of.disputes("GetDispute", disputes_pb2.GetDisputeRequest(dispute_id=named, page_size=1))
            return ask.go(f"/desk/disputes/{found.dispute.number}")
        except (Unknown, Refused):
            return await _show_queue(ask, refused=ask.words.say("There is no case by that number."))
    return await _show_queue(ask)


async def _show_queue(ask: Ask, status: int = 200, refused: str = "") -> Response:
    state, account, after = ask.query("state"), ask.query("account")[:64], ask.query("after")
    if state in cases.ACTS:
        page = await of_state(ask.of, state, account, PAGE, after)
    else:
        whose = cases.THEIRS if ask.query("whose") == "buyer" else cases.OURS
        page = await waiting(ask.of, whose, account, PAGE, after)
    today = await ask.today()
    return ask.show(
        "desk_disputes.html",
        status,
        rows=page.disputes,
        next_token=page.next_page_token,
        states=cases.ACTS,
        near=lambda case: cases.nearness(case.answer_by, today) if _state(case) in cases.OURS else "",
        act_of=lambda case: _act_of_row(ask, case),
        refused=refused,
    )


def _act_of_row(ask: Ask, case: Any) -> str:
    """What is done with a case by a click in its row; "" where it takes words, or nobody may."""
    leading = next(iter(cases.ACTS[_state(case)]), "")
    return leading if leading in cases.AT_ONCE and ask.may_move(f"ACTION_{leading}") else ""


def _state(case: Any) -> str:
    return disputes_events.State.Name(case.state).removeprefix("STATE_")


@get("/desk/disputes/{dispute}", SELLERS)
async def case(ask: Ask) -> Response:
    """One case: what is contested, what was said and done, and what can be done now."""
    return await _show_case(ask)


async def _show_case(ask: Ask, status: int = 200, **more: Any) -> Response:
    of = ask.of
    request = disputes_pb2.GetDisputeRequest(dispute_id=ask.path("dispute"), page_size=_HISTORY)
    shown = await of.disputes("GetDispute", request)
    case = shown.dispute
    about = f"dispute/{case.dispute_id}"
    found = await together(
        invoice=of.invoicing("GetInvoice", invoicing_pb2.GetInvoiceRequest(invoice=case.invoice_id)),
        evidence=of.disputes("ListEvidence", disputes_pb2.ListEvidenceRequest(dispute_id=case.dispute_id)),
        notes=desk_notes.notes_of(of, about),
        thread=threads.thread_of(of, about),
        asks=of.notifications(
            "ListAsks", notifications_pb2.ListAsksRequest(account_id=case.account_id, about=about, page_size=PAGE)
        ),
        timeline=of.notifications("GetTimeline", notifications_pb2.GetTimelineRequest(about=about)),
    )
    await threads.seen(ask, about, found["thread"])
    state = _state(case)
    names = {line.line_id: line for line in found["invoice"].document.invoice.lines} if found["invoice"] else {}
    return ask.show(
        "desk_case.html",
        status,
        case=case,
        about=about,
        state=state,
        history=shown.history,
        lines=names,
        near=cases.nearness(case.answer_by, await ask.today()) if state in cases.OURS else "",
        acts=[act for act in cases.ACTS[state] if ask.may_move(f"ACTION_{act}")],
        settles=state in cases.SETTLES and ask.may("disputes", "Resolve"),
        resolutions=RESOLUTIONS,
        typed=ask.typed,
        **{"said": "", **found, **more},
    )


@post("/desk/disputes/{dispute}/move", MOVES)
async def move(ask: Ask) -> Response:
    """Move a case by one action, from its page or from its row."""
    action, from_row = ask.typed("action"), ask.typed("from") == "queue"
    if action not in {act for acts in cases.ACTS.values() for act in acts}:
        raise Invalid("form.no_choice", ask.words.say("That cannot be done with a case."))
    words = " ".join(ask.typed(f"words-{action}").split())
    request = disputes_pb2.MoveRequest(
        dispute_id=ask.path("dispute"),
        action=disputes_pb2.Action.Value(f"ACTION_{action}"),
        missing=words if action == "ASK_CUSTOMER" else "",
    )
    try:
        if len(words) > WORDS_MAX:
            raise Invalid("form.too_long", ask.words.say("Say it in at most %(num)s characters.", num=WORDS_MAX))
        await ask.of.disputes("Move", request, ask.write("" if action == "ASK_CUSTOMER" else words))
    except (Refused, Invalid) as refused:
        if from_row:
            return await _show_queue(ask, 422, ask.refused(refused))
        return await _show_case(ask, 422, errors={f"words-{action}": ask.refused(refused)}, said=ask.refused(refused))
    return ask.go("/desk/disputes" if from_row else f"/desk/disputes/{ask.path('dispute')}")


@post("/desk/disputes/{dispute}/resolve", SETTLES)
async def resolve(ask: Ask) -> Response:
    """Say how a case ends: all of what is disputed, a part of it by lines or by amount, or nothing."""
    resolution, number = ask.typed("resolution"), ask.path("dispute")
    if resolution not in RESOLUTIONS:
        raise Invalid("form.no_choice", ask.words.say("Choose how the case ends."))
    case = (await ask.of.disputes("GetDispute", disputes_pb2.GetDisputeRequest(dispute_id=number, page_size=1))).dispute
    request = disputes_pb2.ResolveRequest(
        dispute_id=case.dispute_id, resolution=disputes_events.Resolution.Value(resolution)
    )
    try:
        if resolution == _PARTIAL and case.lines:
            request.lines.extend(_parts(ask, case))
        elif resolution == _PARTIAL:
            amount = ask.amount("amount", case.amount.currency)
            request.amount.CopyFrom(money_pb2.Money(minor=amount.minor, currency=amount.currency))
        await ask.of.disputes("Resolve", request, ask.write(" ".join(ask.typed("words-RESOLVE").split())[:WORDS_MAX]))
    except (Refused, Invalid) as refused:
        return await _show_case(ask, 422, errors={"resolve": ask.refused(refused)}, said=ask.refused(refused))
    return ask.go(f"/desk/disputes/{number}")


def _parts(ask: Ask, case: Any) -> list[Any]:
    """How much of each disputed line is credited; a line of which nothing is, is left out."""
    parts = []
    for nth, line in enumerate(case.lines):
        quantity = ask.words.typed(ask.typed(f"quantity-{nth}") or "0")
        if not 0 <= quantity <= Decimal(line.quantity):
            raise Invalid("form.too_much", ask.words.say("More than was disputed cannot be credited."))
        if quantity > 0:
            parts.append(disputes_events.DisputedLine(line_id=line.line_id, quantity=f"{quantity:f}"))
    return parts


@get("/desk/disputes/{dispute}/evidence/{file}", SELLERS)
async def evidence(ask: Ask) -> Response:
    """A photo or a document that was added to a case, as a file."""
    request = disputes_pb2.GetEvidenceRequest(dispute_id=ask.path("dispute"), evidence_id=ask.path("file"))
    found = await ask.of.disputes("GetEvidence", request)
    return uploads.sent(found.evidence.file_name, found.evidence.media_type, found.content)
