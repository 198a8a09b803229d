"""Orders that looked wrong: what the rules saw, who checks them by when, and how often each rule was right."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, LiteralString

from services.chassis import jobs
from services.chassis.columns import Columns, within
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import Page
from services.credit.domain.book import Key
from services.credit.domain.checks import Check, Overdue
from services.credit.domain.fraud_rules import FraudRule
from services.credit.domain.promises import Promise
from services.credit.domain.suspicions import Hit
from services.credit.store.orders import Version
from services.kernel.money import Money

CHECKS = "checks"  # the kind of job
HITS_SHOWN = 100  # of an order
_HIT = Columns(
    "tenant text, order_id text, version int, rule text, account_id text, action text, feature text, value text,"
    " threshold text, compared_with text, source text, seen_at timestamptz"
)
_CHECK = Columns(
    "tenant text, order_id text, version int, account_id text, reason_code text, rules text, clears text,"
    " placed_at timestamptz, usually_by timestamptz, latest_by timestamptz"
)
_SHOWN: LiteralString = (
    """SELECT c.*, h.currency, h.amount_minor FROM order_check c JOIN hold h USING (tenant, order_id, version)"""
)
_DUE: LiteralString = """SELECT tenant, 'checks', 'order/' || order_id, '', 1 FROM order_check
                          WHERE closed_at IS NULL AND told <> 'LATE' AND usually_by <= %s
                            AND (told = '' OR latest_by <= %s)
                          ORDER BY usually_by"""


async def add_hits(tx: Tx, hits: Sequence[tuple[Version, str, Hit]], at: datetime) -> None:
    """Keep what rules saw in versions of accounts' orders."""
    rows = [
        (
            *version,
            hit.rule,
            account_id,
            hit.action,
            hit.feature,
            hit.value,
            hit.threshold,
            hit.compared_with,
            hit.source,
            at,
        )
        for version, account_id, hit in hits
    ]
    await tx.run(
        f"INSERT INTO order_hit ({_HIT.names}) SELECT * FROM {_HIT.rows} AS new",  # noqa: S608 - constant columns
        [_HIT.pack(rows)],
    )


async def add_checks(tx: Tx, checks: Sequence[Check]) -> None:
    """Have these orders wait for a check."""
    rows = [
        (
            *(one.tenant, one.order_id, one.version, one.account_id, one.reason_code, " ".join(one.rules), one.clears),
            *(one.placed_at, one.promise.usually_by, one.promise.latest_by),
        )
        for one in checks
    ]
    await tx.run(
        f"""INSERT INTO order_check ({_CHECK.names})
            SELECT tenant, order_id, version, account_id, reason_code, string_to_array(rules, ' '), clears, placed_at,
                   usually_by, latest_by
              FROM {_CHECK.rows} AS new""",  # noqa: S608 - constant columns
        [_CHECK.pack(rows)],
    )


async def add_to_check(tx: Tx, check: Check) -> None:
    """Have an order wait for one rule more: what stops most was told first, and all is well by what is well by all of them."""
    await tx.run(
        """INSERT INTO order_check AS c (tenant, order_id, version, account_id, reason_code, rules, clears, placed_at,
                                         usually_by, latest_by)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (tenant, order_id, version) DO UPDATE
             SET rules = c.rules || EXCLUDED.rules,
                 clears = CASE WHEN c.clears = EXCLUDED.clears THEN c.clears ELSE '' END""",
        [
            *(check.tenant, check.order_id, check.version, check.account_id, check.reason_code, list(check.rules)),
            *(check.clears, check.placed_at, check.promise.usually_by, check.promise.latest_by),
        ],
    )


async def close_checks(tx: Tx, versions: Collection[Version], at: datetime) -> None:
    """These versions wait for nothing any more; of most there is no check."""
    await tx.run(
        """UPDATE order_check SET closed_at = %s
            WHERE tenant = ANY (%s::text[]) AND order_id = ANY (%s::text[]) AND closed_at IS NULL
              AND (tenant, order_id, version) IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::int[]))""",
        [at, *within([version[:2] for version in versions]), *map(list, zip(*versions, strict=True))],
    )


async def find_check(tx: Tx, order: Key) -> Check | None:
    """The newest check of an order. What changes one holds its order's account before."""
    row = await tx.row(
        f"{_SHOWN} WHERE c.tenant = %s AND c.order_id = %s ORDER BY c.version DESC LIMIT 1",
        [*order],
    )
    return _check(row) if row else None


