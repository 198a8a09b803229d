"""What is written as CII is valid, and read back as the same values; UBL and CII hold the same business terms."""

import os
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from services.documents import (
    PROFILES,
    Finding,
    OfficialRules,
    Schema,
    Severity,
    claim,
    is_valid,
    read,
    write,
)
from services.documents.formats import losses, recognise
from services.documents.model import DirectDebit, Identifier, Invoice, Note
from services.kernel.refusals import Invalid
from tests.unit.documents.examples import BUYER, GOLDEN, PAYMENT, SELLER, an_invoice, domestic
from tests.unit.documents.sketches import Sketch, invoice, sketches
from tests.unit.documents.test_document_profiles import traded
from tests.unit.documents.test_document_ubl import all_that_the_core_holds

INVOICES = [48, pytest.param(int(os.environ.get("AR_INVOICES", "160")), marks=pytest.mark.prove)]
OFFICIAL_EVERY = 4  # the XSD judges each, the sheet every fourth
FOLDER = Path(__file__).parent / "golden"
EN16931 = PROFILES["en16931"].rule_sets["cii"]


@pytest.mark.parametrize("name", GOLDEN)
def test_the_golden_documents_are_written_byte_for_byte_and_valid(
    name: str, schema: Schema, official: OfficialRules
) -> None:
    """To renew them after a change that is meant: AR_GOLDEN=write pytest, and read the difference."""
    file, written = FOLDER / f"{name}.cii.xml", write(GOLDEN[name](), "cii")
    if os.environ.get("AR_GOLDEN") == "write":
        file.write_bytes(written)

    assert written == file.read_bytes()
    assert recognise(written) == "cii"
    assert schema.check(written) == []
    assert official.submit(written, EN16931).result() == []


def core() -> Invoice:
    """All that the core holds, but one preceding invoice: D16B has room for one."""
    whole = all_that_the_core_holds()
    return replace(whole, preceding=whole.preceding[:1])


@pytest.mark.parametrize("document", [*(make() for make in GOLDEN.values()), core()])
def test_a_document_is_read_back_as_it_was_written(document: Invoice, official: OfficialRules) -> None:
    written = write(document, "cii")

    assert read(written, "cii") == document
    assert official.submit(written, EN16931).result() == []
    assert read(write(read(written, "cii"))) == document


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("profile", ["xrechnung", "xrechnung-extension"])
def test_xrechnung_travels_in_cii(name: str, profile: str, official: OfficialRules) -> None:
    document = claim(replace(GOLDEN[name](), buyer_reference="04011000-12345-34"), profile)

    assert official.submit(write(document, "cii"), PROFILES[profile].rule_sets["cii"]).result() == []


def test_a_cash_discount_keeps_the_line_break_that_ends_it(official: OfficialRules) -> None:
    terms = "30 days net\n#SKONTO#TAGE=14#PROZENT=2.25#\n"
    document = claim(an_invoice(payment_terms=terms, buyer_reference="1"), "xrechnung")
    written = write(document, "cii")

    assert official.submit(written, PROFILES["xrechnung"].rule_sets["cii"]).result() == []
    assert read(written, "cii").payment_terms == terms


@pytest.mark.parametrize(("code", "in_cii"), [("3", "5"), ("35", "29"), ("432", "72")])
def test_each_syntax_has_its_own_codes_for_the_tax_point(code: str, in_cii: str, official: OfficialRules) -> None:
    document = an_invoice(tax_point_code=code)
    written = write(document, "cii")

    assert f"<ram:DueDateTypeCode>{in_cii}<".encode() in written
    assert official.submit(written, EN16931).result() == []
    assert read(written, "cii") == document


def test_a_creditor_by_itself_and_a_tax_point_survive() -> None:
    document = an_invoice(
        payment=replace(PAYMENT, direct_debit=DirectDebit(creditor_id="DE98ZZZ09999999999")),
        tax_point=an_invoice().issue_date,
        notes=(Note(text="#AAI#no subject in CII"),),
    )

    assert read(write(document, "cii"), "cii") == document


