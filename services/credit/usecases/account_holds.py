"""Holds on accounts: placed and lifted by people, ended by the clock."""

from collections.abc import Sequence
from dataclasses import replace

from receivables.credit.v1 import events_pb2
from receivables.notifications.v1 import events_pb2 as notifications_pb2

from services import contracts, retention
from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin, new_traceparent
from services.chassis.outbox import Announcement
from services.chassis.workers import Batch
from services.credit import store, wire
from services.credit.domain.account_holds import AccountHold
from services.credit.usecases import applications
from services.credit.usecases.buyers import one_account
from services.kernel.refusals import Conflict, NotFound
from services.kernel.retention import Record

AT_ONCE = 1000  # texts that one transaction forgets


async def place_hold(tx: Tx, origin: Origin, hold: AccountHold) -> None:
    """Approve no more orders of an account, or of a part of it; the same hold again is placed already."""
    hold.check(tx.at)
    await one_account(tx, origin, hold.account_id)
    key = (hold.tenant, hold.hold_id)
    earlier = (await store.find_account_holds(tx, [key])).get(key)
    if earlier is None:
        hold.check_room(await store.count_account_holds(tx, (hold.tenant, hold.account_id)))
    if await store.add_account_hold(tx, hold, origin.actor):
        await outbox.add(tx, [_tell(origin, hold, wire.hold_to_tell(hold))])
        return
    # One that is not seen is another account's.
    known, lifted = earlier or (await store.find_account_holds(tx, [key])).get(key) or (None, True)
    if known is None or lifted or not known.is_as_much_as_known_of(hold):
        raise Conflict("hold.exists", f"there is, or was, another hold {hold.hold_id}")


async def lift_hold(tx: Tx, origin: Origin, hold_id: str) -> None:
    """Take a hold off; one that does not stand any more is lifted already."""
    key = (origin.tenant, hold_id)
    if (found := (await store.find_account_holds(tx, [key])).get(key)) is None:
        raise NotFound("hold.unknown", f"no hold {hold_id}")
    hold, _ = found
    await one_account(tx, origin, hold.account_id)
    if await store.lift_account_hold(tx, key, origin.actor):
        await outbox.add(tx, [_tell(origin, hold, wire.hold_lifted(hold, "lifted"))])


async def forget(tx: Tx, events: Sequence[Event[notifications_pb2.ContactErased]]) -> None:
    """Forget what these persons wrote of holds and gave in applications; who did what, by id, stays."""
    for event in events:
        await store.forget(tx, event.tenant, contracts.forgotten(event))
        await applications.forget(tx, event.tenant, contracts.forgotten(event))


async def forget_outdated(tx: Tx, tenant: str) -> int:
    """Forget what was written of holds, and given in applications, whose time is over; that they were stays."""
    before = await retention.first_day(tx, tenant, Record.ACT)
    forgotten = await store.forget_outdated(tx, tenant, before, AT_ONCE)
    return forgotten + await applications.forget_outdated(tx, tenant, before, AT_ONCE)


async def find_over(tx: Tx) -> int:
    """Have the holds ended whose time is over; return how many."""
    return await store.find_over(tx, Origin("", "system:clock", "the hold's time is over", "", new_traceparent()))


async def end(batch: Batch) -> None:
    """Take these holds off, unless somebody did meanwhile."""
    async with batch.finishing() as done:
        jobs = {(job.tenant, job.subject.removeprefix("hold/")): job for job in done.jobs}
        found = await store.find_account_holds(done.tx, jobs.keys())
        await store.lock_accounts(done.tx, {(hold.tenant, hold.account_id) for hold, _ in found.values()})
        telling = []
        for key, job in jobs.items():
            hold, _ = found[key]
            if not hold.stands(done.tx.at) and await store.lift_account_hold(done.tx, key, job.origin.actor):
                origin = replace(job.origin, idempotency_key=f"end {hold.hold_id}")
                telling.append(_tell(origin, hold, wire.hold_lifted(hold, "over")))
        await outbox.add(done.tx, telling)


def _tell(origin: Origin, hold: AccountHold, message: events_pb2.HoldPlaced | events_pb2.HoldLifted) -> Announcement:
    return Announcement(origin, hold.account_id, f"hold/{hold.hold_id}", message)
