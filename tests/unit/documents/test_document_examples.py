"""The official bodies' own examples: each is judged as they say, read, and written again with the same values."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from deploy.local.rules import EXAMPLE_SETS, examples
from services.documents import PROFILES, OfficialRules, is_valid, read, write
from services.documents.formats import losses, recognise
from services.documents.rules.profiles import claimed

NO_SUB_LINES = "XRechnung's extension travels in UBL"
# What does not survive the way into the other syntax, by file: the places, and why.
LOST_IN_THE_OTHER: dict[str, dict[str, str]] = {
    "en16931/ubl/guide-example2.xml": {"BG-25[1]/BG-29/BT-147": "a discount without a gross price"},
    "en16931/ubl/ubl-tc434-example2.xml": {"BG-25[1]/BG-29/BT-147": "a discount without a gross price"},
    "xrechnung/ubl-inv-ext/04.01a-INVOICE_ubl.xml": {
        f"BG-25[{line}]/extensions/xrechnung:sub-lines": NO_SUB_LINES for line in (1, 2)
    },
    "xrechnung/ubl-inv-ext/04.02a-INVOICE_ubl.xml": {"BG-25[1]/extensions/xrechnung:sub-lines": NO_SUB_LINES},
    "xrechnung/ubl-inv-ext/04.03a-INVOICE_ubl.xml": {
        "BG-25[1]/extensions/xrechnung:sub-lines": NO_SUB_LINES,
        "BG-3[2]/BT-25": "CII D16B has room for one preceding invoice",
        "BG-3[3]/BT-25": "CII D16B has room for one preceding invoice",
    },
    "xrechnung/ubl-inv-ext/04.04a-INVOICE_ubl.xml": {"BG-25[1]/extensions/xrechnung:sub-lines": NO_SUB_LINES},
    "xrechnung/ubl-inv-ext/05.01a-INVOICE_ubl.xml": {"extensions/xrechnung:third-party-payments": NO_SUB_LINES},
}
# Texts of an example that EN 16931's binding has no term for, by element and text (any file), and why.
NO_TERM: dict[str, str] = {
    "TaxScheme/ID": "any scheme but VAT marks the tax registration (BT-32); we write TAX",
    "CardAccount/NetworkID": "UBL demands it, the core has no term for it",
    "PayeePartyCreditorFinancialAccount/IBANID": "no IBAN: written as a ProprietaryID, with the same value",
    "GrossPriceProductTradePrice/BasisQuantity": "BT-149 is the net price's; this one says another number",
    "AdditionalReferencedDocument/IssuerAssignedID": "without a type it is neither tender, object nor supporting",
    "AllowanceCharge/ChargeIndicator": "0 is written as false",
    "ApplicableTradeTax/ExemptionReason": "a line has no exemption reason in the core, the breakdown has",
    "SpecifiedTaxRegistration/ID": "a buyer has no tax registration besides its VAT id in the core",
    "PartyTaxScheme/CompanyID": "a buyer has no tax registration besides its VAT id in the core",
}
# What the official sheets refuse in their own examples.
REFUSED = {"en16931/ubl/issue116.xml": {"PEPPOL-COMMON-R049"}}
# What becomes invalid in the other syntax, because the two sheets differ.
REFUSED_IN_THE_OTHER = {
    **REFUSED,
    # UBL's sheet lets BT-6 name the document's own currency, CII's asks for BT-111 then.
    "en16931/ubl/sample-discount-price.xml": {"BR-53"},
}


def all_examples() -> Iterator[tuple[str, bytes]]:
    for name in EXAMPLE_SETS:
        folder = examples(name)
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                yield f"{name}/{file.relative_to(folder).as_posix()}", file.read_bytes()


@pytest.fixture(scope="module")
def documents() -> dict[str, bytes]:
    return dict(all_examples())


def rule_set(data: bytes, syntax: str) -> str:
    """The rule set of the profile that an example claims; of the core, where it claims what we do not know."""
    invoice = read(data, recognise(data))
    profile = PROFILES[claimed(invoice.process.specification) or "en16931"]
    return profile.rule_sets.get(syntax) or PROFILES["en16931"].rule_sets[syntax]


def fatal(found: list) -> set[str]:  # type: ignore[type-arg]  # of findings
    return {finding.rule for finding in found if finding.severity == "fatal"}


def other(syntax: str) -> str:
    return "cii" if syntax == "ubl" else "ubl"


def test_all_the_examples_are_there(documents: dict[str, bytes]) -> None:
    assert Counter(name.split("/")[0] for name in documents) == {"en16931": 34, "peppol": 19, "xrechnung": 72}


def test_every_example_is_judged_as_its_publisher_says(documents: dict[str, bytes], official: OfficialRules) -> None:
    pending = {name: official.submit(data, rule_set(data, recognise(data))) for name, data in documents.items()}

    assert {name: rules for name, found in pending.items() if (rules := fatal(found.result()))} == REFUSED


def test_every_example_comes_back_with_the_same_values(documents: dict[str, bytes]) -> None:
    """In its own syntax, in our JSON, and in the other syntax, there and back."""
    lost: dict[str, set[str]] = {}
    for name, data in documents.items():
        syntax = recognise(data)
        invoice = read(data, syntax)
        assert losses(invoice, syntax, write(invoice, syntax)) == [], name
        assert read(write(invoice, "json"), "json") == invoice, name
        there = write(invoice, other(syntax))
        if places := {loss.place for loss in losses(invoice, other(syntax), there)}:
            lost[name] = places
        else:
            back = write(read(there, other(syntax)), syntax)
            assert losses(invoice, syntax, back) == [], name  # UBL adds a total VAT of 0 where there is none

    assert lost == {name: set(places) for name, places in LOST_IN_THE_OTHER.items()}


def test_reading_an_example_leaves_nothing_behind_that_has_a_term(documents: dict[str, bytes]) -> None:
    """Seen without our reader: every text of the example stands in what we write, in the same element."""
    dropped: dict[str, list[str]] = {}
    for name, data in documents.items():
        syntax = recognise(data)
        for (element, text), times in (texts(data) - texts(write(read(data, syntax), syntax))).items():
            dropped.setdefault(element, []).append(f"{name}: {text} ({times})")

    assert set(dropped) == set(NO_TERM), dropped


def texts(xml: bytes) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for element in etree.fromstring(xml).iter():
        text = " ".join((element.text or "").split())
        if isinstance(element.tag, str) and not len(element) and text:
            parent = element.getparent()
            assert parent is not None
            place = "/".join(etree.QName(each).localname for each in (parent, element))
            found[place, as_number(text)] += 1
    return found


def as_number(text: str) -> str:
    try:
        return str(float(text))
    except ValueError:
        return text


@pytest.mark.parametrize("way", ["same", "other"])
def test_what_is_written_again_is_as_valid_as_the_example(
    way: str, documents: dict[str, bytes], official: OfficialRules
) -> None:
    pending = {}
    for name, data in documents.items():
        syntax = recognise(data)
        target = syntax if way == "same" else other(syntax)
        pending[name] = official.submit(write(read(data, syntax), target), rule_set(data, target))

    refused = {name: rules for name, found in pending.items() if (rules := fatal(found.result()))}

    # As CII, which Peppol does not have, an example of Peppol is judged by the core alone.
    known = REFUSED if way == "same" else {"en16931/ubl/sample-discount-price.xml": {"BR-53"}}
    assert refused == known


def test_a_damaged_example_is_refused(documents: dict[str, bytes], official: OfficialRules) -> None:
    data = documents["peppol/billing/base-example.xml"]
    damaged = data.replace(b'<cbc:PayableAmount currencyID="EUR">', b'<cbc:PayableAmount currencyID="EUR">9')
    assert damaged != data

    assert not is_valid(official.submit(damaged, rule_set(data, "ubl")).result())


def test_there_is_a_reason_for_each_exception(documents: dict[str, bytes]) -> None:
    assert set(LOST_IN_THE_OTHER) | set(REFUSED_IN_THE_OTHER) <= set(documents)
    assert all(Path(name).suffix.lower() == ".xml" for name in documents)