def test_what_cii_cannot_hold_is_listed_with_its_reason() -> None:
    plain, known = Identifier(value="4711"), Identifier(value="4012345000009", scheme="0088")
    document = replace(all_that_the_core_holds(), extensions={"us-tax:jurisdiction": "US-CA"})
    document = replace(document, seller=replace(SELLER, identifiers=(known, plain)))

    lost = {loss.place: loss.reason for loss in losses(document, "cii", write(document, "cii"))}

    assert "one preceding invoice" in lost.pop("BG-3[2]/BT-25")
    assert "one preceding invoice" in lost.pop("BG-3[2]/BT-26")
    assert "no term" in lost.pop("extensions/us-tax:jurisdiction")
    assert {reason for place, reason in lost.items() if place.startswith("BG-4/BT-29")} == set(lost.values())
    assert read(write(document, "cii"), "cii").seller.identifiers == (plain, known)


def test_equal_invoices_give_equal_bytes() -> None:
    assert write(domestic(), "cii") == write(domestic(), "cii")
    assert b"\r" not in write(domestic(), "cii")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b">20260302<", b">20260230<", "is no date"),
        (b">20260302<", b">2026-03-02<", "is no date"),
        (b">250<", b">2e5<", "is no number"),
        (b' unitCode="C62">3<', b">3<", "unit is missing"),
        (b"<ram:CategoryCode>S<", b"<ram:CategoryCode>Q<", "no VAT category"),
        (b"YSxiCjEsMgo=", b"?", "no base64"),
        (b"CrossIndustryInvoice:100", b"CrossIndustryOrder:100", "not the root"),
        (b"</rsm:CrossIndustryInvoice>", b"", "not well-formed"),
        (b"<ram:GrandTotalAmount>", b"<ram:GrandTotalAmount>x", "SpecifiedTradeSettlementHeaderMonetarySummation"),
        (b'<ram:TaxTotalAmount currencyID="EUR">', b'<ram:TaxTotalAmount currencyID="EUR">x', "is no number"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(old: bytes, new: bytes, why: str) -> None:
    xml = write(domestic(), "cii")
    assert old in xml

    with pytest.raises(Invalid, match=why) as refusal:
        read(xml.replace(old, new), "cii")

    assert refusal.value.code == "document.unreadable"


@pytest.mark.parametrize("invoices", INVOICES)
def test_generated_invoices_are_valid_and_the_same_in_both_syntaxes(
    schema: Schema, official: OfficialRules, invoices: int
) -> None:
    """AR_INVOICES=10000 for the full proof: UBL > model > CII > model > UBL, XSD always, the sheets every fourth."""
    pending: list[tuple[Invoice, Future[list[Finding]]]] = []
    drawn = 0

    @settings(
        max_examples=invoices, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(sketches())
    def draw(sketch: Sketch) -> None:
        nonlocal drawn
        drawn += 1
        document = invoice(sketch)
        ubl = write(document)
        cii = write(read(ubl), "cii")
        assert schema.check(cii) == []
        assert write(read(cii, "cii")) == ubl
        if drawn % OFFICIAL_EVERY == 0:
            pending.append((document, official.submit(cii, EN16931)))
            german = claim(traded(document, "xrechnung"), "xrechnung")
            rules = PROFILES["xrechnung"].rule_sets["cii"]
            pending.append((german, official.submit(write(german, "cii"), rules)))

    draw()
    for document, found in pending:
        fatal = {finding.rule for finding in found.result() if finding.severity is Severity.FATAL}
        # CII's sheet refuses IGIC at 0 %, which the standard and UBL's sheet allow.
        assert fatal <= {"BR-AF-05", "BR-AF-06", "BR-AF-07"}, (document, found.result())
        assert is_valid(found.result()) or any(row.rate == 0 for row in document.vat_breakdown if row.category == "L")
    assert len(pending) >= invoices // OFFICIAL_EVERY


def test_a_buyers_name_beyond_latin_survives() -> None:
    document = an_invoice(buyer=replace(BUYER, name="Ελληνικά Ωμέγα 株式会社 Пример <&>\"'"))

    assert read(write(document, "cii"), "cii") == document
