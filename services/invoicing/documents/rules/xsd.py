"""Whether bytes are UBL 2.1 or CII D16B by their XML schemas, read from a folder that the caller names."""

from collections.abc import Mapping
from pathlib import Path

from lxml import etree

from services.invoicing.documents import safe
from services.invoicing.documents.rules.finding import Finding, fatal
from services.invoicing.documents.rules.sets import CII, UBL

# The root of each kind of document, and where its schema stands.
_UBL = {
    f"{{urn:oasis:names:specification:ubl:schema:xsd:{name}-2}}{name}": f"{UBL}/maindoc/UBL-{name}-2.1.xsd"
    for name in ("Invoice", "CreditNote")
}
_CII = {
    "{urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100}CrossIndustryInvoice": (
        f"{CII}/data/standard/CrossIndustryInvoice_100pD16B.xsd"
    )
}
_FILES: Mapping[str, str] = {**_UBL, **_CII}
ROOTS: Mapping[str, frozenset[str]] = {UBL: frozenset(_UBL), CII: frozenset(_CII)}


class Schema:
    """The schemas, each loaded once: UBL's at once, CII's when the first such document comes."""

    def __init__(self, rules_dir: Path) -> None:
        self._rules_dir = rules_dir
        self._by_root = {root: self._load(root) for root in _UBL}

    def _load(self, root: str) -> etree.XMLSchema:
        return etree.XMLSchema(etree.parse(str(self._rules_dir / _FILES[root]), etree.XMLParser(no_network=True)))

    def check(self, xml: bytes) -> list[Finding]:
        """Judge the bytes: well-formed, a known root, the schema. The place is an XPath."""
        try:
            root = safe.parse(xml)
        except safe.Unsafe as error:
            return [fatal("XML", str(error), "/")]
        return self.check_parsed(root)

    def check_parsed(self, root: etree._Element) -> list[Finding]:
        """Judge a document that `safe.parse` has read."""
        name = str(root.tag)
        if name not in _FILES:
            return [
                fatal("XSD", f"{name[:120]} is not the root of a UBL invoice or credit note, nor of a CII invoice", "/")
            ]
        if name not in self._by_root:
            self._by_root[name] = self._load(name)
        schema = self._by_root[name]
        if schema.validate(root):
            return []
        return [fatal("XSD", error.message, error.path or "/") for error in schema.error_log]  # type: ignore[attr-defined]  # the stubs lack path
