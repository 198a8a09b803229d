"""Cases at the seller's desk: the queue by promise, and one case with every act that its state and one's roles allow."""

from collections.abc import Sequence
from typing import Any

from fastapi.responses import Response
from receivables.disputes.v1 import events_pb2 as disputes_events
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.kernel.refusals import Invalid
from services.portal import uploads
from services.portal.asks import Asking, Refused, Unknown, together
from services.portal.domain import cases
from services.portal.domain.people import SELLERS, Guard
from services.portal.pages import desk_notes, desk_settle, threads
from services.portal.pages.desk_names import colleagues, names_of
from services.portal.pages.disputes import OTHERS, USUAL
from services.portal.web import PAGE, Ask, get, post

MOVES = Guard(frozenset("DISPUTE_OWNER SALES LOGISTICS QUALITY SELLER_ADMIN".split()))
SETTLES = Guard(frozenset({"DISPUTE_OWNER", "SELLER_ADMIN"}), assurance=2, step_up=True)
_QUEUE = 100
_HISTORY = 500
# That a case can have, the usual ones first; OTH says that none was found.
REASONS = (*(code for code in USUAL if code != "OTH"), *(code for codes in OTHERS.values() for code in codes))
WORDS_MAX = 200  # characters of why


async def waiting(
    of: Asking, whose: Sequence[str], account: str = "", size: int = _QUEUE, after: str = "", **only: Any
) -> Any:
    """Cases that wait for one side, by promise: what is missed or will be first. `only`: whose they are."""
    order = disputes_pb2.LIST_ORDER_AT_RISK_FIRST
    if whose is cases.THEIRS:
        order = disputes_pb2.LIST_ORDER_WAITING_FOR_BUYER
    request = disputes_pb2.ListDisputesRequest(
        account_id=account, order=order, page_size=size, page_token=after, **only
    )
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
        only: dict[str, Any] = {}
        if ask.query("whose") == "mine":
            only = {"owner": ask.person.subject}
        elif ask.query("whose") == "nobody":
            only = {"without_owner": True}
        page = await waiting(ask.of, whose, account, PAGE, after, **only)
    today = await ask.today()
    return ask.show(
        "desk_disputes.html",
        status,
        rows=page.disputes,
        next_token=page.next_page_token,
        states=cases.ACTS,
        near=lambda case: cases.nearness_of(case, today) if _state(case) in cases.OURS else "",
        names=await names_of(ask, [case.owner for case in page.disputes if case.owner]),
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
        checks=of.disputes("ListChecks", disputes_pb2.ListChecksRequest(dispute_id=case.dispute_id)),
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
        near=cases.nearness_of(case, await ask.today()) if state in cases.OURS else "",
        names=await names_of(ask, _people(shown)),
        runs=ask.may("disputes", "Assign"),
        colleagues=await colleagues(of) if ask.may("disputes", "Assign") else [],
        waits=state in cases.AWAITS_ANSWER,
        open_states=(*cases.OURS, *cases.THEIRS),
        reasons=REASONS,
        careful=case.track == disputes_events.TRACK_ENHANCED,
        steps=disputes_events.CellStep.values()[1:],
        cell=shown.cell if shown.HasField("cell") else None,
        places={place.step: place for place in shown.cell.places},
        changes=shown.changes,
        merged=shown.merged,
        acts=[act for act in cases.ACTS[state] if ask.may_move(f"ACTION_{act}")],
        settles=state in cases.SETTLES and ask.may("disputes", "Resolve"),
        **desk_settle.offered(ask, found["invoice"]),
        typed=ask.typed,
        **{"said": "", **found, **more},
    )


def _people(shown: Any) -> list[str]:
    """Who a case's page names."""
    changed = [name for one in shown.changes for name in (one.actor, one.after) if name.startswith("user:")]
    cell = [shown.cell.coordinator, *(place.person for place in shown.cell.places)]
    return [person for person in (shown.dispute.owner, shown.dispute.stand_in, *cell, *changed) if person]


async def show_refused(ask: Ask, refused: Refused | Invalid, field: str) -> Response:
    """The case again, with why something could not be done beside what was to be done."""
    return await _show_case(ask, 422, errors={field: ask.refused(refused)}, said=ask.refused(refused))


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
    """Say how a case ends, with what that end has to name."""
    resolution, number = ask.typed("resolution"), ask.path("dispute")
    if resolution not in desk_settle.RESOLUTIONS:
        raise Invalid("form.no_choice", ask.words.say("Choose how the case ends."))
    case = (await ask.of.disputes("GetDispute", disputes_pb2.GetDisputeRequest(dispute_id=number, page_size=1))).dispute
    wanted = invoicing_pb2.GetInvoiceRequest(invoice=case.invoice_id)
    invoice = await ask.of.invoicing("GetInvoice", wanted) if desk_settle.needs_invoice(resolution, case) else None
    try:
        request = desk_settle.request(ask, case, invoice, resolution)
        await ask.of.disputes("Resolve", request, ask.write(" ".join(ask.typed("words-RESOLVE").split())[:WORDS_MAX]))
    except (Refused, Invalid) as refused:
        return await _show_case(ask, 422, errors={"resolve": ask.refused(refused)}, said=ask.refused(refused))
    return ask.go(f"/desk/disputes/{number}")


@get("/desk/disputes/{dispute}/evidence/{file}", SELLERS)
async def evidence(ask: Ask) -> Response:
    """A photo or a document that was added to a case, as a file."""
    request = disputes_pb2.GetEvidenceRequest(dispute_id=ask.path("dispute"), evidence_id=ask.path("file"))
    found = await ask.of.disputes("GetEvidence", request)
    return uploads.sent(found.evidence.file_name, found.evidence.media_type, found.content)
