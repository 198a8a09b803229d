"""Writes the lines of a UBL document, its allowances and charges, and its totals."""

from decimal import Decimal

from services.documents.formats.ubl.names import OBJECT, VAT
from services.documents.formats.ubl.xml import (
    Currency,
    day,
    group,
    identifier,
    marked,
    number,
    quantity,
    text,
)
from services.documents.formats.xml import Group
from services.documents.formats.xrechnung import sub_lines
from services.documents.model import (
    DocumentAllowance,
    DocumentCharge,
    Identifier,
    Invoice,
    InvoiceLine,
    Item,
    LineAllowance,
    LineCharge,
    Period,
    Price,
    VatBreakdown,
)
from services.documents.model.xrechnung import SubLine, ThirdPartyPayment


def line(what: InvoiceLine, money: Currency, *, credit: bool, extended: bool) -> Group:
    """BG-25, as an invoice's or a credit note's line; `extended` is with its parts (BG-DEX-01)."""
    element: Group = ["cac:CreditNoteLine" if credit else "cac:InvoiceLine"]
    _line(element, what, money, credit=credit, extended=extended)
    return element


def _line(element: Group, what: InvoiceLine | SubLine, money: Currency, *, credit: bool, extended: bool) -> None:
    text(element, "ID", what.id)
    text(element, "Note", what.note)
    quantity(element, "CreditedQuantity" if credit else "InvoicedQuantity", what.quantity, what.unit)
    money.amount(element, "LineExtensionAmount", what.net_amount)
    text(element, "AccountingCost", what.buyer_accounting)
    period(element, what.period)
    if what.order_line is not None:
        text(group(element, "OrderLineReference"), "LineID", what.order_line)
    invoiced_object(element, "DocumentReference", what.object_id)
    for allowance in what.allowances:
        _adjustment(element, allowance, money)
    for charge in what.charges:
        _adjustment(element, charge, money)
    item = _item(element, what.item)
    _vat_category(item, "ClassifiedTaxCategory", what.vat.category, what.vat.rate)
    for attribute in what.item.attributes:
        property_ = group(item, "AdditionalItemProperty")
        text(property_, "Name", attribute.name)
        text(property_, "Value", attribute.value)
    if what.price is not None:
        _price(element, what.price, what.unit, money)
    for part in sub_lines(what) if extended else ():
        name = "SubCreditNoteLine" if credit else "SubInvoiceLine"
        _line(group(element, name), part, money, credit=credit, extended=True)


def payment(root: Group, what: ThirdPartyPayment, money: Currency) -> None:
    """BG-DEX-09."""
    element = group(root, "PrepaidPayment")
    text(element, "ID", what.kind)
    money.amount(element, "PaidAmount", what.amount)
    text(element, "InstructionID", what.description)


def document_adjustment(root: Group, what: DocumentAllowance | DocumentCharge, money: Currency) -> None:
    """BG-20 or BG-21."""
    _vat_category(_adjustment(root, what, money), "TaxCategory", what.vat_category, what.vat_rate)


def totals(root: Group, invoice: Invoice, money: Currency) -> None:
    """BG-23 and BG-22: the breakdown stands before the totals; BT-111 in a TaxTotal of its own, without breakdown."""
    sums = invoice.totals
    tax = group(root, "TaxTotal")
    money.amount(tax, "TaxAmount", sums.vat if sums.vat is not None else Decimal(0))
    for row in invoice.vat_breakdown:
        _breakdown(tax, row, money)
    if sums.vat_accounting is not None and invoice.vat_currency is not None:
        Currency(invoice.vat_currency).amount(group(root, "TaxTotal"), "TaxAmount", sums.vat_accounting)
    element = group(root, "LegalMonetaryTotal")
    money.amount(element, "LineExtensionAmount", sums.lines)
    money.amount(element, "TaxExclusiveAmount", sums.net)
    money.amount(element, "TaxInclusiveAmount", sums.gross)
    money.amount(element, "AllowanceTotalAmount", sums.allowances)
    money.amount(element, "ChargeTotalAmount", sums.charges)
    money.amount(element, "PrepaidAmount", sums.paid)
    money.amount(element, "PayableRoundingAmount", sums.rounding)
    money.amount(element, "PayableAmount", sums.due)


