"""Factur-X: each level's XML is valid for that level, the PDF holds it, and its page reads well in four languages."""

import io
import multiprocessing
import os
import zlib
from concurrent.futures import Future
from dataclasses import replace
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from services.documents import PROFILES, Finding, OfficialRules, check, claim, is_valid, read, write
from services.documents.formats import facturx, losses, recognise
from services.documents.formats.cii.names import NO_COUNTRY
from services.documents.formats.facturx import LANGUAGES, Page, qr
from services.documents.model import (
    Address,
    Buyer,
    Contact,
    CreditTransfer,
    Delivery,
    DocumentTotals,
    Identifier,
    Invoice,
    Item,
    TypeCode,
)
from services.kernel.refusals import Invalid
from tests.unit.documents.examples import (
    BUYER,
    GOLDEN,
    ISSUED,
    PAYMENT,
    a_line,
    an_invoice,
    credit_note,
    domestic,
    export,
)
from tests.unit.documents.sketches import Sketch, invoice, sketches
from tests.unit.documents.test_document_cii import core

INVOICES = [8, pytest.param(int(os.environ.get("AR_INVOICES", "24")), marks=pytest.mark.prove)]
LEVELS = [name for name in PROFILES if name.startswith("facturx-")]
WHOLE = ["facturx-en16931", "facturx-extended"]
XMP_LEVELS = dict(zip(LEVELS, ("MINIMUM", "BASIC WL", "BASIC", "EN 16931", "EXTENDED"), strict=True))

FROM_HEAD = (
    "vat_currency",
    "tax_point_code",
    "period",
    "sales_order",
    "type_code",
    "process",
    "preceding",
    "payee",
)
FROM_LINES = (
    *("purchase_order", "contract", "project", "despatch_advice", "receiving_advice", "tender", "object_id"),
    *("buyer_reference", "buyer_accounting", "payment_terms", "supporting", "notes"),
)


def all_at_once() -> Invoice:
    """Every term that CII holds, in one document."""
    lines, head = domestic(), core()
    address = Address(line_1="a", line_2="b", line_3="c", city="d", post_code="e", subdivision="f", country="DE")
    contact = Contact(name="n", telephone="12345", email="a@b.example")
    assert head.payment is not None
    assert head.tax_representative is not None
    named = CreditTransfer(account="DE75512108001245126199", account_name="Nordwerk GmbH", bank="SOGEDEFFXXX")
    parts = [replace(line, id=str(at)) for at, line in enumerate((*lines.lines, *head.lines), start=1)]
    return an_invoice(
        *parts,
        allowances=lines.allowances,
        charges=lines.charges,
        paid=lines.totals.paid,
        sums={"vat_accounting": Decimal("402.13")},
        seller=replace(head.seller, address=address, contact=contact),
        buyer=replace(head.buyer, address=address, contact=contact),
        tax_representative=replace(head.tax_representative, address=address),
        delivery=Delivery(
            party_name="x",
            location=Identifier(value="7300010000001", scheme="0088"),
            delivered_on=ISSUED,
            address=address,
        ),
        payment=replace(head.payment, transfers=(named, *head.payment.transfers)),
        **{name: getattr(head, name) for name in FROM_HEAD},
        **{name: getattr(lines, name) for name in FROM_LINES},
    )


def shown(pdf: bytes) -> list[str]:
    """The text of each page."""
    document = pypdfium2.PdfDocument(pdf)
    return [page.get_textpage().get_text_bounded() for page in document]


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_is_valid_by_its_own_schema_and_sheet(level: str, official: OfficialRules) -> None:
    rule_set = PROFILES[level].rule_sets["cii"]
    made = [claim(make(), level) for make in (*GOLDEN.values(), core, all_at_once)]
    verdicts = [(each, official.submit(write(each, "cii"), rule_set)) for each in made]

    for each, verdict in verdicts:
        assert is_valid(check(each)) == is_valid(verdict.result()), (check(each), verdict.result())
        assert is_valid(verdict.result()) or (each.totals.rounding and "basic" in level), verdict.result()


def test_a_level_is_held_to_its_own_schema(official: OfficialRules) -> None:
    whole = write(claim(domestic(), "en16931"), "cii")

    found = official.submit(whole, PROFILES["facturx-basic"].rule_sets["cii"]).result()

    assert {finding.rule for finding in found} == {"XSD"}


@pytest.mark.parametrize("level", WHOLE)
def test_the_upper_levels_lose_nothing(level: str) -> None:
    document = claim(all_at_once(), level)

    assert read(write(document, "cii"), "cii") == document
    assert losses(document, "facturx", write(document, "facturx")) == []


