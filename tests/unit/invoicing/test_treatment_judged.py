"""Each way in which VAT treats a supply is a document that the official rules accept, in both syntaxes."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from deploy.local import rules
from services.documents.model import VatCategory
from services.invoicing.checks import Judge
from services.invoicing.domain.credits import CreditRequest
from services.invoicing.domain.parties import Company, Contract, Form
from services.invoicing.domain.sketches import Basis, CreditSketch, InvoiceSketch, Prepared, Sketch
from services.invoicing.settings import CheckSettings
from services.kernel.money import Money
from services.kernel.orders import Address, LineKind, OrderLine
from tests.unit.invoicing.supplies import TODAY, a_company, a_line, a_seller, a_supply, from_the_us
from tests.unit.invoicing.test_sales_tax import a_us_line, an_invoice

GOODS = a_line("1", "1", "100")
SERVICE = replace(a_line("2", "1", "50"), kind=LineKind.SERVICE)
GERMAN, FRENCH, SWISS, BRITISH, NORWEGIAN = (
    a_company(country, vat_id)
    for country, vat_id in (
        ("DE", "DE136695976"),
        ("FR", "FR40303265045"),
        ("CH", "CHE107787577"),
        ("GB", "GB980780684"),
        ("NO", "NO995525828MVA"),
    )
)
S, K, AE, G, O = (  # noqa: E741 - the categories' own letters
    VatCategory.STANDARD,
    VatCategory.INTRA_COMMUNITY,
    VatCategory.REVERSE_CHARGE,
    VatCategory.EXPORT,
    VatCategory.OUTSIDE_SCOPE,
)
TO_MILAN = Address("Via Uno 1", "Milano", "20121", "", "IT")
TO_BERN = Address("Gasse 1", "Bern", "3011", "BE", "CH")


@pytest.fixture(scope="module")
def judge() -> Judge:
    """Give what judges every document by the official rules."""
    return Judge(CheckSettings(rules_dir=rules.install(), official_rules_share=1.0))


def prepared(judge: Judge, sketch: Sketch) -> Prepared:
    done = judge.prepare(sketch)
    assert isinstance(done, Prepared), done
    return done


@pytest.mark.parametrize("syntax", ["ubl", "cii"])
@pytest.mark.parametrize(
    ("seller", "buyer", "ship_to", "lines", "categories"),
    [
        (GERMAN, GERMAN, None, [GOODS, SERVICE], {S}),
        (GERMAN, FRENCH, None, [GOODS], {K}),
        (GERMAN, FRENCH, TO_MILAN, [GOODS], {K}),
        (GERMAN, FRENCH, TO_BERN, [GOODS, SERVICE], {G, AE}),
        (GERMAN, FRENCH, None, [SERVICE], {AE}),
        (GERMAN, FRENCH, None, [GOODS, SERVICE], {K, AE}),
        (GERMAN, SWISS, None, [GOODS, SERVICE], {G}),
        (GERMAN, SWISS, None, [SERVICE], {O}),
        (BRITISH, FRENCH, None, [GOODS], {G}),
        (BRITISH, FRENCH, None, [SERVICE], {O}),
        (NORWEGIAN, NORWEGIAN, None, [GOODS], {S}),
        (NORWEGIAN, GERMAN, None, [GOODS], {G}),
        (SWISS, SWISS, TO_BERN, [GOODS], {S}),
        (SWISS, GERMAN, None, [SERVICE], {O}),
    ],
)
def test_every_treatment_is_accepted(
    judge: Judge,
    seller: Company,
    buyer: Company,
    ship_to: Address | None,
    lines: Sequence[OrderLine],
    categories: set[VatCategory],
    syntax: str,
) -> None:
    contract = Contract(form=Form("en16931", syntax))
    supply = replace(a_supply(lines, seller=a_seller(seller), buyer=buyer, contract=contract), ship_to=ship_to)
    done = prepared(judge, InvoiceSketch("i1", supply, Basis(supply.seller, supply.buyer, contract, TODAY)))

    assert {line.vat_category for line in done.statement.lines} == categories
    assert done.findings == ()
    assert done.rule_set.startswith("en16931")
    assert done.statement.ship_to == ship_to
    assert (b"Milano" in done.xml) is (ship_to == TO_MILAN)


@pytest.mark.parametrize("syntax", ["ubl", "cii"])
def test_an_invoice_with_sales_tax_and_its_credit_note_are_accepted(judge: Judge, syntax: str) -> None:
    contract = Contract(form=Form("en16931", syntax))
    supply = replace(from_the_us([a_us_line()], 1031), contract=contract)
    basis = Basis(supply.seller, supply.buyer, contract, TODAY)
    request = CreditRequest("acme", "d1", "i1", (), Money(5000, "USD"))
    invoice, note = (
        prepared(judge, sketch)
        for sketch in (
            InvoiceSketch("i1", supply, basis),
            CreditSketch("n1", request, an_invoice(), (), replace(basis, buyer=None)),
        )
    )

    assert (invoice.findings, note.findings) == ((), ())
    assert b"021000021" in invoice.xml
    assert note.statement.sales_tax.minor > 0
