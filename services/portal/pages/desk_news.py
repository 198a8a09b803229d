"""News and tips for buyers, at the seller's desk: written, looked at in each language, published, withdrawn."""

from collections.abc import Sequence, Set
from datetime import date, timedelta

from fastapi.responses import Response

from services.portal import usecases
from services.portal.domain import news
from services.portal.domain.news import LANGUAGES, Item, Text
from services.portal.domain.people import BUYER_ROLES, Guard
from services.portal.pages.desk_register import Said
from services.portal.pages.profile import NAMES
from services.portal.web import PAGE, Ask, get, post

WRITES = Guard(frozenset({"SELLER_ADMIN", "SALES"}))
_USUAL_DAYS = 30  # that something is shown, unless another day is typed


@get("/desk/news", WRITES)
async def items(ask: Ask) -> Response:
    """All of it, the last written first, a page at a time."""
    found, next_token = await usecases.list_news(ask.door, ask.person, ask.query("after"), PAGE)
    shown = [(one, news.shown(one.item, ask.words.html)) for one in found]
    return ask.show("desk_news.html", items=shown, today=await ask.today(), next_token=next_token)


@get("/desk/news/new", WRITES)
async def new(ask: Ask) -> Response:
    """A form for a new item; ?again= begins with what another one says."""
    today = await ask.today()
    days = {"first": today.isoformat(), "last": (today + timedelta(days=_USUAL_DAYS)).isoformat()}
    if again := ask.query("again"):
        item = (await usecases.find_news(ask.door, ask.person, again)).item
        return _form(ask, _said(item, days), item.roles)
    return _form(ask, lambda name: days.get(name, ""), ())


@post("/desk/news/new", WRITES)
async def write(ask: Ask) -> Response:
    """Keep it; nobody sees it yet."""
    item = _typed(ask, "")
    if flaws := usecases.flaws_of(item):
        return _form(ask, ask.typed, item.roles, flaws)
    news_id = await usecases.write_news(ask.door, ask.person, item, ask.write().key)
    return ask.go(f"/desk/news/{news_id}")


@get("/desk/news/{news}", WRITES)
async def one(ask: Ask) -> Response:
    """One item, as readers of each language see it, and what can be done with it."""
    found = await usecases.find_news(ask.door, ask.person, ask.path("news"))
    previews = [(language, news.shown(found.item, language)) for language in LANGUAGES]
    return ask.show("desk_news_item.html", found=found, previews=previews, names=NAMES, today=await ask.today())


@get("/desk/news/{news}/change", WRITES)
async def to_change(ask: Ask) -> Response:
    """The form with what it says."""
    found = await usecases.find_news(ask.door, ask.person, ask.path("news"))
    if not found.is_draft:
        return ask.go(f"/desk/news/{found.item.news_id}")
    return _form(ask, _said(found.item, {}), found.item.roles)


@post("/desk/news/{news}/change", WRITES)
async def change(ask: Ask) -> Response:
    """Let it say something else, as long as nobody has seen it."""
    await usecases.find_news(ask.door, ask.person, ask.path("news"))
    item = _typed(ask, ask.path("news"))
    if flaws := usecases.flaws_of(item):
        return _form(ask, ask.typed, item.roles, flaws)
    await usecases.change_news(ask.door, ask.person, item)
    return ask.go(f"/desk/news/{item.news_id}")


@post("/desk/news/{news}/publish", WRITES)
async def publish(ask: Ask) -> Response:
    """Buyers see it from its first day on."""
    await usecases.publish_news(ask.door, ask.person, ask.path("news"))
    return ask.go(f"/desk/news/{ask.path('news')}")


@post("/desk/news/{news}/withdraw", WRITES)
async def withdraw(ask: Ask) -> Response:
    """Nobody sees it any more."""
    await usecases.withdraw_news(ask.door, ask.person, ask.path("news"))
    return ask.go(f"/desk/news/{ask.path('news')}")


def _typed(ask: Ask, news_id: str) -> Item:
    """What was typed; a language of which nothing was typed has no text."""
    texts = {one: Text(ask.line(f"title-{one}"), ask.lines(f"body-{one}")) for one in LANGUAGES}
    return Item(
        news_id=news_id,
        kind=ask.typed("kind"),
        texts={language: text for language, text in texts.items() if text.title or text.body},
        fallback=ask.typed("fallback"),
        roles=frozenset(ask.typed_all("role")),
        act=ask.typed("act"),
        # What is no day makes no span of days.
        from_day=_day(ask.typed("first")) or date.max,
        to_day=_day(ask.typed("last")) or date.min,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _said(item: Item, days: dict[str, str]) -> Said:
    """What an item says, by the names of the form's fields, on other days if they are given."""
    said = {"kind": item.kind, "fallback": item.fallback, "act": item.act}
    said |= {"first": item.from_day.isoformat(), "last": item.to_day.isoformat()} | days
    for language, text in item.texts.items():
        said |= {f"title-{language}": text.title, f"body-{language}": text.body}
    return lambda name: said.get(name, "")


def _form(ask: Ask, typed: Said, roles: Sequence[str] | Set[str], flaws: dict[str, str] | None = None) -> Response:
    return ask.show(
        "desk_news_form.html",
        422 if flaws else 200,
        typed=typed,
        chosen=roles,
        roles=sorted(BUYER_ROLES),
        kinds=[(kind, ask.words.label(kind)) for kind in news.KINDS],
        acts=[("", ask.words.say("anything")), *((act, ask.words.label(act)) for act in news.ACTS)],
        names=NAMES,
        errors={field: ask.words.label(code) for field, code in (flaws or {}).items()},
    )
