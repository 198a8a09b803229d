"""Remembers what the seller's people tell buyers, who has done what it may be about, and who wants to see none of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.chassis.database import Tx
from services.portal.domain.news import FIRST_ORDER, JUST, Item, Text

SHOWN = 100  # of a seller's items that are current, the newest of which one is chosen
AT_ONCE = 1000  # rows that one transaction forgets


@dataclass(frozen=True, slots=True)
class News:
    """An item, and what became of it."""

    item: Item
    written_by: str
    written_at: datetime
    published_at: datetime | None
    withdrawn_at: datetime | None

    @property
    def is_draft(self) -> bool:
        """Nobody has seen it, and it may say something else."""
        return not (self.published_at or self.withdrawn_at)

    def state(self, today: date) -> str:
        """NEWS_DRAFT, NEWS_PUBLISHED, NEWS_OVER or NEWS_WITHDRAWN."""
        if self.withdrawn_at:
            return "NEWS_WITHDRAWN"
        if not self.published_at:
            return "NEWS_DRAFT"
        return "NEWS_OVER" if self.item.to_day < today else "NEWS_PUBLISHED"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is remembered of a reader."""

    done: dict[str, date]
    quiet_until: date
    # An order of theirs waits for somebody's approval.
    waits: bool


_ITEM = "news_id, kind, texts, fallback, roles, act, from_day, to_day"
_NEWS = f"{_ITEM}, written_by, written_at, published_at, withdrawn_at"


async def add_news(tx: Tx, tenant: str, item: Item, written_by: str) -> bool:
    """An item that nobody sees yet; False if it is there already."""
    added = await tx.run(
        f"""INSERT INTO news (tenant, {_ITEM}, written_by, written_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now())
            ON CONFLICT DO NOTHING""",  # noqa: S608 - constant text
        [tenant, *_values(item), written_by],
    )
    return added == 1


async def change_news(tx: Tx, tenant: str, item: Item, written_by: str) -> bool:
    """An item says something else; False once it was published or withdrawn."""
    changed = await tx.run(
        f"""UPDATE news SET ({_ITEM}, written_by, written_at) = (%s, %s, %s, %s, %s, %s, %s, %s, %s, now())
             WHERE tenant = %s AND news_id = %s AND published_at IS NULL AND withdrawn_at IS NULL""",  # noqa: S608 - constant text
        [*_values(item), written_by, tenant, item.news_id],
    )
    return changed == 1


async def publish_news(tx: Tx, tenant: str, news_id: str) -> bool:
    """Buyers see it from its first day on; False if it was published or withdrawn before."""
    published = await tx.run(
        """UPDATE news SET published_at = now()
            WHERE tenant = %s AND news_id = %s AND published_at IS NULL AND withdrawn_at IS NULL""",
        [tenant, news_id],
    )
    return published == 1


async def withdraw_news(tx: Tx, tenant: str, news_id: str) -> bool:
    """Nobody sees it any more; False if that was so."""
    withdrawn = await tx.run(
        "UPDATE news SET withdrawn_at = now() WHERE tenant = %s AND news_id = %s AND withdrawn_at IS NULL",
        [tenant, news_id],
    )
    return withdrawn == 1


async def find_news(tx: Tx, tenant: str, news_id: str) -> News | None:
    """One item."""
    row = await tx.row(
        f"SELECT {_NEWS} FROM news WHERE tenant = %s AND news_id = %s",  # noqa: S608 - constant text
        [tenant, news_id],
    )
    return _news(row) if row else None


async def list_news(tx: Tx, tenant: str, after: str, most: int) -> list[News]:
    """All items, the last written first; those after one, if it is named."""
    rows = await tx.rows(
        f"""SELECT {_NEWS} FROM news
             WHERE tenant = %(tenant)s AND (%(after)s = '' OR (written_at, news_id) <
                   (SELECT written_at, news_id FROM news WHERE tenant = %(tenant)s AND news_id = %(after)s))
             ORDER BY written_at DESC, news_id DESC LIMIT {most}""",  # noqa: S608 - constant text
        {"tenant": tenant, "after": after},
    )
    return [_news(row) for row in rows]


async def current_news(tx: Tx, tenant: str, contact_id: str, today: date) -> list[Item]:
    """What buyers may be shown on a day, but for what this one does not want to see again."""
    rows = await tx.rows(
        f"""SELECT {_ITEM} FROM news AS n
             WHERE tenant = %s AND published_at IS NOT NULL AND withdrawn_at IS NULL
               AND to_day >= %s AND from_day <= %s
               AND NOT EXISTS (SELECT FROM news_dismissed AS d
                                WHERE d.tenant = n.tenant AND d.contact_id = %s AND d.news_id = n.news_id)
             ORDER BY from_day DESC, news_id DESC LIMIT {SHOWN}""",  # noqa: S608 - constant text
        [tenant, today, today, contact_id],
    )
    return [_item(row) for row in rows]


async def published_news(
    tx: Tx, tenant: str, roles: Sequence[str], today: date, *, after: str, most: int
) -> list[Item]:
    """What is told on a day to whoever has one of these roles, the newest first; those after one, if it is named."""
    rows = await tx.rows(
        f"""SELECT {_ITEM} FROM news
             WHERE tenant = %(tenant)s AND published_at IS NOT NULL AND withdrawn_at IS NULL
               AND to_day >= %(today)s AND from_day <= %(today)s AND (roles = '{{}}' OR roles && %(roles)s::text[])
               AND (%(after)s = '' OR (from_day, news_id) <
                   (SELECT from_day, news_id FROM news WHERE tenant = %(tenant)s AND news_id = %(after)s))
             ORDER BY from_day DESC, news_id DESC LIMIT {most}""",  # noqa: S608 - constant text
        {"tenant": tenant, "today": today, "roles": list(roles), "after": after},
    )
    return [_item(row) for row in rows]


