"""Disputes on a real Postgres, behind its real door: the case's whole life, its limits, and what is told of it."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import grpc
import psycopg
import pytest
from receivables.disputes.v1 import events_pb2, service_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.notifications.v1 import events_pb2 as notifications_pb2

from services.chassis.database import Tx
from services.chassis.envelope import Record
from services.disputes import store, usecases
from services.disputes.domain.cases import CONTESTED, MOVES, Action
from services.kernel.money import Money
from tests.integration.disputes.desk import MONDAY, Desk, OpenDesk, Refused, credited, issued, reduced
from tests.records import a_record

STATE = events_pb2.State.Name


async def room(desk: Desk) -> tuple[int, int]:
    """What is contested and credited of the invoice; the first must be the sum over its cases."""
    row = await desk.row("SELECT disputed_minor, credited_minor, gross_minor FROM invoice WHERE invoice_id = 'i1'")
    cases = await desk.rows("SELECT state, amount_minor, credit_minor FROM dispute")
    claims = [case.amount_minor for case in cases if case.state in CONTESTED]
    claims += [case.credit_minor for case in cases if case.state == "RESOLVING"]
    assert sum(claims) == row.disputed_minor
    assert row.disputed_minor + row.credited_minor <= row.gross_minor
    return row.disputed_minor, row.credited_minor


async def refused_code(work: Any) -> str:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value.code


async def test_a_case_opens_on_lines_is_acknowledged_at_once_and_told(desk: Desk) -> None:
    case = await desk.open(("1", "2"), ("3", "1"), invoice="N-i1")

    [(first, opened), (second, moved)] = await desk.told()
    assert (first, second) == ("DisputeOpened", "DisputeMoved")
    assert (opened.invoice_id, opened.invoice_number, opened.order_id) == ("i1", "N-i1", "o1")
    assert [(line.line_id, line.quantity) for line in opened.lines] == [("1", "2"), ("3", "1")]
    assert (opened.amount.minor, opened.amount.currency, opened.answer_by) == (2_915, "EUR", "2026-03-02")
    assert (STATE(moved.from_state), STATE(moved.to_state)) == ("STATE_SUBMITTED", "STATE_ACKNOWLEDGED")
    assert (moved.amount.minor, moved.next_by) == (2_915, "2026-03-02")
    answer = await desk.get(case)
    assert answer.dispute == case
    assert STATE(case.state) == "STATE_ACKNOWLEDGED"
    assert [(e.action, e.actor, e.reason) for e in answer.history] == [
        (service_pb2.ACTION_SUBMIT, "contact:ann", "because"),
        (service_pb2.ACTION_ACKNOWLEDGE, "system:disputes", "received"),
    ]
    assert await room(desk) == (2_915, 0)


async def test_events_are_told_on_the_accounts_key_in_contiguous_order(desk: Desk) -> None:
    case = await desk.move(await desk.open(cents=100), "REVIEW")

    rows = await desk.rows("SELECT topic, key, headers FROM outbox ORDER BY id")
    assert {(r.topic, r.key, r.headers["ce_subject"]) for r in rows} == {
        ("receivables.disputes.v1", "acme/b1", f"dispute/{case.dispute_id}")
    }
    assert [r.headers["ce_sequence"] for r in rows] == ["1", "2", "3"]
    assert [r.headers["ce_actor"] for r in rows] == ["contact:ann", "system:disputes", "user:bo"]


async def test_a_case_goes_from_opening_to_its_credit_note(desk: Desk) -> None:
    case = await desk.move(await desk.open(("1", "2")), "REVIEW")
    await desk.move(case, "ASK_CUSTOMER", missing="photo of the box")
    await desk.set_clock(MONDAY + timedelta(days=2))
    case = await desk.move(case, "ANSWER", "PROPOSE")
    assert case.answer_by == "2026-03-04"  # sixteen business hours were waited for
    case = await desk.resolve(case, "FULL_CREDIT")
    assert await room(desk) == (2_380, 0)
    await desk.follow(credited(case, 2_380))

    done = (await desk.get(case)).dispute
    assert (STATE(done.state), done.credit_note_number, done.credit.minor) == ("STATE_RESOLVED", "C-c1", 2_380)
    assert await room(desk) == (0, 2_380)
    told = await desk.told()
    assert [
        kind if kind != "DisputeMoved" else STATE(event.to_state).removeprefix("STATE_") for kind, event in told
    ] == [
        *("DisputeOpened", "ACKNOWLEDGED", "UNDER_REVIEW", "AWAITING_CUSTOMER", "UNDER_REVIEW", "PROPOSED"),
        *("ACCEPTED", "DisputeResolved", "RESOLVING", "RESOLVED"),
    ]
    assert (told[3][1].missing, told[3][1].nth, told[3][1].next_by) == ("", 4, "2026-03-09")
    asked = await desk.call("GetMove", service_pb2.GetMoveRequest(dispute_id=case.number, nth=4))
    assert (asked.move.missing, STATE(asked.move.to_state)) == ("photo of the box", "STATE_AWAITING_CUSTOMER")
    resolved = told[7][1]
    assert (resolved.credit.minor, resolved.disputed.minor, resolved.reason_code) == (2_380, 2_380, "QTY_SHORT")
    assert [(line.line_id, line.quantity) for line in resolved.lines] == [("1", "2")]
    assert told[9][1].next_by == ""


async def test_a_credit_in_part_frees_the_rest_at_once(desk: Desk) -> None:
    case = await desk.move(await desk.open(("1", "2")), "REVIEW", "PROPOSE")
    case = await desk.move(case, "ACCEPT", by="contact:ann")
    await desk.resolve(case, "PARTIAL_CREDIT", ("1", "1"))

    assert await room(desk) == (1_190, 0)
    resolved = (await desk.told())[-2][1]
    assert (resolved.credit.minor, resolved.disputed.minor) == (1_190, 2_380)
    await desk.open(("1", "9"))  # nine were not credited
    assert await refused_code(desk.open(("1", "1"))) == "dispute.exceeds_line"


async def test_what_is_payable_is_resolved_at_once(desk: Desk) -> None:
    case = await desk.move(await desk.open(cents=19_990), "REVIEW", "PROPOSE")
    case = await desk.resolve(case, "INVALID_PAYABLE")

    assert STATE(case.state) == "STATE_RESOLVED"
    assert await room(desk) == (0, 0)
    told = await desk.told()
    assert [kind for kind, _ in told[-4:]] == ["DisputeMoved", "DisputeResolved", "DisputeMoved", "DisputeMoved"]
    assert told[-3][1].credit.minor == 0


async def test_the_second_half_of_a_line_is_credited_as_the_amount_that_is_left(desk: Desk) -> None:
    body = invoicing_pb2.InvoiceIssued(
        invoice_id="i2",
        number="N-i2",
        account_id="b1",
        issue_date="2026-02-27",
        currency="EUR",
        net_minor=25,
        gross_minor=25,
    )
    body.lines.add(line_id="1", quantity="2", unit_price="0.125", net_minor=25, vat_category="Z", vat_rate="0")
    await desk.follow(a_record(body, account="b1", subject="invoice/i2"))
    first = await desk.open(("1", "1"), invoice="i2")
    second = await desk.move(await desk.open(("1", "1"), invoice="i2"), "REVIEW", "PROPOSE")
    await desk.resolve(second, "FULL_CREDIT")

    assert (first.amount.minor, second.amount.minor) == (13, 12)
    resolved = (await desk.told())[-2][1]
    assert (resolved.credit.minor, list(resolved.lines)) == (12, [])


async def test_two_at_once_cannot_contest_more_than_the_invoice(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.open(cents=8_000) for _ in range(6)), return_exceptions=True)

    assert sorted(type(answer).__name__ for answer in answers) == ["Dispute", "Dispute", *["Refused"] * 4]
    assert {answer.code for answer in answers if isinstance(answer, Refused)} == {"dispute.exceeds_invoice"}
    assert await room(desk) == (16_000, 0)


async def test_two_at_once_cannot_contest_the_same_units(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.open(("1", "6")) for _ in range(3)), return_exceptions=True)

    assert [answer.code for answer in answers if isinstance(answer, Refused)] == ["dispute.exceeds_line"] * 2


async def test_of_moves_at_once_that_exclude_each_other_one_succeeds(desk: Desk) -> None:
    case = await desk.move(await desk.open(cents=100), "REVIEW")
    answers = await asyncio.gather(
        *(desk.move(case, action, missing="photo") for action in ("PROPOSE", "ASK_CUSTOMER", "ASK_INTERNAL")),
        return_exceptions=True,
    )

    assert [answer.code for answer in answers if isinstance(answer, Refused)] == ["dispute.illegal_move"] * 2
    history = (await desk.get(case)).history
    assert all(a.to_state == b.from_state for a, b in pairwise(history))


async def test_the_same_key_opens_one_case_and_repeats_its_answer(desk: Desk) -> None:
    answers = await asyncio.gather(desk.open(cents=100, key="k1"), desk.open(cents=100, key="k1"))

    assert {answer.description for answer in answers} == {"two are missing", ""}  # a repeat has nobody's words
    for answer in answers:
        answer.description = ""
    first, again = answers
    assert first == again
    assert await room(desk) == (100, 0)
    with pytest.raises(Refused) as refused:
        await desk.open(cents=101, key="k1")
    assert (refused.value.status, refused.value.code) == (grpc.StatusCode.ALREADY_EXISTS, "call.key_reused")


@pytest.mark.parametrize("action", ["RESOLVE", "COMPLETE", "CLOSE", "SUBMIT"])
async def test_what_the_table_does_not_have_or_nobody_may_call_is_refused(desk: Desk, action: str) -> None:
    case = await desk.move(await desk.open(cents=100), "REVIEW", "PROPOSE")
    case = await desk.move(case, "ACCEPT", by="contact:ann")
    with pytest.raises(Refused) as refused:
        await desk.move(case, action)

    assert (refused.value.status, refused.value.code) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "dispute.illegal_move",
    )
    assert len(await desk.told()) == 5


async def test_completing_is_not_callable_while_the_credit_note_is_awaited(desk: Desk) -> None:
    case = await desk.resolve(await desk.move(await desk.open(cents=100), "REVIEW", "PROPOSE"), "FULL_CREDIT")

    assert await refused_code(desk.move(case, "COMPLETE")) == "dispute.illegal_move"
    assert await room(desk) == (100, 0)


async def test_no_one_approves_a_dispute_they_opened(desk: Desk) -> None:
    case = await desk.move(await desk.open(cents=100, by="user:cy"), "REVIEW", "PROPOSE")

    for decision in ("FULL_CREDIT", "INVALID_PAYABLE"):
        assert await refused_code(desk.resolve(case, decision, by="user:cy")) == "dispute.own_case"
    assert await refused_code(desk.resolve(case, "FULL_CREDIT", by="user:di for user:cy")) == "dispute.own_case"
    assert STATE((await desk.resolve(case, "FULL_CREDIT", by="user:di")).state) == "STATE_RESOLVING"


async def test_no_one_accepts_or_resolves_what_they_proposed(desk: Desk) -> None:
    case = await desk.move(await desk.open(cents=100), "REVIEW", "PROPOSE", by="user:bo")

    assert await refused_code(desk.move(case, "ACCEPT", by="user:bo")) == "dispute.four_eyes"
    assert await refused_code(desk.move(case, "ACCEPT", by="user:cy for user:bo")) == "dispute.four_eyes"
    assert await refused_code(desk.resolve(case, "FULL_CREDIT", by="user:bo")) == "dispute.four_eyes"
    case = await desk.move(case, "ACCEPT", by="contact:ann")
    assert STATE((await desk.resolve(case, "FULL_CREDIT", by="user:bo")).state) == "STATE_RESOLVING"


async def test_what_is_proposed_again_is_for_others_to_accept_again(desk: Desk) -> None:
    case = await desk.move(await desk.open(cents=100), "REVIEW", "PROPOSE", by="user:bo")
    case = await desk.move(case, "REJECT", by="user:dee")
    case = await desk.move(case, "APPEAL", by="contact:ann")
    case = await desk.move(case, "REVIEW", "PROPOSE", by="user:cy")

    assert await refused_code(desk.resolve(case, "FULL_CREDIT", by="user:cy")) == "dispute.four_eyes"
    assert STATE((await desk.resolve(case, "FULL_CREDIT", by="user:bo")).state) == "STATE_RESOLVING"


async def test_the_customer_is_asked_for_each_item_once(desk: Desk) -> None:
    case = await desk.move(await desk.open(cents=100), "REVIEW")
    assert await refused_code(desk.move(case, "ASK_CUSTOMER")) == "dispute.missing_unnamed"
    await desk.move(case, "ASK_CUSTOMER", missing="photo")
    await desk.move(case, "ANSWER")

    assert await refused_code(desk.move(case, "ASK_CUSTOMER", missing="Photo ")) == "dispute.already_asked"


async def test_what_was_rejected_frees_its_part_and_an_appeal_takes_it_again(desk: Desk) -> None:
    case = await desk.move(await desk.open(("1", "10"), ("2", "1"), ("3", "4")), "REVIEW", "REJECT")
    assert await room(desk) == (0, 0)
    other = await desk.open(cents=1)
    assert await refused_code(desk.move(case, "APPEAL")) == "dispute.exceeds_invoice"
    await desk.move(other, "WITHDRAW")
    await desk.open(("3", "1"), invoice="i1")
    assert await refused_code(desk.move(case, "APPEAL")) == "dispute.exceeds_invoice"
    await desk.set_clock(MONDAY + timedelta(days=31))

    assert await refused_code(desk.move(case, "REOPEN")) == "dispute.too_late"


async def test_a_case_reopened_after_a_credit_in_part_goes_on_about_the_rest(desk: Desk) -> None:
    case = await desk.move(await desk.open(("1", "10")), "REVIEW", "PROPOSE")
    case = await desk.resolve(case, "PARTIAL_CREDIT", ("1", "4"))
    await desk.follow(credited(case, 4_760))
    case = await desk.move(case, "REOPEN")

    assert (case.amount.minor, list(case.lines), case.credit_note_number) == (7_140, [], "C-c1")
    assert await room(desk) == (7_140, 4_760)
    assert (await desk.told())[-1][1].amount.minor == 7_140
    case = await desk.resolve(await desk.move(case, "REVIEW", "PROPOSE"), "PARTIAL_CREDIT", ("1", "6"))
    assert case.credit.minor == 7_140
    await desk.follow(credited(case, 7_140, note="c2"))
    assert await room(desk) == (0, 11_900)
    assert await refused_code(desk.open(("1", "1"))) == "dispute.exceeds_line"


async def test_a_credit_note_counts_once_however_often_it_comes(desk: Desk) -> None:
    case = await desk.resolve(await desk.move(await desk.open(cents=100), "REVIEW", "PROPOSE"), "FULL_CREDIT")
    await desk.follow(credited(case, 100), credited(case, 100))
    await desk.follow(credited(case, 100))

    assert await room(desk) == (0, 100)
    assert [e.action for e in (await desk.get(case)).history].count(service_pb2.ACTION_COMPLETE) == 1
    assert await desk.rows("SELECT FROM parked") == []


async def test_a_credit_note_without_a_case_leaves_less_to_dispute(desk: Desk) -> None:
    await desk.follow(credited(None, 19_000))

    assert await refused_code(desk.open(cents=991)) == "dispute.exceeds_invoice"
    await desk.open(cents=990)


async def test_a_credit_note_about_a_case_that_the_invoice_does_not_have_is_parked(desk: Desk) -> None:
    case = await desk.resolve(await desk.move(await desk.open(cents=100), "REVIEW", "PROPOSE"), "FULL_CREDIT")
    await desk.follow(issued("i2"), credited(case, 100, invoice="i2"))

    parked = await desk.row("SELECT reason, code FROM parked")
    assert (parked.reason, parked.code) == ("refused", "dispute.unknown")
    assert await room(desk) == (100, 0)


async def test_what_comes_before_its_invoice_waits_for_it(open_desk: OpenDesk) -> None:
    async with open_desk() as desk:
        await desk.follow(reduced(19_000, 2), credited(None, 500))
        waiting = await desk.rows("SELECT reason, waits_for FROM parked")
        await desk.follow(issued())

        assert {(row.reason, row.waits_for) for row in waiting} == {("early", "invoice/i1")}
        assert await desk.rows("SELECT FROM parked WHERE closed_at IS NULL") == []
        assert await room(desk) == (0, 500)


async def test_what_the_ledger_said_last_is_kept_as_open(desk: Desk) -> None:
    await desk.follow(reduced(15_000, 4), reduced(9_000, 5))
    await desk.follow(reduced(15_000, 4))

    assert (await desk.row("SELECT open_minor FROM invoice")).open_minor == 9_000


async def test_another_tenant_sees_and_moves_nothing(desk: Desk) -> None:
    case = await desk.open(cents=100)

    for work in (
        desk.open(cents=100, tenant="other"),
        desk.move(case, "REVIEW", tenant="other"),
        desk.resolve(case, "FULL_CREDIT", tenant="other"),
        desk.get(case, tenant="other"),
    ):
        with pytest.raises(Refused) as refused:
            await work
        assert refused.value.status is grpc.StatusCode.NOT_FOUND
    listed = await desk.call("ListDisputes", service_pb2.ListDisputesRequest(), tenant="other")
    assert list(listed.disputes) == []


async def test_two_tenants_may_use_the_same_invoice_id(desk: Desk) -> None:
    await desk.follow(issued(tenant="other", account="b2"))
    mine, theirs = await desk.open(cents=100), await desk.open(cents=19_990, tenant="other")

    assert (mine.account_id, theirs.account_id) == ("b1", "b2")
    assert await room(desk) == (100, 0)


async def test_a_number_that_two_invoices_have_must_be_named_by_id(desk: Desk) -> None:
    await desk.follow(issued("i2", number="N-i1"))

    assert await refused_code(desk.open(cents=1, invoice="N-i1")) == "dispute.ambiguous_invoice"
    assert (await desk.open(cents=1, invoice="i2")).invoice_id == "i2"


async def test_cases_are_listed_by_account_invoice_and_state_a_page_at_a_time(desk: Desk) -> None:
    await desk.follow(issued("i2", account="b2"))
    cases = [await desk.open(cents=10, invoice="i2" if n == 2 else "i1") for n in range(5)]
    await desk.move(cases[1], "REVIEW")

    tokens: dict[int, str] = {}

    async def listed(**wanted: Any) -> list[str]:
        answer = await desk.call("ListDisputes", service_pb2.ListDisputesRequest(**wanted))
        tokens[len(answer.disputes)] = answer.next_page_token
        return [case.dispute_id for case in answer.disputes]

    ids = [case.dispute_id for case in cases]
    assert await listed() == ids
    assert await listed(account_id="b2") == await listed(invoice_id="i2") == [ids[2]]
    assert await listed(state=events_pb2.STATE_UNDER_REVIEW) == [ids[1]]
    assert await listed(account_id="b1", state=events_pb2.STATE_UNDER_REVIEW) == [ids[1]]
    assert await listed(account_id="b2", state=events_pb2.STATE_UNDER_REVIEW) == []
    several = ["i2", "i1", "i1", "none"]
    assert await listed(invoice_ids=several) == ids
    assert await listed(invoice_ids=several, page_size=4) == ids[:4]
    assert await listed(invoice_ids=several, page_size=4, page_token=tokens[4]) == ids[4:]
    assert await listed(invoice_ids=several, account_id="b2") == [ids[2]]
    request = desk.call("ListDisputes", service_pb2.ListDisputesRequest(invoice_id="i1", invoice_ids=several))
    assert await refused_code(request) == "dispute.one_or_several"
    assert await listed(page_size=3) == ids[:3]
    assert await listed(page_size=3, page_token=tokens[3]) == ids[3:]
    assert tokens[2] == ""
    assert await refused_code(listed(page_token=ids[2])) == "call.page_token"
    assert await refused_code(listed(state=99)) == "dispute.unknown_state"


async def test_the_history_of_a_case_is_read_a_page_at_a_time(desk: Desk) -> None:
    case = await desk.open(cents=10)
    for action in ("REVIEW", "ASK_INTERNAL", "ANSWER"):
        await desk.move(case, action)

    pages, token = [], ""
    while True:
        request = service_pb2.GetDisputeRequest(dispute_id=case.dispute_id, page_size=2, page_token=token)
        answer = await desk.call("GetDispute", request)
        pages.append([service_pb2.Action.Name(entry.action).removeprefix("ACTION_") for entry in answer.history])
        if not (token := answer.next_page_token):
            break

    assert pages == [["SUBMIT", "ACKNOWLEDGE"], ["REVIEW", "ASK_INTERNAL"], ["ANSWER"]]


@pytest.mark.parametrize(
    ("method", "request_", "code"),
    [
        ("Open", service_pb2.OpenRequest(invoice="nothing"), "dispute.unknown_invoice"),
        (
            "Move",
            service_pb2.MoveRequest(dispute_id="d", action=service_pb2.ACTION_UNSPECIFIED),
            "dispute.unknown_action",
        ),
        ("Move", service_pb2.MoveRequest(dispute_id="d", action=service_pb2.ACTION_REVIEW), "dispute.unknown"),
        ("Resolve", service_pb2.ResolveRequest(dispute_id="d"), "dispute.unknown_resolution"),
        ("GetDispute", service_pb2.GetDisputeRequest(dispute_id="d"), "dispute.unknown"),
    ],
)
async def test_what_is_unknown_is_refused_with_its_code(desk: Desk, method: str, request_: Any, code: str) -> None:
    assert await refused_code(desk.call(method, request_)) == code


async def test_history_and_credit_notes_cannot_be_altered_by_the_server(desk: Desk) -> None:
    await desk.open(cents=100)

    for statement in ("UPDATE dispute_move SET actor = 'x'", "DELETE FROM dispute_move", "DELETE FROM credit_note"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await desk.rows(statement)


async def test_the_database_refuses_more_than_the_invoice_even_if_the_rules_did_not(desk: Desk) -> None:
    async with desk.parts.database.transaction(["acme"]) as tx:
        invoice = (await store.lock_invoices(tx, [("acme", "i1")]))[("acme", "i1")].contest(Money(19_990, "EUR"))
        await store.save_invoices(tx, [invoice])
        with pytest.raises(AssertionError, match="more would be contested"):
            await store.save_invoices(tx, [replace(invoice, disputed=Money(19_991, "EUR"))])


async def test_five_hundred_invoices_cost_a_handful_of_statements(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    statements: list[str] = []
    for name in ("run", "rows"):
        real = getattr(Tx, name)

        async def counting(tx: Tx, sql: str, params: Any = (), real: Any = real) -> Any:
            statements.append(sql)
            return await real(tx, sql, params)

        monkeypatch.setattr(Tx, name, counting)
    await desk.follow(*(issued(f"n{n}", account=f"b{n % 7}") for n in range(500)))
    await desk.follow(*(credited(None, 100, invoice=f"n{n}", note=f"c{n}") for n in range(500)))
    await desk.follow(*(reduced(50, 1, invoice=f"n{n}") for n in range(500)))
    spent = len(statements)

    counted = await desk.row(
        "SELECT count(*) AS n, sum(credited_minor) AS credited, sum(open_minor) AS open FROM invoice"
    )
    assert (counted.n, counted.credited, counted.open) == (501, 50_000, 19_990 + 500 * 50)
    assert spent < 40


async def do_something(desk: Desk, cases: list[Any], chance: random.Random, n: int) -> None:
    """One of the things that somebody may try with the invoice's cases, likely or not."""
    if not cases or chance.random() < 0.2:
        if chance.random() < 0.5:
            cases.append(await desk.open(cents=chance.randint(1, 9_000)))
        else:
            cases.append(await desk.open((chance.choice("123"), chance.choice(["1", "2", "0.5"]))))
        return
    case = (await desk.get(chance.choice(cases))).dispute
    if STATE(case.state) == "STATE_RESOLVING":
        await desk.follow(credited(case, case.credit.minor, note=f"c{n}"))
    elif chance.random() < 0.3:
        end = chance.choice(["FULL_CREDIT", "PARTIAL_CREDIT", "INVALID_PAYABLE"])
        await desk.resolve(case, end, cents=chance.randint(1, case.amount.minor) if end == "PARTIAL_CREDIT" else 0)
    else:
        likely = [action for (state, action) in MOVES if f"STATE_{state}" == STATE(case.state)]
        await desk.move(case, chance.choice(likely or list(Action)), missing=f"item {n}")


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_is_done_the_cases_never_exceed_the_invoice(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    cases: list[Any] = []
    codes = []
    for n in range(60):
        try:
            await do_something(desk, cases, chance, n)
        except Refused as refused:
            codes.append(refused.code)
        await room(desk)
    assert len(cases) > 5
    assert {code.partition(".")[0] for code in codes} == {"dispute"}
    assert await desk.rows("SELECT FROM parked") == []


async def forget(desk: Desk, contact_id: str, account_id: str = "b1") -> None:
    body = notifications_pb2.ContactErased(contact_id=contact_id, account_id=account_id)
    await desk.follow(a_record(body, account=account_id or "people", subject=f"contact/{contact_id}"))


async def written(desk: Desk) -> list[tuple[str, ...]]:
    """What is left of what people wrote: descriptions, then questions and reasons."""
    cases = await desk.rows("SELECT opened_by, description FROM dispute WHERE description <> '' ORDER BY opened_at")
    moves = await desk.rows(
        "SELECT actor, missing, reason FROM dispute_move WHERE missing <> '' OR reason <> '' ORDER BY dispute_id, nth"
    )
    return [tuple(row) for row in (*cases, *moves) if row[0] != "system:disputes"]


async def test_what_a_person_wrote_is_forgotten_and_what_others_wrote_stays(desk: Desk) -> None:
    await desk.open(("1", "1"), by="contact:c2")
    case = await desk.open(("2", "1"), by="contact:c1")
    case = await desk.move(case, "REVIEW")
    await desk.move(case, "ASK_CUSTOMER", missing="photo", by="user:bo for user:c1")
    before = await written(desk)

    await forget(desk, "c1")

    assert await written(desk) == [row for row in before if row[0] != "contact:c1"]
    found = await desk.get(case)
    assert (found.dispute.description, found.history[0].actor, found.history[0].reason) == ("", "contact:c1", "")
    await forget(desk, "c1", "")  # one of the seller's own of that id, for whom another asked
    assert [row for row in await written(desk) if "c1" in row[0]] == []


async def test_whoever_asks_the_same_again_hears_the_same_but_for_what_people_wrote(desk: Desk) -> None:
    case = await desk.open(("1", "1"), by="contact:c1", key="k1")
    assert case.description

    again = await desk.open(("1", "1"), by="contact:c1", key="k1")

    case.description = ""
    assert again == case
    assert len(await desk.rows("SELECT FROM dispute")) == 1


async def test_what_was_written_in_open_cases_is_kept_however_old(desk: Desk) -> None:
    closed = await desk.open(("1", "1"))
    await desk.move(closed, "WITHDRAW")
    await desk.open(("2", "1"))
    await desk.rows("UPDATE dispute SET opened_at = opened_at - interval '20 years' RETURNING 1")

    async with desk.parts.database.transaction(["acme"]) as tx:
        assert await usecases.forget_outdated(tx, "acme") == 1
        assert await usecases.forget_outdated(tx, "acme") == 0

    rows = await desk.rows("SELECT state, description <> '' AS described FROM dispute ORDER BY dispute_id")
    assert [tuple(row) for row in rows] == [("WITHDRAWN", False), ("ACKNOWLEDGED", True)]


async def test_while_one_legal_entitys_country_is_not_known_what_was_written_is_kept_as_long_as_anywhere(
    desk: Desk,
) -> None:
    """The version before this one kept their clocks and not their countries."""
    await desk.move(await desk.open(("1", "1")), "WITHDRAW")
    await desk.rows("UPDATE dispute SET opened_at = opened_at - interval '8 years' RETURNING 1")
    await desk.follow(in_denmark("s1"), in_denmark("s2"))
    await desk.rows("DELETE FROM seller_country WHERE seller_id = 's2' RETURNING 1")

    async with desk.parts.database.transaction(["acme"]) as tx:
        assert await usecases.forget_outdated(tx, "acme") == 0
    await desk.follow(in_denmark("s2", version=2))
    async with desk.parts.database.transaction(["acme"]) as tx:
        assert await usecases.forget_outdated(tx, "acme") == 1


def in_denmark(seller_id: str, version: int = 1) -> Record:
    """A legal entity whose law has records kept for five years."""
    seller = invoicing_pb2.Seller(seller_id=seller_id)
    seller.company.address.country = "DK"
    body = invoicing_pb2.SellerChanged(version=version, seller=seller)
    return a_record(body, account=seller_id, subject=f"seller/{seller_id}")


async def test_a_move_that_is_not_there_is_not_found(desk: Desk) -> None:
    case = await desk.open(("1", "1"))

    with pytest.raises(Refused) as refused:
        await desk.call("GetMove", service_pb2.GetMoveRequest(dispute_id=case.dispute_id, nth=9))

    assert refused.value.code == "dispute.unknown_move"
