"""How cases are run beside their moves: who has them, their reasons, two that are one, one that is two, what the clock says."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from google.protobuf.message import Message
from receivables.disputes.v1 import events_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.ids import new_id
from services.chassis.jobs import Job
from services.chassis.outbox import Announcement
from services.chassis.workers import Batch
from services.disputes import store, wire
from services.disputes.domain import cases, cells, handling, lateness
from services.disputes.domain.cases import Action, Dispute, Move
from services.disputes.domain.cells import Cell
from services.disputes.domain.deadlines import Policy
from services.disputes.domain.handling import Change, Changed
from services.disputes.domain.invoices import Part
from services.disputes.domain.lateness import Due
from services.disputes.usecases import (
    ACKNOWLEDGER,
    credited_of,
    find_case,
    lock_case,
    numbered,
    people_of,
    tell,
    tell_move,
)


async def assign(tx: Tx, call: Origin, named: str, owner: str, stand_in: str) -> Dispute:
    """Give a case, by its id or number, to somebody; to whoever calls, where nobody is named."""
    _, case = await lock_case(tx, call.tenant, named)
    given = handling.assign(case, owner or call.actor.partition(" for ")[0], stand_in, at=tx.at)
    if given != case:
        await _keep(tx, call, [Changed(Change.ASSIGNED, given, before=case.owner, after=given.owner)])
    return given


async def recode(tx: Tx, call: Origin, named: str, reason_code: str) -> Dispute:
    """Say for which reason the invoice is contested, instead of what was said."""
    invoice, case = await lock_case(tx, call.tenant, named)
    policy = await store.policy(tx, call.tenant, invoice.seller_id)
    recoded = handling.recode(case, reason_code, policy, at=tx.at)
    if recoded != case:
        step = Changed(Change.RECODED, recoded, before=case.reason_code, after=recoded.reason_code)
        await _keep(tx, call, [step])
    return recoded


async def merge(tx: Tx, call: Origin, named: str, into: str) -> Dispute:
    """Go on with two cases about the same as one; who opened either counts as having opened it."""
    other = await find_case(tx, call.tenant, into)
    invoice, case = await lock_case(tx, call.tenant, named)
    goes_on = (await store.find_disputes(tx, [(call.tenant, other.dispute_id)]))[(call.tenant, other.dispute_id)]
    policy = await store.policy(tx, call.tenant, invoice.seller_id)
    ended, merged = handling.merge(case, goes_on, policy, at=tx.at)
    ended, merged = await numbered(tx, ended, policy), await numbered(tx, merged, policy)
    await store.save_invoices(tx, [invoice.contest(merged.claim - goes_on.claim - case.claim)])
    await store.save_disputes(tx, [ended])
    await store.save_lines(tx, merged)
    await store.pass_on_merged(tx, (case.tenant, case.dispute_id), merged.dispute_id)
    step = Move(Action.MARK_DUPLICATE, case, ended)
    await store.add_moves(tx, [(step, call.actor, call.reason)])
    taken = Changed(Change.MERGED, merged, str(goes_on.amount.minor), str(merged.amount.minor), other=ended.dispute_id)
    # What is contested is less before it is more.
    await outbox.add(tx, [tell(call, ended, wire.moved(step, None, merged.number))])
    await _keep(tx, call, [taken])
    return merged


async def split(tx: Tx, call: Origin, named: str, parts: Sequence[Part]) -> tuple[Dispute, Dispute]:
    """Have some of a case's lines go on as a case of their own; return what is left, and the new one."""
    invoice, case = await lock_case(tx, call.tenant, named)
    policy = await store.policy(tx, call.tenant, invoice.seller_id)
    lines = await store.lines_of(tx, invoice.key)
    credited = await credited_of(tx, invoice, lines)
    left, draft = handling.split(case, parts, invoice, lines, credited, dispute_id=new_id(), at=tx.at)
    left, draft = await numbered(tx, left, policy), await numbered(tx, draft, policy)
    submitted = cases.move(draft, Action.SUBMIT, at=tx.at, policy=policy)
    received = cases.move(submitted, Action.ACKNOWLEDGE, at=tx.at, policy=policy)
    assert left.claim + received.claim == case.claim, "both together contest what the case did"
    parted = Changed(Change.SPLIT, left, str(case.amount.minor), str(left.amount.minor), other=received.dispute_id)
    await _keep(tx, call, [parted])
    await store.save_lines(tx, left)
    await store.save_disputes(tx, [received])
    await store.save_lines(tx, received)
    system = replace(call, actor=ACKNOWLEDGER, reason="received")
    acknowledgement = Move(Action.ACKNOWLEDGE, submitted, received)
    await store.add_moves(
        tx,
        [
            (Move(Action.SUBMIT, draft, submitted), call.actor, call.reason),
            (acknowledgement, system.actor, system.reason),
        ],
    )
    next_by = cases.next_by(received, policy.day(tx.at), policy)
    await outbox.add(
        tx,
        [
            tell(call, submitted, wire.opened(submitted, split_from=case.dispute_id)),
            tell_move(system, acknowledgement, next_by),
        ],
    )
    return left, received


