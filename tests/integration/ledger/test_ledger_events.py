"""What the ledger books of what others announce."""

from typing import Any

import psycopg
import pytest

from tests.integration.ledger.desk import (
    Desk,
    captured,
    changed,
    credited,
    day,
    decided,
    disputed,
    expired,
    issued,
    moved,
    registered,
    released,
    resolved,
)


async def test_an_invoice_is_posted_opened_and_told(desk: Desk):
    await desk.follow(registered(), issued(net=10_000, tax=1_900))

    assert await desk.trial() == {"1100": 11_900, "2200": -1_900, "4000": -10_000}
    [(kind, subject, told)] = await desk.told()
    assert (kind, subject) == ("ItemOpened", "invoice/i1")
    assert (told.number, told.order_id, told.final, told.due_date) == ("RE-i1", "o-i1", True, "2026-02-09")
    assert (told.amount.minor, told.amount.currency) == (11_900, "EUR")


async def test_every_entry_says_which_event_it_books(desk: Desk):
    await desk.follow(registered(), issued(event_id="e-1"))

    [entry] = await desk.rows("SELECT kind, reference, event_id, actor, effective_on::text FROM entry")
    assert entry == ("invoice_issued", "i1", "e-1", "system:test", "2026-01-10")


async def test_an_invoice_that_is_told_again_changes_nothing(desk: Desk):
    await desk.follow(registered(), issued(event_id="e-1"))
    await desk.follow(issued(event_id="e-1"), issued(event_id="e-2"), issued(event_id="e-3"))

    assert (await desk.trial())["1100"] == 11_900
    assert len(await desk.told()) == 1
    assert await desk.parked() == []


async def test_an_invoice_that_comes_again_with_other_content_is_refused(desk: Desk):
    await desk.follow(registered(), issued())
    await desk.follow(issued(net=20_000))

    assert await desk.parked() == [("refused", "invoice.id_reused", None)]
    assert (await desk.trial())["1100"] == 11_900


async def test_an_invoice_that_does_not_add_up_is_refused_alone(desk: Desk):
    await desk.follow(registered(), issued("i1", gross_minor=1), issued("i2", net=100, tax=0))

    assert await desk.parked() == [("refused", "invoice.gross_mismatch", None)]
    assert await desk.trial() == {"1100": 100, "4000": -100}


async def test_an_invoice_before_its_buyer_waits_and_then_runs(desk: Desk):
    await desk.follow(issued())
    assert await desk.parked() == [("early", "event.early", "buyer/b1")]

    await desk.follow(registered())

    assert await desk.parked() == []
    assert (await desk.trial())["1100"] == 11_900


async def test_an_invoice_of_nothing_is_told_so_that_its_order_is_done(desk: Desk):
    await desk.follow(registered(), issued(net=0, tax=0))

    assert await desk.trial() == {}
    assert [kind for kind, *_ in await desk.told()] == ["ItemOpened"]


async def test_a_credit_note_takes_off_what_is_open(desk: Desk):
    await desk.follow(registered(), issued(net=10_000, tax=1_900), credited(net=1_000, tax=190))

    assert await desk.trial() == {"1100": 10_710, "2200": -1_710, "4000": -10_000, "4010": 1_000}
    kind, subject, told = (await desk.told())[-1]
    assert (kind, subject) == ("ItemReduced", "invoice/i1")
    assert (told.by, told.amount.minor, told.open.minor, told.cause_id) == (2, 1_190, 10_710, "c1")


async def test_a_credit_note_on_a_paid_invoice_is_kept_for_the_buyer(desk: Desk):
    await desk.follow(registered(), issued(net=10_000, tax=1_900))
    await desk.pay("p1", 11_500)

    await desk.follow(credited(net=1_000, tax=190))

    assert await desk.account() == {"EUR": {"open": 0, "overdue": 0, "disputed": 0, "unapplied": 0, "credits": 790}}
    reduced, kept = (await desk.told())[-2:]
    assert (reduced[0], reduced[2].amount.minor, reduced[2].open.minor) == ("ItemReduced", 400, 0)
    assert (kept[0], kept[1], kept[2].amount.minor) == ("CreditKept", "invoice/i1", 790)


async def test_two_credit_notes_in_one_batch_do_not_take_the_same_money(desk: Desk):
    await desk.follow(registered(), issued(net=1_000, tax=0))
    await desk.follow_at_once(credited(net=700, tax=0, note="c1"), credited(net=700, tax=0, note="c2"))

    assert (await desk.account())["EUR"]["credits"] == 400
    assert (await desk.items()) == {}


async def test_a_credit_note_that_is_told_again_changes_nothing(desk: Desk):
    await desk.follow(registered(), issued())
    for event_id in ("e-1", "e-1", "e-2"):
        await desk.follow(credited(event_id=event_id))
    await desk.follow(credited(net=1_001))

    assert (await desk.trial())["1100"] == 10_710
    assert await desk.parked() == [("refused", "credit_note.id_reused", None)]


async def test_a_credit_note_before_its_invoice_waits_and_then_runs(desk: Desk):
    await desk.follow(registered(), credited())
    assert await desk.parked() == [("early", "event.early", "invoice/i1")]

    await desk.follow(issued())

    assert await desk.parked() == []
    assert (await desk.trial())["1100"] == 10_710


async def test_an_approved_order_stands_in_memo_and_no_other(desk: Desk):
    await desk.follow(
        registered(), decided("o1", 5_000), decided("o2", 700, "REFERRED"), decided("o3", 900, "DECLINED")
    )

    assert await desk.trial() == {"9000": 5_000, "9001": -5_000}


