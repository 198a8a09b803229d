"""Remembers how far orders, invoices, cases, payments and applications are (domain/journeys.py): one row each, changed as events come."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, LiteralString

from services.chassis import jobs
from services.chassis.columns import Columns, columns, within
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin
from services.chassis.pages import Page
from services.kernel.orders import Scope
from services.kernel.refusals import NotFound, quoted
from services.notifications import durations
from services.notifications.domain.asks import closes
from services.notifications.domain.journeys import Hours, Journey, Learned, Leg, News
from services.notifications.domain.stories import Moment
from services.notifications.news import news_of
from services.notifications.store import Key

JOURNEY = "journey"  # the kind of job that warns of promises at risk; its subject is what the journey is of

_JOURNEY = Columns(
    "tenant text, about text, account_id text, site text, cost_centre text, purchase_order text, name text,"
    "seller_id text, track text, version int, ended text, ended_at timestamptz, legs jsonb, began_at timestamptz,"
    "warn_at timestamptz, late_at timestamptz"
)
_AT_RISK: LiteralString = "SELECT tenant, 'journey', about, '', 1 FROM journey WHERE warn_at <= %s"


async def follow(tx: Tx, events: Sequence[Event[Any]], when: Callable[[Event[Any]], Moment]) -> None:
    """Take the journeys on by what these events mean for them, and ask nobody any more for what is done by that.

    What began is promised by how long it took others.
    """
    done: set[Key] = set()
    told = [(news, when(event)) for event in events for news in news_of(event)]
    while told:
        known = await lock(tx, {(news.tenant, news.about) for news, _ in told})
        heard: dict[Key, tuple[Journey, Moment]] = {}
        for news, now in told:
            key = (news.tenant, news.about)
            before = heard[key][0] if key in heard else known.get(key) or _new(news, now)
            heard[key] = before.hear(news, now), now
        heard |= await durations.learn(tx, heard)
        await save(tx, [heard[key] for key in heard if key in known and heard[key][0] != known[key]])
        lost = await _add(tx, [heard[key] for key in heard if key not in known])
        done |= {
            key for key, (journey, _) in heard.items() if closes(journey) and not (key in known and closes(known[key]))
        }
        await durations.note(tx, [heard[key] for key in heard if key not in lost])
        told = [(news, now) for news, now in told if (news.tenant, news.about) in lost]
    if done:
        await close_asks(tx, done)


async def close_asks(tx: Tx, abouts: Collection[Key]) -> None:
    """Nobody is asked any more of what these are about: it is done, or answered otherwise."""
    await tx.run(
        """UPDATE ask SET done_at = %s, next_at = NULL
            WHERE tenant = ANY (%s::text[]) AND about = ANY (%s::text[]) AND done_at IS NULL
              AND (tenant, about) IN (SELECT * FROM unnest(%s::text[], %s::text[]))""",
        [tx.at, *within(abouts), *columns(sorted(abouts))],
    )


def _new(news: News, now: Moment) -> Journey:
    return Journey(news.tenant, news.about, news.account_id, now.at)


async def these(tx: Tx, keys: Collection[Key]) -> dict[Key, Journey]:
    """These journeys, as far as they are known."""
    return await _these(tx, keys, "")


async def lock(tx: Tx, keys: Collection[Key]) -> dict[Key, Journey]:
    """The same, and nobody else changes them until the transaction ends."""
    return await _these(tx, keys, "FOR UPDATE")


async def _these(tx: Tx, keys: Collection[Key], locking: LiteralString) -> dict[Key, Journey]:
    rows = await tx.rows(
        f"""SELECT * FROM journey WHERE tenant = ANY (%s::text[]) AND about = ANY (%s::text[])
             ORDER BY tenant, about {locking}""",  # noqa: S608 - constant words
        within(keys),
    )
    return {(row.tenant, row.about): _journey(row) for row in rows if (row.tenant, row.about) in keys}


async def save(tx: Tx, journeys: Sequence[tuple[Journey, Moment]]) -> None:
    """Keep journeys as they are now; they are locked."""
    if not journeys:
        return
    await tx.run(
        f"""UPDATE journey SET site = new.site, cost_centre = new.cost_centre, purchase_order = new.purchase_order,
                  name = new.name, seller_id = new.seller_id, track = new.track, version = new.version,
                  ended = new.ended, ended_at = new.ended_at, legs = new.legs, warn_at = new.warn_at,
                  late_at = new.late_at
             FROM {_JOURNEY.rows} AS new
            WHERE journey.tenant = new.tenant AND journey.about = new.about
              AND journey.tenant = ANY (%s::text[]) AND journey.about = ANY (%s::text[])""",  # noqa: S608 - our own columns
        [_pack(journeys), *within([(journey.tenant, journey.about) for journey, _ in journeys])],
    )


async def _add(tx: Tx, journeys: Sequence[tuple[Journey, Moment]]) -> set[Key]:
    """Keep new ones; return those that somebody else has begun meanwhile."""
    if not journeys:
        return set()
    rows = await tx.rows(
        f"""INSERT INTO journey ({_JOURNEY.names}) SELECT * FROM {_JOURNEY.rows} AS new ORDER BY tenant, about
            ON CONFLICT DO NOTHING RETURNING tenant, about""",  # noqa: S608 - our own columns
        [_pack(journeys)],
    )
    return {(journey.tenant, journey.about) for journey, _ in journeys} - {(row.tenant, row.about) for row in rows}


async def find(tx: Tx, tenant: str, about: str) -> Journey:
    """The journey of something, by its id or by what people call it; refuses what the caller does not see."""
    kind, _, key = about.partition("/")
    row = await tx.row("SELECT * FROM journey WHERE tenant = %s AND about = %s", [tenant, about])
    if row is None and key:
        row = await tx.row(
            """SELECT * FROM journey WHERE name = %s AND tenant = %s AND starts_with(about, %s)
                ORDER BY about LIMIT 1""",
            [key, tenant, f"{kind}/"],
        )
    if row is None:
        raise NotFound("subject.unknown", f"nothing is known of {quoted(about)}")
    return _journey(row)


async def late(tx: Tx, tenant: str, page: Page, *, hidden: Collection[str]) -> list[tuple[Journey, datetime]]:
    """What is late by now, the longest first, each with since when; without these kinds."""
    rows = await tx.rows(
        f"""SELECT * FROM journey WHERE tenant = %s AND late_at <= %s AND split_part(about, '/', 1) <> ALL (%s::text[])
                {"AND (late_at, about) > (%s::timestamptz, %s)" if page.after else ""}
             ORDER BY late_at, about LIMIT {page.most}""",  # noqa: S608 - our own words and numbers
        [tenant, tx.at, list(hidden), *(page.after or ())],
    )
    return [(_journey(row), row.late_at) for row in rows]


async def of_account(tx: Tx, account: Key, since: datetime, most: int) -> list[Journey]:
    """The newest journeys of an account that began since an instant."""
    rows = await tx.rows(
        """SELECT * FROM journey WHERE account_id = %s AND tenant = %s AND began_at >= %s
            ORDER BY began_at DESC LIMIT %s""",
        [account[1], account[0], since, most],
    )
    return [_journey(row) for row in rows]


async def find_at_risk(tx: Tx, word: Origin) -> int:
    """Have those warned whose promises are at risk by now; return how many jobs it is."""
    return await jobs.find(tx, word, _AT_RISK, [tx.at])


async def count_at_risk(tx: Tx) -> int:
    """How many of them have no job yet."""
    return await jobs.count_found(tx, _AT_RISK, [tx.at])


async def forget_outdated(tx: Tx, tenant: str, before: date, most: int) -> int:
    """Remove some of the journeys that began before a day, but those of which somebody wrote since; return how many.

    With their threads, of which only numbers are left by then, and who has read them.
    """
    rows = await tx.rows(
        """DELETE FROM journey WHERE tenant = %s AND about IN (
             SELECT about FROM journey j WHERE tenant = %s AND began_at < %s
                AND NOT EXISTS (SELECT FROM thread_message m WHERE m.tenant = j.tenant AND m.about = j.about)
                AND NOT EXISTS (SELECT FROM note n WHERE n.tenant = j.tenant AND n.about = j.about)
              ORDER BY began_at LIMIT %s)
           RETURNING about""",
        [tenant, tenant, before, most],
    )
    for table in ("thread", "reader"):
        await tx.run(
            f"DELETE FROM {table} WHERE tenant = %s AND about = ANY (%s::text[])",  # noqa: S608 - constant words
            [tenant, [row.about for row in rows]],
        )
    return len(rows)


def _pack(journeys: Sequence[tuple[Journey, Moment]]) -> str:
    return _JOURNEY.pack(
        (
            journey.tenant,
            journey.about,
            journey.account_id,
            journey.scope.site,
            journey.scope.cost_centre,
            journey.scope.purchase_order,
            journey.name,
            journey.seller_id,
            journey.track,
            journey.version,
            journey.ended,
            _text(journey.ended_at),
            {code: _pack_leg(leg) for code, leg in journey.legs.items()},
            _text(journey.began_at),
            _text(journey.warn_at(now.calendar)),
            _text(missed[1]) if (missed := journey.missed(now)) is not None else None,
        )
        for journey, now in journeys
    )


def _journey(row: Any) -> Journey:
    return Journey(
        tenant=row.tenant,
        about=row.about,
        account_id=row.account_id,
        began_at=row.began_at,
        scope=Scope(row.site, row.cost_centre, row.purchase_order),
        name=row.name,
        seller_id=row.seller_id,
        track=row.track,
        version=row.version,
        ended=row.ended,
        ended_at=row.ended_at,
        legs={code: _leg(said) for code, said in row.legs.items()},
    )


def _pack_leg(leg: Leg) -> dict[str, Any]:
    said: dict[str, Any] = {"done_at": _text(leg.done_at)} if leg.done_at else {}
    if leg.promised:
        said |= {"promised": _text(leg.promised), "since": _text(leg.since)}
        if leg.before:
            said["before"] = _text(leg.before)
        if leg.by_default:
            said["by_default"] = True
        if leg.warned:
            said["warned"] = True
        if leg.hours is not None:
            said["hours"] = [_text(leg.hours.usually), _text(leg.hours.latest)]
    if leg.began_at and not leg.done_at:
        said["began"] = _text(leg.began_at)
    if leg.spent:
        said["spent"] = leg.spent
    if leg.learned is not None:
        said["learned"] = [_text(leg.learned.usually), _text(leg.learned.latest), _text(leg.learned.risky)]
    return said


@lru_cache(4096)  # what a batch does, it does at one time, and promises for few days
def _text(at: date | None) -> str | None:
    return at.isoformat() if at else None


def _leg(said: Mapping[str, Any]) -> Leg:
    return Leg(
        done_at=datetime.fromisoformat(said["done_at"]) if "done_at" in said else None,
        promised=_date(said, "promised"),
        before=_date(said, "before"),
        since=_date(said, "since"),
        by_default=bool(said.get("by_default")),
        warned=bool(said.get("warned")),
        hours=Hours(*map(datetime.fromisoformat, said["hours"])) if "hours" in said else None,
        began_at=datetime.fromisoformat(said["began"]) if "began" in said else None,
        spent=said.get("spent", 0),
        learned=Learned(*(at and datetime.fromisoformat(at) for at in said["learned"])) if "learned" in said else None,
    )


def _date(said: Mapping[str, Any], name: str) -> date | None:
    return date.fromisoformat(said[name]) if name in said else None
