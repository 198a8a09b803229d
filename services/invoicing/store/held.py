"""Drafts without a number: those that are to be prepared, and those that broke a rule and wait for somebody."""

from collections.abc import Collection, Sequence
from typing import Any, LiteralString

from services.chassis import jobs
from services.chassis.columns import Columns, columns, within
from services.chassis.database import Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.pages import Page
from services.documents import Finding, Severity
from services.invoicing.domain.drafts import LARGE_LINES
from services.invoicing.domain.statements import Held, Kind
from services.invoicing.store.columns import Key

_DRAFT = Columns(
    """tenant text, draft_id text, kind text, account_id text, order_id text, shipment_id text, dispute_id text,
       findings jsonb, held_at timestamptz"""
)
_FOUND = Columns("tenant text, draft_id text, findings jsonb, unjudged boolean")
AGAIN_S = 15  # before a draft whose judge died is judged again; then twice as long each time, an hour at most


async def add_drafts(tx: Tx, drafts: Sequence[Held]) -> None:
    """Keep drafts that are to be prepared: nothing was found wrong with them yet."""
    await tx.run(
        f"INSERT INTO held ({_DRAFT.names}) SELECT * FROM {_DRAFT.rows} AS new",  # noqa: S608 - constant columns
        [
            _DRAFT.pack(
                (*d.key, d.kind.value, d.account_id, d.order_id, d.shipment_id, d.dispute_id, [], tx.at) for d in drafts
            )
        ],
    )


async def keep_findings(tx: Tx, drafts: Sequence[Held]) -> dict[Key, int]:
    """Keep what drafts broke now; return in how many seconds those are to be judged again whose judge died."""
    rows = await tx.rows(
        f"""UPDATE held SET findings = d.findings, judge_again_at = NULL, tries = held.tries + d.unjudged::int
              FROM {_FOUND.rows} AS d
             WHERE held.tenant = d.tenant AND held.draft_id = d.draft_id
            RETURNING held.tenant, held.draft_id, d.unjudged, held.tries""",  # noqa: S608
        [_FOUND.pack((*d.key, [[f.rule, f.message, f.place] for f in d.findings], d.is_unjudged) for d in drafts)],
    )
    return {(row.tenant, row.draft_id): min(AGAIN_S * 2 ** min(row.tries - 2, 8), 3600) for row in rows if row.unjudged}


_QUEUED: LiteralString = """
    SELECT h.tenant, CASE WHEN l.n > %s THEN 'draft_large' ELSE 'draft_again' END, 'draft/' || h.draft_id, '', l.n
      FROM held h CROSS JOIN LATERAL (SELECT count(*)::int AS n FROM order_line o
                                       WHERE o.tenant = h.tenant AND o.order_id = h.order_id) AS l
     WHERE h.findings <> '[]' AND h.tenant = %s"""


async def queue_held(tx: Tx, word: Origin, account_id: str | None = None) -> int:
    """Have the drafts that wait judged again, of an account or of the word's whole tenant; return how many."""
    params = [LARGE_LINES, word.tenant]
    if account_id is None:
        return await jobs.add_found(tx, word, _QUEUED, params)
    return await jobs.add_found(tx, word, _QUEUED + " AND h.account_id = %s", [*params, account_id])


async def accounts_with_held(tx: Tx, accounts: Collection[Key]) -> set[Key]:
    """Which of these accounts have drafts that wait for something to be put right."""
    rows = await tx.rows(
        """SELECT DISTINCT tenant, account_id FROM held
            WHERE findings <> '[]' AND tenant = ANY (%s) AND account_id = ANY (%s)""",
        within(accounts),
    )
    return {(row.tenant, row.account_id) for row in rows} & set(accounts)


async def find_unjudged(tx: Tx) -> int:
    """Have judged again what the version before this one put off because its judge died; return how many."""
    word = Origin("", "system:judge", "the judge failed before", "", new_traceparent())
    found = await jobs.add_found(
        tx,
        word,
        """SELECT tenant, 'draft_again', 'draft/' || draft_id, '', 1 FROM held
            WHERE judge_again_at <= now()""",
        [],
    )
    if found:
        await tx.run("UPDATE held SET judge_again_at = NULL WHERE judge_again_at <= now()")
    return found


async def release(tx: Tx, drafts: Collection[Key]) -> None:
    """These drafts are issued: they wait no longer."""
    await tx.run(
        """DELETE FROM held WHERE tenant = ANY (%s) AND draft_id = ANY (%s)
                              AND (tenant, draft_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))""",
        [*within(drafts), *columns(sorted(drafts))],
    )


async def page_of_held(tx: Tx, tenant: str, page: Page, *, account_id: str) -> list[Held]:
    """Drafts that broke a rule, in the order in which they were drafted; of one account, or of all if it is empty."""
    rows = await tx.rows(
        f"""SELECT * FROM held WHERE findings <> '[]' AND tenant = %s {"AND account_id = %s" if account_id else ""}
               {"AND draft_id > %s" if page.after else ""} ORDER BY draft_id LIMIT {page.most}""",  # noqa: S608 - constant text
        [tenant, *([account_id] if account_id else []), *(page.after or ())],
    )
    return [_held(row) for row in rows]


async def find_drafts(tx: Tx, drafts: Collection[Key], *, lock: bool = False) -> dict[Key, Held]:
    """These drafts, but for those that are issued by now; `lock`: nobody else issues them meanwhile."""
    rows = await tx.rows(
        f"""SELECT * FROM held WHERE tenant = ANY (%s) AND draft_id = ANY (%s)
             ORDER BY tenant, draft_id {"FOR UPDATE" if lock else ""}""",  # noqa: S608 - our own words
        within(drafts),
    )
    return {key: _held(row) for row in rows if (key := (row.tenant, row.draft_id)) in drafts}


async def count_held(tx: Tx, orders: Collection[Key]) -> dict[Key, int]:
    """How many invoices of these orders wait."""
    rows = await tx.rows(
        """SELECT tenant, order_id, count(*) AS n
             FROM held WHERE kind = '380' AND tenant = ANY (%s) AND order_id = ANY (%s) GROUP BY tenant, order_id""",
        within(orders),
    )
    return {(row.tenant, row.order_id): row.n for row in rows}


def _held(row: Any) -> Held:
    return Held(
        tenant=row.tenant,
        draft_id=row.draft_id,
        kind=Kind(row.kind),
        account_id=row.account_id,
        order_id=row.order_id,
        shipment_id=row.shipment_id,
        dispute_id=row.dispute_id,
        findings=tuple(Finding(rule, Severity.FATAL, message, place) for rule, message, place in row.findings),
    )
