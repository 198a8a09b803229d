"""What comes next, beside what somebody meets for the first time: shown on its page, until they want to see it no more."""

from collections.abc import Awaitable, Callable

from fastapi.responses import Response

from services.portal import usecases
from services.portal.asks import Away, Refused, Unknown
from services.portal.domain.guide import Guide
from services.portal.domain.people import BUYERS
from services.portal.web import Ask, inside, post


async def guide_of(ask: Ask, moment: str, about: str, is_first: Callable[[], Awaitable[bool]]) -> Guide | None:
    """What guidance says to the reader at this; nothing while that is not known, or to a clerk who only looks."""
    if ask.seen_by is not None:
        return None
    try:
        return await usecases.guide_for(ask.door, ask.person, moment, about, is_first)
    except (Away, Refused, Unknown):
        return None


@post("/guide/enough", BUYERS)
async def enough(ask: Ask) -> Response:
    """Not that again, and back to the page."""
    await usecases.end_guide(ask.door, ask.person, ask.typed("moment"))
    return ask.go(inside(ask.typed("back")))
