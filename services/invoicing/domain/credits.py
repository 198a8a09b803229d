"""Credit notes: what a resolved dispute takes off an invoice, at the invoice's own prices and rates.

All credit notes of an invoice add up to it, net and VAT, rate by rate (services/kernel/residue.py): a part takes what the
parts before it leave, and a note says the amount that its dispute was resolved with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from services import documents
from services.documents import Calculated, model
from services.documents.model import TypeCode, VatCategory
from services.documents.totals import decimals, distribute, rounded
from services.documents.words import Words
from services.invoicing.domain import sales_tax
from services.invoicing.domain.drafts import (
    Draft,
    amounts,
    buyer_party,
    delivery_address,
    exemptions,
    seller_party,
    stated_line,
    vat_rows,
    with_net,
)
from services.invoicing.domain.numbers import PLACEHOLDER, series_of
from services.invoicing.domain.parties import Contract, Seller, language_between
from services.invoicing.domain.statements import Kind, Line, Statement
from services.kernel import residue
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Invalid, quoted
from services.kernel.residue import VatGroup, Whole

ZERO = Decimal(0)
_PIECE = "C62"
_CLEARING = "97"  # UNTDID 4461: clearing between partners
Group = tuple[VatCategory, Decimal | None]
_OUTSIDE: Group = (VatCategory.OUTSIDE_SCOPE, None)  # where sales tax stands, with the goods that bear it


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

    @property
    def group(self) -> Group:
        return self.line.vat.category, self.line.vat.rate


@dataclass(frozen=True, slots=True)
class _Credit:
    """What a note takes: lines, and the VAT of each of their groups, in minor units."""

    parts: tuple[_Part, ...]
    taxes: Mapping[Group, int]
    currency: str

    @property
    def gross(self) -> Money:
        nets = Money.total((Money.of(part.line.net_amount, self.currency) for part in self.parts), self.currency)
        return nets + Money(sum(self.taxes.values()), self.currency)


@dataclass(frozen=True, slots=True)
class _Left:
    """What of an invoice is not credited yet, in minor units: by VAT group net and tax, by line quantity and net."""

    invoice: Statement
    earlier: Sequence[Statement]
    nets: Mapping[Group, int]
    taxes: Mapping[Group, int]
    quantities: Mapping[str, Decimal]
    line_nets: Mapping[str, int]

    @property
    def currency(self) -> str:
        return self.invoice.gross.currency

    @property
    def gross(self) -> Money:
        return Money(sum(self.nets.values()) + sum(self.taxes.values()), self.currency)

    def tax_on(self, group: Group, net: int) -> int:
        """The tax on so much more of a group: on all that is left of it, all the tax that is left.

        On more than is left (an amount was credited before the lines) it is more too, as the case told it: what lines
        cost is then spread over what is left.
        """
        [row] = [row for row in self.invoice.vat if (row.category, row.rate) == group]
        whole = VatGroup(row.rate, row.taxable.minor, row.tax.minor)
        taken = whole.net_minor - self.nets[group]
        due = residue.tax_up_to(taken + net, whole, self.currency) - (whole.tax_minor - self.taxes[group])
        return max(due, 0) if net > self.nets[group] else min(max(due, 0), self.taxes[group])

    def net_of(self, line: Line, quantity: Decimal) -> int:
        """The net of so much more of a line: of all that is left of it, all the net that is left."""
        taken, left = line.quantity - self.quantities[line.line_id], self.line_nets[line.line_id]
        whole = Whole(("", None), line.quantity, line.unit_price, line.net.minor)
        due = residue.net_up_to(taken + quantity, whole, self.currency) - (line.net.minor - left)
        return min(max(due, 0), left)


def left_of(invoice: Statement, earlier: Sequence[Statement]) -> Money:
    """What of the invoice's gross is not credited yet."""
    return invoice.gross - Money.total((note.gross for note in earlier), invoice.gross.currency)


