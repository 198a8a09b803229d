"""Credit notes: what a resolved dispute takes off an invoice, at the invoice's own prices and rates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_DOWN, Decimal

from services import documents
from services.documents import model
from services.documents.model import TypeCode, VatCategory
from services.documents.totals import decimals, distribute, percent_of
from services.invoicing.domain.drafts import (
    EXEMPTIONS,
    Draft,
    address,
    amounts,
    buyer_party,
    seller_party,
    stated_line,
    vat_rows,
)
from services.invoicing.domain.numbers import PLACEHOLDER, series_of
from services.invoicing.domain.parties import Contract, Seller
from services.invoicing.domain.statements import Kind, Line, Statement
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Invalid, quoted

ZERO = Decimal(0)
_PIECE = "C62"
_CLEARING = "97"  # UNTDID 4461: clearing between partners
Group = tuple[VatCategory, Decimal | None]


@dataclass(frozen=True, slots=True)
class CreditRequest:
    """What a case ended in: lines to credit, or none and a gross amount."""

    tenant: str
    dispute_id: str
    invoice_id: str
    # The invoice's line (BT-126) and how much of it.
    lines: tuple[tuple[str, Decimal], ...]
    amount: Money

    def check(self) -> "CreditRequest":
        """Return the request itself; refuse one that credits nothing."""
        if not self.dispute_id or not self.invoice_id:
            raise Invalid("credit_note.incomplete", "a credit needs a dispute and an invoice")
        if not self.lines and self.amount.minor <= 0:
            raise Invalid("credit_note.nothing_to_credit", "a credit names lines or an amount above zero")
        if len({line_id for line_id, _ in self.lines}) != len(self.lines):
            raise Invalid("credit_note.line_repeated", "two credited lines have the same id")
        for line_id, quantity in self.lines:
            if quantity <= 0:
                raise Invalid("credit_note.quantity_not_positive", f"line {line_id[:40]}: nothing of it is credited")
        return self


@dataclass(frozen=True, slots=True)
class _Part:
    """A credited line, and what it was on the invoice (None: an amount of its VAT group)."""

    line: model.InvoiceLine
    of: Line | None


def credit_note(
    request: CreditRequest,
    *,
    draft_id: str,
    seller: Seller,
    invoice: Statement,
    earlier: Sequence[Statement],
    issue_date: date,
    contract: Contract,
) -> Draft:
    """Draft the credit note; `earlier` are the invoice's credit notes so far, of which all together stay within it."""
    parts = _parts(request, invoice, earlier)
    paper = replace(
        _paper(invoice, seller, tuple(part.line for part in parts), issue_date),
        buyer_reference=contract.buyer_reference or None,
    )
    net, vat, gross = amounts(paper)
    statement = replace(
        invoice,
        document_id=draft_id,
        kind=Kind.CREDIT_NOTE,
        number="",
        shipment_id="",
        invoice_id=invoice.document_id,
        invoice_number=invoice.number,
        dispute_id=request.dispute_id,
        final=False,
        issue_date=issue_date,
        due_date=None,
        net=net,
        tax=vat,
        gross=gross,
        lines=tuple(_stated(part, paper.currency) for part in parts),
        vat=vat_rows(paper),
        form=contract.form,
    )
    return Draft(statement, paper, series_of(seller, Kind.CREDIT_NOTE, issue_date))


def _paper(invoice: Statement, seller: Seller, lines: tuple[model.InvoiceLine, ...], issue_date: date) -> model.Invoice:
    """Both parties stand as the invoice names them: it is that document that is put right."""
    currency = invoice.gross.currency
    calculated = documents.totals(lines, currency=currency, exemptions=EXEMPTIONS)
    return model.Invoice(
        number=PLACEHOLDER,
        issue_date=issue_date,
        type_code=TypeCode.CREDIT_NOTE,
        currency=currency,
        payment_terms=f"Set off against invoice {invoice.number}",
        payment=model.PaymentInstructions(means=_CLEARING),
        purchase_order=invoice.scope.purchase_order or None,
        sales_order=invoice.order_id,
        buyer_accounting=invoice.scope.cost_centre or None,
        preceding=(model.PrecedingInvoice(number=invoice.number, issue_date=invoice.issue_date),),
        seller=seller_party(seller, invoice.seller),
        buyer=buyer_party(invoice.account_id, invoice.buyer),
        delivery=model.Delivery(delivered_on=invoice.delivery_date, address=address(invoice.buyer)),
        totals=calculated.totals,
        vat_breakdown=calculated.vat_breakdown,
        lines=lines,
    )


def left_of(invoice: Statement, earlier: Sequence[Statement]) -> Money:
    """What of the invoice's gross is not credited yet."""
    return invoice.gross - Money.total((note.gross for note in earlier), invoice.gross.currency)


def _parts(request: CreditRequest, invoice: Statement, earlier: Sequence[Statement]) -> list[_Part]:
    left = left_of(invoice, earlier)
    if not request.lines:
        if request.amount.currency != left.currency:
            raise Invalid("credit_note.currency_mismatch", f"the invoice is in {left.currency}")
        if request.amount > left:
            raise _exceeds(request.amount, left)
        if request.amount == invoice.gross:
            return [_whole(str(nth), line, line.quantity) for nth, line in enumerate(invoice.lines, start=1)]
        return _by_amount(request.amount, invoice, earlier)
    parts = _by_lines(request, invoice, earlier)
    gross = documents.totals([part.line for part in parts], currency=left.currency).totals.gross
    over = Money.of(gross, left.currency) - left
    if over.minor <= 0:
        return parts
    # Parts rounded one by one may add up to more than the whole, by a unit for each line and VAT group at most:
    # then what is left is credited, and not a cent more.
    if left.minor > 0 and over.minor <= len(invoice.lines) + len(invoice.vat):
        return _by_amount(left, invoice, earlier)
    raise _exceeds(Money.of(gross, left.currency), left)


