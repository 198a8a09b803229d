"""Where drafts are written: what a batch needs of its sellers, buyers, contracts and dates, loaded once."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from services.chassis.database import Tx
from services.invoicing import store
from services.invoicing.domain.drafts import Supply
from services.invoicing.domain.orders import KeptOrder, Shipment
from services.invoicing.domain.parties import NO_CONTRACT, Buyer, Contract, Seller
from services.invoicing.domain.sketches import Basis
from services.invoicing.domain.statements import Kind, Statement
from services.kernel.calendars import day_in
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Early

Key = tuple[str, str]
# What waits for a seller waits for this: any of the tenant's, since none is known whose id could be named.
ANY_SELLER = "seller/*"


@dataclass(frozen=True, slots=True)
class Desk:
    """All that drafts of one batch are made of."""

    at: datetime
    sellers: dict[Key, Seller]
    # Each tenant's issuer of new invoices.
    issuers: dict[str, Seller]
    buyers: dict[Key, Buyer]
    contracts: dict[Key, Contract]
    last_dates: dict[tuple[str, str, Kind], date]

    def supply(self, order: KeptOrder, shipment: Shipment | None) -> Supply:
        """What a shipment, or the whole order on approval, has to be invoiced for; early if a party is not known yet."""
        told = order.order
        account = (order.tenant, told.account_id)
        if (seller := self.issuers.get(order.tenant)) is None:
            raise Early(ANY_SELLER)
        if (buyer := self.buyers.get(account)) is None:
            raise Early(f"buyer/{told.account_id}")
        if buyer.currency != told.gross.currency:
            raise Conflict("shipment.currency_mismatch", f"the account is kept in {buyer.currency}")
        by_id = {line.line_id: line for line in told.lines}
        if shipment is None:
            quantities = [(line, line.quantity) for line in told.lines]
        else:
            quantities = [(by_id[line_id], quantity) for line_id, quantity in shipment.quantities]
        return Supply(
            seller=seller,
            buyer=buyer,
            contract=self.contracts.get(account, NO_CONTRACT),
            order=told,
            shipment_id=shipment.shipment_id if shipment else "",
            quantities=quantities,
            delivered_on=shipment.shipped_on if shipment else told.promised_ship_on,
            ship_to=(shipment.ship_to if shipment else None) or told.ship_to,
        )

    def basis_of_invoice(self, tenant: str, account_id: str) -> Basis:
        """What an invoice of today to this account is made of, beside its order."""
        seller = self.issuers[tenant]
        return Basis(
            seller=seller,
            buyer=self.buyers[tenant, account_id],
            contract=self.contracts.get((tenant, account_id), NO_CONTRACT),
            issue_date=self._today(seller, Kind.INVOICE),
        )

    def basis_of_credit(self, invoice: Statement, credited: Money) -> Basis:
        """What a credit note of today on this invoice is made of, so much of which is credited."""
        seller = self.sellers[invoice.tenant, invoice.seller_id]
        return Basis(
            seller=seller,
            buyer=None,
            contract=self.contracts.get((invoice.tenant, invoice.account_id), NO_CONTRACT),
            issue_date=self._today(seller, Kind.CREDIT_NOTE),
            credited_minor=credited.minor,
        )

    def _today(self, seller: Seller, kind: Kind) -> date:
        """The date where the seller is; never before the newest document of its series (B7), whatever a clock says."""
        today = day_in(seller.time_zone, self.at)
        return max(today, self.last_dates.get((seller.tenant, seller.seller_id, kind), today))


async def open_desk(tx: Tx, accounts: Collection[Key], sellers: Collection[Key] = ()) -> Desk:
    """Load what drafts for these accounts need, and the sellers of the invoices that are credited."""
    issuers = await store.default_sellers(tx, {tenant for tenant, _ in accounts})
    known = {(seller.tenant, seller.seller_id): seller for seller in issuers.values()}
    if others := set(sellers) - known.keys():
        known |= await store.find_sellers(tx, others)
    return Desk(
        at=tx.at,
        sellers=known,
        issuers=issuers,
        buyers=await store.find_buyers(tx, accounts),
        contracts=await store.find_contracts(tx, accounts),
        last_dates=await store.last_issue_dates(tx, known),
    )
