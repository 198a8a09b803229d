"""Buyers: companies with an account and a limit."""

from receivables.common.v1 import party_pb2
from receivables.credit.v1 import events_pb2

from services import contracts
from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.outbox import Announcement
from services.credit import store, wire
from services.credit.domain.accounts import Account
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Invalid, NotFound, quoted


async def register_buyer(tx: Tx, origin: Origin, account_id: str, company: party_pb2.Company, limit: Money) -> None:
    """Open an account for a buyer company."""
    if not account_id or "/" in account_id or len(account_id) > 64:
        raise Invalid("buyer.account_id", "an account's id has 1 to 64 characters and no '/'")
    if limit.minor < 0:
        raise Invalid("buyer.limit_negative", "a limit is zero or more")
    if not await store.add_account(tx, (origin.tenant, account_id), wire.company(company), limit):
        raise Conflict("buyer.exists", f"account {quoted(account_id)} is registered already")
    event = events_pb2.BuyerRegistered(account_id=account_id, company=company, limit=contracts.money_message(limit))
    await outbox.add(tx, [Announcement(origin, account_id, f"buyer/{account_id}", event)])


async def change_buyer(tx: Tx, origin: Origin, account_id: str, company: party_pb2.Company) -> None:
    """Replace the company's data."""
    await one_account(tx, origin, account_id)
    await store.set_company(tx, (origin.tenant, account_id), wire.company(company))
    event = events_pb2.BuyerChanged(account_id=account_id, company=company)
    await outbox.add(tx, [Announcement(origin, account_id, f"buyer/{account_id}", event)])


async def one_account(tx: Tx, origin: Origin, account_id: str) -> Account:
    """Hold an account until the transaction ends; refused where there is none."""
    locked = await store.lock_accounts(tx, {(origin.tenant, account_id)})
    if not locked:
        raise NotFound("buyer.unknown", f"no account {quoted(account_id)}")
    return locked[(origin.tenant, account_id)]
