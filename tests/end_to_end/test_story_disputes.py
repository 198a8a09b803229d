"""A case is opened on lines or an amount and ends in a credit note, or not; ledger and credit follow."""

from decimal import Decimal

import pytest
from lxml import etree
from receivables.disputes.v1 import events_pb2
from receivables.disputes.v1 import service_pb2 as disputes_pb2

from deploy.demo.calls import Refused
from deploy.demo.desk import money
from deploy.demo.papers import NS
from tests.end_to_end.world import Trader, World


def state_of(trader: Trader, dispute_id: str) -> disputes_pb2.Dispute:
    services = trader.world.stage.services
    request = disputes_pb2.GetDisputeRequest(dispute_id=dispute_id)
    return services.read(services.disputes.GetDispute, request, tenant=trader.tenant).dispute


def test_a_disputed_line_ends_in_a_credit_note_at_the_invoices_own_rate(world: World, trader: Trader) -> None:
    trader.buyer()
    invoice = trader.sell("o1", "10", "20", quantity="10")
    case = trader.desk.acting_as("contact:b", "b1").open_dispute(
        invoice.number, "QTY_SHORT", key="d1", lines=[(invoice.lines[0].line_id, "3")]
    )
    world.settle()
    assert (case.amount.minor, trader.balance().disputed.minor) == (36_00, 36_00)
    assert trader.credit() == (Decimal(360), Decimal(0))

    trader.desk.resolve(case.dispute_id, "FULL_CREDIT")
    world.settle()

    [note] = trader.told("CreditNoteIssued")
    assert (note.net_minor, note.tax_minor, note.gross_minor) == (30_00, 6_00, 36_00)
    document = etree.fromstring(trader.render(note.number))
    reference = "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID"
    assert document.findtext(reference, namespaces=NS) == invoice.number
    ended = state_of(trader, case.dispute_id)
    assert (ended.state, ended.credit_note_number) == (events_pb2.STATE_RESOLVED, note.number)
    assert trader.credit() == (Decimal(324), Decimal(0))
    assert (trader.balance().open.minor, trader.balance().disputed.minor) == (324_00, 0)
    assert trader.books() == {
        "1100": Decimal(324),
        "4000": Decimal(-300),
        "4010": Decimal(30),
        "2200": Decimal(-54),
    }


def test_a_paid_invoice_is_credited_to_what_the_buyer_may_claim(world: World, trader: Trader) -> None:
    trader.buyer()
    invoice = trader.sell("o1", "100")
    trader.pay("p1", "120", invoice.number)
    world.settle()

    case = trader.desk.acting_as("contact:b", "b1").open_dispute(
        invoice.number, "QLT_DAMAGE", key="d1", amount=money(Decimal(24), "GBP")
    )
    world.settle()
    trader.desk.resolve(case.dispute_id, "FULL_CREDIT")
    world.settle()

    [kept] = trader.told("CreditKept")
    assert kept.amount.minor == 24_00
    assert (trader.balance().open.minor, trader.balance().credits.minor) == (0, 24_00)
    assert trader.credit() == (Decimal(-24), Decimal(0))


def test_part_of_a_claim_is_credited_and_the_rest_stays_payable(world: World, trader: Trader) -> None:
    trader.buyer()
    invoice = trader.sell("o1", "100")
    buyer = trader.desk.acting_as("contact:b", "b1")
    part = buyer.open_dispute(invoice.number, "PRC_DISC", key="d1", amount=money(Decimal(60), "GBP"))
    none = buyer.open_dispute(invoice.number, "DLV_LATE", key="d2", amount=money(Decimal(30), "GBP"))
    world.settle()

    trader.desk.resolve(part.dispute_id, "PARTIAL_CREDIT", amount=money(Decimal(12), "GBP"))
    trader.desk.resolve(none.dispute_id, "INVALID_PAYABLE")
    world.settle()

    assert [note.gross_minor for note in trader.told("CreditNoteIssued")] == [12_00]
    assert (trader.balance().open.minor, trader.balance().disputed.minor) == (108_00, 0)


def test_nobody_disputes_more_than_the_invoice_or_credits_a_case_of_their_own(world: World, trader: Trader) -> None:
    trader.buyer()
    invoice = trader.sell("o1", "100")
    lead = trader.desk.acting_as("user:lead")

    with pytest.raises(Refused, match="dispute"):
        lead.open_dispute(invoice.number, "PRC_DISC", key="d1", amount=money(Decimal(121), "GBP"))
    mine = lead.open_dispute(invoice.number, "PRC_DISC", key="d2", amount=money(Decimal(10), "GBP"))
    with pytest.raises(Refused, match=r"dispute\.own_case"):
        trader.desk.resolve(mine.dispute_id, "FULL_CREDIT")
    with pytest.raises(Refused, match=r"dispute\.illegal_move"):
        trader.desk.move(mine.dispute_id, "APPEAL")
    world.settle()

    assert trader.told("CreditNoteIssued") == []
