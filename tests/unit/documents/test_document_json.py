"""Our own JSON holds the whole model, exactly and strictly; CSV says what it does not hold; the schema is up to date."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from services.documents import read, write
from services.documents.formats import losses, recognise
from services.documents.model import Invoice, Json, schema
from services.kernel.refusals import Invalid
from tests.unit.documents.examples import GOLDEN, a_line, an_invoice, domestic
from tests.unit.documents.sketches import Sketch, invoice, sketches
from tests.unit.documents.test_document_ubl import all_that_the_core_holds

EXTENSIONS: dict[str, Json] = {
    "us-tax:jurisdiction": {"state": "US-CA", "tiers": [1, 2, None, True]},
    "idoc:partner": "WE",
}


def with_extensions() -> Invoice:
    return an_invoice(a_line(extensions={"us-tax:exempt": False}), extensions=EXTENSIONS)


def test_the_published_schema_is_up_to_date() -> None:
    """To renew it after a change that is meant: python -m services.documents schema > the file."""
    assert schema.FILE.read_text(encoding="utf-8") == schema.text()


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    published = json.loads(schema.FILE.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(published)
    return Draft202012Validator(published, format_checker=Draft202012Validator.FORMAT_CHECKER)


@pytest.mark.parametrize(
    "document", [*(make() for make in GOLDEN.values()), all_that_the_core_holds(), with_extensions()]
)
def test_what_is_written_follows_the_published_schema(document: Invoice, validator: Draft202012Validator) -> None:
    assert list(validator.iter_errors(json.loads(write(document, "json")))) == []


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(sketches())
def test_any_document_follows_the_published_schema(validator: Draft202012Validator, sketch: Sketch) -> None:
    assert list(validator.iter_errors(json.loads(write(invoice(sketch), "json")))) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), "receivables-invoice-0"),
        (("issue_date",), "2026-02-30"),
        (("lines", 0, "quantity"), 3),
        (("lines", 0, "quantity"), "1e3"),
        (("lines", 0, "vat", "category"), "Q"),
        (("seller", "nickname"), "Nord"),
        (("buyer", "name"), ""),
    ],
)
def test_what_the_schema_refuses_the_reader_refuses(
    path: tuple[str | int, ...], value: object, validator: Draft202012Validator
) -> None:
    document = json.loads(write(domestic(), "json"))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value

    assert list(validator.iter_errors(document))
    with pytest.raises(Invalid):
        read(json.dumps(document).encode(), "json")


def test_the_schema_names_every_term_with_its_meaning() -> None:
    described = " ".join(_descriptions(schema.schema()))

    assert all(f"BT-{n}" in described for n in range(1, 166) if n != 4)
    assert "BT-1: Unique in the seller's series; given last." in described


def _descriptions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(said := node.get("description"), str):
            yield said
        for value in node.values():
            yield from _descriptions(value)


@pytest.mark.parametrize(
    "document", [*(make() for make in GOLDEN.values()), all_that_the_core_holds(), with_extensions()]
)
def test_json_holds_all_of_a_document(document: Invoice) -> None:
    written = write(document, "json")

    assert read(written, "json") == document
    assert recognise(written) == "json"
    assert losses(document, "json", written) == []


@pytest.mark.parametrize(
    "document", [*(make() for make in GOLDEN.values()), all_that_the_core_holds(), with_extensions()]
)
def test_json_has_the_bytes_that_the_standard_library_would_write(document: Invoice) -> None:
    awkward = replace(document, payment_terms='line\nbreak, "quote", \\, \x7f, Ünïcödé \U0001f600', vat_breakdown=())
    awkward = replace(awkward, extensions={**document.extensions, "a:b": {"empty": [{}, []], "text": "\n\t/"}})
    written = write(awkward, "json").decode()

    assert written == json.dumps(json.loads(written), ensure_ascii=False, indent=1) + "\n"


@settings(max_examples=100, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(sketches())
def test_json_and_ubl_hold_the_same(sketch: Sketch) -> None:
    document = invoice(sketch)

    assert read(write(document, "json"), "json") == read(write(document)) == document


def test_equal_invoices_give_equal_json() -> None:
    document = with_extensions()
    same = replace(document, extensions=dict(reversed(EXTENSIONS.items())))
    same = replace(same, totals=replace(same.totals, due=Decimal("119.000")))

    assert same == document
    assert write(same, "json") == write(document, "json")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"19"', "19.0", "is written as a number"),
        ('"19"', "19", "a string is expected"),
        ('"19"', "NaN", "is written as a number"),
        ('"19"', '"1e3"', "no Decimal"),
        ('"19"', '"' + "1" * 41 + '"', "no Decimal"),
        ('"2026-03-02"', '"20260302"', "no date"),
        ('"2026-03-02"', '"2026-02-30"', "no date"),
        ('"category": "S"', '"category": "Q"', "no VatCategory"),
        ('"number": ', '"nummer": ', "unknown field 'nummer'"),
        ('"number": "RE-2026-000001",', "", r"number \(BT-1\) is missing"),
        ('"number": ', '"number": "1", "number": ', "twice"),
        ('"Nordwerk GmbH"', '"\\u0000"', "no str"),
        ('"Nordwerk GmbH"', '"\\ud800"', "no str"),
        ('"Nordwerk GmbH"', '""', "no str"),
        ("receivables-invoice-1", "receivables-invoice-9", "does not say"),
        ('"lines": [', '"lines": {"a": [', "no JSON"),
        ('"YSxiCjEsMgo="', '"?"', "no bytes"),
        ('"number": ', '"extensions": {"a:b": 1.5}, "number": ', "is written as a number"),
        ('"number": ', '"extensions": {"a:b": "\\u001b[2J"}, "number": ', "unprintable"),
        ('"number": ', '"extensions": {"a:b": 1234567890123456789}, "number": ', "18 digits"),
        ('"number": ', '"extensions": {"a:b": %s}, "number": ' % ("[" * 40 + "]" * 40), "nested too deeply"),
        ('"number": ', '"extensions": {"a:b": %s}, "number": ' % ("[" * 100_000 + "]" * 100_000), "nested too deeply"),
    ],
)
def test_json_that_breaks_the_schema_is_refused_with_its_place(old: str, new: str, why: str) -> None:
    text = write(domestic(), "json").decode()
    assert old in text

    with pytest.raises(Invalid, match=why) as refusal:
        read(text.replace(old, new, 1).encode(), "json")

    assert refusal.value.code == "document.unreadable"


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{", b"\xff{}", b'{"format": 1}'])
def test_what_is_no_json_invoice_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match=r"JSON|UTF-8|say"):
        read(data, "json")


def test_csv_has_a_row_for_each_line_with_the_documents_values_in_each() -> None:
    document = domestic()
    titles, *rows = csv.reader(io.StringIO(write(document, "csv").decode(), newline=""))

    table = [dict(zip(titles, row, strict=True)) for row in rows]
    assert [row["line.net_amount (BT-131)"] for row in table] == ["95.00", "32.75", "-10.00"]
    assert {row["seller.address.city (BT-37)"] for row in table} == {"Hamburg"}
    assert {row["buyer.address.city (BT-52)"] for row in table} == {"München"}
    assert {row["totals.due (BT-115)"] for row in table} == {f"{document.totals.due}"}
    assert len(set(titles)) == len(titles)


def test_a_spreadsheet_runs_nothing_that_a_document_says() -> None:
    evil = '=cmd|"/c calc"!A1'
    _, row = csv.reader(io.StringIO(write(an_invoice(buyer_reference=evil), "csv").decode(), newline=""))

    assert f"'{evil}" in row
    assert evil not in row


def test_csv_says_what_it_does_not_hold() -> None:
    document = replace(domestic(), extensions=EXTENSIONS)
    lost = {loss.place: loss for loss in losses(document, "csv", write(document, "csv"))}

    assert "many times" in lost["BG-23[1]/BT-117"].reason
    assert lost["BG-4/BT-29[1] scheme"].value == "0088"
    assert "no term" in lost["extensions/idoc:partner"].reason
    assert not {"BT-1", "BG-25[2]/BT-131", "BG-4/BT-27"} & set(lost)


def test_csv_is_not_read() -> None:
    with pytest.raises(Invalid, match="not read"):
        read(b"a,b", "csv")


def test_what_ubl_cannot_hold_is_listed_with_its_reason() -> None:
    lost = losses(with_extensions(), "ubl", write(with_extensions()))

    assert {loss.place for loss in lost} == {
        "extensions/us-tax:jurisdiction",
        "extensions/idoc:partner",
        "BG-25[1]/extensions/us-tax:exempt",
    }
    assert {loss.reason for loss in lost} == {"EN 16931 has no term for it"}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"<a/>", "a is the root of no invoice"),
        (b"no xml", "not well-formed"),
        (b"<!DOCTYPE a><a/>", "document type"),
        (b"<?xml version='1.0'?>", "not well-formed"),
    ],
)
def test_a_document_that_is_no_invoice_is_told(data: bytes, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        recognise(data)


def test_ubl_is_recognised_in_any_encoding() -> None:
    xml = write(domestic())

    assert recognise(xml) == "ubl"
    assert recognise(b"\xef\xbb\xbf" + xml) == "ubl"
    assert recognise(xml.decode().replace("UTF-8", "UTF-16").encode("utf-16")) == "ubl"


@pytest.mark.parametrize("format_", ["ubl", "cii"])
@pytest.mark.parametrize("attribute", [b' filename="hours.csv"', b' mimeCode="text/csv"', b' schemeID="0088"'])
def test_what_xml_leaves_empty_can_be_kept_as_json(format_: str, attribute: bytes) -> None:
    """Found by the fuzzer."""
    xml = write(domestic(), format_)
    assert attribute in xml
    found = read(xml.replace(attribute, attribute.partition(b'"')[0] + b'""'), format_)

    assert read(write(found, "json"), "json") == found
