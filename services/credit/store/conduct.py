"""How buyers pay: invoices as the ledger told of them, what was open when they ordered, what is long overdue."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from services.chassis.columns import Columns, within
from services.chassis.database import Tx
from services.credit.domain import conduct as domain
from services.credit.domain.book import Key
from services.credit.domain.conduct import Arrear, Conduct, Item
from services.kernel.money import Money

_ITEM = Columns(
    """tenant text, invoice_id text, account_id text, due_on date, amount_minor bigint, open_minor bigint, currency text,
       settled_on date, sequence bigint"""
)
_LOOK = Columns("tenant text, account_id text, look_at timestamptz, cause text")
PEAK = Columns("tenant text, account_id text, day date, most_minor bigint")
# Most orders of a day are not the one after which most was open.
PEAKED = f"""INSERT INTO open_day AS d ({PEAK.names}) SELECT * FROM {PEAK.rows} AS new
             ON CONFLICT (tenant, account_id, day) DO UPDATE SET most_minor = EXCLUDED.most_minor
               WHERE d.most_minor < EXCLUDED.most_minor"""  # noqa: S608 - constant columns


async def lock_items(tx: Tx, keys: Collection[Key]) -> dict[Key, Item]:
    """These invoices, held until the transaction ends. Hold accounts before, where both are held."""
    rows = await tx.rows(
        """SELECT * FROM item WHERE tenant = ANY (%s::text[]) AND invoice_id = ANY (%s::text[])
            ORDER BY tenant, invoice_id FOR UPDATE""",
        within(keys),
    )
    return {(row.tenant, row.invoice_id): _item(row) for row in rows}


async def save_items(tx: Tx, items: Collection[Item], looks: Mapping[Key, tuple[datetime, str]]) -> None:
    """Write invoices, unless newer ones are there, and when their accounts are looked at at the latest, and why ('': the clock)."""
    await tx.run(
        f"""WITH kept AS (
              INSERT INTO item ({_ITEM.names}) SELECT * FROM {_ITEM.rows} AS new ORDER BY tenant, invoice_id
              ON CONFLICT (tenant, invoice_id) DO UPDATE
                SET open_minor = EXCLUDED.open_minor, settled_on = EXCLUDED.settled_on, sequence = EXCLUDED.sequence
                WHERE item.sequence <= EXCLUDED.sequence
                  AND (item.open_minor, item.settled_on) IS DISTINCT FROM (EXCLUDED.open_minor, EXCLUDED.settled_on)
            )
            {_SOON}""",  # noqa: S608 - constant columns
        [
            _ITEM.pack(map(_item_row, items)),
            _LOOK.pack((*key, at, cause) for key, (at, cause) in sorted(looks.items())),
        ],
    )


_SOON = f"""INSERT INTO conduct AS c (tenant, account_id, look_at, causes)
            SELECT tenant, account_id, look_at, array_remove(ARRAY[cause], '') FROM {_LOOK.rows} AS new
            ON CONFLICT (tenant, account_id) DO UPDATE
              SET look_at = least(c.look_at, EXCLUDED.look_at),
                  causes = CASE WHEN c.causes @> EXCLUDED.causes THEN c.causes ELSE c.causes || EXCLUDED.causes END
              WHERE c.look_at > EXCLUDED.look_at OR NOT c.causes @> EXCLUDED.causes"""  # noqa: S608 - constant columns


async def look_soon(tx: Tx, account: Key, cause: str) -> None:
    """Have an account looked at now, and say why."""
    await tx.run(_SOON, [_LOOK.pack([(*account, tx.at, cause)])])


async def note_open(tx: Tx, account: Key, minor: int) -> None:
    """What an account owed and held after an order of today."""
    await tx.run(PEAKED, [PEAK.pack([(*account, tx.at.date(), minor)])])


async def conduct_of(tx: Tx, accounts: Collection[Key], today: date) -> dict[Key, Conduct]:
    """How these accounts have paid, as of a day; of many settled invoices the newest count.

    What is overdue in another currency is worth what the account's books say; what was settled in one weighs nothing.
    """
    rows = await tx.rows(
        """SELECT a.tenant, a.account_id, s.*, o.*, f.first_due, p.open_p95
             FROM (SELECT tenant, account_id, currency, abroad FROM account
                    WHERE tenant = ANY (%(tenants)s::text[]) AND account_id = ANY (%(accounts)s::text[])) AS a
             CROSS JOIN LATERAL (
               SELECT count(*) AS settled, count(*) FILTER (WHERE days > 0) AS late,
                      coalesce(sum(days), 0)::bigint AS days_late,
                      coalesce(sum(days::numeric * amount_minor) FILTER (WHERE is_own), 0) AS amount_days,
                      coalesce(sum(amount_minor) FILTER (WHERE is_own), 0)::bigint AS settled_minor,
                      count(*) FILTER (WHERE settled_on > %(today)s - %(recent)s) AS recent,
                      max(days) FILTER (WHERE settled_on > %(today)s - %(recent)s) AS recent_worst,
                      max(days) FILTER (WHERE settled_on > %(today)s - 30) AS newly_worst,
                      min(due_on) AS first_settled
                 FROM (SELECT settled_on, due_on, amount_minor, settled_on - due_on AS days, i.currency = a.currency AS is_own
                         FROM item i
                        WHERE i.account_id = a.account_id AND i.tenant = a.tenant AND settled_on IS NOT NULL
                        ORDER BY settled_on DESC LIMIT %(most)s) AS newest) AS s
             CROSS JOIN LATERAL (
               SELECT coalesce(sum(CASE WHEN i.currency = a.currency THEN open_minor
                                        WHEN (a.abroad -> i.currency ->> 0)::numeric > 0
                                        THEN ceil(open_minor * (a.abroad -> i.currency ->> 1)::numeric
                                                  / (a.abroad -> i.currency ->> 0)::numeric)
                                   END), 0)::bigint AS overdue_minor,
                      min(due_on) AS overdue_since FROM item i
                WHERE i.account_id = a.account_id AND i.tenant = a.tenant AND open_minor > 0 AND due_on < %(today)s) AS o
             CROSS JOIN LATERAL (
               SELECT least(s.first_settled, min(due_on)) AS first_due FROM item i
                WHERE i.account_id = a.account_id AND i.tenant = a.tenant AND open_minor > 0) AS f
             CROSS JOIN LATERAL (
               SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY most_minor) AS open_p95 FROM open_day d
                WHERE d.tenant = a.tenant AND d.account_id = a.account_id AND day > %(today)s - %(open_days)s) AS p""",
        {
            **dict(zip(("tenants", "accounts"), within(accounts), strict=True)),
            "today": today,
            "recent": domain.RECENT_DAYS,
            "open_days": domain.OPEN_DAYS,
            "most": domain.SETTLED_MOST,
        },
    )
    return {(row.tenant, row.account_id): _conduct(row) for row in rows}


async def add_arrears(tx: Tx, items: Collection[Item]) -> None:
    """Note invoices that were settled more than 30 days late."""
    await tx.run(
        f"""INSERT INTO arrear AS a (tenant, account_id, invoice_id, due_on, amount_minor, currency, since, settled_on)
            SELECT tenant, account_id, invoice_id, due_on, amount_minor, currency, due_on + {domain.ARREAR_DAYS + 1}, settled_on
              FROM {_ITEM.rows} AS new
            ON CONFLICT (tenant, invoice_id) DO UPDATE SET settled_on = EXCLUDED.settled_on""",  # noqa: S608 - constant columns
        [_ITEM.pack(map(_item_row, items))],
    )


async def keep_arrears(tx: Tx, accounts: Collection[Key], today: date) -> None:
    """Note what of these accounts is open and more than 30 days late by a day; what was meanwhile settled, or is none any more."""
    await tx.run(
        """WITH late AS (
             INSERT INTO arrear AS a (tenant, account_id, invoice_id, due_on, amount_minor, currency, since, settled_on)
             SELECT tenant, account_id, invoice_id, due_on, amount_minor, currency, due_on + %(days)s + 1, NULL FROM item
              WHERE tenant = ANY (%(tenants)s::text[]) AND account_id = ANY (%(accounts)s::text[])
                AND open_minor > 0 AND due_on + %(days)s < %(today)s
             ON CONFLICT (tenant, invoice_id) DO UPDATE SET settled_on = NULL WHERE a.settled_on IS NOT NULL
           ), settled AS (
             UPDATE arrear a SET settled_on = i.settled_on FROM item i
              WHERE a.tenant = ANY (%(tenants)s::text[]) AND a.account_id = ANY (%(accounts)s::text[])
                AND a.settled_on IS NULL AND i.tenant = a.tenant AND i.invoice_id = a.invoice_id AND i.settled_on IS NOT NULL
           )
           DELETE FROM arrear a USING item i
            WHERE a.tenant = ANY (%(tenants)s::text[]) AND a.account_id = ANY (%(accounts)s::text[])
              AND a.settled_on IS NULL AND i.tenant = a.tenant AND i.invoice_id = a.invoice_id
              AND i.open_minor <= 0 AND i.settled_on IS NULL""",
        {
            **dict(zip(("tenants", "accounts"), within(accounts), strict=True)),
            "today": today,
            "days": domain.ARREAR_DAYS,
        },
    )


async def arrears_of(
    tx: Tx, tenant: str, account_ids: Collection[str], from_day: date, to_day: date
) -> dict[str, list[Arrear]]:
    """The invoices of these accounts that became more than 30 days late from one day to another, both included, by account.

    One that turned out to be paid before, by its value date, is none.
    """
    rows = await tx.rows(
        """SELECT * FROM arrear WHERE account_id = ANY (%s::text[]) AND tenant = %s AND since BETWEEN %s AND %s
              AND (settled_on IS NULL OR settled_on >= since)
            ORDER BY account_id, since, invoice_id""",
        [sorted(account_ids), tenant, from_day, to_day],
    )
    found: dict[str, list[Arrear]] = {}
    for row in rows:
        amount = Money(row.amount_minor, row.currency)
        one = Arrear(row.account_id, row.invoice_id, row.due_on, amount, row.since, row.settled_on)
        found.setdefault(row.account_id, []).append(one)
    return found


def _item_row(one: Item) -> tuple[Any, ...]:
    return (
        one.tenant,
        one.invoice_id,
        one.account_id,
        one.due_on,
        one.amount.minor,
        one.open_minor,
        one.amount.currency,
        one.settled_on,
        one.sequence,
    )


def _item(row: Any) -> Item:
    return Item(
        tenant=row.tenant,
        invoice_id=row.invoice_id,
        account_id=row.account_id,
        due_on=row.due_on,
        amount=Money(row.amount_minor, row.currency),
        open_minor=row.open_minor,
        sequence=row.sequence,
        settled_on=row.settled_on,
    )


def _conduct(row: Any) -> Conduct:
    return Conduct(
        settled=row.settled,
        late=row.late,
        days_late=row.days_late,
        amount_days=int(row.amount_days),
        settled_minor=row.settled_minor,
        recent=row.recent,
        recent_worst=row.recent_worst,
        newly_worst=row.newly_worst,
        first_due=row.first_due,
        overdue_minor=row.overdue_minor,
        overdue_since=row.overdue_since,
        open_p95=row.open_p95,
    )
