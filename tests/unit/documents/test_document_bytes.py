"""XML that is written as text has the bytes that lxml would write of the same tree."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from deploy.local.rules import EXAMPLE_SETS, examples
from services.documents import PROFILES, claim, read, write
from services.documents.formats import recognise
from services.documents.model import Attachment, Contact, Identifier, Invoice, Item, Note, SupportingDocument
from services.documents.safe import UNPRINTABLE
from tests.unit.documents.examples import BUYER, GOLDEN, a_line, an_invoice, domestic
from tests.unit.documents.sketches import Sketch, invoice, sketches

# What XML must escape, what a parser would normalise, what looks like markup.
AWKWARD = [
    "a < b > c",
    "R&D &amp; co",
    "]]>",
    "a\tb\nc",
    "say \"no\" or 'yes'",
    "<!-- -->",
    "Ünïcödé 日本 \U0001f600",
    "a\u0085b",
]
generated = settings(
    max_examples=100, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


def written_by_lxml(xml: bytes) -> bytes:
    root = etree.fromstring(xml, etree.XMLParser(remove_blank_text=True))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def with_text(text: str) -> Invoice:
    """A document with a text wherever one may stand: in elements, and in attributes."""
    return an_invoice(
        a_line(item=Item(name=text, standard_id=Identifier(value=text, scheme=text))),
        notes=(Note(text=text),),
        buyer=replace(BUYER, identifier=Identifier(value=text), contact=Contact(name=text)),
        supporting=(
            SupportingDocument(
                reference=text, attachment=Attachment(content=b"x", media_type="text/csv", filename=text)
            ),
        ),
    )


def official_examples() -> Iterator[Invoice]:
    for name in EXAMPLE_SETS:
        for file in sorted(examples(name).rglob("*.xml")):
            data = file.read_bytes()
            yield read(data, recognise(data))


@pytest.mark.parametrize("syntax", ["ubl", "cii"])
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("document", GOLDEN)
def test_in_every_profile_the_bytes_are_lxmls(document: str, profile: str, syntax: str) -> None:
    xml = write(claim(GOLDEN[document](), profile), syntax)

    assert xml == written_by_lxml(xml)


@generated
@given(sketches())
def test_of_any_document_the_bytes_are_lxmls(sketch: Sketch) -> None:
    document = invoice(sketch)

    for syntax in ("ubl", "cii"):
        xml = write(document, syntax)
        assert xml == written_by_lxml(xml)


@pytest.mark.parametrize("syntax", ["ubl", "cii"])
def test_of_the_official_examples_the_bytes_are_lxmls(syntax: str) -> None:
    for document in official_examples():
        xml = write(document, syntax)
        assert xml == written_by_lxml(xml)


@pytest.mark.parametrize("syntax", ["ubl", "cii"])
@pytest.mark.parametrize("text", AWKWARD)
def test_a_text_that_looks_like_markup_is_a_text(text: str, syntax: str) -> None:
    document = with_text(text)
    xml = write(document, syntax)

    assert xml == written_by_lxml(xml)
    assert read(xml, syntax) == document


@generated
@given(st.text(st.characters(exclude_characters="\r"), min_size=1).filter(lambda text: not UNPRINTABLE.search(text)))
def test_any_text_arrives(text: str) -> None:
    for syntax in ("ubl", "cii"):
        xml = write(with_text(text), syntax)
        assert xml == written_by_lxml(xml)
        assert etree.fromstring(xml).xpath("//@filename") == [text]


def test_a_carriage_return_is_kept_from_being_normalised() -> None:
    xml = write(with_text("a\r\nb"))

    assert etree.fromstring(xml).xpath("//@filename") == ["a\r\nb"]
    assert xml == written_by_lxml(xml)


@pytest.mark.parametrize("syntax", ["ubl", "cii"])
@pytest.mark.parametrize("sign", ["\x00", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_a_character_that_no_xml_can_hold_is_never_written(sign: str, syntax: str) -> None:
    with pytest.raises(ValueError, match=r"no XML|surrogates"):
        write(replace(domestic(), notes=(Note(text=f"a{sign}b"),)), syntax)
