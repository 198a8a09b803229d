"""An order is approved, shipped, invoiced, posted and paid: the spine of the product."""

from decimal import Decimal

from lxml import etree

from deploy.demo.desk import Payment
from deploy.demo.papers import NS
from tests.end_to_end.world import Trader, World


def test_an_order_becomes_a_decision_an_invoice_a_ledger_entry_and_money(world: World, trader: Trader) -> None:
    trader.buyer(limit=1000, net_days=14)
    trader.place("o1", "100", "50.005")
    world.settle()
    [decision] = trader.told("CreditDecided")
    assert (list(decision.reasons), decision.amount.minor) == (["within_limit"], 180_01)
    assert trader.credit() == (Decimal(0), Decimal("180.01"))

    trader.ship("o1")
    world.settle()

    [invoice] = trader.invoices("o1")
    assert invoice.number == f"{trader.prefix}-{world.at.year}-000001"
    assert (invoice.net_minor, invoice.tax_minor, invoice.gross_minor) == (150_01, 30_00, 180_01)
    assert [(group.category, group.rate) for group in invoice.vat] == [("S", "20")]
    assert trader.credit() == (Decimal("180.01"), Decimal(0))
    assert trader.books() == {"1100": Decimal("180.01"), "4000": Decimal("-150.01"), "2200": Decimal(-30)}
    document = etree.fromstring(trader.render(invoice.number))
    assert document.findtext("cac:LegalMonetaryTotal/cbc:PayableAmount", namespaces=NS) == "180.01"
    assert document.findtext("cbc:DueDate", namespaces=NS) == invoice.due_date

    trader.pay("p1", "180.01", f"your invoice {invoice.number.lower()}")
    world.settle()

    [applied] = trader.told("CashApplied")
    assert (applied.number, applied.evidence, applied.amount.minor) == (invoice.number, "exact_reference", 180_01)
    assert trader.credit() == (Decimal(0), Decimal(0))
    assert trader.books() == {"1000": Decimal("180.01"), "4000": Decimal("-150.01"), "2200": Decimal(-30)}


def test_the_same_fact_told_twice_has_one_effect(world: World, trader: Trader) -> None:
    trader.buyer()
    for _ in range(2):
        trader.place("o1", "100")
        trader.ship("o1")
    for _ in range(2):
        trader.pay("p1", "10")
    world.settle()

    assert len(trader.invoices("o1")) == len(trader.told("CreditDecided")) == len(trader.told("PaymentReceived")) == 1
    assert trader.credit() == (Decimal(110), Decimal(0))


def test_a_bank_file_meets_exact_references_then_the_oldest_and_keeps_the_rest(world: World, trader: Trader) -> None:
    trader.buyer(limit=5000)
    first, second, third = (trader.sell(order, "100") for order in ("o1", "o2", "o3"))
    today = world.at.date()

    outcomes = trader.desk.import_statement(
        [
            Payment("s1", "b1", today, Decimal(120), "GBP", f"Invoice {third.number}"),
            Payment("s2", "b1", today, Decimal(300), "GBP", "on account"),
            Payment("s3", "nobody", today, Decimal(5), "GBP", ""),
        ],
        key="bank",
    )
    again = trader.desk.import_statement(
        [Payment("s1", "b1", today, Decimal(120), "GBP", f"Invoice {third.number}")], key="2"
    )
    world.settle()

    assert [(row.outcome, row.code) for row in (*outcomes, *again)] == [
        ("booked", ""),
        ("booked", ""),
        ("refused", "payment.unknown_account"),
        ("known", ""),
    ]
    assert [(a.number, a.evidence, a.amount.minor) for a in trader.told("CashApplied")] == [
        (third.number, "exact_reference", 120_00),
        (first.number, "oldest_due", 120_00),
        (second.number, "oldest_due", 120_00),
    ]
    balance = trader.balance()
    assert (balance.open.minor, balance.unapplied.minor) == (0, 60_00)
    assert trader.credit() == (Decimal(-60), Decimal(0))


def test_goods_for_another_country_are_invoiced_by_its_rules(world: World, trader: Trader) -> None:
    german = Trader(world, country="DE")
    german.buyer("fr", country="FR", vat_id="FR96552100554", currency="EUR")
    german.buyer("us", country="US", currency="USD")
    german.buyer("at", country="AT", currency="EUR")

    found = {account: german.sell(f"o-{account}", "100", account=account) for account in ("fr", "us", "at")}

    assert {account: invoice.vat[0].category for account, invoice in found.items()} == {"fr": "K", "us": "G", "at": "S"}
    assert {account: invoice.gross_minor for account, invoice in found.items()} == {
        "fr": 100_00,
        "us": 100_00,
        "at": 119_00,
    }
