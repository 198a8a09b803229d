"""What disputes does with the causes of cases: counts them, and sees to it that what repeats is mended."""

from receivables.disputes.v1 import events_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.ids import new_id
from services.chassis.outbox import Announcement
from services.disputes import store_causes, wire_causes
from services.disputes.domain import causes
from services.disputes.domain.causes import REPEATED, Action, Kind, Step, Watched
from services.disputes.domain.deadlines import Policy
from services.disputes.store import Key
from services.kernel.refusals import Conflict, NotFound, quoted

ACTIONS = "actions"  # the key of what is told of actions: they are the seller's own
WATCHER = "system:disputes"


async def ended(tx: Tx, call: Origin, key: Key, account_id: str, cause: str, *, named: bool, policy: Policy) -> None:
    """Count a case that ends, and open an action where its cause repeats with its buyer, or with an item.

    The case and its lines are written already.
    """
    items = await store_causes.save(tx, key, cause, named=named)
    watched = [Watched(cause, Kind.BUYER, account_id), *(Watched(cause, Kind.ITEM, sku) for sku in items)]
    origin = Origin(call.tenant, WATCHER, "", call.idempotency_key, call.traceparent, call.causation_id)
    telling: list[Announcement] = []
    async with tx.all_accounts():  # an item is other buyers' too
        await store_causes.lock(tx, call.tenant, watched)
        for one in watched:
            telling += await _see(tx, origin, one, policy)
        await outbox.add(tx, telling)


async def move_action(tx: Tx, call: Origin, action_id: str, step: Step) -> Action:
    """Move a corrective action, as somebody says how far it is."""
    if step is Step.RECUR:
        raise Conflict("action.illegal_move", "that a cause has come again is seen by itself")
    if (known := await store_causes.lock_action(tx, call.tenant, action_id)) is None:
        raise NotFound("action.unknown", f"no action {quoted(action_id)}")
    moved = causes.move(known, step, at=tx.at)
    await store_causes.save_action(tx, call.tenant, moved)
    await outbox.add(tx, [_tell(call, known, wire_causes.moved(known, moved))])
    return moved


async def _see(tx: Tx, origin: Origin, key: Watched, policy: Policy) -> list[Announcement]:
    """What a case means to what is done about its key; nobody else looks at it now."""
    known = await store_causes.newest(tx, origin.tenant, key)
    seen = causes.see(known, at=tx.at)
    telling: list[Announcement] = []
    if known is not None and seen.moved is not None:
        await store_causes.save_action(tx, origin.tenant, seen.moved)
        telling.append(_tell(origin, known, wire_causes.moved(known, seen.moved)))
    if seen.counts_since is None:
        return telling
    if (cases := await store_causes.count(tx, origin.tenant, key, seen.counts_since)) >= REPEATED:
        action = causes.open_action(key, cases, action_id=new_id(), at=tx.at, calendar=policy.calendar)
        await store_causes.add_action(tx, origin.tenant, action)
        telling.append(_tell(origin, action, wire_causes.opened(action)))
    return telling


def _tell(origin: Origin, action: Action, body: events_pb2.ActionOpened | events_pb2.ActionMoved) -> Announcement:
    return Announcement(origin, ACTIONS, f"action/{action.action_id}", body)
