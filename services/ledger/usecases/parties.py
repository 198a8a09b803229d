"""Whom the ledger knows."""

from collections.abc import Sequence

from receivables.credit.v1 import events_pb2 as credit_pb2

from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.ledger import store


async def know(tx: Tx, events: Sequence[Event[credit_pb2.BuyerRegistered]]) -> None:
    """A buyer has an account, in the currency of its limit."""
    await store.add_accounts(tx, [(e.tenant, e.body.account_id, e.body.limit.currency) for e in events])
