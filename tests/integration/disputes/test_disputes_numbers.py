"""Numbers that people can say, the seller's days and policy, credits to the cent, and what comes again."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from receivables.common.v1.money_pb2 import Money
from receivables.disputes.v1 import events_pb2, service_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2

from services.chassis.envelope import Record
from tests.integration.disputes.desk import MONDAY, Desk, Refused, credited, issued, reduced, seller
from tests.records import a_record


async def refused_code(call: Any) -> str:
    with pytest.raises(Refused) as refused:
        await call
    return refused.value.code


def of_lines(
    *lines: tuple[str, str, int, str, str], invoice: str = "i9", currency: str = "GBP", tax: int = 0, **changes: Any
) -> Record:
    """An invoice of lines: quantity, price, net, category, rate."""
    net = sum(minor for _, _, minor, _, _ in lines)
    body = invoicing_pb2.InvoiceIssued(
        invoice_id=invoice,
        number=f"N-{invoice}",
        account_id="b1",
        issue_date="2026-02-27",
        currency=currency,
        net_minor=net,
        tax_minor=tax,
        gross_minor=net + tax,
        **changes,
    )
    for nth, (quantity, price, minor, category, rate) in enumerate(lines, start=1):
        body.lines.add(
            line_id=str(nth),
            quantity=quantity,
            unit_price=price,
            net_minor=minor,
            vat_category=category,
            vat_rate=rate,
        )
    return a_record(body, account="b1", subject=f"invoice/{invoice}")


async def test_cases_are_numbered_by_tenant_and_year_and_found_by_their_number(desk: Desk) -> None:
    await desk.follow(issued("i1", tenant="other"))

    numbers = [(await desk.open(cents=100)).number for _ in range(3)]
    other = await desk.open(cents=100, tenant="other")

    assert numbers == ["D-2026-0001", "D-2026-0002", "D-2026-0003"]
    assert other.number == "D-2026-0001"
    found = await desk.call("GetDispute", service_pb2.GetDisputeRequest(dispute_id="D-2026-0002"))
    assert found.dispute.number == "D-2026-0002"
    assert [event.number for _, event in await desk.told()][:2] == ["D-2026-0001"] * 2
    request = service_pb2.GetDisputeRequest(dispute_id="D-2026-0003")
    assert await refused_code(desk.call("GetDispute", request, tenant="other")) == "dispute.unknown"


async def test_a_refused_opening_leaves_no_gap_and_cases_opened_at_once_have_a_number_each(desk: Desk) -> None:
    answers = await asyncio.gather(
        *(desk.open(cents=1_000) for _ in range(12)), desk.open(cents=99_999), return_exceptions=True
    )

    numbers = sorted(answer.number for answer in answers if not isinstance(answer, BaseException))
    assert numbers == [f"D-2026-{nth:04}" for nth in range(1, 13)]
    assert (await desk.open(cents=10)).number == "D-2026-0013"


async def test_the_year_of_a_number_is_the_sellers(desk: Desk) -> None:
    await desk.follow(seller(time_zone="Asia/Tokyo"))
    await desk.set_clock(datetime(2026, 3, 31, 20, tzinfo=UTC))
    assert (await desk.open(cents=10)).number == "D-2026-0001"
    await desk.follow(of_lines(("1", "1", 10_000, "S", "0"), invoice="i3"))
    await desk.rows("UPDATE invoice SET issue_date = '2026-12-30' RETURNING 1")

    await desk.set_clock(datetime(2026, 12, 31, 14, 59, tzinfo=UTC))
    assert (await desk.open(cents=10)).number == "D-2026-0002"
    await desk.set_clock(datetime(2026, 12, 31, 15, tzinfo=UTC))
    assert (await desk.open(cents=10)).number == "D-2027-0001"


async def test_a_case_of_before_there_were_numbers_gets_one_when_it_is_moved(desk: Desk) -> None:
    case = await desk.open(cents=100)
    await desk.rows("UPDATE dispute SET number = '' RETURNING 1")

    assert (await desk.get(case)).dispute.number == ""
    moved = await desk.move(case, "REVIEW")

    assert moved.number == (await desk.get(case)).dispute.number == "D-2026-0002"
    assert (await desk.told())[-1][1].number == "D-2026-0002"


async def test_business_days_are_those_of_the_legal_entity_that_invoiced(desk: Desk) -> None:
    await desk.follow(
        seller("s1", time_zone="Europe/Berlin", holidays="DE"),
        seller("s2", time_zone="America/New_York", holidays="US"),
        of_lines(("1", "100", 10_000, "S", "0"), invoice="us", seller_id="s2"),
    )
    # Thursday before Good Friday, 3 April 2026, at 23:00 in New York.
    await desk.set_clock(datetime(2026, 4, 3, 3, tzinfo=UTC))

    assert (
        await desk.open(cents=10, reason="DLV_NONE")
    ).answer_by == "2026-04-13"  # in Berlin it is Friday, and Easter Monday is off
    us = await desk.call(
        "Open",
        service_pb2.OpenRequest(invoice="us", reason_code="DLV_NONE", amount=Money(minor=10, currency="GBP")),
    )
    assert us.dispute.answer_by == "2026-04-09"


async def test_what_a_seller_said_last_counts_and_what_makes_no_sense_counts_as_not_said(desk: Desk) -> None:
    await desk.follow(
        seller(version=3, time_zone="Mars/Base", holidays="XX"), seller(version=2, time_zone="Asia/Tokyo")
    )

    assert (await desk.open(cents=10, reason="DLV_NONE")).answer_by == "2026-03-09"


POLICY = events_pb2.DisputePolicy(window_days=10, answer_days=2, customer_days=3, reopen_days=4)


async def test_a_tenant_says_what_its_cases_run_by(desk: Desk) -> None:
    nothing = await desk.call("GetPolicy", service_pb2.GetPolicyRequest())
    assert (nothing.version, nothing.policy.window_days, nothing.policy.answer_days) == (0, 90, 5)
    before = await desk.open(cents=10, reason="DLV_NONE")

    assert (await desk.call("SetPolicy", service_pb2.SetPolicyRequest(policy=POLICY))).version == 1
    assert (await desk.call("SetPolicy", service_pb2.SetPolicyRequest(policy=POLICY))).version == 2

    now = await desk.call("GetPolicy", service_pb2.GetPolicyRequest())
    assert (now.version, now.policy.customer_days, now.policy.first_answer_days) == (2, 3, 1)
    assert (await desk.call("GetPolicy", service_pb2.GetPolicyRequest(), tenant="other")).version == 0
    case = await desk.open(cents=10, reason="DLV_NONE")
    assert case.answer_by == "2026-03-04"
    assert (await desk.get(before)).dispute.answer_by == "2026-03-09"  # days that were told stay
    case = await desk.move(case, "REVIEW", "PROPOSE")
    changed = [event for kind, event in await desk.told() if kind == "PolicyChanged"]
    assert [(event.version, event.policy.reopen_days) for event in changed] == [(1, 4), (2, 4)]
    [row] = await desk.rows(
        "SELECT DISTINCT key, headers->>'ce_subject' AS subject FROM outbox WHERE key = 'acme/policy'"
    )
    assert (row.key, row.subject) == ("acme/policy", "policy/disputes")
    assert (await desk.told())[-1][1].next_by == "2026-03-05"
    await desk.set_clock(MONDAY + timedelta(days=8))
    assert await refused_code(desk.open(cents=10)) == "dispute.too_late"


@pytest.mark.parametrize(
    "changes", [{"answer_days": 0}, {"window_days": 2**31 - 1}, {"reopen_days": -1}, {"customer_days": 366}]
)
async def test_a_policy_that_makes_no_sense_is_refused(desk: Desk, changes: dict[str, int]) -> None:
    policy = events_pb2.DisputePolicy(window_days=10, answer_days=2, customer_days=3, reopen_days=4)
    for name, value in changes.items():
        setattr(policy, name, value)

    code = await refused_code(desk.call("SetPolicy", service_pb2.SetPolicyRequest(policy=policy)))
    assert code == "policy.out_of_range"


@pytest.mark.parametrize("both_first", [False, True])
async def test_every_line_credited_singly_comes_to_the_invoice_as_it_was_told(desk: Desk, both_first: bool) -> None:
    await desk.follow(of_lines(("1", "0.13", 13, "S", "20"), ("1", "0.13", 13, "S", "20"), tax=5))

    async def proposed(line: str) -> Any:
        return await desk.move(await desk.open((line, "1"), invoice="i9"), "REVIEW", "PROPOSE")

    second = None
    first = await proposed("1")
    if both_first:
        second = await proposed("2")
    first = await desk.resolve(first, "FULL_CREDIT")
    second = await desk.resolve(second or await proposed("2"), "FULL_CREDIT")

    told = [event for kind, event in await desk.told() if kind == "DisputeResolved"]
    assert [event.credit.minor for event in told] == [16, 15]
    assert [[line.line_id for line in event.lines] for event in told] == [["1"], ["2"]]
    await desk.follow(credited(first, 16, invoice="i9", note="c1"), credited(second, 15, invoice="i9", note="c2"))
    row = await desk.row(
        "SELECT gross_minor - credited_minor - disputed_minor AS left FROM invoice WHERE invoice_id = 'i9'"
    )
    assert row.left == 0


async def test_what_an_amount_took_of_a_rate_is_missing_in_its_last_line(desk: Desk) -> None:
    await desk.follow(of_lines(("1", "10.00", 1_000, "S", "20"), ("1", "5.00", 500, "S", "5"), tax=225))
    amount = await desk.move(await _amount(desk, 725), "REVIEW", "PROPOSE")
    await desk.resolve(amount, "FULL_CREDIT")

    rows = await desk.rows("SELECT vat_rate, net_minor, tax_minor FROM credited_rate ORDER BY vat_rate DESC")
    assert sum(row.net_minor + row.tax_minor for row in rows) == 725
    rest = await desk.move(await _amount(desk, 1_000), "REVIEW", "PROPOSE")
    await desk.resolve(rest, "FULL_CREDIT")
    rows = await desk.rows("SELECT vat_rate, net_minor, tax_minor FROM credited_rate ORDER BY vat_rate DESC")
    assert [(row.net_minor, row.tax_minor) for row in rows] == [(1_000, 200), (500, 25)]


async def _amount(desk: Desk, minor: int) -> Any:
    request = service_pb2.OpenRequest(invoice="i9", reason_code="QTY_SHORT", amount=Money(minor=minor, currency="GBP"))
    return (await desk.call("Open", request, by="contact:ann")).dispute


async def test_what_was_credited_before_rates_were_kept_counts_all_the_same(desk: Desk) -> None:
    await desk.follow(of_lines(("1", "0.13", 13, "S", "20"), ("1", "0.13", 13, "S", "20"), tax=5))
    first = await desk.resolve(
        await desk.move(await desk.open(("1", "1"), invoice="i9"), "REVIEW", "PROPOSE"), "FULL_CREDIT"
    )
    await desk.follow(credited(first, 16, invoice="i9"))
    await desk.rows("DELETE FROM credited_rate RETURNING 1")

    second = await desk.move(await desk.open(("2", "1"), invoice="i9"), "REVIEW", "PROPOSE")
    second = await desk.resolve(second, "FULL_CREDIT")

    assert second.credit.minor == 15


async def test_of_sixty_pairs_about_one_line_at_once_exactly_what_fits_is_taken(desk: Desk) -> None:
    for nth in range(60):
        await desk.follow(of_lines(("10", "10.00", 10_000, "S", "19"), tax=1_900, invoice=f"r{nth}"))

        answers = await asyncio.gather(
            desk.open(("1", "7"), invoice=f"r{nth}"), desk.open(("1", "7"), invoice=f"r{nth}"), return_exceptions=True
        )

        refused = [answer.code for answer in answers if isinstance(answer, Refused)]
        assert refused == ["dispute.exceeds_line"]
        row = await desk.row(f"SELECT disputed_minor FROM invoice WHERE invoice_id = 'r{nth}'")
        assert row.disputed_minor == 8_330
    assert (await desk.row("SELECT last FROM case_series")).last == 60


async def test_of_sixty_pairs_that_fit_together_both_are_taken(desk: Desk) -> None:
    for nth in range(60):
        await desk.follow(of_lines(("10", "10.00", 10_000, "S", "19"), tax=1_900, invoice=f"r{nth}"))

        cases = await asyncio.gather(*(desk.open(("1", n), invoice=f"r{nth}") for n in ("3", "7")))

        assert sorted(case.amount.minor for case in cases) == [3_570, 8_330]


LONGEST = "x" * 128
ACCOUNT = "x" * 64
EDGES = [
    pytest.param(partial(of_lines, ("1", "10.00", 1_000, "O", "")), id="outside of VAT"),
    pytest.param(partial(of_lines, ("1", "10.00", 1_000, "Z", "0")), id="zero-rated"),
    pytest.param(
        partial(of_lines, ("1", "10.00", 1_000, "AE", "0"), ("1", "1", 100, "S", "5.5"), tax=6), id="reverse charge"
    ),
    pytest.param(partial(of_lines, ("1", "45.505", 45_510, "S", "0"), currency="KWD"), id="three decimals"),
    pytest.param(partial(of_lines, ("3", "101", 303, "S", "10"), currency="JPY", tax=30), id="no decimals"),
    pytest.param(partial(of_lines, *[("0.001", "0.0001", 0, "S", "20")] * 10_000), id="ten thousand lines"),
    pytest.param(partial(of_lines, ("1", "0", 0, "S", "20")), id="for nothing"),
    pytest.param(
        partial(of_lines, ("2", "49.995", 9_999, "S", "20"), ("1", "-1.00", -100, "S", "20"), tax=1_980),
        id="less a discount",
    ),
    pytest.param(
        partial(of_lines, ("1", "9999999999999.99", 999_999_999_999_999, "O", "")), id="as much as there can be"
    ),
]


@pytest.mark.parametrize("event", EDGES)
async def test_what_invoicing_lets_through_its_door_is_taken(desk: Desk, event: Callable[[], Record]) -> None:
    await desk.follow(event())

    assert await desk.rows("SELECT FROM parked") == []
    row = await desk.row("SELECT gross_minor, currency FROM invoice WHERE invoice_id = 'i9'")
    if row.gross_minor:
        request = service_pb2.OpenRequest(
            invoice="i9", reason_code="QTY_SHORT", amount=Money(minor=row.gross_minor, currency=row.currency)
        )
        case = (await desk.call("Open", request, by="contact:ann")).dispute
        case = await desk.resolve(await desk.move(case, "REVIEW", "PROPOSE"), "FULL_CREDIT")
        assert case.credit.minor == row.gross_minor


async def test_the_longest_texts_and_facts_without_what_is_optional_are_taken(desk: Desk) -> None:
    long = invoicing_pb2.InvoiceIssued(
        invoice_id=LONGEST,
        number=LONGEST,
        account_id=ACCOUNT,
        order_id=LONGEST,
        seller_id=ACCOUNT,
        issue_date="2199-12-31",
        currency="EUR",
        net_minor=100,
        gross_minor=100,
    )
    long.scope.site = long.scope.cost_centre = long.scope.purchase_order = "y" * 200
    long.lines.add(line_id=LONGEST, quantity="9" * 18, unit_price="0." + "1" * 18, net_minor=100, vat_rate="0.000001")
    note = invoicing_pb2.CreditNoteIssued(
        credit_note_id=LONGEST, number=LONGEST, invoice_id=LONGEST, account_id=ACCOUNT, currency="EUR", gross_minor=1
    )

    await desk.follow(
        a_record(long, account=ACCOUNT, subject=f"invoice/{LONGEST}"),
        a_record(note, account=ACCOUNT, subject=f"invoice/{LONGEST}"),
        seller("z" * 64, time_zone="x" * 64, holidays="x" * 64),
    )

    assert await desk.rows("SELECT FROM parked") == []
    assert (await desk.row("SELECT count(*) AS n FROM credit_note")).n == 1


async def test_whatever_comes_again_after_the_inbox_forgot_it_changes_nothing(desk: Desk) -> None:
    case = await desk.open(("1", "2"))
    case = await desk.resolve(await desk.move(case, "REVIEW", "PROPOSE"), "FULL_CREDIT")
    history = [
        seller(time_zone="Asia/Tokyo"),
        seller(version=2, time_zone="Europe/Berlin"),
        issued(),
        issued("i2"),
        credited(case, 2_380),
        credited(None, 100, note="c2", invoice="i2"),
        reduced(17_610, 5),
        reduced(100, 6),
    ]
    await desk.follow(*history)
    before = await _all(desk)

    await desk.rows("DELETE FROM inbox RETURNING 1")
    await desk.follow(*(replace(record, offset=record.offset + 1_000_000) for record in history))

    assert await desk.rows("SELECT FROM parked") == []
    assert await _all(desk) == before


async def _all(desk: Desk) -> dict[str, list[Any]]:
    tables = (
        "seller invoice invoice_line dispute dispute_line dispute_move credit_note credited_rate case_series outbox"
    )
    return {table: await desk.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in tables.split()}
