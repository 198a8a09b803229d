"""Reads the lines of a CII document, and what they share with the whole: periods, allowances, references."""

from decimal import Decimal
from typing import Any

from lxml import etree

from services.documents.formats.cii.names import OBJECT
from services.documents.formats.cii.read_xml import (
    category,
    counted,
    day,
    group,
    groups,
    identifier,
    is_true,
    needed,
    number,
    said,
    text,
    unreadable,
)
from services.documents.model import (
    Identifier,
    InvoiceLine,
    Item,
    ItemAttribute,
    LineAllowance,
    LineCharge,
    LineVat,
    Period,
    Price,
)


def lines(trade: etree._Element) -> tuple[InvoiceLine, ...]:
    """BG-25."""
    return tuple(_line(element) for element in groups(trade, "IncludedSupplyChainTradeLineItem"))


def period(parent: etree._Element) -> Period | None:
    """BG-14 or BG-26."""
    if (element := group(parent, "BillingSpecifiedPeriod")) is None:
        return None
    return Period(
        start=day(element, "StartDateTime/udt:DateTimeString"), end=day(element, "EndDateTime/udt:DateTimeString")
    )


def adjustments(parent: etree._Element, *, charge: bool) -> list[etree._Element]:
    """The allowances, or the charges, of a line or a document."""
    return [each for each in groups(parent, "SpecifiedTradeAllowanceCharge") if is_true(each) is charge]


def adjustment(element: etree._Element) -> dict[str, Any]:
    """What an allowance or a charge says."""
    return {
        "amount": counted(element, "ActualAmount"),
        "base_amount": number(element, "BasisAmount"),
        "percentage": number(element, "CalculationPercent"),
        "reason": text(element, "Reason"),
        "reason_code": text(element, "ReasonCode"),
    }


def invoiced_object(parent: etree._Element, type_code: str) -> Identifier | None:
    """BT-18 or BT-128: the first additional document of the type."""
    for element in groups(parent, "AdditionalReferencedDocument"):
        if text(element, "TypeCode") == type_code and (value := text(element, "IssuerAssignedID")) is not None:
            return Identifier(value=value, scheme=text(element, "ReferenceTypeCode"))
    return None


def _line(element: etree._Element) -> InvoiceLine:
    document, settlement = (
        needed(element, "AssociatedDocumentLineDocument"),
        needed(element, "SpecifiedLineTradeSettlement"),
    )
    quantity = needed(element, "SpecifiedLineTradeDelivery/BilledQuantity")
    if not (unit := quantity.get("unitCode")):
        raise unreadable(quantity, "its unit is missing")
    vat = needed(settlement, "ApplicableTradeTax")
    return InvoiceLine(
        id=said(document, "LineID"),
        note=text(document, "IncludedNote/Content"),
        object_id=invoiced_object(settlement, OBJECT),
        quantity=counted(element, "SpecifiedLineTradeDelivery/BilledQuantity"),
        unit=unit,
        net_amount=counted(settlement, "SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount"),
        order_line=text(element, "SpecifiedLineTradeAgreement/BuyerOrderReferencedDocument/LineID"),
        buyer_accounting=text(settlement, "ReceivableSpecifiedTradeAccountingAccount/ID"),
        period=period(settlement),
        allowances=tuple(LineAllowance(**adjustment(each)) for each in adjustments(settlement, charge=False)),
        charges=tuple(LineCharge(**adjustment(each)) for each in adjustments(settlement, charge=True)),
        price=_price(needed(element, "SpecifiedLineTradeAgreement"), unit),
        vat=LineVat(category=category(vat), rate=number(vat, "RateApplicablePercent")),
        item=_item(needed(element, "SpecifiedTradeProduct")),
    )


def _item(product: etree._Element) -> Item:
    return Item(
        name=said(product, "Name"),
        description=text(product, "Description"),
        sellers_id=text(product, "SellerAssignedID"),
        buyers_id=text(product, "BuyerAssignedID"),
        standard_id=identifier(group(product, "GlobalID")),
        classifications=tuple(
            Identifier(value=value, scheme=code.get("listID") or None, scheme_version=code.get("listVersionID") or None)
            for code in groups(product, "DesignatedProductClassification/ClassCode")
            if (value := (code.text or "").strip())
        ),
        origin_country=text(product, "OriginTradeCountry/ID"),
        attributes=tuple(
            ItemAttribute(name=said(each, "Description"), value=said(each, "Value"))
            for each in groups(product, "ApplicableProductCharacteristic")
        ),
    )


def _price(agreement: etree._Element, unit: str) -> Price:
    """BG-29; the base quantity stands with the net price, or with the gross price only."""
    net, gross = needed(agreement, "NetPriceProductTradePrice"), group(agreement, "GrossPriceProductTradePrice")
    base = group(net, "BasisQuantity")
    if base is None:
        base = group(gross, "BasisQuantity")
    base_unit = None if base is None else (base.get("unitCode") or None)
    discounts: list[Decimal] = [
        counted(each, "ActualAmount") for each in groups(gross, "AppliedTradeAllowanceCharge") if not is_true(each)
    ]
    return Price(
        net=counted(net, "ChargeAmount"),
        discount=sum(discounts, start=Decimal(0)) or None,
        gross=number(gross, "ChargeAmount"),
        base_quantity=number(net, "BasisQuantity") or number(gross, "BasisQuantity"),
        base_unit=None if base_unit == unit else base_unit,
    )
