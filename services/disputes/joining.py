"""What disputes does with incidents: joins cases, tells all who are concerned, and ends the cases one by one."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date

from receivables.disputes.v1 import events_pb2

from services.chassis import identity, jobs, outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.ids import new_id
from services.chassis.jobs import Job
from services.chassis.outbox import Announcement
from services.chassis.pages import Page
from services.chassis.workers import Batch
from services.disputes import store, store_incidents, usecases, wire_incidents
from services.disputes.domain import incidents
from services.disputes.domain.cases import Action, Resolution
from services.disputes.domain.incidents import CASES_MOST, Filter, Incident, Progress
from services.disputes.domain.outcomes import Decision
from services.disputes.store_incidents import Joined
from services.kernel.refusals import NotFound, Refusal, quoted

END = "end-case"  # kind of job: one case of an incident is ended as it was approved
INCIDENTS = "incidents"  # the key of what is told of an incident as a whole: it is the seller's own
RESOLVED = "RESOLVED"


async def open_incident(tx: Tx, call: Origin, title_code: str, wanted: Filter) -> tuple[Incident, int]:
    """Open an incident on the open cases that a filter means; return it, and how many those are."""
    incident = incidents.open_incident(title_code, incident_id=new_id(), by=call.actor, at=tx.at)
    await store_incidents.add(tx, call.tenant, incident)
    await outbox.add(tx, [_tell(call, incident, wire_incidents.changed(incident))])
    joined = await _join(tx, call, incident, await store_incidents.matching(tx, call.tenant, wanted.check()))
    return incident, joined


async def join_incident(tx: Tx, call: Origin, incident_id: str, named: Collection[str]) -> int:
    """Have these cases, by their ids or numbers, join an incident; return how many did that were in none."""
    incident = await _lock(tx, call.tenant, incident_id)
    found = [(await usecases.find_case(tx, call.tenant, one)).dispute_id for one in dict.fromkeys(named)]
    return await _join(tx, call, incident, found)


async def move_incident(
    tx: Tx, call: Origin, incident_id: str, progress: Progress, promised_on: date | None
) -> Incident:
    """Say how far it is to all who are concerned, each once."""
    known = await _lock(tx, call.tenant, incident_id)
    policy = await store.policy(tx, call.tenant)
    moved = incidents.go_on(known, progress, promised_on, policy.day(tx.at))
    await _save(tx, call, moved)
    joined = await store_incidents.cases_of(tx, call.tenant, incident_id, Page(CASES_MOST))
    await _tell_concerned(tx, call, moved, joined)
    return moved


async def propose_end(tx: Tx, call: Origin, incident_id: str, resolution: Resolution, cause: str) -> Incident:
    """Say how all its cases end; another person approves that."""
    known = await _lock(tx, call.tenant, incident_id)
    proposed = incidents.propose_end(known, resolution, cause, by=call.actor)
    await _save(tx, call, proposed)
    return proposed


async def approve_end(tx: Tx, call: Origin, incident_id: str) -> Incident:
    """Have its cases end as proposed: a job a case, so that a death goes on where it was."""
    known = await _lock(tx, call.tenant, incident_id)
    approving, proposing = identity.subjects_of(call.actor), identity.subjects_of(known.proposed_by)
    approved = incidents.approve_end(known, approving, proposing, by=call.actor)
    await _save(tx, call, approved)
    joined = await store_incidents.cases_of(tx, call.tenant, incident_id, Page(CASES_MOST))
    await jobs.add(tx, [Job(END, f"{incident_id}/{one.dispute_id}", call) for one in joined if not one.outcome])
    return await _end_if_over(tx, call, approved)


async def end_cases(batch: Batch) -> None:
    """End some cases of incidents; what a case's own rules refuse is left to people, with the reason."""
    for job in batch.jobs:
        try:
            async with batch.finishing([job]) as done:
                for one in done.jobs:
                    await _end(done.tx, one)
        except Refusal as refused:
            async with batch.finishing([job]) as done:
                for one in done.jobs:
                    await _note(done.tx, one.origin, one.subject, refused.code)


