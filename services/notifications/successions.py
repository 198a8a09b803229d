"""Hands over what somebody who leaves had: roles, what they were asked, for whom they stand in; told once (RULES: succession)."""

from dataclasses import dataclass

from receivables.notifications.v1 import events_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin, new_traceparent
from services.chassis.outbox import Announcement
from services.kernel.refusals import NotFound, quoted
from services.notifications import asks, gaps, journeys, store, teams, wire
from services.notifications.domain import asks as asks_domain
from services.notifications.domain import quotes
from services.notifications.domain.asks import Ask
from services.notifications.domain.contacts import Contact
from services.notifications.domain.matrix import Kind, Weight
from services.notifications.domain.rights import Registrar
from services.notifications.domain.routing import Recipient
from services.notifications.domain.stories import Affects, Story, deadline
from services.notifications.domain.succession import succeed
from services.notifications.store import Key
from services.notifications.usecases import Desk


@dataclass(frozen=True, slots=True)
class Successions:
    """Whoever sees to it that what was somebody's is somebody else's."""

    desk: Desk

    async def succeed(
        self, tx: Tx, call: Origin, account: str, *, leaver_id: str, successor_id: str, by: Registrar | None
    ) -> int:
        """Hand over; return how many things are open that the leaver was asked. Said again, it changes nothing."""
        leaver = await _person(tx, call.tenant, account, leaver_id)
        successor = await _person(tx, call.tenant, account, successor_id)
        if not leaver.roles and leaver.successor == successor_id:
            return 0
        left, after = succeed(leaver, successor)
        if by is not None:
            by.check(leaver, left)
            by.check(successor, after)
        key = (call.tenant, leaver_id)
        await change(tx, left, after)
        async with tx.all_parts():
            open_asks = await self._hand_over(tx, left, after)
        async with tx.all_accounts():
            if not account:
                await teams.pass_on(tx, call, leaver_id, successor_id)
            await self.desk.withdraw(tx, key)
            await self._tell(tx, left, after, leaver, open_asks)
        await gaps.look(tx, (call.tenant, account), tx.at)
        told = events_pb2.ContactSucceeded(
            contact_id=leaver_id,
            account_id=account,
            successor_id=successor_id,
            roles=[role.value for role in leaver.roles],
        )
        await outbox.add(tx, [Announcement(call, account or "people", f"succession/{leaver_id}", told)])
        return len(open_asks)

    async def _hand_over(self, tx: Tx, left: Contact, after: Contact) -> list[Ask]:
        await store.close_vacancies(tx, after)
        account = (left.tenant, left.account_id)
        mine = [ask for ask in await asks.open_of(tx, account, lock=True) if left.contact_id in ask.contact_ids]
        today = (await store.firms(tx, [left.tenant]))[left.tenant].moment(tx.at).today
        await asks.save(tx, [asks_domain.handed_over(ask, left.contact_id, after.contact_id, today) for ask in mine])
        await asks.pass_on_stand_ins(tx, left.tenant, left.contact_id, after.contact_id)
        return mine

    async def _tell(self, tx: Tx, left: Contact, after: Contact, before: Contact, open_asks: list[Ask]) -> None:
        if not after.roles:
            return
        now = (await store.firms(tx, [left.tenant]))[left.tenant].moment(tx.at)
        known = await journeys.these(tx, {(ask.tenant, ask.about) for ask in open_asks})
        called = [
            journey.name if (journey := known.get((ask.tenant, ask.about))) and journey.name else _key_of(ask)
            for ask in open_asks
        ]
        by_when = deadline(Kind.HANDED_OVER, now)
        story = Story(
            kind=Kind.HANDED_OVER,
            tenant=left.tenant,
            fact=f"handed_over/{left.contact_id}/{after.contact_id}/{tx.at.isoformat()}",
            event_type=Kind.HANDED_OVER.value,
            about=f"contact/{left.contact_id}",
            account_id=left.account_id,
            affects=Affects(new_orders=True),
            by_when=by_when,
            next_update_at=now.today,
            told_on=now.today,
            details={
                "leaver": quotes.name(left.contact_id),
                "roles": tuple(role.value for role in before.roles),
                "count": str(len(open_asks)),
                "open": wire.some(list(dict.fromkeys(called))),
            },
            traceparent=new_traceparent(),
        )
        await self.desk.tell_these(tx, [(story, [Recipient(after, Weight.ACT, after.roles[0])])])


async def change(tx: Tx, left: Contact, after: Contact) -> None:
    """Keep both as they are after it."""
    await tx.run(
        """UPDATE contact SET roles = %s::text[], site = %s, cost_centre = %s, purchase_order = %s, wants_document = %s
            WHERE tenant = %s AND contact_id = %s AND erased_at IS NULL""",
        [
            [role.value for role in after.roles],
            after.scope.site,
            after.scope.cost_centre,
            after.scope.purchase_order,
            after.wants_document,
            after.tenant,
            after.contact_id,
        ],
    )
    await tx.run(
        """UPDATE contact SET roles = '{}', wants_document = false, successor = %s
            WHERE tenant = %s AND contact_id = %s AND erased_at IS NULL""",
        [after.contact_id, left.tenant, left.contact_id],
    )


async def succeeded_before(tx: Tx, event: Event[events_pb2.ContactSucceeded]) -> None:
    """Hand over in this copy, if it has both as they were."""
    leaver, _ = await store.find_contact(tx, (event.tenant, event.body.contact_id))
    successor, _ = await store.find_contact(tx, (event.tenant, event.body.successor_id))
    if leaver is not None and successor is not None and leaver.roles and not successor.suspended:
        await change(tx, *succeed(leaver, successor))


async def _person(tx: Tx, tenant: str, account_id: str, contact_id: str) -> Contact:
    key: Key = (tenant, contact_id)
    known = await store.addresses(tx, [key])  # of those whom the caller may change
    person, _ = await store.find_contact(tx, key)
    if not known or person is None or person.account_id != account_id:
        raise NotFound("contact.unknown", f"no contact {quoted(contact_id)}")
    return person


def _key_of(ask: Ask) -> str:
    return ask.about.partition("/")[2]
