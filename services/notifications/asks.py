"""Remembers what is asked of the buyers' people until it is done (domain/asks.py), and who stands in for whom."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, LiteralString

from receivables.notifications.v1 import events_pb2

from services.chassis import jobs
from services.chassis.columns import Columns, within
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin, new_traceparent
from services.chassis.pages import Page
from services.kernel.orders import Scope
from services.notifications import journeys
from services.notifications.domain import asks as domain
from services.notifications.domain.asks import Ask, Asked, Level
from services.notifications.domain.matrix import Kind
from services.notifications.domain.roles import Role
from services.notifications.store import Key

ASK = "ask"  # the kind of job that asks further; its subject is whose people were asked
LOOKED_AT = 200  # asks of an account in one transaction
_ASK = Columns(
    "tenant text, fact text, about text, account_id text, kind text, role text, site text, cost_centre text,"
    "purchase_order text, by_when date, asked jsonb, asked_at timestamptz, level int, next_at timestamptz,"
    "done_at timestamptz"
)
_DUE: LiteralString = """SELECT DISTINCT tenant, 'ask', 'account/' || account_id, '', 1
    FROM (SELECT tenant, account_id FROM ask WHERE next_at <= %s ORDER BY next_at LIMIT 5000) AS due"""


async def find_due(tx: Tx) -> int:
    """Have those asked further of whom something was asked in vain by now; return how many jobs it is."""
    return await jobs.find(tx, Origin("", "system:clock", "an ask is over", "", new_traceparent()), _DUE, [tx.at])


async def count_due(tx: Tx) -> int:
    """How many of them have no job yet."""
    return await jobs.count_found(tx, _DUE, [tx.at])


async def add(tx: Tx, asked: Sequence[Ask]) -> None:
    """Keep what is asked from now on."""
    if asked:
        await tx.run(
            f"INSERT INTO ask ({_ASK.names}) SELECT * FROM {_ASK.rows} AS new ON CONFLICT DO NOTHING",  # noqa: S608 - our own columns
            [_ASK.pack(map(_packed, asked))],
        )


async def save(tx: Tx, asked: Sequence[Ask]) -> None:
    """Keep how far these are; they are locked."""
    if asked:
        await tx.run(
            f"""UPDATE ask SET asked = new.asked, level = new.level, next_at = new.next_at, done_at = new.done_at
                  FROM {_ASK.rows} AS new
                 WHERE ask.tenant = new.tenant AND ask.fact = new.fact
                   AND ask.tenant = ANY (%s::text[]) AND ask.fact = ANY (%s::text[])""",  # noqa: S608 - our own columns
            [_ASK.pack(map(_packed, asked)), *within([(ask.tenant, ask.fact) for ask in asked])],
        )


async def lock_due(tx: Tx, account: Key) -> list[Ask]:
    """Some of what the clock is to look at by now, the longest due first."""
    rows = await tx.rows(
        f"""SELECT * FROM ask WHERE tenant = %s AND account_id = %s AND next_at <= %s
             ORDER BY next_at, fact LIMIT {LOOKED_AT} FOR UPDATE""",  # noqa: S608 - a number
        [*account, tx.at],
    )
    return [_ask(row) for row in rows]


async def open_of(tx: Tx, account: Key, *, lock: bool = False) -> list[Ask]:
    """What is asked of an account's people and not done, the newest first; of very much, the newest."""
    rows = await tx.rows(
        f"""SELECT * FROM ask WHERE tenant = %s AND account_id = %s AND done_at IS NULL
             ORDER BY asked_at DESC, fact DESC LIMIT {LOOKED_AT} {"FOR UPDATE" if lock else ""}""",  # noqa: S608 - constant words
        account,
    )
    found = [_ask(row) for row in rows]
    ended = await done_of(tx, found)
    return [ask for ask in found if ask.fact not in ended]


