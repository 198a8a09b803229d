"""What all tenants were invoiced, for those who watch it: figures and invariants, one statement each.

What grows for ever is read a span at a time, as services/chassis/sweeps.py goes through it; numbers in the order of their
series, so that each span shows by itself whether one is missing.
"""

from typing import Any

from services.chassis.database import Tx
from services.chassis.sweeps import Span

WAITING_MAX = 100_000  # of what waits: more of it needs no exact number
SERIES = ("tenant", "seller_id", "kind", "fiscal_year", "series_code")
NUMBERS = (*SERIES, "series_number")


async def issued(tx: Tx, span: Span) -> list[Any]:
    """How many invoices and credit notes were issued, for how many minor units, by currency."""
    return await tx.rows(
        f"""SELECT CASE kind WHEN '381' THEN 'credit_note' ELSE 'invoice' END AS kind, currency, count(*) AS n,
                   sum(gross_minor) AS minor
              FROM issued WHERE {span.where(*NUMBERS)} GROUP BY kind, currency""",  # noqa: S608 - constant text
        span.params,
    )


async def documents(tx: Tx, span: Span) -> list[tuple[str, int]]:
    """How many documents were written, by format."""
    return await tx.rows(
        f"""SELECT format, count(*) FROM document WHERE {span.where("tenant", "document_id", "format")}
             GROUP BY format""",  # noqa: S608 - constant text
        span.params,
    )


async def gaps(tx: Tx, span: Span) -> int:
    """How many numbers were counted and belong to no document, or the other way round, as far as this span shows.

    Within it none may be missing between its first place and its last; of a series that ends in it the last one must be
    the one that the series has counted to.
    """
    rows = await tx.rows(
        f"""SELECT {", ".join(SERIES)}, coalesce(series.last, 0) AS last, coalesce(found.n, 0) AS n, found.highest
              FROM (SELECT tenant, seller_id, kind, fiscal_year, code AS series_code, last FROM series
                     WHERE {_series_of(span)}) AS series
              FULL JOIN (SELECT {", ".join(SERIES)}, count(*) AS n, max(series_number) AS highest
                           FROM issued WHERE {span.where(*NUMBERS)} GROUP BY {", ".join(SERIES)}) AS found
             USING ({", ".join(SERIES)})""",  # noqa: S608 - constant text
        span.params,
    )
    return sum(_missing(row, span) for row in rows)


def _series_of(span: Span) -> str:
    """The condition on series that have a place in the span: those of its ends too."""
    columns = "tenant, seller_id, kind, fiscal_year, code"
    ends = (("after", ">=", span.after), ("upto", "<=", span.upto))
    marks = {end: ", ".join(f"%({end}{n})s" for n in range(len(SERIES))) for end, _, _ in ends}
    return " AND ".join(f"({columns}) {sign} ({marks[end]})" for end, sign, place in ends if place) or "true"


def _missing(row: Any, span: Span) -> int:
    series = tuple(getattr(row, column) for column in SERIES)
    before = span.after[-1] if span.after and span.after[:-1] == series else 0
    highest = row.highest or before
    between = highest - before - row.n
    if span.upto and span.upto[:-1] == series:
        return int(abs(between))  # it goes on in the next one
    return int(abs(between + row.last - highest) + abs(row.last - highest))


async def unwritten(tx: Tx) -> int:
    """How many PDFs are still to be written around what was issued; those that are parked are not counted."""
    row = await tx.row(
        "SELECT count(*) AS n FROM (SELECT FROM job WHERE kind IN ('file', 'file_large') LIMIT %s) AS counted",
        [WAITING_MAX],
    )
    return int(row.n)


async def held(tx: Tx) -> Any:
    """How many drafts broke a rule and wait without a number, and the age in seconds of the one that was drafted first."""
    return await tx.row(
        """SELECT (SELECT count(*) FROM (SELECT FROM held WHERE findings <> '[]' LIMIT %(most)s) AS counted) AS n,
                  coalesce(extract(epoch FROM %(at)s - min(first.held_at)), 0) AS oldest_s
             FROM tenant AS t CROSS JOIN LATERAL (
                  SELECT h.held_at FROM held h
                   WHERE h.tenant = t.tenant AND h.findings <> '[]' ORDER BY h.draft_id LIMIT 1) AS first""",
        {"at": tx.at, "most": WAITING_MAX},
    )
