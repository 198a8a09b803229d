"""What the books of all tenants come to, for those who watch them: figures and invariants, one statement each.

A statement sees one state of the books: an invariant that two statements compared would break whenever one is posted
between them. Each reads a span of its table, as services/chassis/sweeps.py goes through it: an account's rows are always
read together. Sums are of the type numeric: no tenant's amounts, however large, are too much for those of all.
"""

from typing import Any

from services.chassis.database import Tx
from services.chassis.sweeps import Span
from services.ledger.store import TODAY

DSO_DAYS = 90
BUCKETS = ("not_due", "1_30", "31_60", "61_90", "91_120", "over_120")  # days overdue


async def items(tx: Tx, span: Span) -> list[Any]:
    """Items by currency and days overdue on their sellers' business day: what is open, what was invoiced without rounding
    in cash, and of all that was invoiced what DSO looks back on."""
    return await tx.rows(
        f"""WITH seen AS MATERIALIZED (SELECT * FROM item WHERE {span.where("tenant", "invoice_id")}),
                 day AS MATERIALIZED (SELECT i.tenant, i.seller_id, {TODAY} AS today
                           FROM (SELECT DISTINCT tenant, seller_id FROM seen) AS i)
            SELECT currency, bucket, sum(open_minor)::bigint AS open_minor, count(*) FILTER (WHERE open_minor > 0) AS open,
                   sum(amount_minor - rounding_minor)::bigint AS amount_minor, count(*) AS n,
                   coalesce(sum(amount_minor) FILTER (WHERE issued_on > today - %(days)s::int), 0)::bigint AS sales_minor
              FROM (SELECT currency, open_minor, amount_minor, rounding_minor, issued_on, today,
                           CASE WHEN late <= 0 THEN 'not_due' WHEN late <= 30 THEN '1_30' WHEN late <= 60 THEN '31_60'
                                WHEN late <= 90 THEN '61_90' WHEN late <= 120 THEN '91_120' ELSE 'over_120' END AS bucket
                      FROM (SELECT *, today - due_on AS late FROM seen JOIN day USING (tenant, seller_id)) AS aged)
                AS bucketed
             GROUP BY currency, bucket""",  # noqa: S608 - constant text
        span.params | {"at": tx.at, "days": DSO_DAYS},
    )


async def credit_notes(tx: Tx, span: Span) -> list[Any]:
    """How many credit notes are booked, and for how much."""
    return await tx.rows(
        f"""SELECT currency, count(*) AS n, sum(net_minor + tax_minor) AS minor FROM credit_note
             WHERE {span.where("tenant", "credit_note_id")} GROUP BY currency""",  # noqa: S608 - constant text
        span.params,
    )


async def balances(tx: Tx, span: Span) -> list[Any]:
    """What each account of the chart adds up to, in minor units by currency; debit above zero."""
    return await tx.rows(
        f"""SELECT chart_account, currency, sum(minor) AS minor FROM balance
             WHERE {span.where("tenant", "account_id")} GROUP BY chart_account, currency""",  # noqa: S608 - constant text
        span.params,
    )


async def imbalance(tx: Tx, span: Span) -> list[tuple[str, int]]:
    """By how many minor units entries do not add up to zero; what one lacks another cannot make up for."""
    return await tx.rows(
        f"""SELECT currency, sum(abs(minor))
              FROM (SELECT currency, sum(minor) AS minor FROM posting WHERE {span.where("tenant", "account_id")}
                     GROUP BY tenant, account_id, entry_id, currency, chart_account >= 9000) AS entry
             GROUP BY currency""",  # noqa: S608 - constant text
        span.params,
    )


async def control_difference(tx: Tx, span: Span) -> list[tuple[str, int]]:
    """By how many minor units 1100 differs from the open items, and each balance from its postings."""
    within = span.where("tenant", "account_id")
    return await tx.rows(
        f"""SELECT currency, sum(abs(coalesce(posted.minor, 0) - coalesce(kept.minor, 0))
                                 + CASE WHEN chart_account = 1100
                                        THEN abs(coalesce(posted.minor, 0) - coalesce(owed.minor, 0)) ELSE 0 END)
              FROM (SELECT tenant, account_id, currency, chart_account, sum(minor) AS minor
                      FROM posting WHERE {within} GROUP BY tenant, account_id, currency, chart_account) AS posted
              FULL JOIN (SELECT tenant, account_id, currency, chart_account, minor FROM balance WHERE {within}) AS kept
                  USING (tenant, account_id, currency, chart_account)
              FULL JOIN (SELECT tenant, account_id, currency, 1100 AS chart_account, sum(open_minor) AS minor
                           FROM item WHERE open_minor > 0 AND {within} GROUP BY tenant, account_id, currency) AS owed
                  USING (tenant, account_id, currency, chart_account)
             GROUP BY currency""",  # noqa: S608 - constant text
        span.params,
    )
