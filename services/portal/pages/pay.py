"""Paying: what is due is chosen already; one click says that it is paid, and shows what the bank must be told."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from fastapi.responses import Response
from receivables.common.v1 import money_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2
from segno import helpers

from services.kernel.money import Money
from services.kernel.refusals import Invalid, NotFound, Refusal
from services.portal import usecases
from services.portal.asks import Refused, together
from services.portal.domain import transfers
from services.portal.domain.guide import PAYMENT
from services.portal.domain.news import PAYMENT_ANNOUNCED
from services.portal.domain.people import MONEY
from services.portal.domain.transfers import Chosen, Payee
from services.portal.pages.guide import guide_of
from services.portal.web import Ask, get, post

ITEMS = 500  # that the page shows
ANNOUNCED = 1000
AHEAD_DAYS = 366  # for a payment that is announced


@dataclass(frozen=True, slots=True)
class Row:
    """An open item in the form: what can still be paid of it, whether it is chosen, and with how much."""

    number: str
    due: date
    payable: Money
    disputed: Money
    announced: Money
    chosen: bool
    is_late: bool
    amount: str
    # What was typed for it cannot be paid.
    is_wrong: bool


@get("/pay", MONEY)
async def pay(ask: Ask) -> Response:
    """What is due, chosen; ?invoice= chooses that one instead."""
    return await _page(ask)


@post("/pay", MONEY)
async def announce(ask: Ask) -> Response:
    """Say that these are being paid: once for each seller and currency, as transfers go."""
    try:
        groups = transfers.together(_chosen(ask))
        expected = ask.typed("expected")
        if expected:
            _check_day(expected, await ask.today())
        references = []
        for group in groups:
            request = service_pb2.AnnouncePaymentRequest(
                account_id=ask.person.account_id,
                items=[service_pb2.AnnouncedItem(number=item.number, amount=_message(item.amount)) for item in group],
                expected_on=expected,
            )
            answer = await ask.of.ledger("AnnouncePayment", request, ask.write_also(group[0].number))
            references.append(answer.announcement.reference)
    except (Refused, Refusal) as refused:
        field = refused.code if refused.code in ("pay.nothing", "pay.day") else "amount"
        return await _page(ask, 422, {field: ask.refused(refused)})
    await usecases.did(ask.door, ask.person, PAYMENT_ANNOUNCED)
    return ask.go(f"/pay/{references[0]}", also=",".join(references[1:]))


@get("/pay/{reference}", MONEY)
async def transfer(ask: Ask) -> Response:
    """What the bank must be told of a payment that was announced."""
    announced = await _announced(ask, ask.path("reference"))
    amount = Money(announced.amount.minor, announced.amount.currency)
    payee = (await together(payee=_payee(ask, announced)))["payee"]
    code = ""
    if payee and announced.state == "EXPECTED" and transfers.has_code(payee, amount):
        drawn = helpers.make_epc_qr(
            payee.name[:70], payee.iban, amount.decimal, text=announced.reference, bic=payee.bic or None
        )
        code = drawn.svg_data_uri(scale=4, border=4, light="#fff")
    also = [one for one in ask.query("also").split(",") if one.startswith("P-")][:20]
    return ask.show("transfer.html", announced=announced, payee=payee, code=code, also=also)


@post("/pay/{reference}/withdraw", MONEY)
async def withdraw(ask: Ask) -> Response:
    """It will not be paid so after all."""
    request = service_pb2.WithdrawAnnouncementRequest(account_id=ask.person.account_id, reference=ask.path("reference"))
    await ask.of.ledger("WithdrawAnnouncement", request, ask.write())
    return ask.go("/pay", told="withdrawn")


async def _page(ask: Ask, status: int = 200, errors: Mapping[str, str] | None = None) -> Response:
    account = ask.person.account_id
    found = await together(
        items=ask.of.ledger("ListOpenItems", service_pb2.ListOpenItemsRequest(account_id=account, page_size=ITEMS)),
        announced=ask.of.ledger(
            "ListAnnouncements",
            service_pb2.ListAnnouncementsRequest(account_id=account, expected_only=True, page_size=ANNOUNCED),
        ),
        guide=guide_of(ask, PAYMENT, PAYMENT, lambda: _is_first(ask)),
    )
    announced = found["announced"].announcements if found["announced"] else []
    rows = list(_rows(ask, found["items"].items, announced, await ask.today())) if found["items"] else []
    return ask.show(
        "pay.html",
        status,
        rows=rows,
        totals=_totals(row for row in rows if row.chosen),
        announced=announced,
        more=bool(found["items"] and found["items"].next_page_token),
        away=found["items"] is None,
        announced_away=found["announced"] is None,
        expected=ask.typed("expected"),
        told=ask.query("told"),
        guide=found["guide"],
        errors=errors or {},
    )


async def _is_first(ask: Ask) -> bool:
    """Whether the account has paid nothing yet."""
    request = service_pb2.ListPaymentsRequest(account_id=ask.person.account_id, page_size=1)
    return not (await ask.of.ledger("ListPayments", request)).payments


def _rows(ask: Ask, items: Sequence[Any], announced: Sequence[Any], today: date) -> Iterator[Row]:
    """What can be paid, the oldest due first; what is contested or announced is not paid twice."""
    said: dict[str, int] = {}
    for announcement in announced:
        for item in announcement.items:
            said[item.number] = said.get(item.number, 0) + item.amount.minor
    sent, only = set(ask.typed_all("item")), ask.query("invoice")
    for item in sorted(items, key=lambda item: (item.due_date, item.number)):
        currency, coming = item.open.currency, said.get(item.number, 0)
        payable = Money(item.open.minor - item.disputed.minor - coming, currency)
        if payable.minor <= 0:
            continue
        due = date.fromisoformat(item.due_date)
        chosen = item.number in sent if sent else item.number == only if only else due <= today
        yield Row(
            item.number,
            due,
            payable,
            Money(item.disputed.minor, currency),
            Money(coming, currency),
            chosen,
            due < today,
            ask.typed(f"amount-{item.number}") or ask.words.plain(payable),
            item.number in sent and not _fits(ask, item.number, payable),
        )


def _fits(ask: Ask, number: str, payable: Money) -> bool:
    """Whether what was typed for an invoice can be paid of it."""
    try:
        return 0 < ask.words.typed_money(ask.typed(f"amount-{number}"), payable.currency).minor <= payable.minor
    except Refusal:
        return False


def _totals(rows: Iterator[Row]) -> list[Money]:
    sums: dict[str, int] = {}
    for row in rows:
        sums[row.payable.currency] = sums.get(row.payable.currency, 0) + row.payable.minor
    return [Money(minor, currency) for currency, minor in sorted(sums.items())]


def _chosen(ask: Ask) -> list[Chosen]:
    """The items that the form says, each with its amount."""
    chosen = [
        Chosen(number, ask.words.typed_money(ask.typed(f"amount-{number}"), ask.typed(f"currency-{number}")))
        for number in dict.fromkeys(ask.typed_all("item"))
    ]
    if not chosen:
        raise Invalid("pay.nothing", "choose at least one invoice")
    return chosen


def _check_day(typed: str, today: date) -> None:
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        raise Invalid("pay.day", "that is no day") from None
    if not today <= day <= today + timedelta(days=AHEAD_DAYS):
        raise Invalid("pay.day", "choose a day from today on")


async def _announced(ask: Ask, reference: str) -> Any:
    request = service_pb2.ListAnnouncementsRequest(account_id=ask.person.account_id, page_size=ANNOUNCED)
    found = await ask.of.ledger("ListAnnouncements", request)
    for announcement in found.announcements:
        if announcement.reference == reference:
            return announcement
    raise NotFound("announcement.unknown", "no payment was announced by that reference")


async def _payee(ask: Ask, announced: Any) -> Payee | Literal[False]:
    """Whom to pay, as an invoice says that is paid by it; False where that asks for no transfer."""
    request = invoicing_pb2.RenderDocumentRequest(document=announced.items[0].number, format="json")
    return transfers.payee_of(json.loads((await ask.of.invoicing("RenderDocument", request)).content)) or False


def _message(amount: Money) -> money_pb2.Money:
    return money_pb2.Money(minor=amount.minor, currency=amount.currency)
