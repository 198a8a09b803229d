"""What we write independent judges accept, and what they refuse we refuse: Mustang, veraPDF, phive, mock-einvoice."""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import mockeinvoice  # type: ignore[import-untyped]  # it has no types
import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings

from deploy.local.rules import install
from services.documents import PROFILES, OfficialRules, check, claim, is_valid, read, write
from services.documents.formats import facturx
from services.documents.formats.facturx import LANGUAGES, Page, qr
from services.documents.model import Address, Invoice, Item
from tests.judges import judges
from tests.unit.documents.examples import BUYER, GOLDEN, PAYMENT, a_line, an_invoice, credit_note, domestic
from tests.unit.documents.sketches import Sketch, invoice, sketches
from tests.unit.documents.test_document_facturx import LEVELS, all_at_once
from tests.unit.documents.test_document_profiles import german, peppol, traded

DRAWN = 150
PAYMENT_OF_NOBODY = replace(PAYMENT, transfers=(replace(PAYMENT.transfers[0], account_name=None),))
PHIVE = {
    ("en16931", "ubl", False): "eu.cen.en16931:ubl:1.3.16",
    ("en16931", "ubl", True): "eu.cen.en16931:ubl-creditnote:1.3.16",
    ("en16931", "cii", False): "eu.cen.en16931:cii:1.3.16",
    ("en16931", "cii", True): "eu.cen.en16931:cii:1.3.16",
    ("peppol", "ubl", False): "eu.peppol.bis3:invoice:2026.5",
    ("peppol", "ubl", True): "eu.peppol.bis3:creditnote:2026.5",
}


@pytest.fixture(scope="module")
def official() -> Iterator[OfficialRules]:
    with OfficialRules(install()) as judge:
        yield judge


