"""Something is wrong: a case opened from its invoice with nothing typed again; the cases; one of them, and what the buyer does."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fastapi.responses import Response
from receivables.common.v1 import money_pb2
from receivables.disputes.v1 import events_pb2, service_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.kernel.refusals import Invalid, Refusal
from services.portal import uploads, usecases
from services.portal.asks import Away, Refused, together
from services.portal.domain.guide import DISPUTE
from services.portal.domain.news import DISPUTE_OPENED, DISPUTE_RESOLVED
from services.portal.domain.people import CASES
from services.portal.pages.guide import guide_of
from services.portal.pages.team import team_of
from services.portal.pages.threads import seen, thread_of, unread_of
from services.portal.uploads import Upload
from services.portal.web import PAGE, Ask, csv_of, get, post

USUAL = ("QTY_SHORT", "QLT_DAMAGE", "PRC_UNIT", "ITM_WRONG", "DLV_NONE", "INV_DUP", "PAY_DONE", "OTH")
# By what they are about, and in that the likelier first.
OTHERS: Mapping[str, tuple[str, ...]] = {
    "goods": ("QTY_OVER", "QLT_SPEC", "DLV_LATE", "DLV_REFUSED", "DLV_POD", "RET_CREDIT", "SVC_NOTDONE"),
    "price": ("PRC_DISC", "FRT_CHARGE", "REB_BONUS", "TAX_RATE", "ADV_COOP"),
    "invoice": ("INV_WRONG", "INV_REF", "INV_LEGAL", "INV_NOTRECEIVED", "UNK_TXN", "CRN_MISSING"),
    "payment": ("TRM_DUE", "TRM_EPD", "BNK_FEE", "CTR_SETOFF"),
}
LINES_SHOWN = 200  # with a field each; more are contested by an amount
WORDS_MAX, SAID_MAX = 4000, 200
CASES_MAX = 1000  # of an account, the newest: among them is searched, and they are the file
OPEN_MAX = 200  # that wait for one side
WAITING_FOR = (service_pb2.LIST_ORDER_WAITING_FOR_BUYER, service_pb2.LIST_ORDER_WAITING_FOR_SELLER)
# Beside which field a refusal stands.
_FIELD = {
    "dispute.unknown_reason": "reason",
    "dispute.description_missing": "description",
    "dispute.description_too_long": "description",
    "dispute.unknown_line": "lines",
    "dispute.line_repeated": "lines",
    "dispute.exceeds_line": "lines",
    "dispute.quantity_not_positive": "lines",
    "dispute.lines_or_amount": "lines",
    "dispute.amount_not_positive": "amount",
    "dispute.amount_too_fine": "amount",
    "dispute.exceeds_invoice": "amount",
    "typed.too_fine": "amount",
}
# What a buyer's side can do with a case, by its state.
ACTS: Mapping[int, tuple[str, ...]] = {
    events_pb2.STATE_SUBMITTED: ("WITHDRAW",),
    events_pb2.STATE_ACKNOWLEDGED: ("WITHDRAW",),
    events_pb2.STATE_UNDER_REVIEW: ("WITHDRAW",),
    events_pb2.STATE_AWAITING_CUSTOMER: ("ANSWER", "WITHDRAW"),
    events_pb2.STATE_AWAITING_INTERNAL: ("WITHDRAW",),
    events_pb2.STATE_PROPOSED: ("ACCEPT", "WITHDRAW"),
    events_pb2.STATE_ACCEPTED: ("WITHDRAW",),
    events_pb2.STATE_RESOLVED: ("REOPEN",),
    events_pb2.STATE_CLOSED: ("REOPEN",),
    events_pb2.STATE_REJECTED: ("APPEAL",),
    events_pb2.STATE_APPEALED: ("WITHDRAW",),
    events_pb2.STATE_REOPENED: ("WITHDRAW",),
}
ENDED = (
    events_pb2.STATE_RESOLVED,
    events_pb2.STATE_CLOSED,
    events_pb2.STATE_REJECTED,
    events_pb2.STATE_WITHDRAWN,
    events_pb2.STATE_DUPLICATE,
)
WAITING = (events_pb2.STATE_AWAITING_CUSTOMER, events_pb2.STATE_PROPOSED)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of an invoice in the form: what is left of it, whether it is contested, and how much."""

    line_id: str
    name: str
    left: str
    chosen: bool
    quantity: str


