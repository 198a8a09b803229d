"""What low answers ask of the seller's people, worst first; and how well an account is."""

from datetime import date

from fastapi.responses import Response
from receivables.notifications.v1 import feedback_pb2

from services.kernel.refusals import Invalid
from services.portal.asks import Refused, together
from services.portal.domain import feedback
from services.portal.domain.people import Guard
from services.portal.pages.desk_names import names_of
from services.portal.web import PAGE, Ask, get, post

READS = Guard(frozenset("CREDIT BILLING DISPUTE_OWNER SALES LOGISTICS SELLER_ADMIN AUDITOR".split()))
CLOSES = Guard(READS.roles - {"AUDITOR"})
HEALTH = Guard(frozenset("CREDIT BILLING COLLECTOR DISPUTE_OWNER SALES SELLER_ADMIN AUDITOR".split()))
CAUSES = ("DELIVERY", "DOCUMENT", "PRICE", "TERMS", "SPEED", "WORDS", "SYSTEM", "OTHER")
# What an answer of a kind mostly comes from: chosen already where it is closed.
USUALLY = {"COMPLETE": "DELIVERY", "BOOKED": "DOCUMENT", "FITS": "TERMS"}


@get("/desk/feedback", READS)
async def queue(ask: Ask) -> Response:
    """What waits for the reader's roles, what was not well the first time first, then the lowest answer."""
    return await _queue(ask)


@post("/desk/feedback/{question}", CLOSES)
async def close(ask: Ask) -> Response:
    """It is done: whoever answered hears what."""
    request = feedback_pb2.CloseActionRequest(
        question_id=ask.path("question"), cause=ask.typed("cause"), said=ask.lines("said")
    )
    try:
        await ask.of.feedback("CloseAction", request, ask.write())
    except (Refused, Invalid) as refused:
        return await _queue(ask, 422, ask.refused(refused), ask.path("question"))
    return ask.go("/desk/feedback", told="yes")


@get("/desk/accounts/{account}/health", HEALTH)
async def health(ask: Ask) -> Response:
    """Role by role how well an account is and of what that is made, the answers over time, and what was done about them."""
    of, account_id = ask.of, ask.path("account")
    found = await together(
        health=of.feedback("GetHealth", feedback_pb2.GetHealthRequest(account_id=account_id)),
        listed=of.feedback("ListActions", feedback_pb2.ListActionsRequest(account_id=account_id, page_size=PAGE)),
    )
    answers = found["health"].answers if found["health"] else ()
    expectations = found["health"].expectations if found["health"] else ()
    people = {f"contact:{one.contact_id}" for one in (*answers, *expectations)}
    marks = feedback.marks([(one.at.ToDatetime(), one.value) for one in answers if one.topic != "MENDED"])
    return ask.show(
        "desk_health.html",
        account_id=account_id,
        marks=marks,
        width=feedback.WIDTH,
        height=feedback.HEIGHT,
        names=await names_of(ask, people),
        **found,
    )


async def _queue(ask: Ask, status: int = 200, refused: str = "", at: str = "") -> Response:
    request = feedback_pb2.ListActionsRequest(page_size=PAGE, page_token=ask.query("after"))
    found = await together(listed=ask.of.feedback("ListActions", request))
    today = await ask.today()
    return ask.show(
        "desk_feedback.html",
        status,
        causes=[(cause, ask.words.label(f"cause {cause}")) for cause in CAUSES],
        usually=USUALLY,
        refused=refused,
        refused_at=at,
        typed=ask.typed,
        told=bool(ask.query("told")),
        late=lambda due: date.fromisoformat(due) < today,
        **found,
    )
