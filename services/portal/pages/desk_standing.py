"""What was approved once for all that is alike, at the seller's desk: granted by one, confirmed by another, revoked by either."""

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from fastapi.responses import Response
from receivables.common.v1 import money_pb2, standing_pb2
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.credit.v1 import standing_pb2 as credit_standing_pb2
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.disputes.v1 import standing_pb2 as disputes_standing_pb2

from services.kernel.refusals import Invalid
from services.portal.asks import Refused, Unknown, together
from services.portal.domain.people import SELLERS, Guard
from services.portal.web import PAGE, Ask, get, post

GRANTS = Guard(frozenset({"CREDIT", "DISPUTE_OWNER", "SELLER_ADMIN"}), assurance=2, step_up=True)
REVOKES = Guard(GRANTS.roles)
_CALLS: dict[str, Any] = {"credit_standing": credit_standing_pb2, "disputes_standing": disputes_standing_pb2}
# By kind: which contract answers for it.
KINDS = {
    "STANDING_KIND_RELEASE_ORDER": "credit_standing",
    "STANDING_KIND_UPLIFT": "credit_standing",
    "STANDING_KIND_CREDIT": "disputes_standing",
}
_QUARTER, _PERIOD, _COUNT = 90, 30, 10  # days, days, times
_TIMES_AS_MUCH = 3  # a period has room for so many like the first
_FIELDS = ("kind", "account", "category", "currency", "most", "period", "count", "days", "until")
_WRONG = {
    "standing.until_past": "until",
    "standing.too_long": "until",
    "standing.period": "count",
    "standing.kind": "kind",
}


@get("/desk/approvals", SELLERS)
async def approvals(ask: Ask) -> Response:
    """What was approved once, of credit and of disputes: what waits for a second person, what stands, and what is over."""
    return await _show(ask)


async def _show(ask: Ask, status: int = 200, refused: str = "") -> Response:
    questions = {}
    for contract, calls in _CALLS.items():
        if ask.may(contract, "ListStandingApprovals"):
            request = calls.ListStandingApprovalsRequest(page_size=PAGE, page_token=ask.query(f"{contract}-after"))
            questions[contract] = ask.of(contract, "ListStandingApprovals", request)
    if not questions:
        raise Unknown
    return ask.show("desk_standing.html", status, found=await together(**questions), refused=refused)


@get("/desk/approvals/new", GRANTS)
async def new_approval(ask: Ask) -> Response:
    """A form to approve once what is alike, filled in from an order (?order=) or a case (?case=)."""
    until = await ask.today() + timedelta(days=_QUARTER)
    typed = {"until": until.isoformat(), "currency": "EUR", "count": str(_COUNT), "days": str(_PERIOD)}
    typed["account"] = ask.query("account")
    of, amount = ask.of, None
    if order := ask.query("order"):
        shown = await of.credit("GetDecision", credit_pb2.GetDecisionRequest(order_id=order))
        amount, typed["account"] = shown.decision.amount, shown.decision.account_id
        typed["kind"] = "STANDING_KIND_RELEASE_ORDER"
    elif case := ask.query("case"):
        found = await of.disputes("GetDispute", disputes_pb2.GetDisputeRequest(dispute_id=case, page_size=1))
        amount, typed["account"] = found.dispute.amount, found.dispute.account_id
        typed |= {"kind": "STANDING_KIND_CREDIT", "category": found.dispute.reason_code}
    if amount is not None:
        period = money_pb2.Money(minor=_TIMES_AS_MUCH * amount.minor, currency=amount.currency)
        typed |= {"currency": amount.currency, "most": ask.words.plain(amount), "period": ask.words.plain(period)}
    return _form(ask, typed)


def _form(ask: Ask, typed: dict[str, str], errors: dict[str, str] | None = None) -> Response:
    kinds = [
        (kind, ask.words.label(kind)) for kind, contract in KINDS.items() if ask.may(contract, "GrantStandingApproval")
    ]
    status = 422 if errors else 200
    return ask.show("desk_standing_new.html", status, kinds=kinds, typed=typed, errors=errors or {})


@post("/desk/approvals/new", GRANTS)
async def grant(ask: Ask) -> Response:
    """Grant one; it waits for another person."""
    typed = {name: ask.line(name) for name in _FIELDS}
    try:
        contract = KINDS.get(typed["kind"])
        if contract is None:
            raise Invalid("standing.kind", "choose what is approved")
        request = _CALLS[contract].GrantStandingApprovalRequest(
            approval_id=f"standing-{hashlib.sha256(ask.write().key.encode()).hexdigest()[:16]}",
            account_id=typed["account"],
            bounds=_bounds(ask, typed),
        )
        await ask.of(contract, "GrantStandingApproval", request, ask.write())
    except (Refused, Invalid) as refused:
        return _form(ask, typed, {_WRONG.get(refused.code, "most"): ask.refused(refused)})
    return ask.go("/desk/approvals", told="granted")


def _bounds(ask: Ask, typed: dict[str, str]) -> standing_pb2.StandingBounds:
    most, period = (ask.amount(name, typed["currency"]) for name in ("most", "period"))
    bounds = standing_pb2.StandingBounds(
        kinds=[standing_pb2.StandingKind.Value(typed["kind"])],
        categories=typed["category"].split(),
        act_most=money_pb2.Money(minor=most.minor, currency=most.currency),
        period_most=money_pb2.Money(minor=period.minor, currency=period.currency),
        period_count=_whole(typed["count"]),
        period_days=_whole(typed["days"]),
    )
    try:
        bounds.valid_until.FromDatetime(datetime.combine(date.fromisoformat(typed["until"]), time(23, 59, 59), UTC))
    except ValueError:
        raise Invalid("standing.until_past", "choose a day") from None
    return bounds


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise Invalid("standing.period", "a whole number")
    return int(text)


@post("/desk/approvals/confirm", GRANTS)
async def confirm(ask: Ask) -> Response:
    """Another person has it count."""
    return await _act(ask, "Confirm", "confirmed")


@post("/desk/approvals/revoke", REVOKES)
async def revoke(ask: Ask) -> Response:
    """Have it count no more, from now on."""
    return await _act(ask, "Revoke", "revoked")


async def _act(ask: Ask, what: str, told: str) -> Response:
    contract = ask.typed("contract")
    if contract not in _CALLS:
        raise Unknown
    method = f"{what}StandingApproval"
    request = getattr(_CALLS[contract], f"{method}Request")(approval_id=ask.typed("approval"))
    try:
        await ask.of(contract, method, request, ask.write())
    except (Refused, Invalid) as refused:
        return await _show(ask, 422, ask.refused(refused))
    return ask.go("/desk/approvals", told=told)


@get("/desk/approvals/{contract}/{approval}", SELLERS)
async def uses(ask: Ask) -> Response:
    """What was approved by one."""
    contract, approval = ask.path("contract"), ask.path("approval")
    if contract not in _CALLS:
        raise Unknown
    request = _CALLS[contract].ListStandingUsesRequest(
        approval_id=approval, page_size=PAGE, page_token=ask.query("after")
    )
    found = await ask.of(contract, "ListStandingUses", request)
    return ask.show("desk_standing_uses.html", uses=found.uses, next_token=found.next_page_token)
