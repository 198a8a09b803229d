"""Accounts: companies, limits, and the figures of all."""

from typing import Any, LiteralString

from services.chassis.database import Tx
from services.chassis.pages import Page
from services.chassis.sweeps import Span
from services.credit.domain.book import Key
from services.credit.store.books import WAITING
from services.kernel.money import Money

# An account with what must be looked up: whether a hold of all of it stands, and whether something that the ledger told of
# it waits. Scalar questions, which go by key for each row that is given.
_SHOWN = f"""SELECT a.*,
                    on_hold OR coalesce(
                      (SELECT true FROM account_hold h
                        WHERE h.tenant = a.tenant AND h.account_id = a.account_id AND lifted_at IS NULL
                          AND (until IS NULL OR until > %s)
                          AND site = '' AND cost_centre = '' AND purchase_order = '' LIMIT 1), false) AS stopped,
                    coalesce(
                      (SELECT true FROM parked
                        WHERE {WAITING} = convert_to(a.tenant || '/' || a.account_id, 'UTF8') LIMIT 1), false) AS uncertain
               FROM account a"""  # noqa: S608 - constant text


# What of its account a hold reserves now, as Hold.reserves says.
RESERVES: LiteralString = (
    "coalesce(div(taken_minor::numeric * held_minor + amount_minor - 1, amount_minor), held_minor)"
)

_LAST = "\U0010ffff"  # the last character there is, which no word has


async def add_account(tx: Tx, key: Key, company: bytes, limit: Money) -> bool:
    """Open an account; False if there is one by that id."""
    return bool(
        await tx.run(
            """INSERT INTO account (tenant, account_id, company, currency, limit_minor, registered_at)
               VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            [*key, company, limit.currency, limit.minor, tx.at],
        )
    )


async def set_company(tx: Tx, key: Key, company: bytes) -> None:
    """Replace the company's data."""
    await tx.run("UPDATE account SET company = %s WHERE tenant = %s AND account_id = %s", [company, *key])


async def get_account(tx: Tx, key: Key) -> Any | None:
    """One account, whole, with whether it is stopped and whether what it uses is uncertain."""
    return await tx.row(f"{_SHOWN} WHERE tenant = %s AND account_id = %s", [tx.at, *key])


async def delivered(tx: Tx, key: Key) -> int:
    """What is held for orders of an account of which something has left: those never lapse. In minor units."""
    row = await tx.row(
        f"""SELECT coalesce(sum({RESERVES}), 0)::bigint AS minor FROM hold
            WHERE tenant = %s AND account_id = %s AND state IN ('HELD', 'PARTIALLY_CAPTURED') AND expires_at IS NULL""",  # noqa: S608 - constant text
        [*key],
    )
    return int(row.minor)


async def list_accounts(tx: Tx, tenant: str, page: Page) -> list[Any]:
    """Accounts by id, each as `get_account` gives it."""
    return await tx.rows(
        f"""{_SHOWN} WHERE tenant = %s {"AND account_id > %s" if page.after else ""}
             ORDER BY account_id LIMIT {page.most}""",
        [tx.at, tenant, *(page.after or ())],
    )


async def search_accounts(tx: Tx, tenant: str, page: Page, begins: str) -> list[Any]:
    """Accounts one of whose words begins so, in the order of the first such word of each (`word`)."""
    after = "AND (word, account_id) > (%s, %s)" if page.after else ""
    return await tx.rows(
        f"""SELECT shown.*, found.word
              FROM (SELECT tenant, account_id, word FROM account_called c
                     WHERE tenant = %s AND word >= as_searched(%s) AND word < as_searched(%s) || '{_LAST}' {after}
                       AND word = (SELECT min(b.word) FROM account_called b WHERE b.tenant = c.tenant
                                      AND b.account_id = c.account_id AND b.word >= as_searched(%s))
                     ORDER BY word, account_id LIMIT {page.most}) AS found
             CROSS JOIN LATERAL ({_SHOWN} WHERE a.tenant = found.tenant AND a.account_id = found.account_id) AS shown
             ORDER BY found.word, found.account_id""",  # noqa: S608 - constant text
        [tenant, begins, begins, *(page.after or ()), begins, tx.at],
    )


async def exposure(tx: Tx, span: Span) -> list[Any]:
    """Limits, use and holds by currency, and how far accounts drift from their movements and holds, minor units."""
    return await tx.rows(
        f"""SELECT a.currency, sum(a.limit_minor)::bigint AS limit_minor, sum(a.used_minor)::bigint AS used_minor,
                   sum(a.held_minor)::bigint AS held_minor,
                   sum(abs(a.used_minor - coalesce(m.used_minor, 0)) + abs(a.held_minor - coalesce(m.held_minor, 0))
                       + abs(a.held_minor - coalesce(h.held_minor, 0)))::bigint AS drift_minor
              FROM (SELECT * FROM account WHERE {span.where("tenant", "account_id")}) AS a
              LEFT JOIN LATERAL (SELECT sum(used_minor) AS used_minor, sum(held_minor) AS held_minor FROM movement
                                  WHERE movement.tenant = a.tenant AND movement.account_id = a.account_id) AS m ON true
              LEFT JOIN LATERAL (SELECT sum({RESERVES}) AS held_minor FROM hold
                                  WHERE hold.tenant = a.tenant AND hold.account_id = a.account_id
                                    AND state IN ('REFERRED', 'HELD', 'PARTIALLY_CAPTURED')) AS h ON true
             GROUP BY a.currency""",  # noqa: S608 - constant text
        span.params,
    )


async def count_open_holds(tx: Tx, span: Span) -> list[tuple[str, int]]:
    """How many orders of these accounts hold credit or wait for a person, by state."""
    return await tx.rows(
        f"""SELECT state, count(*) FROM hold WHERE {span.where("tenant", "account_id")}
               AND state IN ('REFERRED', 'HELD', 'PARTIALLY_CAPTURED') GROUP BY state""",  # noqa: S608 - constant text
        span.params,
    )
