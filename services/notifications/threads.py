"""Remembers what buyer and seller write to each other, what the seller notes for itself, and who has read how far."""

import time
from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from services.chassis.database import Database, Tx
from services.chassis.envelope import Origin
from services.chassis.pages import Page
from services.kernel.refusals import Invalid
from services.notifications import store
from services.notifications.domain.feedback import number_of
from services.notifications.domain.journeys import Journey
from services.notifications.domain.post import UNVERIFIED, Reply
from services.notifications.domain.threads import roles_for
from services.notifications.store import Key

MENTIONABLE_MOST = 100  # as the contract says (ListThreadResponse)
NAMES_MOST, NAMED_S = 1000, 5.0  # names that are remembered, and for how long
SEEN_DAYS = 90  # what nobody wrote in for so long is unread by nobody any more


async def add_message(
    tx: Tx, journey: Journey, author: str, text: str, mentions: Collection[str] = (), *, mail: Reply | None = None
) -> Any:
    """Keep what somebody wrote, who has read all before it, and the mail that it came by; return its row."""
    thread = await tx.row(
        """INSERT INTO thread AS t (tenant, about, account_id, last_nth, last_at) VALUES (%s, %s, %s, 1, %s)
           ON CONFLICT (tenant, about) DO UPDATE SET last_nth = t.last_nth + 1, last_at = EXCLUDED.last_at
           RETURNING last_nth""",
        [journey.tenant, journey.about, journey.account_id, tx.at],
    )
    row = await tx.row(
        """INSERT INTO thread_message (tenant, about, nth, account_id, author, text, channel, mentions, at, folded, left_out)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s::text[], %s, %s, %s) RETURNING *""",
        [
            journey.tenant,
            journey.about,
            thread.last_nth,
            journey.account_id,
            author,
            _worded(text),
            "MAIL" if mail else "PORTAL",
            list(dict.fromkeys(mentions)),
            tx.at,
            mail.folded if mail else "",
            mail.files if mail else 0,
        ],
    )
    await mark_read(tx, journey, reader_of(author), thread.last_nth)
    return row


async def add_note(tx: Tx, journey: Journey, author: str, text: str) -> Any:
    """Keep what somebody of the seller noted; return its row."""
    return await _note(tx, journey, author, text)


async def add_unverified(tx: Tx, journey: Journey, mail: Reply, claims: str) -> Any:
    """Keep for the seller's people a mail whose writer is not shown to be one of ours; return its row.

    `claims`: the person of ours whose address it names, if any.
    """
    row = await _note(tx, journey, UNVERIFIED, mail.text)
    return await tx.row(
        """UPDATE note SET folded = %s, left_out = %s, sender = %s, claims = %s
            WHERE tenant = %s AND about = %s AND nth = %s RETURNING *""",
        [mail.folded, mail.files, mail.sender, claims, row.tenant, row.about, row.nth],
    )


async def _note(tx: Tx, journey: Journey, author: str, text: str) -> Any:
    thread = await tx.row(
        """INSERT INTO thread AS t (tenant, about, account_id, last_note, last_at) VALUES (%s, %s, %s, 1, %s)
           ON CONFLICT (tenant, about) DO UPDATE SET last_note = t.last_note + 1 RETURNING last_note""",
        [journey.tenant, journey.about, journey.account_id, tx.at],
    )
    return await tx.row(
        """INSERT INTO note (tenant, about, nth, account_id, author, text, at)
           VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING *""",
        [journey.tenant, journey.about, thread.last_note, journey.account_id, author, _worded(text), tx.at],
    )


def _worded(text: str) -> str:
    if not text.strip():
        raise Invalid("thread.empty", "nothing is written there")
    return text.strip()


async def messages(tx: Tx, key: Key, page: Page) -> list[Any]:
    """What was written about something, oldest first."""
    return await tx.rows(
        f"""SELECT * FROM thread_message WHERE tenant = %s AND about = %s AND nth > %s
             ORDER BY nth LIMIT {page.most}""",  # noqa: S608 - a number
        [*key, *(page.after or (0,))],
    )


async def notes(tx: Tx, key: Key, page: Page) -> list[Any]:
    """What the seller's people noted about something, oldest first."""
    return await tx.rows(
        f"SELECT * FROM note WHERE tenant = %s AND about = %s AND nth > %s ORDER BY nth LIMIT {page.most}",  # noqa: S608 - a number
        [*key, *(page.after or (0,))],
    )


