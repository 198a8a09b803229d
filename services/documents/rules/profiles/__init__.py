"""The profiles by name: narrowings of the core (and one extension) that documents claim in BT-24, and who judges them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from services.documents.model import (
    CORE,
    FACTURX_BASIC,
    FACTURX_BASIC_WL,
    FACTURX_EXTENDED,
    FACTURX_MINIMUM,
    PEPPOL,
    PEPPOL_SELF_BILLING,
    XRECHNUNG,
    XRECHNUNG_EXTENSION,
    Invoice,
    ProcessControl,
    VatCategory,
)
from services.documents.rules import sets
from services.documents.rules.finding import Finding
from services.documents.rules.profiles import facturx, germany, peppol, xrechnung
from services.kernel.refusals import Invalid, quoted


@dataclass(frozen=True, slots=True)
class Profile:
    """What a document claims (BT-24, BT-23), what that asks of it beyond the core, and which rule set judges it."""

    title: str
    specification: str
    # The rule set by format; a format that is missing here cannot carry the profile.
    rule_sets: Mapping[str, str]
    business_process: str | None = None
    rules: tuple[Callable[[Invoice], Iterator[Finding]], ...] = ()
    # The core's rules that the profile takes back.
    without: frozenset[str] = field(default_factory=frozenset)


def _facturx(title: str, specification: str, level: str, *rules: Callable[[Invoice], Iterator[Finding]]) -> Profile:
    """A level of Factur-X: CII, by itself or inside a PDF."""
    rule_set = sets.FACTURX[level]
    return Profile(f"Factur-X {title}", specification, {"cii": rule_set, "facturx": rule_set}, rules=rules)


_BASIC = (facturx.check_rounding, facturx.check_igic, facturx.check_split_payment)
PROFILES: Mapping[str, Profile] = {
    "en16931": Profile(
        "EN 16931 core",
        CORE,
        {"ubl": sets.EN16931_UBL, "cii": sets.EN16931_CII, "facturx": sets.FACTURX["en16931"]},
    ),
    "peppol": Profile(
        "Peppol BIS Billing 3", PEPPOL, {"ubl": sets.PEPPOL_UBL}, peppol.BILLING, (peppol.check, peppol.check_national)
    ),
    "peppol-selfbilling": Profile(
        "Peppol BIS Self-Billing 3",
        PEPPOL_SELF_BILLING,
        {"ubl": sets.PEPPOL_SELF_BILLING_UBL},
        peppol.SELF_BILLING,
        (peppol.check,),
    ),
    "xrechnung": Profile(
        "XRechnung 3.0",
        XRECHNUNG,
        {"ubl": sets.XRECHNUNG_UBL, "cii": sets.XRECHNUNG_CII, "facturx": sets.XRECHNUNG_CII},
        peppol.BILLING,
        (xrechnung.check,),
        without=frozenset({"BR-CL-21", "BR-CL-23"}),
    ),
    "xrechnung-extension": Profile(
        "XRechnung 3.0 with its extension",
        XRECHNUNG_EXTENSION,
        {"ubl": "xrechnung-extension-ubl-3.0.2", "cii": "xrechnung-extension-cii-3.0.2"},
        peppol.BILLING,
        (xrechnung.check, xrechnung.check_extension),
        without=frozenset(
            f"BR-{rule}" for rule in ("CL-10", "CL-11", "CL-21", "CL-23", "CL-24", "CL-25", "CL-26", "CO-16")
        ),
    ),
    "facturx-minimum": _facturx("MINIMUM", FACTURX_MINIMUM, "minimum"),
    "facturx-basicwl": _facturx("BASIC WL", FACTURX_BASIC_WL, "basicwl", *_BASIC),
    "facturx-basic": _facturx("BASIC", FACTURX_BASIC, "basic", *_BASIC),
    # As the core's: a draft in the core's name does not say in which syntax it will travel.
    "facturx-en16931": _facturx("EN16931", CORE, "en16931"),
    "facturx-extended": _facturx("EXTENDED", FACTURX_EXTENDED, "extended", facturx.check_igic, facturx.check_slack),
}
# The core itself, before Factur-X's level that claims the same.
_BY_SPECIFICATION = {profile.specification: name for name, profile in reversed(list(PROFILES.items()))}


def named(name: str) -> Profile:
    """Find a profile; refuse a name that is none."""
    if (found := PROFILES.get(name)) is None:
        raise Invalid("document.unknown_profile", f"{quoted(name)} is not a profile; there are: {', '.join(PROFILES)}")
    return found


def claimed(specification: str) -> str | None:
    """The name of the profile that a document claims by its BT-24, if we know it."""
    return _BY_SPECIFICATION.get(" ".join(specification.split()))


def claim(invoice: Invoice, name: str) -> Invoice:
    """The same document in a profile's name: BT-24, BT-23 unless it has one, and what else the profile says otherwise."""
    profile = named(name)
    process = ProcessControl(
        business_process=invoice.process.business_process or profile.business_process,
        specification=profile.specification,
    )
    breakdown = invoice.vat_breakdown
    if profile.specification in (XRECHNUNG, XRECHNUNG_EXTENSION) or (name == "peppol" and germany.is_domestic(invoice)):
        # BR-DE-14, DE-R-014: a rate in each row, even where the core has none (outside the scope of VAT).
        breakdown = tuple(
            replace(row, rate=Decimal(0)) if row.category is VatCategory.OUTSIDE_SCOPE else row for row in breakdown
        )
    return replace(invoice, process=process, vat_breakdown=breakdown)


def check(invoice: Invoice, core: list[Finding]) -> Iterator[Finding]:
    """What the core's rules found, less what the claimed profile takes back, plus what it asks for."""
    name = claimed(invoice.process.specification)
    profile = PROFILES["en16931" if name is None else name]
    yield from (finding for finding in core if finding.rule not in profile.without)
    for rules in profile.rules:
        yield from rules(invoice)
