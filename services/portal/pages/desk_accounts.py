"""Accounts at the seller's desk: the list, and everything about one."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any
from urllib.parse import quote

from fastapi.responses import Response
from receivables.credit.v1 import applications_pb2, exposure_pb2
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.portal.asks import Refused, Unknown, together
from services.portal.domain import aging, cases, months
from services.portal.domain.people import SELLER_ROLES, Guard
from services.portal.pages import desk_disputes, threads
from services.portal.pages.desk_names import names_of, owners
from services.portal.pages.invoices import Paper
from services.portal.pages.team import team_of
from services.portal.web import PAGE, Ask, csv_of, get, post

READS = Guard(SELLER_ROLES - {"LOGISTICS", "QUALITY"})
CLOSES = Guard(frozenset({"BILLING", "SALES", "SELLER_ADMIN"}))
_TYPED = 100  # characters of what is searched
_IN_FILE = 1_000  # accounts
_ITEMS = 500
_FEW = 10  # rows of each kind
_LISTED = 200  # orders, invoices, payments of which the months are made
# Roles of a buyer that somebody should have, so that mail reaches a person.
WANTED = ("AP_CLERK", "PROCUREMENT", "RECEIVING", "ACCOUNT_ADMIN")


@get("/desk/accounts", READS)
async def accounts(ask: Ask) -> Response:
    """Accounts by id; ?q= looks for ids, VAT ids and words of names that begin so, and opens the only one that does.

    Not while it is being typed: then it is a list.
    """
    wanted = ask.query("q").strip()[:_TYPED]
    opens = bool(wanted) and "hx-request" not in ask.request.headers
    if opens and await _is_account(ask, wanted):
        return ask.go(f"/desk/accounts/{quote(wanted)}")
    request = credit_pb2.ListAccountsRequest(search=wanted, page_size=PAGE, page_token=ask.query("after"))
    found = await ask.of.credit("ListAccounts", request)
    if opens and len(found.accounts) == 1 and not ask.query("after"):
        return ask.go(f"/desk/accounts/{quote(found.accounts[0].account_id)}")
    return ask.show("desk_accounts.html", rows=found.accounts, next_token=found.next_page_token)


async def _is_account(ask: Ask, named: str) -> bool:
    try:
        await ask.of.credit("GetAccount", credit_pb2.GetAccountRequest(account_id=named[:64]))
    except (Unknown, Refused):
        return False
    return True


@get("/desk/accounts.csv", READS)
async def accounts_csv(ask: Ask) -> Response:
    """The first thousand as a file."""
    found = await ask.of.credit("ListAccounts", credit_pb2.ListAccountsRequest(page_size=_IN_FILE))
    say, exact = ask.words.say, ask.words.exact
    head = [say("Account"), say("Name"), say("Limit"), say("Owed"), say("Reserved"), say("Still free"), say("Currency")]
    rows = [
        [
            one.account_id,
            one.company.name,
            *(exact(amount) for amount in (one.limit, one.used, one.held, one.headroom)),
            one.limit.currency,
        ]
        for one in found.accounts
    ]
    return csv_of(head, rows, "accounts.csv")


@get("/desk/accounts/{account}", READS)
async def account(ask: Ask) -> Response:
    """One account: what it may owe and owes, its people, orders, documents and cases, what was agreed."""
    of, account_id = ask.of, ask.path("account")
    about = f"onboarding/{account_id}"
    found = await together(
        line=of.credit("GetAccount", credit_pb2.GetAccountRequest(account_id=account_id)),
        balance=of.ledger("GetAccount", ledger_pb2.GetAccountRequest(account_id=account_id)),
        items=of.ledger("ListOpenItems", ledger_pb2.ListOpenItemsRequest(account_id=account_id, page_size=_ITEMS)),
        payments=of.ledger("ListPayments", ledger_pb2.ListPaymentsRequest(account_id=account_id, page_size=_LISTED)),
        people=of.notifications(
            "ListContacts", notifications_pb2.ListContactsRequest(account_id=account_id, page_size=4 * PAGE)
        ),
        orders=of.invoicing("ListOrders", invoicing_pb2.ListOrdersRequest(account_id=account_id, page_size=_LISTED)),
        invoices=of.invoicing(
            "ListInvoices",
            invoicing_pb2.ListInvoicesRequest(account_id=account_id, page_size=_LISTED, newest_first=True),
        ),
        cases=of.disputes(
            "ListDisputes",
            disputes_pb2.ListDisputesRequest(
                account_id=account_id, order=disputes_pb2.LIST_ORDER_NEWEST_FIRST, page_size=_FEW
            ),
        ),
        at_us=desk_disputes.waiting(of, cases.OURS, account_id),
        at_buyer=desk_disputes.waiting(of, cases.THEIRS, account_id),
        held=of.invoicing("ListHeld", invoicing_pb2.ListHeldRequest(account_id=account_id, page_size=4 * PAGE)),
        undelivered=of.notifications(
            "ListUndelivered", notifications_pb2.ListUndeliveredRequest(account_id=account_id, page_size=4 * PAGE)
        ),
        announced=of.ledger(
            "ListAnnouncements",
            ledger_pb2.ListAnnouncementsRequest(account_id=account_id, expected_only=True, page_size=_FEW),
        ),
        decisions=of.credit("ListDecisions", credit_pb2.ListDecisionsRequest(account_id=account_id, page_size=_FEW)),
        applications=of.applications(
            "ListApplications", applications_pb2.ListApplicationsRequest(account_id=account_id, page_size=_FEW)
        ),
        holds=of.credit("ListHolds", credit_pb2.ListHoldsRequest(account_id=account_id, page_size=PAGE)),
        asks=of.notifications("ListAsks", notifications_pb2.ListAsksRequest(account_id=account_id, page_size=_FEW)),
        team=team_of(of, account_id),
        steps=of.notifications("GetFirstSteps", notifications_pb2.GetFirstStepsRequest(account_id=account_id)),
        thread=threads.thread_of(of, about),
        exposure=of.exposure("GetExposure", exposure_pb2.GetExposureRequest(account_id=account_id)),
        tree=of.exposure("GetTree", exposure_pb2.GetTreeRequest(account_id=account_id)),
        contract=of.invoicing("GetContract", invoicing_pb2.GetContractRequest(account_id=account_id)),
    )
    if found["line"] is False:
        raise Unknown
    await threads.seen(ask, about, found["thread"])
    items = found["items"].items if found["items"] else ()
    today = await ask.today()
    open_items = [(date.fromisoformat(item.due_date), item.open.minor, item.open.currency) for item in items]
    by_month = months.since(months.by_month(_facts(found)), _whole_since(found))
    return ask.show(
        "desk_account.html",
        account_id=account_id,
        about=about,
        aging=aging.bands(open_items, today),
        late=lambda day: date.fromisoformat(day) < today,
        papers=[Paper.of(document) for document in found["invoices"].documents[:_FEW]] if found["invoices"] else (),
        months=by_month,
        most=months.largest(by_month),
        kinds=months.KINDS,
        gaps=_gaps(found["people"]),
        few=_FEW,
        names=await names_of(ask, owners(found["holds"])),
        **found,
    )


@post("/desk/accounts/{account}/first-step", CLOSES)
async def close_first_step(ask: Ask) -> Response:
    """A first step is done otherwise, or is not needed."""
    account_id = ask.path("account")
    request = notifications_pb2.CloseFirstStepRequest(account_id=account_id, code=ask.typed("step"))
    await ask.of.notifications("CloseFirstStep", request, ask.write())
    return ask.go(f"/desk/accounts/{quote(account_id, safe='')}#first-steps")


def _facts(found: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """What was ordered, invoiced less credited, and paid, in the account's currency."""
    if not found["line"]:
        return
    currency = found["line"].account.limit.currency
    for order in found["orders"].orders if found["orders"] else ():
        if order.placed.currency == currency:
            yield "ordered", order.placed.placed_on, order.placed.gross_minor
    for document in found["invoices"].documents if found["invoices"] else ():
        paper = Paper.of(document)
        if paper.gross.currency == currency:
            yield "invoiced", paper.issued_on, -paper.gross.minor if paper.is_credit else paper.gross.minor
    for payment in found["payments"].payments if found["payments"] else ():
        if payment.amount.currency == currency:
            yield "paid", payment.value_date, payment.amount.minor


def _whole_since(found: Mapping[str, Any]) -> str:
    """The month since when all is counted: where a list goes on, what it left off was in the month of its last or before."""
    last = []
    if found["orders"] and found["orders"].next_page_token:
        last.append(found["orders"].orders[-1].placed.placed_on)
    if found["invoices"] and found["invoices"].next_page_token:
        last.append(Paper.of(found["invoices"].documents[-1]).issued_on)
    if found["payments"] and found["payments"].next_page_token:
        last.append(found["payments"].payments[-1].value_date)
    return months.after(max(last)) if last else ""


def _gaps(people: Any) -> list[str]:
    """Roles that nobody of a buyer has."""
    if not people or people.next_page_token:
        return []
    held = {role for contact in people.contacts for role in contact.roles}
    return [role for role in WANTED if role not in held]
