"""Drafts that broke a rule and wait without a number."""

from collections.abc import Collection, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from services.chassis.database import Tx
from services.chassis.pages import Page
from services.invoicing.documents import Finding, Severity
from services.invoicing.domain.statements import Held, Kind
from services.invoicing.store.columns import Key, columns, keys


async def hold(tx: Tx, drafts: Sequence[Held]) -> None:
    """Keep drafts that broke a rule, or what they break now; those whose judge failed are judged again by and by."""
    await tx.run(
        """INSERT INTO held (tenant, draft_id, kind, account_id, order_id, shipment_id, dispute_id, findings,
                             judge_again_at, held_at)
           SELECT tenant, draft_id, kind, account_id, order_id, shipment_id, dispute_id, findings,
                  CASE WHEN unjudged THEN now() + interval '15 seconds' END, %s
             FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                         %s::jsonb[], %s::boolean[])
               AS d (tenant, draft_id, kind, account_id, order_id, shipment_id, dispute_id, findings, unjudged)
           ON CONFLICT (tenant, draft_id) DO UPDATE
              SET findings = EXCLUDED.findings,
                  judge_again_at = CASE WHEN EXCLUDED.judge_again_at IS NOT NULL
                                        THEN coalesce(held.judge_again_at, EXCLUDED.judge_again_at) END""",
        [tx.at, *columns([_row(draft) for draft in drafts], 9)],
    )


async def claim_unjudged(tx: Tx, most: int) -> set[Key]:
    """The accounts of some drafts that are to be judged again now, put off as if that failed: an hour at most."""
    rows = await tx.rows(
        """UPDATE held SET tries = tries + 1,
                  judge_again_at = now() + least(15 * power(2, least(tries, 8)), 3600) * interval '1 second'
            WHERE (tenant, draft_id) IN (SELECT tenant, draft_id FROM held WHERE judge_again_at <= now()
                                          ORDER BY judge_again_at LIMIT %s FOR UPDATE SKIP LOCKED)
           RETURNING tenant, account_id""",
        [most],
    )
    return {(row.tenant, row.account_id) for row in rows}


async def count_unjudged(tx: Tx) -> int:
    """How many drafts are to be judged again now, of the tenants that the transaction serves."""
    return int((await tx.row("SELECT count(*) AS n FROM held WHERE judge_again_at <= now()")).n)


async def release(tx: Tx, drafts: Collection[Key]) -> None:
    """These drafts are issued: they wait no longer."""
    await tx.run(
        "DELETE FROM held WHERE (tenant, draft_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))", keys(drafts)
    )


async def list_held(tx: Tx, tenants: Collection[str], accounts: Collection[Key] | None = None) -> list[Held]:
    """Drafts that wait, oldest first: all of these tenants, or those of these accounts."""
    rows = await tx.rows(
        """SELECT * FROM held
            WHERE tenant = ANY(%s)
              AND (%s OR (tenant, account_id) IN (SELECT * FROM unnest(%s::text[], %s::text[])))
            ORDER BY held_at, draft_id""",
        [sorted(tenants), accounts is None, *keys(accounts or ())],
    )
    return [_held(row) for row in rows]


async def page_of_held(tx: Tx, tenant: str, page: Page, *, account_id: str) -> list[Held]:
    """Drafts that wait, in the order in which they were drafted; of one account, or of all if it is empty."""
    rows = await tx.rows(
        f"""SELECT * FROM held WHERE tenant = %s {"AND account_id = %s" if account_id else ""}
               {"AND draft_id > %s" if page.after else ""} ORDER BY draft_id LIMIT {page.most}""",  # noqa: S608 - constant text
        [tenant, *([account_id] if account_id else []), *(page.after or ())],
    )
    return [_held(row) for row in rows]


async def lock_held(tx: Tx, drafts: Collection[Key]) -> list[Held]:
    """Hold these rows until the transaction ends; return those that still wait, oldest first. Lock their orders before."""
    rows = await tx.rows(
        """SELECT h.* FROM held h JOIN unnest(%s::text[], %s::text[]) AS k (tenant, draft_id) USING (tenant, draft_id)
            ORDER BY h.held_at, h.draft_id FOR UPDATE OF h""",
        keys(drafts),
    )
    return [_held(row) for row in rows]


async def count_held(tx: Tx, orders: Collection[Key]) -> dict[Key, int]:
    """How many invoices of these orders wait."""
    rows = await tx.rows(
        """SELECT tenant, order_id, count(*) AS n
             FROM held JOIN unnest(%s::text[], %s::text[]) AS k (tenant, order_id) USING (tenant, order_id)
            WHERE kind = '380' GROUP BY tenant, order_id""",
        keys(orders),
    )
    return {(row.tenant, row.order_id): row.n for row in rows}


def _row(draft: Held) -> tuple[Any, ...]:
    return (
        draft.tenant,
        draft.draft_id,
        draft.kind.value,
        draft.account_id,
        draft.order_id,
        draft.shipment_id,
        draft.dispute_id,
        Jsonb([[finding.rule, finding.message, finding.place] for finding in draft.findings]),
        draft.is_unjudged,
    )


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
