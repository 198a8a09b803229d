"""Translates the evidence as others tell it, and what it said of cases, to and from the contracts."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from receivables.disputes.v1 import events_pb2, service_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services import contracts
from services.chassis.envelope import Event
from services.disputes.domain.cases import Dispute
from services.disputes.domain.checks import Check, Fact, Outcome, Result, Verdict
from services.kernel.calendars import day
from services.kernel.money import decimal
from services.kernel.refusals import Refusal

Row = tuple[Any, ...]


def ordered(event: Event[orders_pb2.OrderPlaced]) -> tuple[str, int, Any] | None:
    """Account, version and lines of an order; None of one that is refused, which invoicing and credit see to."""
    try:
        order = contracts.order(event.body)
    except Refusal:
        return None
    lines = {
        line.line_id: [
            f"{line.quantity:f}",
            f"{line.unit_price:f}",
            line.tax_class,
            "" if line.vat_rate is None else f"{line.vat_rate:f}",
        ]
        for line in order.lines
    }
    return order.account_id, order.version, lines


def shipment(event: Event[orders_pb2.OrderShipped]) -> Row | None:
    """What left; None where the quantities make no sense."""
    body = event.body
    if (lines := _quantities((line.line_id, line.quantity) for line in body.lines)) is None:
        return None
    return event.tenant, body.order_id, body.shipment_id, body.account_id, body.final, lines


def receipt(event: Event[orders_pb2.GoodsReceived]) -> Row | None:
    """What arrived, damaged or not; None where the quantities or the day make no sense."""
    body = event.body
    good = _quantities((line.line_id, line.quantity or "0") for line in body.lines)
    damaged = _quantities((line.line_id, line.damaged or "0") for line in body.lines)
    try:
        on = day(body.received_on, what="received_on").isoformat()
    except Refusal:
        return None
    if good is None or damaged is None:
        return None
    lines = {line_id: f"{Decimal(good[line_id]) + Decimal(damaged[line_id]):f}" for line_id in good}
    return event.tenant, body.order_id, body.receipt_id, body.account_id, body.shipment_id, on, lines


def _quantities(told: Iterable[tuple[str, str]]) -> dict[str, str] | None:
    try:
        found = {line_id: decimal(quantity, what="quantity") for line_id, quantity in told}
    except Refusal:
        return None
    if any(quantity < 0 for quantity in found.values()):
        return None
    return {line_id: f"{quantity:f}" for line_id, quantity in found.items()}


def terms(event: Event[invoicing_pb2.InvoiceIssued]) -> Row:
    """What an invoice says beside amounts; its period is the day of delivery."""
    body = event.body
    goods = [line for line in body.lines if not line.is_sales_tax]
    invoiced: dict[str, Decimal] = {}
    for line in goods:
        if line.order_line_id:
            quantity = decimal(line.quantity, what="quantity")
            invoiced[line.order_line_id] = invoiced.get(line.order_line_id, Decimal(0)) + quantity
    to = body.ship_to.country or body.buyer.address.country
    return (
        event.tenant,
        body.invoice_id,
        event.account_id,
        body.order_id,
        body.shipment_id,
        # Of a version of invoicing, or a test, that says none: the day of issue.
        body.due_date or body.issue_date,
        body.delivery_date or body.issue_date,
        body.seller.address.country,
        " ".join(sorted({body.seller.address.country, body.buyer.address.country, to})),
        _content(body, goods),
        {line.line_id: line.order_line_id for line in goods if line.order_line_id},
        {line_id: f"{quantity:f}" for line_id, quantity in invoiced.items()},
    )


def _content(body: invoicing_pb2.InvoiceIssued, goods: Iterable[invoicing_pb2.DocumentLine]) -> str:
    said = sorted((line.order_line_id, line.sku, line.quantity, line.unit_price, line.net_minor) for line in goods)
    return hashlib.sha256(repr((body.order_id, body.delivery_date, body.currency, said)).encode()).hexdigest()


def paid(event: Event[ledger_pb2.ItemReduced]) -> Row | None:
    """What paid an invoice; None where it is reduced otherwise."""
    body = event.body
    if body.by != ledger_pb2.REDUCTION_PAID:
        return None
    return event.tenant, body.invoice_id, event.account_id, event.id, body.amount.minor, body.effective_on


def taken_back(event: Event[ledger_pb2.CashUnapplied]) -> Row:
    """That what had paid an invoice has not."""
    body = event.body
    return event.tenant, body.invoice_id, event.account_id, event.id, -body.amount.minor, ""


def cash(event: Event[Any]) -> tuple[int, Mapping[str, int]] | None:
    """What cash of the account met no invoice, by currency, after an event of the ledger that says so."""
    if not event.body.after or event.sequence is None:
        return None
    return event.sequence, {one.open.currency: one.unapplied.minor for one in event.body.after}


def agreed(event: Event[invoicing_pb2.ContractSet]) -> Row:
    """The days that were agreed with a buyer, and since when."""
    contract = event.body.contract
    return event.tenant, contract.account_id, event.body.version, contract.net_days, event.at


def checked(case: Dispute, nth: int, result: Result) -> events_pb2.DisputeChecked:
    """What the evidence said of a case, to tell."""
    found = result.check
    return events_pb2.DisputeChecked(
        dispute_id=case.dispute_id,
        invoice_id=case.invoice_id,
        invoice_number=case.invoice_number,
        account_id=case.account_id,
        number=case.number,
        reason_code=case.reason_code,
        scope=contracts.scope_message(case.scope),
        verdict=events_pb2.Verdict.Value(f"VERDICT_{found.verdict}"),
        outcome=events_pb2.CheckOutcome.Value(f"CHECK_OUTCOME_{result.outcome}"),
        disputed=contracts.money_message(case.amount),
        proven=contracts.money_message(found.proven),
        lines=_lines(found),
        facts=_facts(found),
        appeal_by=_day(result.appeal_by),
        counts_in=result.counts_in,
        nth=nth,
    )


def result(said: events_pb2.DisputeChecked) -> Result:
    """The same, as it was told."""
    check = Check(
        Verdict(events_pb2.Verdict.Name(said.verdict).removeprefix("VERDICT_")),
        contracts.money(said.proven),
        tuple((line.line_id, contracts.money(line.amount)) for line in said.lines),
        tuple(Fact(one.code, tuple((figure.name, figure.value) for figure in one.figures)) for one in said.facts),
    )
    outcome = Outcome(events_pb2.CheckOutcome.Name(said.outcome).removeprefix("CHECK_OUTCOME_"))
    appeal_by = day(said.appeal_by, what="appeal_by") if said.appeal_by else None
    return Result(check, outcome, appeal_by, said.counts_in)


def check_message(result: Result, nth: int = 0, at: Any = None) -> service_pb2.Check:
    """The same, to answer with."""
    found = result.check
    message = service_pb2.Check(
        nth=nth,
        verdict=events_pb2.Verdict.Value(f"VERDICT_{found.verdict}"),
        outcome=events_pb2.CheckOutcome.Value(f"CHECK_OUTCOME_{result.outcome}"),
        proven=contracts.money_message(found.proven),
        lines=_lines(found),
        facts=_facts(found),
        appeal_by=_day(result.appeal_by),
    )
    if at is not None:
        message.checked_at.FromDatetime(at)
    return message


def _lines(found: Check) -> list[events_pb2.ProvenLine]:
    return [
        events_pb2.ProvenLine(line_id=line_id, amount=contracts.money_message(amount))
        for line_id, amount in found.lines
    ]


def _facts(found: Check) -> list[events_pb2.CheckedFact]:
    return [
        events_pb2.CheckedFact(
            code=fact.code,
            figures=[events_pb2.CheckedFigure(name=name, value=value) for name, value in fact.figures],
        )
        for fact in found.facts
    ]


def _day(on: date | None) -> str:
    return on.isoformat() if on else ""
