"""What the seller's people tell buyers: all of it on a page, and what the overview shows and a reader wants no more of."""

from fastapi.responses import Response

from services.portal import usecases
from services.portal.domain import news
from services.portal.domain.people import BUYERS
from services.portal.web import PAGE, Ask, get, post


@get("/news", BUYERS)
async def items(ask: Ask) -> Response:
    """All that is told to somebody with the reader's roles just now, the newest first, a page at a time."""
    found, next_token = await usecases.all_news_for(ask.door, ask.person, await ask.today(), ask.query("after"), PAGE)
    shown = [(one, news.shown(one, ask.words.html)) for one in found]
    return ask.show("news.html", items=shown, next_token=next_token)


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
