"""Invoices that the tests start from: one for each way in which the sample sellers trade."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from services.documents import line_net, totals
from services.documents.model import (
    Address,
    Attachment,
    Buyer,
    Contact,
    CreditTransfer,
    Delivery,
    DocumentAllowance,
    DocumentCharge,
    Identifier,
    Invoice,
    InvoiceLine,
    Item,
    ItemAttribute,
    LineAllowance,
    LineCharge,
    LineVat,
    Note,
    PaymentInstructions,
    Period,
    PrecedingInvoice,
    Price,
    Seller,
    SupportingDocument,
    TypeCode,
    VatCategory,
)

S, K, G, AE = (
    VatCategory.STANDARD,
    VatCategory.INTRA_COMMUNITY,
    VatCategory.EXPORT,
    VatCategory.REVERSE_CHARGE,
)
ISSUED = date(2026, 3, 2)

SELLER = Seller(
    name="Nordwerk GmbH",
    identifiers=(Identifier(value="4012345000009", scheme="0088"),),
    legal_id=Identifier(value="HRB 123456"),
    vat_id="DE136695976",
    electronic_address=Identifier(value="billing@nordwerk.example", scheme="EM"),
    address=Address(line_1="Speicherstraße 7", city="Hamburg", post_code="20457", country="DE"),
    contact=Contact(name="Rechnungswesen", telephone="+49 40 1234560", email="billing@nordwerk.example"),
)
BUYER = Buyer(
    name="Müller & Söhne KG",
    legal_id=Identifier(value="HRA 4711"),
    vat_id="DE129273398",
    electronic_address=Identifier(value="invoices@mueller.example", scheme="EM"),
    address=Address(line_1="Hauptstraße 1", line_3="Tor 3", city="München", post_code="80331", country="DE"),
)
SWEDISH_BUYER = Buyer(
    name="Åkeri Öst AB",
    legal_id=Identifier(value="5567321707", scheme="0007"),
    vat_id="SE556732170701",
    electronic_address=Identifier(value="7300010000001", scheme="0088"),
    address=Address(line_1="Storgatan 5", city="Malmö", post_code="211 34", country="SE"),
)
SWISS_BUYER = Buyer(
    name="Alpenhandel AG",
    electronic_address=Identifier(value="rechnung@alpenhandel.example", scheme="EM"),
    address=Address(line_1="Bahnhofstrasse 10", city="Zürich", post_code="8001", country="CH"),
)
PAYMENT = PaymentInstructions(
    means="58",
    remittance="RE-2026-000001",
    transfers=(CreditTransfer(account="DE75512108001245126199", account_name="Nordwerk GmbH", bank="SOGEDEFFXXX"),),
)


def a_line(
    id: str = "1",  # noqa: A002 - the field's name
    *,
    quantity: str = "1",
    price: str = "100",
    base: str | None = None,
    category: VatCategory = S,
    rate: str | None = "19",
    allowances: Sequence[LineAllowance] = (),
    charges: Sequence[LineCharge] = (),
    currency: str = "EUR",
    **more: Any,
) -> InvoiceLine:
    """A line whose net amount is right."""
    base_quantity = None if base is None else Decimal(base)
    return InvoiceLine(
        id=id,
        quantity=Decimal(quantity),
        unit="C62",
        net_amount=line_net(
            quantity=Decimal(quantity),
            price=Decimal(price),
            currency=currency,
            base_quantity=base_quantity,
            allowances=allowances,
            charges=charges,
        ),
        price=Price(net=Decimal(price), base_quantity=base_quantity),
        vat=LineVat(category=category, rate=None if rate is None else Decimal(rate)),
        allowances=tuple(allowances),
        charges=tuple(charges),
        **{"item": Item(name="Widget"), **more},
    )


def an_invoice(
    *lines: InvoiceLine,
    allowances: Sequence[DocumentAllowance] = (),
    charges: Sequence[DocumentCharge] = (),
    currency: str = "EUR",
    paid: Decimal | None = None,
    rounding: Decimal | None = None,
    sums: Mapping[str, Any] | None = None,
    **more: Any,
) -> Invoice:
    """A German seller's invoice to a German buyer, added up."""
    lines = lines or (a_line(),)
    calculated = totals(
        lines,
        currency=currency,
        allowances=allowances,
        charges=charges,
        paid=paid,
        rounding=rounding,
        **(sums or {}),
    )
    fields: dict[str, Any] = {
        "number": "RE-2026-000001",
        "issue_date": ISSUED,
        "type_code": TypeCode.INVOICE,
        "due_date": date(2026, 4, 1),
        "seller": SELLER,
        "buyer": BUYER,
        "payment": PAYMENT,
        "delivery": Delivery(delivered_on=date(2026, 2, 27)),
    }
    return Invoice(
        **{**fields, **more},
        currency=currency,
        lines=lines,
        allowances=tuple(allowances),
        charges=tuple(charges),
        totals=calculated.totals,
        vat_breakdown=calculated.vat_breakdown,
    )


