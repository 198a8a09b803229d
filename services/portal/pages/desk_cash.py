"""Cash at the seller's desk: money that has met no invoice, payments that were announced, the bank's files."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from fastapi.responses import Response
from receivables.common.v1 import money_pb2
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2

from services.kernel.money import exponent
from services.kernel.refusals import Invalid
from services.portal.asks import Asking, Away, Refused, Unknown, together
from services.portal.domain.matching import Evidence, Open, evidence
from services.portal.domain.people import Guard
from services.portal.pages import desk_notes
from services.portal.web import PAGE, Ask, csv_of, get, post

READS = Guard(frozenset("CASH_APP COLLECTOR BILLING SALES SELLER_ADMIN AUDITOR".split()))
BOOKS = Guard(frozenset({"CASH_APP", "SELLER_ADMIN"}))
FILE_MAX = 4 * 2**20  # bytes of a bank's file
_ROWS = 1_000  # of a file, that a page shows
_ITEMS = 200  # open ones of an account, among which a payment's is looked for
HEADER = ("reference", "account", "value_date", "amount", "currency", "remittance")


@get("/desk/cash", READS)
async def cash(ask: Ask) -> Response:
    """What waits for an invoice, and what is expected; ?q= opens a payment by its reference."""
    if named := ask.query("q").strip():
        return ask.go(f"/desk/cash/payments/{quote(named)}")
    of = ask.of
    found = await together(
        unapplied=of.ledger(
            "ListPayments",
            ledger_pb2.ListPaymentsRequest(unapplied_only=True, page_size=PAGE, page_token=ask.query("after")),
        ),
        announced=of.ledger(
            "ListAnnouncements", ledger_pb2.ListAnnouncementsRequest(expected_only=True, page_size=4 * PAGE)
        ),
    )
    payments = found["unapplied"].payments if found["unapplied"] else ()
    return ask.show("desk_cash.html", evidence=await _evidence(of, payments), **found)


async def _evidence(of: Asking, payments: Sequence[Any]) -> dict[str, list[Evidence] | None]:
    """What speaks for which invoice, by payment; None where what is open is not known just now."""
    accounts = sorted({payment.account_id for payment in payments})
    items = dict(zip(accounts, await asyncio.gather(*(_open(of, account) for account in accounts)), strict=True))
    return {payment.payment_id: _speaks(payment, items[payment.account_id]) for payment in payments}


def _speaks(payment: Any, items: Sequence[Open] | None) -> list[Evidence] | None:
    if items is None:
        return None
    return evidence(payment.remittance, payment.unapplied.minor, payment.unapplied.currency, items)


async def _open(of: Asking, account: str) -> list[Open] | None:
    request = ledger_pb2.ListOpenItemsRequest(account_id=account, page_size=_ITEMS)
    try:
        found = await of.ledger("ListOpenItems", request)
    except (Away, Unknown):
        return None
    return [Open(item.number, item.open.minor, item.open.currency) for item in found.items]


@get("/desk/cash/payments/{payment:path}", READS)
async def payment(ask: Ask) -> Response:
    """One payment, what was written with it, and what of it has met no invoice."""
    request = ledger_pb2.GetPaymentRequest(payment_id=ask.path("payment"))
    shown = (await ask.of.ledger("GetPayment", request)).payment
    found = await together(
        items=ask.of.ledger(
            "ListOpenItems", ledger_pb2.ListOpenItemsRequest(account_id=shown.account_id, page_size=4 * PAGE)
        ),
        notes=desk_notes.notes_of(ask.of, f"payment/{shown.payment_id}"),
    )
    items = found["items"].items if found["items"] else ()
    speaks = _speaks(shown, [Open(item.number, item.open.minor, item.open.currency) for item in items]) or []
    return ask.show("desk_paid.html", payment=shown, speaks=speaks if shown.unapplied.minor else [], **found)


@get("/desk/cash/payment", BOOKS)
async def new_payment(ask: Ask) -> Response:
    """A form for money that came in."""
    return ask.show("desk_payment.html", typed=ask.query, currency="", booked=None)


@post("/desk/cash/payment", BOOKS)
async def record_payment(ask: Ask) -> Response:
    """Book a payment and show what it met."""
    account, currency = ask.typed("account"), ask.typed("currency").upper()
    errors: dict[str, str] = {}
    try:
        currency = currency or await _currency_of(ask, account)
        exponent(currency)
    except Unknown:
        errors["account"] = ask.words.say("There is no such account.")
    except Invalid as refused:
        errors["currency"] = ask.refused(refused)
    request = ledger_pb2.RecordPaymentRequest(
        # Without one of the bank's, one of ours: the form's, so that a form sent twice is one payment.
        payment_id=ask.typed("payment") or ask.named("desk"),
        account_id=account,
        value_date=ask.typed("value_date"),
        remittance=ask.lines("remittance"),
    )
    if not errors:
        try:
            amount = ask.amount("amount", currency)
            request.amount.CopyFrom(money_pb2.Money(minor=amount.minor, currency=amount.currency))
            booked = await ask.of.ledger("RecordPayment", request, ask.write())
            return ask.show(
                "desk_payment.html",
                typed=lambda _name: "",
                currency=currency,
                booked=booked,
                payment_id=request.payment_id,
                account_id=account,
            )
        except (Refused, Invalid) as refused:
            errors[_field_of(refused.code)] = ask.refused(refused)
    return ask.show("desk_payment.html", 422, typed=ask.typed, currency=currency, booked=None, errors=errors)


async def _currency_of(ask: Ask, account: str) -> str:
    found: Any = await ask.of.credit("GetAccount", credit_pb2.GetAccountRequest(account_id=account[:64]))
    return str(found.account.limit.currency)


def _field_of(code: str) -> str:
    """The field that a refusal is about."""
    return next((field for field in ("account", "amount", "payment", "date") if field in code), "amount").replace(
        "date", "value_date"
    )


@get("/desk/cash/import", BOOKS)
async def new_file(ask: Ask) -> Response:
    """Where a bank's file is given."""
    return ask.show("desk_import.html", header=",".join(HEADER), rows=None, counts={})


