"""What is known of companies and what they are asked; whoever writes either holds the company first (`lock_subject`)."""

from collections.abc import Collection, Sequence
from typing import Any

from services.chassis.columns import Columns
from services.chassis.database import Tx
from services.chassis.ids import new_id
from services.credit.domain.applications import Application
from services.credit.domain.facts import Fact
from services.credit.domain.fraud import Mark, MarkKind, Seen

_FACT = Columns(
    """tenant text, fact_id text, account_id text, key text, value text, provenance text, is_given boolean,
       is_personal boolean, given_by text, evidence text, given_at timestamptz, valid_until timestamptz"""
)
_LISTED = ("company_name", "requested_amount")
_QUESTION = Columns(
    "tenant text, question_id text, account_id text, key text, application_id text, asked_by text, asked_at timestamptz"
)


async def lock_subject(tx: Tx, tenant: str, account_id: str) -> None:
    """Let nobody else ask or tell of this company until the transaction ends.

    A statement of its own: what the next one sees begins after whoever was here before has committed. The index on open
    questions alone would have what was answered meanwhile asked again.
    """
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"facts of {tenant}/{account_id}"])


async def facts_of(tx: Tx, tenant: str, account_id: str) -> list[Fact]:
    """What stands of a company, forgotten values aside."""
    rows = await tx.rows(
        """SELECT * FROM fact WHERE tenant = %s AND account_id = %s AND superseded_at IS NULL AND value <> ''
            ORDER BY key, given_at""",
        [tenant, account_id],
    )
    return [_fact(row) for row in rows]


async def said_before(tx: Tx, tenant: str, account_id: str, most: int) -> list[str]:
    """What people said of a company until they said something else, the newest first; forgotten values aside."""
    rows = await tx.rows(
        f"""SELECT value FROM fact
             WHERE tenant = %s AND account_id = %s AND superseded_at IS NOT NULL AND is_given AND value <> ''
             ORDER BY superseded_at DESC LIMIT {most}""",  # noqa: S608 - a constant number
        [tenant, account_id],
    )
    return [row.value for row in rows]


async def listed_facts(tx: Tx, tenant: str, account_ids: Collection[str]) -> dict[str, list[Fact]]:
    """What lists show of these companies: the name, by a register rather than by itself, and the amount that is asked for."""
    found: dict[str, dict[str, Fact]] = {}
    for is_given in (True, False):  # each has its index
        rows = await tx.rows(
            f"""SELECT * FROM fact
                 WHERE tenant = %s AND account_id = ANY (%s::text[]) AND key = ANY (%s::text[])
                   AND superseded_at IS NULL AND is_given = {is_given} AND value <> ''
                 ORDER BY given_at""",  # noqa: S608 - a constant
            [tenant, list(account_ids), list(_LISTED)],
        )
        for row in rows:
            found.setdefault(row.account_id, {})[row.key] = _fact(row)
    return {account_id: list(facts.values()) for account_id, facts in found.items()}


async def add_facts(tx: Tx, tenant: str, account_id: str, facts: Sequence[Fact]) -> None:
    """Write data, each in the place of what stood there, and close the questions that they answer."""
    if not facts:
        return
    for is_given in (True, False):
        of = [fact for fact in facts if fact.is_given is is_given]
        await tx.run(
            f"""UPDATE fact SET superseded_at = %s
                 WHERE tenant = %s AND account_id = %s AND superseded_at IS NULL AND is_given = {is_given}
                   AND (key, CASE WHEN is_given THEN '' ELSE provenance END)
                       IN (SELECT * FROM unnest(%s::text[], %s::text[]))""",  # noqa: S608 - a constant
            [
                tx.at,
                tenant,
                account_id,
                [fact.key for fact in of],
                ["" if is_given else fact.provenance for fact in of],
            ],
        )
    await tx.run(
        f"INSERT INTO fact ({_FACT.names}) SELECT * FROM {_FACT.rows} AS new",  # noqa: S608 - constant columns
        [
            _FACT.pack(
                (
                    tenant,
                    new_id(),
                    account_id,
                    fact.key,
                    fact.value,
                    fact.provenance,
                    fact.is_given,
                    fact.is_personal,
                    fact.given_by,
                    fact.evidence,
                    fact.given_at,
                    fact.valid_until,
                )
                for fact in facts
            )
        ],
    )
    await tx.run(
        """UPDATE question SET answered_at = %s
            WHERE tenant = %s AND account_id = %s AND key = ANY (%s::text[]) AND answered_at IS NULL""",
        [tx.at, tenant, account_id, [fact.key for fact in facts]],
    )


