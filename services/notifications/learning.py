"""Folds steps that ended into what is learned of them, and tells whoever has a step that takes longer than is promised."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC
from functools import partial

from receivables.notifications.v1 import events_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin, new_traceparent
from services.chassis.jobs import Job
from services.chassis.outbox import Announcement
from services.chassis.workers import Batch, Done, Work
from services.kernel.opening_hours import OpeningHours
from services.notifications import durations, metrics, service_levels, store, wire_durations
from services.notifications.domain import durations as domain
from services.notifications.domain.durations import Ended, Figures, History, Segment, Took
from services.notifications.domain.journeys import Stage
from services.notifications.domain.matrix import Kind
from services.notifications.domain.roles import Role
from services.notifications.domain.sellers import Firm
from services.notifications.domain.service_levels import NOTHING as AGREED_NOTHING
from services.notifications.domain.service_levels import Agreed, Level, is_missed
from services.notifications.domain.stories import Affects, Moment, Story, deadline
from services.notifications.durations import DURATIONS
from services.notifications.store import Key
from services.notifications.usecases import Desk

_AT_ONCE = 2000  # steps that one job folds
ABOUT_MAX = 128  # characters of what a story is about


def work(desk: Desk) -> Work:
    """What is to be done of it."""
    return Work(DURATIONS, partial(fold, desk), find=durations.find_due, findable=durations.count_due)


async def fold(desk: Desk, batch: Batch) -> None:
    """Fold what ended of these tenants, some of it; what is left is found again."""
    for job in batch.jobs:
        async with batch.database.transaction([job.tenant]) as tx:
            waiting = await durations.waiting(tx, job.tenant, _AT_ONCE)
            firm = (await store.firms(tx, [job.tenant]))[job.tenant]
            levels = await service_levels.agreed(tx, {(job.tenant, one.account_id) for one in waiting.values()})
        new = _by_segment(waiting.values(), firm)
        missed = _missed(waiting.values(), levels, firm)
        async with batch.finishing([job]) as done:
            if done.jobs:
                await durations.remove(done.tx, job.tenant, waiting)
                await _fold(desk, done, job, firm, new)
                await durations.add_kept(done.tx, domain.kept_by_step(waiting.values()))
                now = firm.moment(done.tx.at)
                await desk.tell(done.tx, [service_levels.missed(*one, now) for one in missed])
        if done.jobs:
            metrics.promises_ended(waiting.values())


def _by_segment(ended: Iterable[Ended], firm: Firm) -> Mapping[Segment, list[Took]]:
    """How long each took, by all the segments that it is of."""
    found: defaultdict[Segment, list[Took]] = defaultdict(list)
    for one in ended:
        took = one.minutes(_hours(firm, one.seller_id)), one.ended_at.date().toordinal()
        for segment in one.segments:
            found[segment].append(took)
    return found


def _missed(
    ended: Iterable[Ended], levels: Mapping[Key, Agreed], firm: Firm
) -> list[tuple[Ended, Level, int, OpeningHours]]:
    """Which of these took longer than was agreed with their account, and how many business minutes."""
    found = []
    for one in ended:
        level = levels.get((one.tenant, one.account_id), AGREED_NOTHING).of(one.kind, one.step)
        if level is None:
            continue
        hours = _hours(firm, one.seller_id)
        minutes = one.minutes(hours)
        if is_missed(level, minutes, hours):
            found.append((one, level, minutes, hours))
    return found


def _hours(firm: Firm, seller_id: str) -> OpeningHours:
    seller = firm.seller(seller_id)
    return OpeningHours(seller.calendar, seller.opens_at, seller.closes_at)


async def _fold(desk: Desk, done: Done, job: Job, firm: Firm, new: Mapping[Segment, list[Took]]) -> None:
    tx = done.tx
    known = await durations.lock(tx, new)
    histories: dict[Segment, History] = {}
    slow: list[Segment] = []
    for segment, took in new.items():
        history = known.get(segment, History()).add(took, tx.at.date())
        if not domain.is_slow(segment, history.figures, _hours(firm, segment.seller_id)):
            history = replace(history, slow_since=None)
        elif history.slow_since is None:
            history = replace(history, slow_since=tx.at)
            slow.append(segment)
        histories[segment] = history
    await durations.save(tx, histories)
    now = firm.moment(tx.at)
    for segment in sorted(slow, key=lambda one: one.name):
        stage, hours = segment.stage, _hours(firm, segment.seller_id)
        assert stage is not None, "what is slow is a step with a level of service"
        figures = histories[segment].figures
        await desk.tell(tx, [slow_story(segment, stage, figures, hours, now)])
        origin = Origin(job.tenant, "system:clock", "steps ended", f"{segment.name} {tx.at}"[:128], new_traceparent())
        event = wire_durations.step_slow(segment, stage, figures, hours, tx.at)
        subject = f"step/{segment.kind}/{segment.step}"
        await outbox.add(tx, [Announcement(origin, segment.account_id or "steps", subject, event)])


def slow_story(segment: Segment, stage: Stage, figures: Figures, hours: OpeningHours, now: Moment) -> Story:
    """That a step takes longer, for one in twenty, than its level of service lets it: whose it is sees to it."""
    assert figures.latest is not None, "what is slow ended often enough"
    kind = Kind.JOURNEY_STEP_SLOW
    day = hours.day // domain.MINUTE
    return Story(
        kind=kind,
        tenant=segment.tenant,
        fact=f"slow/{segment.kind}/{segment.step}/{segment.name}/{now.at.isoformat()}",
        event_type=kind.value,
        about=f"step/{segment.kind}/{segment.step}/{segment.name}"[:ABOUT_MAX],
        account_id=segment.account_id,
        affects=Affects(new_orders=True),
        by_when=deadline(kind, now),
        next_update_at=deadline(kind, now),
        told_on=now.today,
        details={
            "step": segment.step,
            "account": segment.account_id,
            "track": segment.track,
            "usual_days": _days(figures.p50 or 0, day),
            "latest_days": _days(figures.latest, day),
            "promised_days": str(stage.days),
            "n": str(figures.n),
        },
        knower=Role(stage.owner),
        traceparent=new_traceparent(),
    )


def _days(minutes: int, day: int) -> str:
    """Business days, begun ones whole."""
    return str(-(-minutes // day))


async def slow_before(tx: Tx, event: Event[events_pb2.JourneyStepSlow]) -> None:
    """Note that whoever has a step was told that it takes long: they are not told of that again."""
    segment = wire_durations.told_segment(event.tenant, event.body)
    history = (await durations.lock(tx, {segment})).get(segment, History())
    await durations.save(tx, {segment: replace(history, slow_since=event.body.since.ToDatetime(UTC))})
