"""An invoice of three lines at two rates, and cases about it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from services.disputes.domain.cases import Dispute, State, Wish
from services.disputes.domain.deadlines import Policy
from services.disputes.domain.invoices import Invoice, Line, Part
from services.kernel.money import Money
from services.kernel.orders import Scope

POLICY = Policy()
MONDAY = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
FRIDAY = datetime(2026, 3, 6, 10, 0, tzinfo=UTC)


def eur(text: str) -> Money:
    return Money.of(Decimal(text), "EUR")


def a_line(line_id: str, quantity: str, price: str, rate: str = "19", *, claimed: str = "0") -> Line:
    net = Money.of(Decimal(quantity) * Decimal(price), "EUR")
    return Line(line_id, Decimal(quantity), Decimal(price), net, "S", Decimal(rate), Decimal(claimed))


# Net 100.00 + 50.00 at 19 %, 20.00 at 7 %: tax 28.50 + 1.40, gross 199.90.
LINES = {"1": a_line("1", "10", "10.00"), "2": a_line("2", "1", "50.00"), "3": a_line("3", "4", "5.00", "7")}


def an_invoice(**changes: Any) -> Invoice:
    invoice = Invoice(
        tenant="acme",
        invoice_id="i1",
        number="A-2026-000001",
        account_id="b1",
        order_id="o1",
        issue_date=date(2026, 2, 27),
        net=eur("170"),
        tax=eur("29.90"),
        gross=eur("199.90"),
        credited=eur("0"),
        disputed=eur("0"),
        scope=Scope(),
    )
    return replace(invoice, **changes)


def a_wish(*parts: tuple[str, str], amount: Money | None = None, **changes: Any) -> Wish:
    lines = tuple(Part(line_id, Decimal(quantity)) for line_id, quantity in parts)
    return replace(Wish("QTY_SHORT", "two are missing", lines, amount), **changes)


def a_case(state: State = State.UNDER_REVIEW, **changes: Any) -> Dispute:
    case = Dispute(
        tenant="acme",
        dispute_id="d1",
        invoice_id="i1",
        invoice_number="A-2026-000001",
        account_id="b1",
        order_id="o1",
        scope=Scope(),
        reason_code="QTY_SHORT",
        description="two are missing",
        lines=(),
        amount=eur("23.80"),
        state=state,
        opened_by="contact:ann",
        opened_at=MONDAY,
        answer_by=date(2026, 3, 9),
        ended_at=MONDAY if state in (State.RESOLVED, State.CLOSED, State.REJECTED) else None,
    )
    return replace(case, **changes)
