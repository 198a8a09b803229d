"""Remembers what was agreed with buyers of how long steps take, and proposes what follows when it is missed."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from receivables.notifications.v1 import events_pb2

from services.chassis import outbox
from services.chassis.columns import within
from services.chassis.database import Question, Tx
from services.chassis.envelope import Event, Origin, new_traceparent
from services.chassis.outbox import Announcement
from services.kernel.money import Money
from services.kernel.opening_hours import OpeningHours
from services.notifications import wire_durations
from services.notifications.domain import service_levels as domain
from services.notifications.domain.durations import MINUTE, Ended
from services.notifications.domain.matrix import Kind
from services.notifications.domain.service_levels import Agreed, Level, Remedy
from services.notifications.domain.stories import Affects, Moment, Story, deadline
from services.notifications.store import Key


async def agreed(tx: Tx, accounts: Collection[Key]) -> dict[Key, Agreed]:
    """What was agreed with these accounts, as far as anything was."""
    return found(await tx.rows(*question(accounts)))


def question(accounts: Collection[Key]) -> Question:
    """What asks the same, for who asks something else in the same trip."""
    return (
        """SELECT DISTINCT ON (tenant, account_id) tenant, account_id, version, levels FROM service_level
            WHERE tenant = ANY (%s::text[]) AND account_id = ANY (%s::text[])
            ORDER BY tenant, account_id, version DESC""",
        within(accounts),
    )


def found(rows: Sequence[Any]) -> dict[Key, Agreed]:
    """What was answered to that."""
    return {(row.tenant, row.account_id): Agreed(row.version, tuple(map(_level, row.levels))) for row in rows}


async def set_levels(tx: Tx, call: Origin, account_id: str, levels: Sequence[Level]) -> Agreed:
    """From now on this is agreed with an account, and nothing else; the same again is no new version."""
    checked = domain.check(levels)
    await tx.run(
        "SELECT pg_advisory_xact_lock(hashtextextended('levels/' || %s || '/' || %s, 0))", [call.tenant, account_id]
    )
    key = (call.tenant, account_id)
    before = (await agreed(tx, [key])).get(key, domain.NOTHING)
    if before.levels == checked:
        return before
    after = Agreed(before.version + 1, checked)
    await _add(tx, key, after, call.actor)
    told = wire_durations.levels_set(account_id, after)
    await outbox.add(tx, [Announcement(call, account_id, f"levels/{account_id}", told)])
    return after


async def set_before(tx: Tx, event: Event[events_pb2.ServiceLevelsSet]) -> None:
    """Write what was agreed as it was told."""
    said = Agreed(event.body.version, tuple(map(wire_durations.level, event.body.levels)))
    await _add(tx, (event.tenant, event.body.account_id), said, event.origin.actor)


async def _add(tx: Tx, key: Key, said: Agreed, by: str) -> None:
    await tx.run(
        """INSERT INTO service_level (tenant, account_id, version, levels, set_by, set_at)
           VALUES (%s, %s, %s, %s::jsonb, %s, %s)""",
        [*key, said.version, json.dumps([_packed(level) for level in said.levels]), by, tx.at],
    )


def _packed(level: Level) -> Mapping[str, Any]:
    said = {"kind": level.kind, "step": level.step, "days": level.days, "remedy": level.remedy.value}
    amount = {"minor": level.amount.minor, "currency": level.amount.currency} if level.amount else {}
    return said | amount


def _level(said: Mapping[str, Any]) -> Level:
    amount = Money(said["minor"], said["currency"]) if "minor" in said else None
    return Level(said["kind"], said["step"], said["days"], Remedy(said["remedy"]), amount)


def missed(one: Ended, level: Level, minutes: int, hours: OpeningHours, now: Moment) -> Story:
    """That a step took longer than was agreed: SALES is asked to give what follows, with the evidence."""
    kind = Kind.SERVICE_LEVEL_MISSED
    called = one.name or one.about.partition("/")[2]
    order, dispute = (called if one.kind == what else "" for what in ("order", "dispute"))
    day = hours.day // MINUTE
    return Story(
        kind=kind,
        tenant=one.tenant,
        fact=f"service_level/{one.about}/{one.step}/{one.ended_at.isoformat()}",
        event_type=kind.value,
        about=one.about,
        account_id=one.account_id,
        affects=Affects(amount=level.amount, orders=(order,) if order else (), case=dispute),
        by_when=deadline(kind, now),
        next_update_at=deadline(kind, now),
        told_on=now.today,
        details={
            "order": order,
            "dispute": dispute,
            "step": one.step,
            "took_days": f"{-(-minutes // day)}",
            "agreed_days": f"{level.days}",
            "since": now.day_of(one.began_at),
            "until": now.day_of(one.ended_at),
            "credit": level.amount or "",
        },
        traceparent=new_traceparent(),
    )
