"""An account's credit line at the seller's desk: more for a while, who shares it, what would pay, and what it was."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from fastapi.responses import Response
from google.protobuf.timestamp_pb2 import Timestamp
from receivables.common.v1 import money_pb2
from receivables.credit.v1 import events_pb2 as credit_events
from receivables.credit.v1 import exposure_pb2
from receivables.credit.v1 import service_pb2 as credit_pb2

from services.kernel.refusals import Invalid
from services.portal.asks import Refused, Unknown, together
from services.portal.domain import months
from services.portal.domain.applications import is_theirs
from services.portal.domain.people import Guard
from services.portal.pages.desk_names import names_of
from services.portal.web import PAGE, Ask, get, post

READS = Guard(frozenset({"CREDIT", "COLLECTOR", "SALES", "SELLER_ADMIN", "AUDITOR"}))
ASKS = Guard(frozenset({"CREDIT", "SALES", "SELLER_ADMIN"}))
ENDS = Guard(frozenset({"CREDIT", "SELLER_ADMIN"}))
DECIDES = Guard(frozenset({"CREDIT", "SELLER_ADMIN"}), assurance=2, step_up=True)
UPLIFT_REASONS = ("season", "project", "one_order", "payment_due")
SECURITY_KINDS = ("INSURANCE", "GUARANTEE", "DEPOSIT", "LC")
WHY_MAX = 200  # characters
_WHOLE = Decimal(100)  # per cent


@get("/desk/accounts/{account}/line", READS)
async def line(ask: Ask) -> Response:
    """What an account may owe: now, for a while, with others, against what; ?on= a day, ?known= as of another."""
    return await _show_line(ask)


async def _show_line(ask: Ask, status: int = 200, **more: Any) -> Response:
    of, account_id = ask.of, ask.path("account")
    found = await together(
        line=of.credit("GetAccount", credit_pb2.GetAccountRequest(account_id=account_id)),
        exposure=of.exposure("GetExposure", exposure_pb2.GetExposureRequest(account_id=account_id)),
        uplifts=of.exposure(
            "ListUplifts",
            exposure_pb2.ListUpliftsRequest(account_id=account_id, page_size=PAGE, page_token=ask.query("after")),
        ),
        securities=of.exposure(
            "ListSecurities",
            exposure_pb2.ListSecuritiesRequest(
                account_id=account_id, page_size=PAGE, page_token=ask.query("securities_after")
            ),
        ),
        tree=of.exposure("GetTree", exposure_pb2.GetTreeRequest(account_id=account_id)),
    )
    if found["line"] is False:
        raise Unknown
    history, then, errors = await _limits(ask, account_id)
    now = await ask.now()
    asked = found["uplifts"].uplifts if found["uplifts"] else ()
    shown: dict[str, Any] = {"refused": "", "errors": errors} | more
    return ask.show(
        "desk_line.html",
        status,
        account_id=account_id,
        history=history,
        then=then,
        most=max([1, *(limit.limit.minor for _, limit in history)]),
        is_askers=lambda uplift: is_theirs(ask.person, uplift.asked_by),
        counts=lambda uplift: uplift.valid_from.ToDatetime(now.tzinfo) <= now,
        pays=_pays,
        names=await names_of(ask, [who for one in asked for who in (one.asked_by, one.approved_by)]),
        **found,
        **shown,
    )


async def _limits(ask: Ask, account_id: str) -> tuple[list[tuple[str, Any]], Any, dict[str, str]]:
    """The limit at the end of each of the last months, and on the day that is asked about; None where it is unknown."""
    errors: dict[str, str] = {}
    asked = dict(months.ends(await ask.today()))
    times = {
        name: exposure_pb2.GetLimitAsOfRequest(account_id=account_id, valid_at=_stamp(at)) for name, at in asked.items()
    }
    try:
        if on := _day(ask, ask.query("on")):
            times["on"] = exposure_pb2.GetLimitAsOfRequest(account_id=account_id, valid_at=_stamp(months.end_of(on)))
            if known := _day(ask, ask.query("known")):
                times["on"].known_at.CopyFrom(_stamp(months.end_of(known)))
    except Invalid as refused:
        errors["on"] = ask.refused(refused)
    found = await together(**{name: ask.of.exposure("GetLimitAsOf", asks) for name, asks in times.items()})
    then = found.pop("on", None)
    if "on" in times and not then:
        errors["on"] = ask.words.say("No limit was known then for that day.")
    return [(name, limit) for name, limit in found.items() if limit], then, errors


def _stamp(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


def _day(ask: Ask, typed: str) -> date | None:
    """A day as a browser sends it; None for ""."""
    try:
        return date.fromisoformat(typed) if typed else None
    except ValueError:
        raise Invalid("form.no_day", ask.words.say("That is no day.")) from None


def _pays(security: Any) -> tuple[int, str]:
    """What a security would pay at most."""
    return int(security.amount.minor * Decimal(security.coverage)), security.amount.currency


@get("/desk/accounts/{account}/uplift", ASKS)
async def new_uplift(ask: Ask) -> Response:
    """A form for more credit for a while."""
    return await _show_form(ask, "desk_uplift.html", reasons=UPLIFT_REASONS)


async def _show_form(ask: Ask, template: str, status: int = 200, errors: Any = None, **more: Any) -> Response:
    account = await _account(ask)
    typed = ask.typed if ask.form else ask.query
    return ask.show(template, status, account=account, errors=errors or {}, **{"typed": typed, **more})


async def _account(ask: Ask) -> Any:
    request = credit_pb2.GetAccountRequest(account_id=ask.path("account"))
    return (await ask.of.credit("GetAccount", request)).account


# Beside which field a refusal stands, by its code.
_FIELDS = {
    "uplift.until_past": "until",
    "security.until_before_from": "until",
    "time.out_of_range": "until",
    "form.no_day": "until",
    "security.coverage": "coverage",
    "form.empty": "why",
    "form.no_choice": "kind",
    "node.node_id": "node",
    "node.exists": "node",
    "node.kind": "parent",
    "node.currency": "parent",
}


def beside(ask: Ask, refused: Refused | Invalid, other: str) -> dict[str, str]:
    """A refusal by the field that it is about, or another."""
    return {_FIELDS.get(refused.code, other): ask.refused(refused)}


@post("/desk/accounts/{account}/uplift", ASKS)
async def ask_for_uplift(ask: Ask) -> Response:
    """Ask for more credit for a while; it counts once a colleague has approved it."""
    account = await _account(ask)
    try:
        amount = money(ask, "amount", account.limit.currency)
        reason = ask.typed("reason")
        if reason not in UPLIFT_REASONS:
            raise Invalid("form.no_choice", ask.words.say("Choose why."))
        request = exposure_pb2.GrantUpliftRequest(
            uplift_id=ask.named("uplift"), account_id=account.account_id, amount=amount, reason_code=reason
        )
        until = _day(ask, ask.typed("until"))
        if until is None:
            raise Invalid("form.no_day", ask.words.say("Say until when."))
        request.valid_until.CopyFrom(_stamp(months.end_of(until)))
        if start := _day(ask, ask.typed("from")):
            request.valid_from.CopyFrom(_stamp(months.start_of(start)))
        await ask.of.exposure("GrantUplift", request, ask.write(why(ask)))
    except (Refused, Invalid) as refused:
        errors = beside(ask, refused, "amount")
        return await _show_form(ask, "desk_uplift.html", 422, errors, reasons=UPLIFT_REASONS)
    return ask.go(_page(ask))


def money(ask: Ask, name: str, currency: str) -> money_pb2.Money:
    """An amount that was typed, as the contract has it."""
    exact = ask.amount(name, currency)
    return money_pb2.Money(minor=exact.minor, currency=exact.currency)


def why(ask: Ask) -> str:
    """Why something is done: one line, and never none."""
    if not (words := ask.line("why")):
        raise Invalid("form.empty", ask.words.say("Say why: it is kept with the change."))
    return words[:WHY_MAX]


def _page(ask: Ask) -> str:
    return f"/desk/accounts/{quote(ask.path('account'))}/line"


@post("/desk/accounts/{account}/uplift/approve", DECIDES)
async def approve_uplift(ask: Ask) -> Response:
    """Have more credit count, that a colleague asked for."""
    request = exposure_pb2.ApproveUpliftRequest(uplift_id=ask.typed("uplift"))
    return await _done(ask, "ApproveUplift", request)


@post("/desk/accounts/{account}/uplift/end", ENDS)
async def end_uplift(ask: Ask) -> Response:
    """Have it count no more, or withdraw what waits."""
    return await _done(ask, "EndUplift", exposure_pb2.EndUpliftRequest(uplift_id=ask.typed("uplift")))


async def _done(ask: Ask, method: str, request: Any) -> Response:
    try:
        await ask.of.exposure(method, request, ask.write(ask.line("why")[:WHY_MAX]))
    except Refused as refused:
        return await _show_line(ask, 422, refused=ask.refused(refused))
    return ask.go(_page(ask))


@get("/desk/accounts/{account}/security", DECIDES)
async def new_security(ask: Ask) -> Response:
    """A form for what would pay where the buyer does not; ?security= one that is there, all of which is said again."""
    known = await _security(ask, ask.query("security"))
    values = {} if known is None else _said(ask, known)
    return await _show_form(
        ask,
        "desk_security.html",
        kinds=SECURITY_KINDS,
        security=ask.query("security") if known is not None else "",
        typed=lambda name: values.get(name, ""),
    )


async def _security(ask: Ask, security_id: str) -> Any:
    if not security_id:
        return None
    request = exposure_pb2.ListSecuritiesRequest(account_id=ask.path("account"), page_size=100)
    found = await ask.of.exposure("ListSecurities", request)
    return next((one for one in found.securities if one.security_id == security_id), None)


def _said(ask: Ask, security: Any) -> dict[str, str]:
    """What is known of a security, as the form has it."""
    values = {
        "kind": credit_events.SecurityKind.Name(security.kind).removeprefix("SECURITY_KIND_"),
        "amount": ask.words.plain(security.amount),
        "coverage": ask.words.number((Decimal(security.coverage) * _WHOLE).normalize()),
        "reference": security.reference,
        "from": security.valid_from.ToDatetime().date().isoformat(),
    }
    if security.HasField("valid_until"):
        values["until"] = security.valid_until.ToDatetime().date().isoformat()
    return values


@post("/desk/accounts/{account}/security", DECIDES)
async def set_security(ask: Ask) -> Response:
    """Keep all that is said of a security."""
    account = await _account(ask)
    known = ask.typed("security")
    try:
        request = exposure_pb2.SetSecurityRequest(
            security_id=known or ask.named("security"),
            account_id=account.account_id,
            amount=money(ask, "amount", account.limit.currency),
            reference=ask.line("reference"),
        )
        if (kind := ask.typed("kind")) not in SECURITY_KINDS:
            raise Invalid("form.no_choice", ask.words.say("Choose what it is."))
        request.kind = credit_events.SecurityKind.Value(f"SECURITY_KIND_{kind}")
        request.coverage = _coverage(ask)
        if start := _day(ask, ask.typed("from")):
            request.valid_from.CopyFrom(_stamp(months.start_of(start)))
        if until := _day(ask, ask.typed("until")):
            request.valid_until.CopyFrom(_stamp(months.end_of(until)))
        await ask.of.exposure("SetSecurity", request, ask.write(ask.line("why")[:WHY_MAX]))
    except (Refused, Invalid) as refused:
        errors = beside(ask, refused, "amount")
        return await _show_form(ask, "desk_security.html", 422, errors, kinds=SECURITY_KINDS, security=known)
    return ask.go(_page(ask))


def _coverage(ask: Ask) -> str:
    """A share that was typed in per cent, as the contract has it."""
    try:
        share = ask.words.typed(ask.typed("coverage")) / _WHOLE
    except Invalid:
        raise Invalid("security.coverage", "that is no share") from None
    if not 0 < share <= 1:
        raise Invalid("security.coverage", "that is no share")
    return f"{share:f}"


@post("/desk/accounts/{account}/security/end", DECIDES)
async def end_security(ask: Ask) -> Response:
    """Have it be none any more."""
    request = exposure_pb2.EndSecurityRequest(security_id=ask.typed("security"))
    return await _done(ask, "EndSecurity", request)


@get("/desk/accounts/{account}/move", DECIDES)
async def new_place(ask: Ask) -> Response:
    """A form for the group that an account is part of."""
    return await _show_move(ask)


async def _show_move(ask: Ask, status: int = 200, errors: dict[str, str] | None = None) -> Response:
    tree = await ask.of.exposure("GetTree", exposure_pb2.GetTreeRequest(account_id=ask.path("account")))
    known = await ask.of.exposure("GetTree", exposure_pb2.GetTreeRequest(page_size=4 * PAGE))
    nodes = [child.node.node_id for child in known.children if child.HasField("node")]
    now = tree.path[-1].node_id if tree.path else ""
    return await _show_form(ask, "desk_move.html", status, errors, path=tree.path, now=now, nodes=nodes)


@post("/desk/accounts/{account}/move", DECIDES)
async def move(ask: Ask) -> Response:
    """Make an account part of a group, or of none, with all that it owes and has reserved."""
    request = exposure_pb2.MoveAccountRequest(account_id=ask.path("account"), parent_id=ask.typed("parent"))
    try:
        await ask.of.exposure("MoveAccount", request, ask.write(why(ask)))
    except (Refused, Invalid) as refused:
        return await _show_move(ask, 422, beside(ask, refused, "parent"))
    except Unknown:
        return await _show_move(ask, 422, {"parent": ask.words.say("There is no group by that name.")})
    return ask.go(_page(ask))
