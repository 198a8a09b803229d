"""Payments: booked once, applied to what they name and then to the oldest due, never beyond what is open."""

import asyncio
from typing import Any

import grpc
import pytest
from receivables.ledger.v1 import service_pb2

from tests.integration.ledger.desk import Desk, Refused, credited, disputed, issued, registered


def applied(answer: Any) -> list[tuple[str, int, str]]:
    return [(a.number, a.amount.minor, a.evidence) for a in answer.applications]


async def test_a_payment_pays_what_it_names_and_the_rest_stays(desk: Desk):
    await desk.follow(
        registered(),
        issued("1", 1_000, 0, due="2026-03-03"),
        issued("2", 1_000, 0, due="2026-03-01"),
        issued("3", 1_000, 0, due="2026-03-02"),
    )

    answer = await desk.pay("p1", 3_500, "invoices re1 and RE-3")

    assert applied(answer) == [
        ("RE-1", 1_000, "exact_reference"),
        ("RE-3", 1_000, "exact_reference"),
    ]
    assert (answer.unapplied.minor, list(answer.paid_before), answer.continues) == (1_500, [], False)
    assert await desk.trial() == {"1000": 3_500, "2100": -1_500, "1100": 1_000, "4000": -3_000}
    assert (await desk.account())["EUR"]["unapplied"] == 1_500


async def test_a_payment_that_names_nothing_pays_the_oldest_due(desk: Desk):
    await desk.follow(registered(), issued("1", 1_000, 0, due="2026-03-03"), issued("2", 1_000, 0, due="2026-03-01"))

    answer = await desk.pay("p1", 1_500, "thank you for everything")

    assert applied(answer) == [("RE-2", 1_000, "oldest_due"), ("RE-1", 500, "oldest_due")]


async def test_a_payment_of_what_was_paid_stays_and_is_told_as_a_likely_double_one(desk: Desk):
    await desk.follow(registered(), issued("1", 1_000, 0), issued("2", 1_000, 0))
    await desk.pay("p1", 1_000, "RE-1")

    answer = await desk.pay("p2", 1_700, "RE-1, RE-2")
    again = await desk.pay("p2", 1_700, "RE-1, RE-2")

    assert (applied(answer), list(answer.paid_before)) == ([("RE-2", 1_000, "exact_reference")], ["RE-1"])
    assert answer == again
    [received] = [told for kind, subject, told in await desk.told() if (kind, subject[8:]) == ("PaymentReceived", "p2")]
    assert (list(received.paid_before), received.unapplied.minor) == (["RE-1"], 700)
    assert (await desk.account())["EUR"] == {"open": 0, "overdue": 0, "disputed": 0, "unapplied": 700, "credits": 0}


async def test_a_payment_is_told_with_all_it_did(desk: Desk):
    await desk.follow(registered(), issued("1", 1_000, 0))
    await desk.pay("p1", 700, "RE-1", value_date="2026-01-31")

    received, cash, reduced = (await desk.told())[1:]
    assert received[:2] == ("PaymentReceived", "payment/p1")
    assert (received[2].amount.minor, received[2].unapplied.minor, received[2].value_date) == (700, 0, "2026-01-31")
    assert cash[:2] == ("CashApplied", "payment/p1")
    assert (cash[2].invoice_id, cash[2].amount.minor, cash[2].evidence) == ("1", 700, "exact_reference")
    assert reduced[:2] == ("ItemReduced", "invoice/1")
    assert (reduced[2].by, reduced[2].amount.minor, reduced[2].open.minor, reduced[2].cause_id) == (1, 700, 300, "p1")


async def test_the_entries_of_a_payment_say_who_booked_it(desk: Desk):
    await desk.follow(registered(), issued("1"))
    await desk.pay("bank/7", 700, key="k-1")

    rows = await desk.rows(
        "SELECT kind, reference, event_id, actor, reason, effective_on::text FROM entry ORDER BY kind"
    )
    by = ("call/k-1", "user:ada", "", "2026-02-01")
    assert rows[0] == ("cash_applied", "bank%2F7/1", *by)
    assert rows[2] == ("payment_received", "bank%2F7", *by)


async def test_the_same_payment_gets_the_same_answer_whatever_the_call(desk: Desk):
    await desk.follow(registered(), issued("1", 1_000, 0), issued("2", 1_000, 0))

    first = await desk.pay("p1", 1_500, "RE-2", key="k-1")
    again = await desk.pay("p1", 1_500, "RE-2", key="k-1")
    anew = await desk.pay("p1", 1_500, "RE-2", key="k-2")

    assert first == again == anew
    assert (await desk.trial())["1000"] == 1_500


