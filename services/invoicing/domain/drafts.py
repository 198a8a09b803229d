"""Drafts: an invoice as it will look but for its number, from the order, the shipment and what was agreed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from services import documents
from services.documents import Exemption, Finding, Severity, model
from services.documents.model import TypeCode, VatCategory
from services.documents.totals import NO_EXEMPTION, STANDARD_EXEMPTIONS
from services.documents.words import Words
from services.invoicing.domain import ordered, sales_tax, tax
from services.invoicing.domain.numbers import PLACEHOLDER, Series, series_of
from services.invoicing.domain.parties import Buyer, Company, Contract, Seller, language_between
from services.invoicing.domain.statements import Kind, Line, Statement, VatRow
from services.kernel.money import Money
from services.kernel.orders import Address, Order, OrderLine

_TRANSFER, _SEPA_TRANSFER = "30", "58"  # UNTDID 4461
# Whose accounts SEPA reaches, by the IBAN's first letters; a transfer to another is an ordinary one.
_SEPA = frozenset(
    """AD AL AT BE BG CH CY CZ DE DK EE ES FI FR GB GI GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS SE SI
    SK SM VA""".split()
)
LARGE_LINES = 500  # above which a draft is prepared by itself, beside the others
ZERO = Decimal(0)
# The categories in which no VAT is due, and the law wants to know why.
_UNTAXED = (*STANDARD_EXEMPTIONS, VatCategory.EXEMPT)


@dataclass(frozen=True, slots=True)
class Draft:
    """A document before it is issued: what it says, how it will look, and where it will be numbered."""

    statement: Statement
    # In the name of no profile.
    paper: model.Invoice
    series: Series
    # What the VAT of a credit note takes beside its own rounding, by category and rate, of what is left of its invoice.
    residues: Mapping[tuple[VatCategory, Decimal | None], Decimal] = field(default_factory=dict)

    @property
    def claimed(self) -> model.Invoice:
        """The paper in the name of its form's profile."""
        return documents.claim(self.paper, self.statement.form.profile)


@dataclass(frozen=True, slots=True)
class Supply:
    """What is to be invoiced, to whom and on what terms."""

    seller: Seller
    buyer: Buyer
    contract: Contract
    order: Order
    # Empty if invoiced on approval.
    shipment_id: str
    quantities: Sequence[tuple[OrderLine, Decimal]]
    # Decides the rates (BT-72).
    delivered_on: date
    # Where it went; None: to the buyer's address.
    ship_to: Address | None = None
    # What had left of its lines in shipments before.
    before: Mapping[str, Decimal] = field(default_factory=dict)
    # How often prices of the order were corrected before it was invoiced.
    price_corrections: int = 0

    @property
    def deal(self) -> tax.Deal:
        """What VAT asks about it."""
        seller, buyer = self.seller.company, self.buyer.company
        return tax.Deal(
            seller_country=seller.country,
            seller_vat_id=seller.vat_id,
            buyer_country=buyer.country,
            buyer_vat_id=buyer.vat_id,
            ship_to=self.ship_to.country if self.ship_to else buyer.country,
            on=self.delivered_on,
        )


def invoice(supply: Supply, *, draft_id: str, issue_date: date) -> Draft:
    """Draft the invoice of a supply, taxed as ordered and at the rates of the day of delivery."""
    currency = supply.order.net.currency
    language = language_between(supply.seller, supply.contract)
    words = Words(language)
    lines = _lines(supply, words)
    # What is outside the scope of VAT bears no VAT id of anybody (BR-O-02).
    untaxed = any(line.vat.category is VatCategory.OUTSIDE_SCOPE for line in lines)
    seller, buyer = (
        replace(company, vat_id="") if untaxed else company for company in (supply.seller.company, supply.buyer.company)
    )
    paper = _paper(supply, lines, (seller, buyer), issue_date, words)
    net, vat, gross = amounts(paper)
    statement = Statement(
        tenant=supply.seller.tenant,
        document_id=draft_id,
        kind=Kind.INVOICE,
        number="",
        seller_id=supply.seller.seller_id,
        account_id=supply.order.account_id,
        order_id=supply.order.order_id,
        shipment_id=supply.shipment_id,
        invoice_id="",
        invoice_number="",
        dispute_id="",
        final=False,
        issue_date=issue_date,
        due_date=paper.due_date,
        delivery_date=supply.delivered_on,
        net=net,
        tax=vat,
        gross=gross,
        lines=_stated(supply, lines, currency),
        vat=vat_rows(paper),
        scope=supply.order.scope,
        seller=seller,
        buyer=buyer,
        form=supply.contract.form,
        language=language,
        rounding_minor=rounding_minor(paper),
        ship_to=_elsewhere(supply),
    )
    return Draft(statement, paper, series_of(supply.seller, Kind.INVOICE, issue_date))


