"""Whether bytes are UBL 2.1 by its XML schemas, read from a folder that the caller names."""

from pathlib import Path

from lxml import etree

from services.invoicing.documents import safe
from services.invoicing.documents.rules.finding import Finding, fatal
from services.invoicing.documents.rules.sets import UBL


class Schema:
    """The schemas of Invoice and CreditNote, loaded once."""

    def __init__(self, rules_dir: Path) -> None:
        main = rules_dir / UBL / "maindoc"
        parser = etree.XMLParser(no_network=True)
        self._by_root = {
            f"{{urn:oasis:names:specification:ubl:schema:xsd:{name}-2}}{name}": etree.XMLSchema(
                etree.parse(str(main / f"UBL-{name}-2.1.xsd"), parser)
            )
            for name in ("Invoice", "CreditNote")
        }

    def check(self, xml: bytes) -> list[Finding]:
        """Judge the bytes: well-formed, a known root, the schema. The place is an XPath."""
        try:
            root = safe.parse(xml)
        except safe.Unsafe as error:
            return [fatal("XML", str(error), "/")]
        return self.check_parsed(root)

    def check_parsed(self, root: etree._Element) -> list[Finding]:
        """Judge a document that `safe.parse` has read."""
        schema = self._by_root.get(root.tag)
        if schema is None:
            return [fatal("XSD", f"{root.tag} is not the root of a UBL invoice or credit note", "/")]
        if schema.validate(root):
            return []
        return [fatal("XSD", error.message, error.path or "/") for error in schema.error_log]  # type: ignore[attr-defined]  # the stubs lack path