@pytest.mark.parametrize(
    "changes", [{"minor": 1_501}, {"account": "b2"}, {"value_date": "2026-02-02"}, {"remittance": "RE-1"}]
)
async def test_a_payment_id_with_other_content_is_refused(desk: Desk, changes: dict[str, Any]):
    await desk.follow(registered(), registered("b2"))
    await desk.pay("p1", 1_500)

    with pytest.raises(Refused) as refused:
        await desk.pay("p1", **{"minor": 1_500, **changes})
    assert (refused.value.code, refused.value.status) == ("payment.id_reused", grpc.StatusCode.ALREADY_EXISTS)


@pytest.mark.parametrize(
    ("payment", "code", "status"),
    [
        ({"account": "nobody"}, "payment.unknown_account", grpc.StatusCode.NOT_FOUND),
        ({"currency": "SEK"}, "payment.currency_not_held", grpc.StatusCode.INVALID_ARGUMENT),
        ({"minor": 0}, "payment.amount_not_positive", grpc.StatusCode.INVALID_ARGUMENT),
        ({"minor": -5}, "payment.amount_not_positive", grpc.StatusCode.INVALID_ARGUMENT),
        ({"minor": 10**15}, "number.too_large", grpc.StatusCode.INVALID_ARGUMENT),
        ({"currency": "EURO"}, "money.unknown_currency", grpc.StatusCode.INVALID_ARGUMENT),
        ({"value_date": "yesterday"}, "date.malformed", grpc.StatusCode.INVALID_ARGUMENT),
        ({"tenant": "blue"}, "payment.unknown_account", grpc.StatusCode.NOT_FOUND),
    ],
)
async def test_a_payment_that_makes_no_sense_is_refused(
    desk: Desk, payment: dict[str, Any], code: str, status: grpc.StatusCode
):
    await desk.follow(registered(), issued())

    with pytest.raises(Refused) as refused:
        await desk.pay("p1", **{"minor": 100, **payment})
    assert (refused.value.code, refused.value.status) == (code, status)
    assert await desk.rows("SELECT 1 FROM payment") == []


async def test_a_payment_pays_only_its_own_account_and_currency(desk: Desk):
    await desk.follow(registered(), registered("b2"), issued("1", 100, 0), issued("2", 100, 0, account="b2"))
    await desk.follow(issued("3", 100, 0, currency="SEK", due="2026-01-15"))

    assert applied(await desk.pay("p0", 500, "RE-2 RE-3")) == []
    assert applied(await desk.pay("p1", 500)) == [("RE-1", 100, "oldest_due")]
    assert applied(await desk.pay("p2", 500, currency="SEK")) == [("RE-3", 100, "oldest_due")]


async def test_an_invoice_does_not_take_old_unapplied_cash_by_itself(desk: Desk):
    await desk.follow(registered())
    await desk.pay("p1", 5_000)
    await desk.follow(issued("1", 1_000, 0))

    assert await desk.items() == {"1": (1_000, 0)}
    assert (await desk.account())["EUR"]["unapplied"] == 5_000


async def test_a_disputed_invoice_is_paid_like_any_other(desk: Desk):
    await desk.follow(registered(), issued("1", 1_000, 0), disputed(minor=400, invoice="1"))
    await desk.pay("p1", 1_000)

    assert (await desk.account())["EUR"] == {"open": 0, "overdue": 0, "disputed": 400, "unapplied": 0, "credits": 0}


async def test_payments_at_once_never_pay_more_than_is_open(desk: Desk):
    await desk.follow(registered(), *[issued(str(n), 1_000, 0) for n in range(3)])

    answers = await asyncio.gather(*[desk.pay(f"p{n}", 700, "RE-1" if n % 2 else "") for n in range(8)])

    paid = sum(sum(minor for _, minor, _ in applied(a)) for a in answers)
    assert sum(a.unapplied.minor for a in answers) == 8 * 700 - paid
    assert sum(minor for minor, _ in (await desk.items()).values()) == 3_000 - paid
    assert paid >= 2_800  # what names nothing finds something as long as anything is open


async def test_the_same_payment_twice_at_once_is_booked_once(desk: Desk):
    await desk.follow(registered(), issued("1", 1_000, 0))

    first, second = await asyncio.gather(desk.pay("p1", 700), desk.pay("p1", 700))

    assert first == second
    assert (await desk.trial())["1000"] == 700


async def told_or_refused(desk: Desk, *payments: tuple[str, str]) -> list[str]:
    """What became of payments by these ids for these accounts, all told at once."""

    async def one(payment_id: str, account: str) -> str:
        try:
            await desk.pay(payment_id, 100, account=account)
        except Refused as refused:
            return refused.code
        return "booked"

    return list(await asyncio.gather(*[one(*payment) for payment in payments]))