@get("/invoices/{number}/dispute", CASES)
async def wrong(ask: Ask) -> Response:
    """What is wrong with an invoice, or with one line of it (?line=): all is filled in but the reason."""
    try:
        preview = await _preview(ask)
    except Refused as refused:
        return ask.show("dispute_none.html", number=ask.path("number"), why=ask.refused(refused))
    only = ask.query("line")
    chosen = {line.line_id for line in preview.lines if only == line.line_id or not only}
    rows = _rows(ask, preview, chosen if len(chosen) <= LINES_SHOWN else set())
    of_line = next((line.amount for line in preview.lines if line.line_id == only), preview.amount)
    return _form(ask, preview, rows, amount=ask.words.plain(of_line))


@post("/invoices/{number}/dispute", CASES)
async def open_case(ask: Ask) -> Response:
    """Open the case, with its first file."""
    try:
        request = _wish(ask)
        file = await _file(ask)
        opened = await ask.of.disputes("Open", request, ask.write())
    except (Refused, Refusal) as refused:
        preview = await _preview(ask)
        rows = _rows(ask, preview, set(ask.typed_all("line")))
        errors = {_FIELD.get(refused.code, _field_of(refused.code, ask)): ask.refused(refused)}
        return _form(ask, preview, rows, amount=ask.typed("amount"), status=422, errors=errors)
    await usecases.did(ask.door, ask.person, DISPUTE_OPENED)
    case = opened.dispute
    told = "opened" if await _attach(ask, case.dispute_id, file) else "no_file"
    return ask.go(f"/disputes/{case.number or case.dispute_id}", told=told)


@get("/disputes", CASES)
async def cases(ask: Ask) -> Response:
    """The newest first; ?q= searches by number and invoice. What waits for the reader is told on the overview."""
    found, more = await _searched(ask) if ask.query("q").strip() or ask.query("open") else await _listed(ask)
    return ask.show(
        "disputes.html",
        cases=found,
        any_case=bool(found or (await _newest(ask, 1)).disputes),
        next_token=more,
        waiting=WAITING,
        unread=await unread_of(ask),
    )


async def _listed(ask: Ask) -> tuple[Sequence[Any], str]:
    """A page of all cases, and where the next begins."""
    found = await _newest(ask, PAGE, ask.query("after"))
    return found.disputes, found.next_page_token


async def _searched(ask: Ask) -> tuple[Sequence[Any], str]:
    """A page of those that are open, or begin as is asked."""
    wanted = ask.query("q").strip().casefold()
    found = await _all(ask) if wanted else await _open_ones(ask)
    if ask.query("open"):
        found = [case for case in found if case.state not in ENDED]
    if wanted:
        found = [case for case in found if _begins(case, wanted)]
    after = ask.query("after")
    first = int(after) if after.isascii() and after.isdigit() and len(after) < 9 else 0
    return found[first : first + PAGE], str(first + PAGE) if len(found) > first + PAGE else ""


@get("/disputes.csv", CASES)
async def cases_csv(ask: Ask) -> Response:
    """The same as a file."""
    say, label = ask.words.say, ask.words.label
    head = [
        say("Case"),
        say("Invoice"),
        say("Reason"),
        say("State"),
        say("Amount"),
        say("Credited"),
        say("Currency"),
        say("Opened"),
        say("Answer by"),
    ]
    rows = [
        [
            case.number,
            case.invoice_number,
            label(case.reason_code),
            label(events_pb2.State.Name(case.state)),
            ask.words.plain(case.amount),
            ask.words.plain(case.credit) if case.credit.currency else "",
            case.amount.currency,
            case.opened_at.ToDatetime().date().isoformat(),
            case.answer_by,
        ]
        for case in await _all(ask)
    ]
    return csv_of(head, rows, "cases.csv")


@get("/disputes/{case}", CASES)
async def case(ask: Ask) -> Response:
    """One case: where it stands, what we promise, what is missing or proposed, its files, its story."""
    return await _case(ask)


