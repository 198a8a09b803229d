"""Policies tried on the past: cases, as they come by their days, and trials with how far they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.chassis.columns import Columns
from services.chassis.database import Tx
from services.chassis.pages import Page
from services.credit.domain.lab import Case, Run
from services.kernel.money import Money

TRIAL = "trial"  # the kind of job
_CASE = Columns(
    """tenant text, case_id text, decided_on date, currency text, facts jsonb, late jsonb, drawn_minor bigint,
       bad boolean, outcome_on date, lost_minor bigint, added_by text, added_at timestamptz"""
)
_OWN = """FROM application_decision d
         WHERE d.tenant = %s AND d.snapshot <> '' AND d.decided_at >= %s
           AND d.decided_at < %s AND d.decided_at <= %s
           AND NOT EXISTS (SELECT FROM application_decision newer
                            WHERE newer.application_id = d.application_id AND newer.tenant = d.tenant AND newer.nth > d.nth
                              AND newer.snapshot <> '' AND newer.decided_at <= %s)"""
_HISTORY = "FROM history_case WHERE tenant = %s AND decided_on BETWEEN %s AND %s AND added_at <= %s"


@dataclass(frozen=True, slots=True)
class OwnCase:
    """A decided application, before what became of it is known."""

    decision_id: str
    account_id: str
    decided_at: datetime
    snapshot: str
    # receivables.credit.v1.DecisionRecord of what was accepted; empty: nothing was.
    accepted: bytes


async def add_history(tx: Tx, tenant: str, cases: Sequence[Case], by: str) -> set[str]:
    """Keep cases; return the ids of those that were not kept already."""
    rows = await tx.rows(
        f"""INSERT INTO history_case ({_CASE.names}) SELECT * FROM {_CASE.rows} AS new
            ON CONFLICT DO NOTHING RETURNING case_id""",  # noqa: S608 - constant columns
        [_CASE.pack(_packed(tenant, case, by, tx.at) for case in cases)],
    )
    return {row.case_id for row in rows}


async def find_history(tx: Tx, tenant: str, case_ids: Sequence[str]) -> dict[str, Case]:
    """Cases that are kept, by their ids."""
    rows = await tx.rows(
        "SELECT * FROM history_case WHERE tenant = %s AND case_id = ANY (%s::text[])", [tenant, list(case_ids)]
    )
    return {row.case_id: _case(row) for row in rows}


async def count_cases(tx: Tx, tenant: str, trial: Run, most: int) -> int:
    """How many cases there are for it by now; of each source one more than `most` at most."""
    n = 0
    for name, (question, params) in _questions(tenant, trial.from_on, trial.to_on, tx.at).items():
        if trial.source in {name, "BOTH"}:
            some = f"SELECT count(*) AS n FROM (SELECT {question} LIMIT {most + 1}) AS found"  # noqa: S608 - our own texts
            n += (await tx.row(some, params)).n
    return n


async def own_cases(tx: Tx, tenant: str, trial: Run, after: tuple[str, str] | None, most: int) -> list[OwnCase]:
    """Decided applications in the order of their decisions, after that one: by time and id."""
    question, params = _questions(tenant, trial.from_on, trial.to_on, trial.started_at)["OWN"]
    rows = await tx.rows(
        f"""SELECT d.decision_id, d.account_id, d.decided_at, d.snapshot,
                   (SELECT stands.record FROM application a
                      JOIN application_decision stands ON stands.tenant = a.tenant AND stands.decision_id = a.decision_id
                     WHERE a.tenant = d.tenant AND a.application_id = d.application_id AND a.state = 'ACCEPTED') AS accepted
             {question} {"AND (d.decided_at, d.decision_id) > (%s, %s)" if after else ""}
             ORDER BY d.decided_at, d.decision_id LIMIT {most}""",  # noqa: S608 - our own texts
        [*params, *(after or ())],
    )
    return [OwnCase(row.decision_id, row.account_id, row.decided_at, row.snapshot, row.accepted or b"") for row in rows]


async def history_cases(tx: Tx, tenant: str, trial: Run, after: tuple[str, str] | None, most: int) -> list[Case]:
    """Cases that were brought in before the trial began, in the order of their days, after that one: by day and id."""
    question, params = _questions(tenant, trial.from_on, trial.to_on, trial.started_at)["HISTORY"]
    rows = await tx.rows(
        f"""SELECT * {question} {"AND (decided_on, case_id) > (%s, %s)" if after else ""}
             ORDER BY decided_on, case_id LIMIT {most}""",
        [*params, *(after or ())],
    )
    return [_case(row) for row in rows]


async def forget_outdated_history(tx: Tx, tenant: str, before: date, most: int) -> int:
    """Remove some of the cases that were decided before a day; return how many."""
    return await tx.run(
        """DELETE FROM history_case WHERE tenant = %s AND case_id IN (
             SELECT case_id FROM history_case WHERE tenant = %s AND decided_on < %s LIMIT %s)""",
        [tenant, tenant, before, most],
    )


async def add_trial(tx: Tx, tenant: str, trial: Run) -> bool:
    """Begin a trial; False if one is there by this id, or one runs."""
    return bool(
        await tx.run(
            """INSERT INTO trial (tenant, trial_id, policy_id, champion_id, source, from_on, split_on, to_on, state, done, total,
                                  place, tally, report, started_by, started_at)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'RUNNING', 0, %s, '', '', '', %s, %s) ON CONFLICT DO NOTHING""",
            [
                tenant,
                trial.trial_id,
                trial.policy_id,
                trial.champion_id,
                trial.source,
                trial.from_on,
                trial.split_on,
                trial.to_on,
                trial.total,
                trial.started_by,
                trial.started_at,
            ],
        )
    )


async def find_trial(tx: Tx, tenant: str, trial_id: str, *, lock: bool = False) -> Run | None:
    """One by its id."""
    sql = "SELECT * FROM trial WHERE tenant = %s AND trial_id = %s"
    row = await tx.row(sql + " FOR UPDATE" if lock else sql, [tenant, trial_id])
    return _trial(row) if row else None


async def save_trial(tx: Tx, tenant: str, trial: Run) -> None:
    """Write how far it is."""
    await tx.run(
        """UPDATE trial SET state = %s, done = %s, place = %s, tally = %s, report = %s, ended_at = %s
            WHERE tenant = %s AND trial_id = %s""",
        [trial.state, trial.done, trial.place, trial.tally, trial.report, trial.ended_at, tenant, trial.trial_id],
    )


async def list_trials(tx: Tx, tenant: str, policy_id: str, page: Page) -> list[Run]:
    """Newest first."""
    rows = await tx.rows(
        f"""SELECT * FROM trial WHERE tenant = %s {"AND policy_id = %s" if policy_id else ""}
              {"AND (started_at, trial_id) < (%s, %s)" if page.after else ""}
             ORDER BY started_at DESC, trial_id DESC LIMIT {page.most}""",  # noqa: S608 - our own texts
        [tenant, *([policy_id] if policy_id else []), *(page.after or ())],
    )
    return [_trial(row) for row in rows]


def _questions(tenant: str, from_on: date, to_on: date, at: datetime) -> dict[str, tuple[str, list[Any]]]:
    """Where the cases of a trial that began then are, by their source."""
    day_after = f"{to_on.isoformat()}T24:00Z"
    return {
        "OWN": (_OWN, [tenant, f"{from_on.isoformat()}T00:00Z", day_after, at, at]),
        "HISTORY": (_HISTORY, [tenant, from_on, to_on, at]),
    }


def _packed(tenant: str, case: Case, by: str, at: datetime) -> tuple[Any, ...]:
    return (
        tenant,
        case.case_id,
        case.decided_on,
        case.currency,
        dict(case.facts),
        list(case.late),
        Money.of(case.drawn, case.currency).minor,
        case.bad,
        case.outcome_on,
        Money.of(case.lost, case.currency).minor,
        by,
        at,
    )


def _case(row: Any) -> Case:
    return Case(
        row.case_id,
        row.decided_on,
        row.currency,
        row.facts,
        None,
        Money(row.drawn_minor, row.currency).decimal,
        row.bad,
        row.outcome_on,
        Money(row.lost_minor, row.currency).decimal,
        tuple(row.late),
    )


def _trial(row: Any) -> Run:
    return Run(
        row.trial_id,
        row.policy_id,
        row.champion_id,
        row.source,
        row.from_on,
        row.split_on,
        row.to_on,
        row.state,
        row.done,
        row.total,
        row.place,
        row.tally,
        row.report,
        row.started_by,
        row.started_at,
        row.ended_at,
    )