def test_what_a_lower_level_has_no_room_for_is_listed_with_its_reason() -> None:
    document = claim(all_at_once(), "facturx-basic")

    lost = losses(document, "cii", write(document, "cii"))

    assert {loss.reason for loss in lost} == {"Factur-X's level BASIC has no room for it"}
    assert {"BG-22/BT-114", "BG-25[1]/BG-31/BT-155", "BG-4/BG-6/BT-41", "BT-18"} - {loss.place for loss in lost} == {
        "BG-22/BT-114"  # nothing is rounded here
    }


def test_the_lowest_level_is_read_without_lines_and_without_a_country() -> None:
    document = claim(domestic(), "facturx-minimum")
    found = read(write(document, "cii"), "cii")

    assert (found.number, found.totals.due, found.lines) == (document.number, document.totals.due, ())
    assert (found.totals.lines, found.buyer.address.country) == (Decimal(0), NO_COUNTRY)
    assert is_valid(check(found))
    assert not is_valid(check(claim(found, "en16931")))


def travels(document: Invoice) -> bool:
    """A draft in the core's name does not say that it will be Factur-X, which has no IGIC at 0 % nor split payment."""
    return not any(row.category == "B" or (row.category == "L" and not row.rate) for row in document.vat_breakdown)


@pytest.mark.parametrize("invoices", INVOICES)
def test_generated_invoices_are_judged_alike_at_every_level(official: OfficialRules, invoices: int) -> None:
    """AR_INVOICES=10000 for the full proof: whatever we let pass each level's sheet lets pass."""
    pending: list[tuple[Invoice, Future[list[Finding]]]] = []

    @settings(
        max_examples=invoices, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(sketches())
    def draw(sketch: Sketch) -> None:
        for level in LEVELS:
            document = claim(invoice(sketch), level)
            if is_valid(check(document)) and (level != "facturx-en16931" or travels(document)):
                found = official.submit(write(document, "cii"), PROFILES[level].rule_sets["cii"])
                pending.append((document, found))
        if len(pending) >= 64:
            settle()

    def settle() -> None:
        for document, found in pending:
            assert is_valid(found.result()), (document, found.result())
        pending.clear()

    draw()
    settle()


@pytest.mark.parametrize("level", [*LEVELS, "xrechnung"])
def test_the_pdf_carries_the_xml_and_says_so_in_its_metadata(level: str) -> None:
    document = claim(replace(domestic(), buyer_reference="04011000-12345-34"), level)
    pdf = write(document, "facturx")
    name = "xrechnung.xml" if level == "xrechnung" else "factur-x.xml"

    assert recognise(pdf) == "facturx"
    assert facturx.extract(pdf) == write(document, "cii")
    assert read(pdf, "facturx") == read(write(document, "cii"), "cii")
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        [file] = opened.Root.AF
        metadata = etree.fromstring(opened.Root.Metadata.read_bytes())
    is_part = level in ("facturx-minimum", "facturx-basicwl")
    assert (str(file.UF), str(file.AFRelationship)) == (name, "/Data" if is_part else "/Alternative")
    assert len(metadata.findall(".//{http://www.aiim.org/pdfa/ns/extension/}schemas")) == 1
    fx = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
    assert metadata.findtext(f".//{fx}ConformanceLevel") == XMP_LEVELS.get(level, "XRECHNUNG")
    assert metadata.findtext(f".//{fx}DocumentFileName") == name
    assert metadata.findtext(".//{http://www.aiim.org/pdfa/ns/id/}part") == "3"


def test_what_claims_no_level_is_written_in_the_cores_name_and_told() -> None:
    document = claim(domestic(), "peppol")
    [lost] = losses(document, "facturx", write(document, "facturx"))

    assert (lost.place, lost.instead) == ("BG-2/BT-24", PROFILES["en16931"].specification)


def test_equal_invoices_give_equal_bytes() -> None:
    assert write(domestic(), "facturx") == write(domestic(), "facturx")
    assert write(domestic(), "facturx") != write(replace(domestic(), number="RE-2"), "facturx")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["Invoice", "Amount due", "EUR 111.31", "2 March 2026", "Page 1 of 2", "250 pc", "DE75 5121 0800"]),
        ("de", ["Rechnung", "Zu zahlen", "EUR 111,31", "2. März 2026", "Seite 1 von 2", "250 Stk.", "USt-IdNr."]),
        ("fr", ["Facture", "Montant à payer", "EUR 111,31", "2 mars 2026", "Page 1 sur 2", "N° TVA"]),
        ("sv", ["Faktura", "Att betala", "EUR 111,31", "2 mars 2026", "Sida 1 av 2", "Momsreg.nr"]),
    ],
)
def test_the_page_speaks_the_readers_language(language: str, said: list[str]) -> None:
    pages = "\n".join(shown(facturx.write(domestic(), Page(language=language))))

    assert [word for word in said if word not in pages] == []


