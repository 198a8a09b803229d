"""What the books of all tenants come to, for those who watch them: figures and invariants, one statement each.

A statement sees one state of the books: an invariant that two statements compared would break whenever one is posted
between them. Each reads whole tables; services/chassis/operations.py makes pauses that are a hundred times as long.
"""

from typing import Any

from services.chassis.database import Tx

DSO_DAYS = 90
BUCKETS = ("not_due", "1_30", "31_60", "61_90", "91_120", "over_120")  # days overdue


async def open_by_bucket(tx: Tx) -> list[Any]:
    """Open items by currency and days overdue on the business day."""
    return await tx.rows(
        """SELECT currency, bucket, sum(open_minor)::bigint AS minor, count(*) AS n
             FROM (SELECT currency, open_minor, CASE WHEN late <= 0 THEN 'not_due' WHEN late <= 30 THEN '1_30'
                     WHEN late <= 60 THEN '31_60' WHEN late <= 90 THEN '61_90' WHEN late <= 120 THEN '91_120'
                     ELSE 'over_120' END AS bucket
                     FROM (SELECT currency, open_minor, %s::date - due_on AS late FROM item WHERE open_minor > 0) AS aged)
               AS bucketed GROUP BY currency, bucket""",
        [tx.at.date()],
    )


async def sales(tx: Tx) -> list[tuple[str, int]]:
    """What was invoiced in the days that DSO looks back on, in minor units by currency."""
    return await tx.rows(
        "SELECT currency, sum(amount_minor)::bigint FROM item WHERE issued_on > %s::date - %s GROUP BY currency",
        [tx.at.date(), DSO_DAYS],
    )


async def balances(tx: Tx) -> list[tuple[int, str, int]]:
    """What each account of the chart adds up to, in minor units by currency; debit above zero."""
    return await tx.rows(
        "SELECT chart_account, currency, sum(minor)::bigint FROM balance GROUP BY chart_account, currency"
    )


async def posted(tx: Tx) -> list[Any]:
    """How many invoices and credit notes are booked, and for how much."""
    return await tx.rows(
        """SELECT 'invoice' AS kind, currency, count(*) AS n, sum(amount_minor)::bigint AS minor FROM item GROUP BY currency
            UNION ALL
           SELECT 'credit_note', currency, count(*), sum(net_minor + tax_minor)::bigint FROM credit_note GROUP BY currency"""
    )


async def imbalance(tx: Tx) -> list[tuple[str, int]]:
    """By how many minor units entries do not add up to zero; what one lacks another cannot make up for."""
    return await tx.rows(
        """SELECT currency, sum(abs(minor))::bigint
             FROM (SELECT currency, sum(minor) AS minor FROM posting
                    GROUP BY tenant, account_id, entry_id, currency, chart_account >= 9000) AS entry GROUP BY currency"""
    )


async def control_difference(tx: Tx) -> list[tuple[str, int]]:
    """By how many minor units 1100 differs from the open items, and each balance from its postings."""
    return await tx.rows(
        """SELECT currency, sum(abs(coalesce(posted.minor, 0) - coalesce(kept.minor, 0))
                                + CASE WHEN chart_account = 1100
                                       THEN abs(coalesce(posted.minor, 0) - coalesce(owed.minor, 0)) ELSE 0 END)::bigint
             FROM (SELECT tenant, account_id, currency, chart_account, sum(minor) AS minor
                     FROM posting GROUP BY tenant, account_id, currency, chart_account) AS posted
             FULL JOIN (SELECT tenant, account_id, currency, chart_account, minor FROM balance) AS kept
                 USING (tenant, account_id, currency, chart_account)
             FULL JOIN (SELECT tenant, account_id, currency, 1100 AS chart_account, sum(open_minor) AS minor
                          FROM item WHERE open_minor > 0 GROUP BY tenant, account_id, currency) AS owed
                 USING (tenant, account_id, currency, chart_account)
            GROUP BY currency"""
    )
