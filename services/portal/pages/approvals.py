"""What people may order without asking, orders that wait for somebody's yes, and yeses given once for all that is alike."""

from datetime import UTC, date, datetime, time, timedelta

from fastapi.responses import Response

from services.kernel.money import Money
from services.kernel.refusals import Invalid, Refusal
from services.kernel.standing import COUNT_MAX, Bounds, Kind
from services.portal import usecases
from services.portal.domain.people import BUYER_ROLES, BUYERS, Guard
from services.portal.domain.spending import APPROVERS, Rule
from services.portal.web import Ask, get, post

_APPROVES = Guard(APPROVERS, assurance=2)
_READS = Guard(frozenset({"ACCOUNT_ADMIN"}))
_RULES = Guard(frozenset({"ACCOUNT_ADMIN"}), assurance=2, step_up=True)
_REVOKES = Guard(APPROVERS)
_MONTH, _QUARTER = 30, 90  # days
CATEGORIES = ("GOODS", "SERVICE")
CURRENCIES = ("EUR", "GBP", "SEK", "USD", "CHF", "DKK", "NOK", "PLN")


@get("/approvals", BUYERS)
async def approvals(ask: Ask) -> Response:
    """What waits for the reader's yes, and what the reader waits for."""
    return ask.show(
        "approvals.html",
        asked=await usecases.approvals(ask.door, ask.person),
        standing=await usecases.standing_of(ask.door, ask.person),
        may_grant=_APPROVES.lets_in(ask.person),
        is_proved=ask.at.assurance >= _APPROVES.assurance,
    )


@get("/approvals/standing", _APPROVES)
async def new_standing(ask: Ask) -> Response:
    """A form to approve once what is alike, filled in from an order that waits (?like=)."""
    typed = {"until": (await ask.today() + timedelta(days=_QUARTER)).isoformat(), "currency": CURRENCIES[0]}
    for one in await usecases.approvals(ask.door, ask.person):
        said = one.purchase
        if said.purchase_id == ask.query("like") and one.may_decide:
            most, month = Money(said.gross_minor, said.currency), Money(4 * said.gross_minor, said.currency)
            typed |= {"who": f"contact:{said.contact_id}", "currency": said.currency, "cost_centre": one.cost_centre}
            typed |= {"most": ask.words.plain(most), "month": ask.words.plain(month)}
    return await _standing(ask, typed)


@post("/approvals/standing", _APPROVES)
async def grant_standing(ask: Ask) -> Response:
    """Approve orders once for all that are alike."""
    typed = {name: ask.line(name) for name in ("who", "currency", "cost_centre", "category", "most", "month", "until")}
    people = [one.contact_id for one in await usecases.who_orders(ask.door, ask.person)]
    try:
        await usecases.grant_standing(ask.door, ask.person, _bounds(ask, typed), people, ask.write().key)
    except Refusal as refused:
        field = {"standing.until_past": "until", "standing.too_long": "until", "standing.incomplete": "until"}
        fields = field | {"approval.for_oneself": "who", "spending.who": "who", "spending.currency": "currency"}
        return await _standing(ask, typed, {fields.get(refused.code, "most"): ask.refused(refused)})
    return ask.go("/approvals", told="standing")


@post("/approvals/standing/{approval}/revoke", _REVOKES)
async def revoke_standing(ask: Ask) -> Response:
    """Approve no more by it."""
    await usecases.revoke_standing(ask.door, ask.person, ask.path("approval"))
    return ask.go("/approvals", told="revoked")


