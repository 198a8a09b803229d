"""Credit at the seller's desk: orders that wait for a person, holds on accounts, limits."""

from datetime import date, datetime, time
from typing import Any
from urllib.parse import quote

from fastapi.responses import Response
from receivables.common.v1 import money_pb2, party_pb2
from receivables.credit.v1 import events_pb2 as credit_events
from receivables.credit.v1 import service_pb2 as credit_pb2

from services.kernel.refusals import Invalid
from services.portal.asks import Refused, together
from services.portal.domain import cases
from services.portal.domain.people import Guard
from services.portal.pages import desk_notes, threads
from services.portal.pages.desk_names import names_of, owners
from services.portal.web import PAGE, Ask, get, post

READS = Guard(frozenset({"CREDIT", "SALES", "SELLER_ADMIN", "AUDITOR"}))
DECIDES = Guard(frozenset({"CREDIT", "SELLER_ADMIN"}), assurance=2, step_up=True)
CHECKS = Guard(frozenset({"CREDIT", "SELLER_ADMIN"}))
LIMITS = Guard(frozenset({"CREDIT", "SELLER_ADMIN"}), assurance=2, step_up=True)
HOLDS = Guard(frozenset({"CREDIT", "COLLECTOR", "SELLER_ADMIN"}))
HOLD_REASONS = ("overdue", "fraud", "by_request")
_FRAUD = "fraud"
_OUTCOMES = {
    "approve": credit_events.OUTCOME_APPROVED,
    "decline": credit_events.OUTCOME_DECLINED,
    _FRAUD: credit_events.OUTCOME_DECLINED,
}
_WHY_MAX = 200  # characters
_DECISIONS = 200  # of the newest, to say since when an order waits


@get("/desk/credit", READS)
async def credit(ask: Ask) -> Response:
    """Orders that look wrong, those that wait for a person, soonest to lapse first, and the holds that stand."""
    return await _show_queue(ask)


async def _show_queue(ask: Ask, status: int = 200, refused: str = "", at: str = "") -> Response:
    of = ask.of
    found = await together(
        referred=of.credit("ListReferred", credit_pb2.ListReferredRequest(page_size=4 * PAGE)),
        checks=of.credit(
            "ListOrderChecks", credit_pb2.ListOrderChecksRequest(page_size=PAGE, page_token=ask.query("checks"))
        ),
        holds=of.credit("ListHolds", credit_pb2.ListHoldsRequest(page_size=PAGE, page_token=ask.query("after"))),
        decisions=of.credit("ListDecisions", credit_pb2.ListDecisionsRequest(page_size=_DECISIONS)),
    )
    since = (
        {(one.decision.order_id, one.decision.version): one.decided_at for one in found["decisions"].decisions}
        if found["decisions"]
        else {}
    )
    today = await ask.today()
    referred = found["referred"].decisions if found["referred"] else ()
    return ask.show(
        "desk_credit.html",
        status,
        rows=sorted(referred, key=lambda decision: decision.lapses_at.ToNanoseconds()),
        since=since,
        near=lambda day: cases.nearness(day.ToDatetime().date().isoformat(), today),
        refused=refused,
        refused_at=at,
        typed=ask.typed,
        names=await names_of(ask, owners(found["holds"])),
        **found,
    )


@get("/desk/credit/orders/{order:path}", READS)
async def order(ask: Ask) -> Response:
    """One order's answer, and what the account can still take."""
    return await _show_order(ask)


async def _show_order(ask: Ask, status: int = 200, refused: str = "", order_id: str | None = None) -> Response:
    of, order_id = ask.of, ask.path("order") if order_id is None else order_id
    shown = await of.credit("GetDecision", credit_pb2.GetDecisionRequest(order_id=order_id))
    account, about = shown.decision.account_id, f"order/{order_id}"
    found = await together(
        line=of.credit("GetAccount", credit_pb2.GetAccountRequest(account_id=account)),
        checked=of.credit("GetOrderCheck", credit_pb2.GetOrderCheckRequest(order_id=order_id)),
        holds=of.credit("ListHolds", credit_pb2.ListHoldsRequest(account_id=account, page_size=PAGE)),
        notes=desk_notes.notes_of(of, about),
        thread=threads.thread_of(of, about),
    )
    await threads.seen(ask, about, found["thread"])
    names = await names_of(ask, [shown.decision.requested_by, *owners(found["holds"])])
    return ask.show(
        "desk_order.html", status, shown=shown, about=about, refused=refused, typed=ask.typed, names=names, **found
    )


@post("/desk/credit/orders/{order:path}", DECIDES)
async def decide(ask: Ask) -> Response:
    """Approve or decline a referred order, from its page or from its row."""
    from_row = ask.typed("from") == "queue"
    try:
        outcome = _OUTCOMES.get(ask.typed("outcome"))
        if outcome is None:
            raise Invalid("form.no_choice", ask.words.say("Choose to approve or to decline."))
        is_fraud = ask.typed("outcome") == _FRAUD
        request = credit_pb2.ReviewRequest(order_id=ask.path("order"), outcome=outcome, is_fraud=is_fraud)
        await ask.of.credit("Review", request, ask.write(_why(ask)))
    except (Refused, Invalid) as refused:
        if from_row:
            return await _show_queue(ask, 422, ask.refused(refused), ask.path("order"))
        return await _show_order(ask, 422, ask.refused(refused))
    return ask.go("/desk/credit")