def _lines(supply: Supply, words: Words) -> tuple[model.InvoiceLine, ...]:
    """The goods and services, and after them the sales tax, if the seller owes any."""
    currency = supply.order.net.currency
    treated = ordered.treat(supply.order, supply.deal, supply.seller.other_rates).by_line
    lines = tuple(
        _after(
            supply.before.get(line.line_id, ZERO),
            _line(str(nth), line, quantity, _vat(treated[line.line_id]), currency),
            currency,
            words,
        )
        for nth, (line, quantity) in enumerate(supply.quantities, start=1)
    )
    if not ordered.is_sales_tax(supply.order, supply.deal):
        return lines
    due = sales_tax.SERVICE.tax_of(supply.order, supply.quantities, supply.before)
    return (*lines, sales_tax.line(str(len(lines) + 1), due)) if due.minor else lines


def _stated(supply: Supply, lines: Sequence[model.InvoiceLine], currency: str) -> tuple[Line, ...]:
    told = [line for line, _ in supply.quantities]
    goods = [
        stated_line(line, currency, order_line_id=of.line_id, sku=of.sku)
        for line, of in zip(lines, told, strict=False)  # the sales tax, if there is any, is of no line
    ]
    return (*goods, *(sales_tax.stated(line, currency) for line in lines[len(told) :]))


# What is left to differ where every line has the rate that was ordered.
ROUNDED = Finding("BT-110", Severity.WARNING, "VAT is rounded on each invoice of the order by itself", "BT-110")


def differences(supply: Supply) -> tuple[Finding, ...]:
    """Where the VAT of this supply's order is not what was ordered."""
    return ordered.treat(supply.order, supply.deal, supply.seller.other_rates).findings


def _elsewhere(supply: Supply) -> Address | None:
    """Where the goods went, if elsewhere than the buyer's address."""
    company = supply.buyer.company
    home = Address(company.street, company.city, company.post_code, "", company.country)
    return None if supply.ship_to == home else supply.ship_to


def _paper(
    supply: Supply,
    lines: tuple[model.InvoiceLine, ...],
    parties: tuple[Company, Company],
    issue_date: date,
    words: Words,
) -> model.Invoice:
    order, (seller, buyer) = supply.order, parties
    calculated = documents.totals(lines, currency=order.net.currency, exemptions=exemptions(words))
    due_date = issue_date + timedelta(days=supply.contract.net_days)
    return model.Invoice(
        number=PLACEHOLDER,
        issue_date=issue_date,
        type_code=TypeCode.INVOICE,
        currency=order.net.currency,
        due_date=due_date,
        payment_terms=words.say("payable_by", day=words.day(due_date)),
        buyer_reference=supply.contract.buyer_reference or None,
        purchase_order=order.scope.purchase_order or None,
        sales_order=order.order_id,
        despatch_advice=supply.shipment_id or None,
        buyer_accounting=order.scope.cost_centre or None,
        seller=seller_party(supply.seller, seller),
        buyer=buyer_party(order.account_id, buyer),
        delivery=model.Delivery(delivered_on=supply.delivered_on, address=delivery_address(supply.ship_to, buyer)),
        payment=_payment(supply.seller, order.net.currency),
        totals=calculated.totals,
        vat_breakdown=calculated.vat_breakdown,
        lines=lines,
    )


def exemptions(words: Words) -> dict[VatCategory, Exemption]:
    """Why no VAT is due (BT-120, BT-121), in the language of the document."""
    return {
        category: Exemption(words[f"exempt_{category}"], STANDARD_EXEMPTIONS.get(category, NO_EXEMPTION).code)
        for category in _UNTAXED
    }


def check_taxable(supply: Supply) -> None:
    """Refuse a supply whose goods or rates the tax tables do not know, before anybody draws an invoice of it."""
    ordered.check(supply.order, supply.deal, supply.seller.other_rates)


def stated_line(
    line: model.InvoiceLine, currency: str, *, order_line_id: str, sku: str, invoice_line_id: str = ""
) -> Line:
    """What a document's line says."""
    return Line(
        line_id=line.id,
        order_line_id=order_line_id,
        invoice_line_id=invoice_line_id,
        sku=sku,
        name=line.item.name,
        quantity=line.quantity,
        unit=line.unit,
        unit_price=line.price.net,
        net=Money.of(line.net_amount, currency),
        vat_category=line.vat.category,
        vat_rate=line.vat.rate,
        allowance_minor=Money.of(
            sum((allowance.amount for allowance in line.allowances), start=ZERO)
            - sum((charge.amount for charge in line.charges), start=ZERO),
            currency,
        ).minor,
        asset_id=line.object_id.value if line.object_id else "",
    )