def domestic() -> Invoice:
    """Two rates, allowances and charges on lines and document, a price per hundred, an attachment."""
    return an_invoice(
        a_line(
            "1",
            quantity="3",
            price="33.333333",
            allowances=[LineAllowance(amount=Decimal("5.00"), reason="Quantity discount", reason_code="95")],
            item=Item(
                name="Bolts, stainless",
                description="M8 × 40",
                sellers_id="B-840",
                buyers_id="4711",
                standard_id=Identifier(value="4012345678901", scheme="0160"),
                classifications=(Identifier(value="31161600", scheme="TST", scheme_version="19.05"),),
                origin_country="DE",
                attributes=(ItemAttribute(name="Surface", value="A2"),),
            ),
            order_line="10",
            buyer_accounting="KST 4400",
        ),
        a_line(
            "2",
            quantity="250",
            price="12.5",
            base="100",
            rate="7",
            charges=[LineCharge(amount=Decimal("1.50"), reason="Packing")],
            note="Second edition",
            period=Period(start=date(2026, 2, 1), end=date(2026, 2, 28)),
        ),
        a_line("3", quantity="-1", price="10"),
        allowances=[
            DocumentAllowance(
                amount=Decimal("9.00"),
                base_amount=Decimal("90.00"),
                percentage=Decimal(10),
                vat_category=S,
                vat_rate=Decimal(19),
                reason="Loyalty",
            )
        ],
        charges=[DocumentCharge(amount=Decimal("4.90"), vat_category=S, vat_rate=Decimal(19), reason_code="FC")],
        paid=Decimal("20.00"),
        notes=(Note(text="Thank you for your order.", subject="AAI"), Note(text="Goods remain ours until paid.")),
        purchase_order="PO-77",
        sales_order="SO-88",
        contract="C-1",
        project="P-1",
        despatch_advice="LS-9",
        receiving_advice="WE-9",
        tender="LOT-2",
        object_id=Identifier(value="METER-5"),
        buyer_reference="Einkauf",
        buyer_accounting="4400",
        payment_terms="2 % within 10 days, 30 days net",
        supporting=(
            SupportingDocument(
                reference="TS-1",
                description="Time sheet",
                attachment=Attachment(content=b"a,b\n1,2\n", media_type="text/csv", filename="hours.csv"),
            ),
            SupportingDocument(reference="TS-2", location="https://nordwerk.example/ts-2"),
        ),
    )


def intra_community() -> Invoice:
    """To Sweden, without VAT, with the day and the country of delivery that BR-IC-11 and -12 ask for."""
    return an_invoice(
        a_line("1", quantity="40", price="12.95", category=K, rate="0"),
        a_line("2", quantity="2.5", price="7.77", category=K, rate="0"),
        buyer=SWEDISH_BUYER,
        delivery=Delivery(
            delivered_on=date(2026, 2, 27),
            location=Identifier(value="7300010000001", scheme="0088"),
            party_name="Åkeri Öst, lager",
            address=Address(line_1="Hamngatan 1", city="Malmö", post_code="211 22", country="SE"),
        ),
    )


def export() -> Invoice:
    """To Switzerland, in francs, rounded to what coins can pay."""
    return an_invoice(
        a_line("1", quantity="7", price="14.333", category=G, rate="0", currency="CHF"),
        currency="CHF",
        rounding=Decimal("0.02"),
        buyer=SWISS_BUYER,
        payment=replace(PAYMENT, means="30"),
    )


def reverse_charge() -> Invoice:
    """A service to a business in Sweden, which owes the VAT itself."""
    return an_invoice(
        a_line("1", quantity="12.5", price="110", category=AE, rate="0", item=Item(name="Installation, hours")),
        buyer=SWEDISH_BUYER,
        period=Period(start=date(2026, 2, 1), end=date(2026, 2, 28)),
    )


def credit_note() -> Invoice:
    """One of the domestic invoice's lines comes back, at the rate at which it was sold."""
    [sold, *_] = domestic().lines
    returned = replace(
        sold,
        quantity=Decimal(1),
        allowances=(),
        net_amount=line_net(quantity=Decimal(1), price=sold.price.net, currency="EUR"),
    )
    return an_invoice(
        returned,
        number="GS-2026-000001",
        type_code=TypeCode.CREDIT_NOTE,
        preceding=(PrecedingInvoice(number="RE-2026-000001", issue_date=ISSUED),),
        project="P-1",
        tender="LOT-2",
    )


GOLDEN = {
    "domestic": domestic,
    "intra_community": intra_community,
    "export": export,
    "reverse_charge": reverse_charge,
    "credit_note": credit_note,
}
