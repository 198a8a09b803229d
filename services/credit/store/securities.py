"""Securities: which there are, and which would pay today."""

from typing import Any

from services.chassis.database import Tx
from services.chassis.pages import Page
from services.credit.domain.book import Key
from services.credit.domain.securities import Security, SecurityKind
from services.kernel.money import Money


async def add_security(tx: Tx, security: Security) -> bool:
    """Keep a new security; False if there is, or was, one by that id."""
    return bool(
        await tx.run(
            """INSERT INTO security (tenant, security_id, account_id, kind, amount_minor, currency, coverage, valid_from,
                                     valid_until, reference)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            [
                security.tenant,
                security.security_id,
                security.account_id,
                security.kind,
                security.amount.minor,
                security.amount.currency,
                security.coverage,
                security.valid_from,
                security.valid_until,
                security.reference,
            ],
        )
    )


async def change_security(tx: Tx, security: Security) -> bool:
    """Replace all that is said of a security; False if it is another account's, or was ended."""
    return bool(
        await tx.run(
            """UPDATE security SET kind = %s, amount_minor = %s, coverage = %s, valid_from = %s, valid_until = %s, reference = %s
                WHERE tenant = %s AND security_id = %s AND account_id = %s AND NOT ended""",
            [
                security.kind,
                security.amount.minor,
                security.coverage,
                security.valid_from,
                security.valid_until,
                security.reference,
                security.tenant,
                security.security_id,
                security.account_id,
            ],
        )
    )


async def find_security(tx: Tx, key: Key) -> tuple[Security, bool] | None:
    """A security by its id, and whether it was ended."""
    row = await tx.row("SELECT * FROM security WHERE tenant = %s AND security_id = %s", [*key])
    return (_security(row), row.ended) if row else None


async def end_security(tx: Tx, key: Key) -> bool:
    """Have it be none any more; False if it was ended before."""
    return bool(
        await tx.run("UPDATE security SET ended = true WHERE tenant = %s AND security_id = %s AND NOT ended", [*key])
    )


async def count_securities(tx: Tx, account: Key) -> int:
    """How many of an account were not ended."""
    row = await tx.row(
        "SELECT count(*) AS n FROM security WHERE tenant = %s AND account_id = %s AND NOT ended", [*account]
    )
    return int(row.n)


async def paying(tx: Tx, account: Key) -> list[Security]:
    """The securities of an account that would pay now."""
    rows = await tx.rows(
        """SELECT * FROM security
            WHERE tenant = %s AND account_id = %s AND NOT ended
              AND valid_from <= %s AND (valid_until IS NULL OR valid_until > %s)""",
        [*account, tx.at, tx.at],
    )
    return [_security(row) for row in rows]


async def list_securities(tx: Tx, tenant: str, account_id: str, page: Page) -> list[Security]:
    """The securities that were not ended, of an account or of all ("")."""
    conditions = ["account_id = %s"] * bool(account_id) + ["(account_id, security_id) > (%s, %s)"] * bool(page.after)
    rows = await tx.rows(
        f"""SELECT * FROM security
             WHERE {" AND ".join(["tenant = %s", *conditions])} AND NOT ended
             ORDER BY account_id, security_id LIMIT {page.most}""",  # noqa: S608 - constant conditions
        [tenant, *([account_id] if account_id else []), *(page.after or ())],
    )
    return [_security(row) for row in rows]


def _security(row: Any) -> Security:
    return Security(
        tenant=row.tenant,
        security_id=row.security_id,
        account_id=row.account_id,
        kind=SecurityKind(row.kind),
        amount=Money(row.amount_minor, row.currency),
        coverage=row.coverage,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        reference=row.reference,
    )
