"""Makes the hybrid: the page as PDF/A-3b with the XML attached, and the metadata that Factur-X asks for."""

import io
import json
import re
from collections.abc import Mapping
from contextlib import ExitStack
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pikepdf
import typst
from lxml import etree

from services.documents.formats.facturx.names import NAMESPACE, Level

_UNSHOWN = re.compile(r"the text `\"(.+?)\"` could not be displayed")
_SUBSTITUTE = "▯"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_EXTENSION = "http://www.aiim.org/pdfa/ns/extension/"
_SCHEMA = "http://www.aiim.org/pdfa/ns/schema#"
_PROPERTY = "http://www.aiim.org/pdfa/ns/property#"
# The description of Factur-X's own metadata, without which PDF/A would not have it.
_PROPERTIES = {
    "DocumentFileName": "name of the embedded XML invoice file",
    "DocumentType": "INVOICE",
    "Version": "The actual version of the Factur-X XML schema",
    "ConformanceLevel": "The conformance level of the embedded Factur-X data",
}


# While the engine lays out it takes some 0.1 MB a line, so a long page is laid out in parts, one after another.
LINES_A_PART = 500
# What it has laid out it keeps until so many further compilations did not ask for it: for a short page that is quick,
# after a longer one it is told to forget.
_KEPT_FOR = 10
_LINES_TO_KEEP = 50


def make(content: Mapping[str, Any], xml: bytes, level: Level, fonts: tuple[Path, ...], unshown: str) -> bytes:
    """Lay the page out and attach the XML; equal values and fonts give equal bytes.

    A character that no font has would break PDF/A: it is shown as ▯, and `unshown` tells the reader so. A page that
    is laid out in parts does not say how many pages there are, and is not tagged: one tree over all parts would be
    as large as the page.
    """
    page = {**content, "file": {"name": level.filename, "relationship": level.relationship}}
    lines = content["lines"]
    parts = [lines[at : at + LINES_A_PART] for at in range(0, max(1, len(lines)), LINES_A_PART)]
    missing: set[str] = set()
    with ExitStack() as open_parts:
        document = None
        for nth, part in enumerate(parts, start=1):
            is_first, is_last = nth == 1, nth == len(parts)
            number = 1 if document is None else len(document.pages) + 1
            page["lines"], page["part"] = part, {"first": is_first, "last": is_last, "page": number}
            made = _laid_out(page, xml, fonts, missing, unshown, is_tagged=is_first and is_last)
            opened = open_parts.enter_context(pikepdf.open(io.BytesIO(made)))
            if document is None:
                document = opened
            else:
                document.pages.extend(opened.pages)
        assert document is not None
        return _with_metadata(document, level)


def _laid_out(
    page: Mapping[str, Any], xml: bytes, fonts: tuple[Path, ...], missing: set[str], unshown: str, *, is_tagged: bool
) -> bytes:
    """One part; the characters that no font has are added to those that were `missing` in the parts before."""
    while True:
        shown = page
        if missing:
            shown = _replaced(page, str.maketrans(dict.fromkeys(missing, _SUBSTITUTE)))
            shown["remarks"] = [*page["remarks"], unshown]
        try:
            return _compile(shown, xml if page["part"]["first"] else b"", fonts, is_tagged=is_tagged)
        except typst.TypstError as error:
            found = {sign for text in _UNSHOWN.findall(f"{error.message}\n{error.diagnostic}") for sign in text}
            if not found - missing:
                raise
            missing |= found


def _compile(page: Mapping[str, Any], xml: bytes, fonts: tuple[Path, ...], *, is_tagged: bool) -> bytes:
    compiler = typst.Compiler(_template(), font_paths=_fonts(fonts), ignore_system_fonts=True)
    made = compiler.compile(
        format="pdf",
        pdf_standards=["a-3b"],
        pdf_tags=is_tagged,
        sys_inputs={"page": json.dumps(page, ensure_ascii=False), "xml": xml.decode()},
    )
    assert isinstance(made, bytes)
    if len(page["lines"]) > _LINES_TO_KEEP:
        for _ in range(_KEPT_FOR + 1):
            typst.compile(b"", format="svg", font_paths=_fonts(fonts), ignore_system_fonts=True)
    return made


@lru_cache(maxsize=1)
def _template() -> bytes:
    return files(__package__).joinpath("page.typ").read_bytes()


@lru_cache(maxsize=4)
def _fonts(folders: tuple[Path, ...]) -> typst.Fonts:
    """The engine's own fonts and those of the folders; the machine's are not used, for each machine has others."""
    return typst.Fonts(include_system_fonts=False, font_paths=[str(folder) for folder in folders])


def _replaced(value: Any, signs: Mapping[int, str]) -> Any:
    """The same data with some characters replaced."""
    if isinstance(value, str):
        return value.translate(signs)
    if isinstance(value, dict):
        return {key: _replaced(each, signs) for key, each in value.items()}
    return [_replaced(each, signs) for each in value] if isinstance(value, list | tuple) else value


def _with_metadata(document: pikepdf.Pdf, level: Level) -> bytes:
    """Say in the document's metadata which file is the invoice, and of which level.

    The tags that describe each cell of the table are packed, or 10,000 lines would take 14 MB instead of three.
    """
    tree = etree.ElementTree(etree.fromstring(document.Root.Metadata.read_bytes()))
    _describe(tree.getroot(), level)
    document.Root.Metadata.write(etree.tostring(tree, encoding="UTF-8"))
    saved = io.BytesIO()
    document.save(saved, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return saved.getvalue()


def _describe(metadata: etree._Element, level: Level) -> None:
    bag = metadata.find(f".//{{{_EXTENSION}}}schemas/{{{_RDF}}}Bag")  # a second bag would not be read
    whole = metadata.find(f"{{{_RDF}}}RDF")
    assert bag is not None
    assert whole is not None
    schema = _item(bag)
    for name, text in (("schema", "Factur-X PDFA Extension Schema"), ("namespaceURI", NAMESPACE), ("prefix", "fx")):
        etree.SubElement(schema, f"{{{_SCHEMA}}}{name}").text = text
    properties = etree.SubElement(etree.SubElement(schema, f"{{{_SCHEMA}}}property"), f"{{{_RDF}}}Seq")
    for name, means in _PROPERTIES.items():
        item = _item(properties)
        for part, text in (("name", name), ("valueType", "Text"), ("category", "external"), ("description", means)):
            etree.SubElement(item, f"{{{_PROPERTY}}}{part}").text = text
    about = {f"{{{_RDF}}}about": ""}
    description = etree.SubElement(whole, f"{{{_RDF}}}Description", attrib=about, nsmap={"fx": NAMESPACE})
    for name, text in (
        ("DocumentType", "INVOICE"),
        ("DocumentFileName", level.filename),
        ("Version", "1.0"),
        ("ConformanceLevel", level.name),
    ):
        etree.SubElement(description, f"{{{NAMESPACE}}}{name}").text = text


def _item(parent: etree._Element) -> etree._Element:
    return etree.SubElement(parent, f"{{{_RDF}}}li", attrib={f"{{{_RDF}}}parseType": "Resource"})