async def _end(tx: Tx, job: Job) -> None:
    """Bring a case to its end: proposed by who proposed it for all, resolved by who approved that."""
    incident_id, _, dispute_id = job.subject.partition("/")
    incident = await find_incident(tx, job.tenant, incident_id)
    assert incident.resolution is not None, "its end was approved"
    key = (job.tenant, dispute_id)
    case = (await store.find_disputes(tx, [key]))[key]
    if (way := incidents.way_to_proposal(case.state)) is None:
        await _note(tx, job.origin, job.subject, "incident.case_not_ready")
        return
    word = Origin(job.tenant, incident.proposed_by, "", f"{END} {job.subject}", job.origin.traceparent)
    for action in way:
        await usecases.move(tx, word, dispute_id, Action(action), missing="")
    decision = Decision(incident.resolution, cause=incident.cause)
    await usecases.resolve(tx, replace(word, actor=incident.approved_by), dispute_id, decision)
    await _note(tx, job.origin, job.subject, RESOLVED)


async def _note(tx: Tx, origin: Origin, subject: str, outcome: str) -> None:
    incident_id, _, dispute_id = subject.partition("/")
    incident = await _lock(tx, origin.tenant, incident_id)
    if await store_incidents.note_outcome(tx, origin.tenant, incident_id, dispute_id, outcome):
        told = events_pb2.IncidentCaseEnded(incident_id=incident_id, dispute_id=dispute_id, outcome=outcome)
        await outbox.add(tx, [_tell(origin, incident, told)])
    await _end_if_over(tx, origin, incident)


async def _end_if_over(tx: Tx, origin: Origin, incident: Incident) -> Incident:
    """The incident ends with the last of its cases."""
    if incident.state is incidents.State.ENDED:
        return incident
    _, left = await store_incidents.count(tx, origin.tenant, incident.incident_id)
    if left:
        return incident
    ended = incidents.end(incident)
    await _save(tx, origin, ended)
    return ended


async def find_incident(tx: Tx, tenant: str, incident_id: str) -> Incident:
    """An incident by its id."""
    if (found := await store_incidents.find(tx, tenant, incident_id)) is None:
        raise NotFound("incident.unknown", f"no incident {quoted(incident_id)}")
    return found


async def _lock(tx: Tx, tenant: str, incident_id: str) -> Incident:
    if (found := await store_incidents.find(tx, tenant, incident_id, locked=True)) is None:
        raise NotFound("incident.unknown", f"no incident {quoted(incident_id)}")
    return found


async def _save(tx: Tx, origin: Origin, changed: Incident) -> None:
    await store_incidents.save(tx, origin.tenant, changed)
    await outbox.add(tx, [_tell(origin, changed, wire_incidents.changed(changed))])


async def _join(tx: Tx, call: Origin, incident: Incident, dispute_ids: Collection[str]) -> int:
    """Have cases join, and tell those whose they are; nobody who heard of it hears that others joined."""
    known, _ = await store_incidents.count(tx, call.tenant, incident.incident_id)
    incidents.check_joins(incident, known, len(dispute_ids))
    joined = await store_incidents.join(tx, call.tenant, incident.incident_id, dispute_ids)
    if not joined:
        return 0
    told = events_pb2.IncidentJoined(incident_id=incident.incident_id, dispute_ids=joined)
    await outbox.add(tx, [_tell(call, incident, told)])
    shown = await store_incidents.cases_of(tx, call.tenant, incident.incident_id, Page(CASES_MOST), joined)
    await _tell_concerned(tx, call, incident, shown)
    return len(joined)


async def _tell_concerned(tx: Tx, call: Origin, incident: Incident, joined: Collection[Joined]) -> None:
    """One message an account, about all of its cases."""
    by_account: dict[str, list[Joined]] = {}
    for one in joined:
        by_account.setdefault(one.account_id, []).append(one)
    await outbox.add(
        tx,
        [
            Announcement(
                call,
                account_id,
                f"incident/{incident.incident_id}/{account_id}",
                wire_incidents.moved(incident, account_id, some),
            )
            for account_id, some in sorted(by_account.items())
        ],
    )


def _tell(
    origin: Origin,
    incident: Incident,
    body: events_pb2.IncidentChanged | events_pb2.IncidentJoined | events_pb2.IncidentCaseEnded,
) -> Announcement:
    return Announcement(origin, INCIDENTS, f"incident/{incident.incident_id}", body)
