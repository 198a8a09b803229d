"""Billing at the seller's desk: invoices that are held back by a rule, and what mends them."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from fastapi.responses import Response
from receivables.disputes.v1 import responses_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2

from services.portal.asks import together
from services.portal.domain import findings
from services.portal.domain.people import Guard
from services.portal.web import PAGE, Ask, get, post

READS = Guard(frozenset({"BILLING", "SALES", "SELLER_ADMIN", "AUDITOR"}))
RETRIES = Guard(frozenset({"BILLING", "SELLER_ADMIN"}))
_DRAFTS = 100


@get("/desk/billing", READS)
async def billing(ask: Ask) -> Response:
    """Held drafts by buyer, since it is a buyer's data that mends them all at once, or by rule; the oldest first within."""
    request = invoicing_pb2.ListHeldRequest(
        account_id=ask.query("account")[:64], page_size=_DRAFTS, page_token=ask.query("after")
    )
    found = await ask.of.invoicing("ListHeld", request)
    unread = await together(responses=_unread(ask))
    drafts = sorted(found.drafts, key=lambda draft: draft.account_id)
    by_account: Mapping[str, list[Any]] = {
        account: list(of) for account, of in groupby(drafts, key=lambda draft: draft.account_id)
    }
    return ask.show(
        "desk_billing.html",
        by_account=by_account,
        by_rule=_by_rule(found.drafts) if ask.query("by") == "rule" else {},
        next_token=found.next_page_token,
        mends=findings.mended_by,
        queued=ask.query("queued"),
        unread=unread["responses"],
    )


@post("/desk/billing/retry", RETRIES)
async def retry(ask: Ask) -> Response:
    """Have a buyer's held drafts judged again, after its data were corrected."""
    request = invoicing_pb2.RetryHeldRequest(account_id=ask.typed("account"))
    answer = await ask.of.invoicing("RetryHeld", request, ask.write())
    return ask.go("/desk/billing", queued=str(answer.queued))


async def _unread(ask: Ask) -> Any:
    """What buyers' systems said and nobody could read; False: not for the reader."""
    if not ask.may("responses", "ListUnreadResponses"):
        return False
    return await ask.of("responses", "ListUnreadResponses", responses_pb2.ListUnreadResponsesRequest(page_size=PAGE))


def _by_rule(drafts: Iterable[Any]) -> dict[str, list[tuple[Any, Any]]]:
    """Drafts with what a rule finds in each, by rule, the one that holds most of them first; each draft once a rule."""
    found: dict[str, dict[str, tuple[Any, Any]]] = {}
    for draft in drafts:
        for finding in draft.findings:
            found.setdefault(finding.rule, {}).setdefault(draft.draft_id, (draft, finding))
    return {rule: list(of.values()) for rule, of in sorted(found.items(), key=lambda one: (-len(one[1]), one[0]))}
