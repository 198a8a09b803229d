"""Looks at each account's people, and tells whom it misses before it matters (RULES: gaps)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from receivables.notifications.v1 import events_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.ids import new_id
from services.chassis.outbox import Announcement
from services.notifications import first_steps, gaps, store, teams
from services.notifications.domain import first_steps as steps
from services.notifications.domain import gaps as domain
from services.notifications.domain.gaps import Gap, What
from services.notifications.domain.matrix import Kind
from services.notifications.domain.stories import Affects, Detail, Moment, Story, deadline
from services.notifications.store import Key
from services.notifications.usecases import LOOKED_AT, Desk

_EVERY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Missing:
    """Whoever looks at people; what is missing is told at the desk."""

    desk: Desk

    async def by_clock(self, tx: Tx, accounts: Iterable[Key]) -> None:
        """Look at these accounts' people: what is missing from now on is told once, what was is not any more."""
        for account in sorted(accounts):
            now = (await store.firms(tx, [account[0]]))[account[0]].moment(tx.at)
            known = await gaps.open_gaps(tx, account, lock=True)
            found = await self._found(tx, account)
            opened, closed = found - known.keys(), known.keys() - found
            await gaps.save(tx, account, opened, closed, tx.at)
            await self._announce(tx, account, opened, {gap: known[gap] for gap in closed})
            await self._tell(tx, account, opened, now)
            await gaps.looked(tx, account, _morning(tx.at + _EVERY, now))

    async def people_changed(self, tx: Tx, account: Key) -> None:
        """Somebody was registered, or changed: what is filled by that is missed no more; what is missing, by morning."""
        if not account[1]:
            return
        async with tx.all_parts():
            known = await gaps.open_gaps(tx, account)
            if known:
                closed = known.keys() - await self._found(tx, account)
                await gaps.save(tx, account, [], closed, tx.at)
                await self._announce(tx, account, [], {gap: known[gap] for gap in closed})
            now = (await store.firms(tx, [account[0]]))[account[0]].moment(tx.at)
            await gaps.look(tx, account, _next_morning(now))

    async def _found(self, tx: Tx, account: Key) -> set[Gap]:
        people = (await store.contacts_of(tx, [account]))[account]
        team = (await teams.teams_of(tx, [account])).get(account)
        owned = (team is not None and bool(team.owner)) or not await gaps.is_new(tx, account)
        return domain.gaps(people, await gaps.heard_of(tx, account), tx.at, owned=owned)

    async def _announce(self, tx: Tx, account: Key, opened: Collection[Gap], closed: Mapping[Gap, datetime]) -> None:
        told = [(gap, tx.at, False) for gap in sorted(opened)] + [(gap, closed[gap], True) for gap in sorted(closed)]
        word = Origin(account[0], "system:clock", "people are looked at", new_id(), new_traceparent())
        await outbox.add(
            tx,
            [
                Announcement(word, account[1], f"gap/{account[1]}", announced(account[1], gap, since, filled=filled))
                for gap, since, filled in told
            ],
        )

    async def _tell(self, tx: Tx, account: Key, opened: Collection[Gap], now: Moment) -> None:
        """Ask that somebody be named; a company that is led on is asked by its first steps, and not twice."""
        if Gap(What.OWNER) in opened:
            await self.desk.tell(tx, [story(account, Kind.OWNER_MISSING, now, {})])
        asked = await gaps.asked_for(tx, account)
        roles = tuple(
            role.value for role in domain.WANTED if Gap(What.ROLE, role.value) in opened and role.value not in asked
        )
        led, _ = await first_steps.FirstSteps(self.desk).shown(tx, account)
        if any(step.code is steps.Code.COLLEAGUES and step.state is not steps.State.DONE for step in led):
            return
        if roles:
            await self.desk.tell(tx, [story(account, Kind.ROLES_MISSING, now, {"vacant": roles})])
        if Gap(What.SINGLE_CONTACT) in opened:
            await self.desk.tell(tx, [story(account, Kind.SINGLE_CONTACT, now, {})])


def story(account: Key, kind: Kind, now: Moment, details: Mapping[str, Detail]) -> Story:
    """That somebody is missing."""
    by_when = deadline(kind, now)
    return Story(
        kind=kind,
        tenant=account[0],
        fact=f"{kind}/{new_id()}",
        event_type=kind.value,
        about=f"buyer/{account[1]}",
        account_id=account[1],
        affects=Affects(new_orders=True),
        by_when=by_when,
        next_update_at=by_when,
        told_on=now.today,
        details=details,
        traceparent=new_traceparent(),
    )


def announced(account_id: str, gap: Gap, since: datetime, *, filled: bool) -> events_pb2.ContactGap:
    """A gap, to tell."""
    told = events_pb2.ContactGap(account_id=account_id, what=gap.what.value, who=gap.who, filled=filled)
    told.since.FromDatetime(since)
    return told


def _morning(at: datetime, now: Moment) -> datetime:
    return now.calendar.instant(now.day_of(at), LOOKED_AT)


def _next_morning(now: Moment) -> datetime:
    return now.calendar.instant(now.calendar.after(now.today, 1), LOOKED_AT)
