"""What all tenants were invoiced, for those who watch it: figures and invariants, one statement each."""

from typing import Any

from services.chassis.database import Tx


async def issued(tx: Tx) -> list[Any]:
    """How many invoices and credit notes were issued, for how many minor units, by currency."""
    return await tx.rows(
        """SELECT CASE kind WHEN '381' THEN 'credit_note' ELSE 'invoice' END AS kind, currency, count(*) AS n,
                  sum(gross_minor)::bigint AS minor
             FROM issued GROUP BY kind, currency"""
    )


async def documents(tx: Tx) -> list[tuple[str, int]]:
    """How many documents were written, by format."""
    return await tx.rows("SELECT format, count(*) FROM document GROUP BY format")


async def gaps(tx: Tx) -> int:
    """How many numbers were counted and belong to no document, or the other way round, over all series."""
    row = await tx.row(
        """SELECT coalesce(sum(abs(coalesce(series.last, 0) - coalesce(found.n, 0))
                               + abs(coalesce(series.last, 0) - coalesce(found.highest, 0))), 0) AS n
             FROM series
             FULL JOIN (SELECT tenant, seller_id, kind, fiscal_year, series_code, count(*) AS n,
                               max(series_number) AS highest
                          FROM issued GROUP BY tenant, seller_id, kind, fiscal_year, series_code) AS found
               ON (found.tenant, found.seller_id, found.kind, found.fiscal_year, found.series_code)
                = (series.tenant, series.seller_id, series.kind, series.fiscal_year, series.code)"""
    )
    return int(row.n)


async def unwritten(tx: Tx) -> int:
    """How many PDFs are still to be written around what was issued; those that are parked are not counted."""
    return int((await tx.row("SELECT count(*) AS n FROM job WHERE kind IN ('file', 'file_large')")).n)


async def held(tx: Tx) -> Any:
    """How many drafts broke a rule and wait without a number, and the age in seconds of the oldest."""
    return await tx.row(
        "SELECT count(*) AS n, coalesce(extract(epoch FROM %s - min(held_at)), 0) AS oldest_s FROM held WHERE findings <> '[]'",
        [tx.at],
    )