def test_the_language_follows_the_buyers_country_and_an_unknown_one_is_refused() -> None:
    swedish = replace(BUYER, address=Address(country="SE"))

    assert "Faktura" in shown(write(an_invoice(buyer=swedish), "facturx"))[0]
    assert "Invoice" in shown(write(an_invoice(buyer=replace(BUYER, address=Address(country="PL"))), "facturx"))[0]
    with pytest.raises(Invalid, match="en, de, fr, sv"):
        facturx.write(domestic(), Page(language="tlh"))


@pytest.mark.parametrize(
    ("type_code", "title"),
    [
        (TypeCode.CORRECTED, "Korrekturrechnung"),
        (TypeCode.PREPAYMENT, "Anzahlungsrechnung"),
        (TypeCode.SELF_BILLED, "Gutschrift"),
        (TypeCode.FACTORED, "Rechnung"),
        (TypeCode.FACTORED_CREDIT_NOTE, "Rechnungskorrektur"),
    ],
)
def test_the_title_says_what_kind_of_document_it_is(type_code: TypeCode, title: str) -> None:
    assert title in shown(write(an_invoice(type_code=type_code), "facturx"))[0].splitlines()


def test_a_credit_note_names_what_it_credits_and_asks_for_no_payment() -> None:
    [page] = shown(write(credit_note(), "facturx"))

    assert "Rechnungskorrektur" in page
    assert "RE-2026-000001 vom 2. März 2026" in page
    assert "Gutgeschrieben" in page
    assert "IBAN" not in page


def test_a_long_table_repeats_its_head_on_each_page() -> None:
    lines = [a_line(str(index), item=Item(name=f"Article {index}")) for index in range(1, 121)]
    pages = shown(write(an_invoice(*lines), "facturx"))

    assert len(pages) > 3
    assert all("Einzelpreis" in page for page in pages[:-1])
    assert f"Seite {len(pages)} von {len(pages)}" in pages[-1]
    assert all(f"Article {index}" in "".join(pages) for index in range(1, 121))


def test_a_page_of_many_lines_is_laid_out_in_parts_and_says_all() -> None:
    sign = "\u4e2d"  # that no font at hand has, in the second part
    lines = [a_line(str(index), item=Item(name=f"Article {index}")) for index in range(1, 1102)]
    document = an_invoice(*lines[:800], replace(lines[800], item=Item(name=f"Article 801 {sign}")), *lines[801:])
    pdf = write(document, "facturx")
    pages = shown(pdf)

    assert read(pdf, "facturx") == document
    assert [page for nth, page in enumerate(pages, start=1) if not page.rstrip().endswith(f"Seite {nth}")] == []
    assert all(f"Article {index}" in "".join(pages) for index in range(1, 1102))
    assert sum("Rechnung an".upper() in page.upper() for page in pages) == 1
    assert sum("IBAN" in page for page in pages) == 1
    assert "▯" in pages[-1]  # the remark
    assert write(document, "facturx") == pdf


@pytest.mark.parametrize("count", [2_500, pytest.param(10_000, marks=pytest.mark.prove)])
def test_a_page_of_thousands_of_lines_takes_neither_much_memory_nor_a_record_that_no_topic_takes(count: int) -> None:
    pipe, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_of_many_lines, args=(theirs, count))
    process.start()
    theirs.close()
    size, peak_mb = pipe.recv()
    process.join()

    assert size < 2 * 1024 * 1024 * count / 10_000
    assert peak_mb < 350


def _of_many_lines(pipe: Connection, count: int) -> None:
    lines = [a_line(str(index), item=Item(name=f"Article {index}")) for index in range(1, count + 1)]
    pdf = write(an_invoice(*lines), "facturx")
    held = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    pipe.send((len(pdf), int(held) / 1024))


def test_francs_are_rounded_and_no_vat_is_explained_in_the_readers_language() -> None:
    [page] = shown(write(export(), "facturx"))

    assert "CHF 100,35" in page
    assert "Rundung" in page
    assert "Steuerfreie Ausfuhrlieferung" in page


def test_greek_and_cyrillic_are_shown_and_what_no_font_has_is_said() -> None:
    def named(name: str) -> str:
        return shown(write(an_invoice(buyer=Buyer(name=name, address=Address(country="GR"))), "facturx"))[0]

    assert "Ελληνικά Ωμέγα Пример Łódź" in named("Ελληνικά Ωμέγα Пример Łódź")
    foreign = named("株式会社 Sample")
    assert "▯▯▯▯ Sample" in foreign
    assert "the electronic invoice in this file has them" in foreign