@post("/disputes/{case}/move", CASES)
async def move(ask: Ask) -> Response:
    """What the buyer's side does: answer, accept, appeal, open again, withdraw."""
    of, number, action, said = ask.of, ask.path("case"), ask.typed("action"), ask.line("said")
    try:
        if action not in {act for acts in ACTS.values() for act in acts}:
            raise Invalid("dispute.unknown_action", "that is nothing that can be done with a case here")
        if len(said) > SAID_MAX:
            raise Invalid("dispute.said_too_long", "that is longer than 200 characters: write it as a message below")
        if action == "ANSWER" and not said:
            raise Invalid("dispute.said_missing", "an answer says something")
        file = await _file(ask)
        if not await _attach(ask, number, file):
            raise Invalid("evidence.away", "the file could not be kept just now")
        request = service_pb2.MoveRequest(dispute_id=number, action=service_pb2.Action.Value(f"ACTION_{action}"))
        await of.disputes("Move", request, ask.write(said))
    except (Refused, Refusal) as refused:
        field = "file" if refused.code.startswith(("upload.", "evidence.")) else "said"
        return await _case(ask, 422, {field: ask.refused(refused)}, said)
    if action == "ACCEPT":
        await usecases.did(ask.door, ask.person, DISPUTE_RESOLVED)
    return ask.go(f"/disputes/{number}", told=action.lower())


@post("/disputes/{case}/files", CASES)
async def add_file(ask: Ask) -> Response:
    """Add a photo or a document."""
    try:
        file = await _file(ask)
        if file is None:
            raise Invalid("upload.missing", "no file was chosen")
        if not await _attach(ask, ask.path("case"), file):
            raise Away("disputes")
    except (Refused, Refusal) as refused:
        return await _case(ask, 422, {"file": ask.refused(refused)})
    return ask.go(f"/disputes/{ask.path('case')}", told="file")


@get("/disputes/{case}/files/{file}", CASES)
async def file(ask: Ask) -> Response:
    """A file of a case."""
    request = service_pb2.GetEvidenceRequest(dispute_id=ask.path("case"), evidence_id=ask.path("file"))
    found = await ask.of.disputes("GetEvidence", request)
    return uploads.sent(found.evidence.file_name, found.evidence.media_type, found.content)


async def _case(ask: Ask, status: int = 200, errors: Mapping[str, str] | None = None, said: str = "") -> Response:
    of = ask.of
    request = service_pb2.GetDisputeRequest(dispute_id=ask.path("case"), page_size=1000)
    known = await of.disputes("GetDispute", request)
    dispute = known.dispute
    about = f"dispute/{dispute.dispute_id}"
    found = await together(
        evidence=of.disputes("ListEvidence", service_pb2.ListEvidenceRequest(dispute_id=dispute.dispute_id)),
        checks=of.disputes("ListChecks", service_pb2.ListChecksRequest(dispute_id=dispute.dispute_id)),
        timeline=of.notifications("GetTimeline", notifications_pb2.GetTimelineRequest(about=about)),
        thread=thread_of(of, about),
        team=team_of(of, dispute.account_id),
        guide=guide_of(ask, DISPUTE, about, lambda: _is_first(ask)),
    )
    await seen(ask, about, found["thread"])
    return ask.show(
        "dispute.html",
        status,
        case=dispute,
        name=dispute.number or dispute.dispute_id,
        history=known.history,
        last=known.history[-1] if known.history else None,
        acts=ACTS.get(dispute.state, ()),
        has_ended=dispute.state in ENDED,
        merged=known.merged,
        about=about,
        said=said,
        told=ask.query("told"),
        said_max=SAID_MAX,
        errors=errors or {},
        **found,
    )


async def _is_first(ask: Ask) -> bool:
    """Whether the account has opened no other case."""
    request = service_pb2.ListDisputesRequest(account_id=ask.person.account_id, page_size=2)
    return len((await ask.of.disputes("ListDisputes", request)).disputes) < 2


async def _all(ask: Ask) -> list[Any]:
    """The account's cases, the newest first."""
    return list((await _newest(ask, CASES_MAX)).disputes)


async def _newest(ask: Ask, most: int, after: str = "") -> Any:
    request = service_pb2.ListDisputesRequest(
        account_id=ask.account, order=service_pb2.LIST_ORDER_NEWEST_FIRST, page_size=most, page_token=after
    )
    return await ask.of.disputes("ListDisputes", request)