async def hits_of(tx: Tx, order: Key) -> list[tuple[Hit, datetime]]:
    """What rules saw in an order, newest version first."""
    rows = await tx.rows(
        "SELECT * FROM order_hit WHERE tenant = %s AND order_id = %s ORDER BY version DESC, rule LIMIT %s",
        [*order, HITS_SHOWN],
    )
    return [
        (Hit(r.rule, r.action, "", r.feature, r.value, r.threshold, r.compared_with, r.source), r.seen_at) for r in rows
    ]


async def save_check(tx: Tx, check: Check) -> None:
    """Write who sees to a check, what came of it, and what was told of it."""
    await tx.run(
        """UPDATE order_check SET owner = %s, answered_by = %s, is_clear = %s, told = %s,
                                  closed_at = CASE WHEN %s THEN coalesce(closed_at, %s) END
            WHERE tenant = %s AND order_id = %s AND version = %s""",
        [
            *(check.owner, check.answered_by, check.is_clear, check.told, check.is_closed, tx.at),
            *(check.tenant, check.order_id, check.version),
        ],
    )


async def list_checks(tx: Tx, tenant: str, page: Page) -> list[Check]:
    """Those that wait, least time left first."""
    rows = await tx.rows(
        f"""{_SHOWN} WHERE c.tenant = %s AND c.closed_at IS NULL
                      {"AND (c.latest_by, c.order_id) > (%s, %s)" if page.after else ""}
             ORDER BY c.latest_by, c.order_id LIMIT {page.most}""",
        [tenant, *(page.after or ())],
    )
    return [_check(row) for row in rows]


async def find_due_checks(tx: Tx, word: Origin) -> int:
    """Make a job of each order whose check is due to be told of; return how many."""
    return await jobs.find(tx, word, _DUE, [tx.at, tx.at])


async def count_due_checks(tx: Tx) -> int:
    """How many there are for which there is no job yet."""
    return await jobs.count_found(tx, _DUE, [tx.at, tx.at])


async def lock_fraud_rule(tx: Tx, tenant: str, rule: str) -> FraudRule:
    """A rule that nobody else counts until the transaction ends."""
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"fraud rule {rule} of {tenant}"])
    row = await tx.row("SELECT * FROM fraud_rule WHERE tenant = %s AND rule = %s", [tenant, rule])
    return _fraud_rule(row) if row else FraudRule(tenant, rule)


async def save_fraud_rule(tx: Tx, rule: FraudRule) -> None:
    """Write how often it was right, and whether it stops something."""
    await tx.run(
        """INSERT INTO fraud_rule (tenant, rule, hits, confirmed, shadow_since, asked_by) VALUES (%s, %s, %s, %s, %s, %s)
           ON CONFLICT (tenant, rule) DO UPDATE
             SET hits = EXCLUDED.hits, confirmed = EXCLUDED.confirmed, shadow_since = EXCLUDED.shadow_since,
                 asked_by = EXCLUDED.asked_by""",
        [rule.tenant, rule.rule, rule.hits, rule.confirmed, rule.shadow_since, rule.asked_by],
    )


async def list_fraud_rules(tx: Tx, tenant: str, page: Page) -> list[FraudRule]:
    """Rules that struck, by their names."""
    rows = await tx.rows(
        f"""SELECT * FROM fraud_rule WHERE tenant = %s {"AND rule > %s" if page.after else ""}
             ORDER BY rule LIMIT {page.most}""",  # noqa: S608 - constant text
        [tenant, *(page.after or ())],
    )
    return [_fraud_rule(row) for row in rows]


async def rules_in_shadow(tx: Tx, tenant: str) -> set[str]:
    """Rules on fraud that stop nothing."""
    rows = await tx.rows("SELECT rule FROM fraud_rule WHERE tenant = %s AND shadow_since IS NOT NULL", [tenant])
    return {row.rule for row in rows}


def _check(r: Any) -> Check:
    return Check(
        tenant=r.tenant,
        order_id=r.order_id,
        version=r.version,
        account_id=r.account_id,
        amount=Money(r.amount_minor, r.currency),
        reason_code=r.reason_code,
        rules=tuple(r.rules),
        clears=r.clears,
        placed_at=r.placed_at,
        promise=Promise(r.usually_by, r.latest_by),
        owner=r.owner,
        told=Overdue(r.told),
        answered_by=r.answered_by,
        is_clear=r.is_clear,
        is_closed=r.closed_at is not None,
    )


def _fraud_rule(r: Any) -> FraudRule:
    return FraudRule(r.tenant, r.rule, r.hits, r.confirmed, r.shadow_since, r.asked_by)