def drawn(profile: str, count: int = DRAWN) -> list[Invoice]:
    """Invoices of every shape that our own checks let pass in a profile."""
    found: list[Invoice] = []

    @settings(
        max_examples=count, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(sketches())
    def draw(sketch: Sketch) -> None:
        made = traded(invoice(sketch), profile) if profile != "en16931" else invoice(sketch)
        if is_valid(check(made)):
            found.append(made)

    draw()
    return found


def pages() -> Iterator[tuple[str, bytes]]:
    """PDFs of every level and language, long ones, one in parts, foreign ones, credit notes."""
    yield "parts.pdf", write(an_invoice(*(a_line(str(at)) for at in range(1, 1101))), "facturx")
    for level in LEVELS:
        for name, make in {**GOLDEN, "everything": all_at_once}.items():
            made = claim(make(), level)
            if is_valid(check(made)):
                yield f"{name}-{level}.pdf", write(made, "facturx")
    for language in LANGUAGES:
        for name, made in {
            "everything": all_at_once(),
            "credit": credit_note(),
            "foreign": an_invoice(
                buyer=replace(BUYER, name="Ελληνικά Ωμέγα Пример 株式会社", address=Address(country="GR"))
            ),
            "long": an_invoice(*(a_line(str(at), item=Item(name=f"Article {at}")) for at in range(1, 101))),
        }.items():
            yield f"{name}-{language}.pdf", facturx.write(made, Page(language=language))


@pytest.mark.prove
def test_every_page_is_pdf_a_and_every_level_valid(tmp_path: Path) -> None:
    files = []
    for name, pdf in pages():
        files.append(tmp_path / name)
        files[-1].write_bytes(pdf)

    by_verapdf, by_mustang = judges.verapdf(files), judges.mustang(files)

    assert len(by_verapdf) == len(by_mustang) == len(files) > 40
    assert {name: said for name, said in by_verapdf.items() if said != "valid"} == {}
    assert {name: said[:3000] for name, said in by_mustang.items() if said != "valid"} == {}


@pytest.mark.prove
def test_a_page_whose_xml_is_wrong_is_refused_by_mustang_and_by_us(tmp_path: Path) -> None:
    wrong = replace(domestic(), totals=replace(domestic().totals, due=domestic().totals.due + 1))
    file = tmp_path / "wrong.pdf"
    file.write_bytes(write(wrong, "facturx"))

    assert judges.verapdf([file]) == {"wrong.pdf": "valid"}
    assert judges.mustang([file])["wrong.pdf"].startswith("invalid")
    assert not is_valid(check(read(file.read_bytes(), "facturx")))


@pytest.mark.prove
def test_the_code_on_the_page_can_be_scanned(tmp_path: Path) -> None:
    umlauts = replace(domestic(), seller=replace(domestic().seller, name="Größe & Söhne"))
    for name, made in {"plain": domestic(), "umlauts": replace(umlauts, payment=PAYMENT_OF_NOBODY)}.items():
        opened = pypdfium2.PdfDocument(write(made, "facturx"))
        page = opened[len(opened) - 1]
        page.render(scale=3).to_pil().save(tmp_path / f"{name}.png")

    said = judges.zxing(sorted(tmp_path.glob("*.png")))

    assert said["plain.png"] == (qr.text(domestic()) or "").replace("\n", "|")
    assert "|Größe & Söhne|DE75512108001245126199|EUR111.31|" in said["umlauts.png"]


def written() -> Iterator[tuple[str, str, Invoice, bytes]]:
    """Documents by profile and syntax."""
    for profile, syntax in (("en16931", "ubl"), ("en16931", "cii"), ("peppol", "ubl")):
        made = [make() for make in GOLDEN.values()]
        if profile == "peppol":
            made = [peppol(each) for each in made if not check(peppol(each))]
        for each in (*made, *drawn(profile)):
            free_igic = any(row.category == "L" and not row.rate for row in each.vat_breakdown)
            if syntax == "ubl" or not free_igic:  # which CII's sheet refuses
                yield profile, syntax, each, write(each, syntax)


@pytest.mark.prove
def test_phive_accepts_what_we_write(tmp_path: Path) -> None:
    asked = []
    for at, (profile, syntax, made, xml) in enumerate(written()):
        file = tmp_path / f"{profile}-{syntax}-{at}.xml"
        file.write_bytes(xml)
        asked.append((PHIVE[profile, syntax, made.is_credit_note], file))

    said = judges.phive(asked)

    assert len(said) == len(asked) > 2 * DRAWN
    assert {name: why[:1000] for name, why in said.items() if why != "valid"} == {}


@pytest.mark.parametrize("profile", ["peppol", "xrechnung"])
def test_mock_einvoice_accepts_what_we_write(profile: str) -> None:
    made = [peppol() if profile == "peppol" else german(), *drawn(profile, 40)]
    reports = [mockeinvoice.validate(write(each))[1] for each in made]

    refused = [(each, report.failures) for each, report in zip(made, reports, strict=True) if report.failures]
    assert len(reports) > 20
    assert refused == []


def _without(element: str, xml: bytes) -> bytes:
    start = xml.index(f"<{element}".encode())
    end = xml.index(f"</{element}>".encode(), start) + len(f"</{element}>")
    return xml[:start] + xml[end:]


def _instead(old: bytes, new: bytes, xml: bytes) -> bytes:
    assert old in xml
    return xml.replace(old, new, 1)


# Each breaks one thing of the domestic invoice in Peppol's UBL.
BREAKAGES: Mapping[str, Callable[[bytes], bytes]] = {
    **{
        f"without {element}": functools.partial(_without, element)
        for element in (
            *("cbc:CustomizationID", "cbc:ProfileID", "cbc:ID", "cbc:IssueDate", "cbc:InvoiceTypeCode"),
            *("cbc:DocumentCurrencyCode", "cbc:BuyerReference", "cac:AccountingSupplierParty", "cbc:EndpointID"),
            *("cac:AccountingCustomerParty", "cac:TaxTotal", "cac:TaxSubtotal", "cac:LegalMonetaryTotal"),
            *("cbc:TaxExclusiveAmount", "cbc:PayableAmount", "cac:InvoiceLine", "cbc:LineExtensionAmount"),
            *("cac:Price", "cac:ClassifiedTaxCategory", "cac:PartyLegalEntity", "cac:PartyTaxScheme", "cac:Country"),
        )
    },
    **{
        f"{new.decode()} for {old.decode()}": functools.partial(_instead, old, new)
        for old, new in (
            (b">380<", b">999<"),
            (b">EUR<", b">EURO<"),
            (b'unitCode="C62"', b'unitCode="pieces"'),
            (b"<cbc:ID>S</cbc:ID>", b"<cbc:ID>Z</cbc:ID>"),
            (b">19<", b">-19<"),
            (b">DE136695976<", b">136695976<"),
            (b'currencyID="EUR">111.31<', b'currencyID="EUR">111.32<'),
            (b'currencyID="EUR">111.31<', b'currencyID="EUR">111.311<'),
            (b'currencyID="EUR"', b'currencyID="USD"'),
            (b'schemeID="9930"', b'schemeID="XXXX"'),
            (b">DE</cbc:IdentificationCode>", b">GERMANY</cbc:IdentificationCode>"),
            (b"2026-03-02", b"02.03.2026"),
        )
    },
}


@pytest.mark.prove
def test_what_the_others_refuse_we_refuse(tmp_path: Path, official: OfficialRules) -> None:
    whole = write(peppol(replace(domestic(), notes=())))
    broken = {f"{at}.xml": breaks(whole) for at, breaks in enumerate(BREAKAGES.values())}
    for name, xml in broken.items():
        (tmp_path / name).write_bytes(xml)

    by_phive = judges.phive([(PHIVE["peppol", "ubl", False], tmp_path / name) for name in broken])
    refused = {name for name, said in by_phive.items() if said != "valid"}
    for name, xml in broken.items():
        try:
            verdict = mockeinvoice.validate(xml)[1].verdict
        except mockeinvoice.Refused:
            verdict = "invalid"
        if verdict == "invalid":
            refused.add(name)

    ours = {name: official.submit(xml, PROFILES["peppol"].rule_sets["ubl"]).result() for name, xml in broken.items()}
    assert official.submit(whole, PROFILES["peppol"].rule_sets["ubl"]).result() == []
    assert len(refused) > len(BREAKAGES) * 0.8
    assert [name for name in sorted(refused) if is_valid(ours[name])] == []