def _left(invoice: Statement, earlier: Sequence[Statement]) -> _Left:
    nets = {(row.category, row.rate): row.taxable.minor for row in invoice.vat}
    taxes = {(row.category, row.rate): row.tax.minor for row in invoice.vat}
    for row in (row for note in earlier for row in note.vat):
        nets[row.category, row.rate] -= row.taxable.minor
        taxes[row.category, row.rate] -= row.tax.minor
    quantities = {line.line_id: line.quantity for line in invoice.lines}
    line_nets = {line.line_id: line.net.minor for line in invoice.lines}
    for line in (line for note in earlier for line in note.lines if line.invoice_line_id and not line.is_sales_tax):
        quantities[line.invoice_line_id] -= line.quantity
        line_nets[line.invoice_line_id] -= line.net.minor
    # Notes that were rounded one by one, as they once were, may have taken more VAT than there was.
    return _Left(
        invoice,
        earlier,
        {group: max(net, 0) for group, net in nets.items()},
        {group: max(tax, 0) for group, tax in taxes.items()},
        quantities,
        {line_id: max(net, 0) for line_id, net in line_nets.items()},
    )


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
    language = language_between(seller, contract)
    words = Words(language)
    credit = _credit(request, _left(invoice, earlier), left_of(invoice, earlier), words)
    lines = tuple(part.line for part in credit.parts)
    alone = documents.totals(lines, currency=credit.currency, exemptions=exemptions(words))
    taxes = {group: Money(tax, credit.currency).decimal for group, tax in credit.taxes.items()}
    calculated = documents.with_taxes(alone, taxes)
    paper = replace(
        _paper(invoice, seller, lines, issue_date, (calculated, words)),
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
        lines=tuple(_stated(part, paper.currency) for part in credit.parts),
        vat=vat_rows(paper),
        form=contract.form,
        language=language,
        rounding_minor=0,
    )
    residues = {(row.category, row.rate): taxes[row.category, row.rate] - row.tax for row in alone.vat_breakdown}
    return Draft(statement, paper, series_of(seller, Kind.CREDIT_NOTE, issue_date), residues)


def _paper(
    invoice: Statement,
    seller: Seller,
    lines: tuple[model.InvoiceLine, ...],
    issue_date: date,
    said: tuple[Calculated, Words],
) -> model.Invoice:
    """Both parties stand as the invoice names them: it is that document that is put right."""
    calculated, words = said
    return model.Invoice(
        number=PLACEHOLDER,
        issue_date=issue_date,
        type_code=TypeCode.CREDIT_NOTE,
        currency=invoice.gross.currency,
        payment_terms=words.say("set_off", number=invoice.number),
        payment=model.PaymentInstructions(means=_CLEARING),
        purchase_order=invoice.scope.purchase_order or None,
        sales_order=invoice.order_id,
        buyer_accounting=invoice.scope.cost_centre or None,
        preceding=(model.PrecedingInvoice(number=invoice.number, issue_date=invoice.issue_date),),
        seller=seller_party(seller, invoice.seller),
        buyer=buyer_party(invoice.account_id, invoice.buyer),
        delivery=model.Delivery(
            delivered_on=invoice.delivery_date, address=delivery_address(invoice.ship_to, invoice.buyer)
        ),
        totals=calculated.totals,
        vat_breakdown=calculated.vat_breakdown,
        lines=lines,
    )


