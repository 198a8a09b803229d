"""Credit's tables as they follow from what it told: rows are written as told, and no rule is asked again."""

from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from receivables.credit.v1 import events_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.chassis.parked import Reason
from services.chassis.rebuild import Fold, nothing
from services.credit.domain.holds import expiry
from services.kernel.calendars import day

Cause = Event[Any] | None

_OUTCOMES = {
    events_pb2.OUTCOME_APPROVED: ("APPROVED", "HELD"),
    events_pb2.OUTCOME_REFERRED: ("REFERRED", "REFERRED"),
    events_pb2.OUTCOME_DECLINED: ("DECLINED", "REFUSED"),
}
# What became of a hold by being given back, and the word for it among the movements.
_RELEASES = {
    events_pb2.RELEASE_CAUSE_COMPLETED: ("CAPTURED", "completed"),
    events_pb2.RELEASE_CAUSE_CANCELLED: ("RELEASED", "cancelled"),
    events_pb2.RELEASE_CAUSE_REPLACED: ("RELEASED", "replaced"),
}


async def _register(tx: Tx, event: Event[events_pb2.BuyerRegistered], _cause: Cause) -> None:
    body = event.body
    company = body.company.SerializeToString(deterministic=True)
    await tx.run(
        """INSERT INTO account (tenant, account_id, company, currency, limit_minor, registered_at)
           VALUES (%s, %s, %s, %s, %s, %s)""",
        [event.tenant, body.account_id, company, body.limit.currency, body.limit.minor, tx.at],
    )


async def _change(tx: Tx, event: Event[events_pb2.BuyerChanged], _cause: Cause) -> None:
    await tx.run(
        "UPDATE account SET company = %s WHERE tenant = %s AND account_id = %s",
        [event.body.company.SerializeToString(deterministic=True), event.tenant, event.body.account_id],
    )


async def _limit(tx: Tx, event: Event[events_pb2.LimitChanged], _cause: Cause) -> None:
    await tx.run(
        "UPDATE account SET limit_minor = %s WHERE tenant = %s AND account_id = %s",
        [event.body.limit.minor, event.tenant, event.body.account_id],
    )


