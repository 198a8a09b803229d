"""What happens to many orders, as the records that each service follows: placed, decided, invoiced, paid, half credited."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any
from zlib import crc32

from google.protobuf.message import Message
from receivables.common.v1 import money_pb2, party_pb2
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.envelope import Record, new_traceparent, topic_of
from services.chassis.ids import new_id
from services.chassis.service import Service
from services.credit.service import SERVICE as CREDIT
from services.disputes.service import SERVICE as DISPUTES
from services.ledger.service import SERVICE as LEDGER
from tests.records import a_record

ACCOUNTS = 300
PARTITIONS = 8
LINES = 3
NET_MINOR, TAX_MINOR = 3 * 10_000, 3 * 1_900
GROSS_MINOR = NET_MINOR + TAX_MINOR
PLENTY_MINOR = 10**14  # of credit
SHOP_TOPIC = topic_of(orders_pb2.OrderPlaced)  # whose events have no sequence

Step = Callable[[int], Message]


@dataclass(frozen=True, slots=True)
class Scene:
    """A service, and the events of each order that reach it, in the order in which they come."""

    service: Service[Any]
    steps: Sequence[Step]
    # Whose buyers it must know first; credit's own come by a call.
    knows_buyers_by_event: bool


_sequence = count(1)


def record_of(body: Message, subject: str) -> Record:
    """An event as the producing service's relay would send it."""
    account: str = body.account_id  # type: ignore[attr-defined]  # every event of these topics has one
    own = (
        {} if topic_of(type(body)) == SHOP_TOPIC else {"ce_sequence": str(next(_sequence)), "ce_causationid": new_id()}
    )
    return a_record(
        body,
        account=account,
        subject=subject,
        event_id=new_id(),
        partition=crc32(account.encode()) % PARTITIONS,
        headers={"content-type": "application/protobuf", "traceparent": new_traceparent(), **own},
    )


def records(step: Step, orders: Sequence[int]) -> list[Record]:
    """One step of each of these orders."""
    return [record_of(body := step(nth), _subject(body)) for nth in orders]


def interleaved(steps: Sequence[Step], orders: int, window: int) -> Iterator[Record]:
    """All steps of all orders as in steady flow: each window of orders takes its first step while others take later ones."""
    windows = [range(start, min(start + window, orders)) for start in range(0, orders, window)]
    for turn in range(len(windows) + len(steps) - 1):
        now = [
            (nth, step)
            for behind, step in enumerate(steps)
            if 0 <= turn - behind < len(windows)
            for nth in windows[turn - behind]
        ]
        # Topics are read side by side: one record of each, then the next.
        for nth, step in sorted(now, key=lambda one: one[0] % window):
            yield record_of(body := step(nth), _subject(body))


def account_id(order: int) -> str:
    """Whose order it is."""
    return f"buyer-{order % ACCOUNTS:04}"


def company() -> party_pb2.Company:
    """A buyer as registered."""
    address = party_pb2.Address(street="Hafenstraße 7", city="Hamburg", post_code="20457", country="DE")
    return party_pb2.Company(name="Möller & Söhne GmbH", address=address)


def registered(nth: int) -> credit_pb2.BuyerRegistered:
    """A buyer with as much credit as it likes."""
    return credit_pb2.BuyerRegistered(account_id=account_id(nth), company=company(), limit=_eur(PLENTY_MINOR))


def placed(nth: int) -> orders_pb2.OrderPlaced:
    """An order of three lines."""
    return orders_pb2.OrderPlaced(
        order_id=f"order-{nth}",
        version=1,
        account_id=account_id(nth),
        currency="EUR",
        placed_on="2026-01-05",
        promised_ship_on="2026-01-07",
        lines=[
            orders_pb2.OrderLine(
                line_id=str(line),
                sku=f"SKU-{line:05}",
                name="Wälzlager 6204-2RS, verzinkt",
                quantity="4",
                unit="C62",
                unit_price="25.00",
                net_minor=10_000,
                tax_class="STANDARD",
            )
            for line in range(1, LINES + 1)
        ],
        net_minor=NET_MINOR,
        tax_minor=TAX_MINOR,
        gross_minor=GROSS_MINOR,
        scope=_scope(),
    )


def shipped(nth: int) -> orders_pb2.OrderShipped:
    """All of it leaves."""
    return orders_pb2.OrderShipped(
        order_id=f"order-{nth}",
        shipment_id=f"shipment-{nth}",
        account_id=account_id(nth),
        shipped_on="2026-01-06",
        lines=[orders_pb2.ShippedLine(line_id=str(line), quantity="4") for line in range(1, LINES + 1)],
        final=True,
    )


def decided(nth: int) -> credit_pb2.CreditDecided:
    """Approved."""
    return credit_pb2.CreditDecided(
        decision_id=f"decision-{nth}",
        order_id=f"order-{nth}",
        version=1,
        account_id=account_id(nth),
        outcome=credit_pb2.OUTCOME_APPROVED,
        reasons=["within_limit"],
        amount=_eur(GROSS_MINOR),
        headroom=_eur(PLENTY_MINOR),
        scope=_scope(),
    )


