"""The credit line: how far it goes, what takes of it, and what was decided about which order, in words."""

from fastapi.responses import Response
from receivables.credit.v1 import service_pb2

from services.portal.asks import together
from services.portal.domain.people import CREDIT_LINE, Scope
from services.portal.pages.applying import APPLIES
from services.portal.web import PAGE, Ask, get


@get("/credit", CREDIT_LINE)
async def credit(ask: Ask) -> Response:
    """Limit, used, reserved and free; decisions, the newest first."""
    of, account = ask.of.credit, ask.person.account_id
    found = await together(
        line=of("GetAccount", service_pb2.GetAccountRequest(account_id=account)),
        decisions=of(
            "ListDecisions",
            service_pb2.ListDecisionsRequest(account_id=account, page_size=PAGE, page_token=ask.query("after")),
        ),
    )
    applies = APPLIES.lets_in(ask.person) and ask.person.scope == Scope()
    return ask.show(
        "credit.html",
        next_token=found["decisions"].next_page_token if found["decisions"] else "",
        applies=applies,
        **found,
    )
