"""What waits for the reader, what is owed, what comes next."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from fastapi.responses import Response
from receivables.credit.v1 import events_pb2 as credit_events
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.portal import usecases
from services.portal.asks import together
from services.portal.domain import aging
from services.portal.domain.news import Shown, State
from services.portal.domain.people import ANYBODY, MONEY, ORDERS
from services.portal.pages.disputes import waiting
from services.portal.pages.start import PLACES
from services.portal.pages.team import team_of
from services.portal.web import Ask, get

_FEW = 5
_SOON = timedelta(days=7)
_ITEMS = 500  # of which the aging is drawn
_CASES = 100  # of each side
_DECISIONS = 100  # of an account, the newest, among which those of the last days are
_LATELY = timedelta(days=7)
_NOT_APPROVED = frozenset({credit_events.OUTCOME_REFERRED, credit_events.OUTCOME_DECLINED})


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
        asked_of_us=of.disputes("ListDisputes", waiting(account, disputes_pb2.LIST_ORDER_WAITING_FOR_BUYER, _CASES)),
        at_the_seller=of.disputes("ListDisputes", waiting(account, disputes_pb2.LIST_ORDER_WAITING_FOR_SELLER, _CASES)),
        invoices=of.invoicing(
            "ListInvoices",
            invoicing_pb2.ListInvoicesRequest(account_id=account, page_size=_FEW, newest_first=True),
        ),
        unread=of.notifications("ListUnread", notifications_pb2.ListUnreadRequest(account_id=account, page_size=_FEW)),
        first_steps=of.notifications("GetFirstSteps", notifications_pb2.GetFirstStepsRequest(account_id=account)),
        team=team_of(of, account),
        messages=of.notifications(
            "ListMessages",
            notifications_pb2.ListMessagesRequest(account_id=account, contact_id=ask.person.contact_id, page_size=_FEW),
        ),
    )
    team = found.pop("team")
    today = await ask.today()
    items = found["items"].items if found["items"] else []
    may_pay = MONEY.lets_in(ask.person)
    payable = [item for item in items if may_pay and item.open.minor > item.disputed.minor]
    return ask.show(
        "overview.html",
        waiting=list(found["asked_of_us"].disputes) if found["asked_of_us"] else [],
        cases=_open_cases(found),
        due=[item for item in payable if date.fromisoformat(item.due_date) <= today],
        soon=[item for item in payable if today < date.fromisoformat(item.due_date) <= today + _SOON],
        may_order=ORDERS.lets_in(ask.person),
        may_pay=may_pay,
        next_steps=_next_steps(found["first_steps"]),
        places=PLACES,
        aging=aging.bands(list(map(_item, items)), today),
        team=team,
        news=await _news(ask, found, today),
        **found,
    )


async def _news(ask: Ask, found: Mapping[str, Any], today: date) -> Shown | None:
    """What the seller's people would tell the reader; who looks through another's eyes sees none of it."""
    if ask.seen_by is not None:
        return None
    shown = await usecases.news_for(ask.door, ask.person, ask.words.html, state_of(found, today), today)
    if shown is None:
        return None
    request = credit_pb2.ListDecisionsRequest(account_id=ask.account, page_size=_DECISIONS)
    answer = (await together(decisions=ask.of.credit("ListDecisions", request)))["decisions"]
    return None if answer is None or was_refused(answer, today) else shown


def was_refused(decisions: Any, today: date) -> bool:
    """Whether an order was referred or declined within the last days, as far as the reader may know it."""
    if not decisions:
        return False
    lately = [one for one in decisions.decisions if today - one.decided_at.ToDatetime().date() <= _LATELY]
    has_more = bool(decisions.next_page_token) and len(lately) == len(decisions.decisions)
    return has_more or any(one.decision.outcome in _NOT_APPROVED for one in lately)


def state_of(found: Mapping[str, Any], today: date) -> State:
    """What is between the reader and the seller, as the page's own answers say; what is not for the reader is not theirs."""
    line, balance, items = (found[name] for name in ("line", "balance", "items"))
    return State(
        open_case=_open_cases(found) not in (None, "", "0"),
        held=bool(line) and (line.account.on_hold or line.account.exposure_uncertain),
        overdue=bool(balance and any(one.overdue.minor > 0 for one in balance.balances))
        or bool(items and any(date.fromisoformat(item.due_date) < today for item in items.items)),
        unknown=any(answer is None for answer in found.values()),
    )


def _next_steps(found: Any) -> list[Any]:
    """What comes next of a company's first steps: all of them, until the last is done."""
    steps = found.steps if found else ()
    return list(steps) if any(step.state != "DONE" for step in steps) else []


def _open_cases(found: Mapping[str, Any]) -> str | None:
    """How many cases have not ended: "3"; "100+", where more than are counted; "" not for the reader; None: it is not known."""
    sides = [found[name] for name in ("asked_of_us", "at_the_seller")]
    if not all(sides):
        return None if None in sides else ""
    more = any(side.next_page_token for side in sides)
    return f"{sum(len(side.disputes) for side in sides)}{'+' if more else ''}"


def _item(item: Any) -> tuple[date, int, str]:
    return date.fromisoformat(item.due_date), item.open.minor, item.open.currency
