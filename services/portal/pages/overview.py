"""What waits for the reader, what is owed, what comes next."""

from datetime import UTC, date, datetime
from typing import Any

from fastapi.responses import Response
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_events
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.portal.asks import together
from services.portal.domain import aging
from services.portal.domain.people import ANYBODY
from services.portal.web import Ask, get

_FEW = 5
_ITEMS = 500  # of which the aging is drawn


@get("/", ANYBODY)
async def overview(ask: Ask) -> Response:
    """The first page of a buyer's people; the seller's go to their desk."""
    if not ask.person.is_buyer:
        return ask.go("/desk")
    of, account = ask.of, ask.account
    found = await together(
        balance=of.ledger("GetAccount", ledger_pb2.GetAccountRequest(account_id=account)),
        items=of.ledger("ListOpenItems", ledger_pb2.ListOpenItemsRequest(account_id=account, page_size=_ITEMS)),
        line=of.credit("GetAccount", credit_pb2.GetAccountRequest(account_id=account)),
        cases=of.disputes("ListDisputes", disputes_pb2.ListDisputesRequest(account_id=account, page_size=100)),
        invoices=of.invoicing(
            "ListInvoices",
            invoicing_pb2.ListInvoicesRequest(account_id=account, page_size=_FEW, newest_first=True),
        ),
        messages=of.notifications(
            "ListMessages",
            notifications_pb2.ListMessagesRequest(account_id=account, contact_id=ask.person.contact_id, page_size=_FEW),
        ),
    )
    today = datetime.now(UTC).date()
    items = found["items"].items if found["items"] else []
    return ask.show(
        "overview.html", waiting=_waiting(found["cases"]), aging=aging.bands(list(map(_item, items)), today), **found
    )


def _waiting(cases: Any) -> list[Any]:
    """The cases in which it is the reader's side that acts."""
    ours = (disputes_events.STATE_AWAITING_CUSTOMER, disputes_events.STATE_PROPOSED)
    return [case for case in cases.disputes if case.state in ours] if cases else []


def _item(item: Any) -> tuple[date, int, str]:
    return date.fromisoformat(item.due_date), item.open.minor, item.open.currency
