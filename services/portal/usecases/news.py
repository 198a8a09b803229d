"""What the seller's people tell buyers: written, published, withdrawn; and shown to whom it is for, quietly."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from services.chassis import texts
from services.kernel.refusals import Conflict, NotFound
from services.portal import store
from services.portal.domain import news
from services.portal.domain.news import Item, Reader, Shown, State
from services.portal.domain.people import Person
from services.portal.store import News
from services.portal.usecases.door import Door, noted

_ID_CHARACTERS = 32
_UNKNOWN = NotFound("news.unknown", "there is no such piece of news")


def flaws_of(item: Item) -> dict[str, str]:
    """What is wrong with an item, by field: by its rules, or with its characters."""
    found = news.flaws(item)
    for language, text in item.texts.items():
        for field, said, kind in (("title", text.title, texts.LINE), ("body", text.body, texts.LINES)):
            if not texts.fits(said, kind, len(said)):
                found[f"{field}-{language}"] = "news.characters"
    return found


async def write_news(door: Door, person: Person, item: Item, once: str) -> str:
    """Keep a new item, which nobody sees yet; return its id. The same form again is the same item."""
    assert not flaws_of(item), "what is wrong with it is said beside its fields"
    news_id = door.keyed("news", person.tenant, once).hex()[:_ID_CHARACTERS]
    async with door.database.transaction([person.tenant]) as tx:
        if await store.add_news(tx, person.tenant, replace(item, news_id=news_id), person.subject):
            await noted(tx, person, "portal/WriteNews", about=news_id)
    return news_id


async def change_news(door: Door, person: Person, item: Item) -> None:
    """Let an item say something else, as long as nobody has seen it."""
    assert not flaws_of(item), "what is wrong with it is said beside its fields"
    async with door.database.transaction([person.tenant]) as tx:
        if await store.find_news(tx, person.tenant, item.news_id) is None:
            raise _UNKNOWN
        if not await store.change_news(tx, person.tenant, item, person.subject):
            raise Conflict("news.published", "what was published stands as it is: withdraw it, and write it anew")
        await noted(tx, person, "portal/ChangeNews", about=item.news_id)


async def publish_news(door: Door, person: Person, news_id: str) -> None:
    """Let buyers see an item, from its first day to its last; twice is once."""
    async with door.database.transaction([person.tenant]) as tx:
        found = await store.find_news(tx, person.tenant, news_id)
        if found is None:
            raise _UNKNOWN
        if found.withdrawn_at or found.item.to_day < tx.at.date():
            raise Conflict("news.over", "it was withdrawn, or its last day is over")
        if await store.publish_news(tx, person.tenant, news_id):
            await noted(tx, person, "portal/PublishNews", about=news_id)


async def withdraw_news(door: Door, person: Person, news_id: str) -> None:
    """Let nobody see an item any more, published or not; twice is once."""
    async with door.database.transaction([person.tenant]) as tx:
        if await store.find_news(tx, person.tenant, news_id) is None:
            raise _UNKNOWN
        if await store.withdraw_news(tx, person.tenant, news_id):
            await noted(tx, person, "portal/WithdrawNews", about=news_id)


async def find_news(door: Door, person: Person, news_id: str) -> News:
    """One item of the seller's; raises NotFound."""
    async with door.database.transaction([person.tenant]) as tx:
        found = await store.find_news(tx, person.tenant, news_id)
    if found is None:
        raise _UNKNOWN
    return found


async def list_news(door: Door, person: Person, after: str, most: int) -> tuple[Sequence[News], str]:
    """A page of the seller's items, the last written first, and after which one the next page begins ("": none)."""
    async with door.database.transaction([person.tenant]) as tx:
        found = await store.list_news(tx, person.tenant, after, most + 1)
    return found[:most], found[most - 1].item.news_id if len(found) > most else ""


async def news_for(door: Door, person: Person, language: str, state: State, today: date) -> Shown | None:
    """What somebody is shown beside what they came for: one thing at most, and nothing beside trouble (RULES: news)."""
    if not state.is_calm:
        return None
    async with door.database.transaction([person.tenant]) as tx:
        items = await store.current_news(tx, person.tenant, person.contact_id, today)
        if not items:
            return None
        wishes = await store.wishes_of(tx, person.tenant, person.contact_id)
    reader = Reader(person.roles, language, wishes.done, quiet_until=wishes.quiet_until)
    return news.choose(items, reader, replace(state, held=state.held or wishes.waits), today)


async def all_news_for(door: Door, person: Person, today: date, after: str, most: int) -> tuple[Sequence[Item], str]:
    """A page of what is told to somebody with these roles, the newest first, and after which one the next begins ("": none)."""
    async with door.database.transaction([person.tenant]) as tx:
        found = await store.published_news(tx, person.tenant, sorted(person.roles), today, after=after, most=most + 1)
    return found[:most], found[most - 1].news_id if len(found) > most else ""


async def not_now(door: Door, person: Person, news_id: str) -> None:
    """Never show somebody that item again, and nothing else today."""
    async with door.database.transaction([person.tenant]) as tx:
        await store.dismiss(tx, person.tenant, person.contact_id, news_id)
        await store.be_quiet(tx, person.tenant, person.contact_id, tx.at.date() + news.NOT_NOW)


async def show_less(door: Door, person: Person) -> None:
    """Show somebody nothing for a while."""
    async with door.database.transaction([person.tenant]) as tx:
        await store.be_quiet(tx, person.tenant, person.contact_id, tx.at.date() + news.LESS)


async def did(door: Door, person: Person, act: str) -> None:
    """A buyer's person did something just now that may be told about; of the seller's people nothing is kept."""
    if person.is_buyer:
        async with door.database.transaction([person.tenant]) as tx:
            await store.did(tx, person.tenant, person.contact_id, act)
