"""Payments that are announced: nothing is booked, money that comes ends them, and lists show both, the newest first."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from receivables.ledger.v1 import events_pb2, service_pb2

from services.chassis.envelope import Record, decode
from services.ledger.domain.announcements import EXPECTED_MAX
from services.ledger.rebuild import FOLD
from services.ledger.service import SERVICE
from tests.integration.conftest import OpenService
from tests.integration.ledger.desk import Desk, Refused, day, issued, money, registered, seller_in

FIRST, SECOND, THIRD = (f"P-2026-00000{n}" for n in (1, 2, 3))


async def refused_code(call: Any) -> str:
    with pytest.raises(Refused) as refused:
        await call
    return refused.value.code


async def told(desk: Desk) -> list[tuple[str, str]]:
    """What was told of announcements, and where they then stood."""
    return [(m.reference, m.state) for kind, _, m in await desk.told() if kind == "PaymentAnnounced"]


async def owing(desk: Desk) -> None:
    """b1 owes three times 10.00 EUR; b2 once."""
    await desk.follow(
        registered(),
        registered("b2"),
        *(issued(str(n), 1_000, 0, due=f"2026-03-0{n}") for n in (1, 2, 3)),
        issued("9", 1_000, 0, account="b2"),
    )


async def test_what_is_announced_is_shown_and_told_and_books_nothing(desk: Desk):
    await owing(desk)
    before = (await desk.rows("SELECT * FROM entry"), await desk.account())

    announced = await desk.announce(("RE-2", 1_000), ("RE-1", 1), expected_on="2026-02-05")

    assert announced == service_pb2.Announcement(
        reference=FIRST,
        account_id="b1",
        amount=money(1_001),
        items=[
            service_pb2.AnnouncedItem(number="RE-2", amount=money(1_000)),
            service_pb2.AnnouncedItem(number="RE-1", amount=money(1)),
        ],
        expected_on="2026-02-05",
        state="EXPECTED",
        announced_by="user:ada",
        announced_at=Timestamp(seconds=int(day("2026-02-01").timestamp())),
    )
    listed = await desk.call("ListAnnouncements", service_pb2.ListAnnouncementsRequest(account_id="b1"))
    assert list(listed.announcements) == [announced]
    assert (await desk.rows("SELECT * FROM entry"), await desk.account()) == before
    kind, subject, message = (await desk.told())[-1]
    assert (kind, subject) == ("PaymentAnnounced", f"announcement/{FIRST}")
    assert (list(message.invoice_ids), [a.minor for a in message.amounts]) == (["2", "1"], [1_000, 1])
    assert (message.amount.minor, message.expected_on, message.state) == (1_001, "2026-02-05", "EXPECTED")


@pytest.mark.parametrize(
    ("asked", "changes", "code"),
    [
        ([("RE-1", 1)], {"account": "nobody"}, "announcement.unknown_account"),
        ([("RE-1", 1)], {"tenant": "blue"}, "announcement.unknown_account"),
        ([], {}, "announcement.without_items"),
        ([("RE-9", 1)], {}, "announcement.unknown_item"),
        ([("re1", 1)], {}, "announcement.unknown_item"),
        ([("RE-1", 1), ("RE-1", 2)], {}, "announcement.item_twice"),
        ([("RE-1", 0)], {}, "announcement.amount_not_positive"),
        ([("RE-1", 1_001)], {}, "announcement.more_than_open"),
        ([("RE-1", 1)], {"currency": "SEK"}, "announcement.currency_mismatch"),
        ([("RE-1", 1)], {"expected_on": "soon"}, "date.malformed"),
    ],
)
async def test_what_cannot_be_paid_so_is_refused_and_leaves_no_gap(
    desk: Desk, asked: list[tuple[str, int]], changes: dict[str, Any], code: str
):
    await owing(desk)

    assert await refused_code(desk.announce(*asked, **changes)) == code
    assert (await desk.announce(("RE-1", 1))).reference == FIRST


async def test_each_is_numbered_in_turn_by_tenant_and_year_also_at_once(desk: Desk):
    await owing(desk)
    await desk.follow(registered(tenant="blue"), issued("1", 1_000, 0, tenant="blue"))

    answers = await asyncio.gather(
        *(desk.announce(("RE-1", n)) for n in range(1, 6)),
        *(desk.announce(("RE-9", n), account="b2") for n in range(1, 6)),
        desk.announce(("RE-1", 1_001)),
        return_exceptions=True,
    )

    references = sorted(a.reference for a in answers if not isinstance(a, BaseException))
    assert references == [f"P-2026-{nth:06}" for nth in range(1, 11)]
    assert (await desk.announce(("RE-1", 1), tenant="blue")).reference == FIRST


async def test_the_year_is_the_one_where_the_seller_is(desk: Desk):
    await owing(desk)
    await desk.follow(seller_in("Asia/Tokyo"))

    await desk.set_clock(datetime(2026, 12, 31, 14, 59, tzinfo=UTC))
    assert (await desk.announce(("RE-1", 1))).reference == FIRST
    await desk.set_clock(datetime(2026, 12, 31, 15, tzinfo=UTC))
    assert (await desk.announce(("RE-1", 1))).reference == "P-2027-000001"


async def test_money_that_names_it_ends_it_and_pays_what_was_announced(desk: Desk):
    await owing(desk)
    await desk.announce(("RE-3", 1_000), ("RE-2", 400))

    answer = await desk.pay("p1", 1_500, "our p2026 000001")

    assert [(a.number, a.amount.minor, a.evidence) for a in answer.applications] == [
        ("RE-3", 1_000, "exact_reference"),
        ("RE-2", 400, "exact_reference"),
    ]
    assert answer.unapplied.minor == 100
    assert await desk.announced() == {FIRST: "RECEIVED"}
    assert await told(desk) == [(FIRST, "EXPECTED"), (FIRST, "RECEIVED")]
    assert (await desk.trial())["2100"] == -100
    assert await desk.pay("p1", 1_500, "our p2026 000001") == answer
    assert len(await told(desk)) == 2


async def test_money_of_its_very_amount_ends_it_if_it_is_the_only_one(desk: Desk):
    await owing(desk)
    await desk.announce(("RE-2", 700))
    await desk.announce(("RE-3", 700))
    await desk.announce(("RE-9", 700), account="b2")

    first = await desk.pay("p1", 700)
    assert await desk.announced() == dict.fromkeys((THIRD, SECOND, FIRST), "EXPECTED")
    await desk.withdraw(SECOND)
    second = await desk.pay("p2", 700)

    assert await desk.announced() == {THIRD: "EXPECTED", SECOND: "WITHDRAWN", FIRST: "RECEIVED"}
    assert [a.evidence for answer in (first, second) for a in answer.applications] == ["oldest_due"] * 3


async def test_money_of_another_account_or_currency_does_not_end_it(desk: Desk):
    await owing(desk)
    await desk.follow(issued("5", 1_000, 0, currency="SEK"))
    await desk.announce(("RE-1", 700))

    await desk.pay("p1", 700, FIRST, account="b2")
    await desk.pay("p2", 700, FIRST, currency="SEK")
    await desk.pay("p3", 701)

    assert await desk.announced() == {FIRST: "EXPECTED"}


async def test_what_was_received_or_withdrawn_stays_so(desk: Desk):
    await owing(desk)
    for number in ("RE-1", "RE-2"):
        await desk.announce((number, 500))
    await desk.withdraw(FIRST)
    await desk.pay("p1", 500, SECOND)

    assert await refused_code(desk.withdraw(FIRST)) == "announcement.not_expected"
    assert await refused_code(desk.withdraw(SECOND)) == "announcement.not_expected"
    assert await refused_code(desk.withdraw(FIRST, account="b2")) == "announcement.unknown"
    assert await refused_code(desk.withdraw(THIRD)) == "announcement.unknown"
    await desk.pay("p2", 500, FIRST)
    assert await desk.announced() == {SECOND: "RECEIVED", FIRST: "WITHDRAWN"}
    assert await told(desk) == [
        (FIRST, "EXPECTED"),
        (SECOND, "EXPECTED"),
        (FIRST, "WITHDRAWN"),
        (SECOND, "RECEIVED"),
    ]


async def test_rows_of_a_statement_end_what_was_announced(desk: Desk):
    await owing(desk)
    for number, minor in (("RE-1", 500), ("RE-2", 600)):
        await desk.announce((number, minor))

    rows = [f"r1,b1,2026-02-01,5.00,EUR,{FIRST}", "r2,b1,2026-02-01,6.00,EUR,", "r3,b1,2026-02-01,6.00,EUR,"]
    assert [outcome for _, _, outcome, _ in await desk.upload(*rows)] == ["booked"] * 3

    assert await desk.announced() == {SECOND: "RECEIVED", FIRST: "RECEIVED"}
    assert (await told(desk))[2:] == [(FIRST, "RECEIVED"), (SECOND, "RECEIVED")]


async def test_of_an_account_so_many_are_expected_and_no_more(desk: Desk):
    await owing(desk)
    await desk.rows(
        f"""INSERT INTO announcement
            SELECT 'acme', 'P-2025-' || n, 'b1', 'EUR', 1, ARRAY['1'], ARRAY[1], NULL,
                   CASE WHEN n < {EXPECTED_MAX} THEN 'EXPECTED' ELSE 'RECEIVED' END, 'user:ada', now()
              FROM generate_series(1, {EXPECTED_MAX} + 5) AS n RETURNING 1"""
    )

    assert (await desk.announce(("RE-1", 2))).reference == FIRST
    assert await refused_code(desk.announce(("RE-1", 3))) == "announcement.too_many"
    assert (await desk.announce(("RE-9", 3), account="b2")).reference == SECOND
    await desk.withdraw(FIRST)
    assert (await desk.announce(("RE-1", 3))).reference == THIRD


async def test_of_two_payments_at_once_one_is_what_was_announced(desk: Desk):
    await owing(desk)
    await desk.announce(("RE-2", 700))

    await asyncio.gather(desk.pay("p1", 700, FIRST), desk.pay("p2", 700, FIRST), desk.pay("p3", 700))

    assert await desk.announced() == {FIRST: "RECEIVED"}
    assert await told(desk) == [(FIRST, "EXPECTED"), (FIRST, "RECEIVED")]
    assert (await desk.trial())["1000"] == 2_100
    assert (await desk.items())["2"][0] >= 300, "more than was announced is not paid of it by its reference"


async def test_what_is_withdrawn_as_its_money_comes_has_one_end(desk: Desk):
    await owing(desk)
    for n in range(10):
        reference = (await desk.announce(("RE-1", 1))).reference
        answers: Any = await asyncio.gather(
            desk.pay(f"p{n}", 1, reference), desk.withdraw(reference), return_exceptions=True
        )

        assert not isinstance(answers[0], BaseException)
        end = "RECEIVED" if isinstance(answers[1], Refused) else "WITHDRAWN"
        assert [state for one, state in await told(desk) if one == reference] == ["EXPECTED", end]


async def test_announcements_are_listed_the_newest_first_a_page_at_a_time(desk: Desk):
    await owing(desk)
    for n in range(1, 6):
        await desk.set_clock(day(f"2026-02-0{n}"))
        await desk.announce(("RE-9", n), account="b2") if n == 3 else await desk.announce(("RE-1", n))
    await desk.withdraw(SECOND)

    async def listed(**asked: Any) -> list[str]:
        found, token = [], ""
        while True:
            request = service_pb2.ListAnnouncementsRequest(page_size=2, page_token=token, **asked)
            answer = await desk.call("ListAnnouncements", request)
            found += [a.reference[-1] for a in answer.announcements]
            if not (token := answer.next_page_token):
                return found

    assert await listed() == ["5", "4", "3", "2", "1"]
    assert await listed(account_id="b1") == ["5", "4", "2", "1"]
    assert await listed(expected_only=True) == ["5", "4", "3", "1"]
    assert await listed(account_id="b1", expected_only=True) == ["5", "4", "1"]


async def test_payments_are_listed_the_newest_first_a_page_at_a_time_without_their_texts(desk: Desk):
    await owing(desk)
    await desk.pay("a", 100, "RE-1", value_date="2026-02-01")
    await desk.pay("b", 300, "what is INV-77", value_date="2026-02-03")
    await desk.pay("c", 1_100, "RE-9", value_date="2026-02-02", account="b2")
    await desk.pay("d", 100, "RE-1", value_date="2026-02-03")
    await desk.pay("e", 50, "and INV-78", value_date="2026-01-31")

    async def listed(**asked: Any) -> list[tuple[str, int]]:
        found, token = [], ""
        while True:
            request = service_pb2.ListPaymentsRequest(page_size=2, page_token=token, **asked)
            answer = await desk.call("ListPayments", request)
            assert all(p.remittance == "" and p.amount.minor for p in answer.payments)
            found += [(p.payment_id, p.unapplied.minor) for p in answer.payments]
            if not (token := answer.next_page_token):
                return found

    assert await listed() == [("d", 0), ("b", 300), ("c", 100), ("a", 0), ("e", 50)]
    assert await listed(account_id="b1") == [("d", 0), ("b", 300), ("a", 0), ("e", 50)]
    assert await listed(unapplied_only=True) == [("b", 300), ("c", 100), ("e", 50)]
    assert await listed(account_id="b1", unapplied_only=True) == [("b", 300), ("e", 50)]
    assert await listed(account_id="nobody") == []


async def test_what_was_announced_follows_from_what_was_told(desk: Desk, open_service: OpenService):
    await owing(desk)
    for number, expected_on in (("RE-1", "2026-02-05"), ("RE-2", ""), ("RE-3", "")):
        await desk.announce((number, 500), expected_on=expected_on)
    await desk.withdraw(FIRST)
    await desk.pay("p1", 500, SECOND)
    kept = [await desk.rows(f"SELECT * FROM {table} ORDER BY 2") for table in ("announcement", "announcement_series")]

    async with open_service(SERVICE, clock="test") as anew, anew.database.transaction(["acme"]) as tx:
        await tx.run("INSERT INTO account VALUES ('acme', 'b1', 'EUR')")
        for row in await desk.rows("SELECT * FROM outbox ORDER BY id"):
            if row.headers["ce_type"].endswith(".PaymentAnnounced"):
                record = Record(row.topic, 0, 0, row.key.encode(), bytes(row.payload), row.headers)
                event = decode(record, {row.headers["ce_type"]: events_pb2.PaymentAnnounced})
                await FOLD.own[events_pb2.PaymentAnnounced](tx, event, None)
        assert [await tx.rows(f"SELECT * FROM {t} ORDER BY 2") for t in ("announcement", "announcement_series")] == kept
