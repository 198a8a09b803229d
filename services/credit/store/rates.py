"""Rates of currencies, and the accounts that are valued by them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from typing import Any, LiteralString

from services.chassis import jobs
from services.chassis.columns import Columns, within
from services.chassis.database import Question, Tx
from services.chassis.envelope import Origin
from services.chassis.pages import Page
from services.credit.domain.rates import DAYS_READ, THROUGH, Rate, Rates

VALUE = "value"  # kinds of jobs
ASK_RATES = "rates"
_RATE = Columns("tenant text, base text, quote text, day date, rate numeric, version int")
# Accounts of which something is in another currency, and was valued before the newest rates were set.
_DUE: LiteralString = """SELECT a.tenant, 'value', 'value/' || a.account_id, '', 1
                           FROM tenant
                          CROSS JOIN LATERAL (SELECT tenant, version FROM rate WHERE rate.tenant = tenant.tenant
                                               ORDER BY version DESC LIMIT 1) AS newest
                           JOIN account a ON a.tenant = newest.tenant AND a.valued_version < newest.version"""
# Sellers of whom something is in another currency, or waits for what that is worth. Each is looked up by its index and no
# more than once found: of EXISTS a plan for any day would look through the tables.
_USED: LiteralString = """coalesce(
       (SELECT true FROM account a WHERE a.tenant = tenant.tenant AND a.valued_version IS NOT NULL LIMIT 1),
       (SELECT true FROM hold h WHERE h.tenant = tenant.tenant AND h.taken_minor IS NOT NULL
                                  AND h.state IN ('HELD', 'PARTIALLY_CAPTURED') LIMIT 1),
       (SELECT true FROM parked p WHERE p.consumer = 'credit' AND p.tenant = tenant.tenant AND p.closed_at IS NULL
                                    AND p.reason = 'early' AND p.waits_for = 'rates/daily' LIMIT 1),
       (SELECT d.decided_at FROM decision d WHERE d.tenant = tenant.tenant AND 'rate_missing' = ANY (d.reasons)
         ORDER BY d.decided_at DESC LIMIT 1) >= at.since, false)"""
_AT: LiteralString = "(VALUES (%s::date, %s::date, %s::timestamptz)) AS at (today, oldest, since)"
# They, and who has had rates of late, on a day on which nobody has told any yet.
_WANTED: LiteralString = f"""SELECT tenant.tenant, 'rates', 'rates/' || at.today, '', 1 FROM {_AT} CROSS JOIN tenant
    WHERE NOT EXISTS (SELECT FROM rates_asked r WHERE r.tenant = tenant.tenant AND r.day >= at.today)
      AND ((SELECT day FROM rate WHERE rate.tenant = tenant.tenant ORDER BY day DESC LIMIT 1) >= at.oldest OR {_USED})"""  # noqa: S608 - constant text


def newest(tenants: Sequence[str], currencies: Sequence[str], day: date) -> tuple[Question, Question]:
    """By which version rates are known, and the newest up to a day of each pair of these currencies.

    Of a pair also those up to the day on which another one ends: two legs meet on a day of both, however long ago.
    """
    return (
        (
            """SELECT wanted.tenant, newest.version FROM unnest(%s::text[]) AS wanted (tenant)
                CROSS JOIN LATERAL (SELECT version FROM rate WHERE rate.tenant = wanted.tenant
                                     ORDER BY version DESC LIMIT 1) AS newest""",
            [tenants],
        ),
        (
            f"""WITH pair AS (
                  SELECT wanted.tenant, one.base, other.quote, newest.day FROM unnest(%s::text[]) AS wanted (tenant)
                   CROSS JOIN unnest(%s::text[]) AS one (base) CROSS JOIN unnest(%s::text[]) AS other (quote)
                   CROSS JOIN LATERAL (SELECT day FROM rate WHERE rate.tenant = wanted.tenant AND rate.base = one.base
                                          AND rate.quote = other.quote AND rate.day <= %s ORDER BY day DESC LIMIT 1) AS newest)
                SELECT found.* FROM pair JOIN (SELECT DISTINCT tenant, day FROM pair) AS until USING (tenant)
                 CROSS JOIN LATERAL (SELECT * FROM rate WHERE rate.tenant = pair.tenant AND rate.base = pair.base
                                        AND rate.quote = pair.quote AND rate.day <= until.day
                                      ORDER BY day DESC LIMIT {DAYS_READ}) AS found""",  # noqa: S608 - a constant number
            [tenants, currencies, currencies, day],
        ),
    )


def by_tenant(versions: Iterable[Any], rows: Iterable[Any]) -> dict[str, Rates]:
    """The same as values."""
    of: dict[str, list[Rate]] = {row.tenant: [] for row in versions}
    for row in rows:
        of[row.tenant].append(_rate(row))
    known = {row.tenant: row.version for row in versions}
    return {tenant: Rates(found, known[tenant]) for tenant, found in of.items()}


async def lock_rates(tx: Tx, tenant: str) -> int:
    """Have versions follow one another; return the last one."""
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"rates of {tenant}"])
    row = await tx.row("SELECT version FROM rate WHERE tenant = %s ORDER BY version DESC LIMIT 1", [tenant])
    return row.version if row else 0


async def find_rates(tx: Tx, tenant: str, wanted: Collection[Rate]) -> list[Rate]:
    """What is known of these pairs on these days."""
    keys = {(one.base, one.quote, one.day) for one in wanted}
    rows = await tx.rows(
        """SELECT * FROM rate WHERE tenant = %s
              AND base = ANY (%s::text[]) AND quote = ANY (%s::text[]) AND day = ANY (%s::date[])""",
        [tenant, *within(keys, 3)],
    )
    return [_rate(row) for row in rows if (row.base, row.quote, row.day) in keys]


async def set_rates(tx: Tx, tenant: str, version: int, rates: Collection[Rate]) -> None:
    """Keep rates, in the place of what was known of their pairs and days."""
    await tx.run(
        f"""INSERT INTO rate ({_RATE.names}) SELECT * FROM {_RATE.rows} AS new
            ON CONFLICT (tenant, base, quote, day) DO UPDATE SET rate = EXCLUDED.rate, version = EXCLUDED.version""",  # noqa: S608 - constant columns
        [_RATE.pack((tenant, one.base, one.quote, one.day, one.rate, version) for one in rates)],
    )


async def list_rates(tx: Tx, tenant: str, page: Page) -> list[Rate]:
    """Rates, the newest day first."""
    after = "AND (day, base, quote) < (%s, %s, %s)" if page.after else ""
    rows = await tx.rows(
        f"""SELECT * FROM rate WHERE tenant = %s {after}
             ORDER BY day DESC, base DESC, quote DESC LIMIT {page.most}""",  # noqa: S608 - constant text
        [tenant, *(page.after or ())],
    )
    return [_rate(row) for row in rows]


async def newest_rates(tx: Tx, tenant: str, currencies: Collection[str]) -> Rates:
    """The newest that are known of these currencies."""
    found = by_tenant(*await tx.ask(*newest([tenant], sorted({THROUGH, *currencies}), tx.at.date())))
    return found.get(tenant) or Rates()


def rates_of_day(today: date) -> str:
    """What the job is about that asks for a day's rates."""
    return f"rates/{today}"


