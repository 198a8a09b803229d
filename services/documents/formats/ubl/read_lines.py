"""Reads the lines of a UBL document, its allowances and charges, and its totals."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypedDict

from lxml import etree

from services.documents.formats.ubl.names import CBC
from services.documents.formats.ubl.read_xml import (
    basic,
    category,
    counted,
    day,
    group,
    groups,
    identifier,
    needed,
    number,
    said,
    text,
    unreadable,
)
from services.documents.formats.xrechnung import with_sub_lines
from services.documents.model import (
    DocumentAllowance,
    DocumentCharge,
    DocumentTotals,
    Identifier,
    InvoiceLine,
    Item,
    ItemAttribute,
    Json,
    LineAllowance,
    LineCharge,
    LineVat,
    Period,
    Price,
    VatBreakdown,
)
from services.documents.model.xrechnung import SubLine, ThirdPartyPayment


def lines(root: etree._Element, *, credit: bool, places: int) -> tuple[InvoiceLine, ...]:
    """BG-25; the parts of a line (BG-DEX-01) with so many decimals."""
    name, quantity = ("CreditNoteLine", "CreditedQuantity") if credit else ("InvoiceLine", "InvoicedQuantity")
    return tuple(_line(element, quantity, places) for element in groups(root, name))


def payments(root: etree._Element) -> list[ThirdPartyPayment]:
    """BG-DEX-09."""
    return [
        ThirdPartyPayment(
            kind=said(element, "ID"),
            amount=counted(element, "PaidAmount"),
            description=said(element, "InstructionID"),
        )
        for element in groups(root, "PrepaidPayment")
        if text(element, "InstructionID") is not None  # else it is no claim of somebody else
    ]


def allowances(root: etree._Element) -> tuple[DocumentAllowance, ...]:
    """BG-20."""
    return tuple(DocumentAllowance(**_document_adjustment(each)) for each in _adjustments(root, charge=False))


def charges(root: etree._Element) -> tuple[DocumentCharge, ...]:
    """BG-21."""
    return tuple(DocumentCharge(**_document_adjustment(each)) for each in _adjustments(root, charge=True))


def totals(root: etree._Element, currency: str, vat_currency: str | None) -> DocumentTotals:
    """BG-22; the VAT in each currency stands in a TaxTotal of its own."""
    sums = needed(root, "LegalMonetaryTotal")
    return DocumentTotals(
        lines=counted(sums, "LineExtensionAmount"),
        allowances=number(sums, "AllowanceTotalAmount"),
        charges=number(sums, "ChargeTotalAmount"),
        net=counted(sums, "TaxExclusiveAmount"),
        vat=_tax_in(root, currency),
        # In the document's own currency BT-111 would only say BT-110 again.
        vat_accounting=None if vat_currency in (None, currency) else _tax_in(root, vat_currency),
        gross=counted(sums, "TaxInclusiveAmount"),
        paid=number(sums, "PrepaidAmount"),
        rounding=number(sums, "PayableRoundingAmount"),
        due=counted(sums, "PayableAmount"),
    )


def vat_breakdown(root: etree._Element) -> tuple[VatBreakdown, ...]:
    """BG-23."""
    return tuple(_row(element) for element in groups(root, "TaxTotal", "TaxSubtotal"))


def period(element: etree._Element) -> Period | None:
    """BG-14 or BG-26; a period that only carries BT-8 is none."""
    found = group(element, "InvoicePeriod")
    start, end = day(found, "StartDate"), day(found, "EndDate")
    if found is None or (start is end is None and text(found, "DescriptionCode") is not None):
        return None
    return Period(start=start, end=end)


class _Common(TypedDict):
    """What a line and a part of it have in common."""

    id: str
    note: str | None
    object_id: Identifier | None
    net_amount: Decimal
    order_line: str | None
    buyer_accounting: str | None
    period: Period | None
    allowances: tuple[LineAllowance, ...]
    charges: tuple[LineCharge, ...]
    vat: LineVat
    item: Item
    extensions: Mapping[str, Json]


def _line(element: etree._Element, quantity: str, places: int) -> InvoiceLine:
    amount = basic(element, quantity)
    unit = None if amount is None else (amount.get("unitCode") or None)
    if unit is None:
        raise unreadable(element, f"{quantity}, or its unit, is missing")
    return InvoiceLine(
        **_common(element, quantity, places),
        quantity=counted(element, quantity),
        unit=unit,
        price=_price(needed(element, "Price"), unit),
    )


def _part(element: etree._Element, quantity: str, places: int) -> SubLine:
    amount, price = basic(element, quantity), group(element, "Price")
    unit = None if amount is None else (amount.get("unitCode") or None)
    return SubLine(
        **_common(element, quantity, places),
        quantity=number(element, quantity),
        unit=unit,
        price=None if price is None else _price(price, unit),
    )


def _common(element: etree._Element, quantity: str, places: int) -> _Common:
    item = needed(element, "Item")
    vat = needed(item, "ClassifiedTaxCategory")
    parts = (*groups(element, "SubInvoiceLine"), *groups(element, "SubCreditNoteLine"))
    return {
        "id": said(element, "ID"),
        "note": text(element, "Note"),
        "object_id": identifier(group(element, "DocumentReference")),
        "net_amount": counted(element, "LineExtensionAmount"),
        "order_line": text(group(element, "OrderLineReference"), "LineID"),
        "buyer_accounting": text(element, "AccountingCost"),
        "period": period(element),
        "allowances": tuple(LineAllowance(**_adjustment(each)) for each in _adjustments(element, charge=False)),
        "charges": tuple(LineCharge(**_adjustment(each)) for each in _adjustments(element, charge=True)),
        "vat": LineVat(category=category(vat), rate=number(vat, "Percent")),
        "item": _item(item),
        "extensions": with_sub_lines((_part(each, quantity, places) for each in parts), places),
    }


def _item(element: etree._Element) -> Item:
    return Item(
        name=said(element, "Name"),
        description=text(element, "Description"),
        sellers_id=text(group(element, "SellersItemIdentification"), "ID"),
        buyers_id=text(group(element, "BuyersItemIdentification"), "ID"),
        standard_id=identifier(group(element, "StandardItemIdentification")),
        classifications=tuple(_classification(each) for each in groups(element, "CommodityClassification")),
        origin_country=text(group(element, "OriginCountry"), "IdentificationCode"),
        attributes=tuple(
            ItemAttribute(name=said(each, "Name"), value=said(each, "Value"))
            for each in groups(element, "AdditionalItemProperty")
        ),
    )


def _classification(element: etree._Element) -> Identifier:
    code = element.find(CBC + "ItemClassificationCode")
    value = said(element, "ItemClassificationCode")
    return Identifier(
        value=value,
        scheme=None if code is None else (code.get("listID") or None),
        scheme_version=None if code is None else (code.get("listVersionID") or None),
    )


def _price(element: etree._Element, unit: str | None) -> Price:
    """BG-29; UBL demands a discount beside each gross price, so a discount of nothing is none."""
    discount, base = group(element, "AllowanceCharge"), basic(element, "BaseQuantity")
    base_unit = None if base is None else (base.get("unitCode") or None)
    return Price(
        net=counted(element, "PriceAmount"),
        discount=number(discount, "Amount") or None,
        gross=number(discount, "BaseAmount"),
        base_quantity=number(element, "BaseQuantity"),
        base_unit=None if base_unit == unit else base_unit,
    )


def _adjustments(element: etree._Element, *, charge: bool) -> list[etree._Element]:
    wanted = ("true", "1") if charge else ("false", "0")
    return [each for each in groups(element, "AllowanceCharge") if text(each, "ChargeIndicator") in wanted]


def _adjustment(element: etree._Element) -> dict[str, Any]:
    return {
        "amount": counted(element, "Amount"),
        "base_amount": number(element, "BaseAmount"),
        "percentage": number(element, "MultiplierFactorNumeric"),
        "reason": text(element, "AllowanceChargeReason"),
        "reason_code": text(element, "AllowanceChargeReasonCode"),
    }


def _document_adjustment(element: etree._Element) -> dict[str, Any]:
    vat = needed(element, "TaxCategory")
    return {**_adjustment(element), "vat_category": category(vat), "vat_rate": number(vat, "Percent")}


def _row(element: etree._Element) -> VatBreakdown:
    vat = needed(element, "TaxCategory")
    return VatBreakdown(
        taxable=counted(element, "TaxableAmount"),
        tax=counted(element, "TaxAmount"),
        category=category(vat),
        rate=number(vat, "Percent"),
        exemption_reason=text(vat, "TaxExemptionReason"),
        exemption_code=text(vat, "TaxExemptionReasonCode"),
    )


def _tax_in(root: etree._Element, currency: str | None) -> Decimal | None:
    for element in groups(root, "TaxTotal"):
        amount = basic(element, "TaxAmount")
        if amount is not None and amount.get("currencyID") == currency:
            return number(element, "TaxAmount")
    return None