async def _open_ones(ask: Ask) -> list[Any]:
    """The account's cases that have not ended, the newest first."""
    of_buyer, of_seller = await asyncio.gather(
        *(ask.of.disputes("ListDisputes", waiting(ask.account, order, OPEN_MAX)) for order in WAITING_FOR)
    )
    return sorted([*of_buyer.disputes, *of_seller.disputes], key=lambda case: case.dispute_id, reverse=True)


def waiting(account_id: str, order: service_pb2.ListOrder.ValueType, most: int) -> service_pb2.ListDisputesRequest:
    """The cases in which one of the two sides acts, by the day that was promised."""
    return service_pb2.ListDisputesRequest(account_id=account_id, order=order, page_size=most)


def _begins(case: Any, wanted: str) -> bool:
    return any(number.casefold().startswith(wanted) for number in (case.number, case.invoice_number))


async def _preview(ask: Ask) -> Any:
    """What is left to contest of the invoice."""
    request = service_pb2.PreviewRequest(invoice=ask.path("number"), reason_code="OTH")
    return await ask.of.disputes("Preview", request)


def _rows(ask: Ask, preview: Any, chosen: set[str]) -> list[Row]:
    """The lines of which something is left; those that are chosen stand among the first, however many there are."""
    left = [line for line in preview.lines if Decimal(line.left or "0") > 0]
    first = {line.line_id for line in sorted(left, key=lambda line: line.line_id not in chosen)[:LINES_SHOWN]}
    return [
        Row(
            line.line_id,
            line.name,
            ask.words.number(line.left),
            line.line_id in chosen,
            ask.typed(f"quantity-{line.line_id}") or ask.words.number(line.left),
        )
        for line in left
        if line.line_id in first
    ]


def _form(
    ask: Ask,
    preview: Any,
    rows: Sequence[Row],
    *,
    amount: str,
    status: int = 200,
    errors: Mapping[str, str] | None = None,
) -> Response:
    what = ask.typed("what") or ("lines" if any(row.chosen for row in rows) else "amount")
    return ask.show(
        "dispute_new.html",
        status,
        preview=preview,
        rows=rows,
        more=len(preview.lines) > LINES_SHOWN,
        usual=USUAL,
        others=OTHERS,
        reason=ask.typed("reason"),
        what=what,
        amount=amount,
        description=ask.lines("description"),
        words_max=WORDS_MAX,
        errors=errors or {},
    )


def _wish(ask: Ask) -> service_pb2.OpenRequest:
    """The case as the form says it."""
    if not (reason := ask.typed("reason")):
        raise Invalid("dispute.unknown_reason", "choose what is wrong")
    request = service_pb2.OpenRequest(
        invoice=ask.path("number"), reason_code=reason, description=ask.lines("description")
    )
    if ask.typed("what") == "amount":
        amount = ask.words.typed_money(ask.typed("amount"), ask.typed("currency"))
        request.amount.CopyFrom(money_pb2.Money(minor=amount.minor, currency=amount.currency))
        return request
    for line_id in dict.fromkeys(ask.typed_all("line")):
        quantity = ask.words.typed(ask.typed(f"quantity-{line_id}"))
        request.lines.append(events_pb2.DisputedLine(line_id=line_id, quantity=f"{quantity:f}"))
    if not request.lines:
        raise Invalid("dispute.lines_or_amount", "choose the lines, or an amount")
    return request


def _field_of(code: str, ask: Ask) -> str:
    """Where a refusal stands that may be about more than one field."""
    if code.startswith("upload."):
        return "file"
    if code == "typed.no_number":
        return "amount" if ask.typed("what") == "amount" else "lines"
    return "form"


async def _file(ask: Ask) -> Upload | None:
    """The file that came with a form, made anew."""
    given = ask.file("file")
    return await uploads.clean(given) if given else None


async def _attach(ask: Ask, case_id: str, file: Upload | None) -> bool:
    """Add a file to a case; False where that cannot be done just now."""
    if file is None:
        return True
    request = service_pb2.AddEvidenceRequest(
        dispute_id=case_id, file_name=file.name, media_type=file.media_type, content=file.content
    )
    try:
        await ask.of.disputes("AddEvidence", request, ask.write_also("file"))
    except Away:
        return False
    return True