async def test_a_declined_order_of_nobody_we_know_holds_nothing_up(desk: Desk):
    await desk.follow(decided("o1", 5_000, "DECLINED", account="stranger"))

    assert await desk.parked() == []


async def test_a_hold_leaves_memo_as_it_is_captured_released_or_lapses(desk: Desk):
    await desk.follow(registered(), *[decided(order, 5_000) for order in ("o1", "o2", "o3")])

    await desk.follow(captured("o1", 3_000, "RE-1"), captured("o1", 1_500, "RE-2"), released("o1", 500, "COMPLETED"))
    assert (await desk.trial())["9000"] == 10_000
    await desk.follow(released("o2", 5_000), expired("o3", 5_000))
    assert await desk.trial() == {}


async def test_a_hold_moves_once_however_often_it_is_told(desk: Desk):
    await desk.follow(registered(), decided("o1"), decided("o1"), decided("o2"))
    await desk.follow(decided("o1"))
    await desk.follow(captured("o1", 1_000), captured("o1", 1_000))
    await desk.follow(captured("o1", 1_000), released("o2"), released("o2"))

    assert (await desk.trial())["9000"] == 4_000


async def test_a_batch_of_all_kinds_is_booked_as_one_in_the_order_in_which_it_came(desk: Desk):
    await desk.follow(registered())
    await desk.follow_at_once(
        decided("o-i1", 11_900),
        issued("i1"),
        captured("o-i1", 11_900),
        decided("o-i1", 11_900),  # told again
        credited("i1", note="c1"),
        disputed("d1", 700, invoice="i1"),
        issued("i1"),  # told again
        credited("i1", 10_000, 1_900, note="c2"),  # more than is left
        moved("WITHDRAWN", "d1"),
    )

    assert await desk.trial() == {"4000": -10_000, "2200": 190, "2110": -1_190, "4010": 11_000}
    assert await desk.items() == {}
    assert [kind for kind, _, _ in await desk.told()] == ["ItemOpened", "ItemReduced", "ItemReduced", "CreditKept"]


async def test_what_is_disputed_stands_in_memo_and_on_the_item(desk: Desk):
    await desk.follow(registered(), issued(), disputed("d1", 700), disputed("d2", 300))

    assert await desk.items() == {"i1": (11_900, 1_000)}
    assert (await desk.account())["EUR"]["disputed"] == 1_000
    assert (await desk.trial())["9101"] == -1_000


@pytest.mark.parametrize("end", ["WITHDRAWN", "DUPLICATE", "REJECTED"])
async def test_a_dispute_that_ends_leaves_memo_once(desk: Desk, end: str):
    await desk.follow(registered(), issued(), disputed(), moved("UNDER_REVIEW"), moved(end), moved(end), resolved())

    assert await desk.items() == {"i1": (11_900, 0)}
    assert "9100" not in await desk.trial()


async def test_a_dispute_that_comes_back_stands_in_memo_again(desk: Desk):
    await desk.follow(registered(), issued(), disputed(), moved("REJECTED"))
    await desk.follow(moved("APPEALED"))
    assert (await desk.trial())["9100"] == 700
    await desk.follow(resolved(), moved("RESOLVED"), moved("REOPENED"))
    assert (await desk.trial())["9100"] == 700


async def test_cases_that_are_merged_or_split_stand_in_memo_with_what_they_contest_now(desk: Desk):
    await desk.follow(registered(), issued(), disputed("d1", 700), changed("SPLIT", "d1", 500), disputed("d2", 200))
    assert (await desk.trial())["9100"] == 700
    await desk.follow(changed("ASSIGNED", "d1", 1))
    assert (await desk.trial())["9100"] == 700
    await desk.follow(moved("DUPLICATE", "d2", 200), changed("MERGED", "d1", 700))
    assert (await desk.trial())["9100"] == 700
    assert await desk.items() == {"i1": (11_900, 700)}


async def test_a_dispute_before_its_invoice_waits_and_then_runs_in_order(desk: Desk):
    await desk.follow(registered(), disputed(), moved("WITHDRAWN"), disputed("d2", 50))
    assert [reason for reason, *_ in await desk.parked()] == ["early", "behind", "early"]

    await desk.follow(issued())

    assert await desk.parked() == []
    assert await desk.items() == {"i1": (11_900, 50)}


async def test_another_accounts_invoice_is_neither_credited_nor_disputed(desk: Desk):
    await desk.follow(registered("b1"), registered("b2"), issued(account="b2"))
    await desk.follow(credited(), disputed())

    assert [code for _, code, _ in await desk.parked()] == [
        "credit_note.account_mismatch",
        "dispute.account_mismatch",
    ]


async def test_overdue_is_what_was_due_before_today(desk: Desk):
    await desk.follow(registered(), issued("i1", 100, 0, due="2026-02-09"), issued("i2", 200, 0, due="2026-02-10"))

    await desk.set_clock(day("2026-02-09"))
    assert (await desk.account())["EUR"]["overdue"] == 0
    await desk.set_clock(day("2026-02-10"))
    assert (await desk.account())["EUR"]["overdue"] == 100
    assert (await desk.account())["EUR"]["open"] == 300


async def test_a_full_batch_costs_a_handful_of_statements(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    accounts = [f"b{n}" for n in range(20)]
    await desk.follow(*[registered(account) for account in accounts])
    statements: list[object] = []
    execute = psycopg.AsyncCursor.execute

    async def counted(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        statements.append(query)
        return await execute(cursor, query, *args, **kwargs)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", counted)
    await desk.follow(*[issued(f"i{n}", account=accounts[n % 20]) for n in range(500)])

    assert len(statements) <= 25
    assert (await desk.trial())["1100"] == 500 * 11_900
