"""Orders: the list, one with what became of it, the same again, a new one by hand or from a file, one taken back."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from fastapi.responses import Response
from receivables.common.v1 import party_pb2
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.invoicing.v1 import service_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.kernel.money import Money
from services.kernel.refusals import Invalid, Refusal
from services.portal import usecases
from services.portal.asks import Refused, together
from services.portal.domain import ordering, receiving
from services.portal.domain.guide import ORDER
from services.portal.domain.ordering import Line, Totals, Typed, Wrong
from services.portal.domain.people import ORDERS, RECEIPTS
from services.portal.pages.guide import guide_of
from services.portal.pages.invoices import READS
from services.portal.pages.team import team_of
from services.portal.pages.threads import seen, thread_of, unread_of
from services.portal.web import PAGE, Ask, csv_of, get, post

EMPTY_ROWS = 5
AGAIN_DAYS = 7  # until what is ordered by hand is wanted, unless another day is typed
_CSV_PAGES, _CSV_ROWS = 20, 500
CANCELLABLE = (service_pb2.ORDER_STATE_PLACED, service_pb2.ORDER_STATE_PARTLY_SHIPPED)


@get("/orders", READS)
async def orders(ask: Ask) -> Response:
    """The newest first, a page at a time; ?q= searches by order and purchase order."""
    found = await ask.of.invoicing("ListOrders", _question(ask, PAGE, ask.query("after")))
    return ask.show(
        "orders.html",
        orders=found.orders,
        next_token=found.next_page_token,
        may_order=ORDERS.lets_in(ask.person),
        told=ask.query("told"),
        unread=await unread_of(ask),
    )


@get("/orders.csv", READS)
async def orders_csv(ask: Ask) -> Response:
    """The same as a file, of at most ten thousand rows."""
    rows, token = [], ""
    for _ in range(_CSV_PAGES):
        found = await ask.of.invoicing("ListOrders", _question(ask, _CSV_ROWS, token))
        for order in found.orders:
            placed = order.placed
            gross = Money(placed.gross_minor, placed.currency).decimal
            state = ask.words.label(service_pb2.OrderState.Name(order.state))
            rows.append(
                [placed.order_id, placed.placed_on, placed.scope.purchase_order, state, str(gross), placed.currency]
            )
        token = found.next_page_token
        if not token:
            break
    say = ask.words.say
    head = [say("Order"), say("Placed on"), say("Purchase order"), say("State"), say("Gross"), say("Currency")]
    return csv_of(head, rows, "orders.csv")


@get("/orders/new", ORDERS)
async def new(ask: Ask) -> Response:
    """A new order by hand; ?again= begins with the lines of one that was placed before."""
    if again := ask.query("again"):
        before = (await ask.of.invoicing("GetOrder", service_pb2.GetOrderRequest(order_id=again))).order.placed
        typed = [_again(ask, line) for line in before.lines[: ordering.LINES_MAX]]
        return await _form(ask, typed, await _known(ask, before))
    return await _form(ask, [], await _known(ask, None))


@post("/orders/new", ORDERS)
async def place(ask: Ask) -> Response:
    """Place it; "more" only gives more empty lines, "read" fills in the lines of a file, and says what is wrong with each."""
    typed = _typed(ask)
    if ask.typed("act") == "more":
        return await _form(ask, typed, None)
    try:
        if ask.typed("act") == "read":
            return await _of_file(ask)
        lines, wrong = ordering.read(typed, ask.typed("currency"), ask.words.typed)
        if wrong:
            return await _form(ask, typed, None, status=422, wrong=wrong)
        if not lines:
            raise Invalid("order.no_lines", "an order has at least one line")
        request = _request(ask, lines, await ask.today())
        placed = await usecases.place_or_ask(ask.door, ask.person, request, ask.write())
    except (Refused, Refusal) as refused:
        field = {"typed.no_number": "rate", "order.day": "wanted"}.get(refused.code, "form")
        return await _form(ask, typed, None, status=422, errors={field: ask.refused(refused)})
    if placed.awaits_approval:
        return ask.go("/orders", told="waits")
    return ask.go("/orders", told="placed")


@get("/orders/{order}", READS)
async def order(ask: Ask) -> Response:
    """One order: how far it is, what credit said, what left, what arrived, its documents."""
    return await show_order(ask)


async def show_order(ask: Ask, status: int = 200, error: str = "") -> Response:
    """The same, with what was refused."""
    order_id = ask.path("order")
    about, of = f"order/{order_id}", ask.of
    known = (await of.invoicing("GetOrder", service_pb2.GetOrderRequest(order_id=order_id))).order
    found = await together(
        decision=of.credit("GetDecision", credit_pb2.GetDecisionRequest(order_id=order_id)),
        timeline=of.notifications("GetTimeline", notifications_pb2.GetTimelineRequest(about=about)),
        thread=thread_of(of, about),
        team=team_of(of, known.placed.account_id),
        guide=guide_of(ask, ORDER, about, lambda: _is_first(ask)),
    )
    await seen(ask, about, found["thread"])
    names = {line.line_id: line.name for line in known.placed.lines}
    may_order = ORDERS.lets_in(ask.person)
    return ask.show(
        "order.html",
        status,
        order=known,
        placed=known.placed,
        names=names,
        about=about,
        may_order=may_order,
        may_cancel=may_order and known.state in CANCELLABLE,
        left=receiving.left(known.shipments, known.receipts) if RECEIPTS.lets_in(ask.person) else [],
        error=error,
        told=ask.query("told"),
        **found,
    )


async def _is_first(ask: Ask) -> bool:
    """Whether the account has placed no other order."""
    request = service_pb2.ListOrdersRequest(account_id=ask.person.account_id, page_size=2)
    return len((await ask.of.invoicing("ListOrders", request)).orders) < 2


@post("/orders/{order}/cancel", ORDERS)
async def cancel(ask: Ask) -> Response:
    """Take the rest of it back."""
    version = ask.typed("version")
    request = service_pb2.CancelOrderRequest(
        account_id=ask.person.account_id,
        order_id=ask.path("order"),
        version=int(version) if version.isascii() and version.isdigit() and len(version) < 9 else 0,
    )
    await ask.of.invoicing("CancelOrder", request, ask.write())
    return ask.go(f"/orders/{ask.path('order')}", told="cancelled")


async def _of_file(ask: Ask) -> Response:
    """The form with the lines of a file, for a look before they are ordered."""
    given = ask.file("file")
    if given is None:
        raise Invalid("upload.missing", "choose a file")
    typed = ordering.of_file(await given.read(ordering.FILE_MAX + 1))
    _, wrong = ordering.read(typed, ask.typed("currency"), ask.words.typed)
    return await _form(ask, typed, None, status=422 if wrong else 200, wrong=wrong, from_file=len(typed))


async def _known(ask: Ask, before: Any) -> Mapping[str, str]:
    """What need not be typed: currency, rate of tax and the part of the company, from the order before or the last one."""
    of, account = ask.of, ask.person.account_id
    found = await together(
        line=of.credit("GetAccount", credit_pb2.GetAccountRequest(account_id=account)),
        last=of.invoicing("ListOrders", service_pb2.ListOrdersRequest(account_id=account, page_size=1)),
    )
    last = before or (found["last"].orders[0].placed if found["last"] and found["last"].orders else None)
    scope = ask.person.scope
    return {
        "currency": last.currency if last else found["line"].account.limit.currency if found["line"] else "EUR",
        "rate": ask.words.number(_rate_of(last)) if last else "",
        "wanted": (await ask.today() + timedelta(days=AGAIN_DAYS)).isoformat(),
        "seller_id": last.seller_id if last else "",
        "purchase_order": scope.purchase_order,
        "site": scope.site or (before.scope.site if before else ""),
        "cost_centre": scope.cost_centre or (before.scope.cost_centre if before else ""),
    }


def _rate_of(placed: Any) -> Decimal:
    """The rate of tax that an order bore, in percent."""
    if not placed.net_minor:
        return Decimal(0)
    rate = (Decimal(placed.tax_minor) * 100 / Decimal(placed.net_minor)).quantize(Decimal("0.1"))
    return rate.normalize() if rate != rate.to_integral_value() else rate.quantize(Decimal(1))


_FIELDS = ("currency", "rate", "wanted", "seller_id", "purchase_order", "site", "cost_centre")


async def _form(
    ask: Ask,
    typed: Sequence[Typed],
    known: Mapping[str, str] | None,
    *,
    status: int = 200,
    wrong: Sequence[Wrong] = (),
    errors: Mapping[str, str] | None = None,
    from_file: int = 0,
) -> Response:
    values = known or {name: ask.typed(name) for name in _FIELDS}
    return ask.show(
        "order_new.html",
        status,
        rows=[*typed, *[Typed()] * EMPTY_ROWS][: ordering.LINES_MAX],
        known=values,
        totals=_totals(ask, typed, values) if typed and not wrong else None,
        wrong={one.row: one.code for one in wrong},
        from_file=from_file,
        lines_max=ordering.LINES_MAX,
        again=ask.query("again"),
        errors=errors or {},
    )


def _totals(ask: Ask, typed: Sequence[Typed], values: Mapping[str, str]) -> Totals | None:
    try:
        lines, wrong = ordering.read(typed, values["currency"], ask.words.typed)
        return (
            ordering.totals(lines, ask.words.typed(values["rate"]), values["currency"]) if lines and not wrong else None
        )
    except Refusal:
        return None


def _typed(ask: Ask) -> list[Typed]:
    """The lines of the form, without empty ones at its end."""
    columns = [[value.strip() for value in ask.typed_all(column)] for column in ordering.COLUMNS]
    typed = [Typed(*row) for row in zip_longest(*columns, fillvalue="")]
    while typed and typed[-1].is_empty:
        typed.pop()
    return typed[: ordering.LINES_MAX]


def _again(ask: Ask, line: Any) -> Typed:
    return Typed(line.sku, line.name, ask.words.number(line.quantity), ask.words.number(line.unit_price), line.asset_id)


def _request(ask: Ask, lines: Sequence[Line], today: date) -> service_pb2.PlaceOrderRequest:
    """The order as the contract says it; its id follows from the form, so that the form sent twice is one order."""
    currency = ask.typed("currency")
    totals = ordering.totals(lines, ask.words.typed(ask.typed("rate")), currency)
    wanted = ask.typed("wanted")
    try:
        if date.fromisoformat(wanted) < today:
            raise ValueError
    except ValueError:
        raise Invalid("order.day", "choose a day from today on") from None
    scope = party_pb2.Scope(
        site=ask.line("site"), cost_centre=ask.line("cost_centre"), purchase_order=ask.line("purchase_order")
    )
    account = ask.person.account_id
    order_id = f"W-{hashlib.sha256(ask.write().key.encode()).hexdigest()[:12].upper()}"
    placed = orders_pb2.OrderPlaced(
        order_id=order_id,
        version=1,
        account_id=account,
        currency=currency,
        promised_ship_on=wanted,
        lines=[
            orders_pb2.OrderLine(
                line_id=str(nth),
                sku=line.sku or f"line-{nth}",
                name=line.name,
                quantity=f"{line.quantity:f}",
                unit="C62",
                unit_price=f"{line.unit_price:f}",
                net_minor=line.net.minor,
                tax_class="STANDARD",
                asset_id=line.asset_id,
            )
            for nth, line in enumerate(lines, 1)
        ],
        net_minor=totals.net.minor,
        tax_minor=totals.tax.minor,
        gross_minor=totals.gross.minor,
        scope=scope,
        seller_id=ask.typed("seller_id"),
    )
    return service_pb2.PlaceOrderRequest(account_id=account, scope=scope, order=placed)


def _question(ask: Ask, size: int, token: str) -> service_pb2.ListOrdersRequest:
    return service_pb2.ListOrdersRequest(
        account_id=ask.account, search=ask.query("q")[:100], page_size=size, page_token=token
    )
