"""Limits that were looked at again: cuts that a person confirms, and raises that wait for the buyer."""

from datetime import UTC, datetime

from fastapi.responses import Response
from receivables.common.v1 import money_pb2
from receivables.credit.v1 import events_pb2, exposure_pb2

from services.kernel.refusals import Invalid
from services.portal.asks import Refused, together
from services.portal.pages.desk_credit import DECIDES, READS
from services.portal.web import PAGE, Ask, get, post

_AMOUNTS = ("overdue_minor", "open_p95_minor")  # figures in minor units of the limit's currency


@get("/desk/reviews", READS)
async def reviews(ask: Ask) -> Response:
    """What is open, the one with the least time left first, with how each account has paid."""
    return await _show(ask)


@post("/desk/reviews/{review}", DECIDES)
async def decide(ask: Ask) -> Response:
    """Confirm a cut, as proposed or milder, or leave the limit as it is."""
    try:
        choice = ask.typed("choice")
        if choice not in ("confirm", "keep"):
            raise Invalid("form.no_choice", ask.words.say("Choose to confirm, or to leave it."))
        request = exposure_pb2.DecideReviewRequest(review_id=ask.path("review"), confirmed=choice == "confirm")
        if choice == "confirm":
            if ask.typed("limit"):
                exact = ask.amount("limit", ask.typed("currency"))
                request.limit.CopyFrom(money_pb2.Money(minor=exact.minor, currency=exact.currency))
            if ask.typed("at_once"):
                request.counts_from.FromDatetime(datetime(1970, 1, 2, tzinfo=UTC))  # what is past counts at once
        await ask.of.exposure("DecideReview", request, ask.write())
    except (Refused, Invalid) as refused:
        return await _show(ask, 422, ask.refused(refused), ask.path("review"))
    return ask.go("/desk/reviews")


async def _show(ask: Ask, status: int = 200, refused: str = "", at: str = "") -> Response:
    request = exposure_pb2.ListReviewsRequest(page_size=PAGE, page_token=ask.query("after"))
    found = await together(listed=ask.of.exposure("ListReviews", request))
    rows = found["listed"].reviews if found["listed"] else ()
    return ask.show(
        "desk_reviews.html",
        status,
        rows=[(one, _figures(one)) for one in rows],
        refused=refused,
        refused_at=at,
        typed=ask.typed,
        CUT=events_pb2.REVIEW_KIND_CUT,
        **found,
    )


def _figures(one: exposure_pb2.LimitReview) -> list[tuple[str, str | money_pb2.Money]]:
    """How the account has paid: names and what people read."""
    shown: list[tuple[str, str | money_pb2.Money]] = []
    for figure in one.figures:
        is_amount = figure.name in _AMOUNTS
        value = money_pb2.Money(minor=int(figure.value), currency=one.current.currency) if is_amount else figure.value
        shown.append((figure.name, value))
    return shown