async def unread(
    tx: Tx, tenant: str, reader: str, account_id: str, page: Page, *, hidden: Collection[str] = ()
) -> list[Any]:
    """Threads in which lately somebody wrote what a reader has not seen, the newest first; of an account if one is named.

    `hidden`: kinds of things about which nothing is for the reader.
    """
    return await tx.rows(
        f"""SELECT t.about, t.account_id, t.last_nth - coalesce(r.nth, 0) AS unread, t.last_at
              FROM thread t LEFT JOIN reader r ON r.tenant = t.tenant AND r.reader = %s AND r.about = t.about
             WHERE t.tenant = %s AND t.last_nth > 0 AND t.last_at > %s - interval '{SEEN_DAYS} days'
               AND t.last_nth > coalesce(r.nth, 0) AND split_part(t.about, '/', 1) <> ALL (%s::text[])
                   {"AND t.account_id = %s" if account_id else ""}
                   {"AND (t.last_at, t.about) < (%s::timestamptz, %s)" if page.after else ""}
             ORDER BY t.last_at DESC, t.about DESC LIMIT {page.most}""",  # noqa: S608 - our own words and numbers
        [reader, tenant, tx.at, list(hidden), *([account_id] if account_id else []), *(page.after or ())],
    )


async def mark_read(tx: Tx, journey: Journey, reader: str, nth: int) -> None:
    """Somebody has read a thread up to a message, as far as there are so many; nobody unreads."""
    await tx.run(
        """INSERT INTO reader AS r (tenant, reader, about, account_id, nth)
           SELECT t.tenant, %s, t.about, t.account_id, least(%s, t.last_nth) FROM thread t
            WHERE t.tenant = %s AND t.about = %s
           ON CONFLICT (tenant, reader, about) DO UPDATE SET nth = greatest(r.nth, EXCLUDED.nth)""",
        [reader, nth, journey.tenant, journey.about],
    )


async def seen(tx: Tx, journey: Journey, reader: str) -> int:
    """Up to which message somebody has read a thread; 0: nothing of it."""
    row = await tx.row(
        "SELECT nth FROM reader WHERE tenant = %s AND reader = %s AND about = %s",
        [journey.tenant, reader, journey.about],
    )
    return int(row.nth) if row else 0


async def mentionable(tx: Tx, journey: Journey, reader: str) -> list[Any]:
    """Whom somebody may mention: who may see it too, of those whom the reader sees, by name; the reader's own side first."""
    scope = journey.scope
    return await tx.rows(
        f"""SELECT contact_id, account_id, name FROM contact
             WHERE tenant = %s AND account_id = ANY (%s::text[]) AND roles <> '{{}}' AND suspended_at IS NULL
               AND (%s::text[] IS NULL OR roles && %s::text[])
               AND site IN ('', %s) AND cost_centre IN ('', %s) AND purchase_order IN ('', %s) AND contact_id <> %s
             ORDER BY (account_id = '') <> %s, lower(name), contact_id LIMIT {MENTIONABLE_MOST}""",  # noqa: S608 - a number
        [
            journey.tenant,
            ["", journey.account_id],
            *_roles(journey),
            scope.site,
            scope.cost_centre,
            scope.purchase_order,
            reader.partition(":")[2],
            reader.startswith("user:"),
        ],
    )


async def check_mentions(tx: Tx, journey: Journey, mentions: Collection[str]) -> None:
    """Refuse to mention whom it does not concern: people of the account, or of the seller, who are there still."""
    if not mentions:
        return
    async with tx.all_accounts():
        rows = await tx.rows(
            """SELECT contact_id FROM contact
                WHERE tenant = %s AND contact_id = ANY (%s) AND account_id = ANY (%s::text[]) AND roles <> '{}'
                  AND (%s::text[] IS NULL OR roles && %s::text[])""",
            [journey.tenant, list(mentions), ["", journey.account_id], *_roles(journey)],
        )
    if {row.contact_id for row in rows} < set(mentions):
        raise Invalid("thread.mention_unknown", "only people of the account or of the seller are mentioned")


