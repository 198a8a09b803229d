"""What notifications does: tells each fact once to whoever is concerned, and copes with what comes back."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from google.protobuf.message import Message as Body
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.notifications.v1 import events_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services import retention
from services.chassis import jobs, outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin, new_traceparent
from services.chassis.ids import new_id
from services.chassis.jobs import Job
from services.chassis.outbox import Announcement
from services.chassis.pages import Page
from services.kernel.orders import Scope
from services.kernel.refusals import Conflict, Invalid, NotFound, quoted
from services.kernel.retention import Record
from services.notifications import declining, durations, gaps, journeys, questions, store, teams, undelivered, wire
from services.notifications.asks import add as remember_asks
from services.notifications.asks import forget_outdated as forget_asks
from services.notifications.domain import asks, delivery, quotes, rights, routing, threads
from services.notifications.domain.contacts import LANGUAGES, Contact, mailbox
from services.notifications.domain.delivery import Answer, Handed, State
from services.notifications.domain.journeys import Journey, Step
from services.notifications.domain.matrix import Kind, Weight
from services.notifications.domain.messages import Message
from services.notifications.domain.post import Became, Reply, Report, claim
from services.notifications.domain.preferences import USUAL, Pace, Preferences
from services.notifications.domain.rights import Registrar
from services.notifications.domain.roles import BUYER_ROLES, Role
from services.notifications.domain.routing import House, Post, Recipient, Route
from services.notifications.domain.sellers import Firm, Policy
from services.notifications.domain.stories import WHOLE_COMPANY, Affects, Detail, Moment, Story, deadline
from services.notifications.domain.teams import Face
from services.notifications.news import FOLLOWED, news_of
from services.notifications.post import forget_outdated as forget_post
from services.notifications.settings import Settings
from services.notifications.store import CaseFile, Key, Mail, MailKey, NewMessage
from services.notifications.texts.compose import Case, Names, compose
from services.notifications.threads import add_message, add_unverified, heard_of, reader_of
from services.notifications.threads import forget_outdated as forget_threads

# In one transaction: so many mails, and of digests what so many messages found waiting are part of.
MAILS_AT_ONCE = 200
MESSAGES_AT_ONCE = 5000
POST_AT_ONCE = 500  # mails that are forgotten
ANEW_MAX = 100  # documents that go to a corrected address; no more are looked at (undelivered.py)

LOOKED_AT = time(8)  # at a new account's people, where the seller is
SOON = timedelta(minutes=5)  # until an account is looked at whose mail comes back: often more of it does

# A mail that goes by itself.
_UNDER_WAY = {State.QUEUED, State.SENT, State.SOFT_BOUNCED}

Firms = Mapping[str, Firm]  # by tenant


async def register_contact(tx: Tx, contact: Contact, by: Registrar | None = None) -> None:
    """A person to tell, new or changed; what was to reach their old address with somebody else's mail goes by itself.

    Who was suspended is mailed the documents that reached nobody. `by`: who registers them; None where that is believed.
    """
    key = (contact.tenant, contact.contact_id)
    before = (await store.addresses(tx, [key])).get(key)
    if before == "":
        raise Conflict(
            "contact.erased", f"contact {quoted(contact.contact_id)} was forgotten: the id means nobody any more"
        )
    known, _ = await store.find_contact(tx, key)
    if known is None:
        contact.check_new()
    if by is not None:
        by.check(known, contact)
    await _keep_administered(tx, known, contact)
    missed = []
    if known is not None and known.suspended:
        missed = await undelivered.page_of(tx, contact.tenant, Page(ANEW_MAX), contact_id=contact.contact_id)
    await store.save_contact(tx, contact)
    await store.close_vacancies(tx, contact)
    if before is not None and mailbox(before) != mailbox(contact.email):
        async with tx.all_accounts():  # somebody of another company may have had the same address
            await store.have_sent(tx, await store.let_go(tx, key), _word())
    for row in missed:
        await undelivered.mail_anew(tx, row, row.document, replace(_word(), tenant=contact.tenant))


async def _keep_administered(tx: Tx, before: Contact | None, after: Contact | None) -> None:
    """Refuse to take away the last one who administers an account; two who leave at once go one after the other."""
    if before is None or not rights.administers_less(before, after):
        return
    house = (before.tenant, before.account_id)
    await store.lock_house(tx, house)
    async with tx.all_parts():
        others = (await store.contacts_of(tx, {house}))[house]
    rights.check_still_administered(before, others)


async def change_contact(
    tx: Tx,
    key: Key,
    language: str,
    *,
    wants_document: bool,
    preferences: Preferences | None = None,
    declined: bool | None = None,
    by: Registrar | None = None,
) -> None:
    """What a person may change of itself; preferences, and whether mail that only informs is declined, stay where they are None."""
    if language not in LANGUAGES:
        raise Invalid("contact.language_unknown", f"we write in {', '.join(LANGUAGES)}")
    known, _ = await store.find_contact(tx, key)
    if known is None:
        raise NotFound("contact.unknown", f"no contact {quoted(key[1])}")
    if by is not None:
        by.check_change(known)
    await store.change_contact(
        tx, key, language, wants_document=wants_document, preferences=preferences or known.preferences
    )
    if declined is not None and declined != known.declined:
        await declining.decline(tx, known, declined=declined)


async def erase(tx: Tx, call: Origin, contact_id: str) -> None:
    """Forget a person: at once who it was, and after that whatever they were told; said again as often as it is asked."""
    key = (call.tenant, contact_id)
    if not await store.addresses(tx, [key]):
        raise NotFound("contact.unknown", f"no contact {quoted(contact_id)}")
    account_id = await store.account_of(tx, key)
    known, _ = await store.find_contact(tx, key)
    await _keep_administered(tx, known, None)
    await store.erase_contact(tx, key, account_id)
    await gaps.look(tx, (call.tenant, account_id), tx.at + SOON)
    await forget_later(tx, key)
    erased = events_pb2.ContactErased(contact_id=contact_id, account_id=account_id)
    await outbox.add(tx, [Announcement(call, account_id or "people", f"contact/{contact_id}", erased)])


async def forget_later(tx: Tx, contact: Key) -> None:
    """Have the words forgotten of all that a contact was told."""
    await jobs.add(tx, [Job(store.FORGET, f"contact/{contact[1]}", replace(_word(), tenant=contact[0]))])


async def forget_outdated(tx: Tx, tenant: str) -> int:
    """Remove messages whose time is over, and how far what they were about was."""
    before = await retention.first_day(tx, tenant, Record.MESSAGE)
    told = await store.forget_outdated(tx, tenant, before, MESSAGES_AT_ONCE)
    threads_of = await forget_threads(tx, tenant, before, MESSAGES_AT_ONCE)
    came = await forget_post(tx, tenant, POST_AT_ONCE) + await forget_asks(tx, tenant, before, MESSAGES_AT_ONCE)
    learned = await durations.forget_outdated(tx, tenant, MESSAGES_AT_ONCE)
    asked = await questions.forget_outdated(tx, tenant, before, MESSAGES_AT_ONCE)
    return (
        told
        + threads_of
        + came
        + learned
        + asked
        + await journeys.forget_outdated(tx, tenant, before, MESSAGES_AT_ONCE)
    )


async def find_at_risk(tx: Tx) -> int:
    """Have those warned whose promises are at risk by now; return how many jobs it is."""
    return await journeys.find_at_risk(tx, _word())


async def find_erased(tx: Tx) -> int:
    """Have those forgotten once more who were told something while they were erased; return how many."""
    return await store.find_erased(tx, _word())


async def set_policy(tx: Tx, call: Origin, digest_at: time) -> Policy:
    """Tell the tenant's people at that time from now on; what waits already goes when it was to go."""
    await store.lock_policy(tx, call.tenant)
    firm = (await store.firms(tx, [call.tenant]))[call.tenant]
    policy = Policy(firm.policy.version + 1, digest_at)
    await store.add_policy(tx, call.tenant, policy, call.actor)
    changed = events_pb2.PolicyChanged(version=policy.version, policy=wire.policy_message(policy))
    await outbox.add(tx, [Announcement(call, "policy", "policy/notifications", changed)])
    return policy


