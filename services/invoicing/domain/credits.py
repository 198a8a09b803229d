"""Credit notes: what a resolved dispute takes off an invoice, at the invoice's own prices and rates.

All credit notes of an invoice add up to it, net and VAT, rate by rate (services/kernel/residue.py): a part takes what the
parts before it leave, and a note says the amount that its dispute was resolved with. The sales tax of a US seller is
credited with its goods, as the tax of their group.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from services import documents
from services.documents import Calculated, model
from services.documents.model import TypeCode, VatCategory
from services.documents.words import Words
from services.invoicing.domain import sales_tax
from services.invoicing.domain.drafts import (
    Draft,
    amounts,
    buyer_party,
    delivery_address,
    exemptions,
    identifier,
    seller_party,
    stated_line,
    vat_rows,
    with_net,
)
from services.invoicing.domain.numbers import PLACEHOLDER, series_of
from services.invoicing.domain.parties import Contract, Seller, language_between
from services.invoicing.domain.statements import Kind, Line, Reference, Statement, Why
from services.kernel import residue
from services.kernel.corrections import CorrectedLine, Correction
from services.kernel.money import Money, product
from services.kernel.refusals import Conflict, Invalid, quoted
from services.kernel.residue import VatGroup, Whole

ZERO = Decimal(0)
_PIECE = "C62"
_NAME_MAX = 200  # as the contract bounds a line's name
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
    # None: a return, or an allowance on goods.
    why: Why | None = None
    # Of a rebill what the corrected invoice says otherwise; of a price correction lines and prices.
    correction: Correction | None = None

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
    """Credited goods, and what they were on the invoice (None: an amount of its VAT group)."""

    line: model.InvoiceLine
    of: Line | None

    @property
    def group(self) -> Group:
        return self.line.vat.category, self.line.vat.rate


@dataclass(frozen=True, slots=True)
class _Credit:
    """What a note takes: goods, and the tax of each of their groups, in minor units; outside of VAT that is sales tax."""

    parts: tuple[_Part, ...]
    taxes: Mapping[Group, int]
    currency: str

    @property
    def nets(self) -> dict[Group, int]:
        nets: dict[Group, int] = {}
        for part in self.parts:
            nets[part.group] = nets.get(part.group, 0) + Money.of(part.line.net_amount, self.currency).minor
        return nets

    @property
    def gross(self) -> Money:
        return Money(sum(self.nets.values()) + sum(self.taxes.values()), self.currency)

    @property
    def sales_tax(self) -> Money:
        return Money(self.taxes.get(_OUTSIDE, 0), self.currency)


@dataclass(frozen=True, slots=True)
class _Left:
    """What of an invoice is not credited yet, in minor units: by group net and tax, by line of goods quantity and net."""

    invoice: Statement
    whole: Mapping[Group, VatGroup]
    groups: Mapping[Group, VatGroup]
    quantities: Mapping[str, Decimal]
    line_nets: Mapping[str, int]

    @property
    def currency(self) -> str:
        return self.invoice.gross.currency

    def tax_on(self, group: Group, net: int) -> int:
        """The tax on so much more of a group: on all that is left of it, all the tax that is left.

        On more than is left (an amount was credited before the lines) it is more too, as the case told it: what lines
        cost is then spread over what is left.
        """
        whole, left = self.whole[group], self.groups[group]
        taken = whole.net_minor - left.net_minor
        due = residue.tax_up_to(taken + net, whole, self.currency) - (whole.tax_minor - left.tax_minor)
        return max(due, 0) if net > left.net_minor else min(max(due, 0), left.tax_minor)

    def net_of(self, line: Line, quantity: Decimal) -> int:
        """The net of so much more of a line: of all that is left of it, all the net that is left."""
        taken, left = line.quantity - self.quantities[line.line_id], self.line_nets[line.line_id]
        due = residue.net_up_to(taken + quantity, _priced(line), self.currency) - (line.net.minor - left)
        return min(max(due, 0), left)


def _priced(line: Line) -> Whole:
    return Whole(("", None), line.quantity, line.unit_price, line.net.minor)


def left_of(invoice: Statement, earlier: Sequence[Statement]) -> Money:
    """What of the invoice's gross is not credited yet."""
    return invoice.gross - Money.total((note.gross for note in earlier), invoice.gross.currency)


