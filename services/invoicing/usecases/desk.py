"""Where drafts are written: what a batch needs of its sellers, buyers, contracts and dates, loaded once."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from services.chassis.database import Tx
from services.chassis.ids import new_id
from services.invoicing import store
from services.invoicing.domain import credits as credit_notes
from services.invoicing.domain import drafts
from services.invoicing.domain.credits import CreditRequest
from services.invoicing.domain.drafts import Draft, Supply
from services.invoicing.domain.orders import KeptOrder, Shipment
from services.invoicing.domain.parties import NO_CONTRACT, Buyer, Contract, Seller
from services.invoicing.domain.statements import Kind, Statement
from services.kernel.calendars import day_in
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

    def invoice(self, order: KeptOrder, shipment: Shipment | None, draft_id: str = "") -> Draft:
        """Draft the invoice of a shipment, or of the whole order on approval; early if a party is not known yet."""
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
        supply = Supply(
            seller=seller,
            buyer=buyer,
            contract=self.contracts.get(account, NO_CONTRACT),
            order=told,
            shipment_id=shipment.shipment_id if shipment else "",
            quantities=quantities,
            delivered_on=shipment.shipped_on if shipment else told.promised_ship_on,
        )
        return drafts.invoice(supply, draft_id=draft_id or new_id(), issue_date=self._today(seller, Kind.INVOICE))

    def credit_note(
        self, request: CreditRequest, invoice: Statement, earlier: Collection[Statement], draft_id: str = ""
    ) -> Draft:
        """Draft the credit note that a resolved dispute asks for."""
        seller = self.sellers[invoice.tenant, invoice.seller_id]
        return credit_notes.credit_note(
            request,
            draft_id=draft_id or new_id(),
            seller=seller,
            invoice=invoice,
            earlier=list(earlier),
            issue_date=self._today(seller, Kind.CREDIT_NOTE),
            contract=self.contracts.get((invoice.tenant, invoice.account_id), NO_CONTRACT),
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