async def know_buyers(
    tx: Tx, events: Sequence[Event[credit_pb2.BuyerRegistered] | Event[credit_pb2.BuyerChanged]]
) -> None:
    """Know how the buyers are called."""
    names = {(e.tenant, e.body.account_id): wire.clean(e.body.company.name) for e in events if e.body.company.name}
    await store.save_companies(tx, names)
    opened = [event for event in events if isinstance(event.body, credit_pb2.BuyerRegistered)]
    if not opened:
        return
    when = await _when(tx, opened)
    for event in opened:
        now = when(event)
        morning = now.calendar.instant(now.calendar.after(now.today, 1), LOOKED_AT)
        await gaps.watch(tx, [(event.tenant, event.body.account_id)], morning)


async def know_sellers(tx: Tx, events: Sequence[Event[invoicing_pb2.SellerRegistered]]) -> None:
    """Know how the legal entities are called that we write for."""
    told = [wire.registered(event) for event in events if event.body.company.name]
    await store.save_sellers(tx, {(seller.tenant, seller.seller_id): seller for seller in told})


async def change_sellers(tx: Tx, events: Sequence[Event[invoicing_pb2.SellerChanged]]) -> None:
    """Know their clocks, holidays and language too."""
    told = sorted(map(wire.seller, events), key=lambda seller: seller.version)
    await store.save_sellers(tx, {(seller.tenant, seller.seller_id): seller for seller in told})
    await retention.know_countries(tx, events)


