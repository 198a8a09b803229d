"""What was promised, at the seller's desk: the share that was kept, what is late, how long an account's steps take."""

from collections.abc import Callable
from urllib.parse import quote

from fastapi.responses import Response
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.portal.asks import together
from services.portal.domain import pace
from services.portal.domain.pace import DAYS, HOURS, Share
from services.portal.domain.people import SELLERS
from services.portal.pages.desk_accounts import READS
from services.portal.web import PAGE, Ask, get

_PLACES = {
    "order": "/orders",
    "invoice": "/invoices",
    "dispute": "/desk/disputes",
    "payment": "/desk/cash/payments",
    "application": "/desk/applications",
}


@get("/desk/promises", SELLERS)
async def promises(ask: Ask) -> Response:
    """The share of promises that was kept, by step, where it takes longer than promised, and what is late now."""
    found = await together(
        kept=ask.of.notifications("GetPromises", notifications_pb2.GetPromisesRequest()),
        late=ask.of.notifications(
            "ListLate", notifications_pb2.ListLateRequest(page_size=PAGE, page_token=ask.query("after"))
        ),
    )
    kept = found["kept"]
    steps = kept.steps if kept else ()
    shares = [Share(step.duration.kind, step.duration.code, step.kept, step.missed) for step in steps]
    return ask.show(
        "desk_promises.html",
        shares=[share for share in shares if share.n],
        total=pace.together(shares),
        steps=[step.duration for step in steps if step.duration.ended],
        longest=max(
            (step.duration for step in steps if step.duration.ended and step.duration.owner != "BUYER"),
            key=lambda duration: duration.usually_minutes,
            default=None,
        ),
        took=_took(ask, kept.day_minutes if kept else 0),
        place=place,
        **found,
    )


@get("/desk/accounts/{account}/journey", READS)
async def journey(ask: Ask) -> Response:
    """How long an account's steps take, from its application to its payments, beside everybody's."""
    account_id = ask.path("account")
    request = notifications_pb2.GetAccountJourneyRequest(account_id=account_id)
    found = await ask.of.notifications("GetAccountJourney", request)
    most = max((max(step.own.usually_minutes, step.everybodys.usually_minutes) for step in found.steps), default=1)
    return ask.show(
        "desk_journey.html",
        account_id=account_id,
        steps=found.steps,
        most=most or 1,
        costly=next((step for step in found.steps if step.costs_most), None),
        took=_took(ask, found.day_minutes),
    )


def place(about: str, name: str) -> str:
    """Where the seller's people look at something, by what people call it."""
    kind, _, key = about.partition("/")
    return f"{_PLACES[kind]}/{quote(name or key, safe='')}" if kind in _PLACES else "/desk"


def _took(ask: Ask, day_minutes: int) -> Callable[[int], str]:
    """How long something takes, in the reader's words."""

    def say(minutes: int) -> str:
        found = pace.length(minutes, day_minutes)
        n = ask.words.number(found.n)
        if found.unit == DAYS:
            return ask.words.say("%(num)s business days", num=n)
        return ask.words.say("%(num)s h", num=n) if found.unit == HOURS else ask.words.say("%(num)s min", num=n)

    return say
