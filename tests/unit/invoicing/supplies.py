"""What unit tests of invoicing sell, to whom, and on what terms."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from services.invoicing.domain import drafts
from services.invoicing.domain.drafts import Draft, Supply
from services.invoicing.domain.parties import Buyer, Company, Contract, Seller
from services.invoicing.domain.statements import Statement
from services.kernel.money import Money
from services.kernel.orders import Order, OrderLine, Scope

TODAY = date(2026, 3, 2)


def a_company(country: str = "DE", vat_id: str = "DE136695976", name: str = "Acme GmbH") -> Company:
    return Company(
        name=name,
        vat_id=vat_id,
        legal_id="HRB 1",
        street="Weg 1",
        city="Ort",
        post_code="10115",
        country=country,
        electronic_address="x@acme.example",
        electronic_address_scheme="EM",
    )


def a_seller(company: Company | None = None) -> Seller:
    return Seller(
        tenant="acme",
        seller_id="s1",
        company=company or a_company(),
        iban="DE89370400440532013000",
        bic="",
        series_prefix="RE",
        time_zone="Europe/Berlin",
        contact_name="Billing",
        contact_phone="",
        contact_email="",
    )


US_SELLER = replace(
    a_seller(a_company("US", "", "Acme Inc.")), iban="", account_number="123456789", routing_number="021000021"
)


def a_line(
    line_id: str = "1", quantity: str = "10", price: str = "12.50", tax_class: str = "STANDARD", currency: str = "EUR"
) -> OrderLine:
    net = Money.of(Decimal(quantity) * Decimal(price), currency)
    return OrderLine(line_id, f"sku-{line_id}", "Ware", Decimal(quantity), "C62", Decimal(price), net, tax_class)


def an_order(lines: Sequence[OrderLine] = (), version: int = 1, scope: Scope | None = None) -> Order:
    told = tuple(lines) or (a_line("1"), a_line("2", "3", "9.99", "REDUCED"))
    net = Money.total((line.net for line in told), told[0].net.currency)
    return Order(
        order_id="o1",
        version=version,
        account_id="b1",
        placed_on=TODAY,
        promised_ship_on=TODAY,
        lines=told,
        net=net,
        tax=Money(0, net.currency),
        gross=net,
        scope=scope or Scope(),
    )


def a_supply(
    lines: Sequence[OrderLine] = (),
    *,
    seller: Seller | None = None,
    buyer: Company | None = None,
    contract: Contract | None = None,
    scope: Scope | None = None,
    on: date = TODAY,
) -> Supply:
    order = an_order(lines, scope=scope)
    return Supply(
        seller=seller or a_seller(),
        buyer=Buyer("acme", "b1", buyer or a_company("DE", "DE115235681", "Käufer AG"), order.net.currency),
        contract=contract or Contract(),
        order=order,
        shipment_id="p1",
        quantities=[(line, line.quantity) for line in order.lines],
        delivered_on=on,
    )


def from_the_us(lines: Sequence[OrderLine], tax: int) -> Supply:
    """Sold in the US with so much sales tax."""
    supply = a_supply(lines, seller=US_SELLER, buyer=a_company("US", "", "Buyer LLC"))
    due = Money(tax, supply.order.net.currency)
    return replace(supply, order=replace(supply.order, tax=due, gross=supply.order.net + due))


def a_draft(supply: Supply | None = None) -> Draft:
    return drafts.invoice(supply or a_supply(), draft_id="i1", issue_date=TODAY)


def an_invoice(lines: Sequence[OrderLine] = (), on: date = TODAY) -> Statement:
    """An issued invoice."""
    return replace(a_draft(a_supply(lines, on=on)).statement, number="RE-2026-000001", final=True)