async def find_rates_wanted(tx: Tx, word: Origin) -> int:
    """Make a job of each seller for whom rates are to be asked for; return how many."""
    return await jobs.find(tx, word, _WANTED, _today(tx))


async def count_rates_wanted(tx: Tx) -> int:
    """How many there are for which there is no job yet."""
    return await jobs.count_found(tx, _WANTED, _today(tx))


async def note_rates_asked(tx: Tx, tenant: str, today: date) -> None:
    """Remember that a day's rates were told."""
    await tx.run(
        """INSERT INTO rates_asked (tenant, day) VALUES (%s, %s)
           ON CONFLICT (tenant) DO UPDATE SET day = EXCLUDED.day""",
        [tenant, today],
    )


async def count_expiring_rates(tx: Tx, rate_days: int) -> int:
    """How many sellers use rates of which the newest decides nothing in two days; of `rate_days` if they set no policy."""
    row = await tx.row(
        f"""SELECT count(*) AS n FROM {_AT} CROSS JOIN tenant
             CROSS JOIN LATERAL (SELECT day FROM rate WHERE rate.tenant = tenant.tenant ORDER BY day DESC LIMIT 1) AS newest
              LEFT JOIN LATERAL (SELECT policy.rate_days FROM policy WHERE policy.tenant = tenant.tenant
                                  ORDER BY version DESC LIMIT 1) AS said ON true
             WHERE at.today - newest.day > coalesce(said.rate_days, %s) - 2 AND {_USED}""",  # noqa: S608 - constant text
        [*_today(tx), rate_days],
    )
    return int(row.n)


def _today(tx: Tx) -> list[Any]:
    since = tx.at - timedelta(days=DAYS_READ)
    return [tx.at.date(), since.date(), since]


async def find_unvalued(tx: Tx, word: Origin) -> int:
    """Make a job of each account that newer rates value otherwise; return how many."""
    return await jobs.find(tx, word, _DUE, [])


async def count_unvalued(tx: Tx) -> int:
    """How many there are for which there is no job yet."""
    return await jobs.count_found(tx, _DUE, [])


def _rate(row: Any) -> Rate:
    return Rate(row.base, row.quote, row.day, row.rate.normalize())