async def page_of(tx: Tx, tenant: str, page: Page, *, account_id: str, about: str) -> list[Ask]:
    """What is asked of an account's people and not known as done; or all that was asked about one thing; the newest first."""
    column, value = ("about", about) if about else ("account_id", account_id)
    rows = await tx.rows(
        f"""SELECT * FROM ask WHERE tenant = %s AND {column} = %s
                {"AND account_id = %s" if about and account_id else ""} {"" if about else "AND done_at IS NULL"}
                {"AND (asked_at, fact) < (%s::timestamptz, %s)" if page.after else ""}
             ORDER BY asked_at DESC, fact DESC LIMIT {page.most}""",  # noqa: S608 - our own words and numbers
        [tenant, value, *([account_id] if about and account_id else []), *(page.after or ())],
    )
    return [_ask(row) for row in rows]


async def done_of(tx: Tx, asked: Sequence[Ask]) -> set[str]:
    """The facts of those that are done by now."""
    waiting = [ask for ask in asked if ask.done_at is None]
    known = await journeys.these(tx, {(ask.tenant, ask.about) for ask in waiting if ask.kind in domain.OF_JOURNEYS})
    others = [ask for ask in waiting if ask.kind not in domain.OF_JOURNEYS]
    vacant = await _vacant(tx, {(ask.tenant, ask.account_id) for ask in others})
    gone = await _unreachable(tx, others)
    return {ask.fact for ask in asked if ask.done_at is not None} | {
        ask.fact
        for ask in waiting
        if domain.is_done(
            ask,
            known.get((ask.tenant, ask.about)),
            vacant=vacant.get((ask.tenant, ask.account_id), ()),
            unreachable=gone,
        )
    }


async def asked_today(tx: Tx, key: Key, today: date) -> set[str]:
    """Who was asked further today about something."""
    rows = await tx.rows(
        "SELECT contact_id FROM message WHERE tenant = %s AND about = %s AND event_type = %s AND told_on = %s",
        [*key, Kind.ASK_ESCALATED.value, today],
    )
    return {row.contact_id for row in rows}


async def escalated_before(tx: Tx, event: Event[events_pb2.AskEscalated]) -> None:
    """Write how far an ask had gone, as it was told."""
    told = event.body
    rows = await tx.rows("SELECT * FROM ask WHERE tenant = %s AND fact = %s FOR UPDATE", [event.tenant, told.fact])
    for ask in map(_ask, rows):
        level = Level(told.level)
        new = [
            Asked(contact_id, date.fromisoformat(told.asked_on), level)
            for contact_id in told.contact_ids
            if contact_id not in ask.contact_ids
        ]
        next_at = told.next_at.ToDatetime(tx.at.tzinfo) if told.HasField("next_at") else None
        await save(tx, [replace(ask, asked=(*ask.asked, *new), level=level, next_at=next_at)])


async def know_stand_in(
    tx: Tx, tenant: str, away: str, stand_in: str, *, roles: Collection[str], first: date, last: date
) -> None:
    """Somebody stands in for somebody, as the portal has both told."""
    await tx.run(
        """INSERT INTO stand_in (tenant, contact_id, stand_in, first_day, last_day, roles) VALUES (%s, %s, %s, %s, %s, %s)
           ON CONFLICT (tenant, contact_id, stand_in, first_day, last_day) DO UPDATE SET roles = EXCLUDED.roles""",
        [tenant, away, stand_in, first, last, list(roles)],
    )


async def forget_stand_in(tx: Tx, tenant: str, away: str, stand_in: str) -> None:
    """Somebody stands in for somebody no more."""
    await tx.run(
        "DELETE FROM stand_in WHERE tenant = %s AND contact_id = %s AND stand_in = %s", [tenant, away, stand_in]
    )