def _exceeds(asked: Money, left: Money) -> Conflict:
    return Conflict("credit_note.exceeds_invoice", f"{asked} asked, {left} of the invoice are not credited yet")


def _by_lines(request: CreditRequest, invoice: Statement, earlier: Sequence[Statement]) -> list[_Part]:
    by_id = {line.line_id: line for line in invoice.lines}
    credited: dict[str, Decimal] = {}
    for taken in (line for note in earlier for line in note.lines):
        credited[taken.invoice_line_id] = credited.get(taken.invoice_line_id, ZERO) + taken.quantity
    parts = []
    for nth, (line_id, quantity) in enumerate(request.lines, start=1):
        if (line := by_id.get(line_id)) is None:
            raise Invalid("credit_note.unknown_line", f"the invoice has no line {quoted(line_id)}")
        if credited.get(line_id, ZERO) + quantity > line.quantity:
            raise Conflict(
                "credit_note.exceeds_line", f"line {line_id}: more credited than the {line.quantity:f} invoiced"
            )
        parts.append(_whole(str(nth), line, quantity))
    return parts


def _by_amount(amount: Money, invoice: Statement, earlier: Sequence[Statement]) -> list[_Part]:
    """Spread a gross amount over what is left of each VAT group, so that each group's tax fits its net to the cent.

    Not every gross has a net (0.03 at 19 % has none): then a group takes the next lower one, and another group the
    rest. What no group can take, a smallest unit or so, is not credited: the document is valid and never too high.
    """
    currency = amount.currency
    left = _left_by_group(invoice, earlier)
    places = decimals(currency)
    wanted = amount.decimal.quantize(Decimal(1).scaleb(-places), rounding=ROUND_DOWN)
    shares = distribute(wanted, list(left.values()), currency)
    nets = {group: _net_within(share, group, currency) for group, share in zip(left, shares, strict=True)}
    rest = wanted - sum((_gross(net, group, currency) for group, net in nets.items()), start=ZERO)
    for group, net in nets.items():
        more = _net_within(min(_gross(net, group, currency) + rest, left[group]), group, currency)
        rest -= _gross(more, group, currency) - _gross(net, group, currency)
        nets[group] = more
    parts = [
        _Part(_amount_line(str(nth), net, group, invoice.number), None)
        for nth, (group, net) in enumerate(((g, n) for g, n in nets.items() if n), start=1)
    ]
    if not parts:
        raise Conflict("credit_note.nothing_to_credit", f"{amount} is less than the smallest credit of this invoice")
    return parts


def _left_by_group(invoice: Statement, earlier: Sequence[Statement]) -> dict[Group, Decimal]:
    """What of each VAT group's gross is not credited yet, the groups in the invoice's order."""
    left = {(row.category, row.rate): (row.taxable + row.tax).decimal for row in invoice.vat}
    for row in (row for note in earlier for row in note.vat):
        left[row.category, row.rate] -= (row.taxable + row.tax).decimal
    return {group: max(gross, ZERO) for group, gross in left.items()}


def _net_within(gross: Decimal, group: Group, currency: str) -> Decimal:
    """The highest net whose net and tax are not above this gross."""
    unit = Decimal(1).scaleb(-decimals(currency))
    net = (gross / (1 + (group[1] or ZERO) / 100)).quantize(unit)
    while _gross(net, group, currency) > gross:
        net -= unit
    while _gross(net + unit, group, currency) <= gross:
        net += unit
    return net


def _gross(net: Decimal, group: Group, currency: str) -> Decimal:
    return net + percent_of(net, group[1] or ZERO, currency)


def _whole(line_id: str, line: Line, quantity: Decimal) -> _Part:
    """A line of the invoice, or some of it, at its own price and rate."""
    return _Part(
        model.InvoiceLine(
            id=line_id,
            quantity=quantity,
            unit=line.unit,
            net_amount=documents.line_net(quantity=quantity, price=line.unit_price, currency=line.net.currency),
            price=model.Price(net=line.unit_price),
            vat=model.LineVat(category=line.vat_category, rate=line.vat_rate),
            item=model.Item(name=line.name, sellers_id=line.sku or None),
        ),
        line,
    )


def _amount_line(line_id: str, net: Decimal, group: Group, invoice_number: str) -> model.InvoiceLine:
    category, rate = group
    return model.InvoiceLine(
        id=line_id,
        quantity=Decimal(1),
        unit=_PIECE,
        net_amount=net,
        price=model.Price(net=net),
        vat=model.LineVat(category=category, rate=rate),
        item=model.Item(name=f"Credit on invoice {invoice_number}"),
    )


def _stated(part: _Part, currency: str) -> Line:
    return stated_line(
        part.line,
        currency,
        order_line_id=part.of.order_line_id if part.of else "",
        sku=part.of.sku if part.of else "",
        invoice_line_id=part.of.line_id if part.of else "",
    )