def _roles(journey: Journey) -> list[list[str] | None]:
    """Who alone may be mentioned, as a condition takes it twice."""
    roles = roles_for(journey.kind)
    return [sorted(roles) if roles else None] * 2


def reader_of(author: str) -> str:
    """Who has read what somebody wrote: they themselves, whoever they stand in for."""
    return author.partition(" for ")[0]


async def names_of(tx: Tx, call: Origin, rows: Iterable[Any], seller: str) -> dict[str, str]:
    """How the authors of messages are called; of the seller's people, who does not see them reads the seller's name."""
    authors = {row.author for row in rows}
    ids = {author: reader_of(author).partition(":")[2] for author in authors}
    known = await store.names(tx, call.tenant, set(ids.values()))
    return {
        author: known.get(ids[author], seller if reader_of(author).startswith("user:") else "") for author in authors
    }


async def heard_of(tx: Tx, key: Key) -> set[str]:
    """Who was told of something, or wrote about it: ids of contacts."""
    told = await tx.rows("SELECT DISTINCT contact_id FROM message WHERE tenant = %s AND about = %s", key)
    wrote = await tx.rows("SELECT DISTINCT author FROM thread_message WHERE tenant = %s AND about = %s", key)
    authors = {reader_of(row.author) for row in wrote}
    return {row.contact_id for row in told} | {author.partition(":")[2] for author in authors}


class Written:
    """What was written in threads and of what answers asked, and how people are called, for who quotes it (domain/quotes.py)."""

    def __init__(self, database: Database) -> None:
        """Remember where it is."""
        self._database = database
        self._names: dict[Key, tuple[str, float]] = {}

    async def text(self, tenant: str, about: str, nth: int) -> str:
        """One message; nothing if it is forgotten."""
        async with self._database.transaction([tenant]) as tx:
            row = await tx.row(
                "SELECT text FROM thread_message WHERE tenant = %s AND about = %s AND nth = %s", [tenant, about, nth]
            )
        return str(row.text) if row else ""

    async def name(self, tenant: str, contact_id: str) -> str:
        """How somebody is called; nothing if they are forgotten. Who is in every mail of a batch is asked for once."""
        known, until = self._names.get((tenant, contact_id), ("", 0.0))
        if until > time.monotonic():
            return known
        async with self._database.transaction([tenant]) as tx:
            known = (await store.names(tx, tenant, [contact_id])).get(contact_id, "")
        if len(self._names) >= NAMES_MOST:
            self._names.clear()
        self._names[(tenant, contact_id)] = known, time.monotonic() + NAMED_S
        return known

    async def done(self, tenant: str, about: str, number: int) -> str:
        """What was said to be done about an answer; nothing if it is forgotten."""
        async with self._database.transaction([tenant]) as tx:
            rows = await tx.rows(
                "SELECT question_id, said FROM feedback_action WHERE tenant = %s AND about = %s", [tenant, about]
            )
        return next((str(row.said) for row in rows if number_of(row.question_id) == number), "")


async def forget(tx: Tx, contact: Key) -> None:
    """Forget what somebody wrote, in their own name or for another."""
    for subject in (f"contact:{contact[1]}", f"user:{contact[1]}"):
        for table in ("thread_message", "note"):
            await tx.run(
                f"""UPDATE {table} SET text = '', folded = ''
                     WHERE tenant = %s AND text <> ''
                       AND (writer = %s OR written_for = %s AND written_for <> '')""",  # noqa: S608 - constant words
                [contact[0], subject, subject],
            )
        await tx.run(
            """UPDATE note SET text = '', folded = '', sender = '', claims = ''
                WHERE tenant = %s AND claims = %s AND claims <> ''""",
            [contact[0], subject],
        )


async def forget_outdated(tx: Tx, tenant: str, before: date, most: int) -> int:
    """Remove some of what was written before a day, and threads in which nothing was since; return how much."""
    asked = [tenant, tenant, before, most]
    gone = 0
    for table in ("thread_message", "note"):
        gone += await tx.run(
            f"""DELETE FROM {table} WHERE tenant = %s AND (about, nth) IN (
                  SELECT about, nth FROM {table} WHERE tenant = %s AND at < %s ORDER BY at LIMIT %s)""",  # noqa: S608 - constant words
            asked,
        )
    return gone
