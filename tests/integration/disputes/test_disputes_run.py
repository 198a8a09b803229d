"""How cases are run: by their tracks' clock, by their owners, within authority; two that are one and one that is two."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from receivables.common.v1 import money_pb2
from receivables.disputes.v1 import events_pb2, service_pb2, service_pb2_grpc
from receivables.notifications.v1 import events_pb2 as notifications_pb2

from services.chassis.consumer import types_of
from services.chassis.envelope import Record, decode
from services.chassis.workers import drain
from services.disputes.domain.cases import CONTESTED
from services.disputes.rebuild import FOLD
from services.disputes.service import SERVICE
from tests.integration.accounts.callers import Asked, clerk, contact, gated
from tests.integration.conftest import OpenService
from tests.integration.disputes.desk import MONDAY, Desk, Refused, issued, seller
from tests.records import a_record

STATE = events_pb2.State.Name
POLICY = {"window_days": 90, "answer_days": 5, "customer_days": 5, "reopen_days": 30}


async def clock(desk: Desk, at: datetime) -> None:
    """It is then, and what the clock brings is done."""
    await desk.set_clock(at)
    await drain(desk.parts.consumer, SERVICE.works(desk.parts))


async def said(desk: Desk, kind: str) -> list[Any]:
    return [body for name, body in await desk.told() if name == kind]


async def contested(desk: Desk) -> int:
    """What is contested of the invoice: the sum over its cases, and by line no more than was invoiced."""
    row = await desk.row("SELECT disputed_minor, gross_minor FROM invoice WHERE invoice_id = 'i1'")
    cases = await desk.rows("SELECT dispute_id, state, amount_minor FROM dispute WHERE invoice_id = 'i1'")
    assert sum(case.amount_minor for case in cases if case.state in CONTESTED) == row.disputed_minor <= row.gross_minor
    open_ = [case.dispute_id for case in cases if case.state in CONTESTED]
    by_line: Counter[str] = Counter()
    for line in await desk.rows("SELECT dispute_id, line_id, contested FROM dispute_line"):
        by_line[line.line_id] += line.contested if line.dispute_id in open_ else 0
    assert all(by_line[line_id] <= most for line_id, most in (("1", 10), ("2", 1), ("3", 4)))
    return int(row.disputed_minor)


def parts(*lines: tuple[str, str]) -> list[events_pb2.DisputedLine]:
    return [events_pb2.DisputedLine(line_id=line_id, quantity=quantity) for line_id, quantity in lines]


async def split(desk: Desk, case: Any, *lines: tuple[str, str]) -> tuple[Any, Any]:
    answer = await desk.call("Split", service_pb2.SplitRequest(dispute_id=case.dispute_id, lines=parts(*lines)))
    return answer.dispute, answer.split_off


async def merge(desk: Desk, case: Any, into: Any) -> Any:
    request = service_pb2.MergeRequest(dispute_id=case.dispute_id, into=into.dispute_id)
    return (await desk.call("Merge", request)).dispute


async def code(work: Any) -> str:
    try:
        await work
    except Refused as refused:
        return refused.code
    return ""


async def set_policy(desk: Desk, **said: Any) -> None:
    policy = events_pb2.DisputePolicy(**POLICY, **said)  # type: ignore[arg-type] # whichever fields
    await desk.call("SetPolicy", service_pb2.SetPolicyRequest(policy=policy))


async def test_risk_is_told_before_a_promise_is_missed_and_each_miss_with_a_new_date_a_level_higher(desk: Desk):
    await desk.follow(seller(time_zone="Europe/Berlin", holidays="DE", opens_at="08:00", closes_at="16:00"))
    await desk.set_clock(datetime(2026, 3, 30, 8, tzinfo=UTC))  # Monday before Easter
    case = await desk.open(cents=100, reason="DLV_NONE")
    assert (case.answer_by, case.answer_at.ToDatetime(UTC)) == ("2026-04-08", datetime(2026, 4, 8, 14, tzinfo=UTC))
    await desk.call("Assign", service_pb2.AssignRequest(dispute_id=case.dispute_id, owner="user:bo"))

    for at in (datetime(2026, 4, 3, 9), datetime(2026, 4, 6, 9), datetime(2026, 4, 7, 9)):  # noqa: DTZ001 - set below
        await clock(desk, at.replace(tzinfo=UTC))
    assert await said(desk, "DisputeAtRisk") == []  # over the holidays nothing passes
    await clock(desk, datetime(2026, 4, 8, 8, tzinfo=UTC))
    await clock(desk, datetime(2026, 4, 8, 9, tzinfo=UTC))
    [risk] = await said(desk, "DisputeAtRisk")
    assert (risk.owner, risk.by, risk.awaited) == ("user:bo", "2026-04-08", events_pb2.AWAITED_ANSWER)
    assert await said(desk, "DisputeLate") == []
    assert (await desk.get(case)).dispute.at_risk

    await clock(desk, datetime(2026, 4, 8, 14, tzinfo=UTC))
    await clock(desk, datetime(2026, 4, 8, 15, tzinfo=UTC))
    await clock(desk, datetime(2026, 4, 10, 14, tzinfo=UTC))
    late = await said(desk, "DisputeLate")
    assert [(one.promised_by, one.answer_by, one.level) for one in late] == [
        ("2026-04-08", "2026-04-10", 1),
        ("2026-04-10", "2026-04-14", 2),
    ]
    assert {one.late_from for one in late} == {"2026-04-08"}

    await desk.set_clock(datetime(2026, 4, 13, 9, tzinfo=UTC))
    done = await desk.move(case, "REVIEW", "PROPOSE")
    assert (done.late_days, done.late_from) == (5, "")
    assert (await said(desk, "DisputeMoved"))[-1].late_days == 5
    await clock(desk, datetime(2026, 5, 30, tzinfo=UTC))
    assert len(await said(desk, "DisputeLate")) == 2  # the buyer's turn
    changes = (await desk.get(case)).changes
    assert [events_pb2.Change.Name(one.change) for one in changes] == [
        *("CHANGE_ASSIGNED", "CHANGE_AT_RISK", "CHANGE_LATE", "CHANGE_LATE")
    ]


async def test_a_reason_that_nobody_finds_is_told_within_a_business_day_and_one_that_is_found_is_not(desk: Desk):
    lost, found = [await desk.open(cents=10, reason="OTH") for _ in range(2)]
    recode = service_pb2.RecodeRequest(dispute_id=found.number, reason_code="PRC_UNIT")
    again = (await desk.call("Recode", recode)).dispute
    assert (again.reason_code, again.answer_by, again.track) == ("PRC_UNIT", found.answer_by, found.track)

    await clock(desk, MONDAY + timedelta(hours=23))
    assert await said(desk, "DisputeAtRisk") == []
    await clock(desk, MONDAY + timedelta(days=1))
    await clock(desk, MONDAY + timedelta(days=1, hours=1))

    told = await said(desk, "DisputeAtRisk")
    assert [(one.dispute_id, one.awaited, one.by) for one in told] == [
        (lost.dispute_id, events_pb2.AWAITED_REASON, "2026-03-03")
    ]


async def test_a_case_is_its_desks_from_the_start_taken_in_a_click_and_found_by_who_has_it(desk: Desk):
    await set_policy(desk, desks=[events_pb2.DeskOwner(desk="Pricing", owner="user:pri", stand_in="user:sam")])
    priced = await desk.open(cents=10, reason="PRC_UNIT")
    nobodys = await desk.open(cents=10, reason="DLV_NONE")
    assert (priced.owner, priced.stand_in, nobodys.owner) == ("user:pri", "user:sam", "")

    async def listed(**asked: Any) -> list[str]:
        order = service_pb2.LIST_ORDER_AT_RISK_FIRST
        answer = await desk.call("ListDisputes", service_pb2.ListDisputesRequest(order=order, **asked))
        return [one.dispute_id for one in answer.disputes]

    assert await listed() == [priced.dispute_id, nobodys.dispute_id]  # an hour is over before a day
    assert await listed(owner="user:sam") == [priced.dispute_id]
    assert await listed(without_owner=True) == [nobodys.dispute_id]
    assert await code(listed(owner="user:sam", without_owner=True)) == "dispute.whose"

    await desk.set_clock(MONDAY + timedelta(hours=2))
    assert (await desk.get(nobodys)).dispute.idle_minutes == 120
    assert (await desk.get(nobodys, by="contact:ann")).dispute.idle_minutes == 0  # the seller's to know
    taken = (await desk.call("Assign", service_pb2.AssignRequest(dispute_id=nobodys.number), by="user:cy")).dispute
    assert (taken.owner, taken.handoffs, taken.idle_minutes) == ("user:cy", 0, 0)
    given = service_pb2.AssignRequest(dispute_id=nobodys.number, owner="user:di")
    assert (await desk.call("Assign", given, by="user:cy")).dispute.handoffs == 1
    assert await listed(owner="user:di") == [nobodys.dispute_id]


async def test_what_one_who_leaves_had_is_the_successors_and_what_ended_stays(desk: Desk):
    ended, open_ = await desk.open(cents=100, reason="DLV_NONE"), await desk.open(cents=200, reason="DLV_NONE")
    for case in (ended, open_):
        given = service_pb2.AssignRequest(dispute_id=case.dispute_id, owner="user:bo", stand_in="user:di")
        await desk.call("Assign", given)
    await desk.move(ended, "WITHDRAW")
    told = [
        notifications_pb2.ContactSucceeded(contact_id="bo", successor_id="cy"),
        notifications_pb2.ContactSucceeded(contact_id="di", account_id="b1", successor_id="ann"),
    ]

    await desk.parts.consumer.handle([a_record(one, account="people", subject="succession/bo") for one in told])

    rows = await desk.rows("SELECT dispute_id, owner, stand_in FROM dispute")
    assert {row.dispute_id: (row.owner, row.stand_in) for row in rows} == {
        ended.dispute_id: ("user:bo", "user:di"),
        open_.dispute_id: ("user:cy", "user:di"),
    }


async def test_a_case_is_split_by_line_and_merged_again_and_contests_the_same_to_the_cent(desk: Desk):
    case = await desk.open(("1", "3"), ("3", "2"))
    before = await contested(desk)
    photo = service_pb2.AddEvidenceRequest(
        dispute_id=case.dispute_id, file_name="a.pdf", media_type="application/pdf", content=b"%PDF-1.7"
    )

    left, new = await split(desk, case, ("3", "2"), ("1", "1"))

    assert left.amount.minor + new.amount.minor == case.amount.minor == before == await contested(desk)
    assert [(line.line_id, line.quantity) for line in left.lines] == [("1", "2")]
    assert (STATE(new.state), new.answer_by, new.number) == ("STATE_ACKNOWLEDGED", case.answer_by, "D-2026-0002")
    assert [one.action for one in (await desk.get(new)).history] == [
        service_pb2.ACTION_SUBMIT,
        service_pb2.ACTION_ACKNOWLEDGE,
    ]
    photo.dispute_id = new.dispute_id
    added = (await desk.call("AddEvidence", photo)).evidence

    merged = await merge(desk, new, left)

    assert (merged.amount, before) == (case.amount, await contested(desk))
    assert sorted((line.line_id, line.quantity) for line in merged.lines) == [("1", "3"), ("3", "2")]
    gone = (await desk.get(new)).dispute
    assert (STATE(gone.state), gone.merged_into) == ("STATE_DUPLICATE", left.dispute_id)
    shown = await desk.get(left)
    assert [(one.dispute_id, one.number) for one in shown.merged] == [(new.dispute_id, new.number)]
    asked = service_pb2.ListEvidenceRequest(dispute_id=left.dispute_id)
    assert [one.evidence_id for one in (await desk.call("ListEvidence", asked)).evidence] == [added.evidence_id]
    content = service_pb2.GetEvidenceRequest(dispute_id=left.dispute_id, evidence_id=added.evidence_id)
    assert (await desk.call("GetEvidence", content)).content == b"%PDF-1.7"
    kinds = [name for name, _ in await desk.told()]
    assert kinds == [
        *("DisputeOpened", "DisputeMoved", "DisputeChanged", "DisputeOpened", "DisputeMoved"),
        *("DisputeMoved", "DisputeChanged"),
    ]
    ended = (await said(desk, "DisputeMoved"))[-1]
    assert (ended.merged_into, ended.merged_into_number) == (left.dispute_id, left.number)


async def test_who_looks_at_a_case_with_more_care_is_kept_shown_and_told_once(desk: Desk):
    case = await desk.open(cents=100, reason="QLT_DAMAGE")
    steps = events_pb2.CellStep.values()[1:]

    async def set_cell(day: str, **asked: Any) -> Any:
        places = [events_pb2.CellPlace(step=step, person=f"user:p{step}", by=day) for step in steps]
        cell = service_pb2.Cell(coordinator="user:bo", places=places)
        return (await desk.call("SetCell", service_pb2.SetCellRequest(dispute_id=case.number, cell=cell), **asked)).cell

    first, same = await set_cell("2026-03-30"), await set_cell("2026-03-30", by="user:cy")
    other = await set_cell("2026-03-27")

    assert (first.version, same.version, other.version) == (1, 1, 2)
    assert (await desk.get(case)).cell == other
    assert [one.version for one in await said(desk, "DisputeCellSet")] == [1, 2]
    assert await code(set_cell("2026-03-31")) == "cell.days"
    assert await code(desk.call("SetCell", service_pb2.SetCellRequest(dispute_id="none"))) == "dispute.unknown"


async def test_whoever_opened_what_was_merged_or_split_approves_neither(desk: Desk):
    one, other = await desk.open(("1", "2")), await desk.open(cents=100, by="user:cy")
    into = await desk.move(await merge(desk, other, one), "REVIEW", "PROPOSE")
    assert await code(desk.resolve(into, "FULL_CREDIT", by="user:cy")) == "dispute.own_case"
    assert await code(desk.resolve(into, "FULL_CREDIT", by="user:bo")) == "dispute.four_eyes"

    own = await desk.open(("2", "1"), ("3", "1"), by="user:cy")
    left, new = await split(desk, own, ("3", "1"))
    for case in (left, new):
        proposed = await desk.move(case, "REVIEW", "PROPOSE")
        assert await code(desk.resolve(proposed, "FULL_CREDIT", by="user:cy")) == "dispute.own_case"
        assert await code(desk.resolve(proposed, "FULL_CREDIT", by="user:di for user:cy")) == "dispute.own_case"
        await desk.resolve(proposed, "FULL_CREDIT", by="user:di")


async def test_a_credit_above_ones_authority_is_refused_and_names_who_has_it(desk: Desk):
    def up_to(minor: int, **whose: str) -> events_pb2.CreditAuthority:
        return events_pb2.CreditAuthority(most=money_pb2.Money(minor=minor, currency="EUR"), **whose)

    await set_policy(desk, authorities=[up_to(500, role="SELLER_ADMIN"), up_to(2000, person="user:di")])
    small, large, larger = [
        await desk.move(await desk.open(cents=cents), "REVIEW", "PROPOSE") for cents in (500, 501, 2001)
    ]

    assert await code(desk.resolve(large, "FULL_CREDIT")) == "dispute.authority"
    assert await code(desk.resolve(larger, "FULL_CREDIT", by="user:di")) == "dispute.authority"
    assert await code(desk.resolve(large, "FULL_CREDIT", by="user:di for user:cy")) == ""
    assert await code(desk.resolve(small, "FULL_CREDIT")) == ""
    assert await code(desk.resolve(larger, "PARTIAL_CREDIT", cents=500)) == ""  # what is credited counts
    kept = (await desk.call("GetPolicy", service_pb2.GetPolicyRequest())).policy
    assert [(one.role, one.person, one.most.minor) for one in kept.authorities] == [
        ("SELLER_ADMIN", "", 500),
        ("", "user:di", 2000),
    ]


async def test_who_may_credit_how_much_only_an_administrator_says_and_the_role_counts(open_service: OpenService):
    async with (
        open_service(SERVICE, clock="test") as parts,
        gated(SERVICE, parts, service_pb2_grpc.DisputesServiceStub) as door,
    ):
        desk = Desk(parts, door.stub)
        await desk.set_clock(MONDAY)
        await desk.follow(issued())
        owner = replace(clerk(name="dora"), roles=frozenset({"DISPUTE_OWNER"}))
        admin = replace(clerk(name="max"), roles=frozenset({"SELLER_ADMIN"}))
        most = money_pb2.Money(minor=100, currency="EUR")
        limited = events_pb2.DisputePolicy(
            **POLICY,  # type: ignore[arg-type] # all are numbers
            authorities=[events_pb2.CreditAuthority(role="DISPUTE_OWNER", most=most)],
        )

        async def said_by(who: Any, method: str, request: Any) -> str:
            answer = await door.ask(who, method, request)
            return answer.code if isinstance(answer, Asked) else ""

        wish = service_pb2.OpenRequest(
            invoice="i1", reason_code="PRC_UNIT", amount=money_pb2.Money(minor=101, currency="EUR")
        )
        case = (await door.ask(contact("b1"), "Open", wish)).dispute
        for action in (service_pb2.ACTION_REVIEW, service_pb2.ACTION_PROPOSE):
            await door.ask(admin, "Move", service_pb2.MoveRequest(dispute_id=case.dispute_id, action=action))
        end = service_pb2.ResolveRequest(dispute_id=case.dispute_id, resolution=events_pb2.RESOLUTION_FULL_CREDIT)

        set_limited = service_pb2.SetPolicyRequest(policy=limited)
        assert await said_by(owner, "SetPolicy", set_limited) == "policy.authority_by_admin"
        assert await said_by(admin, "SetPolicy", set_limited) == ""
        assert await said_by(owner, "SetPolicy", set_limited) == "", "who changes nothing of it may say the rest"
        without = service_pb2.SetPolicyRequest(policy=events_pb2.DisputePolicy(**POLICY))  # type: ignore[arg-type] # numbers
        assert await said_by(owner, "SetPolicy", without) == "policy.authority_by_admin"
        assert await said_by(owner, "Resolve", end) == "dispute.authority"
        assert await said_by(admin, "SetPolicy", without) == ""
        assert await said_by(owner, "Resolve", end) == ""


@pytest.mark.parametrize("seed", range(4))
async def test_whoever_opens_splits_and_merges_at_once_the_line_holds(desk: Desk, seed: int):
    one, other = await desk.open(("1", "4")), await desk.open(("1", "4"), ("3", "1"))
    work = [
        merge(desk, other, one),
        split(desk, one, ("1", "1")),
        split(desk, other, ("3", "1")),
        merge(desk, one, other),
        desk.open(("1", "2")),
        desk.open(("1", "1")),
        desk.move(one, "WITHDRAW"),
    ]

    codes = await asyncio.gather(*(code(each) for each in work[seed:] + work[:seed]))

    assert set(codes) <= {
        *("", "dispute.not_changeable", "dispute.exceeds_line", "dispute.illegal_move", "dispute.nothing_left")
    }
    assert codes.count("") >= 2
    await contested(desk)
    assert await desk.rows("SELECT FROM parked") == []


async def test_what_was_told_of_a_case_brings_back_how_it_is_run(desk: Desk, open_service: OpenService):
    case = await desk.open(("1", "3"), ("3", "2"), reason="OTH")
    await desk.call("Assign", service_pb2.AssignRequest(dispute_id=case.dispute_id, owner="user:bo"))
    await clock(desk, MONDAY + timedelta(days=1))
    recode = service_pb2.RecodeRequest(dispute_id=case.dispute_id, reason_code="ITM_WRONG")
    await desk.call("Recode", recode)
    left, new = await split(desk, case, ("3", "2"))
    await clock(desk, MONDAY + timedelta(days=6, hours=23))
    await clock(desk, MONDAY + timedelta(days=8))
    await merge(desk, await desk.open(cents=10), left)
    await desk.move(new, "REVIEW", "ASK_CUSTOMER", missing="photo")
    await clock(desk, MONDAY + timedelta(days=9))
    await desk.move(new, "ANSWER", "PROPOSE")
    rows = await desk.rows("SELECT * FROM outbox ORDER BY id")
    records = [Record(r.topic, 0, r.id, r.key.encode(), bytes(r.payload), r.headers) for r in rows]

    async with open_service(SERVICE, clock="test") as parts:
        anew = Desk(parts, desk.stub)
        await anew.follow(issued())
        types = types_of("receivables.disputes.v1", FOLD.own)  # type: ignore[arg-type] # none is handled
        async with parts.database.transaction(["acme"]) as tx:
            for record in records:
                event = decode(record, types)
                await FOLD.own[type(event.body)](tx, event, None)

        for table, but in (
            ("dispute", {"description", "opened_at", "asked_at", "acted_at", "ended_at"}),
            ("dispute_change", {"at"}),
            ("dispute_line", set()),
            ("invoice", {"open_sequence"}),
        ):
            sql = f"SELECT * FROM {table} ORDER BY 1, 2, 3"
            before, after = await desk.rows(sql), await anew.rows(sql)
            assert [_kept(row, but) for row in after] == [_kept(row, but) for row in before], table


def _kept(row: Any, but: set[str]) -> dict[str, Any]:
    return {name: value for name, value in row._asdict().items() if name not in but}