def period(parent: Group, what: Period | None, tax_point_code: str | None = None) -> None:
    """BG-14 or BG-26; the document's own also carries BT-8."""
    if what is None and tax_point_code is None:
        return
    element = group(parent, "InvoicePeriod")
    if what is not None:
        day(element, "StartDate", what.start)
        day(element, "EndDate", what.end)
    text(element, "DescriptionCode", tax_point_code)


def invoiced_object(parent: Group, name: str, value: Identifier | None) -> None:
    """BT-18 or BT-128: a document reference of type 130."""
    if value is not None:
        element = group(parent, name)
        identifier(element, "ID", value)
        text(element, "DocumentTypeCode", OBJECT)


def _breakdown(tax: Group, row: VatBreakdown, money: Currency) -> None:
    element = group(tax, "TaxSubtotal")
    money.amount(element, "TaxableAmount", row.taxable)
    money.amount(element, "TaxAmount", row.tax)
    _vat_category(
        element, "TaxCategory", row.category, row.rate, reason=row.exemption_reason, reason_code=row.exemption_code
    )


def _adjustment(
    parent: Group, what: LineAllowance | LineCharge | DocumentAllowance | DocumentCharge, money: Currency
) -> Group:
    element = group(parent, "AllowanceCharge")
    text(element, "ChargeIndicator", "true" if isinstance(what, LineCharge | DocumentCharge) else "false")
    text(element, "AllowanceChargeReasonCode", what.reason_code)
    text(element, "AllowanceChargeReason", what.reason)
    number(element, "MultiplierFactorNumeric", what.percentage)
    money.amount(element, "Amount", what.amount)
    money.amount(element, "BaseAmount", what.base_amount)
    return element


def _item(parent: Group, what: Item) -> Group:
    element = group(parent, "Item")
    text(element, "Description", what.description)
    text(element, "Name", what.name)
    if what.buyers_id is not None:
        text(group(element, "BuyersItemIdentification"), "ID", what.buyers_id)
    if what.sellers_id is not None:
        text(group(element, "SellersItemIdentification"), "ID", what.sellers_id)
    if what.standard_id is not None:
        identifier(group(element, "StandardItemIdentification"), "ID", what.standard_id)
    if what.origin_country is not None:
        text(group(element, "OriginCountry"), "IdentificationCode", what.origin_country)
    for kind in what.classifications:
        marked(
            group(element, "CommodityClassification"),
            "ItemClassificationCode",
            kind.value,
            listID=kind.scheme,
            listVersionID=kind.scheme_version,
        )
    return element


def _vat_category(
    parent: Group,
    name: str,
    category: str,
    rate: Decimal | None,
    *,
    reason: str | None = None,
    reason_code: str | None = None,
) -> None:
    element = group(parent, name)
    text(element, "ID", str(category))
    number(element, "Percent", rate)
    text(element, "TaxExemptionReasonCode", reason_code)
    text(element, "TaxExemptionReason", reason)
    text(group(element, "TaxScheme"), "ID", VAT)


def _price(parent: Group, what: Price, unit: str | None, money: Currency) -> None:
    element = group(parent, "Price")
    money.amount(element, "PriceAmount", what.net)
    quantity(element, "BaseQuantity", what.base_quantity, what.base_unit or unit)
    if what.discount is not None or what.gross is not None:
        discount = group(element, "AllowanceCharge")
        text(discount, "ChargeIndicator", "false")
        # UBL demands the discount where the gross price stands; a missing one is none.
        money.amount(discount, "Amount", what.discount if what.discount is not None else Decimal(0))
        money.amount(discount, "BaseAmount", what.gross)
