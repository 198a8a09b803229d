"""Whether bytes are what an XML schema allows: UBL 2.1, CII D16B, or a level of Factur-X, read from a folder."""

from collections.abc import Mapping
from pathlib import Path

from lxml import etree

from services.documents import safe
from services.documents.rules.finding import Finding, fatal
from services.documents.rules.sets import CII, FACTURX, UBL

_CII_ROOT = "{urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100}CrossIndustryInvoice"
# By schema, the root of each kind of document, and where its schema stands.
_FILES: Mapping[str, dict[str, str]] = {
    UBL: {
        f"{{urn:oasis:names:specification:ubl:schema:xsd:{name}-2}}{name}": f"{UBL}/maindoc/UBL-{name}-2.1.xsd"
        for name in ("Invoice", "CreditNote")
    },
    CII: {_CII_ROOT: f"{CII}/data/standard/CrossIndustryInvoice_100pD16B.xsd"},
    **{folder: {_CII_ROOT: f"{folder}/Factur-X_{level.upper()}.xsd"} for level, folder in FACTURX.items()},
}
ROOTS: Mapping[str, frozenset[str]] = {schema: frozenset(files) for schema, files in _FILES.items()}


class Schema:
    """The schemas, each loaded once: UBL's at once, the others when the first such document comes."""

    def __init__(self, rules_dir: Path) -> None:
        self._rules_dir = rules_dir
        self._loaded: dict[str, etree.XMLSchema] = {}
        for file in _FILES[UBL].values():
            self._schema(file)

    def _schema(self, file: str) -> etree.XMLSchema:
        if file not in self._loaded:
            tree = etree.parse(str(self._rules_dir / file), etree.XMLParser(no_network=True))
            self._loaded[file] = etree.XMLSchema(tree)
        return self._loaded[file]

    def check(self, xml: bytes, schema: str | None = None) -> list[Finding]:
        """Judge the bytes: well-formed, a known root, the schema. The place is an XPath.

        Without the name of a schema it is UBL's or CII's, by the root.
        """
        try:
            root = safe.parse(xml)
        except safe.Unsafe as error:
            return [fatal("XML", str(error), "/")]
        return self.check_parsed(root, schema)

    def check_parsed(self, root: etree._Element, schema: str | None = None) -> list[Finding]:
        """Judge a document that `safe.parse` has read."""
        name = str(root.tag)
        file = (_FILES[UBL] | _FILES[CII] if schema is None else _FILES[schema]).get(name)
        if file is None:
            return [
                fatal("XSD", f"{name[:120]} is not the root of a UBL invoice or credit note, nor of a CII invoice", "/")
            ]
        loaded = self._schema(file)
        if loaded.validate(root):
            return []
        return [fatal("XSD", error.message, error.path or "/") for error in loaded.error_log]  # type: ignore[attr-defined]  # the stubs lack path
