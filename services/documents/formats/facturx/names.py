"""What Factur-X calls its levels, and how the XML of each is attached to its page."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.documents.model import (
    CORE,
    FACTURX_BASIC,
    FACTURX_BASIC_WL,
    FACTURX_EXTENDED,
    FACTURX_MINIMUM,
    XRECHNUNG,
)


@dataclass(frozen=True, slots=True)
class Level:
    """The name in the metadata; what the XML is to the page: the same invoice, or data of it only."""

    name: str
    relationship: str = "alternative"
    filename: str = "factur-x.xml"


# By BT-24; what claims anything else is written in the core's name.
LEVELS: Mapping[str, Level] = {
    FACTURX_MINIMUM: Level("MINIMUM", "data"),
    FACTURX_BASIC_WL: Level("BASIC WL", "data"),
    FACTURX_BASIC: Level("BASIC"),
    CORE: Level("EN 16931"),
    FACTURX_EXTENDED: Level("EXTENDED"),
    XRECHNUNG: Level("XRECHNUNG", filename="xrechnung.xml"),
}
# The names under which invoices stand in PDFs, newest first; ZUGFeRD 1's `ZUGFeRD-invoice.xml` is another format.
FILENAMES = ("factur-x.xml", "xrechnung.xml", "zugferd-invoice.xml")
NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
