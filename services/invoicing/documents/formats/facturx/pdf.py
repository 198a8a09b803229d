"""Makes the hybrid: the page as PDF/A-3b with the XML attached, and the metadata that Factur-X asks for."""

import io
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pikepdf
import typst
from lxml import etree

from services.invoicing.documents.formats.facturx.names import NAMESPACE, Level

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


def make(content: Mapping[str, Any], xml: bytes, level: Level, fonts: tuple[Path, ...], unshown: str) -> bytes:
    """Lay the page out and attach the XML; equal values and fonts give equal bytes.

    A character that no font has would break PDF/A: it is shown as ▯, and `unshown` tells the reader so.
    """
    page = {**content, "file": {"name": level.filename, "relationship": level.relationship}}
    missing: set[str] = set()
    while True:
        try:
            made = _compile(page, xml.decode("utf-8"), fonts)
        except typst.TypstError as error:
            found = {sign for text in _UNSHOWN.findall(f"{error.message}\n{error.diagnostic}") for sign in text}
            if not found - missing:
                raise
            missing |= found
            page = _replaced(page, str.maketrans(dict.fromkeys(missing, _SUBSTITUTE)))
            page["remarks"] = [*content["remarks"], unshown]
        else:
            return _with_metadata(made, level)


def _compile(page: Mapping[str, Any], xml: str, fonts: tuple[Path, ...]) -> bytes:
    compiler = typst.Compiler(_template(), font_paths=_fonts(fonts), ignore_system_fonts=True)
    made = compiler.compile(
        format="pdf",
        pdf_standards=["a-3b"],
        sys_inputs={"page": json.dumps(page, ensure_ascii=False), "xml": xml},
    )
    assert isinstance(made, bytes)
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


def _with_metadata(made: bytes, level: Level) -> bytes:
    """Say in the document's metadata which file is the invoice, and of which level."""
    with pikepdf.open(io.BytesIO(made)) as document:
        tree = etree.ElementTree(etree.fromstring(document.Root.Metadata.read_bytes()))
        _describe(tree.getroot(), level)
        document.Root.Metadata.write(etree.tostring(tree, encoding="UTF-8"))
        saved = io.BytesIO()
        document.save(saved, deterministic_id=True)
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