@get("/desk/cash/import.csv", BOOKS)
async def sample_file(_ask: Ask) -> Response:
    """An empty file, with the line that a bank's file begins with."""
    return csv_of([",".join(HEADER)], [], "statement.csv")


@post("/desk/cash/import", BOOKS)
async def import_file(ask: Ask) -> Response:
    """Book a bank's file, and show what became of each row; the same file again books nothing twice."""
    file = ask.file("file")
    content = await file.read(FILE_MAX + 1) if file else b""
    try:
        if not content or len(content) > FILE_MAX:
            raise Invalid("form.no_file", ask.words.say("Choose a file with at least a line, of at most 4 MB."))
        request = ledger_pb2.ImportBankStatementRequest(content=content.removeprefix(b"\xef\xbb\xbf"))
        # A file is the same act whenever it is sent: what was lost on the way is asked for again.
        key = f"statement {hashlib.sha256(request.content).hexdigest()}"
        answer = await ask.of.patiently().ledger("ImportBankStatement", request, ask.write_of(key))
    except (Refused, Invalid) as refused:
        errors = {"file": ask.refused(refused)}
        return ask.show("desk_import.html", 422, header=",".join(HEADER), rows=None, counts={}, errors=errors)
    counts: dict[str, int] = {}
    for row in answer.rows:
        counts[row.outcome] = counts.get(row.outcome, 0) + 1
    worst = sorted(answer.rows, key=lambda row: (row.outcome != "refused", row.row))
    return ask.show(
        "desk_import.html",
        header=",".join(HEADER),
        rows=worst[:_ROWS],
        why={row.row: ask.refused(Refused(row.code, row.message)) for row in worst[:_ROWS] if row.code},
        left_off=max(0, len(worst) - _ROWS),
        counts=counts,
    )