def test_what_a_document_says_is_no_code_of_the_page() -> None:
    evil = '#panic("x") *bold* $x$ \\ "quoted" <label> @ref'

    assert evil in shown(write(an_invoice(buyer=replace(BUYER, name=evil)), "facturx"))[0]


def test_a_logo_stands_in_place_of_the_name() -> None:
    logo = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="4" r="4"/></svg>'

    assert facturx.write(domestic(), Page(logo=logo)) != facturx.write(domestic())


def test_numbers_of_any_length_are_shown() -> None:
    huge = DocumentTotals(lines=Decimal("9" * 40), net=Decimal(f"0.{'7' * 40}"), gross=Decimal(0), due=Decimal(0))
    page = shown(facturx.write(replace(domestic(), totals=huge), Page(language="en")))[0].replace("\r\n", "")

    assert f"0.{'7' * 40}" in page


def test_the_code_asks_for_the_euro_transfer_that_the_invoice_asks_for() -> None:
    assert qr.text(domestic()) == (
        "BCD\n002\n1\nSCT\nSOGEDEFFXXX\nNordwerk GmbH\nDE75512108001245126199\nEUR111.31\n\n\nRE-2026-000001"
    )
    structured = replace(domestic(), payment=replace(PAYMENT, remittance="RF18 5390 0754 7034"))
    assert (qr.text(structured) or "").endswith("EUR111.31\n\nRF18539007547034")


@pytest.mark.parametrize(
    "document",
    [
        replace(domestic(), payment=None),
        replace(domestic(), payment=replace(PAYMENT, means="59")),
        replace(domestic(), payment=replace(PAYMENT, transfers=())),
        replace(domestic(), payment=replace(PAYMENT, transfers=(CreditTransfer(account="12345"),))),
        an_invoice(paid=Decimal("119.00")),
        credit_note(),
        export(),
    ],
)
def test_there_is_no_code_where_no_euro_transfer_is_asked_for(document: Invoice) -> None:
    assert qr.text(document) is None


def embedding(name: str, content: bytes, *, packed: object = None) -> bytes:
    """A PDF with one embedded file."""
    document, out = pikepdf.new(), io.BytesIO()
    document.add_blank_page()
    stream = pikepdf.Stream(document, b"")
    stream.write(content, filter=packed, type_check=False) if packed else stream.write(content)  # type: ignore[arg-type]  # names of filters
    file = pikepdf.Dictionary(Type=pikepdf.Name.Filespec, F=name, UF=name, EF=pikepdf.Dictionary(F=stream))
    tree = pikepdf.NameTree.new(document)
    tree[name] = document.make_indirect(file)
    document.Root.Names = pikepdf.Dictionary(EmbeddedFiles=tree.obj)
    document.save(out, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return out.getvalue()


def test_a_pdf_of_anybody_is_read_by_its_names() -> None:
    for name in ("factur-x.xml", "ZUGFeRD-invoice.xml".lower(), "Factur-X.xml"):
        assert read(embedding(name, write(domestic(), "cii")), "facturx") == domestic()


BOMB = zlib.compress(b"<a>" + b" " * (60 << 20))


@pytest.mark.parametrize(
    ("pdf", "why"),
    [
        (embedding("notes.txt", b"hello"), "has no invoice inside"),
        (embedding("factur-x.xml", b"hello"), "not well-formed"),
        (embedding("factur-x.xml", b"<CrossIndustryDocument/>"), "not the root"),
        (embedding("factur-x.xml", BOMB, packed=pikepdf.Name.FlateDecode), "larger than"),
        (embedding("factur-x.xml", b"0>", packed=pikepdf.Name.ASCIIHexDecode), "packed in a way"),
        (write(domestic(), "facturx")[:5000], "cannot be read"),
        (b"%PDF-1.7\n", "cannot be read"),
        (b"%PDF-1.7\n" + b"[" * 100_000, "cannot be read"),
    ],
)
def test_a_pdf_that_holds_no_invoice_is_refused_with_the_reason(pdf: bytes, why: str) -> None:
    with pytest.raises(Invalid, match=why) as refusal:
        read(pdf, "facturx")

    assert refusal.value.code == "document.unreadable"


def test_all_languages_have_all_words() -> None:
    for language in LANGUAGES:
        assert facturx.write(all_at_once(), Page(language=language))


def test_an_invoice_that_is_too_long_for_a_page_is_refused() -> None:
    document = an_invoice(a_line())

    with pytest.raises(Invalid, match="10,000 lines at most"):
        write(replace(document, lines=document.lines * 10_001), "facturx")
