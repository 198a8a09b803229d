"""Remembers what people may order without asking, and what they ordered here."""

from dataclasses import dataclass
from datetime import datetime

from services.chassis.database import Tx
from services.portal.domain.spending import Rule

DAYS = 7  # for which an order waits for approval
SHOWN = 100
RULES_MAX = 2_000  # of an account: all of them count


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order that somebody places here."""

    purchase_id: str
    account_id: str
    contact_id: str
    ordered_by: str
    currency: str
    gross_minor: int
    state: str
    request: bytes
    assurance: int
    requested_at: datetime
    expires_at: datetime
    decided_by: str
    code: str
    order_id: str
    # Keyed hashes of the addresses of whoever stands behind it, as long as it waits.
    known_by: list[bytes]
    # Nobody may approve it, as of the last time that was looked at.
    lacks_approver: bool
    # By which standing approval it was placed at once; "".
    standing_id: str = ""


_RULE = "rule_id, who, currency, per_order_minor, per_month_minor"
_PURCHASE = """purchase_id, account_id, contact_id, ordered_by, currency, gross_minor, state, request, assurance,
               requested_at, expires_at, decided_by, code, order_id, known_by, lacks_approver, standing_id"""


async def rules_of(tx: Tx, tenant: str, account_id: str) -> list[Rule]:
    """An account's rules."""
    return await tx.fetch(
        Rule,
        f"SELECT {_RULE} FROM spend_rule WHERE tenant = %s AND account_id = %s ORDER BY who, currency LIMIT {RULES_MAX}",  # noqa: S608 - constant text
        [tenant, account_id],
    )


async def save_rule(tx: Tx, tenant: str, account_id: str, rule: Rule, made_by: str) -> None:
    """A rule, new or changed: one for each person or role, and currency."""
    await tx.run(
        f"""INSERT INTO spend_rule (tenant, account_id, {_RULE}, made_by, made_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, now())
            ON CONFLICT (tenant, account_id, who, currency) DO UPDATE
               SET per_order_minor = EXCLUDED.per_order_minor, per_month_minor = EXCLUDED.per_month_minor,
                   made_by = EXCLUDED.made_by, made_at = EXCLUDED.made_at""",  # noqa: S608 - constant text
        [
            tenant,
            account_id,
            rule.rule_id,
            rule.who,
            rule.currency,
            rule.per_order_minor,
            rule.per_month_minor,
            made_by,
        ],
    )


async def remove_rule(tx: Tx, tenant: str, account_id: str, rule_id: str) -> None:
    """A rule is none any more."""
    await tx.run(
        "DELETE FROM spend_rule WHERE tenant = %s AND account_id = %s AND rule_id = %s", [tenant, account_id, rule_id]
    )


async def lock_spender(tx: Tx, tenant: str, contact_id: str) -> None:
    """Let nobody else order as this contact until the transaction ends, so that two orders do not spend one month."""
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"spend\x1f{tenant}\x1f{contact_id}"])


async def spent_this_month(tx: Tx, tenant: str, contact_id: str, currency: str) -> int:
    """What a contact ordered since the first of the month (UTC), what waits included; minor units."""
    row = await tx.row(
        """SELECT coalesce(sum(gross_minor), 0)::bigint AS minor FROM purchase
            WHERE tenant = %s AND contact_id = %s AND currency = %s AND state IN ('AWAITING', 'PLACING', 'PLACED')
              AND requested_at >= date_trunc('month', now(), 'UTC')""",
        [tenant, contact_id, currency],
    )
    return int(row.minor)


async def add_purchase(tx: Tx, tenant: str, purchase: Purchase) -> None:
    """Somebody orders; it waits for some days at most."""
    await tx.run(
        """INSERT INTO purchase (tenant, purchase_id, account_id, contact_id, ordered_by, currency, gross_minor, state,
                                 request, assurance, requested_at, expires_at, known_by, standing_id)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now(), now() + make_interval(days => %s), %s::bytea[], %s)""",
        [
            tenant,
            purchase.purchase_id,
            purchase.account_id,
            purchase.contact_id,
            purchase.ordered_by,
            purchase.currency,
            purchase.gross_minor,
            purchase.state,
            purchase.request,
            purchase.assurance,
            DAYS,
            purchase.known_by,
            purchase.standing_id,
        ],
    )


