"""Where the account stands: what is open and since when, what was announced, what is here and has met no invoice,
what was agreed."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from fastapi.responses import Response
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2

from services.portal.asks import together
from services.portal.domain import aging
from services.portal.domain.people import MONEY
from services.portal.pages.threads import seen, thread_of
from services.portal.web import PAGE, Ask, csv_of, get

_AGED = 1000  # items of which the chart is drawn
_FEW = 100
_CSV_PAGES, _CSV_ROWS = 20, 500


@get("/balance", MONEY)
async def balance(ask: Ask) -> Response:
    """Figures by currency, the chart of what is late, open items a page at a time."""
    of, account = ask.of.ledger, ask.person.account_id

    def items(size: int, token: str) -> service_pb2.ListOpenItemsRequest:
        return service_pb2.ListOpenItemsRequest(account_id=account, page_size=size, page_token=token)

    found = await together(
        balance=of("GetAccount", service_pb2.GetAccountRequest(account_id=account)),
        items=of("ListOpenItems", items(PAGE, ask.query("after"))),
        aged=of("ListOpenItems", items(_AGED, "")),
        announced=of(
            "ListAnnouncements",
            service_pb2.ListAnnouncementsRequest(account_id=account, expected_only=True, page_size=_FEW),
        ),
        unapplied=of(
            "ListPayments",
            service_pb2.ListPaymentsRequest(account_id=account, unapplied_only=True, page_size=_FEW),
        ),
        payments=of("ListPayments", service_pb2.ListPaymentsRequest(account_id=account, page_size=PAGE)),
        contract=ask.of.invoicing("GetContract", invoicing_pb2.GetContractRequest(account_id=account)),
    )
    today = await ask.today()
    aged = found.pop("aged")
    return ask.show(
        "balance.html",
        aging=bands(aged.items, today) if aged else [],
        part=bool(aged and aged.next_page_token),
        today=today,
        next_token=found["items"].next_page_token if found["items"] else "",
        **found,
    )


@get("/payments/{payment}", MONEY)
async def payment(ask: Ask) -> Response:
    """One payment that is here, and what was written about it."""
    about = f"payment/{ask.path('payment')}"
    known = await ask.of.ledger("GetPayment", service_pb2.GetPaymentRequest(payment_id=ask.path("payment")))
    found = await together(thread=thread_of(ask.of, about))
    await seen(ask, about, found["thread"])
    return ask.show("payment.html", payment=known.payment, about=about, **found)


@get("/balance.csv", MONEY)
async def balance_csv(ask: Ask) -> Response:
    """All open items as a file, at most ten thousand."""
    rows, token, today = [], "", await ask.today()
    for _ in range(_CSV_PAGES):
        request = service_pb2.ListOpenItemsRequest(
            account_id=ask.person.account_id, page_size=_CSV_ROWS, page_token=token
        )
        found = await ask.of.ledger("ListOpenItems", request)
        rows += [_row(ask, item, today) for item in found.items]
        token = found.next_page_token
        if not token:
            break
    say = ask.words.say
    head = [
        say("Invoice"),
        say("Due"),
        say("Days late"),
        say("Amount"),
        say("Open"),
        say("In cases"),
        say("Currency"),
        say("Purchase order"),
    ]
    return csv_of(head, rows, "open-items.csv")


def bands(items: Sequence[Any], today: date) -> list[aging.Band]:
    """Open items by how late they are."""
    return aging.bands(
        ((date.fromisoformat(item.due_date), item.open.minor, item.open.currency) for item in items), today
    )


def _row(ask: Ask, item: Any, today: date) -> list[str]:
    late = max(0, (today - date.fromisoformat(item.due_date)).days)
    amounts = [ask.words.plain(amount) for amount in (item.amount, item.open, item.disputed)]
    return [item.number, item.due_date, str(late), *amounts, item.open.currency, item.scope.purchase_order]
