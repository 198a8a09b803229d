"""Somebody of the seller's people left: what they saw to, their successor does."""

from collections.abc import Sequence

from receivables.notifications.v1 import events_pb2 as notifications_pb2

from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.credit.store import owners


async def pass_on(tx: Tx, events: Sequence[Event[notifications_pb2.ContactSucceeded]]) -> None:
    """Applications and orders that wait for a check have another owner; a buyer's people see to none."""
    for event in events:
        if not event.body.account_id:
            told = event.body
            await owners.pass_on(tx, event.tenant, f"user:{told.contact_id}", f"user:{told.successor_id}")