def captured(nth: int) -> credit_pb2.HoldCaptured:
    """The invoice took the hold."""
    return credit_pb2.HoldCaptured(
        order_id=f"order-{nth}",
        version=1,
        account_id=account_id(nth),
        amount=_eur(GROSS_MINOR),
        invoice_number=f"RE-2026-{nth:06}",
    )


def issued(nth: int) -> invoicing_pb2.InvoiceIssued:
    """The invoice of the whole order."""
    return invoicing_pb2.InvoiceIssued(
        invoice_id=f"invoice-{nth}",
        number=f"RE-2026-{nth:06}",
        seller_id="nordwerk",
        account_id=account_id(nth),
        order_id=f"order-{nth}",
        shipment_id=f"shipment-{nth}",
        final=True,
        issue_date="2026-01-06",
        due_date="2026-02-05",
        delivery_date="2026-01-06",
        currency="EUR",
        net_minor=NET_MINOR,
        tax_minor=TAX_MINOR,
        gross_minor=GROSS_MINOR,
        lines=[_document_line(line) for line in range(1, LINES + 1)],
        vat=[invoicing_pb2.VatBreakdown(category="S", rate="19", taxable_minor=NET_MINOR, tax_minor=TAX_MINOR)],
        scope=_scope(),
        check=invoicing_pb2.DocumentCheck(format="UBL", sha256="0" * 64, rule_set="EN 16931", profile="core"),
        seller=company(),
        buyer=company(),
    )


def opened(nth: int) -> ledger_pb2.ItemOpened:
    """The invoice is owed."""
    return ledger_pb2.ItemOpened(
        invoice_id=f"invoice-{nth}",
        number=f"RE-2026-{nth:06}",
        account_id=account_id(nth),
        order_id=f"order-{nth}",
        final=True,
        amount=_eur(GROSS_MINOR),
        due_date="2026-02-05",
    )


def received(nth: int) -> ledger_pb2.PaymentReceived:
    """Half of it is paid."""
    return ledger_pb2.PaymentReceived(
        payment_id=f"payment-{nth}",
        account_id=account_id(nth),
        amount=_eur(GROSS_MINOR // 2),
        value_date="2026-01-20",
        remittance=f"RE-2026-{nth:06}",
        unapplied=_eur(0),
    )


def reduced(nth: int) -> ledger_pb2.ItemReduced:
    """By the payment."""
    return ledger_pb2.ItemReduced(
        invoice_id=f"invoice-{nth}",
        number=f"RE-2026-{nth:06}",
        account_id=account_id(nth),
        by=ledger_pb2.REDUCTION_PAID,
        amount=_eur(GROSS_MINOR // 2),
        open=_eur(GROSS_MINOR - GROSS_MINOR // 2),
        cause_id=f"payment-{nth}",
    )


def credited(nth: int) -> invoicing_pb2.CreditNoteIssued:
    """One line of it comes back."""
    return invoicing_pb2.CreditNoteIssued(
        credit_note_id=f"credit-{nth}",
        number=f"GS-2026-{nth:06}",
        invoice_id=f"invoice-{nth}",
        invoice_number=f"RE-2026-{nth:06}",
        seller_id="nordwerk",
        account_id=account_id(nth),
        order_id=f"order-{nth}",
        issue_date="2026-01-25",
        currency="EUR",
        net_minor=10_000,
        tax_minor=1_900,
        gross_minor=11_900,
        lines=[_document_line(1)],
        scope=_scope(),
    )


SCENES = {
    "credit": Scene(CREDIT, (placed, shipped, opened, received, reduced), knows_buyers_by_event=False),
    "ledger": Scene(LEDGER, (decided, issued, captured, credited), knows_buyers_by_event=True),
    "disputes": Scene(DISPUTES, (issued, opened, reduced, credited), knows_buyers_by_event=False),
}


def _subject(body: Any) -> str:
    kind = {"OrderPlaced": "order", "OrderShipped": "order", "CreditDecided": "order", "HoldCaptured": "order"}.get(
        body.DESCRIPTOR.name, "payment" if body.DESCRIPTOR.name == "PaymentReceived" else "invoice"
    )
    if body.DESCRIPTOR.name == "BuyerRegistered":
        return f"buyer/{body.account_id}"
    return f"{kind}/{getattr(body, f'{kind}_id')}"


def _document_line(nth: int) -> invoicing_pb2.DocumentLine:
    return invoicing_pb2.DocumentLine(
        line_id=str(nth),
        order_line_id=str(nth),
        sku=f"SKU-{nth:05}",
        name="Wälzlager 6204-2RS, verzinkt",
        quantity="4",
        unit="C62",
        unit_price="25.00",
        net_minor=10_000,
        vat_category="S",
        vat_rate="19",
    )


def _scope() -> party_pb2.Scope:
    return party_pb2.Scope(site="werk-2", cost_centre="4711", purchase_order="PO-2026-77")


def _eur(minor: int) -> money_pb2.Money:
    return money_pb2.Money(minor=minor, currency="EUR")