def _bounds(ask: Ask, typed: dict[str, str]) -> Bounds:
    currency = typed["currency"]
    if currency not in CURRENCIES:
        raise Invalid("spending.currency", "choose a currency")
    try:
        last = datetime.combine(date.fromisoformat(typed["until"]), time(23, 59, 59), UTC)
    except ValueError:
        raise Invalid("standing.incomplete", "choose a day") from None
    return Bounds(
        kinds=frozenset({Kind.PURCHASE}),
        act_most=ask.amount("most", currency),
        period_most=ask.amount("month", currency),
        period_count=COUNT_MAX,
        period_days=_MONTH,
        valid_until=last,
        categories=frozenset({typed["category"]} & set(CATEGORIES)),
        person=typed["who"],
        cost_centre=typed["cost_centre"],
    )


async def _standing(ask: Ask, typed: dict[str, str], errors: dict[str, str] | None = None) -> Response:
    people = await usecases.who_orders(ask.door, ask.person)
    return ask.show(
        "approval_standing.html",
        422 if errors else 200,
        people=[
            ("", ask.words.say("Whoever orders, but yourself")),
            *((f"contact:{one.contact_id}", one.name) for one in people),
        ],
        currencies=[(code, code) for code in CURRENCIES],
        categories=[("", ask.words.say("Goods and services")), *((code, ask.words.label(code)) for code in CATEGORIES)],
        typed=typed,
        errors=errors or {},
    )


@post("/approvals/{purchase}/yes", _APPROVES)
async def approve(ask: Ask) -> Response:
    """Yes."""
    await usecases.decide(ask.door, ask.person, ask.path("purchase"), says_yes=True)
    return ask.go("/approvals")


@post("/approvals/{purchase}/no", _APPROVES)
async def refuse(ask: Ask) -> Response:
    """No."""
    await usecases.decide(ask.door, ask.person, ask.path("purchase"), says_yes=False)
    return ask.go("/approvals")


@get("/people/spending", _READS)
async def rules(ask: Ask) -> Response:
    """Who may order how much without asking."""
    return await _rules(ask)


@post("/people/spending", _RULES)
async def save_rule(ask: Ask) -> Response:
    """A rule, new or changed."""
    currency = ask.typed("currency")
    limits: dict[str, int | None] = {}
    errors: dict[str, str] = {}
    for name in ("per_order", "per_month"):
        try:
            limits[name] = _minor(ask, name, currency)
        except Invalid as refused:
            errors[name] = ask.refused(refused)
    if errors:
        return await _rules(ask, errors)
    try:
        rule = Rule("", ask.typed("who"), currency, limits["per_order"], limits["per_month"])
        people = [one.contact_id for one in await usecases.colleagues(ask.door, ask.person)]
        await usecases.save_rule(ask.door, ask.person, rule, people, ask.write().key)
    except Refusal as refused:
        return await _rules(ask, {"per_order": ask.refused(refused)})
    return ask.go("/people/spending")


@post("/people/spending/remove", _RULES)
async def remove_rule(ask: Ask) -> Response:
    """One is none any more."""
    await usecases.remove_rule(ask.door, ask.person, ask.typed("rule"))
    return ask.go("/people/spending")


def _minor(ask: Ask, name: str, currency: str) -> int | None:
    """An amount as the reader writes it, in minor units; None where nothing was typed."""
    typed = ask.typed(name)
    if not typed:
        return None
    if currency not in CURRENCIES:
        raise Invalid("spending.currency", "choose a currency")
    try:
        return ask.words.typed_money(typed, currency).minor
    except Refusal:
        raise Invalid("spending.amount", "that is no amount") from None


async def _rules(ask: Ask, errors: dict[str, str] | None = None) -> Response:
    people = await usecases.colleagues(ask.door, ask.person)
    names = {f"contact:{one.contact_id}": one.name for one in people}
    names |= {f"role:{role}": ask.words.label(role) for role in sorted(BUYER_ROLES)}
    return ask.show(
        "spending.html",
        422 if errors else 200,
        rules=await usecases.rules_of(ask.door, ask.person),
        names=names,
        currencies=[(code, code) for code in CURRENCIES],
        may_change=usecases.is_proved(ask.at),
        errors=errors or {},
    )
