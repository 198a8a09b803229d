"""Cases that the seller's own evidence answers, behind the real door: proven, disproven, and the caps that hold."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.message import Message
from receivables.common.v1 import money_pb2, party_pb2
from receivables.disputes.v1 import events_pb2, service_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.envelope import Record
from tests.integration.disputes.desk import MONDAY, Desk, Refused, credited
from tests.records import a_record

STATE = events_pb2.State.Name
VERDICT = events_pb2.Verdict.Name
# Line, quantity, price: 100.00 and 50.00 net at 19 %.
LINES = (("1", "10", "10.00"), ("2", "1", "50.00"))


def told(body: Message, subject: str, sequence: int = 0) -> Record:
    headers = {"ce_sequence": str(sequence)} if sequence else {}
    return a_record(body, account="b1", subject=subject, headers=headers)


def ordered(
    lines: Sequence[tuple[str, str, str]] = LINES, *, order: str = "o1", version: int = 1, rate: str = "19"
) -> Record:
    body = orders_pb2.OrderPlaced(
        order_id=order,
        version=version,
        account_id="b1",
        currency="EUR",
        placed_on="2026-02-20",
        promised_ship_on="2026-02-26",
    )
    for line_id, quantity, price in lines:
        net = int(Decimal(quantity) * Decimal(price) * 100)
        body.lines.add(
            line_id=line_id, sku="s", name="w", quantity=quantity, unit_price=price, net_minor=net, vat_rate=rate
        )
    body.net_minor = body.gross_minor = sum(line.net_minor for line in body.lines)
    return told(body, f"order/{order}")


def received(*lines: tuple[str, str, str], order: str = "o1", shipment: str = "p1", receipt: str = "r1") -> Record:
    body = orders_pb2.GoodsReceived(
        order_id=order, receipt_id=receipt, account_id="b1", shipment_id=shipment, received_on="2026-02-28"
    )
    for line_id, good, damaged in lines:
        body.lines.add(line_id=line_id, quantity=good, damaged=damaged)
    return told(body, f"receipt/{order}")


def billed(
    lines: Sequence[tuple[str, str, str]] = LINES,
    *,
    invoice: str = "i1",
    order: str = "o1",
    shipment: str = "p1",
    rate: str = "19",
    due: str = "2026-03-29",
    unordered: Sequence[str] = (),
) -> Record:
    """An invoice of 27 February, of a seller and a buyer in Germany."""
    german = party_pb2.Company(name="c", address=party_pb2.Address(country="DE"))
    body = invoicing_pb2.InvoiceIssued(
        invoice_id=invoice,
        number=f"N-{invoice}",
        account_id="b1",
        order_id=order,
        shipment_id=shipment,
        issue_date="2026-02-27",
        due_date=due,
        delivery_date="2026-02-26",
        currency="EUR",
        seller=german,
        buyer=german,
    )
    for line_id, quantity, price in lines:
        body.lines.add(
            line_id=line_id,
            order_line_id="" if line_id in unordered else line_id,
            quantity=quantity,
            unit_price=price,
            net_minor=int(Decimal(quantity) * Decimal(price) * 100),
            vat_category="S",
            vat_rate=rate,
        )
    body.net_minor = sum(line.net_minor for line in body.lines)
    body.tax_minor = int(body.net_minor * Decimal(rate) / 100)
    body.gross_minor = body.net_minor + body.tax_minor
    return told(body, f"invoice/{invoice}")


def agreed(days: int, version: int = 1) -> Record:
    contract = invoicing_pb2.Contract(account_id="b1", net_days=days)
    body = invoicing_pb2.ContractSet(version=version, contract=contract)
    # It is told as it is now: the desk's clock is put back for it.
    return a_record(body, account="b1", subject="contract/b1", headers={"ce_time": "2026-02-01T09:00:00Z"})


def cash(unapplied: int, sequence: int = 1) -> Record:
    eur = money_pb2.Money(minor=unapplied, currency="EUR")
    zero = money_pb2.Money(minor=0, currency="EUR")
    after = ledger_pb2.Standing(open=zero, unapplied=eur, credits=zero)
    return told(ledger_pb2.PaymentReceived(payment_id="y1", account_id="b1", after=[after]), "payment/y1", sequence)


def paid(minor: int) -> Record:
    body = ledger_pb2.ItemReduced(
        invoice_id="i1",
        account_id="b1",
        by=ledger_pb2.REDUCTION_PAID,
        amount=money_pb2.Money(minor=minor, currency="EUR"),
        open=money_pb2.Money(minor=0, currency="EUR"),
        effective_on="2026-03-01",
    )
    return told(body, "invoice/i1", 2)


TEN, FREIGHT = (("1", "10", "12.00"), ("2", "1", "50.00")), (*LINES, ("9", "1", "30.00"))
# Reason, evidence, what is contested, the verdict, what is proven in cents, the fact that is told.
CASES = {
    "a price above the order's": ("PRC_UNIT", [ordered(), billed(TEN)], [("1", "10")], "PROVEN", 2380, "price_above"),
    "a price as ordered": ("PRC_UNIT", [ordered(), billed()], [("1", "10")], "DISPROVEN", 0, "price_as_ordered"),
    "two of ten did not come": (
        "QTY_SHORT",
        [ordered(), received(("1", "7", "1"), ("2", "1", "")), billed()],
        [("1", "2")],
        "PROVEN",
        2380,
        "received_less",
    ),
    "in two parts all came": (
        "QTY_SHORT",
        [ordered(), received(("1", "6", "0")), received(("1", "4", "0"), receipt="r2"), billed()],
        [("1", "2")],
        "DISPROVEN",
        0,
        "received_all",
    ),
    "more than is missing": (
        "QTY_SHORT",
        [received(("1", "8", "0")), billed()],
        [("1", "3")],
        "PARTLY_PROVEN",
        2380,
        "received_less",
    ),
    "more invoiced than ordered": (
        "QTY_OVER",
        [ordered((("1", "8", "10.00"), ("2", "1", "50.00"))), billed()],
        [("1", "2")],
        "PROVEN",
        2380,
        "invoiced_more",
    ),
    "nothing of it came": (
        "DLV_NONE",
        [received(("2", "1", "0")), billed()],
        [("1", "10")],
        "PROVEN",
        11900,
        "received_less",
    ),
    "the same invoice twice": (
        "INV_DUP",
        [ordered(), billed(invoice="i0", shipment="p0"), billed()],
        [("1", "10"), ("2", "1")],
        "PROVEN",
        17850,
        "duplicate_of",
    ),
    "no other invoice": ("INV_DUP", [ordered(), billed()], [("1", "10")], "DISPROVEN", 0, "no_duplicate"),
    "two equal deliveries of an order": (
        "INV_DUP",
        [
            ordered((("1", "20", "10.00"), ("2", "2", "50.00"))),
            billed(invoice="i0", shipment="p0"),
            billed(),
        ],
        [("1", "10")],
        "DISPROVEN",
        0,
        "both_ordered",
    ),
    "a rate above the order's": (
        "TAX_RATE",
        [ordered(rate="7"), billed()],
        [("1", "10")],
        "PROVEN",
        1200,
        "tax_above",
    ),
    "the rate of the day": ("TAX_RATE", [ordered(), billed()], [("1", "10")], "DISPROVEN", 0, "tax_right"),
    "due before it was agreed": ("TRM_DUE", [agreed(45), billed()], [("1", "10")], "PROVEN", 0, "due_early"),
    "due as agreed": ("TRM_DUE", [agreed(30), billed()], [("1", "10")], "DISPROVEN", 0, "due_as_agreed"),
    "a charge that nobody ordered": (
        "FRT_CHARGE",
        [ordered(), billed(FREIGHT, unordered=["9"])],
        [("9", "1")],
        "PROVEN",
        3570,
        "charge_not_ordered",
    ),
    "a line of the order": ("FRT_CHARGE", [ordered(), billed()], [("2", "1")], "DISPROVEN", 0, "charge_ordered"),
    "paid": ("PAY_DONE", [billed(), paid(17850)], [("1", "10"), ("2", "1")], "PROVEN", 0, "paid"),
    "cash that waits": ("PAY_DONE", [billed(), cash(17850)], [("1", "10"), ("2", "1")], "PROVEN", 0, "cash_unapplied"),
    "no payment": ("PAY_DONE", [billed(), cash(0)], [("1", "10")], "DISPROVEN", 0, "not_paid"),
    "no credit note": ("CRN_MISSING", [billed()], [("1", "10")], "DISPROVEN", 0, "no_credit_note"),
    "a credit note": ("CRN_MISSING", [billed(), credited(None, 5000)], [("1", "1")], "PROVEN", 0, "credit_note"),
}
CREDITED = {"PRC_UNIT", "QTY_SHORT", "QTY_OVER", "DLV_NONE", "INV_DUP", "FRT_CHARGE"}


@pytest.fixture
async def desk(open_desk: Any) -> Any:
    async with open_desk() as opened:
        yield opened


@pytest.mark.parametrize("name", CASES)
async def test_evidence_proves_or_disproves_a_case_at_once(desk: Desk, name: str) -> None:
    reason, evidence, lines, verdict, proven, code = CASES[name]
    await desk.follow(*evidence)
    request = service_pb2.PreviewRequest(
        invoice="i1",
        reason_code=reason,
        lines=[events_pb2.DisputedLine(line_id=line_id, quantity=quantity) for line_id, quantity in lines],
    )
    before = (await desk.call("Preview", request)).check

    case = await desk.open(*lines, reason=reason)

    [check] = (await desk.call("ListChecks", service_pb2.ListChecksRequest(dispute_id=case.number))).checks
    assert (VERDICT(check.verdict), check.proven.minor) == (f"VERDICT_{verdict}", proven)
    assert check.facts[0].code == code
    assert (before.verdict, before.proven, before.outcome) == (check.verdict, check.proven, check.outcome)
    [said] = [event for kind, event in await desk.told() if kind == "DisputeChecked"]
    assert (said.verdict, said.facts, said.outcome) == (check.verdict, check.facts, check.outcome)
    if verdict == "DISPROVEN":
        assert (STATE(case.state), check.appeal_by) == ("STATE_REJECTED", "2026-04-01")
    elif verdict == "PROVEN" and reason in CREDITED:
        assert (STATE(case.state), case.credit.minor) == ("STATE_RESOLVING", proven)
    else:
        assert STATE(case.state) == "STATE_ACKNOWLEDGED"


async def test_what_is_proven_goes_from_its_opening_to_its_credit_note_by_the_moves_that_there_are(desk: Desk) -> None:
    await desk.follow(received(("1", "8", "0"), ("2", "1", "0")), billed())

    case = await desk.open(("1", "2"))

    history = (await desk.get(case)).history
    assert [(STATE(step.to_state).removeprefix("STATE_"), step.actor) for step in history] == [
        ("SUBMITTED", "contact:ann"),
        ("ACKNOWLEDGED", "system:disputes"),
        *((state, "system:checks") for state in ("UNDER_REVIEW", "PROPOSED", "ACCEPTED", "RESOLVING")),
    ]
    assert [kind for kind, _ in await desk.told()][:3] == ["DisputeOpened", "DisputeMoved", "DisputeChecked"]
    await desk.follow(credited(case, case.credit.minor))
    done = (await desk.get(case)).dispute
    assert (STATE(done.state), done.credit_note_number) == ("STATE_RESOLVED", "C-c1")


async def test_what_is_credited_once_is_not_proven_again(desk: Desk) -> None:
    await desk.follow(received(("1", "8", "0"), ("2", "1", "0")), billed())
    first = await desk.open(("1", "2"))
    await desk.follow(credited(first, first.credit.minor))

    by_line, by_amount = await desk.open(("1", "2")), await desk.open(cents=2380)

    assert {STATE(case.state) for case in (by_line, by_amount)} == {"STATE_ACKNOWLEDGED"}


async def test_an_appeal_goes_to_a_person_and_whoever_opened_it_does_not_end_it(desk: Desk) -> None:
    await desk.follow(ordered(), billed())
    case = await desk.open(("1", "10"), reason="PRC_UNIT", by="user:bo")
    assert STATE(case.state) == "STATE_REJECTED"

    case = await desk.move(case, "APPEAL", by="contact:ann")
    assert STATE(case.state) == "STATE_APPEALED"
    case = await desk.move(case, "REVIEW", "PROPOSE", by="user:cy")
    with pytest.raises(Refused, match=r"dispute\.own_case"):
        await desk.resolve(case, "FULL_CREDIT", by="user:bo")
    with pytest.raises(Refused, match=r"dispute\.four_eyes"):
        await desk.resolve(case, "FULL_CREDIT", by="user:cy")
    assert STATE((await desk.resolve(case, "FULL_CREDIT", by="user:di")).state) == "STATE_RESOLVING"


async def test_a_price_that_another_version_of_the_order_had_is_for_a_person(desk: Desk) -> None:
    await desk.follow(ordered(TEN), ordered(version=2), billed(TEN))

    assert STATE((await desk.open(("1", "10"), reason="PRC_UNIT")).state) == "STATE_ACKNOWLEDGED"


async def test_a_version_after_the_goods_left_changes_nothing(desk: Desk) -> None:
    shipped = orders_pb2.OrderShipped(order_id="o1", shipment_id="p1", account_id="b1", shipped_on="2026-02-26")
    shipped.lines.add(line_id="1", quantity="10")
    await desk.follow(ordered(), told(shipped, "order/o1"))
    await desk.follow(ordered((("1", "10", "1.00"), LINES[1]), version=2), billed())

    assert STATE((await desk.open(("1", "10"), reason="PRC_UNIT")).state) == "STATE_REJECTED"


async def policy(desk: Desk, cents: int, per_month: int) -> None:
    caps = events_pb2.AutoCredit(most=[money_pb2.Money(minor=cents, currency="EUR")], per_month=per_month)
    wanted = events_pb2.DisputePolicy(window_days=90, answer_days=5, customer_days=5, reopen_days=30, auto_credit=caps)
    await desk.call("SetPolicy", service_pb2.SetPolicyRequest(policy=wanted))
    said = (await desk.call("GetPolicy", service_pb2.GetPolicyRequest())).policy.auto_credit
    assert said == caps


@pytest.mark.parametrize(("cents", "per_month"), [(2379, 3), (0, 3), (50_000, 0)])
async def test_beyond_the_sellers_caps_a_person_decides(desk: Desk, cents: int, per_month: int) -> None:
    await policy(desk, cents, per_month)
    await desk.follow(received(("1", "8", "0")), billed())

    case = await desk.open(("1", "2"))

    [check] = (await desk.call("ListChecks", service_pb2.ListChecksRequest(dispute_id=case.dispute_id))).checks
    assert (STATE(case.state), check.outcome) == ("STATE_ACKNOWLEDGED", events_pb2.CHECK_OUTCOME_PERSON)


async def test_eight_at_once_get_no_more_than_three_of_a_month(desk: Desk) -> None:
    names = [str(n) for n in range(8)]
    for n in names:
        await desk.follow(
            received(("1", "8", "0"), order=f"o{n}", shipment=f"p{n}"),
            billed(invoice=f"i-{n}", order=f"o{n}", shipment=f"p{n}"),
        )

    opened = await asyncio.gather(*(desk.open(("1", "2"), invoice=f"i-{n}") for n in names))

    states = [STATE(case.state) for case in opened]
    assert (states.count("STATE_RESOLVING"), states.count("STATE_ACKNOWLEDGED")) == (3, 5)
    await desk.set_clock(MONDAY + timedelta(days=30))
    await desk.follow(received(("1", "8", "0"), order="o9"), billed(invoice="i9", order="o9"))
    assert STATE((await desk.open(("1", "2"), invoice="i9")).state) == "STATE_RESOLVING"


async def test_of_two_invoices_that_say_the_same_one_stands(desk: Desk) -> None:
    await desk.follow(ordered(), billed(invoice="i0", shipment="p0"), billed())
    lines = [("1", "10"), ("2", "1")]

    opened = await asyncio.gather(*(desk.open(*lines, invoice=name, reason="INV_DUP") for name in ("i0", "i1")))

    assert sorted(STATE(case.state) for case in opened) == ["STATE_ACKNOWLEDGED", "STATE_RESOLVING"]