async def find_purchase(tx: Tx, tenant: str, purchase_id: str) -> Purchase | None:
    """One order."""
    found = await tx.fetch(
        Purchase,
        f"SELECT {_PURCHASE} FROM purchase WHERE tenant = %s AND purchase_id = %s",  # noqa: S608 - constant text
        [tenant, purchase_id],
    )
    return found[0] if found else None


async def purchases_of(tx: Tx, tenant: str, account_id: str) -> list[Purchase]:
    """An account's orders that needed approval, the newest first."""
    return await tx.fetch(
        Purchase,
        f"""SELECT {_PURCHASE} FROM purchase
             WHERE tenant = %s AND account_id = %s AND (state = 'AWAITING' OR decided_by <> '' OR state = 'EXPIRED' OR standing_id <> '')
             ORDER BY requested_at DESC LIMIT {SHOWN}""",  # noqa: S608 - constant text
        [tenant, account_id],
    )


async def lacks_approver(tx: Tx, tenant: str, purchase_id: str, lacks: bool) -> bool:
    """Keep whether nobody may approve an order that waits; False if that was known, or it does not wait any more."""
    kept = await tx.run(
        """UPDATE purchase SET lacks_approver = %s
            WHERE tenant = %s AND purchase_id = %s AND state = 'AWAITING' AND lacks_approver <> %s""",
        [lacks, tenant, purchase_id, lacks],
    )
    return kept == 1


async def decide(tx: Tx, tenant: str, purchase_id: str, *, state: str, by: str, code: str = "") -> bool:
    """Say yes or no to an order that waits; False if it does not wait any more."""
    decided = await tx.run(
        """UPDATE purchase SET state = %s, decided_by = %s, decided_at = now(), code = %s, known_by = '{}'
            WHERE tenant = %s AND purchase_id = %s AND state = 'AWAITING' AND expires_at > now()""",
        [state, by, code, tenant, purchase_id],
    )
    return decided == 1


async def settle(tx: Tx, tenant: str, purchase_id: str, *, order_id: str = "", code: str = "") -> bool:
    """An order was placed, or refused with a code; False if that was kept before."""
    settled = await tx.run(
        """UPDATE purchase SET state = %s, order_id = %s, code = %s, request = ''
            WHERE tenant = %s AND purchase_id = %s AND state = 'PLACING'""",
        ["PLACED" if order_id else "REFUSED", order_id, code, tenant, purchase_id],
    )
    return settled == 1


async def expire(tx: Tx, tenant: str, most: int) -> list[Purchase]:
    """What nobody has decided in time waits no longer; return it."""
    return await tx.fetch(
        Purchase,
        f"""UPDATE purchase SET state = 'EXPIRED', request = '', known_by = '{{}}' WHERE ctid = ANY (ARRAY (
              SELECT ctid FROM purchase WHERE tenant = %s AND state = 'AWAITING' AND expires_at < now()
               LIMIT %s FOR UPDATE SKIP LOCKED))
         RETURNING {_PURCHASE}""",  # noqa: S608 - constant text
        [tenant, most],
    )


async def approved_lately(tx: Tx, tenant: str, account_id: str) -> dict[tuple[str, str], list[int]]:
    """The amounts of the orders that were approved one by one in the last 90 days, by contact and currency; minor units."""
    rows = await tx.rows(
        f"""SELECT contact_id, currency, array_agg(gross_minor) AS minors FROM (
              SELECT contact_id, currency, gross_minor FROM purchase
               WHERE tenant = %s AND account_id = %s AND state = 'PLACED' AND decided_by <> ''
                 AND requested_at > now() - interval '90 days'
               ORDER BY requested_at DESC LIMIT {SHOWN}) AS approved GROUP BY contact_id, currency""",  # noqa: S608 - constant text
        [tenant, account_id],
    )
    return {(row.contact_id, row.currency): row.minors for row in rows}


async def forget_granters(tx: Tx, tenant: str) -> int:
    """Forget by what else those are known who granted a standing approval whose time is over."""
    return await tx.run(
        "UPDATE standing_approval SET known_by = '{}' WHERE tenant = %s AND valid_until < now() AND known_by <> '{}'",
        [tenant],
    )