async def set_cell(tx: Tx, call: Origin, named: str, wanted: Cell) -> Cell:
    """Say who looks at an ENHANCED case, and by when; the same again changes nothing."""
    invoice, case = await lock_case(tx, call.tenant, named)
    policy = await store.policy(tx, call.tenant, invoice.seller_id)
    key = (case.tenant, case.dispute_id)
    cells.check(case, wanted, (await people_of(tx, case)).opened, policy.day(tx.at))
    known = await store.cell_of(tx, key)
    if known is not None and known == replace(wanted, version=known.version):
        return known
    cell = replace(wanted, version=known.version + 1 if known else 1)
    await store.add_cell(tx, key, cell, call.actor)
    await outbox.add(tx, [tell(call, case, wire.cell_set(case, cell))])
    return cell


async def find_due(tx: Tx) -> int:
    """Have it told of the cases whose time is over, or nearly; return how many."""
    word = Origin("", "system:clock", "the case's time is over", "", new_traceparent())
    return await store.find_due(tx, word)


async def tell_due(batch: Batch) -> None:
    """Tell once that a promise is at risk, that it was missed, and by when it is kept now; and that a reason is not found."""
    async with batch.finishing() as done:
        tx = done.tx
        jobs = {(job.tenant, job.subject.removeprefix("dispute/")): job for job in done.jobs}
        seen = await store.find_disputes(tx, jobs)
        await store.lock_invoices(tx, {case.key for case in seen.values()})
        found = await store.find_disputes(tx, jobs)
        policies: dict[tuple[str, str], Policy] = {}
        for key, case in sorted(found.items()):
            whose = (case.tenant, case.seller_id)
            if whose not in policies:
                policies[whose] = await store.policy(tx, *whose)
            await _tell_due(tx, jobs[key], case, policies[whose])


async def _tell_due(tx: Tx, job: Job, case: Dispute, policy: Policy) -> None:
    due = lateness.due(case, tx.at)
    if not due:  # it moved on, or the version before this one moved it
        await store.save_disputes(tx, [case])
    for what in due:
        origin = replace(job.origin, idempotency_key=f"case {case.dispute_id}/{case.changes} {what}")
        case, step, telling = _clocked(tx, case, what, policy)
        await store.save_disputes(tx, [case])
        await store.add_changes(tx, [(step, origin.actor)])
        await outbox.add(tx, [tell(origin, case, telling)])


def _clocked(tx: Tx, case: Dispute, what: Due, policy: Policy) -> tuple[Dispute, Changed, Message]:
    """The case after what the clock says, as a change, and to tell."""
    if what is Due.LATE:
        late = lateness.late(case, tx.at, policy)
        step = Changed(Change.LATE, late, str(case.answer_by), str(late.answer_by))
        return late, step, wire.late(late, case.answer_by)
    if what is Due.REASON:
        assert case.recode_by is not None, "what is due has its time"
        told = lateness.reminded(case)
        by: date = policy.day(case.recode_by)
        step = Changed(Change.AT_RISK, told, before="REASON", after=str(by))
        return told, step, wire.at_risk(told, events_pb2.AWAITED_REASON, by, case.recode_by)
    assert case.answer_at is not None, "what is at risk was promised"
    told = lateness.warned(case)
    step = Changed(Change.AT_RISK, told, before="ANSWER", after=str(case.answer_by))
    return told, step, wire.at_risk(told, events_pb2.AWAITED_ANSWER, case.answer_by, case.answer_at)


async def _keep(tx: Tx, call: Origin, steps: Sequence[Changed]) -> None:
    await store.save_disputes(tx, [step.case for step in steps])
    await store.add_changes(tx, [(step, call.actor) for step in steps])
    telling: list[Announcement] = [tell(call, step.case, wire.changed(step)) for step in steps]
    await outbox.add(tx, telling)