def _credit(request: CreditRequest, left: _Left, gross_left: Money, words: Words) -> _Credit:
    """What the note takes of what is left: lines, or an amount spread over the VAT groups."""
    if request.amount.currency != left.currency:
        raise Invalid("credit_note.currency_mismatch", f"the invoice is in {left.currency}")
    if not request.lines:
        if request.amount > gross_left:
            raise _exceeds(request.amount, gross_left)
        if request.amount == left.invoice.gross:
            every = [(line.line_id, line.quantity) for line in left.invoice.lines]
            return _by_lines(every, left, words)
        return _by_amount(request.amount, left, words)
    credit = _by_lines(request.lines, left, words)
    told = request.amount if request.amount.minor else credit.gross
    if told != credit.gross:
        # A case may be about the goods alone, and leave the sales tax that they bore as it is.
        alone = _by_lines(request.lines, left, words, with_sales_tax=False)
        credit = min(alone, credit, key=lambda one: abs(told.minor - one.gross.minor))
    if not _is_about(told, credit.gross, left):
        raise Conflict("credit_note.amount_mismatch", f"the lines cost {credit.gross}, {told} were agreed")
    over = told - gross_left
    if over.minor > 0 and (gross_left.minor <= 0 or over.minor > _roundings(left)):
        raise _exceeds(told, gross_left)
    return _settled(credit, told if over.minor <= 0 else gross_left, left, words)


def _roundings(left: _Left) -> int:
    """How many minor units parts of an invoice may be off: one for each of its lines and VAT groups."""
    return (len(left.invoice.lines) + len(left.invoice.vat)) * residue.unit_of(left.currency)


def _is_about(told: Money, gross: Money, left: _Left) -> bool:
    return abs(told.minor - gross.minor) <= _roundings(left)


def _exceeds(asked: Money, left: Money) -> Conflict:
    return Conflict("credit_note.exceeds_invoice", f"{asked} asked, {left} of the invoice are not credited yet")


def _settled(credit: _Credit, told: Money, left: _Left, words: Words) -> _Credit:
    """The credit at exactly the amount that was told, within what is left of each VAT group: else spread over them."""
    nets: dict[Group, int] = {}
    for part in credit.parts:
        nets[part.group] = nets.get(part.group, 0) + Money.of(part.line.net_amount, credit.currency).minor
    if any(net > left.nets[group] for group, net in nets.items()):
        return _by_amount(told, left, words)
    if not (more := told.minor - credit.gross.minor):
        return credit
    for group, tax in credit.taxes.items():
        if group[1] and 0 <= tax + more <= left.taxes[group]:
            return replace(credit, taxes={**credit.taxes, group: tax + more})
    return _by_amount(told, left, words)


def _by_lines(
    asked: Sequence[tuple[str, Decimal]], left: _Left, words: Words, *, with_sales_tax: bool = True
) -> _Credit:
    parts = _parts(asked, left, words)
    if with_sales_tax:
        parts = _with_sales_tax(parts, left)
    nets: dict[Group, int] = {}
    for part in parts:
        nets[part.group] = nets.get(part.group, 0) + Money.of(part.line.net_amount, left.currency).minor
    return _Credit(tuple(parts), {group: left.tax_on(group, net) for group, net in nets.items()}, left.currency)


def _parts(asked: Sequence[tuple[str, Decimal]], left: _Left, words: Words) -> list[_Part]:
    by_id = {line.line_id: line for line in left.invoice.lines}
    parts: list[_Part] = []
    for nth, (line_id, quantity) in enumerate(asked, start=1):
        if (line := by_id.get(line_id)) is None:
            raise Invalid("credit_note.unknown_line", f"the invoice has no line {quoted(line_id)}")
        if line.is_sales_tax:
            parts.append(_sales_tax_part(str(nth), _sales_tax_asked(line, quantity, left), left.invoice))
            continue
        if quantity > left.quantities[line_id]:
            raise Conflict(
                "credit_note.exceeds_line", f"line {line_id}: more credited than the {line.quantity:f} invoiced"
            )
        net = Money(left.net_of(line, quantity), left.currency).decimal
        parts.append(_Part(with_net(_line(str(nth), line, quantity), net, words), line))
    return parts


def _with_sales_tax(parts: list[_Part], left: _Left) -> list[_Part]:
    """The lines, and with them what they bore of the invoice's sales tax, unless it is named itself."""
    if any(part.of is not None and part.of.is_sales_tax for part in parts):
        return parts
    goods = Money.total((Money.of(part.line.net_amount, left.currency) for part in parts), left.currency)
    due = sales_tax.credited_with(goods, left.invoice, left.earlier)
    return [*parts, _sales_tax_part(str(len(parts) + 1), due, left.invoice)] if due.minor else parts