def _left(invoice: Statement, earlier: Sequence[Statement]) -> _Left:
    whole = _groups(invoice)
    taken = [(group, part) for note in earlier for group, part in _groups(note).items()]
    # Notes that were rounded one by one, as they once were, may have taken more VAT than there was.
    left = {
        group: VatGroup(
            one.rate,
            max(0, one.net_minor - sum(part.net_minor for key, part in taken if key == group)),
            max(0, one.tax_minor - sum(part.tax_minor for key, part in taken if key == group)),
        )
        for group, one in whole.items()
    }
    quantities = {line.line_id: line.quantity for line in invoice.lines}
    line_nets = {line.line_id: line.net.minor for line in invoice.lines}
    for line in (line for note in earlier for line in note.lines if line.invoice_line_id and not line.is_sales_tax):
        quantities[line.invoice_line_id] -= line.quantity
        line_nets[line.invoice_line_id] -= line.net.minor
    return _Left(invoice, whole, left, quantities, {line_id: max(net, 0) for line_id, net in line_nets.items()})


def _groups(said: Statement) -> dict[Group, VatGroup]:
    """What a document says of each VAT group; outside of VAT the sales tax on its goods is the group's tax."""
    groups = {(row.category, row.rate): VatGroup(row.rate, row.taxable.minor, row.tax.minor) for row in said.vat}
    if sales_tax := said.sales_tax.minor:
        outside = groups[_OUTSIDE]
        groups[_OUTSIDE] = VatGroup(None, outside.net_minor - sales_tax, outside.tax_minor + sales_tax)
    return groups


