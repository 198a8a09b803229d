"""Sellers and contracts as they are told by calls; buyers as credit announces them."""

from collections.abc import Sequence

from receivables.credit.v1 import events_pb2 as credit_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin
from services.chassis.outbox import Announcement
from services.chassis.workers import Batch
from services.documents.formats import facturx
from services.invoicing import identifiers, store, wire
from services.invoicing.domain.parties import Company, Contract, Seller
from services.invoicing.usecases.desk import ANY_SELLER, Key
from services.invoicing.usecases.retries import retry, retry_all
from services.kernel.calendars import day_in
from services.kernel.refusals import Conflict, Early, Invalid
from services.kernel.vat import rates_of

# A kind of job: what was known before it was told whole.
TELL = "tell_whole"


async def register_seller(tx: Tx, origin: Origin, seller: Seller) -> None:
    """Register a legal entity that issues invoices, or put its data right: each word is a version of it, told whole.

    The tenant's drafts that wait are judged again.
    """
    seller.check()
    identifiers.check_vat_id(seller.company)
    identifiers.check_bank(seller)
    identifiers.check_holidays(seller.holidays)
    if seller.logo:
        facturx.check_logo(seller.logo)
    if seller.company.vat_id:
        rates_of(seller.company.country, day_in(seller.time_zone, tx.at))  # refused where no table knows the rates
    if await store.owner_of_prefix(tx, seller.tenant, seller.series_prefix) not in (None, seller.seller_id):
        raise Conflict("seller.series_taken", f"another seller numbers with {seller.series_prefix}")
    await store.lock_sellers(tx, seller.tenant)
    seller.check_room(await store.sellers_of(tx, seller.tenant))
    version, is_new = await store.save_seller(tx, seller)
    registered = Announcement(origin, seller.seller_id, f"seller/{seller.seller_id}", wire.seller_registered(seller))
    await outbox.add(tx, [*([registered] if is_new else []), _tell_seller(origin, seller, version)])
    tx.announced.add((seller.tenant, ANY_SELLER))
    await retry_all(tx, origin)


async def set_contract(tx: Tx, origin: Origin, account_id: str, contract: Contract) -> None:
    """Agree on terms: each word is a version, told whole. They hold for what is invoiced from now on, drafts included.

    Drafts that wait are checked again. The buyer's copy may come later.
    """
    if not account_id:
        raise Invalid("contract.account_missing", "a contract is with an account")
    key = (origin.tenant, account_id)
    version = await store.set_contract(tx, key, contract.check())
    await outbox.add(tx, [_tell_contract(origin, account_id, contract, version)])
    await retry(tx, {key: origin})


def _tell_seller(origin: Origin, seller: Seller, version: int) -> Announcement:
    message = wire.seller_changed(seller, version)
    return Announcement(origin, seller.seller_id, f"seller/{seller.seller_id}", message)


def _tell_contract(origin: Origin, account_id: str, contract: Contract, version: int) -> Announcement:
    message = wire.contract_set(account_id, contract, version)
    return Announcement(origin, account_id, f"contract/{account_id}", message)


async def tell_whole(batch: Batch) -> None:
    """Tell sellers and contracts that were set before they were told whole, once each."""
    async with batch.finishing() as done:
        telling = []
        for job in done.jobs:
            kind, _, name = job.subject.partition("/")
            key = (job.tenant, name)
            if kind == "seller" and (seller := await store.begin_seller(done.tx, key)) is not None:
                telling.append(_tell_seller(job.origin, seller, 1))
            elif kind == "contract" and (contract := await store.begin_contract(done.tx, key)) is not None:
                telling.append(_tell_contract(job.origin, name, contract, 1))
        await outbox.add(done.tx, telling)


async def keep_buyers(tx: Tx, events: Sequence[Event[credit_pb2.BuyerRegistered]]) -> None:
    """Keep what invoicing needs of these buyers."""
    await store.save_buyers(tx, [(wire.buyer(event), event.sequence or 0) for event in events])
    await retry(tx, {(event.tenant, event.body.account_id): event.origin for event in events})


async def change_buyers(tx: Tx, events: Sequence[Event[credit_pb2.BuyerChanged]]) -> None:
    """Keep what changed, for what is invoiced from now on; drafts that waited for it are checked again."""
    companies: dict[Key, tuple[Company, int]] = {
        (event.tenant, event.body.account_id): (wire.company(event.body.company), event.sequence or 0)
        for event in events
    }
    if missing := companies.keys() - await store.change_companies(tx, companies):
        raise Early(f"buyer/{min(missing)[1]}")
    await retry(tx, {(event.tenant, event.body.account_id): event.origin for event in events})