async def test_one_payment_id_for_two_accounts_at_once_is_booked_for_one_of_them(desk: Desk):
    await desk.follow(registered(), registered("b2"), issued("1", 3_000, 0), issued("2", 3_000, 0, account="b2"))

    answers = await told_or_refused(desk, *[(f"p{n}", account) for n in range(60) for account in ("b1", "b2")])

    for pair in zip(answers[::2], answers[1::2], strict=True):
        assert sorted(pair) == ["booked", "payment.id_reused"]
    assert (await desk.trial())["1000"] == 60 * 100
    received = [told.payment_id for kind, _, told in await desk.told() if kind == "PaymentReceived"]
    assert sorted(received) == sorted(f"p{n}" for n in range(60))


async def test_two_sellers_may_have_the_same_payment_ids_at_once(desk: Desk):
    await desk.follow(registered(), registered(tenant="blue"))

    async def pay(payment_id: str, tenant: str) -> None:
        key = f"{tenant} {payment_id}"
        while True:
            try:
                await desk.pay(payment_id, 100, tenant=tenant, key=key)
            except Refused as refused:
                if refused.status is not grpc.StatusCode.UNAVAILABLE:  # of what may be asked again by its key
                    raise
            else:
                return

    await asyncio.gather(*[pay(f"p{n}", tenant) for n in range(10) for tenant in ("acme", "blue")])

    assert (await desk.trial())["1000"] == (await desk.trial(tenant="blue"))["1000"] == 1_000


async def test_a_row_of_a_statement_whose_id_another_account_takes_meanwhile_is_refused_alone(desk: Desk):
    await desk.follow(registered(), registered("b2"))
    rows = [f"r{n},b2,2026-02-01,1.00,EUR," for n in range(20)]

    outcomes, answers = await asyncio.gather(
        desk.upload(*rows), told_or_refused(desk, *[(f"r{n}", "b1") for n in range(20)])
    )

    for (_, _, outcome, code), answer in zip(outcomes, answers, strict=True):
        assert (outcome, code, answer) in (
            ("booked", "", "payment.id_reused"),
            ("refused", "payment.id_reused", "booked"),
        )
    assert (await desk.trial())["1000"] == 20 * 100


async def test_a_payment_and_a_credit_note_at_once_share_what_is_open(desk: Desk):
    await desk.follow(registered(), issued("1", 1_000, 0))

    await asyncio.gather(desk.pay("p1", 800), desk.follow(credited("1", 800, 0)))

    books = (await desk.account())["EUR"]
    assert (books["open"], books["unapplied"] + books["credits"]) == (0, 600)


async def test_open_items_are_listed_a_page_at_a_time_oldest_due_first(desk: Desk):
    await desk.follow(registered(), registered("b2"))
    await desk.follow(*[issued(str(n), account=f"b{1 + n % 2}", due=f"2026-03-0{9 - n // 2}") for n in range(8)])

    async def pages(account: str) -> list[str]:
        found: list[str] = []
        token = ""
        while True:
            page = await desk.call(
                "ListOpenItems", service_pb2.ListOpenItemsRequest(account_id=account, page_size=3, page_token=token)
            )
            found += [item.invoice_id for item in page.items]
            if not (token := page.next_page_token):
                return found

    assert await pages("") == ["6", "7", "4", "5", "2", "3", "0", "1"]
    assert await pages("b2") == ["7", "5", "3", "1"]


@pytest.mark.parametrize("token", ["nonsense", "bm9uc2Vuc2U=", "WzFd"])
async def test_a_page_begins_only_where_one_was_given(desk: Desk, token: str):
    with pytest.raises(Refused) as refused:
        await desk.call("ListOpenItems", service_pb2.ListOpenItemsRequest(page_token=token))
    assert refused.value.code == "call.page_token"


async def test_an_account_nobody_registered_is_not_found(desk: Desk):
    with pytest.raises(Refused) as refused:
        await desk.account("nobody")
    assert (refused.value.code, refused.value.status) == ("account.unknown", grpc.StatusCode.NOT_FOUND)


