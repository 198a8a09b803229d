"""What the seller's people told a reader, who wants to see no more of it; the overview shows it."""

from fastapi.responses import Response

from services.portal import usecases
from services.portal.domain.people import BUYERS
from services.portal.web import Ask, post


@post("/news/not-now", BUYERS)
async def not_now(ask: Ask) -> Response:
    """Not that again, and nothing else today."""
    await usecases.not_now(ask.door, ask.person, ask.typed("news"))
    return ask.go("/")


@post("/news/less", BUYERS)
async def less(ask: Ask) -> Response:
    """Nothing for a while."""
    await usecases.show_less(ask.door, ask.person)
    return ask.go("/")
