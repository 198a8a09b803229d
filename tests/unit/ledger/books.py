"""Invoices, credit notes and payments to talk about."""

from datetime import date
from typing import Any

from services.kernel.money import Money
from services.kernel.orders import Scope
from services.ledger.domain.items import CreditNote, Invoice, Sums
from services.ledger.domain.payments import Payment


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def sums(net: int, tax: int, *, sales_tax: int = 0, rounding: int = 0, currency: str = "EUR", **changes: Any) -> Sums:
    fields = {"net": net, "tax": tax, "gross": net + tax, "sales_tax": sales_tax, "rounding": rounding}
    return Sums(**{name: Money(minor, currency) for name, minor in fields.items()} | changes)


def an_invoice(invoice_id: str = "i1", net: int = 10_000, tax: int = 1_900, **changes: Any) -> Invoice:
    fields: dict[str, Any] = {
        "tenant": "acme",
        "invoice_id": invoice_id,
        "number": f"RE-{invoice_id}",
        "account_id": "b1",
        "order_id": "o1",
        "final": True,
        "issued_on": date(2026, 1, 10),
        "due_on": date(2026, 2, 9),
        "sums": sums(net, tax),
        "seller_id": "s1",
        "scope": Scope("north", "", "PO-7"),
    }
    return Invoice(**fields | changes)


def a_credit_note(note_id: str = "c1", net: int = 1_000, tax: int = 190, **changes: Any) -> CreditNote:
    fields: dict[str, Any] = {
        "tenant": "acme",
        "credit_note_id": note_id,
        "number": f"CN-{note_id}",
        "invoice_id": "i1",
        "account_id": "b1",
        "issued_on": date(2026, 1, 20),
        "sums": sums(net, tax),
    }
    return CreditNote(**fields | changes)


def a_payment(payment_id: str = "p1", minor: int = 11_900, remittance: str = "", **changes: Any) -> Payment:
    fields: dict[str, Any] = {
        "tenant": "acme",
        "payment_id": payment_id,
        "account_id": "b1",
        "amount": eur(minor),
        "value_on": date(2026, 2, 1),
        "remittance": remittance,
    }
    return Payment(**fields | changes)
