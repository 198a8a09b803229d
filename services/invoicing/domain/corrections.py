"""Corrected invoices: the same supply drawn anew with what a case found right, in the place of the invoice that it corrects."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from services.documents import model
from services.documents.model import TypeCode, VatCategory
from services.documents.words import Words
from services.invoicing.domain.drafts import Draft, Supply
from services.invoicing.domain.statements import Line, Reference, Statement
from services.kernel.corrections import CorrectedLine, Correction
from services.kernel.money import Money, product
from services.kernel.orders import OrderLine

_AT_RATES = (VatCategory.STANDARD, VatCategory.ZERO_RATED)


def corrected(supply: Supply, invoice: Statement, correction: Correction) -> Supply:
    """What the invoice was of, with what is right: its prices and rates as it had them, parties as they are known now.

    What nobody corrects is rounded as it was; a line that changes is rounded by itself.
    """
    invoiced = {line.order_line_id: line for line in invoice.lines if not line.is_sales_tax}
    wanted = {line.line_id: line for line in correction.lines}
    taxed: dict[str, OrderLine] = {}
    quantities: list[tuple[OrderLine, Decimal]] = []
    for line, _ in supply.quantities:
        if (was := invoiced.get(line.line_id)) is None:
            continue  # taken off by an earlier correction
        right = wanted.get(was.line_id, CorrectedLine(was.line_id))
        taxed[line.line_id] = _taxed(line, was, right)
        left = was.quantity if right.quantity is None else right.quantity
        if left:
            quantities.append((_priced(taxed[line.line_id], was, right), left))
    order, contract = supply.order, supply.contract
    return replace(
        supply,
        order=replace(
            order,
            # At the prices that were ordered: a US seller's tax is the order's, and follows the price from there.
            lines=tuple(_of_order(line, taxed) for line in order.lines),
            scope=replace(invoice.scope, purchase_order=correction.purchase_order or invoice.scope.purchase_order),
        ),
        contract=replace(
            contract,
            buyer_reference=correction.buyer_reference or contract.buyer_reference,
            net_days=contract.net_days if correction.net_days is None else correction.net_days,
        ),
        quantities=quantities,
        delivered_on=invoice.delivery_date,
        ship_to=correction.ship_to or invoice.ship_to or supply.ship_to,
        before={
            line_id: n
            for line_id, n in supply.before.items()
            if line_id in invoiced and invoiced[line_id].line_id not in wanted
        },
    )


def _taxed(line: OrderLine, was: Line, right: CorrectedLine) -> OrderLine:
    """The line with the kind of goods that is right; at the rate at which it was invoiced, if nobody says another kind."""
    if right.tax_class:
        return replace(line, tax_class=right.tax_class, vat_rate=None)
    return replace(line, vat_rate=was.vat_rate) if was.vat_category in _AT_RATES else line


def _priced(line: OrderLine, was: Line, right: CorrectedLine) -> OrderLine:
    price = was.unit_price if right.unit_price is None else right.unit_price
    return replace(line, unit_price=price, net=Money.of(product(line.quantity, price), line.net.currency))


def _of_order(line: OrderLine, taxed: Mapping[str, OrderLine]) -> OrderLine:
    if (of := taxed.get(line.line_id)) is None:
        return line
    return replace(line, tax_class=of.tax_class, vat_rate=of.vat_rate)


def in_place_of(draft: Draft, corrects: Reference, note: Reference, mark: str, *, dispute_id: str) -> Draft:
    """A draft of a corrected supply, in the place of an invoice that a credit note takes back, whose number stands at `mark`.

    Both are named (BG-3): the invoice first, since CII has room for one; a note says it in words.
    """
    statement = replace(draft.statement, corrects=corrects, credited_by=note, dispute_id=dispute_id)
    words = Words(statement.language)
    paper = replace(
        draft.paper,
        type_code=TypeCode(statement.type_code),
        preceding=(
            model.PrecedingInvoice(number=corrects.number, issue_date=corrects.issue_date),
            model.PrecedingInvoice(number=mark, issue_date=note.issue_date),
        ),
        notes=(model.Note(text=words.say("in_place_of", number=corrects.number, note=mark)),),
    )
    return replace(draft, statement=statement, paper=paper)
