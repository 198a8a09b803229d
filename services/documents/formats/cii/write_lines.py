"""Writes the lines of a CII document, and what they share with the whole: periods, allowances, references."""

from decimal import Decimal

from services.documents.formats.cii.names import OBJECT, VAT
from services.documents.formats.cii.write_xml import Currency, day, group, marked, number, quantity, text
from services.documents.formats.xml import Group
from services.documents.model import (
    DocumentAllowance,
    DocumentCharge,
    Identifier,
    InvoiceLine,
    Item,
    LineAllowance,
    LineCharge,
    Period,
)


def line(what: InvoiceLine, money: Currency) -> Group:
    """BG-25."""
    element: Group = ["ram:IncludedSupplyChainTradeLineItem"]
    document = group(element, "AssociatedDocumentLineDocument")
    text(document, "LineID", what.id)
    text(document, "IncludedNote/Content", what.note)
    _item(group(element, "SpecifiedTradeProduct"), what.item)
    agreement = group(element, "SpecifiedLineTradeAgreement")
    text(agreement, "BuyerOrderReferencedDocument/LineID", what.order_line)
    _price(agreement, what, money)
    quantity(element, "SpecifiedLineTradeDelivery/BilledQuantity", what.quantity, what.unit)
    settlement = group(element, "SpecifiedLineTradeSettlement")
    category(group(settlement, "ApplicableTradeTax"), what.vat.category, what.vat.rate)
    period(settlement, what.period)
    for allowance in what.allowances:
        adjustment(settlement, allowance, money)
    for charge in what.charges:
        adjustment(settlement, charge, money)
    money.amount(settlement, "SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount", what.net_amount)
    reference(settlement, what.object_id, OBJECT)
    text(settlement, "ReceivableSpecifiedTradeAccountingAccount/ID", what.buyer_accounting)
    return element


def period(parent: Group, what: Period | None) -> None:
    """BG-14 or BG-26."""
    if what is not None:
        element = group(parent, "BillingSpecifiedPeriod")
        day(element, "StartDateTime/udt:DateTimeString", what.start)
        day(element, "EndDateTime/udt:DateTimeString", what.end)


def adjustment(
    parent: Group, what: LineAllowance | LineCharge | DocumentAllowance | DocumentCharge, money: Currency
) -> Group:
    """BG-20, BG-21, BG-27 or BG-28."""
    element = group(parent, "SpecifiedTradeAllowanceCharge")
    is_charge = isinstance(what, LineCharge | DocumentCharge)
    text(element, "ChargeIndicator/udt:Indicator", "true" if is_charge else "false")
    number(element, "CalculationPercent", what.percentage)
    money.amount(element, "BasisAmount", what.base_amount)
    money.amount(element, "ActualAmount", what.amount)
    text(element, "ReasonCode", what.reason_code)
    text(element, "Reason", what.reason)
    return element


def category(element: Group, code: str, rate: Decimal | None) -> None:
    """How VAT treats something."""
    text(element, "TypeCode", VAT)
    text(element, "CategoryCode", str(code))
    number(element, "RateApplicablePercent", rate)


def reference(parent: Group, value: Identifier | None, type_code: str) -> None:
    """A document that is only named: BT-17, BT-18 or BT-128."""
    if value is not None:
        element = group(parent, "AdditionalReferencedDocument")
        text(element, "IssuerAssignedID", value.value)
        text(element, "TypeCode", type_code)
        text(element, "ReferenceTypeCode", value.scheme)


def _item(product: Group, what: Item) -> None:
    if what.standard_id is not None:
        marked(product, "GlobalID", what.standard_id.value, schemeID=what.standard_id.scheme)
    text(product, "SellerAssignedID", what.sellers_id)
    text(product, "BuyerAssignedID", what.buyers_id)
    text(product, "Name", what.name)
    text(product, "Description", what.description)
    for attribute in what.attributes:
        property_ = group(product, "ApplicableProductCharacteristic")
        text(property_, "Description", attribute.name)
        text(property_, "Value", attribute.value)
    for kind in what.classifications:
        marked(
            product,
            "DesignatedProductClassification/ClassCode",
            kind.value,
            listID=kind.scheme,
            listVersionID=kind.scheme_version,
        )
    text(product, "OriginTradeCountry/ID", what.origin_country)


def _price(agreement: Group, what: InvoiceLine, money: Currency) -> None:
    price = what.price
    unit = price.base_unit or what.unit
    if price.gross is not None:
        gross = group(agreement, "GrossPriceProductTradePrice")
        money.amount(gross, "ChargeAmount", price.gross)
        quantity(gross, "BasisQuantity", price.base_quantity, unit)
        if price.discount is not None:
            discount = group(gross, "AppliedTradeAllowanceCharge")
            text(discount, "ChargeIndicator/udt:Indicator", "false")
            money.amount(discount, "ActualAmount", price.discount)
    net = group(agreement, "NetPriceProductTradePrice")
    money.amount(net, "ChargeAmount", price.net)
    quantity(net, "BasisQuantity", price.base_quantity, unit)
