"""Policies tried on the past, as the seller's people ask for it: what is brought in, how far it is, what it found."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from receivables.credit.v1 import applications_pb2, lab_pb2

from services import contracts
from services.chassis.workers import Work, Worker, drain
from services.credit import store, usecases
from services.credit.bench import Bench
from services.credit.domain import lab, underwriting
from services.credit.domain.lab import Case
from services.credit.service import SERVICE
from tests.integration.credit.applicants import act, ready, submit
from tests.integration.credit.desk import Desk, set_clock, told
from tests.integration.credit.test_applications_flow import refusal
from tests.unit.credit.histories import CHALLENGER, CHAMPION, DAYS, a_trial, swapping

CASES = 200


def history(cases: Iterable[Case]) -> lab_pb2.AddHistoryRequest:
    return lab_pb2.AddHistoryRequest(cases=[contracts.history_message(case) for case in cases])


async def propose(desk: Desk, text: str, *, by: str = "user:ada") -> str:
    request = applications_pb2.ProposePolicyTextRequest(text=text)
    return str((await desk.call("ProposePolicyText", request, by=by)).policy.policy_id)


async def activate(desk: Desk, policy_id: str) -> None:
    await desk.call(
        "ActivatePolicyText", applications_pb2.ActivatePolicyTextRequest(policy_id=policy_id), by="user:bob"
    )


def wish(policy_id: str, trial_id: str = "t1", **changes: Any) -> lab_pb2.StartTrialRequest:
    request = lab_pb2.StartTrialRequest(
        trial_id=trial_id,
        policy_id=policy_id,
        source=lab_pb2.TRIAL_SOURCE_HISTORY,
        from_day="2023-01-01",
        split_day="2024-01-01",
        to_day="2024-12-31",
    )
    request.MergeFrom(lab_pb2.StartTrialRequest(**changes))
    return request


async def found(desk: Desk, trial_id: str = "t1") -> Any:
    return (await desk.call("GetTrial", lab_pb2.GetTrialRequest(trial_id=trial_id))).trial


async def with_history(desk: Desk) -> str:
    """A history, a policy that decides, and another one that is only proposed."""
    added = await desk.call("AddHistory", history(swapping(CASES)))
    assert (added.added, list(added.refused)) == (CASES, [])
    await activate(desk, await propose(desk, CHAMPION))
    return await propose(desk, CHALLENGER)


def work(desk: Desk, bench: Bench, portion: int = 60) -> Work:
    settings = desk.parts.settings.model_copy(update={"credit_trial_portion": portion})
    return Work(store.TRIAL, partial(usecases.try_some, bench=bench, settings=settings), most=1)


async def test_a_trial_tells_what_the_rules_tell_and_changes_nothing(desk: Desk):
    policy_id = await with_history(desk)
    before = await told(desk.parts)
    begun = (await desk.call("StartTrial", wish(policy_id))).trial
    assert (begun.state, begun.done, begun.total) == (lab_pb2.TRIAL_STATE_RUNNING, 0, CASES)
    assert await refusal(desk.call("StartTrial", wish(policy_id, "t2"))) == "trial.running"
    assert (await desk.call("StartTrial", wish(policy_id))).trial == begun

    await drain(desk.parts.consumer, SERVICE.works(desk.parts))

    trial = await found(desk)
    assert (trial.state, trial.done) == (lab_pb2.TRIAL_STATE_DONE, CASES)
    compared = a_trial()
    assert json.loads(trial.report) == lab.report(compared, DAYS, lab.try_on(compared, swapping(CASES)))
    listed = (await desk.call("ListTrials", lab_pb2.ListTrialsRequest(policy_id=policy_id))).trials
    assert [(one.trial_id, one.report) for one in listed] == [("t1", "")]
    active = await desk.call("GetPolicyText", applications_pb2.GetPolicyTextRequest())
    assert active.policy.policy_id == trial.champion_id != policy_id
    assert await told(desk.parts) == before


async def test_a_trial_whose_process_is_killed_goes_on_and_finds_the_same(desk: Desk):
    policy_id = await with_history(desk)
    await desk.call("StartTrial", wish(policy_id))
    bench = Bench()
    worker = Worker(desk.parts.consumer, work(desk, bench))
    assert await worker.some() == 1
    assert bench.process is not None
    bench.process.kill()
    assert await worker.some() == 1  # fails, and waits to be tried again
    assert (await found(desk)).done == 60

    async with desk.parts.database.transaction(["acme"]) as tx:
        await tx.run("UPDATE job SET next_try_at = now()")
    # By another worker, as after a process that ended, in other portions.
    await drain(desk.parts.consumer, [work(desk, Bench(), 90)])

    trial, compared = await found(desk), a_trial()
    assert trial.state == lab_pb2.TRIAL_STATE_DONE
    assert json.loads(trial.report) == lab.report(compared, DAYS, lab.try_on(compared, swapping(CASES)))


async def test_a_trial_that_is_cancelled_ends_and_another_one_may_begin(desk: Desk):
    policy_id = await with_history(desk)
    await desk.call("StartTrial", wish(policy_id))
    await desk.call("CancelTrial", lab_pb2.CancelTrialRequest(trial_id="t1"))

    await drain(desk.parts.consumer, SERVICE.works(desk.parts))

    trial = await found(desk)
    assert (trial.state, trial.done, trial.report) == (lab_pb2.TRIAL_STATE_CANCELLED, 0, "")
    await desk.call("StartTrial", wish(policy_id, "t2"))
    await drain(desk.parts.consumer, SERVICE.works(desk.parts))
    assert await refusal(desk.call("CancelTrial", lab_pb2.CancelTrialRequest(trial_id="t2"))) == "trial.over"


async def test_what_cannot_be_tried_is_refused(desk: Desk):
    policy_id = await with_history(desk)
    for request, code in (
        (wish("f" * 64), "policy.unknown"),
        (wish(policy_id, split_day="2022-01-01"), "trial.days"),
        (wish(policy_id, from_day="2030-01-01", split_day="2030-02-01", to_day="2030-03-01"), "trial.no_cases"),
    ):
        assert await refusal(desk.call("StartTrial", request)) == code
    nothing = wish(policy_id)
    nothing.source = lab_pb2.TRIAL_SOURCE_UNSPECIFIED
    assert await refusal(desk.call("StartTrial", nothing)) == "trial.source"
    assert await refusal(desk.call("GetTrial", lab_pb2.GetTrialRequest(trial_id="x"))) == "trial.unknown"


async def test_a_case_is_kept_once_and_without_what_is_about_persons(desk: Desk):
    [case, other, third] = list(swapping(3))
    case = replace(case, facts={**case.facts, "signer": "Ada Ek"})
    assert (await desk.call("AddHistory", history([case, other]))).added == 2

    again = await desk.call("AddHistory", history([case, replace(other, bad=not other.bad, lost=other.lost * 0)]))
    wrong = await desk.call("AddHistory", history([third, third, replace(third, case_id="w", drawn=third.lost - 1)]))

    assert (again.added, [(one.case_id, one.code) for one in again.refused]) == (0, [("c000001", "history.changed")])
    assert (wrong.added, [one.code for one in wrong.refused]) == (1, ["history.twice", "history.amount"])
    async with desk.parts.database.transaction(["acme"]) as tx:
        rows = await tx.rows("SELECT facts::text AS facts FROM history_case")
    assert len(rows) == 3
    assert not [row for row in rows if "Ek" in row.facts]


async def test_own_applications_are_tried_with_what_was_paid_since(desk: Desk):
    for name, number in (("a1", "HRB 1234"), ("a2", "HRB 4321"), ("a3", "HRB 99")):
        await ready(desk, name, register_number=number)
        await submit(desk, name)
    accounts = [(await act(desk, "AcceptApplication", name)).account_id for name in ("a1", "a2")]
    async with desk.parts.database.transaction(["acme"]) as tx:
        await tx.run(
            """INSERT INTO arrear (tenant, account_id, invoice_id, due_on, amount_minor, currency, since, settled_on)
               VALUES ('acme', %s, 'i1', '2026-03-01', 100000, 'EUR', '2026-04-01', NULL)""",
            [accounts[1]],
        )
    await set_clock(desk.parts, datetime(2027, 2, 1, 9, tzinfo=UTC))
    policy = underwriting.default().policy_id
    own = wish(
        policy,
        source=lab_pb2.TRIAL_SOURCE_OWN,
        from_day="2026-01-01",
        split_day="2026-01-02",
        to_day=(date(2026, 1, 5) + timedelta(days=300)).isoformat(),
    )
    assert (await desk.call("StartTrial", own)).trial.total == 3

    await drain(desk.parts.consumer, [work(desk, Bench(), 10)])

    report = json.loads((await found(desk)).report)
    assert report["cases"]["after"] == {"good": 1, "bad": 1, "none": 1}
    assert report["sides"]["champion"]["lost"] == "600"  # of 1,000 that are not settled, 60 %
    assert report["sides"]["champion"] == report["sides"]["challenger"]