async def test_each_row_of_a_statement_is_booked_known_or_refused(desk: Desk):
    await desk.follow(registered(), issued("1", 1_000, 0))

    assert await desk.upload(
        "r1,b1,2026-02-01,4.00,EUR,RE-1",
        "r2,nobody,2026-02-01,4.00,EUR,",
        "r3,b1,2026-02-01,4.00,SEK,",
        "r4,b1,2026-02-01,4.001,EUR,",
        "r1,b1,2026-02-01,4.00,EUR,RE-1",
        "r1,b1,2026-02-01,5.00,EUR,RE-1",
        "r5,b1,2026-02-01,7.00,EUR,",
    ) == [
        (1, "r1", "booked", ""),
        (2, "r2", "refused", "payment.unknown_account"),
        (3, "r3", "refused", "payment.currency_not_held"),
        (4, "r4", "refused", "payment.too_many_decimals"),
        (5, "r1", "known", ""),
        (6, "r1", "refused", "payment.id_reused"),
        (7, "r5", "booked", ""),
    ]
    assert await desk.trial() == {"1000": 1_100, "2100": -100, "4000": -1_000}


async def test_a_row_of_a_statement_has_the_bounds_of_a_call(desk: Desk):
    await desk.follow(registered())

    assert await desk.upload(
        f"{'r' * 129},b1,2026-02-01,4.00,EUR,",
        "r\u200b2,b1,2026-02-01,4.00,EUR,",
        "r3,b\u202e1,2026-02-01,4.00,EUR,",
        "r4,b1,2026-02-01,10000000000000.00,EUR,",
        "r5,b1,2026-02-01,4.00,EUR,\x1b",
        "r6,b1,2026-02-01,4.00,EUR,",
    ) == [
        (1, "r" * 128, "refused", "text.too_long"),
        (2, "r\ufffd2", "refused", "text.characters"),
        (3, "r3", "refused", "text.characters"),
        (4, "r4", "refused", "number.too_large"),
        (5, "r5", "refused", "text.control_character"),
        (6, "r6", "booked", ""),
    ]


async def test_a_statement_that_comes_again_books_nothing_again(desk: Desk):
    await desk.follow(registered(), issued("1", 1_000, 0))
    rows = ("r1,b1,2026-02-01,4.00,EUR,", "r2,b1,2026-02-02,5.00,EUR,")
    await desk.pay("r1", 400)

    assert [row[2] for row in await desk.upload(*rows)] == ["known", "booked"]
    assert [row[2] for row in await desk.upload(*rows)] == ["known", "known"]
    assert (await desk.trial())["1000"] == 900


async def test_a_statement_of_many_rows_is_booked_by_few_statements(desk: Desk):
    accounts = [f"b{n}" for n in range(40)]
    await desk.follow(*[registered(account) for account in accounts])
    await desk.follow(*[issued(f"i{n}", 100, 0, account=accounts[n % 40]) for n in range(400)])
    rows = [f"r{n},b{n % 40},2026-02-01,0.50,EUR,RE-i{n}" for n in range(1_200)]

    outcomes = await desk.upload(*rows)

    assert {outcome for _, _, outcome, _ in outcomes} == {"booked"}
    # Eight hundred of them name what nobody knows.
    assert await desk.trial() == {"1000": 60_000, "1100": 20_000, "2100": -40_000, "4000": -40_000}
    assert len(await desk.rows("SELECT FROM allocation WHERE evidence = 'exact_reference'")) == 400


@pytest.mark.parametrize(("content", "code"), [(b"nonsense", "statement.header"), (b"\xff\xfe", "statement.not_utf8")])
async def test_what_is_no_statement_is_refused(desk: Desk, content: bytes, code: str):
    with pytest.raises(Refused) as refused:
        await desk.call("ImportBankStatement", service_pb2.ImportBankStatementRequest(content=content))
    assert (refused.value.code, refused.value.status) == (code, grpc.StatusCode.INVALID_ARGUMENT)


async def test_what_was_written_with_a_payment_is_shown_and_told_to_nobody(desk: Desk):
    await desk.follow(registered())
    await desk.pay("p1", 1_500, "from Jane")

    shown = (await desk.call("GetPayment", service_pb2.GetPaymentRequest(payment_id="p1"))).payment
    assert (shown.remittance, shown.amount.minor, shown.unapplied.minor) == ("from Jane", 1_500, 1_500)
    [told] = [event for kind, _, event in await desk.told() if kind == "PaymentReceived"]
    assert told.remittance == ""
    with pytest.raises(Refused) as refused:
        await desk.call("GetPayment", service_pb2.GetPaymentRequest(payment_id="p2"))
    assert refused.value.code == "payment.unknown"


async def test_a_payment_whose_text_is_forgotten_is_still_known(desk: Desk):
    await desk.follow(registered())
    await desk.pay("p1", 1_500, "from Jane")
    await desk.rows("UPDATE payment SET remittance = '', worded = false RETURNING 1")

    await desk.pay("p1", 1_500, "from Jane")

    assert len(await desk.rows("SELECT FROM entry")) == 1
