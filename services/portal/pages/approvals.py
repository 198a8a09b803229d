"""What people may order without asking, and orders that wait for somebody's yes."""

from fastapi.responses import Response

from services.kernel.refusals import Invalid, Refusal
from services.portal import usecases
from services.portal.domain.people import BUYER_ROLES, BUYERS, Guard
from services.portal.domain.spending import APPROVERS, Rule
from services.portal.web import Ask, get, post

_APPROVES = Guard(APPROVERS, assurance=2)
_READS = Guard(frozenset({"ACCOUNT_ADMIN"}))
_RULES = Guard(frozenset({"ACCOUNT_ADMIN"}), assurance=2, step_up=True)
CURRENCIES = ("EUR", "GBP", "SEK", "USD", "CHF", "DKK", "NOK", "PLN")


@get("/approvals", BUYERS)
async def approvals(ask: Ask) -> Response:
    """What waits for the reader's yes, and what the reader waits for."""
    asked = await usecases.approvals(ask.door, ask.person)
    return ask.show("approvals.html", asked=asked, is_proved=ask.at.assurance >= _APPROVES.assurance)


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
