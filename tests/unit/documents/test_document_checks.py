"""What may not be issued is found on the draft; whatever the official rules refuse, we refuse."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from services.documents import CodeLists, OfficialRules, Severity, check, is_valid, write
from services.documents.model import (
    Attachment,
    Buyer,
    Delivery,
    DocumentAllowance,
    DocumentCharge,
    Identifier,
    Invoice,
    InvoiceLine,
    Item,
    LineAllowance,
    LineCharge,
    Note,
    Payee,
    PaymentInstructions,
    Period,
    Price,
    ProcessControl,
    Seller,
    SupportingDocument,
    TaxRepresentative,
    TypeCode,
    VatCategory,
)
from tests.unit.documents.examples import (
    AE,
    BUYER,
    GOLDEN,
    SELLER,
    SWEDISH_BUYER,
    G,
    K,
    S,
    a_line,
    an_invoice,
    credit_note,
    domestic,
    intra_community,
    reverse_charge,
)

E, Z, B, OUTSIDE = VatCategory.EXEMPT, VatCategory.ZERO_RATED, VatCategory.SPLIT_PAYMENT, VatCategory.OUTSIDE_SCOPE
Damage = Callable[[], Invoice]


def with_line(**changes: object) -> Invoice:
    return an_invoice(replace(a_line(), **changes))  # type: ignore[arg-type]  # each test names real fields


def with_totals(**changes: object) -> Invoice:
    whole = domestic()
    return replace(whole, totals=replace(whole.totals, **changes))  # type: ignore[arg-type]  # each test names real fields


def with_seller(**changes: object) -> Invoice:
    return an_invoice(seller=replace(SELLER, **changes))  # type: ignore[arg-type]  # each test names real fields


def with_buyer(**changes: object) -> Invoice:
    return an_invoice(buyer=replace(BUYER, **changes))  # type: ignore[arg-type]  # each test names real fields


def of(category: VatCategory, rate: str | None, seller: Seller = SELLER, buyer: Buyer = BUYER) -> Invoice:
    return an_invoice(a_line(category=category, rate=rate), seller=seller, buyer=buyer)


def with_item(**changes: object) -> Invoice:
    return with_line(item=replace(Item(name="Widget"), **changes))  # type: ignore[arg-type]  # real fields


def allowance(**changes: object) -> DocumentAllowance:
    whole = DocumentAllowance(amount=Decimal(1), vat_category=S, vat_rate=Decimal(19), reason="Bonus")
    return replace(whole, **changes)  # type: ignore[arg-type]  # each test names real fields


NO_VAT_SELLER = replace(SELLER, vat_id=None)
NO_VAT_BUYER = replace(BUYER, vat_id=None)
UNKNOWN_BUYER = replace(BUYER, vat_id=None, legal_id=None)

# What the rules of EN 16931 call fatal, and the official sheet sees.
SEEN_BY_ALL: dict[str, Damage] = {
    "BR-01": lambda: an_invoice(process=ProcessControl(specification="")),
    "BR-02": lambda: an_invoice(number=" "),
    "BR-06": lambda: with_seller(name=""),
    "BR-07": lambda: with_buyer(name=""),
    "BR-16": lambda: replace(an_invoice(), lines=()),
    "BR-17": lambda: an_invoice(payee=Payee(name=SELLER.name, identifier=SELLER.identifiers[0])),
    "BR-21": lambda: with_line(id=""),
    "BR-25": lambda: with_item(name=""),
    "BR-27": lambda: an_invoice(a_line(price="-1")),
    "BR-28": lambda: with_line(price=Price(net=Decimal(100), gross=Decimal(-1), discount=Decimal(-101))),
    "BR-29": lambda: an_invoice(period=Period(start=date(2026, 2, 2), end=date(2026, 2, 1))),
    "BR-30": lambda: with_line(period=Period(start=date(2026, 2, 2), end=date(2026, 2, 1))),
    "BR-50": lambda: an_invoice(
        payment=replace(domestic().payment, transfers=(replace(domestic().payment.transfers[0], account=""),))  # type: ignore[union-attr, type-var]  # it has one
    ),
    "BR-53": lambda: an_invoice(vat_currency="SEK"),
    "BR-61": lambda: an_invoice(payment=PaymentInstructions(means="30")),
    "BR-62": lambda: with_seller(electronic_address=Identifier(value="x")),
    "BR-63": lambda: with_buyer(electronic_address=Identifier(value="x")),
    "BR-64": lambda: with_item(standard_id=Identifier(value="4012345678901")),
    "BR-65": lambda: with_item(classifications=(Identifier(value="1"),)),
    "BR-CL-01": lambda: an_invoice(type_code="999"),
    "BR-CL-04": lambda: replace(an_invoice(), currency="XXQ"),
    "BR-CL-05": lambda: an_invoice(vat_currency="XXQ", sums={"vat_accounting": Decimal(1)}),
    "BR-CL-06": lambda: an_invoice(tax_point_code="9"),
    "BR-CL-08": lambda: an_invoice(notes=(Note(text="About order #Q12# of May"),)),
    "BR-CL-14": lambda: with_buyer(address=replace(BUYER.address, country="de")),
    "BR-CL-15": lambda: with_item(origin_country="de"),
    "BR-CO-03": lambda: an_invoice(tax_point=date(2026, 2, 1), tax_point_code="35"),
    "BR-CO-09": lambda: with_buyer(vat_id="123"),
    "BR-CO-10": lambda: with_totals(lines=Decimal("1.00")),
    "BR-CO-11": lambda: with_totals(allowances=None),
    "BR-CO-12": lambda: with_totals(charges=Decimal("4.91")),
    "BR-CO-13": lambda: with_totals(net=Decimal("100.00")),
    "BR-CO-14": lambda: with_totals(vat=Decimal("0.01")),
    "BR-CO-15": lambda: with_totals(gross=Decimal("1.00")),
    "BR-CO-16": lambda: with_totals(paid=None),
    "BR-CO-18": lambda: replace(an_invoice(), vat_breakdown=()),
    "BR-CO-19": lambda: an_invoice(period=Period()),
    "BR-CO-20": lambda: with_line(period=Period()),
    "BR-CO-21": lambda: an_invoice(allowances=[allowance(reason=None)]),
    "BR-CO-22": lambda: an_invoice(
        charges=[DocumentCharge(amount=Decimal(1), vat_category=S, vat_rate=Decimal(19))],
    ),
    "BR-CO-23": lambda: an_invoice(a_line(allowances=[LineAllowance(amount=Decimal(1))])),
    "BR-CO-24": lambda: an_invoice(a_line(charges=[LineCharge(amount=Decimal(1))])),
    "BR-CO-26": lambda: an_invoice(seller=replace(SELLER, vat_id=None, tax_id="22/815", legal_id=None, identifiers=())),
    "BR-DEC-01": lambda: an_invoice(allowances=[allowance(amount=Decimal("1.001"))]),
    "BR-DEC-16": lambda: an_invoice(paid=Decimal("1.001")),
    "BR-52": lambda: an_invoice(supporting=(SupportingDocument(reference=""),)),
    "BR-S-01": lambda: replace(an_invoice(), vat_breakdown=reverse_charge().vat_breakdown),
    "BR-S-02": lambda: with_seller(vat_id=None),
    "BR-S-05": lambda: of(S, "0"),
    "BR-S-06": lambda: an_invoice(allowances=[allowance(vat_rate=Decimal(0))]),
    "BR-S-10": lambda: replace(
        an_invoice(), vat_breakdown=(replace(an_invoice().vat_breakdown[0], exemption_reason="why not"),)
    ),
    "BR-Z-05": lambda: of(Z, "1"),
    "BR-E-10": lambda: of(E, "0"),
    "BR-E-02": lambda: of(E, "0", seller=NO_VAT_SELLER),
    "BR-AE-02": lambda: of(AE, "0", buyer=UNKNOWN_BUYER),
    "BR-AE-05": lambda: of(AE, "19"),
    "BR-IC-02": lambda: of(K, "0", buyer=NO_VAT_BUYER),
    "BR-IC-11": lambda: replace(intra_community(), delivery=replace(intra_community().delivery, delivered_on=None)),  # type: ignore[type-var]  # it has one
    "BR-IC-12": lambda: replace(intra_community(), delivery=Delivery(delivered_on=date(2026, 2, 27))),
    "BR-G-02": lambda: of(G, "0", seller=NO_VAT_SELLER),
    "BR-O-02": lambda: of(OUTSIDE, None),
    "BR-O-05": lambda: of(OUTSIDE, "0", seller=NO_VAT_SELLER, buyer=NO_VAT_BUYER),
    "BR-O-11": lambda: an_invoice(
        a_line("1", category=OUTSIDE, rate=None),
        a_line("2"),
        seller=replace(NO_VAT_SELLER, tax_id="22/815"),
        buyer=NO_VAT_BUYER,
    ),
    "BR-B-01": lambda: of(B, "22"),
    "BR-AF-02": lambda: of(VatCategory.IGIC, "7", seller=NO_VAT_SELLER),
    "BR-AG-05": lambda: of(VatCategory.IPSI, "-1"),
}

# What the official sheet lets pass, and we do not.
SEEN_BY_US: dict[str, Damage] = {
    "BR-CL-08": lambda: an_invoice(notes=(Note(text="x", subject="Q1"),)),
    "BR-CO-25": lambda: an_invoice(due_date=None),
    "BR-CO-17": lambda: replace(
        an_invoice(), vat_breakdown=(replace(an_invoice().vat_breakdown[0], tax=Decimal("19.01")),)
    ),
    "BR-S-08": lambda: replace(
        an_invoice(), vat_breakdown=(replace(an_invoice().vat_breakdown[0], taxable=Decimal("100.01")),)
    ),
    "PEPPOL-EN16931-R120": lambda: with_line(net_amount=Decimal("100.01")),
    "PEPPOL-EN16931-R040": lambda: an_invoice(
        allowances=[allowance(base_amount=Decimal("100.00"), percentage=Decimal("1.01"))]
    ),
    "PEPPOL-EN16931-R041": lambda: an_invoice(allowances=[allowance(percentage=Decimal("1.01"))]),
    "PEPPOL-EN16931-R042": lambda: an_invoice(allowances=[allowance(base_amount=Decimal("100.00"))]),
    "PEPPOL-EN16931-R046": lambda: with_line(price=Price(net=Decimal(100), gross=Decimal(120))),
    "PEPPOL-EN16931-R121": lambda: with_line(price=Price(net=Decimal(100), base_quantity=Decimal(0))),
    "PEPPOL-EN16931-R130": lambda: with_line(price=Price(net=Decimal(100), base_quantity=Decimal(1), base_unit="KGM")),
    "AR-PRICE-01": lambda: with_line(price=Price(net=Decimal(100), discount=Decimal(1))),
    "AR-LINE-01": lambda: an_invoice(a_line("1"), a_line("1")),
    "AR-DEC-01": lambda: an_invoice(a_line(currency="JPY"), currency="JPY", paid=Decimal("0.5")),
    "AR-TEXT-01": lambda: an_invoice(buyer_reference=""),
    "AR-TEXT-02": lambda: an_invoice(buyer_reference="a\x00b"),
    "AR-NUMBER-01": lambda: with_line(quantity=Decimal("NaN")),
    "AR-EXT-01": lambda: an_invoice(extensions={"jurisdiction": "US-CA"}),
    "BR-B-02": lambda: an_invoice(a_line("1"), a_line("2", category=B, rate="22")),
}


# Codes that are in no list: found when the lists are given.
NO_CODES: dict[str, Damage] = {
    "BR-CL-07": lambda: an_invoice(object_id=Identifier(value="1", scheme="??")),
    "BR-CL-08": lambda: an_invoice(notes=(Note(text="x", subject="QQQ"),)),
    "BR-CL-10": lambda: with_seller(identifiers=(Identifier(value="1", scheme="9999"),)),
    "BR-CL-11": lambda: with_buyer(legal_id=Identifier(value="1", scheme="9999")),
    "BR-CL-13": lambda: with_item(classifications=(Identifier(value="1", scheme="??"),)),
    "BR-CL-14": lambda: with_buyer(address=replace(BUYER.address, country="QQ")),
    "BR-CL-15": lambda: with_item(origin_country="QQ"),
    "BR-CL-16": lambda: an_invoice(payment=PaymentInstructions(means="99")),
    "BR-CL-19": lambda: an_invoice(allowances=[allowance(reason_code="1")]),
    "BR-CL-20": lambda: an_invoice(
        charges=[DocumentCharge(amount=Decimal(1), vat_category=S, vat_rate=Decimal(19), reason_code="1")],
    ),
    "BR-CL-21": lambda: with_item(standard_id=Identifier(value="1", scheme="9999")),
    "BR-CL-22": lambda: replace(
        reverse_charge(), vat_breakdown=(replace(reverse_charge().vat_breakdown[0], exemption_code="VATEX-??"),)
    ),
    "BR-CL-23": lambda: with_line(unit="pcs"),
    "BR-CL-24": lambda: an_invoice(
        supporting=(
            SupportingDocument(reference="1", attachment=Attachment(content=b"", media_type="text/x", filename="x")),
        )
    ),
    "BR-CL-25": lambda: with_buyer(electronic_address=Identifier(value="1", scheme="??")),
    "BR-CL-26": lambda: an_invoice(delivery=Delivery(location=Identifier(value="1", scheme="9999"))),
}


def rules(invoice: Invoice) -> set[str]:
    return {finding.rule for finding in check(invoice) if finding.severity is Severity.FATAL}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_good_document_has_no_finding(name: str) -> None:
    assert check(GOLDEN[name]()) == []


@pytest.mark.parametrize("rule", SEEN_BY_ALL)
def test_what_the_official_rules_refuse_is_found_on_the_draft(rule: str, official: OfficialRules) -> None:
    damaged = SEEN_BY_ALL[rule]()

    assert rule in rules(damaged)
    assert not is_valid(official.submit(write(damaged)).result())


@pytest.mark.parametrize("rule", SEEN_BY_US)
def test_what_the_official_rules_overlook_is_found_all_the_same(rule: str) -> None:
    assert rule in rules(SEEN_BY_US[rule]())


@pytest.mark.parametrize("rule", NO_CODES)
def test_a_code_of_no_list_is_found_with_the_lists(rule: str, codes: CodeLists, official: OfficialRules) -> None:
    damaged = NO_CODES[rule]()

    assert [finding.rule for finding in check(damaged, codes)] == [rule]
    assert [finding.rule for finding in official.submit(write(damaged)).result()] == [rule]


@pytest.mark.parametrize("name", GOLDEN)
def test_every_code_of_a_good_document_is_in_its_list(name: str, codes: CodeLists) -> None:
    assert check(GOLDEN[name](), codes) == []


def test_a_finding_says_where() -> None:
    broken = replace(a_line("2"), net_amount=Decimal(1))

    [finding, *_] = check(an_invoice(a_line("1"), broken))

    assert finding.place == "BG-25[2]/BT-131"
    assert finding.message == "BT-131 is 1, it must be 100.00."


def test_a_repeated_breach_of_a_party_rule_is_told_once() -> None:
    found = check(an_invoice(a_line("1"), a_line("2"), seller=NO_VAT_SELLER))

    assert [finding.rule for finding in found] == ["BR-S-02"]


def test_a_credit_note_without_its_invoice_is_a_warning() -> None:
    found = check(replace(credit_note(), preceding=()))

    assert [(finding.rule, finding.severity) for finding in found] == [("AR-CREDIT-01", Severity.WARNING)]
    assert is_valid(found)


def test_a_tax_representative_stands_in_for_the_sellers_vat_id() -> None:
    representative = TaxRepresentative(name="Fiskal GmbH", vat_id="DE999999999", address=SELLER.address)

    assert check(an_invoice(seller=NO_VAT_SELLER, tax_representative=representative)) == []


def test_the_vat_breakdown_may_be_in_any_order() -> None:
    whole = domestic()

    assert check(replace(whole, vat_breakdown=whole.vat_breakdown[::-1])) == []


def test_a_row_twice_is_found() -> None:
    whole = domestic()

    assert "BR-S-01" in rules(replace(whole, vat_breakdown=(*whole.vat_breakdown, whole.vat_breakdown[0])))


def test_reverse_charge_to_a_buyer_with_a_legal_registration_only() -> None:
    buyer = replace(SWEDISH_BUYER, vat_id=None)

    assert check(replace(reverse_charge(), buyer=buyer)) == []


def test_a_self_billed_invoice_is_no_credit_note() -> None:
    assert not an_invoice(type_code=TypeCode.SELF_BILLED).is_credit_note
    assert check(an_invoice(type_code=TypeCode.SELF_BILLED)) == []


def test_a_line_is_a_value() -> None:
    line: InvoiceLine = a_line(extensions={"us-tax:jurisdiction": "US-CA"})

    assert line == replace(line)
    assert hash(line) == hash(replace(line))
