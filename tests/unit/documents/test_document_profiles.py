"""Peppol and XRechnung: whatever their official sheets refuse we refuse, whatever we let pass they let pass."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from services.documents import PROFILES, OfficialRules, Severity, check, claim, is_valid, read, write
from services.documents.model import (
    Address,
    Attachment,
    Buyer,
    Contact,
    CreditTransfer,
    Delivery,
    DirectDebit,
    Identifier,
    Invoice,
    InvoiceLine,
    Item,
    LineVat,
    Note,
    PaymentCard,
    PaymentInstructions,
    Period,
    ProcessControl,
    Seller,
    SupportingDocument,
    TypeCode,
    VatCategory,
)
from services.documents.model.xrechnung import PAYMENTS, SUB_LINES
from services.documents.rules.profiles import claimed, named
from services.kernel.refusals import Invalid
from tests.unit.documents.examples import (
    BUYER,
    GOLDEN,
    PAYMENT,
    SELLER,
    SWEDISH_BUYER,
    a_line,
    an_invoice,
    credit_note,
    domestic,
)
from tests.unit.documents.sketches import Sketch, invoice, sketches

INVOICES = [64, pytest.param(int(os.environ.get("AR_INVOICES", "160")), marks=pytest.mark.prove)]
DEBIT = PaymentInstructions(
    means="59",
    direct_debit=DirectDebit(mandate="M-1", creditor_id="DE98ZZZ09999999999", debited_account="DE02100100100006820101"),
)
SWEDISH_SELLER = Seller(
    name="Norrland Verktyg AB",
    legal_id=Identifier(value="5567321707"),
    vat_id="SE556732170701",
    electronic_address=Identifier(value="5567321707", scheme="0007"),
    address=Address(line_1="Storgatan 5", city="Umeå", post_code="903 26", country="SE"),
)


def peppol(made: Invoice | None = None, **changes: object) -> Invoice:
    return on_the_network(replace(made or an_invoice(), **{"buyer_reference": "0204:1", **changes}))  # type: ignore[arg-type]  # each test names real fields


def on_the_network(made: Invoice, profile: str = "peppol") -> Invoice:
    """The same, between participants: an e-mail address is no address of Peppol."""
    parties: dict[str, Any] = {"seller": made.seller, "buyer": made.buyer}
    for name, party in parties.items():
        if party.electronic_address == (SELLER if name == "seller" else BUYER).electronic_address:
            parties[name] = replace(party, electronic_address=Identifier(value="DE136695976", scheme="9930"))
    return claim(replace(made, **parties), profile)


def german(made: Invoice | None = None, **changes: object) -> Invoice:
    return claim(replace(made or an_invoice(), **{"buyer_reference": "04011000-12345-34", **changes}), "xrechnung")  # type: ignore[arg-type]  # each test names real fields


def seller(**changes: object) -> Seller:
    return replace(SELLER, **changes)  # type: ignore[arg-type]  # each test names real fields


def buyer(**changes: object) -> Buyer:
    return replace(BUYER, **changes)  # type: ignore[arg-type]  # each test names real fields


def process(name: str | None, specification: str = PROFILES["peppol"].specification) -> ProcessControl:
    return ProcessControl(business_process=name, specification=specification)


def file(name: str) -> SupportingDocument:
    return SupportingDocument(
        reference=name, attachment=Attachment(content=b"1", media_type="text/csv", filename="same.csv")
    )


def swedish(**changes: object) -> Invoice:
    made = an_invoice(a_line(rate="25"), seller=replace(SWEDISH_SELLER, **changes), buyer=SWEDISH_BUYER)  # type: ignore[arg-type]  # real fields
    return peppol(made)


NAMELESS = Contact(name="x")
FOREIGN = SWEDISH_BUYER
PEPPOL: dict[str, Callable[[], Invoice]] = {
    "PEPPOL-EN16931-R001": lambda: replace(peppol(), process=process(None)),
    "PEPPOL-EN16931-R002": lambda: peppol(buyer=FOREIGN, notes=(Note(text="a"), Note(text="b"))),
    "PEPPOL-EN16931-R003": lambda: peppol(buyer=FOREIGN, buyer_reference=None),
    "PEPPOL-EN16931-R007": lambda: replace(peppol(), process=process("urn:other")),
    "PEPPOL-EN16931-R010": lambda: peppol(buyer=buyer(electronic_address=None)),
    "PEPPOL-EN16931-R020": lambda: peppol(seller=seller(electronic_address=None)),
    "PEPPOL-EN16931-R055": lambda: peppol(
        an_invoice(sums={"vat_accounting": Decimal("-1.00")}, vat_currency="SEK"),
    ),
    "PEPPOL-EN16931-R061": lambda: peppol(payment=PaymentInstructions(means="49")),
    "PEPPOL-EN16931-R110": lambda: peppol(
        an_invoice(a_line(period=Period(start=date(2026, 1, 31), end=date(2026, 2, 1)))),
        period=Period(start=date(2026, 2, 1)),
    ),
    "PEPPOL-EN16931-R111": lambda: peppol(
        an_invoice(a_line(period=Period(end=date(2026, 2, 2)))), period=Period(end=date(2026, 2, 1))
    ),
    "PEPPOL-EN16931-R120": lambda: peppol(an_invoice(a_line(price="1.4", currency="JPY"), currency="JPY")),
    "PEPPOL-EN16931-P0100": lambda: peppol(type_code=TypeCode.SELF_BILLED),
    "PEPPOL-EN16931-P0101": lambda: peppol(type_code=TypeCode.SELF_BILLED_CREDIT_NOTE),
    "PEPPOL-EN16931-P0112": lambda: peppol(type_code=TypeCode.CORRECTED, buyer=FOREIGN),
    "PEPPOL-EN16931-P0104": lambda: _with_code("VATEX-EU-G"),
    "PEPPOL-EN16931-P0107": lambda: _with_code("VATEX-EU-AE"),
    "PEPPOL-EN16931-CL008": lambda: peppol(seller=seller(electronic_address=Identifier(value="a@b.de", scheme="EM"))),
    "PEPPOL-COMMON-R040": lambda: peppol(
        seller=seller(identifiers=(Identifier(value="4012345000000", scheme="0088"),))
    ),
    "PEPPOL-COMMON-R041": lambda: peppol(seller=seller(legal_id=Identifier(value="123456789", scheme="0192"))),
    "PEPPOL-COMMON-R043": lambda: peppol(buyer=buyer(legal_id=Identifier(value="0123456789", scheme="0208"))),
    "PEPPOL-COMMON-R049": lambda: peppol(buyer=buyer(legal_id=Identifier(value="5567321700", scheme="0007"))),
    "SE-R-001": lambda: swedish(vat_id="SE5567321707"),
    "SE-R-002": lambda: swedish(vat_id="SE55673217070X"),
    "SE-R-005": lambda: swedish(tax_id="approved"),
    "SE-R-006": lambda: peppol(an_invoice(a_line(rate="19"), seller=SWEDISH_SELLER, buyer=SWEDISH_BUYER)),
    "SE-R-013": lambda: swedish(legal_id=Identifier(value="5567321700")),
    "DE-R-001": lambda: peppol(payment=None),
    "DE-R-002": lambda: peppol(seller=seller(contact=None)),
    "DE-R-015": lambda: peppol(buyer_reference=None, purchase_order="PO"),
    "DE-R-023-2": lambda: peppol(payment=replace(PAYMENT, card=PaymentCard(number="123456"))),
}
XRECHNUNG: dict[str, Callable[[], Invoice]] = {
    "PEPPOL-EN16931-R001": lambda: replace(german(), process=process(None, PROFILES["xrechnung"].specification)),
    "PEPPOL-EN16931-R010": lambda: german(buyer=buyer(electronic_address=None)),
    "BR-DE-1": lambda: german(payment=None),
    "BR-DE-2": lambda: german(seller=seller(contact=None)),
    "BR-DE-3": lambda: german(seller=seller(address=Address(post_code="20457", country="DE"))),
    "BR-DE-4": lambda: german(seller=seller(address=Address(city="Hamburg", country="DE"))),
    "BR-DE-5": lambda: german(seller=seller(contact=Contact(telephone="+49 40 1", email="a@b.de"))),
    "BR-DE-6": lambda: german(seller=seller(contact=Contact(name="x", email="a@b.de"))),
    "BR-DE-7": lambda: german(seller=seller(contact=Contact(name="x", telephone="+49 40 1"))),
    "BR-DE-8": lambda: german(buyer=buyer(address=Address(post_code="80331", country="DE"))),
    "BR-DE-9": lambda: german(buyer=buyer(address=Address(city="München", country="DE"))),
    "BR-DE-10": lambda: german(delivery=replace(_delivery(), address=Address(post_code="80331", country="DE"))),
    "BR-DE-11": lambda: german(delivery=replace(_delivery(), address=Address(city="München", country="DE"))),
    "BR-DE-14": lambda: replace(_outside(), process=german().process),
    "BR-DE-15": lambda: german(buyer_reference=None),
    "BR-DE-16": lambda: german(seller=seller(vat_id=None)),
    "BR-DE-18": lambda: german(payment_terms="#SKONTO#TAGE=14#PROZENT=2#\n"),
    "BR-DE-22": lambda: german(supporting=(file("1"), file("2"))),
    "BR-DE-23-a": lambda: german(payment=PaymentInstructions(means="30")),
    "BR-DE-23-b": lambda: german(payment=replace(PAYMENT, card=PaymentCard(number="123456"))),
    "BR-DE-24-a": lambda: german(payment=PaymentInstructions(means="48")),
    "BR-DE-24-b": lambda: german(payment=replace(PAYMENT, means="54", card=PaymentCard(number="123456"))),
    "BR-DE-25-a": lambda: german(payment=PaymentInstructions(means="59")),
    "BR-DE-25-b": lambda: german(payment=replace(DEBIT, card=PaymentCard(number="123456"))),
    "BR-DE-30": lambda: german(payment=replace(DEBIT, direct_debit=DirectDebit(mandate="M", debited_account="1"))),
    "BR-DE-31": lambda: german(
        payment=replace(DEBIT, direct_debit=DirectDebit(mandate="M", creditor_id="DE98ZZZ09999999999"))
    ),
}
WARNED: dict[str, Callable[[], Invoice]] = {
    "BR-DE-17": lambda: german(type_code="82"),
    "BR-DE-19": lambda: german(payment=replace(PAYMENT, transfers=(CreditTransfer(account="12345"),))),
    "BR-DE-20": lambda: german(
        payment=replace(DEBIT, direct_debit=replace(DEBIT.direct_debit, debited_account="DE021001"))  # type: ignore[type-var]  # it has one
    ),
    "BR-DE-26": lambda: german(type_code=TypeCode.CORRECTED),
    "BR-DE-27": lambda: german(seller=seller(contact=Contact(name="x", telephone="40", email="a@b.de"))),
    "BR-DE-28": lambda: german(seller=seller(contact=Contact(name="x", telephone="040 1", email="a@b"))),
    "BR-DE-TMP-32": lambda: german(delivery=None),
}


def _delivery() -> Delivery:
    return Delivery(delivered_on=date(2026, 2, 27))


def _with_code(code: str) -> Invoice:
    made = an_invoice(a_line(category=VatCategory.EXEMPT, rate="0"))
    return peppol(replace(made, vat_breakdown=(replace(made.vat_breakdown[0], exemption_code=code),)))


def _outside() -> Invoice:
    """Not subject to VAT: no VAT ids, one row."""
    line = a_line(category=VatCategory.OUTSIDE_SCOPE, rate=None)
    made = an_invoice(line, seller=seller(vat_id=None), buyer=buyer(vat_id=None))
    return replace(made, buyer_reference="04011000-12345-34")


def fatal_rules(document: Invoice) -> set[str]:
    return {finding.rule for finding in check(document) if finding.severity is Severity.FATAL}


def official_rules(official: OfficialRules, document: Invoice, severity: Severity = Severity.FATAL) -> set[str]:
    name = claimed(document.process.specification)
    assert name is not None
    found = official.submit(write(document), PROFILES[name].rule_sets["ubl"]).result()
    return {finding.rule for finding in found if finding.severity is severity}


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("profile", ["peppol", "xrechnung", "xrechnung-extension"])
def test_every_golden_document_travels_in_every_profile(name: str, profile: str, official: OfficialRules) -> None:
    made = replace(GOLDEN[name](), buyer_reference="04011000-12345-34")
    made = replace(
        made, notes=made.notes[:1], buyer=replace(made.buyer, electronic_address=SWEDISH_BUYER.electronic_address)
    )
    document = on_the_network(made, profile)

    assert check(document) == []
    assert official_rules(official, document) == set()
    assert read(write(document)) == document


@pytest.mark.parametrize("rule", PEPPOL)
def test_what_peppol_refuses_is_found_on_the_draft(rule: str, official: OfficialRules) -> None:
    damaged = PEPPOL[rule]()

    assert rule in fatal_rules(damaged)
    assert rule in official_rules(official, damaged)


@pytest.mark.parametrize("rule", XRECHNUNG)
def test_what_xrechnung_refuses_is_found_on_the_draft(rule: str, official: OfficialRules) -> None:
    damaged = XRECHNUNG[rule]()

    assert rule in fatal_rules(damaged)
    assert rule in official_rules(official, damaged)


@pytest.mark.parametrize("rule", WARNED)
def test_what_xrechnung_only_warns_of_we_only_warn_of(rule: str, official: OfficialRules) -> None:
    odd = WARNED[rule]()

    assert fatal_rules(odd) == official_rules(official, odd) == set()
    assert rule in {finding.rule for finding in check(odd)}
    assert rule in official_rules(official, odd, Severity.WARNING)


def test_outside_the_scope_of_vat_xrechnung_has_a_rate_of_zero(official: OfficialRules) -> None:
    document = claim(_outside(), "xrechnung")

    assert fatal_rules(document) == official_rules(official, document) == set()


def test_a_cash_discount_keeps_the_line_break_that_ends_it(official: OfficialRules) -> None:
    document = german(payment_terms="30 days net\n#SKONTO#TAGE=14#PROZENT=2.25#\n")

    assert fatal_rules(document) == official_rules(official, document) == set()
    assert read(write(document)) == document


def test_a_direct_debit_is_valid_in_both(official: OfficialRules) -> None:
    for document in (peppol(payment=DEBIT), german(payment=DEBIT)):
        assert fatal_rules(document) == official_rules(official, document) == set()


def test_a_self_billed_invoice_travels_in_its_own_profile(official: OfficialRules) -> None:
    made = replace(peppol(), type_code=TypeCode.SELF_BILLED, process=ProcessControl())
    credit = replace(peppol(credit_note()), type_code=TypeCode.SELF_BILLED_CREDIT_NOTE, process=ProcessControl())

    for document in (claim(made, "peppol-selfbilling"), claim(credit, "peppol-selfbilling")):
        assert fatal_rules(document) == official_rules(official, document) == set()
    wrong = claim(replace(made, type_code=TypeCode.INVOICE), "peppol-selfbilling")
    assert "PEPPOL-EN16931-P0100" in fatal_rules(wrong) & official_rules(official, wrong)


def extended() -> Invoice:
    """A line with its parts, and a claim of somebody else that is paid along."""
    part = {
        "id": "1 1",
        "quantity": "1",
        "unit": "C62",
        "net_amount": "60.00",
        "price": {"net": "60"},
        "vat": {"category": "S", "rate": "19"},
        "item": {"name": "Half a widget"},
    }
    rest = {"id": "1 2", "net_amount": "40.00", "vat": {"category": "S", "rate": "19"}, "item": {"name": "The rest"}}
    line = a_line(extensions={SUB_LINES: [{**part, "extensions": {SUB_LINES: [{**part, "id": "1 1 1"}]}}, rest]})
    claim_ = {"kind": "MobilesBezahlen", "amount": "10.00", "description": "Somebody else's"}
    made = an_invoice(line, buyer_reference="04011000-12345-34", extensions={PAYMENTS: [claim_]})
    made = replace(made, totals=replace(made.totals, due=made.totals.due + 10))
    return claim(made, "xrechnung-extension")


def test_the_extension_of_xrechnung_travels_in_ubl(official: OfficialRules) -> None:
    document = extended()

    assert check(document) == []
    assert official_rules(official, document) == set()
    assert read(write(document)) == document
    assert read(write(document, "json"), "json") == document


@pytest.mark.parametrize(
    ("rule", "damage"),
    [
        ("BR-DEX-09", lambda whole: replace(whole, totals=replace(whole.totals, due=whole.totals.gross))),
        ("BR-DEX-13", lambda whole: replace(whole, extensions={PAYMENTS: [{**_claim(whole), "amount": "10.001"}]})),
    ],
)
def test_what_the_extension_refuses_is_found_on_the_draft(
    rule: str, damage: Callable[[Invoice], Invoice], official: OfficialRules
) -> None:
    damaged = damage(extended())

    assert rule in fatal_rules(damaged) & official_rules(official, damaged)


def _claim(document: Invoice) -> dict[str, str]:
    claims: Any = document.extensions[PAYMENTS]
    return dict(claims[0])


def test_an_extension_that_follows_no_form_is_found() -> None:
    assert fatal_rules(replace(extended(), extensions={PAYMENTS: [{"amount": 1}]})) == {"AR-EXT-02"}


def test_parts_that_do_not_add_up_are_a_warning(official: OfficialRules) -> None:
    whole = extended()
    line: InvoiceLine = whole.lines[0]
    odd = replace(whole, lines=(replace(line, extensions={SUB_LINES: [line.extensions[SUB_LINES][0]]}),))  # type: ignore[index]  # a list

    assert [finding.rule for finding in check(odd)] == ["BR-DEX-02"]
    assert "BR-DEX-02" in official_rules(official, odd, Severity.WARNING)


def test_without_the_extension_its_values_stay_behind() -> None:
    document = replace(extended(), process=german().process)

    assert read(write(document)).extensions == {}


def test_kosit_reads_two_code_lists_more_widely_than_the_core(official: OfficialRules) -> None:
    """Their scenarios.xml makes BR-CL-21 and -23 warnings."""
    odd = german(an_invoice(replace(a_line(), unit="QQQ"), buyer_reference="1"))

    assert official_rules(official, odd) == set()
    assert "BR-CL-23" in official_rules(official, odd, Severity.WARNING)


def test_a_document_of_another_syntax_is_never_valid(official: OfficialRules) -> None:
    """The sheets would match nothing in it, and so find nothing wrong."""
    found = official.submit(write(domestic()), PROFILES["en16931"].rule_sets["cii"]).result()

    assert [finding.rule for finding in found] == ["XSD"]


def test_a_fragment_is_judged_without_the_schema(official: OfficialRules) -> None:
    xml = write(domestic())
    fragment = xml.replace(b"<cbc:IssueDate>2026-03-02</cbc:IssueDate>", b"")

    assert {finding.rule for finding in official.submit(fragment).result()} == {"XSD"}
    assert "BR-03" in {finding.rule for finding in official.submit(fragment, fragment=True).result()}


def test_an_unknown_profile_or_rule_set_is_refused(official: OfficialRules) -> None:
    with pytest.raises(Invalid, match="peppol"):
        named("papyrus")
    with pytest.raises(ValueError, match="no rule set"):
        official.submit(b"", "papyrus-1")


@pytest.mark.parametrize("invoices", INVOICES)
@pytest.mark.parametrize("profile", ["en16931", "peppol", "peppol-selfbilling", "xrechnung", "xrechnung-extension"])
def test_generated_invoices_are_judged_alike_by_us_and_by_the_official_sheet(
    profile: str, official: OfficialRules, invoices: int
) -> None:
    """AR_INVOICES=10000 for the full proof; whatever we let pass they let pass, and nearly all must pass."""
    pending: list[tuple[Invoice, object]] = []
    refused = 0

    @settings(
        max_examples=invoices, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(sketches())
    def draw(sketch: Sketch) -> None:
        nonlocal refused
        document = traded(invoice(sketch), profile)
        if not is_valid(check(document)):
            refused += 1
            assert fatal_rules(document) <= {"PEPPOL-EN16931-R120"}
            assert document.currency == "JPY"
            return
        found = official.submit(write(document), PROFILES[profile].rule_sets["ubl"])
        pending.append((document, found))
        if len(pending) >= 64:
            settle()

    def settle() -> None:
        for document, found in pending:
            assert is_valid(found.result()), (document, found.result())  # type: ignore[attr-defined]  # a future
        pending.clear()

    draw()
    settle()
    assert refused < invoices / 2  # yen with a price that is not whole (R120)


def traded(made: Invoice, profile: str) -> Invoice:
    """The sketch's invoice between parties that are told as the profile wants them."""
    if profile == "peppol-selfbilling":
        code = TypeCode.SELF_BILLED_CREDIT_NOTE if made.is_credit_note else TypeCode.SELF_BILLED
        made = replace(made, type_code=code)
    country = made.seller.address.country
    where = {"city": "Hamburg", "post_code": "20457", "line_1": "Speicherstraße 7", "country": country}
    assert made.delivery is not None
    return on_the_network(
        replace(
            made,
            buyer_reference="04011000-12345-34",
            seller=replace(made.seller, address=Address(**where)),
            buyer=replace(made.buyer, address=Address(**where)),
            delivery=replace(made.delivery, address=Address(**where)),
        ),
        profile,
    )


def test_an_item_needs_its_vat_in_every_profile() -> None:
    line = replace(a_line(), vat=LineVat(category=VatCategory.STANDARD), item=Item(name="Widget"))

    assert "BR-S-05" in fatal_rules(german(an_invoice(line)))
