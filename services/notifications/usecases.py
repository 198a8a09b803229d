"""What notifications does: tells each fact once to whoever is concerned, and copes with what comes back."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf.message import Message as Body
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin, new_traceparent
from services.chassis.ids import new_id
from services.chassis.outbox import Announcement
from services.notifications import store, wire
from services.notifications.domain import delivery, routing
from services.notifications.domain.contacts import Contact
from services.notifications.domain.delivery import Answer, Handed
from services.notifications.domain.matrix import Kind, Weight
from services.notifications.domain.messages import Message
from services.notifications.domain.roles import BUYER_ROLES, Role
from services.notifications.domain.routing import House, Recipient, Route
from services.notifications.domain.stories import WHOLE_COMPANY, Detail, Moment, Story, deadline
from services.notifications.settings import Settings
from services.notifications.store import CaseFile, Key, Mail, MailKey, NewMessage
from services.notifications.texts.compose import Case, Names, compose

# In one transaction: so many mails, and of digests what so many messages found waiting are part of.
MAILS_AT_ONCE = 200
MESSAGES_AT_ONCE = 5000


async def register_contact(tx: Tx, contact: Contact) -> None:
    """A person to tell, new or changed."""
    await store.save_contact(tx, contact)
    await store.close_vacancies(tx, contact)


async def know_buyers(
    tx: Tx, events: Sequence[Event[credit_pb2.BuyerRegistered] | Event[credit_pb2.BuyerChanged]]
) -> None:
    """Know how the buyers are called."""
    names = {(e.tenant, e.body.account_id): wire.clean(e.body.company.name) for e in events if e.body.company.name}
    await store.save_companies(tx, names)


async def know_sellers(tx: Tx, events: Sequence[Event[invoicing_pb2.SellerRegistered]]) -> None:
    """Know how the legal entities are called that we write for."""
    names = {(e.tenant, e.body.seller_id): wire.clean(e.body.company.name) for e in events if e.body.company.name}
    await store.save_sellers(tx, names)


async def know_orders(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
    """Nothing is told yet; which part of the company an order is for is remembered for its shipments.

    Most are for the whole company: there is nothing to remember, unless a version before it said otherwise.
    """
    scopes = {_order(e): wire.scope_of(e.body.scope) for e in events if e.body.HasField("scope") or e.body.version > 1}
    if scopes:
        await store.save_order_scopes(tx, scopes)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where messages are written: what all of them depend on."""

    # Where the business day ends.
    time_zone: str
    # Takes the replies to cases.
    reply_domain: str

    @classmethod
    def of(cls, settings: Settings) -> "Desk":
        """The desk as the settings describe it."""
        return cls(settings.time_zone, settings.reply_domain)

    def telling(
        self, stories: Mapping[type[Body], wire.StoryOf]
    ) -> Callable[[Tx, Sequence[Event[Any]]], Awaitable[None]]:
        """A handler that tells each event of a batch as the story that its type makes, if any."""

        async def handle(tx: Tx, events: Sequence[Event[Any]]) -> None:
            now = self._now(tx)
            told = [stories[type(event.body)](event, now) for event in events]
            await self.tell(tx, [story for story in told if story is not None])

        return handle

    async def tell_shipped(self, tx: Tx, events: Sequence[Event[orders_pb2.OrderShipped]]) -> None:
        """Goods are on their way, to the part of the company that ordered them."""
        scopes = await store.order_scopes(tx, {_order(e) for e in events})
        now = self._now(tx)
        told = [wire.shipped(e, now, scopes.get(_order(e), WHOLE_COMPANY)) for e in events]
        await self.tell(tx, told)

    async def tell_dispute_opened(self, tx: Tx, events: Sequence[Event[disputes_pb2.DisputeOpened]]) -> None:
        """An invoice is disputed; why is remembered for the questions that may follow."""
        await store.save_dispute_reasons(
            tx, {(e.tenant, e.body.dispute_id): wire.clean(e.body.reason_code) for e in events}
        )
        now = self._now(tx)
        await self.tell(tx, [wire.dispute_opened(e, now) for e in events])

    async def tell_dispute_moved(self, tx: Tx, events: Sequence[Event[disputes_pb2.DisputeMoved]]) -> None:
        """A case went on, as far as people need to hear."""
        reasons = await store.dispute_reasons(tx, {(e.tenant, e.body.dispute_id) for e in events})
        now = self._now(tx)
        told = [wire.dispute_moved(e, now, reasons.get((e.tenant, e.body.dispute_id), "")) for e in events]
        await self.tell(tx, [story for story in told if story is not None])

    async def tell(self, tx: Tx, told: Sequence[Story]) -> None:
        """Tell facts that were not told yet: one version of the case for everybody, each person once."""
        known = await store.known_facts(tx, {(s.tenant, s.fact) for s in told})
        stories = [s for key, s in {(s.tenant, s.fact): s for s in told}.items() if key not in known]
        if not stories:
            return
        people = await _people(tx, stories)
        routes = [_route(story, people) for story in stories]
        for story in await self._name_somebody(tx, stories, routes):
            stories.append(story)
            routes.append(_route(story, people))
        cases = await store.open_cases(tx, stories)
        await store.add_stories(tx, stories, cases)
        await self._write(
            tx, [(s, route.recipients, case) for s, route, case in zip(stories, routes, cases, strict=True)]
        )

    async def _name_somebody(self, tx: Tx, stories: Sequence[Story], routes: Sequence[Route]) -> list[Story]:
        """Ask, once, that somebody be named for a role that must act and that nobody holds."""
        causes: dict[tuple[str, str, Role], Story] = {}
        for story, found in zip(stories, routes, strict=True):
            for role in found.vacancies:
                causes.setdefault((story.tenant, story.account_id if role in BUYER_ROLES else "", role), story)
        if not causes:
            return []
        opened = await store.open_vacancies(tx, causes)
        return [
            self._task(tx, Kind.NAME_SOMEBODY, cause, f"buyer/{account_id}", {"role": role.value})
            if account_id
            else self._task(tx, Kind.NAME_COLLEAGUE, cause, f"role/{role}", {"role": role.value})
            for (tenant, account_id, role), cause in causes.items()
            if (tenant, account_id, role) in opened
        ]

    def _task(self, tx: Tx, kind: Kind, cause: Story, about: str, details: Mapping[str, Detail]) -> Story:
        """A story of our own, that comes of another, and a case of its own."""
        now = self._now(tx)
        by_when = deadline(kind, now.today)
        return Story(
            kind=kind,
            tenant=cause.tenant,
            fact=f"{kind}/{new_id()}",
            event_type=kind.value,
            about=about,
            account_id=cause.account_id,
            affects=cause.affects,
            by_when=by_when,
            next_update_at=by_when,
            told_on=now.today,
            scope=cause.scope,
            details=details,
        )

    async def _write(self, tx: Tx, told: Sequence[tuple[Story, Sequence[Recipient], CaseFile]]) -> None:
        if not any(recipients for _, recipients, _ in told):
            return
        companies = await store.company_names(tx, {(s.tenant, s.account_id) for s, _, _ in told})
        sellers = await store.seller_names(tx, {s.tenant for s, _, _ in told})
        digest_at = self._now(tx).digest_at()
        messages = []
        for story, recipients, file in told:
            names = Names(
                company=companies.get((story.tenant, story.account_id), wire.clean(story.account_id)),
                seller=str(story.details.get("seller") or sellers.get(story.tenant, story.tenant)),
            )
            case = Case(file.version, f"case+{file.token}@{self.reply_domain}")
            for recipient, message in zip(recipients, compose(story, recipients, names, case), strict=True):
                due_at = tx.at if recipient.at_once else digest_at
                messages.append(_row(story, recipient, names.seller, message, created_at=tx.at, due_at=due_at))
        await store.add_messages(tx, messages, _word())

    async def find(self, tx: Tx) -> int:
        """Have the digests made whose time has come, and what others left sent; return how many jobs it is."""
        word = _word()
        await store.have_sent(tx, await store.left_by_others(tx, MAILS_AT_ONCE), word)
        return await store.find_digests(tx, word)

    async def gather_digests(self, tx: Tx) -> bool:
        """Make a mail of what each of some persons heard until the end of the business day; is anybody left?"""
        made, too_late_for = await store.gather_digests(tx, MAILS_AT_ONCE, MESSAGES_AT_ONCE)
        for was_due_at in too_late_for:
            await store.postpone(tx, was_due_at, Moment(was_due_at, self.time_zone).digest_at())
        await store.have_sent(tx, made, _word())
        return bool(made or too_late_for)

    async def record(self, tx: Tx, results: Sequence[tuple[Mail, Handed]]) -> dict[MailKey, int]:
        """Write what came of mails that were handed over, and announce it; return what is to go again, in how long.

        That a mail was taken which only informs is not announced: who wants to know asks for the list.
        """
        judged = await self._judge(tx, results)
        ours = await store.finish(tx, judged)
        open_ = sorted(((m, h) for m, h in judged if m.mail_key in ours), key=lambda result: result[0].mail_key)
        for mail, handed in open_:
            if handed.answer is Answer.NEVER:
                await self._bounce(tx, mail, handed.code)
        await outbox.add(
            tx,
            [
                Announcement(_origin(row, "accepted"), row.account_id, f"message/{row.message_id}", wire.delivered(row))
                for mail, handed in open_
                if handed.answer is Answer.TAKEN
                for row in mail.messages
                if row.weight == Weight.ACT or row.document
            ],
        )
        return {m.mail_key: delivery.pause_s(m.attempts) for m, h in open_ if h.answer is Answer.NOT_NOW}

    async def _judge(self, tx: Tx, results: Sequence[tuple[Mail, Handed]]) -> list[tuple[Mail, Handed]]:
        """The same, but what an address refused that was corrected meanwhile is sent to the right one."""
        judged = [(mail, delivery.judged(handed, mail.attempts)) for mail, handed in results]
        refused = {(mail.tenant, mail.contact_id) for mail, handed in judged if handed.answer is Answer.NEVER}
        if not refused:
            return judged
        emails = await store.addresses(tx, refused)
        return [
            (mail, Handed(Answer.NOT_NOW))
            if handed.answer is Answer.NEVER and emails[(mail.tenant, mail.contact_id)] != mail.email
            else (mail, handed)
            for mail, handed in judged
        ]

    async def _bounce(self, tx: Tx, mail: Mail, smtp_code: int) -> None:
        """A dead address: send nothing more there, tell it, and tell others what was in the mail."""
        ended: list[MailKey] = [mail.mail_key]
        suspended = await store.suspend(tx, (mail.tenant, mail.contact_id))
        if suspended is not None:
            ended += await store.give_up(tx, (mail.tenant, mail.contact_id), smtp_code)
        rows = [row for found in (await store.messages_in(tx, ended)).values() for row in found]
        announcements = [
            Announcement(
                _origin(row, "bounced"), row.account_id, f"message/{row.message_id}", wire.bounced(row, smtp_code)
            )
            for row in rows
        ]
        stories = await self._tell_others(tx, {(row.tenant, row.fact): row.role for row in rows})
        if suspended is not None:
            announcements += await self._tell_unreachable(tx, suspended, stories[-1], rows[-1])
        await outbox.add(tx, announcements)

    async def _tell_others(self, tx: Tx, bounced: Mapping[Key, str]) -> list[Story]:
        """Route facts again, now without whoever is suspended, to who holds the same role or must act instead.

        Takes the facts with the role of whom they did not reach; returns the facts.
        """
        kept = await store.lock_stories(tx, bounced)
        told = await store.who_was_told(tx, bounced)
        people = await _people(tx, [story for story, _ in kept])
        await self._write(
            tx,
            [
                (
                    story,
                    [
                        recipient
                        for recipient in _route(story, people).recipients
                        if (story.tenant, story.fact, recipient.contact.contact_id) not in told
                        and (recipient.weight is Weight.ACT or recipient.role == bounced[(story.tenant, story.fact)])
                    ],
                    case,
                )
                for story, case in kept
            ],
        )
        return [story for story, _ in kept]

    async def _tell_unreachable(self, tx: Tx, contact: Contact, cause: Story, row: Any) -> list[Announcement]:
        """A contact is gone: its ACCOUNT_ADMIN and SALES hear it, and operators if some role is now without anybody."""
        kind = Kind.CONTACT_UNREACHABLE if contact.account_id else Kind.COLLEAGUE_UNREACHABLE
        subject = f"contact/{contact.contact_id}"
        roles = tuple(role.value for role in contact.roles)
        await self.tell(tx, [self._task(tx, kind, cause, subject, {"contact": contact.contact_id, "roles": roles})])
        house = (contact.tenant, contact.account_id)
        others = (await store.contacts_of(tx, {house}))[house]
        if not (vacant := routing.without_anybody(contact.roles, others)):
            return []
        event = wire.unreachable(contact.contact_id, cause.account_id, vacant)
        return [Announcement(_origin(row, "bounced"), cause.account_id, subject, event)]

    def _now(self, tx: Tx) -> Moment:
        return Moment(tx.at, self.time_zone)


