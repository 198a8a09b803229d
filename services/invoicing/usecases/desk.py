"""Where drafts are written: what a batch needs of its sellers, buyers, contracts and dates, loaded once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from services.chassis.database import Tx
from services.invoicing import store
from services.invoicing.domain.drafts import Supply
from services.invoicing.domain.orders import KeptOrder, Shipment, issuer_of
from services.invoicing.domain.parties import NO_CONTRACT, Buyer, Contract, Seller
from services.invoicing.domain.sketches import Basis
from services.invoicing.domain.statements import Kind, Statement
from services.kernel.calendars import day_in
from services.kernel.money import Money, product
from services.kernel.orders import OrderLine
from services.kernel.refusals import Conflict, Early

Key = tuple[str, str]
# What waits for a seller that it does not name waits for this: any of the tenant's.
ANY_SELLER = "seller/*"
# Stands where an order names no seller, for the tenant's only one.
UNNAMED = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """All that drafts of one batch are made of."""

    at: datetime
    sellers: dict[Key, Seller]
    # Each tenant's only seller; empty where there are several.
    only: dict[str, str]
    buyers: dict[Key, Buyer]
    contracts: dict[Key, Contract]
    last_dates: dict[tuple[str, str, Kind], date]

    def supply(self, order: KeptOrder, shipment: Shipment | None) -> Supply:
        """What a shipment, or the whole order on approval, has to be invoiced for; early if a party is not known yet."""
        told = order.order
        account = (order.tenant, told.account_id)
        seller = self._seller(order)
        if (buyer := self.buyers.get(account)) is None:
            raise Early(f"buyer/{told.account_id}")
        if buyer.currency != told.gross.currency:
            raise Conflict("shipment.currency_mismatch", f"the account is kept in {buyer.currency}")
        by_id = {line.line_id: _priced(line, order.prices) for line in told.lines}
        if shipment is None:
            quantities = [(line, line.quantity) for line in by_id.values()]
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
            # What has another price than what left before it is rounded by itself.
            before={line_id: n for line_id, n in shipment.before if line_id not in order.prices} if shipment else {},
            price_corrections=order.price_corrections,
            ship_to=(shipment.ship_to if shipment else None) or told.ship_to,
        )

    def _seller(self, order: KeptOrder) -> Seller:
        """Whose order it is, as far as there is such a seller yet."""
        issuer = order.issuer or issuer_of(order.order, self.only.get(order.tenant))
        if (seller := self.sellers.get((order.tenant, issuer))) is None:
            raise Early(f"seller/{issuer}" if issuer else ANY_SELLER)
        return seller

    def basis_of_invoice(self, supply: Supply) -> Basis:
        """What an invoice of today is made of beside its order: parties and terms as they are known now."""
        tenant = supply.seller.tenant
        account = (tenant, supply.order.account_id)
        seller = self.sellers[tenant, supply.seller.seller_id]
        return Basis(
            seller=seller,
            buyer=self.buyers[account],
            contract=self.contracts.get(account, NO_CONTRACT),
            issue_date=self._today(seller, Kind.INVOICE),
            price_corrections=supply.price_corrections,
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
        """The date where the seller is; never before the newest document of its series (RULES: number last), whatever a clock says."""
        today = day_in(seller.time_zone, self.at)
        return max(today, self.last_dates.get((seller.tenant, seller.seller_id, kind), today))


def _priced(line: OrderLine, prices: Mapping[str, Decimal]) -> OrderLine:
    """The line at the price that holds for it now."""
    if (price := prices.get(line.line_id)) is None:
        return line
    return replace(line, unit_price=price, net=Money.of(product(line.quantity, price), line.net.currency))


def issuers_of(orders: Collection[KeptOrder]) -> set[Key]:
    """The sellers of these orders, by tenant and id; some may be unnamed."""
    return {(kept.tenant, kept.issuer or UNNAMED) for kept in orders}


async def open_desk(tx: Tx, accounts: Collection[Key], sellers: Collection[Key]) -> Desk:
    """Load what drafts for these accounts need, and these sellers; an unnamed one is its tenant's only one."""
    unnamed = {tenant for tenant, seller_id in sellers if seller_id == UNNAMED}
    only = await store.only_sellers(tx, unnamed) if unnamed else {}
    known = await store.find_sellers(tx, {key for key in (*sellers, *only.items()) if key[1]})
    return Desk(
        at=tx.at,
        sellers=known,
        only=only,
        buyers=await store.find_buyers(tx, accounts),
        contracts=await store.find_contracts(tx, accounts),
        last_dates=await store.last_issue_dates(tx, known),
    )
