"""Remembers incidents and their cases. An incident's row is the lock of what belongs to it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from services.chassis.database import Tx
from services.chassis.pages import Page
from services.disputes.domain import cases
from services.disputes.domain.cases import Resolution
from services.disputes.domain.incidents import CASES_MOST, Filter, Incident, Progress, State

_OPEN = ", ".join(f"'{state.value}'" for state in cases.OPEN)


@dataclass(frozen=True, slots=True)
class Joined:
    """A case of an incident."""

    dispute_id: str
    number: str
    account_id: str
    invoice_number: str
    state: cases.State
    # What became of it as the incident ended: 'RESOLVED', or why it is left to people; '': not yet.
    outcome: str


async def add(tx: Tx, tenant: str, new: Incident) -> None:
    """Keep a new incident."""
    await tx.run(
        """INSERT INTO incident (tenant, incident_id, title_code, state, progress, promised_on, opened_by, opened_at,
                                 resolution, cause, proposed_by, approved_by, moves)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            tenant,
            new.incident_id,
            new.title_code,
            *_standing(new)[:3],
            new.opened_by,
            new.opened_at,
            *_standing(new)[3:],
        ],
    )


async def save(tx: Tx, tenant: str, changed: Incident) -> None:
    """Write where an incident stands."""
    await tx.run(
        """UPDATE incident SET state = %s, progress = %s, promised_on = %s, resolution = %s, cause = %s, proposed_by = %s,
                               approved_by = %s, moves = %s
            WHERE tenant = %s AND incident_id = %s""",
        [*_standing(changed), tenant, changed.incident_id],
    )


async def find(tx: Tx, tenant: str, incident_id: str, *, locked: bool = False) -> Incident | None:
    """An incident; held until the transaction ends by who changes it."""
    row = await tx.row(
        f"SELECT * FROM incident WHERE tenant = %s AND incident_id = %s{' FOR UPDATE' if locked else ''}",  # noqa: S608
        [tenant, incident_id],
    )
    return _incident(row) if row else None


async def list_incidents(tx: Tx, tenant: str, page: Page) -> list[Incident]:
    """Incidents, the newest first."""
    rows = await tx.rows(
        f"""SELECT * FROM incident WHERE tenant = %s {"AND (opened_at, incident_id) < (%s, %s)" if page.after else ""}
             ORDER BY opened_at DESC, incident_id DESC LIMIT {page.most}""",  # noqa: S608 - constant text
        [tenant, *(page.after or ())],
    )
    return [_incident(row) for row in rows]


async def matching(tx: Tx, tenant: str, wanted: Filter) -> list[str]:
    """Open cases of no incident that a filter means, as many as one incident has."""
    rows = await tx.rows(
        f"""SELECT d.dispute_id FROM dispute d JOIN invoice i USING (tenant, invoice_id)
             WHERE d.tenant = %(tenant)s AND d.state IN ({_OPEN})
               AND (%(reason)s = '' OR d.reason_code = %(reason)s) AND (%(seller)s = '' OR i.seller_id = %(seller)s)
               AND (%(from)s::date IS NULL OR i.issue_date >= %(from)s) AND (%(to)s::date IS NULL OR i.issue_date <= %(to)s)
               AND (%(sku)s = '' OR EXISTS (
                     SELECT FROM dispute_line dl JOIN invoice_line l USING (tenant, invoice_id, line_id)
                      WHERE dl.tenant = d.tenant AND dl.dispute_id = d.dispute_id AND l.sku = %(sku)s))
               AND NOT EXISTS (SELECT FROM incident_case c WHERE c.tenant = d.tenant AND c.dispute_id = d.dispute_id)
             ORDER BY d.dispute_id LIMIT {CASES_MOST}""",  # noqa: S608 - constants
        {
            "tenant": tenant,
            "reason": wanted.reason_code,
            "sku": wanted.sku,
            "seller": wanted.seller_id,
            "from": wanted.from_day,
            "to": wanted.to_day,
        },
    )
    return [row.dispute_id for row in rows]


async def join(tx: Tx, tenant: str, incident_id: str, dispute_ids: Collection[str]) -> list[str]:
    """Have open cases of no incident join this one; return those that did."""
    rows = await tx.rows(
        f"""INSERT INTO incident_case (tenant, incident_id, dispute_id, joined_at, outcome)
            SELECT tenant, %s, dispute_id, %s, '' FROM dispute
             WHERE tenant = %s AND dispute_id = ANY (%s::text[]) AND state IN ({_OPEN}) ORDER BY dispute_id
            ON CONFLICT DO NOTHING RETURNING dispute_id""",  # noqa: S608 - constants
        [incident_id, tx.at, tenant, sorted(dispute_ids)],
    )
    return sorted(row.dispute_id for row in rows)


async def count(tx: Tx, tenant: str, incident_id: str) -> tuple[int, int]:
    """How many cases an incident has, and of how many it is not known yet what became of them."""
    row = await tx.row(
        """SELECT count(*) AS n, count(*) FILTER (WHERE outcome = '') AS n_left FROM incident_case
            WHERE tenant = %s AND incident_id = %s""",
        [tenant, incident_id],
    )
    return int(row.n), int(row.n_left)


async def cases_of(
    tx: Tx, tenant: str, incident_id: str, page: Page, only: Sequence[str] | None = None
) -> list[Joined]:
    """Cases of an incident; of `only` some, those."""
    some = " AND c.dispute_id = ANY (%s::text[])" if only is not None else ""
    rows = await tx.rows(
        f"""SELECT c.dispute_id, c.outcome, d.number, d.account_id, d.state, i.number AS invoice_number
              FROM incident_case c JOIN dispute d USING (tenant, dispute_id) JOIN invoice i USING (tenant, invoice_id)
             WHERE c.tenant = %s AND c.incident_id = %s{some}{" AND c.dispute_id > %s" if page.after else ""}
             ORDER BY c.dispute_id LIMIT {page.most}""",  # noqa: S608 - constant text
        [tenant, incident_id, *([list(only)] if only is not None else []), *(page.after or ())],
    )
    return [
        Joined(row.dispute_id, row.number, row.account_id, row.invoice_number, cases.State(row.state), row.outcome)
        for row in rows
    ]


async def note_outcome(tx: Tx, tenant: str, incident_id: str, dispute_id: str, outcome: str) -> bool:
    """Keep what became of a case as its incident ended; return whether that was not known."""
    return bool(
        await tx.run(
            """UPDATE incident_case SET outcome = %s
                WHERE tenant = %s AND incident_id = %s AND dispute_id = %s AND outcome = ''""",
            [outcome, tenant, incident_id, dispute_id],
        )
    )


def _standing(incident: Incident) -> list[Any]:
    return [
        incident.state.value,
        incident.progress.value,
        incident.promised_on,
        incident.resolution.value if incident.resolution else None,
        incident.cause,
        incident.proposed_by,
        incident.approved_by,
        incident.moves,
    ]


def _incident(row: Any) -> Incident:
    return Incident(
        incident_id=row.incident_id,
        title_code=row.title_code,
        state=State(row.state),
        progress=Progress(row.progress),
        promised_on=row.promised_on,
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        resolution=Resolution(row.resolution) if row.resolution else None,
        cause=row.cause,
        proposed_by=row.proposed_by,
        approved_by=row.approved_by,
        moves=row.moves,
    )