def _sales_tax_asked(line: Line, quantity: Decimal, left: _Left) -> Money:
    """So much of the invoice's sales tax, such as all of it for a buyer who is exempt."""
    currency = line.net.currency
    asked = Money.of(documents.line_net(quantity=quantity, price=line.unit_price, currency=currency), currency)
    if asked > sales_tax.left_of(left.invoice, left.earlier):
        raise Conflict("credit_note.exceeds_line", f"line {line.line_id}: more credited than the sales tax invoiced")
    return asked


def _sales_tax_part(line_id: str, due: Money, invoice: Statement) -> _Part:
    return _Part(sales_tax.line(line_id, due), sales_tax.line_of(invoice))


def _by_amount(amount: Money, left: _Left, words: Words) -> _Credit:
    """Spread a gross amount over what is left of each VAT group, in proportion, to the cent.

    Not every gross has a net (0.03 at 19 % has none): the VAT of its group is then a unit off its own rounding.
    """
    currency, unit = amount.currency, Decimal(1).scaleb(-decimals(amount.currency))
    wanted = amount.decimal // unit * unit
    groups = {group: left.nets[group] + left.taxes[group] for group in left.nets}
    shares = distribute(wanted, [Money(gross, currency).decimal for gross in groups.values()], currency)
    of_tax = sales_tax.part_of(amount, left.invoice, left.earlier)
    parts: list[_Part] = []
    taxes: dict[Group, int] = {}
    for group, share in zip(groups, (Money.of(share, currency).minor for share in shares), strict=True):
        if share <= 0:
            continue
        with_tax = 100 + (group[1] or ZERO)
        net = Money.of(rounded(Money(share, currency).decimal * 100, currency, per=with_tax), currency).minor
        net = min(max(net, share - left.taxes[group]), left.nets[group])
        taxes[group] = share - net
        goods = net - (of_tax.minor if group == _OUTSIDE else 0)
        if goods or taxes[group]:
            said = Money(goods, currency).decimal
            parts.append(_Part(_amount_line(str(len(parts) + 1), said, group, left.invoice.number, words), None))
    if of_tax.minor:
        parts.append(_sales_tax_part(str(len(parts) + 1), of_tax, left.invoice))
    if not parts:
        raise Conflict("credit_note.nothing_to_credit", f"{amount} is less than the smallest credit of this invoice")
    return _Credit(tuple(parts), taxes, currency)


def _line(line_id: str, line: Line, quantity: Decimal) -> model.InvoiceLine:
    """A line of the invoice, or some of it, at its own price and rate."""
    return model.InvoiceLine(
        id=line_id,
        quantity=quantity,
        unit=line.unit,
        net_amount=documents.line_net(quantity=quantity, price=line.unit_price, currency=line.net.currency),
        price=model.Price(net=line.unit_price),
        vat=model.LineVat(category=line.vat_category, rate=line.vat_rate),
        item=model.Item(name=line.name, sellers_id=line.sku or None),
    )


def _amount_line(line_id: str, net: Decimal, group: Group, invoice_number: str, words: Words) -> model.InvoiceLine:
    category, rate = group
    return model.InvoiceLine(
        id=line_id,
        quantity=Decimal(1),
        unit=_PIECE,
        net_amount=net,
        price=model.Price(net=net),
        vat=model.LineVat(category=category, rate=rate),
        item=model.Item(name=words.say("credit_on", number=invoice_number)),
    )


def _stated(part: _Part, currency: str) -> Line:
    if part.of is not None and part.of.is_sales_tax:
        return sales_tax.stated(part.line, currency, invoice_line_id=part.of.line_id)
    return stated_line(
        part.line,
        currency,
        order_line_id=part.of.order_line_id if part.of else "",
        sku=part.of.sku if part.of else "",
        invoice_line_id=part.of.line_id if part.of else "",
    )
