"""Orders that looked wrong: who checks them, by when, and who hears that nobody did in time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from google.protobuf.message import Message
from receivables.credit.v1 import events_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.outbox import Announcement
from services.chassis.workers import Batch
from services.credit import store, wire
from services.credit.domain import promises, suspicions
from services.credit.domain.checks import Check, Overdue
from services.credit.domain.decisions import Decision, Outcome
from services.kernel.refusals import NotFound, quoted

_STATES = {
    Overdue.AT_RISK: events_pb2.ORDER_CHECK_STATE_AT_RISK,
    Overdue.LATE: events_pb2.ORDER_CHECK_STATE_LATE,
}
_TRACK = "STANDARD"  # by whose promise an order is checked


async def begin(tx: Tx, suspected: Sequence[tuple[Origin, Decision]], at: datetime) -> list[Announcement]:
    """Keep what rules saw in orders, and have those wait that they stop; what to tell of it."""
    hits, waiting, telling = [], [], []
    calendars = {
        tenant: await store.business_calendar(tx, tenant) for tenant in {d.request.tenant for _, d in suspected}
    }
    for origin, decision in suspected:
        request = decision.request
        promise = promises.promise(calendars[request.tenant], _TRACK, at=at)
        version = (request.tenant, request.order_id, request.version)
        hits += [(version, request.account_id, hit) for hit in decision.hits]
        telling += [
            _tell(origin, request.account_id, request.order_id, wire.signalled(request, hit, promise))
            for hit in decision.hits
        ]
        if decision.outcome is Outcome.REFERRED:
            waiting.append(
                Check(
                    tenant=request.tenant,
                    order_id=request.order_id,
                    version=request.version,
                    account_id=request.account_id,
                    amount=request.amount,
                    reason_code=decision.reasons[0],
                    rules=tuple(hit.rule for hit in suspicions.stopping(decision.hits)),
                    clears=suspicions.clears_of(decision.hits),
                    placed_at=at,
                    promise=promise,
                )
            )
    await store.add_hits(tx, hits, at)
    await store.add_checks(tx, waiting)
    return telling


async def one_check(tx: Tx, origin: Origin, order_id: str) -> Check:
    """The newest check of an order."""
    if (found := await store.find_check(tx, (origin.tenant, order_id))) is None:
        raise NotFound("order_check.unknown", f"nothing looked wrong about order {quoted(order_id)}")
    return found


async def take_up_order_check(tx: Tx, origin: Origin, order_id: str) -> Check:
    """Whoever calls sees to it from now on."""
    seen = await one_check(tx, origin, order_id)
    await store.lock_accounts(tx, {(seen.tenant, seen.account_id)})
    check = await one_check(tx, origin, order_id)
    taken = check.taken(origin.actor)
    if taken != check:
        await store.save_check(tx, taken)
        await outbox.add(tx, [await _moved(tx, origin, taken, events_pb2.ORDER_CHECK_STATE_TAKEN)])
    return taken


async def find_due_checks(tx: Tx) -> int:
    """Have it told of the checks whose time is over; return how many."""
    word = Origin("", "system:clock", "the check's time is over", "", new_traceparent())
    return await store.find_due_checks(tx, word)


async def tell_due_checks(batch: Batch) -> None:
    """Tell once that these are late, or will be, unless they wait for nothing any more. The orders go on waiting."""
    async with batch.finishing() as done:
        jobs = {(job.tenant, job.subject.removeprefix("order/")): job for job in done.jobs}
        await store.lock_accounts(done.tx, await store.accounts_of(done.tx, jobs.keys()))
        for key, job in sorted(jobs.items()):
            check = await store.find_check(done.tx, key)
            if check is None or check.is_closed or (told := check.overdue(done.tx.at)) in (Overdue.NOTHING, check.told):
                continue
            await store.save_check(done.tx, replace(check, told=told))
            origin = replace(job.origin, idempotency_key=f"check {check.order_id}/{check.version} {told}")
            await outbox.add(done.tx, [await _moved(done.tx, origin, check, _STATES[told])])


async def _moved(tx: Tx, origin: Origin, check: Check, state: events_pb2.OrderCheckState.ValueType) -> Announcement:
    hold = await store.find_hold(tx, (check.tenant, check.order_id), check.version)
    assert hold is not None, "what is checked is an order's version"
    return _tell(origin, check.account_id, check.order_id, wire.check_moved(check, state, hold.scope))


def _tell(origin: Origin, account_id: str, order_id: str, message: Message) -> Announcement:
    return Announcement(origin, account_id, f"order/{order_id}", message)
