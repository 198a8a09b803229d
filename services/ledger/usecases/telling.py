"""How what the ledger tells is addressed: by the account, so that all of it stays in order, and by what it is about."""

from google.protobuf.message import Message

from services.chassis.envelope import Origin
from services.chassis.outbox import Announcement
from services.ledger.domain import announcements
from services.ledger.domain.items import Item
from services.ledger.domain.payments import Payment


def of_invoice(origin: Origin, item: Item, message: Message) -> Announcement:
    """About an item."""
    return Announcement(origin, item.account_id, f"invoice/{item.invoice_id}", message)


def of_payment(origin: Origin, payment: Payment, message: Message) -> Announcement:
    """About a payment."""
    return Announcement(origin, payment.account_id, f"payment/{payment.payment_id}", message)


def of_announced(origin: Origin, announced: announcements.Announcement, message: Message) -> Announcement:
    """About a payment that was announced."""
    return Announcement(origin, announced.account_id, f"announcement/{announced.reference}", message)
