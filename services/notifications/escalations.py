"""Asks further where nobody does what was asked: one level a business day, each told who was asked before (RULES: escalation)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from receivables.notifications.v1 import events_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.outbox import Announcement
from services.notifications import asks, metrics, store
from services.notifications.domain import asks as domain
from services.notifications.domain import quotes
from services.notifications.domain.asks import Ask
from services.notifications.domain.contacts import Contact
from services.notifications.domain.matrix import Kind, Weight
from services.notifications.domain.roles import Role
from services.notifications.domain.routing import House, Recipient
from services.notifications.domain.stories import Moment, Story
from services.notifications.store import Key
from services.notifications.usecases import Desk


@dataclass(frozen=True, slots=True)
class Escalations:
    """Whoever asks further; what is asked is told at the desk."""

    desk: Desk

    async def by_clock(self, tx: Tx, accounts: Iterable[Key]) -> None:
        """Of these accounts ask further what is not done by now; what is done is asked no more."""
        for account in sorted(accounts):
            due = await asks.lock_due(tx, account)
            ended = await asks.done_of(tx, due)
            await asks.save(tx, [domain.done(ask, tx.at) for ask in due if ask.fact in ended])
            await self._ask_further(tx, account, [ask for ask in due if ask.fact not in ended])

    async def _ask_further(self, tx: Tx, account: Key, waiting: list[Ask]) -> None:
        if not waiting:
            return
        houses = [account, (account[0], "")]
        people = await store.contacts_of(tx, houses)
        now = (await store.firms(tx, [account[0]]))[account[0]].moment(tx.at)
        stand_ins = await asks.stand_ins(tx, account[0], {id_ for ask in waiting for id_ in ask.contact_ids}, now.today)
        stories = {s.fact: s for s, _ in await store.lock_stories(tx, {(ask.tenant, ask.fact) for ask in waiting})}
        busy: dict[Key, set[str]] = {}
        sellers = House(people[houses[1]])
        after: list[Ask] = []
        for ask in waiting:
            key = (ask.tenant, ask.about)
            if key not in busy:
                busy[key] = await asks.asked_today(tx, key, now.today)
            further, new = domain.go_on(ask, people[account], stand_ins, busy[key], now)
            busy[key] |= {one.contact_id for one in new}
            after.append(further)
            if new and (story := stories.get(ask.fact)) is not None:
                await self._tell(tx, ask, further, new, story=story, sellers=sellers, now=now)
        await asks.save(tx, after)

    async def _tell(
        self, tx: Tx, before: Ask, ask: Ask, new: list[Contact], *, story: Story, sellers: House, now: Moment
    ) -> None:
        told = escalated(before, ask, story, now)
        asked = [Recipient(one, Weight.ACT, domain.role_of(one, ask)) for one in new]
        informed = [Recipient(one, Weight.INFORM, Role.SALES) for one in sellers.holders(Role.SALES, story.scopes)]
        await self.desk.tell_these(tx, [(told, [*asked, *informed])])
        metrics.ESCALATED.labels(ask.level.name.lower()).inc()
        word = Origin(ask.tenant, "system:clock", "an ask is over", told.fact, new_traceparent())
        await outbox.add(tx, [Announcement(word, ask.account_id, f"ask/{ask.about}", announced(ask, new, now.today))])


def escalated(before: Ask, ask: Ask, story: Story, now: Moment) -> Story:
    """That what a story asked is not done, in the words in which it was asked; who was asked before is named by marks."""
    by_when = now.calendar.after(now.today, 1)
    return replace(
        story,
        kind=Kind.ASK_ESCALATED,
        fact=f"escalated/{story.fact}/{int(ask.level)}",
        event_type=Kind.ASK_ESCALATED.value,
        by_when=by_when,
        next_update_at=by_when,
        told_on=now.today,
        document="",
        details={
            **story.details,
            "asked_kind": story.kind.value,
            "asked_role": ask.role.value,
            "asked_by": story.by_when,
            "asked_since": min((one.on for one in before.asked), default=story.told_on),
            "before": tuple(quotes.name(one.contact_id) for one in before.asked),
            "last": "yes" if ask.next_at is None else "",
        },
        knower=None,
        traceparent=new_traceparent(),
    )


def announced(ask: Ask, new: Iterable[Contact], today: date) -> events_pb2.AskEscalated:
    """How far an ask has gone, to tell: ids only."""
    told = events_pb2.AskEscalated(
        account_id=ask.account_id,
        about=ask.about,
        fact=ask.fact,
        asked_for=ask.kind.value,
        role=ask.role.value,
        level=int(ask.level),
        contact_ids=[one.contact_id for one in new],
        asked_on=today.isoformat(),
    )
    if ask.next_at is not None:
        told.next_at.FromDatetime(ask.next_at)
    return told