@post("/desk/credit/checks/take-up", CHECKS)
async def take_up_check(ask: Ask) -> Response:
    """See to an order that looks wrong."""
    order_id = ask.typed("order")
    try:
        await ask.of.credit("TakeUpOrderCheck", credit_pb2.TakeUpOrderCheckRequest(order_id=order_id), ask.write())
    except Refused as refused:
        return await _show_order(ask, 422, ask.refused(refused), order_id)
    return ask.go(f"/desk/credit/orders/{quote(order_id)}")


@post("/desk/credit/checks/record", DECIDES)
async def record_check(ask: Ask) -> Response:
    """Say what a call back, or whatever else an order waits for, came to."""
    order_id = ask.typed("order")
    try:
        request = credit_pb2.RecordOrderCheckRequest(order_id=order_id, is_clear=ask.typed("clear") == "yes")
        await ask.of.credit("RecordOrderCheck", request, ask.write(_why(ask)))
    except (Refused, Invalid) as refused:
        return await _show_order(ask, 422, ask.refused(refused), order_id)
    return ask.go(f"/desk/credit/orders/{quote(order_id)}")


def _why(ask: Ask) -> str:
    words = " ".join(ask.typed("why").split())
    if not words:
        raise Invalid("form.empty", ask.words.say("Say why: it is kept with the decision."))
    return words[:_WHY_MAX]


@get("/desk/credit/hold", HOLDS)
async def new_hold(ask: Ask) -> Response:
    """A form for a hold on an account, or a part of it."""
    return ask.show("desk_hold.html", reasons=HOLD_REASONS, typed=ask.query)


@post("/desk/credit/hold", HOLDS)
async def place_hold(ask: Ask) -> Response:
    """Approve no more orders of an account, until somebody lifts the hold or its day is over."""
    account = ask.typed("account")
    request = credit_pb2.PlaceHoldRequest(
        hold_id=ask.named("hold"),
        account_id=account,
        scope=party_pb2.Scope(
            site=ask.typed("site"), cost_centre=ask.typed("cost_centre"), purchase_order=ask.typed("purchase_order")
        ),
        reason_code=ask.typed("reason"),
        reason=ask.lines("words"),
        owner=ask.person.subject,
    )
    errors: dict[str, str] = {}
    if request.reason_code not in HOLD_REASONS:
        errors["reason"] = ask.words.say("Choose why.")
    try:
        if until := ask.typed("until"):
            request.until.FromDatetime(datetime.combine(date.fromisoformat(until), time(23, 59, 59)))
    except ValueError:
        errors["until"] = ask.words.say("That is no day.")
    if not errors:
        try:
            await ask.of.credit("PlaceHold", request, ask.write(request.reason[:_WHY_MAX].replace("\n", " ")))
        except Refused as refused:
            errors["until" if refused.code.startswith("hold.until") else "account"] = ask.refused(refused)
    if errors:
        return ask.show("desk_hold.html", 422, reasons=HOLD_REASONS, typed=ask.typed, errors=errors)
    return ask.go(f"/desk/accounts/{account}")


@post("/desk/credit/holds/lift", HOLDS)
async def lift_hold(ask: Ask) -> Response:
    """Let orders be approved again; the hold can be placed anew."""
    await ask.of.credit("LiftHold", credit_pb2.LiftHoldRequest(hold_id=ask.typed("hold")), ask.write())
    account = ask.typed("account")
    return ask.go(f"/desk/accounts/{account}" if account else "/desk/credit")


@get("/desk/accounts/{account}/limit", LIMITS)
async def new_limit(ask: Ask) -> Response:
    """A form for another limit."""
    return await _show_limit(ask)


async def _show_limit(ask: Ask, status: int = 200, errors: dict[str, str] | None = None) -> Response:
    request = credit_pb2.GetAccountRequest(account_id=ask.path("account"))
    account = (await ask.of.credit("GetAccount", request)).account
    return ask.show("desk_limit.html", status, account=account, typed=ask.typed, errors=errors or {})


@post("/desk/accounts/{account}/limit", LIMITS)
async def set_limit(ask: Ask) -> Response:
    """Give a buyer another limit."""
    account = ask.path("account")
    shown: Any = await ask.of.credit("GetAccount", credit_pb2.GetAccountRequest(account_id=account))
    currency = shown.account.limit.currency
    try:
        exact = ask.amount("limit", currency)
        limit = money_pb2.Money(minor=exact.minor, currency=exact.currency)
        request = credit_pb2.SetLimitRequest(account_id=account, limit=limit)
        await ask.of.credit("SetLimit", request, ask.write(_why(ask)))
    except (Refused, Invalid) as refused:
        field = "why" if refused.code == "form.empty" else "limit"
        return await _show_limit(ask, 422, {field: ask.refused(refused)})
    return ask.go(f"/desk/accounts/{account}")
