"""What the toy does with an event: leaves an effect and announces it; an order's site says how it misbehaves."""

import os
import signal
from collections.abc import Collection, Sequence

from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin
from services.chassis.jobs import Job
from services.chassis.outbox import Announcement
from services.kernel.refusals import Conflict, Early, Refusal

Effect = tuple[str, str, str, int, str]  # tenant, account, order, version, what

# A test that holds one of these locks holds the toy just before its COMMIT; or after it, before it acknowledges
# (where TOY_CAN_BE_HELD is set); or its relay after it has sent, before it deletes (migrations/0001_effects.sql).
BEFORE_COMMIT = 9_001
AFTER_COMMIT = 9_002
BEFORE_DELETE = 9_003


async def place(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
    """Leave an effect for each order; `scope.cost_centre` names what must be known before it."""
    known = await _known(tx, [(e.tenant, e.body.scope.cost_centre) for e in events])
    for event in events:
        _misbehave(event)
        if (waits_for := event.body.scope.cost_centre) and (event.tenant, waits_for) not in known:
            raise Early(waits_for)
        if event.body.scope.site == "refused when known":
            raise Conflict("toy.refused", "the toy does not like it")
    await _learn(tx, [(e.tenant, e.subject) for e in events])
    await _leave(
        tx, [(e.tenant, e.account_id, e.body.order_id, e.body.version, e.body.scope.site or "placed") for e in events]
    )
    await outbox.add(
        tx,
        [
            Announcement(
                e.origin,
                e.account_id,
                e.subject,
                credit_pb2.CreditDecided(
                    decision_id=e.id, order_id=e.body.order_id, version=e.body.version, account_id=e.account_id
                ),
            )
            for e in events
        ],
    )
    await tx.run("SELECT pg_advisory_xact_lock_shared(%s)", [BEFORE_COMMIT])


async def ship(tx: Tx, events: Sequence[Event[orders_pb2.OrderShipped]]) -> None:
    """A shipment waits for its order: an event of its own subject."""
    known = await _known(tx, [(e.tenant, e.subject) for e in events])
    for event in events:
        if (event.tenant, event.subject) not in known:
            raise Early(event.subject)
    await _leave(tx, [(e.tenant, e.account_id, e.body.order_id, 0, f"shipped {e.body.shipment_id}") for e in events])


async def cancel(tx: Tx, events: Sequence[Event[orders_pb2.OrderCancelled]]) -> None:
    """No cancellation is ever accepted."""
    raise Conflict("toy.never", "the toy cancels nothing")


async def issue(tx: Tx, events: Sequence[Event[invoicing_pb2.InvoiceIssued]]) -> None:
    """An invoice becomes known: what an order may wait for, on another topic."""
    await _learn(tx, [(e.tenant, e.subject) for e in events])


async def register(tx: Tx, origin: Origin, account_id: str) -> None:
    """A buyer becomes known by a call, and is announced."""
    if account_id == "refused":
        raise Conflict("toy.refused", "the toy does not like it")
    if account_id.startswith("raises "):
        await tx.run(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{int(account_id[7:])}'; END $$")
    subject = f"buyer/{account_id}"
    await _learn(tx, [(origin.tenant, subject)])
    await _leave(tx, [(origin.tenant, account_id, "", 0, "registered")])
    await outbox.add(tx, [Announcement(origin, account_id, subject, credit_pb2.BuyerRegistered(account_id=account_id))])


async def decide(tx: Tx, calls: Sequence[tuple[Origin, str, str]]) -> None:
    """Orders are decided by calls, many at once, and announced."""
    for _, account_id, order_id in calls:
        if account_id == "refused":
            raise Conflict("toy.refused", "the toy does not like it")
        if account_id == "fails":
            raise RuntimeError(f"a defect about {order_id}")
    await _leave(tx, [(origin.tenant, account, order, 1, "decided") for origin, account, order in calls])
    await outbox.add(
        tx,
        [
            Announcement(
                origin, account, f"order/{order}", credit_pb2.CreditDecided(order_id=order, account_id=account)
            )
            for origin, account, order in calls
        ],
    )


async def tell(tx: Tx, event: Event[orders_pb2.OrderPlaced], refusal: Refusal) -> None:
    """Tell that an order could not be taken."""
    if isinstance(event.body, orders_pb2.OrderPlaced) and event.body.scope.site == "tell fails":
        raise RuntimeError("telling is broken")
    message = credit_pb2.OrderRefused(
        order_id=event.body.order_id, account_id=event.account_id, code=refusal.code, message=refusal.message
    )
    await outbox.add(tx, [Announcement(event.origin, event.account_id, event.subject, message)])


async def work(tx: Tx, jobs: Sequence[Job]) -> None:
    """Leave an effect for each job; "fails/…", "refused/…" and "kills/…" do what they say instead."""
    for job in jobs:
        match job.subject.partition("/")[0]:
            case "fails":
                raise RuntimeError("a defect")
            case "refused":
                raise Conflict("toy.refused", "the toy does not like it")
            case "kills":
                os.kill(os.getpid(), signal.SIGKILL)
    await _leave(tx, [(job.tenant, job.lane, job.subject, 0, "job") for job in jobs])
    await tx.run("SELECT pg_advisory_xact_lock_shared(%s)", [BEFORE_COMMIT])


def _misbehave(event: Event[orders_pb2.OrderPlaced]) -> None:
    match event.body.scope.site:
        case "fails":
            raise RuntimeError("a defect")
        case "refused" | "tell fails":
            raise Conflict("toy.refused", "the toy does not like it")


async def _known(tx: Tx, subjects: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    rows = await tx.rows(
        "SELECT tenant, subject FROM known WHERE (tenant, subject) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
        [[tenant for tenant, _ in subjects], [subject for _, subject in subjects]],
    )
    return {(row.tenant, row.subject) for row in rows}


async def _learn(tx: Tx, subjects: Collection[tuple[str, str]]) -> None:
    wanted = sorted(set(subjects))
    await tx.run(
        "INSERT INTO known SELECT * FROM unnest(%s::text[], %s::text[]) ON CONFLICT DO NOTHING",
        [[tenant for tenant, _ in wanted], [subject for _, subject in wanted]],
    )


async def _leave(tx: Tx, effects: Sequence[Effect]) -> None:
    await tx.run(
        """INSERT INTO effect (tenant, account_id, order_id, version, what)
           SELECT tenant, account_id, order_id, version, what
             FROM unnest(%s::text[], %s::text[], %s::text[], %s::int[], %s::text[]) WITH ORDINALITY
               AS row (tenant, account_id, order_id, version, what, nth)
            ORDER BY nth""",
        [[effect[column] for effect in effects] for column in range(5)],
    )