async def pass_on_stand_ins(tx: Tx, tenant: str, leaver: str, successor: str) -> None:
    """Whoever takes over stands in for whom the leaver stood in for; nobody stands in for who has left."""
    await tx.run(
        """INSERT INTO stand_in (tenant, contact_id, stand_in, first_day, last_day, roles)
           SELECT tenant, contact_id, %s, first_day, last_day, roles FROM stand_in
            WHERE tenant = %s AND stand_in = %s AND contact_id <> %s
           ON CONFLICT DO NOTHING""",
        [successor, tenant, leaver, successor],
    )
    await tx.run(
        "DELETE FROM stand_in WHERE tenant = %s AND (stand_in = %s OR contact_id = %s)", [tenant, leaver, leaver]
    )


async def stand_ins(tx: Tx, tenant: str, away: Collection[str], today: date) -> dict[tuple[str, str], set[str]]:
    """Who stands in today for these, by whom they stand in for and as what."""
    rows = await tx.rows(
        """SELECT contact_id, stand_in, unnest(roles) AS role FROM stand_in
            WHERE tenant = %s AND contact_id = ANY (%s::text[]) AND %s BETWEEN first_day AND last_day""",
        [tenant, list(away), today],
    )
    found: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        found.setdefault((row.contact_id, row.role), set()).add(row.stand_in)
    return found


async def forget_outdated(tx: Tx, tenant: str, before: date, most: int) -> int:
    """Remove some of what was asked before a day, and of stand-ins that ended before it; return how many."""
    gone = await tx.run(
        """DELETE FROM ask WHERE tenant = %s AND fact IN (
             SELECT fact FROM ask WHERE tenant = %s AND asked_at < %s ORDER BY asked_at LIMIT %s)""",
        [tenant, tenant, before, most],
    )
    return gone + await tx.run("DELETE FROM stand_in WHERE tenant = %s AND last_day < %s", [tenant, before])


async def _vacant(tx: Tx, accounts: Collection[Key]) -> dict[Key, set[Role]]:
    if not accounts:
        return {}
    rows = await tx.rows(
        """SELECT tenant, account_id, role FROM vacancy
            WHERE tenant = ANY (%s::text[]) AND account_id = ANY (%s::text[]) AND account_id <> ''""",
        within(accounts),
    )
    found: dict[Key, set[Role]] = {}
    for row in rows:
        found.setdefault((row.tenant, row.account_id), set()).add(Role(row.role))
    return found


async def _unreachable(tx: Tx, asked: Sequence[Ask]) -> set[str]:
    ids = {ask.about.partition("/")[2] for ask in asked if ask.kind is Kind.CONTACT_UNREACHABLE}
    if not ids:
        return set()
    rows = await tx.rows(
        """SELECT contact_id FROM contact
            WHERE tenant = ANY (%s::text[]) AND contact_id = ANY (%s::text[]) AND suspended_at IS NOT NULL
              AND erased_at IS NULL AND roles <> '{}'""",
        [list({ask.tenant for ask in asked}), list(ids)],
    )
    return {row.contact_id for row in rows}


def _packed(ask: Ask) -> tuple[Any, ...]:
    scope = ask.scopes[0]
    return (
        ask.tenant,
        ask.fact,
        ask.about,
        ask.account_id,
        ask.kind.value,
        ask.role.value,
        scope.site,
        scope.cost_centre,
        scope.purchase_order,
        ask.by_when.isoformat(),
        [[one.contact_id, one.on.isoformat(), int(one.level)] for one in ask.asked],
        ask.asked_at.isoformat(),
        int(ask.level),
        ask.next_at.isoformat() if ask.next_at else None,
        ask.done_at.isoformat() if ask.done_at else None,
    )


def _ask(row: Any) -> Ask:
    return Ask(
        tenant=row.tenant,
        fact=row.fact,
        about=row.about,
        account_id=row.account_id,
        kind=Kind(row.kind),
        role=Role(row.role),
        scopes=(Scope(row.site, row.cost_centre, row.purchase_order),),
        by_when=row.by_when,
        asked=tuple(Asked(contact_id, date.fromisoformat(on), Level(level)) for contact_id, on, level in row.asked),
        asked_at=row.asked_at,
        level=Level(row.level),
        next_at=row.next_at,
        done_at=row.done_at,
    )
