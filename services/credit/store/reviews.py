"""Limits that are looked at again: when, what was proposed, what became of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from services.chassis import jobs
from services.chassis.columns import Columns, within
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import Page
from services.credit.domain.book import Key
from services.credit.domain.review import REST_DAYS, Kind, Review, State
from services.credit.domain.underwriting import Reason
from services.kernel.money import Money

LOOK = "look"  # the kind of job
_DUE: LiteralString = """SELECT tenant, 'look', 'conduct/' || account_id, '', 1 FROM conduct WHERE look_at <= %s
                          ORDER BY look_at"""
_LOOKED = Columns("tenant text, account_id text, look_at timestamptz, causes jsonb, waits jsonb, full_since date")


@dataclass(frozen=True, slots=True)
class Due:
    """Why an account is looked at, beside what its figures say."""

    causes: tuple[str, ...]
    full_since: date | None
    # Those of them that are decided on later.
    waits: tuple[str, ...] = ()


async def find_looks(tx: Tx, word: Origin) -> int:
    """Have the accounts looked at whose time has come; return how many."""
    return await jobs.find(tx, word, _DUE, [tx.at])


async def count_looks(tx: Tx) -> int:
    """How many accounts wait to be looked at for which there is no job yet."""
    return await jobs.count_found(tx, _DUE, [tx.at])


async def looks_of(tx: Tx, accounts: Collection[Key]) -> dict[Key, Due]:
    """Why these accounts are looked at."""
    rows = await tx.rows(
        """SELECT tenant, account_id, causes, full_since FROM conduct
            WHERE tenant = ANY (%s::text[]) AND account_id = ANY (%s::text[])""",
        within(accounts),
    )
    return {(row.tenant, row.account_id): Due(tuple(row.causes), row.full_since) for row in rows}


async def looked(tx: Tx, done: Mapping[Key, tuple[datetime, Due]]) -> None:
    """Accounts were looked at for these causes, some of which wait; those that came meanwhile have them looked at again now."""
    await tx.run(
        f"""UPDATE conduct c SET full_since = new.full_since, causes = left_.causes,
                   look_at = CASE WHEN left_.fresh THEN c.look_at ELSE new.look_at END
              FROM {_LOOKED.rows} AS new
             CROSS JOIN LATERAL (SELECT coalesce(array_agg(cause), '{{}}') AS causes,
                                        coalesce(bool_or(NOT new.causes ? cause), false) AS fresh
                                   FROM conduct had, unnest(had.causes) AS cause
                                  WHERE had.tenant = new.tenant AND had.account_id = new.account_id
                                    AND (new.waits ? cause OR NOT new.causes ? cause)) AS left_
             WHERE c.tenant = new.tenant AND c.account_id = new.account_id""",  # noqa: S608 - constant columns
        [
            _LOOKED.pack(
                (*key, at, list(due.causes), list(due.waits), due.full_since) for key, (at, due) in done.items()
            )
        ],
    )


async def rested(tx: Tx, accounts: Collection[Key]) -> dict[Key, set[str]]:
    """The causes for which each of these accounts was looked at within 30 days."""
    rows = await tx.rows(
        """SELECT tenant, account_id, array_agg(DISTINCT cause) AS causes FROM review, unnest(causes) AS cause
            WHERE account_id = ANY (%s::text[]) AND tenant = ANY (%s::text[]) AND proposed_at > %s - %s * interval '1 day'
            GROUP BY tenant, account_id""",
        [*reversed(within(accounts)), tx.at, REST_DAYS],
    )
    return {(row.tenant, row.account_id): set(row.causes) for row in rows}


async def open_reviews(tx: Tx, accounts: Collection[Key]) -> dict[Key, Review]:
    """The open review of each of these accounts that has one."""
    rows = await tx.rows(
        """SELECT * FROM review WHERE account_id = ANY (%s::text[]) AND tenant = ANY (%s::text[]) AND state = 'OPEN'""",
        [*reversed(within(accounts))],
    )
    return {(row.tenant, row.account_id): _review(row) for row in rows}


async def add_review(tx: Tx, one: Review) -> bool:
    """Write a review; False if there is one by that id."""
    return bool(
        await tx.run(
            """INSERT INTO review (tenant, review_id, account_id, kind, state, causes, currency, current_minor, limit_minor,
                                   proposed_at, valid_until, policy_id, result_hash, reasons, figures, ended_at)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
               ON CONFLICT (tenant, review_id) DO NOTHING""",
            [
                *one.key,
                one.account_id,
                one.kind,
                one.state,
                list(one.causes),
                one.current.currency,
                one.current.minor,
                one.limit.minor,
                one.proposed_at,
                one.valid_until,
                one.policy_id,
                one.result_hash,
                Jsonb([[reason.code, [list(figure) for figure in reason.figures]] for reason in one.reasons]),
                Jsonb([list(figure) for figure in one.figures]),
                one.ended_at,
            ],
        )
    )


async def find_review(tx: Tx, key: Key) -> Review | None:
    """A review that was proposed. Hold its account before it is changed."""
    row = await tx.row("SELECT * FROM review WHERE tenant = %s AND review_id = %s AND kind <> 'KEEP'", [*key])
    return _review(row) if row else None


async def save_review(tx: Tx, one: Review, by: str) -> None:
    """Write what became of a review."""
    await tx.run(
        """UPDATE review SET state = %s, limit_minor = %s, ended_at = %s, counts_from = %s, prepared_by = %s,
                             prepared_minor = %s, ended_by = %s
            WHERE tenant = %s AND review_id = %s""",
        [
            one.state,
            one.limit.minor,
            one.ended_at,
            one.counts_from,
            one.prepared_by,
            one.prepared.minor if one.prepared is not None else None,
            by if one.ended_at is not None else "",
            *one.key,
        ],
    )


async def list_reviews(tx: Tx, tenant: str, account_id: str, page: Page, *, all_kinds: bool) -> list[Review]:
    """An account's, newest first; of all accounts the open ones, least time left first. Of cuts all, or those that were confirmed."""
    shown = "kind <> 'KEEP'" if all_kinds else "(kind = 'RAISE' OR (kind = 'CUT' AND state = 'CONFIRMED'))"
    if account_id:
        rows = await tx.rows(
            f"""SELECT * FROM review WHERE account_id = %s AND tenant = %s AND {shown}
                 {"AND (proposed_at, review_id) < (%s, %s)" if page.after else ""}
                 ORDER BY proposed_at DESC, review_id DESC LIMIT {page.most}""",  # noqa: S608 - constant text
            [account_id, tenant, *(page.after or ())],
        )
    else:
        rows = await tx.rows(
            f"""SELECT * FROM review WHERE tenant = %s AND state = 'OPEN' AND {shown}
                 {"AND (valid_until, review_id) > (%s, %s)" if page.after else ""}
                 ORDER BY valid_until, review_id LIMIT {page.most}""",  # noqa: S608 - constant text
            [tenant, *(page.after or ())],
        )
    return [_review(row) for row in rows]


def _review(row: Any) -> Review:
    return Review(
        tenant=row.tenant,
        review_id=row.review_id,
        account_id=row.account_id,
        kind=Kind(row.kind),
        state=State(row.state),
        causes=tuple(row.causes),
        current=Money(row.current_minor, row.currency),
        limit=Money(row.limit_minor, row.currency),
        proposed_at=row.proposed_at,
        valid_until=row.valid_until,
        policy_id=row.policy_id,
        result_hash=row.result_hash,
        reasons=tuple(Reason(code, tuple((name, value) for name, value in figures)) for code, figures in row.reasons),
        figures=tuple((name, value) for name, value in row.figures),
        ended_at=row.ended_at,
        counts_from=row.counts_from,
        prepared_by=row.prepared_by,
        prepared=None if row.prepared_minor is None else Money(row.prepared_minor, row.currency),
    )
