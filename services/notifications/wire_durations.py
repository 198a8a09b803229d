"""Translates how long steps take between the contract and the words of domain/durations.py."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from receivables.notifications.v1 import events_pb2, service_pb2

from services.contracts import money, money_message
from services.kernel.opening_hours import OpeningHours
from services.kernel.refusals import Invalid, quoted
from services.notifications.domain import durations as domain
from services.notifications.domain.durations import NOTHING, Figures, Kept, Segment, Slow
from services.notifications.domain.journeys import BUYER, STAGES, Journey, Stage
from services.notifications.domain.service_levels import NOTHING as AGREED_NOTHING
from services.notifications.domain.service_levels import Agreed, Level, Remedy
from services.notifications.domain.stories import Moment


def step_slow(
    segment: Segment, stage: Stage, figures: Figures, hours: OpeningHours, since: datetime
) -> events_pb2.JourneyStepSlow:
    """That a step takes longer than it may, to tell."""
    told = events_pb2.JourneyStepSlow(
        kind=segment.kind,
        step=segment.step,
        account_id=segment.account_id,
        seller_id=segment.seller_id,
        track=segment.track,
        owner=stage.owner,
        usually_minutes=figures.p50 or 0,
        latest_minutes=figures.p95 or 0,
        promised_minutes=domain.promised_minutes(stage, hours),
        durations=figures.n,
    )
    told.since.FromDatetime(since)
    return told


def told_segment(tenant: str, told: events_pb2.JourneyStepSlow) -> Segment:
    """Whose steps were told of."""
    return domain.segments(
        tenant, told.kind, told.step, account_id=told.account_id, seller_id=told.seller_id, track=told.track
    )[0]


def account_journey(
    found: Mapping[Segment, Figures], account_id: str, agreed: Agreed, hours: OpeningHours
) -> Sequence[service_pb2.AccountStep]:
    """An account's steps beside everybody's, to show; what was agreed with it goes before our table."""
    return [
        service_pb2.AccountStep(
            own=_duration(pace.kind, pace.step, pace.own, hours, agreed),
            everybodys=_duration(pace.kind, pace.step, pace.everybodys, hours),
            is_longer=pace.lost > 0,
            costs_most=pace.costs_most,
        )
        for pace in domain.paces(found, account_id)
    ]


def promises(
    found: Mapping[Segment, Figures],
    kept: Mapping[tuple[str, str], Kept],
    slow: Sequence[Slow],
    hours: OpeningHours,
    since: date,
) -> service_pb2.GetPromisesResponse:
    """What became of what was promised, to show."""
    by_step = {(segment.kind, segment.step): figures for segment, figures in found.items()}
    return service_pb2.GetPromisesResponse(
        steps=[
            service_pb2.PromisedStep(
                duration=_duration(kind, code, by_step.get((kind, code), NOTHING), hours),
                kept=kept.get((kind, code), Kept()).kept,
                missed=kept.get((kind, code), Kept()).missed,
            )
            for kind, code in domain.PATH
            if (kind, code) in by_step or (kind, code) in kept
        ],
        slow=map(_slow, slow, [hours] * len(slow)),
        day_minutes=hours.day // domain.MINUTE,
        since=since.isoformat(),
        target_percent=domain.TARGET_PERCENT,
    )


def _slow(slow: Slow, hours: OpeningHours) -> service_pb2.SlowStep:
    segment = slow.segment
    shown = service_pb2.SlowStep(
        duration=_duration(segment.kind, segment.step, slow.figures, hours),
        account_id=segment.account_id,
        seller_id=segment.seller_id,
        track=segment.track,
    )
    shown.since.FromDatetime(slow.since)
    return shown


def _duration(
    kind: str, code: str, figures: Figures, hours: OpeningHours, agreed: Agreed = AGREED_NOTHING
) -> service_pb2.StepDuration:
    level = agreed.of(kind, code)
    stage = next((stage for stage in STAGES[kind] if stage.code == code), None)
    return service_pb2.StepDuration(
        kind=kind,
        code=code,
        owner=stage.owner if stage is not None else BUYER,
        ended=figures.n,
        usually_minutes=figures.p50 or 0,
        latest_minutes=figures.p95 or 0,
        promised_minutes=level.days * (hours.day // domain.MINUTE)
        if level is not None
        else domain.promised_minutes(stage, hours)
        if stage is not None
        else 0,
    )


def late(journey: Journey, now: Moment) -> list[service_pb2.Late]:
    """What is late of something, to show; nothing where the version before this one did it meanwhile."""
    if (missed := journey.missed(now)) is None:
        return []
    stage, since = missed
    shown = service_pb2.Late(
        about=journey.about,
        account_id=journey.account_id,
        name=journey.name,
        code=stage.code,
        owner=stage.owner,
    )
    shown.since.FromDatetime(since)
    return [shown]


def level(said: events_pb2.ServiceLevel) -> Level:
    """What was agreed of a step; refuses a remedy that is none."""
    try:
        remedy = Remedy(said.remedy)
    except ValueError:
        raise Invalid("service_level.remedy", f"nothing follows by that name: {quoted(said.remedy)}") from None
    return Level(said.kind, said.step, said.days, remedy, money(said.amount) if said.HasField("amount") else None)


def levels_set(account_id: str, agreed: Agreed) -> events_pb2.ServiceLevelsSet:
    """What is agreed with an account, to tell."""
    return events_pb2.ServiceLevelsSet(
        account_id=account_id, version=agreed.version, levels=map(level_message, agreed.levels)
    )


def level_message(level: Level) -> events_pb2.ServiceLevel:
    """What was agreed of a step, to tell and to show."""
    said = events_pb2.ServiceLevel(kind=level.kind, step=level.step, days=level.days, remedy=level.remedy.value)
    if level.amount is not None:
        said.amount.CopyFrom(money_message(level.amount))
    return said
