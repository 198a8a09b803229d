"""Translates the words of trials to and from the contracts."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp
from receivables.credit.v1 import lab_pb2

from services.credit.domain.lab import Case, CaseRefused, Run, check_case
from services.kernel.calendars import day
from services.kernel.money import decimal
from services.kernel.refusals import Invalid, Refusal

_SOURCES = {
    lab_pb2.TRIAL_SOURCE_OWN: "OWN",
    lab_pb2.TRIAL_SOURCE_HISTORY: "HISTORY",
    lab_pb2.TRIAL_SOURCE_BOTH: "BOTH",
}


def trial_wish(request: lab_pb2.StartTrialRequest) -> Run:
    """A trial as it is asked for."""
    if request.source not in _SOURCES:
        raise Invalid("trial.source", "say which cases: your own, those that were brought in, or both")
    return Run(
        trial_id=request.trial_id,
        policy_id=request.policy_id,
        champion_id="",
        source=_SOURCES[request.source],
        from_on=day(request.from_day, what="the first day"),
        split_on=day(request.split_day, what="the day of the split"),
        to_on=day(request.to_day, what="the last day"),
        state="RUNNING",
        done=0,
        total=0,
        place="",
        tally="",
        report="",
        started_by="",
        started_at=datetime.min.replace(tzinfo=UTC),
        ended_at=None,
    )


def trial_message(one: Run, *, with_report: bool) -> lab_pb2.Trial:
    """A trial to answer with."""
    return lab_pb2.Trial(
        trial_id=one.trial_id,
        policy_id=one.policy_id,
        champion_id=one.champion_id,
        source=lab_pb2.TrialSource.Value(f"TRIAL_SOURCE_{one.source}"),
        from_day=one.from_on.isoformat(),
        split_day=one.split_on.isoformat(),
        to_day=one.to_on.isoformat(),
        state=lab_pb2.TrialState.Value(f"TRIAL_STATE_{one.state}"),
        done=one.done,
        total=one.total,
        started_by=one.started_by,
        started_at=_stamp(one.started_at),
        ended_at=_stamp(one.ended_at),
        report=one.report if with_report else "",
    )


def history(request: lab_pb2.AddHistoryRequest) -> tuple[list[Case], list[CaseRefused]]:
    """Cases that may be kept, and those that are none."""
    cases: dict[str, Case] = {}
    refused: list[CaseRefused] = []
    for one in request.cases:
        try:
            if not one.case_id:
                raise Invalid("history.line", "a case has an id")
            if one.case_id in cases:
                raise Invalid("history.twice", "a case before has this id")
            cases[one.case_id] = check_case(_case(one))
        except Refusal as said:
            refused.append(CaseRefused(one.case_id, said.code, said.message))
    return list(cases.values()), refused


def refusals(refused: Iterable[CaseRefused]) -> list[lab_pb2.HistoryRefused]:
    """Which cases were refused, and why."""
    return [lab_pb2.HistoryRefused(case_id=one.case_id, code=one.code, message=one.message) for one in refused]


def _case(one: lab_pb2.HistoryCase) -> Case:
    return Case(
        one.case_id,
        day(one.decided_on, what="decided_on"),
        one.currency,
        {fact.key: fact.value for fact in one.facts if fact.value},
        None,
        decimal(one.drawn, what="drawn") if one.drawn else Decimal(0),
        one.bad if one.outcome_on else None,
        day(one.outcome_on, what="outcome_on") if one.outcome_on else None,
        decimal(one.lost, what="lost") if one.lost else Decimal(0),
        tuple(one.late),
    )


def _stamp(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