def _order(event: Event[orders_pb2.OrderPlaced] | Event[orders_pb2.OrderShipped]) -> Key:
    return (event.tenant, wire.clean(event.body.order_id))


async def _people(tx: Tx, stories: Sequence[Story]) -> dict[Key, House]:
    """Who is there at the buyers' accounts that stories concern, and at their sellers'."""
    houses = {(s.tenant, account_id) for s in stories for account_id in (s.account_id, "")}
    return {key: House(contacts) for key, contacts in (await store.contacts_of(tx, houses)).items()}


def _route(story: Story, people: Mapping[Key, House]) -> Route:
    return routing.route(story, people[(story.tenant, story.account_id)], people[(story.tenant, "")])


def _word() -> Origin:
    """On whose word mails are sent; the tenant is theirs."""
    return Origin("", "system:send", "a mail is due", "", new_traceparent())


def _origin(row: Any, what: str) -> Origin:
    return Origin(row.tenant, "system:send", f"mail {what}", row.message_id, new_traceparent())


def _row(
    story: Story, recipient: Recipient, sender: str, message: Message, *, created_at: datetime, due_at: datetime
) -> NewMessage:
    action = message.what_you_need_to_do
    return NewMessage(
        tenant=story.tenant,
        message_id=new_id(),
        contact_id=recipient.contact.contact_id,
        fact=story.fact,
        account_id=story.account_id,
        event_type=story.event_type,
        about=story.about,
        case_version=message.case_version,
        role=recipient.role.value if recipient.role else "",
        weight=message.weight.value,
        language=message.language,
        sender=sender,
        subject=message.subject,
        what_happened=message.what_happened,
        affects=message.affects_text,
        what_we_do=message.what_we_do,
        action=action.text if action else "",
        action_link=action.link if action else "",
        owner=message.owner,
        by_when=message.by_when,
        next_update_at=message.next_update_at,
        track_url=message.track_url,
        why_you=message.why_you,
        document=story.document if recipient.with_document else "",
        told_on=story.told_on,
        created_at=created_at,
        due_at=due_at,
        mail_key=story.fact if recipient.at_once else None,
    )