def rounding_minor(paper: model.Invoice) -> int:
    """BT-114."""
    return Money.of(paper.totals.rounding or ZERO, paper.currency).minor


def with_net(line: model.InvoiceLine, net: Decimal, words: Words) -> model.InvoiceLine:
    """A part of something, for what the other parts leave to it: a cent less or more than its own rounding."""
    less = line.net_amount - net
    if less > 0:
        return replace(line, net_amount=net, allowances=(model.LineAllowance(amount=less, reason=words["residue"]),))
    if less < 0:
        return replace(line, net_amount=net, charges=(model.LineCharge(amount=-less, reason=words["residue"]),))
    return line


def amounts(paper: model.Invoice) -> tuple[Money, Money, Money]:
    """What the document adds up to: net, tax, gross."""
    sums = paper.totals
    return (
        Money.of(sums.net, paper.currency),
        Money.of(sums.vat or Decimal(0), paper.currency),
        Money.of(sums.gross, paper.currency),
    )


def vat_rows(paper: model.Invoice) -> tuple[VatRow, ...]:
    """The document's VAT by category and rate."""
    return tuple(
        VatRow(
            category=row.category,
            rate=row.rate,
            taxable=Money.of(row.taxable, paper.currency),
            tax=Money.of(row.tax, paper.currency),
            exemption_code=row.exemption_code or "",
            exemption_text=row.exemption_reason or "",
        )
        for row in paper.vat_breakdown
    )


def seller_party(seller: Seller, company: Company) -> model.Seller:
    """BG-4."""
    contact = model.Contact(
        name=seller.contact_name or None, telephone=seller.contact_phone or None, email=seller.contact_email or None
    )
    return model.Seller(
        name=company.name,
        legal_id=identifier(company.legal_id),
        vat_id=company.vat_id or None,
        electronic_address=identifier(company.electronic_address, company.electronic_address_scheme),
        address=address(company),
        contact=None if contact == model.Contact() else contact,
    )


def buyer_party(account_id: str, company: Company) -> model.Buyer:
    """BG-7, with the account as what the seller calls the buyer."""
    return model.Buyer(
        name=company.name,
        identifier=identifier(account_id),
        legal_id=identifier(company.legal_id),
        vat_id=company.vat_id or None,
        electronic_address=identifier(company.electronic_address, company.electronic_address_scheme),
        address=address(company),
    )


def _vat(treatment: tax.VatTreatment) -> model.LineVat:
    return model.LineVat(category=treatment.category, rate=treatment.rate)


def _after(before: Decimal, line: model.InvoiceLine, currency: str, words: Words) -> model.InvoiceLine:
    """The line after so much of it was invoiced before: all its parts come to the order's line, rounded once."""
    if not before:
        return line

    def cost(quantity: Decimal) -> Decimal:
        return documents.line_net(quantity=quantity, price=line.price.net, currency=currency)

    return with_net(line, cost(before + line.quantity) - cost(before), words)


def _line(line_id: str, line: OrderLine, quantity: Decimal, vat: model.LineVat, currency: str) -> model.InvoiceLine:
    return model.InvoiceLine(
        id=line_id,
        object_id=identifier(line.asset_id),
        quantity=quantity,
        unit=line.unit,
        net_amount=documents.line_net(quantity=quantity, price=line.unit_price, currency=currency),
        price=model.Price(net=line.unit_price),
        vat=vat,
        item=model.Item(name=line.name, sellers_id=line.sku or None),
    )


def _payment(seller: Seller, currency: str) -> model.PaymentInstructions:
    sepa = currency == "EUR" and seller.iban[:2] in _SEPA
    return model.PaymentInstructions(
        means=_SEPA_TRANSFER if sepa else _TRANSFER,
        remittance=PLACEHOLDER,
        transfers=(
            model.CreditTransfer(
                account=seller.iban or seller.account_number,
                account_name=seller.company.name,
                bank=(seller.bic if seller.iban else seller.routing_number) or None,
            ),
        ),
    )


def identifier(value: str, scheme: str = "") -> model.Identifier | None:
    """An id as documents have it; None where there is none."""
    return model.Identifier(value=value, scheme=scheme or None) if value else None


def address(company: Company) -> model.Address:
    """BG-5 and BG-8: where the company is."""
    return model.Address(
        line_1=company.street or None,
        city=company.city or None,
        post_code=company.post_code or None,
        country=company.country,
    )


def delivery_address(ship_to: Address | None, buyer: Company) -> model.Address:
    """BG-15: where the goods went."""
    if ship_to is None:
        return address(buyer)
    return model.Address(
        line_1=ship_to.street or None,
        city=ship_to.city or None,
        post_code=ship_to.post_code or None,
        subdivision=ship_to.region or None,
        country=ship_to.country,
    )