async def know_orders(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
    """Nothing is told yet; which part of the company an order is for is remembered for its shipments.

    Most are for the whole company: there is nothing to remember, unless a version before it said otherwise.
    """
    scopes = {_order(e): wire.scope_of(e.body.scope) for e in events if e.body.HasField("scope") or e.body.version > 1}
    if scopes:
        await store.save_order_scopes(tx, scopes)
    await take_on(tx, events)


async def take_on(tx: Tx, events: Sequence[Event[Any]]) -> None:
    """Nothing is told; how far something is is another than before."""
    if any(map(news_of, events)):
        await journeys.follow(tx, events, await _when(tx, events))


@dataclass(frozen=True, slots=True)
class Desk:
    """Where messages are written: what all of them depend on."""

    # Takes the replies to cases.
    reply_domain: str

    @classmethod
    def of(cls, settings: Settings) -> "Desk":
        """The desk as the settings describe it."""
        return cls(settings.reply_domain)

    def telling(
        self, stories: Mapping[type[Body], wire.StoryOf]
    ) -> Callable[[Tx, Sequence[Event[Any]]], Awaitable[None]]:
        """A handler that tells each event of a batch as the story that its type makes, if any."""

        async def handle(tx: Tx, events: Sequence[Event[Any]]) -> None:
            when = await _when(tx, events)
            told = [stories[type(event.body)](event, when(event)) for event in events]
            await self.tell(tx, [story for story in told if story is not None])
            await journeys.follow(tx, [event for event in events if type(event.body) in FOLLOWED], when)

        return handle

    async def tell_shipped(self, tx: Tx, events: Sequence[Event[orders_pb2.OrderShipped]]) -> None:
        """Goods are on their way, to the part of the company that ordered them."""
        scopes = await store.order_scopes(tx, {_order(e) for e in events})
        when = await _when(tx, events)
        told = [wire.shipped(e, when(e), scopes.get(_order(e), WHOLE_COMPANY)) for e in events]
        await self.tell(tx, told)
        await journeys.follow(tx, events, when)

    async def tell_dispute_opened(self, tx: Tx, events: Sequence[Event[disputes_pb2.DisputeOpened]]) -> None:
        """An invoice is disputed; why, and how the case is called, is remembered for what may follow.

        Of a case that is answered at once the answer is told, and nobody is asked for one.
        """
        await store.save_disputes(
            tx, {_case(e): (wire.clean(e.body.reason_code), wire.clean(e.body.number)) for e in events}
        )
        await _heard(tx, events)
        await questions.know_openers(tx, events)
        when = await _when(tx, events)
        told = [
            story(e, when(e))
            for e in events
            if not e.body.answered_at_once
            for story in (wire.dispute_opened, wire.dispute_legal)
        ]
        await self.tell(tx, [story for story in told if story is not None])
        await journeys.follow(tx, events, when)
        # Who disputes an invoice has answered for now: whoever is reminded of it would be told two stories.
        await journeys.close_asks(tx, {(e.tenant, f"invoice/{wire.clean(e.body.invoice_id)}") for e in events})

    async def tell_dispute_moved(self, tx: Tx, events: Sequence[Event[disputes_pb2.DisputeMoved]]) -> None:
        """A case went on, as far as people need to hear."""
        known = await store.disputes(tx, {_case(e) for e in events})
        named = {_case(e): ("", wire.clean(e.body.number)) for e in events if e.body.number}
        if new := {case: names for case, names in named.items() if not known.get(case, ("", ""))[1]}:
            await store.save_disputes(tx, new)
        await _heard(tx, events)
        await questions.know_moves(tx, events)
        when = await _when(tx, events)
        told = [wire.dispute_moved(e, when(e), known.get(_case(e), ("", ""))[0]) for e in events]
        await self.tell(tx, [story for story in told if story is not None])
        await journeys.follow(tx, events, when)

    async def tell_dispute_changed(self, tx: Tx, events: Sequence[Event[disputes_pb2.DisputeChanged]]) -> None:
        """A case is another than before: nobody hears of it, its reason and its promise are known."""
        await store.recode_disputes(
            tx,
            {_case(e): (wire.clean(e.body.reason_code), wire.clean(e.body.number)) for e in events},
        )
        await journeys.follow(tx, events, await _when(tx, events))

    async def tell_dispute_late(self, tx: Tx, events: Sequence[Event[disputes_pb2.DisputeLate]]) -> None:
        """A promise was missed: the buyer's people hear when it is kept, the seller's that it was not."""
        when = await _when(tx, events)
        await self.tell(tx, [story for e in events for story in wire.dispute_late(e, when(e))])
        await journeys.follow(tx, events, when)

    async def tell_dispute_resolved(self, tx: Tx, events: Sequence[Event[disputes_pb2.DisputeResolved]]) -> None:
        """A case ended; whoever opened it can be asked again."""
        await questions.know_ends(tx, events)
        await self.telling({disputes_pb2.DisputeResolved: wire.dispute_resolved})(tx, events)

    async def tell_credit_refused(self, tx: Tx, events: Sequence[Event[invoicing_pb2.CreditNoteRefused]]) -> None:
        """A case ended in a credit that cannot be issued."""
        known = await store.disputes(tx, {_case(e) for e in events})
        when = await _when(tx, events)
        await self.tell(tx, [wire.credit_refused(e, when(e), known.get(_case(e), ("", ""))[1]) for e in events])

    async def tell_applied(self, tx: Tx, events: Sequence[Event[ledger_pb2.CashApplied]]) -> None:
        """More of a payment met invoices after it was told: who hears of their part of the company hears of it now."""
        met: dict[Key, dict[Scope, None]] = {}
        for event in events:
            if event.body.later:
                fact = (event.tenant, wire.payment_fact(event.body.payment_id))
                met.setdefault(fact, {})[wire.scope_of(event.body.scope)] = None
        if not met:
            return
        kept = [
            (replace(story, scopes=scopes), case)
            for story, case in await store.lock_stories(tx, met)
            if (scopes := tuple(scope for scope in met[(story.tenant, story.fact)] if scope not in story.scopes))
        ]
        if kept:
            await self._tell_again(tx, kept, lambda _story, _recipient: True)

    async def tell_written(self, tx: Tx, journey: Journey, row: Any) -> None:
        """Somebody wrote about something: the other side hears of it, and whoever is mentioned."""
        async with tx.all_accounts():
            firm = (await store.firms(tx, [journey.tenant]))[journey.tenant]
            story = written(journey, row, firm.moment(tx.at, journey.seller_id))
            houses = [(journey.tenant, journey.account_id), (journey.tenant, "")]
            people = await store.contacts_of(tx, houses)
            recipients = threads.readers(
                row.author,
                story.knower or Role.SALES,
                journey.scope,
                buyer=people[houses[0]],
                seller=people[houses[1]],
                heard=await heard_of(tx, (journey.tenant, journey.about)),
                mentioned=row.mentions,
                kind=journey.kind,
            )
            await self.tell_to(tx, story, recipients)

    async def tell_to(self, tx: Tx, story: Story, recipients: Sequence[Recipient]) -> None:
        """Tell a fact that nobody was told yet to these alone, whoever else has their roles."""
        firms = await store.firms(tx, [story.tenant])
        await self._keep(tx, firms, [(story, recipients)])

    async def send_again(self, tx: Tx, call: Origin, message_id: str, contact_id: str) -> str:
        """Mail a message's document, to whom it was for or to another of that buyer; return by which message.

        What is on its way already goes as it is.
        """
        row = await undelivered.lock_message(tx, (call.tenant, message_id))
        if row is None:
            raise NotFound("message.unknown", f"no message {quoted(message_id)}")
        [(story, case)] = await store.lock_stories(tx, [(row.tenant, row.fact)])
        if not story.document:
            raise Invalid("message.no_document", "no invoice or credit note belongs to this message")
        reader = await _reader(tx, story, contact_id or row.contact_id)
        known = await undelivered.message_to(tx, (row.tenant, reader.contact_id), row.fact)
        if known is None:
            firms = await store.firms(tx, [row.tenant])
            await self._write(tx, firms, [(story, [Recipient(reader, Weight.INFORM, None, with_document=True)], case)])
            return str(await undelivered.message_to(tx, (row.tenant, reader.contact_id), row.fact))
        own = row if known == message_id else await undelivered.lock_message(tx, (row.tenant, known))
        assert own is not None, "a person's message of a fact is there"
        if own.state not in _UNDER_WAY:
            await undelivered.mail_anew(tx, own, story.document, replace(_word(), tenant=row.tenant))
        return known

    async def warn(self, tx: Tx, keys: Collection[Key]) -> None:
        """Tell of promises that are at risk by now, each once, to who can still keep it and to who waits for it."""
        known = await journeys.these(tx, keys)
        firms = await store.firms(tx, {tenant for tenant, _ in known})
        when = {key: firms[key[0]].moment(tx.at, journey.seller_id) for key, journey in known.items()}
        risks = {key: journey.at_risk(when[key]) for key, journey in known.items()}
        await self.tell(tx, [at_risk(known[key], step, when[key]) for key, steps in risks.items() for step in steps])
        # Only now, as those do who follow events: first the case, then how far it is.
        locked = await journeys.lock(tx, known)
        codes = {key: [step.stage.code for step in steps] for key, steps in risks.items()}
        await journeys.save(tx, [(journey.warned(*codes[key]), when[key]) for key, journey in locked.items()])

    async def tell(self, tx: Tx, told: Sequence[Story]) -> None:
        """Tell facts that were not told yet: one version of the case for everybody, each person once."""
        known = await store.known_facts(tx, {(s.tenant, s.fact) for s in told})
        stories = [s for key, s in {(s.tenant, s.fact): s for s in told}.items() if key not in known]
        if not stories:
            return
        people = await _people(tx, stories)
        firms = await store.firms(tx, {story.tenant for story in stories})
        routes = [_route(story, people) for story in stories]
        for story in await self._name_somebody(tx, stories, routes, firms):
            stories.append(story)
            routes.append(_route(story, people))
        heard = [(story, found.recipients) for story, found in zip(stories, routes, strict=True)]
        await self._keep(tx, firms, heard)
        begun = [asks.begin(story, who, firms[story.tenant].moment(tx.at)) for story, who in heard]
        await remember_asks(tx, [ask for ask in begun if ask is not None])

    async def tell_these(self, tx: Tx, told: Sequence[tuple[Story, Sequence[Recipient]]]) -> None:
        """Tell new facts to whom they are for, whatever the matrix says of others."""
        await self._keep(tx, await store.firms(tx, {story.tenant for story, _ in told}), told)

    async def _keep(self, tx: Tx, firms: Firms, told: Sequence[tuple[Story, Sequence[Recipient]]]) -> None:
        stories = [story for story, _ in told]
        cases = await store.open_cases(tx, stories)
        await store.add_stories(tx, stories, cases)
        await self._write(tx, firms, [(story, who, case) for (story, who), case in zip(told, cases, strict=True)])

    async def _name_somebody(
        self, tx: Tx, stories: Sequence[Story], routes: Sequence[Route], firms: Firms
    ) -> list[Story]:
        """Ask, once, that somebody be named for a role that must act and that nobody holds."""
        causes: dict[tuple[str, str, Role], Story] = {}
        for story, found in zip(stories, routes, strict=True):
            for role in found.vacancies:
                causes.setdefault((story.tenant, story.account_id if role in BUYER_ROLES else "", role), story)
        if not causes:
            return []
        opened = await store.open_vacancies(tx, causes)
        return [
            _task(firms[tenant].moment(tx.at), Kind.NAME_SOMEBODY, cause, f"buyer/{account_id}", {"role": role.value})
            if account_id
            else _task(firms[tenant].moment(tx.at), Kind.NAME_COLLEAGUE, cause, f"role/{role}", {"role": role.value})
            for (tenant, account_id, role), cause in causes.items()
            if (tenant, account_id, role) in opened
        ]

    async def _write(self, tx: Tx, firms: Firms, told: Sequence[tuple[Story, Sequence[Recipient], CaseFile]]) -> None:
        if not any(recipients for _, recipients, _ in told):
            return
        companies, owned = await store.companies(tx, {(s.tenant, s.account_id) for s, _, _ in told})
        now = {tenant: firm.moment(tx.at) for tenant, firm in firms.items()}
        digest_at = {tenant: moment.digest_at() for tenant, moment in now.items()}
        answering: dict[Key, Face] = {}
        for tenant in sorted({tenant for tenant, _ in owned}):
            mine = {key: team for key, team in owned.items() if key[0] == tenant}
            answering |= await teams.faces(tx, mine, now[tenant].today)
        messages = []
        for story, recipients, file in told:
            names = Names(
                company=companies.get((story.tenant, story.account_id), wire.clean(story.account_id)),
                seller=str(story.details.get("seller") or firms[story.tenant].seller().name or story.tenant),
                face=answering.get((story.tenant, story.account_id)),
            )
            case = Case(file.version, f"case+{file.token}@{self.reply_domain}")
            posts = routing.posted([routing.paced(who, story.about, now[story.tenant]) for who in recipients])
            for post, message in zip(
                posts, compose(story, [post.recipient for post in posts], names, case), strict=True
            ):
                due_at = tx.at if post.at_once else digest_at[story.tenant]
                if not post.at_once and post.recipient.contact.preferences is not USUAL:
                    due_at = routing.due_at(post.recipient, story.about, now[story.tenant])
                messages.append(row_of(story, post, names.seller, message, created_at=tx.at, due_at=due_at))
        await store.add_messages(tx, messages, _word())

    async def find(self, tx: Tx) -> int:
        """Have the digests made whose time has come, and what others left sent; return how many jobs it is."""
        word = _word()
        await store.have_sent(tx, await store.left_by_others(tx, MAILS_AT_ONCE), word)
        return await store.find_digests(tx, word)

    async def gather_digests(self, tx: Tx, tenant: str) -> bool:
        """Make a mail of what each of some persons heard until the end of the business day; is anybody left?"""
        made, too_late_for = await store.gather_digests(tx, MAILS_AT_ONCE, MESSAGES_AT_ONCE)
        firm = (await store.firms(tx, [tenant]))[tenant] if too_late_for else Firm()
        people = await store.these_contacts(tx, tenant, {contact_id for contact_id, _ in too_late_for})
        later: dict[tuple[datetime, datetime], list[str]] = {}
        for contact_id, was_due_at in too_late_for:
            due_at = people[contact_id].preferences.digest_at(firm.moment(was_due_at))
            later.setdefault((was_due_at, due_at), []).append(contact_id)
        for (was_due_at, due_at), contact_ids in later.items():
            await store.postpone(tx, contact_ids, was_due_at, due_at)
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
                Announcement(
                    _origin(row, "accepted", mail), row.account_id, f"message/{row.message_id}", wire.delivered(row)
                )
                for mail, handed in open_
                if handed.answer is Answer.TAKEN
                for row in (*mail.messages, *mail.carried)
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
        """A dead address: send nothing more there, tell it of all who have it, and tell others what was in the mail."""
        ended = set(mail.all_keys)
        gone = []
        for contact in sorted(await store.at_the_same_address(tx, [(mail.tenant, mail.contact_id)])):
            if (suspended := await store.suspend(tx, contact)) is not None:
                gone.append(suspended)
                await gaps.look(tx, (suspended.tenant, suspended.account_id), tx.at + SOON)
                ended |= set(await store.give_up(tx, contact, smtp_code))
        rows = [row for found in (await store.messages_in(tx, ended)).values() for row in found]
        rows.sort(key=lambda row: row.message_id)
        announcements = [
            Announcement(
                _origin(row, "bounced", mail), row.account_id, f"message/{row.message_id}", wire.bounced(row, smtp_code)
            )
            for row in rows
        ]
        roles: dict[Key, set[str]] = {}
        for row in rows:
            roles.setdefault((row.tenant, row.fact), set()).add(row.role)
        stories = await self._tell_others(tx, roles)
        for suspended in gone if rows else ():
            announcements += await self._tell_unreachable(tx, suspended, stories[-1], rows[-1], mail)
        await outbox.add(tx, announcements)

    async def receive_reply(self, tx: Tx, tenant: str, about: str, reply: Reply, *, must_vouch: bool) -> Became:
        """A reply came by mail: it is its writer's word, or what the seller's people read as nobody's."""
        if reply.automatic:
            return Became.AUTOMATIC
        if not reply.text:
            return Became.EMPTY
        journey = (await journeys.these(tx, [(tenant, about)])).get((tenant, about))
        if journey is None:
            return Became.NOTHING
        people = await store.contacts_at(tx, tenant, reply.sender) if reply.sender else []
        whose = claim(reply, journey, people, must_vouch=must_vouch)
        if whose.proven:
            row = await add_message(tx, journey, whose.author, reply.text, mail=reply)
            await gaps.heard(tx, tenant, _contacts([whose.author]))
            await self.tell_written(tx, journey, row)
            return Became.ENTERED
        row = await add_unverified(tx, journey, reply, whose.author)
        await self._tell_unverified(tx, journey, row)
        return Became.UNVERIFIED

    async def _tell_unverified(self, tx: Tx, journey: Journey, row: Any) -> None:
        """The seller's people whose it is hear that there is a mail of nobody's."""
        firm = (await store.firms(tx, [journey.tenant]))[journey.tenant]
        story = unverified(journey, row, firm.moment(tx.at, journey.seller_id))
        people = (await store.contacts_of(tx, [(journey.tenant, "")]))[(journey.tenant, "")]
        recipients = threads.keepers(story.knower or Role.SALES, journey.scope, people)
        await self._keep(tx, {journey.tenant: firm}, [(story, recipients)])

    async def receive_report(self, tx: Tx, key: MailKey, report: Report) -> Became | None:
        """A report came of a mail of ours; None: it is still under way, and its time is to come."""
        mail, under_way = await store.taken(tx, key)
        if mail is None:
            return None if under_way else Became.NOTHING
        if report.complaint:
            await self._complain(tx, mail)
            return Became.COMPLAINED
        if not (code := report.refused(mail.email)):
            return Became.NOTHING
        await store.came_back(tx, mail, code)
        await self._bounce(tx, mail, code)
        return Became.BOUNCED

    async def _complain(self, tx: Tx, mail: Mail) -> None:
        """Somebody called a mail unwanted: what only informs goes no more to whoever has the address, and SALES hears it."""
        cause = await store.lock_stories(tx, {(row.tenant, row.fact) for row in mail.messages})
        for contact in sorted(await store.at_the_same_address(tx, [(mail.tenant, mail.contact_id)])):
            if (person := await store.complain(tx, contact)) is None:
                continue
            await store.withdraw_waiting(tx, contact)
            if not cause:
                continue
            firm = (await store.firms(tx, [person.tenant]))[person.tenant]
            roles = tuple(role.value for role in person.roles)
            details: dict[str, Detail] = {"contact": person.contact_id, "roles": roles}
            kind, about = Kind.CONTACT_COMPLAINED, f"contact/{person.contact_id}"
            await self.tell(tx, [_task(firm.moment(tx.at), kind, cause[-1][0], about, details)])

    async def withdraw(self, tx: Tx, contact: Key) -> None:
        """Tell whoever else must know what waits for somebody who is erased; what travels with theirs goes by itself."""
        roles: dict[Key, set[str]] = {}
        for row in await store.withdraw(tx, contact):
            roles.setdefault((row.tenant, row.fact), set()).add(row.role)
        await store.have_sent(tx, await store.let_go(tx, contact), _word())
        await self._tell_others(tx, roles)

    async def _tell_others(self, tx: Tx, bounced: Mapping[Key, Collection[str]]) -> list[Story]:
        """Route facts again, now without whoever is suspended, to who holds the same role or must act instead.

        Takes the facts with the roles of those whom they did not reach; returns the facts.
        """
        kept = await store.lock_stories(tx, bounced)
        await self._tell_again(
            tx,
            kept,
            lambda story, who: who.weight is Weight.ACT or who.role in bounced[(story.tenant, story.fact)],
        )
        return [story for story, _ in kept]

    async def _tell_again(
        self, tx: Tx, kept: Sequence[tuple[Story, CaseFile]], hears: Callable[[Story, Recipient], bool]
    ) -> None:
        """Tell facts to whoever hears of them and was not told yet."""
        told = await store.who_was_told(tx, {(story.tenant, story.fact) for story, _ in kept})
        people = await _people(tx, [story for story, _ in kept])
        await self._write(
            tx,
            await store.firms(tx, {story.tenant for story, _ in kept}),
            [
                (
                    story,
                    [
                        recipient
                        for recipient in _route(story, people).recipients
                        if (story.tenant, story.fact, recipient.contact.contact_id) not in told
                        and hears(story, recipient)
                    ],
                    case,
                )
                for story, case in kept
            ],
        )

    async def _tell_unreachable(
        self, tx: Tx, contact: Contact, cause: Story, row: Any, mail: Mail
    ) -> list[Announcement]:
        """A contact is gone: its ACCOUNT_ADMIN and SALES hear it, and operators if some role is now without anybody."""
        kind = Kind.CONTACT_UNREACHABLE if contact.account_id else Kind.COLLEAGUE_UNREACHABLE
        subject = f"contact/{contact.contact_id}"
        roles = tuple(role.value for role in contact.roles)
        firm = (await store.firms(tx, [contact.tenant]))[contact.tenant]
        details: dict[str, Detail] = {"contact": contact.contact_id, "roles": roles}
        await self.tell(tx, [_task(firm.moment(tx.at), kind, cause, subject, details)])
        house = (contact.tenant, contact.account_id)
        others = (await store.contacts_of(tx, {house}))[house]
        if not (vacant := routing.without_anybody(contact.roles, others)):
            return []
        event = wire.unreachable(contact.contact_id, cause.account_id, vacant)
        return [Announcement(_origin(row, "bounced", mail), cause.account_id, subject, event)]


async def _reader(tx: Tx, story: Story, contact_id: str) -> Contact:
    """Whom a story's document is mailed to; refuses who may not hear of it, and who would not get it."""
    reader, _ = await store.find_contact(tx, (story.tenant, contact_id))
    if reader is None:
        raise NotFound("contact.unknown", f"no contact {quoted(contact_id)}")
    if reader.account_id != story.account_id or not any(map(reader.hears_of, story.scopes)):
        raise Invalid("contact.not_theirs", "the document is another company's, or of another part of it")
    if reader.suspended:
        raise Conflict("contact.suspended", "mail to this address came back: correct it first")
    return reader


async def warned_before(tx: Tx, key: Key) -> None:
    """Note that a mail is out which warned of what was at risk by then: nobody is warned of that again."""
    journey = (await journeys.lock(tx, {key})).get(key)
    if journey is None:
        return
    now = (await store.firms(tx, {key[0]}))[key[0]].moment(tx.at, journey.seller_id)
    codes = [step.stage.code for step in journey.at_risk(now)]
    await journeys.save(tx, [(journey.warned(*codes), now)])


def at_risk(journey: Journey, step: Step, now: Moment) -> Story:
    """That a day which was promised may not be kept."""
    by = step.leg.promised
    assert by is not None, "what is at risk is promised"
    code = step.stage.code
    kind = Kind.APPLICATION_AT_RISK if journey.kind == "application" else Kind.JOURNEY_AT_RISK
    story = _of_journey(kind, journey, now, by, {"step": code})
    return replace(story, fact=f"at_risk/{journey.about}/{code}/{by}", knower=Role(step.stage.owner))


def written(journey: Journey, row: Any, now: Moment) -> Story:
    """That somebody wrote about something; what, is quoted."""
    details = {
        "by_buyer": "yes" if threads.writes_for_buyer(row.author) else "",
        "quote": quotes.mark(quotes.THREAD, row.nth),
    }
    story = _of_journey(Kind.THREAD_MESSAGE, journey, now, deadline(Kind.THREAD_MESSAGE, now), details)
    return replace(story, fact=f"thread/{journey.about}/{row.nth}", knower=threads.OWNERS[journey.kind])


def unverified(journey: Journey, row: Any, now: Moment) -> Story:
    """That a mail of nobody's came about something; what it says stands in the notes alone."""
    by = deadline(Kind.MAIL_UNVERIFIED, now)
    story = _of_journey(Kind.MAIL_UNVERIFIED, journey, now, by, {})
    return replace(story, fact=f"note/{journey.about}/{row.nth}", knower=threads.OWNERS[journey.kind])


def _of_journey(kind: Kind, journey: Journey, now: Moment, by: date, details: Mapping[str, Detail]) -> Story:
    """A story of our own, in the case of what it is about; whoever tells it says which fact it is, and whose."""
    called = journey.name or journey.about.partition("/")[2]
    names = {what: called if journey.kind == what else "" for what in threads.OWNERS}
    return Story(
        kind=kind,
        tenant=journey.tenant,
        fact="",
        event_type=kind.value,
        about=journey.about,
        account_id=journey.account_id,
        affects=Affects(
            orders=(names["order"],) if names["order"] else (),
            invoices=(names["invoice"],) if names["invoice"] else (),
            case=names["dispute"] or names["payment"],
            new_orders=bool(names["application"] or names["onboarding"]),
        ),
        by_when=by,
        next_update_at=by,
        told_on=now.today,
        scopes=(journey.scope,),
        details={**names, **details},
        traceparent=new_traceparent(),
    )


async def _when(tx: Tx, events: Sequence[Event[Any]]) -> Callable[[Event[Any]], Moment]:
    """What each event's "today" and "the end of the business day" are: where the legal entity is that it names."""
    firms = await store.firms(tx, {event.tenant for event in events})
    return lambda event: firms[event.tenant].moment(tx.at, getattr(event.body, "seller_id", ""))


def _task(now: Moment, kind: Kind, cause: Story, about: str, details: Mapping[str, Detail]) -> Story:
    """A story of our own, that comes of another, and a case of its own."""
    by_when = deadline(kind, now)
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
        scopes=cause.scopes,
        details=details,
        traceparent=cause.traceparent,
    )


