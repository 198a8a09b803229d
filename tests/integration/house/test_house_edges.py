"""What one service tells, every follower can take: whatever the first door lets in goes through the whole house.

Each edge is one business from order to credit note; nothing of it is parked anywhere, and all books agree.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from receivables.common.v1 import bounds_pb2, money_pb2, party_pb2
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.credit.v1 import service_pb2 as credit_calls
from receivables.credit.v1.service_pb2_grpc import CreditServiceStub
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.disputes.v1 import service_pb2 as disputes_calls
from receivables.disputes.v1.service_pb2_grpc import DisputesServiceStub
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.invoicing.v1.service_pb2_grpc import InvoicingServiceStub
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.ledger.v1 import service_pb2 as ledger_calls
from receivables.ledger.v1.service_pb2_grpc import LedgerServiceStub
from receivables.notifications.v1 import service_pb2 as notifications_calls
from receivables.notifications.v1.service_pb2_grpc import NotificationsServiceStub
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.kernel.money import Money
from tests.integration.house.house import House
from tests.integration.invoicing.office import a_seller, company

WIDE = "𝄞"  # four bytes of UTF-8, two units of UTF-16
ID_MAX = 128
LINE_MAX = 200


@dataclass(frozen=True)
class Edge:
    """A business at an edge of what the doors let in."""

    seller: party_pb2.Company = field(default_factory=lambda: company("Acme GmbH", "DE", "DE136695976"))
    buyer: party_pb2.Company = field(default_factory=company)
    currency: str = "EUR"
    # Quantity, price, kind.
    lines: tuple[tuple[str, str, str], ...] = (("10", "12.50", "STANDARD"), ("3", "9.99", "REDUCED"))
    # Sales tax, as the shop computed it.
    tax_minor: int = 0
    scope: party_pb2.Scope = field(default_factory=party_pb2.Scope)
    # What stands in ids and names beside a number that tells them apart.
    id_filled: Callable[[str], str] = lambda number: number
    name: str = "Ware"


def longest(number: str) -> str:
    return (number + "é" * ID_MAX)[:ID_MAX]


EDGES = {
    "as usual": Edge(),
    "nothing but what must be": Edge(
        buyer=party_pb2.Company(name="B", address=party_pb2.Address(city="C", country="DE"))
    ),
    "a seller without VAT id": Edge(seller=company("Klein", "DE", "")),
    "nothing to tax": Edge(
        seller=company("Acme Ltd", "GB", "GB297150384"),
        buyer=company("Buyer Ltd", "GB", "GB100000034"),
        currency="GBP",
        lines=(("1", "5", "ZERO"), ("2", "1.005", "EXEMPT")),
    ),
    "within the Union": Edge(buyer=company("Acheteur SA", "FR", "FR40303265045")),
    "out of the Union": Edge(buyer=company("Buyer Inc", "US", "")),
    "sales tax of the US": Edge(
        seller=company("Acme Inc", "US", ""), buyer=company("Buyer LLC", "US", ""), currency="USD", tax_minor=1031
    ),
    "no decimals": Edge(buyer=company("買い手", "JP", ""), currency="JPY", lines=(("3", "101", "STANDARD"),)),
    "a tenth of a cent a piece": Edge(lines=(("3333", "0.00333", "STANDARD"), ("0.001", "0.01", "REDUCED"))),
    "a thousand lines": Edge(lines=(("1", "0.01", "STANDARD"), ("7", "0.35", "REDUCED")) * 500),
    "the longest texts": Edge(
        seller=company("S" * LINE_MAX, "DE", "DE136695976"),
        buyer=company(WIDE * LINE_MAX, "DE", "DE115235681"),
        scope=party_pb2.Scope(site=WIDE * LINE_MAX, cost_centre="K" * LINE_MAX, purchase_order="P" * LINE_MAX),
        id_filled=longest,
        name="Ä" * LINE_MAX,
    ),
    "the largest amounts": Edge(lines=(("1", "400000000000.00", "STANDARD"), ("1", "400000000000.00", "REDUCED"))),
}


def test_the_longest_here_are_the_longest_that_the_contract_takes():
    usual = bounds_pb2.Text.DESCRIPTOR.values_by_number
    lengths = {kind: usual[kind].GetOptions().Extensions[bounds_pb2.most_characters] for kind in usual}

    assert (lengths[bounds_pb2.TEXT_ID], lengths[bounds_pb2.TEXT_LINE]) == (ID_MAX, LINE_MAX)


@pytest.mark.parametrize("name", EDGES)
async def test_a_business_at_the_edge_goes_through_every_service(house: House, name: str):
    trade = Trade(house, EDGES[name])
    await trade.begin()
    order = trade.order("o1")
    house.tell(order, account=trade.account, subject=f"order/{order.order_id}")
    await house.settle()
    assert [decided.reasons for decided in house.said(credit_pb2.CreditDecided)] == [["within_limit"]]

    trade.ship(order)
    await house.settle()
    assert await house.waiting() == []
    assert house.said(invoicing_pb2.DocumentHeld) == []
    [invoice] = house.said(invoicing_pb2.InvoiceIssued)
    [item] = house.said(ledger_pb2.ItemOpened)
    assert item.amount.minor == invoice.gross_minor
    assert await trade.used() == invoice.gross_minor

    worth = [line.line_id for line in invoice.lines if line.net_minor][:2]
    await trade.credit(invoice, worth)
    await trade.pay(invoice)
    await house.settle()
    assert await house.waiting() == []
    notes = house.said(invoicing_pb2.CreditNoteIssued)
    assert len(notes) == len(worth)
    assert {note.gross_minor for note in notes} == {
        told.credit.minor for told in house.said(disputes_pb2.DisputeResolved)
    }
    assert await trade.used() == -sum(note.gross_minor for note in notes)


class Trade:
    """One business of an edge."""

    def __init__(self, house: House, edge: Edge) -> None:
        self._house, self._edge = house, edge
        self.account = edge.id_filled("b1")[:64]

    async def begin(self) -> None:
        """Seller, buyer, people."""
        edge, house = self._edge, self._house
        seller = a_seller(edge.id_filled("s1")[:64])
        seller.company.CopyFrom(edge.seller)
        await house.call(InvoicingServiceStub, "RegisterSeller", seller)
        await house.call(
            CreditServiceStub,
            "RegisterBuyer",
            credit_calls.RegisterBuyerRequest(
                account_id=self.account,
                company=edge.buyer,
                limit=money_pb2.Money(minor=999_999_999_999_999, currency=edge.currency),
            ),
        )
        await house.call(
            NotificationsServiceStub,
            "RegisterContact",
            notifications_calls.RegisterContactRequest(
                contact_id=edge.id_filled("c1")[:64],
                account_id=self.account,
                name="P" * LINE_MAX,
                email="ap@buyer.example",
                roles=["AP_CLERK", "REQUESTER", "ACCOUNT_ADMIN"],
                language="de",
                wants_document=True,
            ),
        )
        await house.settle()

    def order(self, number: str, version: int = 1) -> orders_pb2.OrderPlaced:
        """All lines of the edge; the tax is the tables' to find."""
        edge = self._edge
        body = orders_pb2.OrderPlaced(
            order_id=edge.id_filled(number),
            version=version,
            account_id=self.account,
            currency=edge.currency,
            placed_on="2026-03-02",
            promised_ship_on="2026-03-03",
            scope=edge.scope,
        )
        for nth, (quantity, price, kind) in enumerate(edge.lines, 1):
            net = Money.of(Decimal(quantity) * Decimal(price), edge.currency)
            body.lines.add(
                line_id=edge.id_filled(str(nth)),
                sku=edge.id_filled(f"sku-{nth}"),
                name=edge.name,
                quantity=quantity,
                unit="C62",
                unit_price=price,
                net_minor=net.minor,
                tax_class=kind,
            )
        body.net_minor = sum(line.net_minor for line in body.lines)
        body.tax_minor = edge.tax_minor
        body.gross_minor = body.net_minor + body.tax_minor
        return body

    async def place(self, order: orders_pb2.OrderPlaced) -> None:
        """Tell an order, and let everybody hear what comes of it."""
        self._house.tell(order, account=self.account, subject=f"order/{order.order_id}")
        await self._house.settle()

    def cancel(self, order: orders_pb2.OrderPlaced) -> None:
        """Nothing more of this version is shipped."""
        body = orders_pb2.OrderCancelled(order_id=order.order_id, account_id=self.account, version=order.version)
        self._house.tell(body, account=self.account, subject=f"order/{order.order_id}")

    def ship(self, order: orders_pb2.OrderPlaced) -> None:
        """Everything at once."""
        body = orders_pb2.OrderShipped(
            order_id=order.order_id,
            shipment_id=self._edge.id_filled("p1"),
            account_id=self.account,
            shipped_on="2026-03-02",
            final=True,
        )
        for line in order.lines:
            body.lines.add(line_id=line.line_id, quantity=line.quantity)
        self._house.tell(body, account=self.account, subject=f"order/{order.order_id}")

    async def credit(self, invoice: invoicing_pb2.InvoiceIssued, line_ids: list[str]) -> None:
        """A case for each of these lines, whole, resolved with full credit."""
        quantities = {line.line_id: line.quantity for line in invoice.lines}
        for line_id in line_ids:
            opened = await self._house.call(
                DisputesServiceStub,
                "Open",
                disputes_calls.OpenRequest(
                    invoice=invoice.invoice_id,
                    reason_code="QTY_SHORT",
                    description="x" * 2000,
                    lines=[disputes_pb2.DisputedLine(line_id=line_id, quantity=quantities[line_id])],
                ),
                actor="user:bo",
            )
            for action in (disputes_calls.ACTION_REVIEW, disputes_calls.ACTION_PROPOSE):
                await self._house.call(
                    DisputesServiceStub,
                    "Move",
                    disputes_calls.MoveRequest(dispute_id=opened.dispute.dispute_id, action=action),
                )
            await self._house.call(
                DisputesServiceStub,
                "Resolve",
                disputes_calls.ResolveRequest(
                    dispute_id=opened.dispute.dispute_id, resolution=disputes_pb2.RESOLUTION_FULL_CREDIT
                ),
                actor="user:lead",
            )
            await self._house.settle()

    async def pay(self, invoice: invoicing_pb2.InvoiceIssued) -> None:
        """The whole invoice, although a part is credited: the rest stays unapplied."""
        await self._house.call(
            LedgerServiceStub,
            "RecordPayment",
            ledger_calls.RecordPaymentRequest(
                payment_id=self._edge.id_filled("m1"),
                account_id=self.account,
                amount=money_pb2.Money(minor=invoice.gross_minor, currency=invoice.currency),
                value_date="2026-03-02",
                remittance=f"{invoice.number} " + "r" * 3000,
            ),
        )

    async def used(self) -> int:
        """What credit says is used."""
        return int((await self._account()).used.minor)

    async def held(self) -> int:
        """What credit says is held."""
        return int((await self._account()).held.minor)

    async def _account(self) -> credit_calls.Account:
        request = credit_calls.GetAccountRequest(account_id=self.account)
        answer: credit_calls.GetAccountResponse = await self._house.call(CreditServiceStub, "GetAccount", request)
        return answer.account