def credit_note(
    request: CreditRequest,
    *,
    draft_id: str,
    seller: Seller,
    invoice: Statement,
    earlier: Sequence[Statement],
    issue_date: date,
    contract: Contract,
    rebilled_by: Reference | None = None,
) -> Draft:
    """Draft the credit note; `earlier` are the invoice's credit notes so far, of which all together stay within it."""
    language = language_between(seller, contract)
    words = Words(language)
    credit = _credit(request, _left(invoice, earlier), left_of(invoice, earlier), words)
    lines = tuple(part.line for part in credit.parts)
    stated = [_stated(part, credit.currency) for part in credit.parts]
    if credit.sales_tax.minor:
        lines = (*lines, sales_tax.line(str(len(lines) + 1), credit.sales_tax))
        of = sales_tax.line_of(invoice)
        stated.append(sales_tax.stated(lines[-1], credit.currency, invoice_line_id=of.line_id if of else ""))
    alone = documents.totals(lines, currency=credit.currency, exemptions=exemptions(words))
    taxes = {
        (row.category, row.rate): Money(credit.taxes.get((row.category, row.rate), 0), credit.currency).decimal
        if (row.category, row.rate) != _OUTSIDE
        else ZERO
        for row in alone.vat_breakdown
    }
    calculated = documents.with_taxes(alone, taxes)
    paper = replace(
        _paper(invoice, seller, lines, issue_date, (calculated, words)),
        buyer_reference=contract.buyer_reference or None,
        notes=_reason(request.why, words),
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
        lines=tuple(stated),
        vat=vat_rows(paper),
        form=contract.form,
        language=language,
        rounding_minor=0,
        # That the credited invoice stands in the place of another is its own matter.
        corrects=None,
        credited_by=None,
        rebilled_by=rebilled_by,
        why=request.why,
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


# Adjustment reasons (UN/CEFACT list 4465) of what is no return: agreed settlement, invoice error, price change, sundry discount.
REASONS: Mapping[Why, str] = {Why.SETTLEMENT: "1", Why.REBILL: "9", Why.PRICE: "57", Why.GOODWILL: "79"}


def _reason(why: Why | None, words: Words) -> tuple[model.Note, ...]:
    """Why it is credited, in words and by its code, for who books it (BT-22: a credit note has no field for the code)."""
    if why is None:
        return ()
    return (model.Note(text=f"{words[f'credit_{why.lower()}']} (UNCL4465: {REASONS[why]})"),)


def _credit(request: CreditRequest, left: _Left, gross_left: Money, words: Words) -> _Credit:
    """What the note takes of what is left: lines, or an amount spread over the VAT groups."""
    if request.amount.currency != left.currency:
        raise Invalid("credit_note.currency_mismatch", f"the invoice is in {left.currency}")
    if request.why is Why.PRICE and request.correction is not None:
        return _by_prices(request, request.correction, left, gross_left, words)
    if not request.lines:
        if request.amount > gross_left:
            raise _exceeds(request.amount, gross_left)
        if request.amount == left.invoice.gross:
            every = [(line.line_id, line.quantity) for line in left.invoice.lines]
            return _by_lines(every, left, words)
        return _by_amount(request.amount, left, words)
    credit = _by_lines(request.lines, left, words)
    told = request.amount if request.amount.minor else credit.gross
    # A case of before sales tax was contested with its goods is about the goods alone, and leaves that tax as it is.
    if not any(_is_about(told, cost, left) for cost in (credit.gross, credit.gross - credit.sales_tax)):
        raise Conflict("credit_note.amount_mismatch", f"the lines cost {credit.gross}, {told} were agreed")
    over = told - gross_left
    if over.minor > 0 and (gross_left.minor <= 0 or over.minor > _roundings(left)):
        raise _exceeds(told, gross_left)
    return _settled(credit, told if over.minor <= 0 else gross_left, left, words)


def _by_prices(request: CreditRequest, correction: Correction, left: _Left, gross_left: Money, words: Words) -> _Credit:
    """What lower prices take of lines, at each line's own rate; the amount that was told, but for roundings."""
    by_id = {line.line_id: line for line in left.invoice.lines if not line.is_sales_tax}
    parts: list[_Part] = []
    for right in correction.lines:
        if (line := by_id.get(right.line_id)) is None:
            raise Invalid("credit_note.unknown_line", f"the invoice has no line {quoted(right.line_id)}")
        parts.append(_Part(_price_line(str(len(parts) + 1), line, right, left, words), None))
    goods = _Credit(tuple(parts), {}, left.currency)
    credit = replace(goods, taxes={group: left.tax_on(group, net) for group, net in goods.nets.items()})
    if not _is_about(request.amount, credit.gross, left):
        raise Conflict("credit_note.amount_mismatch", f"the prices cost {credit.gross}, {request.amount} were agreed")
    if request.amount > gross_left:
        raise _exceeds(request.amount, gross_left)
    return _settled(credit, request.amount, left, words)


def _price_line(line_id: str, line: Line, right: CorrectedLine, left: _Left, words: Words) -> model.InvoiceLine:
    """How much less so much of a line costs: the difference of its prices, and what rounding adds to that."""
    quantity = line.quantity if right.quantity is None else right.quantity
    price = line.unit_price if right.unit_price is None else right.unit_price
    unit = residue.unit_of(left.currency)
    costs = Money.of(product(quantity, price) / unit, left.currency).minor * unit
    less = max(0, left.net_of(line, quantity) - costs)
    difference = replace(line, unit_price=line.unit_price - price)
    drawn = _line(line_id, difference, quantity)
    named = replace(drawn, item=replace(drawn.item, name=words.say("price_of", item=line.name)[:_NAME_MAX]))
    return with_net(named, Money(less, left.currency).decimal, words)


def _roundings(left: _Left) -> int:
    """How many minor units parts of an invoice may be off: one for each of its lines and VAT groups."""
    return (len(left.invoice.lines) + len(left.invoice.vat)) * residue.unit_of(left.currency)


def _is_about(told: Money, gross: Money, left: _Left) -> bool:
    return abs(told.minor - gross.minor) <= _roundings(left)


def _exceeds(asked: Money, left: Money) -> Conflict:
    return Conflict("credit_note.exceeds_invoice", f"{asked} asked, {left} of the invoice are not credited yet")


def _settled(credit: _Credit, told: Money, left: _Left, words: Words) -> _Credit:
    """The credit at exactly the amount that was told, within what is left of each group: else spread over them."""
    if any(net > left.groups[group].net_minor for group, net in credit.nets.items()):
        return _by_amount(told, left, words)
    if not (more := told.minor - credit.gross.minor):
        return credit
    for group, tax in credit.taxes.items():
        if 0 <= tax + more <= left.groups[group].tax_minor:
            return replace(credit, taxes={**credit.taxes, group: tax + more})
    return _by_amount(told, left, words)


def _by_lines(asked: Sequence[tuple[str, Decimal]], left: _Left, words: Words) -> _Credit:
    """The lines, and with goods their part of the invoice's sales tax; more of that where it is named beside them."""
    by_id = {line.line_id: line for line in left.invoice.lines}
    parts: list[_Part] = []
    named = 0
    for line_id, quantity in asked:
        if (line := by_id.get(line_id)) is None:
            raise Invalid("credit_note.unknown_line", f"the invoice has no line {quoted(line_id)}")
        if quantity > left.quantities[line_id]:
            raise Conflict(
                "credit_note.exceeds_line", f"line {line_id}: more credited than the {line.quantity:f} invoiced"
            )
        if line.is_sales_tax:
            named += residue.net_up_to(quantity, _priced(line), left.currency)
        else:
            net = Money(left.net_of(line, quantity), left.currency).decimal
            parts.append(_Part(with_net(_line(str(len(parts) + 1), line, quantity), net, words), line))
    goods = _Credit(tuple(parts), {}, left.currency)
    taxes = {group: left.tax_on(group, net) for group, net in goods.nets.items()}
    if named:
        with_goods = taxes.get(_OUTSIDE, 0)
        taxes[_OUTSIDE] = max(with_goods, min(with_goods + named, left.groups[_OUTSIDE].tax_minor))
        if not parts and not taxes[_OUTSIDE]:
            raise Conflict("credit_note.exceeds_line", "all of the sales tax invoiced is credited")
    return replace(goods, taxes=taxes)


def _by_amount(amount: Money, left: _Left, words: Words) -> _Credit:
    """Spread a gross amount over what is left of each group (services/kernel/residue.py)."""
    currency, unit = amount.currency, residue.unit_of(amount.currency)
    shares = residue.spread(amount.minor // unit * unit, left.groups, currency)
    parts: list[_Part] = []
    for group, share in shares.items():
        if share.net_minor or (share.tax_minor and group != _OUTSIDE):
            net = Money(share.net_minor, currency).decimal
            parts.append(_Part(_amount_line(str(len(parts) + 1), net, group, left.invoice.number, words), None))
    if not shares:
        raise Conflict("credit_note.nothing_to_credit", f"{amount} is less than the smallest credit of this invoice")
    return _Credit(tuple(parts), {group: share.tax_minor for group, share in shares.items()}, currency)


def _line(line_id: str, line: Line, quantity: Decimal) -> model.InvoiceLine:
    """A line of the invoice, or some of it, at its own price and rate."""
    return model.InvoiceLine(
        id=line_id,
        object_id=identifier(line.asset_id),
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
    return stated_line(
        part.line,
        currency,
        order_line_id=part.of.order_line_id if part.of else "",
        sku=part.of.sku if part.of else "",
        invoice_line_id=part.of.line_id if part.of else "",
    )