async def heard_from(tx: Tx, tenant: str, actor: str) -> None:
    """Somebody was heard of, if it is one of a buyer's people."""
    await gaps.heard(tx, tenant, _contacts([actor]))


async def _heard(tx: Tx, events: Sequence[Event[Any]]) -> None:
    """Whoever of the buyers' people did these was heard of."""
    by_tenant: dict[str, set[str]] = {}
    for event in events:
        by_tenant.setdefault(event.tenant, set()).update(_contacts([event.origin.actor]))
    for tenant, contact_ids in sorted(by_tenant.items()):
        await gaps.heard(tx, tenant, contact_ids)


def _contacts(actors: Iterable[str]) -> set[str]:
    """The buyers' people among those who did something, whoever they stood in for."""
    readers = map(reader_of, actors)
    return {reader.partition(":")[2] for reader in readers if threads.writes_for_buyer(reader)}


def _case(
    event: Event[disputes_pb2.DisputeOpened]
    | Event[disputes_pb2.DisputeMoved]
    | Event[disputes_pb2.DisputeChanged]
    | Event[invoicing_pb2.CreditNoteRefused],
) -> Key:
    return (event.tenant, event.body.dispute_id)


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


def _origin(row: Any, what: str, mail: Mail) -> Origin:
    return Origin(row.tenant, "system:send", f"mail {what}", row.message_id, mail.traceparent)


def row_of(
    story: Story, post: Post, sender: str, message: Message, *, created_at: datetime, due_at: datetime
) -> NewMessage:
    """A message as it is kept, and mailed."""
    action = message.what_you_need_to_do
    recipient = post.recipient
    preferences = recipient.contact.preferences
    unwanted = not recipient.contact.wants_news or preferences.pace(story.about) is Pace.NOTHING
    silent = unwanted and not post.at_once
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
        document=story.document if post.with_document else "",
        told_on=story.told_on,
        created_at=created_at,
        due_at=due_at,
        mail_key=story.fact if post.at_once or silent else None,
        carrier=post.carrier,
        traceparent=story.traceparent,
        silent=silent,
    )
