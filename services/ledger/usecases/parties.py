"""Whom the ledger knows."""

from collections.abc import Sequence
from typing import Any

from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2

from services import retention
from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.ledger import store, wire
from services.ledger.domain import sellers


async def know(tx: Tx, events: Sequence[Event[credit_pb2.BuyerRegistered]]) -> None:
    """A buyer has an account, in the currency of its limit."""
    await store.add_accounts(tx, [(e.tenant, e.body.account_id, e.body.limit.currency) for e in events])


async def know_sellers(tx: Tx, events: Sequence[Event[Any]]) -> None:
    """A legal entity has business days, in the zone that it was told to have last."""
    await store.save_sellers(tx, sellers.newest(wire.seller(event) for event in events))
    await retention.know_countries(
        tx, [event for event in events if isinstance(event.body, invoicing_pb2.SellerChanged)]
    )