async def wishes_of(tx: Tx, tenant: str, contact_id: str) -> Wishes:
    """What a reader did, and until when they want to see nothing."""
    deeds = await tx.rows(
        "SELECT act, on_day FROM deed WHERE tenant = %s AND contact_id = %s ORDER BY act", [tenant, contact_id]
    )
    row = await tx.row(
        """SELECT (SELECT until_day FROM news_quiet WHERE tenant = %(tenant)s AND contact_id = %(contact)s) AS until_day,
                  EXISTS (SELECT FROM purchase WHERE tenant = %(tenant)s AND contact_id = %(contact)s
                           AND state = 'AWAITING' AND expires_at > now()) AS waits""",
        {"tenant": tenant, "contact": contact_id},
    )
    return Wishes({deed.act: deed.on_day for deed in deeds}, row.until_day or date.min, row.waits)


async def did(tx: Tx, tenant: str, contact_id: str, act: str) -> None:
    """Somebody did something just now."""
    await tx.run(
        """INSERT INTO deed (tenant, contact_id, act, on_day) VALUES (%s, %s, %s, %s)
           ON CONFLICT (tenant, contact_id, act) DO UPDATE SET on_day = EXCLUDED.on_day""",
        [tenant, contact_id, act, tx.at.date()],
    )


async def ordered(tx: Tx, tenant: str, contact_id: str) -> None:
    """Somebody ordered just now: if that was their first order here, it counts as such."""
    await tx.run(
        """INSERT INTO deed (tenant, contact_id, act, on_day)
           SELECT %(tenant)s, %(contact)s, %(act)s, %(day)s
            WHERE 1 = (SELECT count(*) FROM (SELECT FROM purchase WHERE tenant = %(tenant)s AND contact_id = %(contact)s
                        LIMIT 2) AS orders)
           ON CONFLICT DO NOTHING""",
        {"tenant": tenant, "contact": contact_id, "act": FIRST_ORDER, "day": tx.at.date()},
    )


async def dismiss(tx: Tx, tenant: str, contact_id: str, news_id: str) -> None:
    """A reader does not want to see an item again; what is no item, nobody can dismiss."""
    await tx.run(
        """INSERT INTO news_dismissed (tenant, contact_id, news_id)
           SELECT tenant, %s, news_id FROM news WHERE tenant = %s AND news_id = %s
           ON CONFLICT DO NOTHING""",
        [contact_id, tenant, news_id],
    )


async def be_quiet(tx: Tx, tenant: str, contact_id: str, until_day: date) -> None:
    """Show a reader nothing before a day."""
    await tx.run(
        """INSERT INTO news_quiet AS q (tenant, contact_id, until_day) VALUES (%s, %s, %s)
           ON CONFLICT (tenant, contact_id) DO UPDATE SET until_day = greatest(q.until_day, EXCLUDED.until_day)""",
        [tenant, contact_id, until_day],
    )


async def forget_reader(tx: Tx, tenant: str, contact_id: str) -> None:
    """Forget what a contact did, what it was shown, and what it did not want to see."""
    for table in ("news_dismissed", "news_quiet", "deed", "guide"):
        await tx.run(f"DELETE FROM {table} WHERE tenant = %s AND contact_id = %s", [tenant, contact_id])  # noqa: S608 - our own words


async def forget_wishes(tx: Tx, tenant: str) -> int:
    """Forget of readers what chooses nothing any more: of items that are over, quiet that is, and deeds of long ago."""
    today, forgotten = tx.at.date(), 0
    for table, over, day in (
        ("deed", "on_day < %s", today - JUST),
        ("news_quiet", "until_day <= %s", today),
        (
            "news_dismissed",
            """EXISTS (SELECT FROM news AS n WHERE n.tenant = news_dismissed.tenant
                          AND n.news_id = news_dismissed.news_id AND (n.to_day < %s OR n.withdrawn_at IS NOT NULL))""",
            today,
        ),
    ):
        forgotten += await tx.run(
            f"""DELETE FROM {table} WHERE ctid = ANY (ARRAY (
                  SELECT ctid FROM {table} WHERE tenant = %s AND {over} LIMIT {AT_ONCE} FOR UPDATE SKIP LOCKED))""",  # noqa: S608 - our own words
            [tenant, day],
        )
    return forgotten


def _values(item: Item) -> Sequence[Any]:
    said = {language: {"title": text.title, "body": text.body} for language, text in item.texts.items()}
    return [
        item.news_id,
        item.kind,
        json.dumps(said),
        item.fallback,
        sorted(item.roles),
        item.act,
        item.from_day,
        item.to_day,
    ]


def _item(row: Any) -> Item:
    return Item(
        news_id=row.news_id,
        kind=row.kind,
        texts={language: Text(said["title"], said["body"]) for language, said in row.texts.items()},
        fallback=row.fallback,
        roles=frozenset(row.roles),
        act=row.act,
        from_day=row.from_day,
        to_day=row.to_day,
    )


def _news(row: Any) -> News:
    return News(_item(row), row.written_by, row.written_at, row.published_at, row.withdrawn_at)