async def end_shown(tx: Tx, tenant: str, account_id: str, fact: Fact, shown: str) -> None:
    """What was shown of a datum is shown no more, where people say another value of it from now on."""
    await tx.run(
        """UPDATE fact SET superseded_at = %(at)s
            WHERE tenant = %(tenant)s AND account_id = %(account)s AND key = %(shown)s AND superseded_at IS NULL AND is_given
              AND NOT EXISTS (SELECT FROM fact AS said WHERE said.tenant = %(tenant)s AND said.account_id = %(account)s
                                 AND said.key = %(key)s AND said.superseded_at IS NULL AND said.value = %(value)s)""",
        {"at": tx.at, "tenant": tenant, "account": account_id, "shown": shown, "key": fact.key, "value": fact.value},
    )


async def ask(tx: Tx, application: Application, keys: Collection[str], by: str) -> list[str]:
    """Ask for these unless they are asked for already; return those that were not. Know before what is valid."""
    if not keys:
        return []
    tenant, application_id, account_id = *application.key, application.account_id
    rows = await tx.rows(
        f"""INSERT INTO question ({_QUESTION.names}) SELECT * FROM {_QUESTION.rows} AS new
            ON CONFLICT (tenant, account_id, key) WHERE answered_at IS NULL DO NOTHING RETURNING key""",  # noqa: S608 - constant columns
        [_QUESTION.pack((tenant, new_id(), account_id, key, application_id, by, tx.at) for key in sorted(set(keys)))],
    )
    return sorted(row.key for row in rows)


async def take_over_question(tx: Tx, application: Application, key: str, by: str) -> None:
    """A person asks for what the engine asks for already: the same question, which they wait for."""
    await tx.run(
        """UPDATE question SET asked_by = %s, application_id = %s
            WHERE tenant = %s AND account_id = %s AND key = %s AND answered_at IS NULL""",
        [by, application.application_id, application.tenant, application.account_id, key],
    )


async def asked_by_desk(tx: Tx, tenant: str, account_id: str) -> dict[str, str]:
    """What persons of the seller ask a company for and nobody has answered, and for which application, in the order of asking."""
    rows = await tx.rows(
        """SELECT key, application_id FROM question
            WHERE tenant = %s AND account_id = %s AND answered_at IS NULL AND asked_by <> 'engine'
            ORDER BY asked_at, question_id""",
        [tenant, account_id],
    )
    return {row.key: row.application_id for row in rows}


async def make_mark_key(tx: Tx, tenant: str, fresh: bytes) -> None:
    """Give a tenant a key of marks, unless it has one."""
    await tx.run("INSERT INTO mark_key (tenant, key) VALUES (%s, %s) ON CONFLICT DO NOTHING", [tenant, fresh])


async def mark_key(tx: Tx, tenant: str) -> bytes | None:
    """The tenant's key of marks; None before its first application."""
    row = await tx.row("SELECT key FROM mark_key WHERE tenant = %s", [tenant])
    return bytes(row.key) if row else None


async def keep_marks(tx: Tx, application: Application, marks: Collection[Mark]) -> None:
    """Note what a company shows of itself; what it showed before keeps its day."""
    await tx.run(
        """INSERT INTO identity_mark (tenant, kind, mark, account_id, seen_at)
           SELECT %s, kind, mark, %s, %s FROM unnest(%s::text[], %s::bytea[]) AS new (kind, mark) ORDER BY kind, mark
           ON CONFLICT DO NOTHING""",
        [
            application.tenant,
            application.account_id,
            tx.at,
            [mark.kind.value for mark in marks],
            [mark.digest for mark in marks],
        ],
    )


async def seen_elsewhere(
    tx: Tx, application: Application, marks: Collection[Mark], group: Collection[str]
) -> list[Seen]:
    """What others than a group show that show one of these, the newest two hundred of them."""
    rows = await tx.rows(
        """SELECT m.kind, m.mark, m.account_id, m.seen_at
             FROM (SELECT DISTINCT ON (account_id) account_id, seen_at FROM identity_mark
                    WHERE tenant = %(tenant)s AND kind = ANY (%(kinds)s::text[]) AND mark = ANY (%(marks)s::bytea[])
                      AND account_id <> ALL (%(own)s::text[]) ORDER BY account_id, seen_at DESC) AS other
            CROSS JOIN LATERAL (SELECT * FROM identity_mark
                                 WHERE tenant = %(tenant)s AND account_id = other.account_id LIMIT 100) AS m
            ORDER BY other.seen_at DESC, m.account_id, m.kind, m.mark LIMIT 2000""",
        {
            "tenant": application.tenant,
            "own": [application.account_id, *group],
            "kinds": sorted({mark.kind.value for mark in marks}),
            "marks": [mark.digest for mark in marks],
        },
    )
    return [Seen(Mark(MarkKind(row.kind), bytes(row.mark)), row.account_id, row.seen_at) for row in rows]


def _fact(row: Any) -> Fact:
    return Fact(
        row.key, row.value, row.provenance, row.given_by, row.given_at, row.valid_until, row.evidence, row.is_personal
    )
