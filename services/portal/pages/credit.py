"""The credit line: how far it goes, what takes of it, what was decided about which order, and a higher one to take."""

from fastapi.responses import Response
from receivables.credit.v1 import events_pb2, exposure_pb2, service_pb2

from services.portal.asks import Refused, together
from services.portal.domain.people import CREDIT_LINE, Scope
from services.portal.pages.applying import APPLIES, for_the_applicant
from services.portal.web import PAGE, Ask, get, post

_REVIEWS = 5  # the newest are looked through for what is still to come


@get("/credit", CREDIT_LINE)
async def credit(ask: Ask) -> Response:
    """Limit, used, reserved and free; decisions, the newest first."""
    return await _show(ask)


async def _show(ask: Ask, status: int = 200, refused: str = "") -> Response:
    of, account = ask.of.credit, ask.person.account_id
    applies = APPLIES.lets_in(ask.person) and ask.person.scope == Scope()
    found = await together(
        reviews=_reviews(ask) if applies else _nothing(),
        line=of("GetAccount", service_pb2.GetAccountRequest(account_id=account)),
        decisions=of(
            "ListDecisions",
            service_pb2.ListDecisionsRequest(account_id=account, page_size=PAGE, page_token=ask.query("after")),
        ),
    )
    return ask.show(
        "credit.html",
        status,
        refused=refused,
        next_token=found["decisions"].next_page_token if found["decisions"] else "",
        applies=applies,
        **found,
    )


@post("/credit/reviews/{review}", APPLIES)
async def accept(ask: Ask) -> Response:
    """Take the higher limit that is offered."""
    request = exposure_pb2.AcceptReviewRequest(review_id=ask.path("review"))
    try:
        await ask.of.exposure("AcceptReview", request, ask.write())
    except Refused as refused:
        return await _show(ask, 422, ask.refused(refused))
    return ask.go("/credit")


async def _reviews(ask: Ask) -> list[exposure_pb2.LimitReview]:
    """What is offered, and what was announced and does not count yet; reasons without figures that are not the reader's."""
    request = exposure_pb2.ListReviewsRequest(account_id=ask.person.account_id, page_size=_REVIEWS)
    today = await ask.today()
    shown = []
    for one in (await ask.of.exposure("ListReviews", request)).reviews:
        is_offered = one.kind == events_pb2.REVIEW_KIND_RAISE and not one.end
        if is_offered or (one.HasField("counts_from") and one.counts_from.ToDatetime().date() > today):
            reasons = [for_the_applicant(reason) for reason in one.reasons]
            del one.reasons[:]
            one.reasons.extend(reasons)
            shown.append(one)
    return shown


async def _nothing() -> list[exposure_pb2.LimitReview]:
    """Who may not take an offer sees none."""
    return []
