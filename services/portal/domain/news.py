"""What the seller's people tell buyers: how it is written, and who is shown which of it, and when nobody is."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date, timedelta

from services.portal.domain.people import BUYER_ROLES

LANGUAGES = ("en", "de", "fr", "sv")
KINDS = ("NEWS", "TIP")
# What somebody did here, as far as it may be told about.
FIRST_ORDER, DISPUTE_OPENED, DISPUTE_RESOLVED = "FIRST_ORDER", "DISPUTE_OPENED", "DISPUTE_RESOLVED"
PAYMENT_ANNOUNCED, PERSON_INVITED = "PAYMENT_ANNOUNCED", "PERSON_INVITED"
ACTS = (FIRST_ORDER, DISPUTE_OPENED, DISPUTE_RESOLVED, PAYMENT_ANNOUNCED, PERSON_INVITED)
TITLE_MAX, BODY_MAX = 80, 600  # characters
DAYS_MAX = 366  # that something is shown
JUST = timedelta(days=7)  # for so long somebody did something just now
NOT_NOW, LESS = timedelta(days=1), timedelta(days=30)  # for so long who says so is shown nothing more


@dataclass(frozen=True, slots=True)
class Text:
    """What is said in one language: a line, and some lines, without marks."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of news, or a tip."""

    news_id: str
    kind: str
    texts: Mapping[str, Text]
    # The language whose text those read in whose own there is none.
    fallback: str
    # Whom it is for; empty: everybody.
    roles: Set[str]
    # What they did just before; empty: whatever they did.
    act: str
    # Both included.
    from_day: date
    to_day: date


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who may be shown something."""

    roles: Set[str]
    language: str
    # When they did last what may be told about.
    done: Mapping[str, date]
    # Nothing is shown before that day.
    quiet_until: date = date.min


@dataclass(frozen=True, slots=True)
class State:
    """What is between a reader and the seller just now, as far as the reader may know it."""

    open_case: bool = False
    held: bool = False
    overdue: bool = False
    # A service was away, so that something of it is not known.
    unknown: bool = False

    @property
    def is_calm(self) -> bool:
        """Whether somebody in this state may be told what they did not ask for."""
        return not (self.open_case or self.held or self.overdue or self.unknown)


@dataclass(frozen=True, slots=True)
class Shown:
    """A piece of news, or a tip, as one reader sees it."""

    news_id: str
    kind: str
    # Of the text: the reader's, or the one that is read instead.
    language: str
    text: Text


def choose(items: Iterable[Item], reader: Reader, state: State, today: date) -> Shown | None:
    """What a reader is shown: one thing at most, and nothing beside trouble (RULES: news).

    What is about something they did just now goes first, the last act before others; then the newest.
    """
    if not state.is_calm or today < reader.quiet_until:
        return None
    fitting = [item for item in items if _fits(item, reader, today)]
    if not fitting:
        return None
    best = max(fitting, key=lambda item: (reader.done.get(item.act, date.min), item.from_day, item.news_id))
    return shown(best, reader.language)


def _fits(item: Item, reader: Reader, today: date) -> bool:
    return (
        item.from_day <= today <= item.to_day
        and (not item.roles or bool(item.roles & reader.roles))
        and (not item.act or today - reader.done.get(item.act, date.min) <= JUST)
    )


def shown(item: Item, language: str) -> Shown:
    """An item in a language, or in the one that is read instead."""
    said = language if language in item.texts else item.fallback
    return Shown(item.news_id, item.kind, said, item.texts[said])


def flaws(item: Item) -> dict[str, str]:
    """What is wrong with an item as it was typed: a code by the name of its field; none: it may be kept."""
    found = {}
    if item.kind not in KINDS:
        found["kind"] = "news.kind"
    if not item.roles <= BUYER_ROLES:
        found["roles"] = "news.roles"
    if item.act and item.act not in ACTS:
        found["act"] = "news.act"
    if not timedelta() <= item.to_day - item.from_day < timedelta(days=DAYS_MAX):
        found["last"] = "news.days"
    for language, text in item.texts.items():
        if not (text.title and text.body):
            found[f"{'body' if text.title else 'title'}-{language}"] = "news.half"
        if len(text.title) > TITLE_MAX:
            found[f"title-{language}"] = "news.title_too_long"
        if len(text.body) > BODY_MAX:
            found[f"body-{language}"] = "news.body_too_long"
    if item.fallback not in LANGUAGES or item.fallback not in item.texts:
        found["fallback"] = "news.fallback"
    return found
