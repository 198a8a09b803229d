"""What is written as UBL is read back as the same values; what is no UBL is refused."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings

from services.documents import OfficialRules, Schema, check, read, write
from services.documents.model import (
    CreditTransfer,
    DirectDebit,
    Identifier,
    Invoice,
    Payee,
    PaymentCard,
    PaymentInstructions,
    Period,
    PrecedingInvoice,
    Price,
    ProcessControl,
    TaxRepresentative,
    TypeCode,
)
from services.kernel.refusals import Invalid
from tests.unit.documents.examples import (
    BUYER,
    GOLDEN,
    PAYMENT,
    SELLER,
    a_line,
    an_invoice,
    credit_note,
    domestic,
)
from tests.unit.documents.sketches import Sketch, invoice, sketches


def all_that_the_core_holds() -> Invoice:
    """Every term that the golden documents lack."""
    return an_invoice(
        a_line(
            "1",
            object_id=Identifier(value="SUB-1", scheme="ABT"),
        ),
        replace(
            a_line("2", price="90"),
            price=Price(
                net=Decimal(90), gross=Decimal(100), discount=Decimal(10), base_quantity=Decimal(1), base_unit=None
            ),
        ),
        sums={"vat_accounting": Decimal("402.13")},
        vat_currency="SEK",
        tax_point_code="35",
        period=Period(start=date(2026, 2, 1)),
        sales_order="SO-1",
        type_code=TypeCode.CORRECTED,
        process=ProcessControl(business_process="urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"),
        preceding=(PrecedingInvoice(number="RE-1"), PrecedingInvoice(number="RE-2", issue_date=date(2026, 1, 1))),
        seller=replace(
            SELLER, trading_name="Nordwerk", tax_id="22/815/08154", legal_information="Stammkapital 25.000 €"
        ),
        buyer=replace(BUYER, trading_name="Müller", identifier=Identifier(value="4711")),
        payee=Payee(
            name="Factor Bank AG",
            identifier=Identifier(value="FB-1"),
            legal_id=Identifier(value="HRB 1", scheme="0002"),
        ),
        tax_representative=TaxRepresentative(name="Fiskal GmbH", vat_id="DE999999999", address=SELLER.address),
        payment=PaymentInstructions(
            means="59",
            means_text="SEPA direct debit",
            remittance="RF18539007547034",
            transfers=(CreditTransfer(account="DE75512108001245126199"), CreditTransfer(account="12345", bank="X")),
            card=PaymentCard(number="123456", holder="M. Müller"),
            direct_debit=DirectDebit(
                mandate="M-1", creditor_id="DE98ZZZ09999999999", debited_account="DE02100100100006820101"
            ),
        ),
    )


@pytest.mark.parametrize("document", [*(make() for make in GOLDEN.values()), all_that_the_core_holds()])
def test_a_document_is_read_back_as_it_was_written(document: Invoice) -> None:
    assert read(write(document)) == document


def test_all_that_the_core_holds_is_valid(schema: Schema, official: OfficialRules) -> None:
    xml = write(all_that_the_core_holds())

    assert check(all_that_the_core_holds()) == []
    assert schema.check(xml) == []
    assert official.submit(xml).result() == []


@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(sketches())
def test_any_document_is_read_back_as_it_was_written(sketch: Sketch) -> None:
    document = invoice(sketch)

    assert read(write(document)) == document


def test_the_seller_that_collects_is_named_by_its_creditor_id() -> None:
    document = an_invoice(payment=replace(PAYMENT, direct_debit=DirectDebit(creditor_id="DE98ZZZ09999999999")))

    assert read(write(document)) == document


def test_a_credit_notes_due_date_needs_payment_means(schema: Schema, official: OfficialRules) -> None:
    document = replace(credit_note(), payment=None)
    xml = write(document)

    assert read(xml) == replace(document, payment=PaymentInstructions(means="1"))
    assert schema.check(xml) == official.submit(xml).result() == []


def test_equal_values_written_differently_give_equal_bytes() -> None:
    document = domestic()
    same = replace(
        document,
        totals=replace(document.totals, paid=Decimal("20")),
        lines=(replace(document.lines[0], quantity=Decimal("3.000")), *document.lines[1:]),
    )

    assert same == document
    assert write(same) == write(document)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"<cbc:IssueDate>2026-03-02</cbc:IssueDate>", b"", "IssueDate is missing"),
        (b"2026-03-02", b"2026-02-30", "is no date"),
        (b">250<", b">2e5<", "is no number"),
        (b">250<", b">" + b"1" * 50 + b"<", "is no number"),
        (b' unitCode="C62">3<', b">3<", "unit, is missing"),
        (b"<cbc:ID>S</cbc:ID>", b"<cbc:ID>Q</cbc:ID>", "no VAT category"),
        (b"YSxiCjEsMgo=", b"?", "no base64"),
        (b"Invoice-2", b"Order-2", "not the root"),
        (b"</Invoice>", b"", "not well-formed"),
        (b"<cbc:CompanyID>DE136695976</cbc:CompanyID>", b"<cbc:CompanyID>\x00</cbc:CompanyID>", "not well-formed"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(old: bytes, new: bytes, why: str) -> None:
    xml = write(domestic())
    assert old in xml

    with pytest.raises(Invalid, match=why) as refusal:
        read(xml.replace(old, new))

    assert refusal.value.code == "document.unreadable"


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(Invalid, match="ubl"):
        write(domestic(), format="papyrus")