async def _decide(tx: Tx, event: Event[events_pb2.CreditDecided], cause: Cause) -> None:
    """A version's first answer makes its hold and ends the version before it; a person's answer moves the hold."""
    body = event.body
    outcome, state = _OUTCOMES[body.outcome]
    held = body.amount.minor if outcome == "APPROVED" else 0
    version = [event.tenant, body.order_id, body.version]
    by_person = "by_person" in body.reasons
    if by_person:
        await tx.run(
            "UPDATE hold SET state = %s, held_minor = %s WHERE tenant = %s AND order_id = %s AND version = %s",
            [state, held, *version],
        )
    else:
        # One that held nothing, since a person was to decide it, is replaced without a word.
        await tx.run(
            """UPDATE hold SET state = 'RELEASED', held_minor = 0
                WHERE tenant = %s AND order_id = %s AND version < %s AND state IN ('REFERRED', 'HELD')""",
            version,
        )
        await tx.run(
            """INSERT INTO hold (tenant, order_id, version, account_id, state, currency, amount_minor, held_minor,
                                 captured_minor, expires_at, site, cost_centre, purchase_order)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 0, %s, %s, %s, %s)""",
            [
                *version,
                body.account_id,
                state,
                body.amount.currency,
                body.amount.minor,
                held,
                _lapses_at(event, cause),
                body.scope.site,
                body.scope.cost_centre,
                body.scope.purchase_order,
            ],
        )
    await tx.run(
        """INSERT INTO decision (tenant, decision_id, order_id, version, account_id, outcome, reasons, decided_by, currency,
                                 amount_minor, headroom_minor, expires_at, decided_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            event.tenant,
            body.decision_id,
            body.order_id,
            body.version,
            body.account_id,
            outcome,
            list(body.reasons),
            event.origin.actor if by_person else "engine",
            body.amount.currency,
            body.amount.minor,
            body.headroom.minor if body.HasField("headroom") else None,
            _time(body.hold_expires_at) if body.HasField("hold_expires_at") else None,
            tx.at,
        ],
    )
    if held:
        await _move(tx, event, f"hold order/{body.order_id}/{body.version}", held=held)


def _lapses_at(event: Event[events_pb2.CreditDecided], cause: Cause) -> datetime:
    """When the order's wish lapses; told before it had a field of its own, it follows from the order's promise."""
    body = event.body
    if body.HasField("lapses_at"):
        return _time(body.lapses_at)
    if body.HasField("hold_expires_at"):
        return _time(body.hold_expires_at)
    if cause is not None and isinstance(cause.body, orders_pb2.OrderPlaced):
        return expiry(day(cause.body.promised_ship_on, what="promised_ship_on"))
    return expiry(event.at.date())


async def _capture(tx: Tx, event: Event[events_pb2.HoldCaptured], cause: Cause) -> None:
    body = event.body
    await _use(tx, event, cause, captured=body.amount.minor)
    await tx.run(
        """UPDATE hold SET held_minor = held_minor - %s, captured_minor = captured_minor + %s,
                           state = CASE WHEN held_minor = %s THEN 'CAPTURED' ELSE 'PARTIALLY_CAPTURED' END
            WHERE tenant = %s AND order_id = %s AND version = %s""",
        [body.amount.minor, body.amount.minor, body.amount.minor, event.tenant, body.order_id, body.version],
    )


async def _release(tx: Tx, event: Event[events_pb2.HoldReleased], cause: Cause) -> None:
    body = event.body
    state, word = _RELEASES[body.cause]
    if cause is not None and isinstance(cause.body, ledger_pb2.ItemOpened):
        await _use(tx, event, cause)
    await _give_back(tx, event, state, word)


async def _expire(tx: Tx, event: Event[events_pb2.HoldExpired], _cause: Cause) -> None:
    await _give_back(tx, event, "EXPIRED", "expired")


async def _give_back(tx: Tx, event: Event[Any], state: str, word: str) -> None:
    body = event.body
    await tx.run(
        "UPDATE hold SET state = %s, held_minor = 0 WHERE tenant = %s AND order_id = %s AND version = %s",
        [state, event.tenant, body.order_id, body.version],
    )
    if body.amount.minor:
        await _move(tx, event, f"{word} order/{body.order_id}/{body.version}", held=-body.amount.minor)


async def _exceed(tx: Tx, event: Event[events_pb2.LimitExceeded], cause: Cause) -> None:
    await _use(tx, event, cause)


async def _use(tx: Tx, event: Event[Any], cause: Cause, *, captured: int = 0) -> None:
    """What an invoice uses is in the event that was followed; it is written with the first that tells of it."""
    if cause is None:
        raise LookupError("the item that it tells of is not there")
    body = cause.body
    await _move(tx, event, f"item invoice/{body.invoice_id}", used=body.amount.minor, held=-captured, once=True)


async def _move(tx: Tx, event: Event[Any], why: str, *, used: int = 0, held: int = 0, once: bool = False) -> None:
    """Change what the account uses and holds, with its cause."""
    key = [event.tenant, event.body.account_id]
    written = await tx.run(
        f"""INSERT INTO movement (tenant, account_id, cause, used_minor, held_minor, at) VALUES (%s, %s, %s, %s, %s, %s)
            {"ON CONFLICT DO NOTHING" if once else ""}""",  # noqa: S608 - constant text
        [*key, why, used, held, tx.at],
    )
    if written:
        await tx.run(
            """UPDATE account SET used_minor = used_minor + %s, held_minor = held_minor + %s
                WHERE tenant = %s AND account_id = %s""",
            [used, held, *key],
        )


def _time(said: Timestamp) -> datetime:
    return said.ToDatetime(UTC)


def _refused(event: Event[events_pb2.OrderRefused]) -> Reason:
    return Reason("refused", event.body.code, event.body.message)


FOLD = Fold(
    own={
        events_pb2.BuyerRegistered: _register,
        events_pb2.BuyerChanged: _change,
        events_pb2.LimitChanged: _limit,
        events_pb2.CreditDecided: _decide,
        events_pb2.HoldCaptured: _capture,
        events_pb2.HoldReleased: _release,
        events_pb2.HoldExpired: _expire,
        events_pb2.LimitExceeded: _exceed,
        events_pb2.OrderRefused: nothing,
    },
    refusals={events_pb2.OrderRefused: _refused},
)
