"""The gRPC door of notifications."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from receivables.notifications.v1 import service_pb2, service_pb2_grpc

from services.chassis import identity
from services.chassis.consumer import Consumer
from services.chassis.database import Database, Tx
from services.chassis.envelope import Origin
from services.chassis.pages import page
from services.chassis.rpc import Door, read, visit, write
from services.kernel.refusals import NotFound, quoted
from services.notifications import (
    asks,
    durations,
    feedback,
    first_steps,
    journeys,
    links,
    notices,
    people,
    service_levels,
    store,
    teams,
    threads,
    undelivered,
    usecases,
    wire,
    wire_durations,
    wire_people,
)
from services.notifications.domain.durations import MINUTE, SLOW_MAX, counted_since
from services.notifications.domain.first_steps import Step as FirstStep
from services.notifications.domain.journeys import Journey
from services.notifications.domain.service_levels import NOTHING
from services.notifications.domain.teams import Team
from services.notifications.domain.threads import hidden_from, is_for
from services.notifications.first_steps import FirstSteps
from services.notifications.missing import Missing
from services.notifications.quotes import Quotes
from services.notifications.successions import Successions
from services.notifications.usecases import Desk


class NotificationsService(Door, service_pb2_grpc.NotificationsServiceServicer):
    """Translates and delegates."""

    def __init__(self, database: Database, consumer: Consumer, desk: Desk, quotes: Quotes) -> None:
        super().__init__(database, consumer)
        self._desk = desk
        self._first_steps = FirstSteps(desk)
        self._missing = Missing(desk)
        self._successions = Successions(desk)
        self._quotes = quotes

    @write
    async def RegisterContact(
        self, tx: Tx, call: Origin, request: service_pb2.RegisterContactRequest
    ) -> service_pb2.RegisterContactResponse:
        """A person to tell, new or changed."""
        firm = (await store.firms(tx, [call.tenant]))[call.tenant]
        contact = wire.contact(call.tenant, request, firm.seller().language)
        await usecases.register_contact(tx, contact, wire.registrar(call.caller))
        await self._first_steps.people_changed(tx, (call.tenant, contact.account_id))
        await self._missing.people_changed(tx, (call.tenant, contact.account_id))
        return service_pb2.RegisterContactResponse()

    @visit
    async def ExportContact(
        self, call: Origin, request: service_pb2.ExportContactRequest
    ) -> service_pb2.ExportContactResponse:
        """Everything that is known of a person, their messages a page at a time."""
        asked = page(request, str)
        async with self.serve(call) as tx:
            person, is_known = await store.find_contact(tx, (call.tenant, request.contact_id))
            if not is_known:
                raise NotFound("contact.unknown", f"no contact {quoted(request.contact_id)}")
            rows = await store.list_messages(
                tx, call.tenant, asked, account_id="", contact_id=request.contact_id, about=""
            )
            said = await feedback.of_contact(tx, (call.tenant, request.contact_id)) if asked.after is None else {}
        return service_pb2.ExportContactResponse(
            content=wire.exported(person, await self._quotes.fill_if_at_hand(rows), request.contact_id, said),
            next_page_token=asked.next_token(rows, lambda row: (row.message_id,)),
        )

    @write
    async def EraseContact(
        self, tx: Tx, call: Origin, request: service_pb2.EraseContactRequest
    ) -> service_pb2.EraseContactResponse:
        """Forget a person."""
        await usecases.erase(tx, call, request.contact_id)
        return service_pb2.EraseContactResponse()

    @read
    async def ListContacts(
        self, tx: Tx, call: Origin, request: service_pb2.ListContactsRequest
    ) -> service_pb2.ListContactsResponse:
        """The people of an account, or of the seller, a page at a time."""
        asked = page(request, str)
        found = await store.list_contacts(tx, (call.tenant, request.account_id), asked)
        return service_pb2.ListContactsResponse(
            contacts=[wire.contact_message(person) for person in found],
            next_page_token=asked.next_token(found, lambda person: (person.contact_id,)),
        )

    @read
    async def FindContacts(
        self, tx: Tx, call: Origin, request: service_pb2.FindContactsRequest
    ) -> service_pb2.FindContactsResponse:
        """Who has an address of mail."""
        found = await links.by_address(tx, call.tenant, request.email)
        return service_pb2.FindContactsResponse(contacts=[wire.contact_message(person) for person in found])

    @read
    async def GetContact(
        self, tx: Tx, call: Origin, request: service_pb2.GetContactRequest
    ) -> service_pb2.GetContactResponse:
        """One person."""
        return service_pb2.GetContactResponse(contact=await self._contact(tx, call, request.contact_id))

    @write
    async def ChangeContact(
        self, tx: Tx, call: Origin, request: service_pb2.ChangeContactRequest
    ) -> service_pb2.ChangeContactResponse:
        """What a person may change of itself."""
        await usecases.change_contact(
            tx,
            (call.tenant, request.contact_id),
            request.language,
            wants_document=request.wants_document,
            preferences=wire.chosen(request.preferences) if request.HasField("preferences") else None,
            declined=request.declined if request.HasField("declined") else None,
            by=wire.registrar(call.caller),
        )
        return service_pb2.ChangeContactResponse(contact=await self._contact(tx, call, request.contact_id))

    @write
    async def SendLink(
        self, tx: Tx, call: Origin, request: service_pb2.SendLinkRequest
    ) -> service_pb2.SendLinkResponse:
        """Mail somebody a link by which the portal lets them in."""
        await links.send_later(tx, call, request)
        return service_pb2.SendLinkResponse()

    @write
    async def SendNotice(
        self, tx: Tx, call: Origin, request: service_pb2.SendNoticeRequest
    ) -> service_pb2.SendNoticeResponse:
        """Mail somebody what happened in the portal that concerns them."""
        await notices.send_later(tx, call, request)
        return service_pb2.SendNoticeResponse()

    @staticmethod
    async def _contact(tx: Tx, call: Origin, contact_id: str) -> service_pb2.Contact:
        person, _ = await store.find_contact(tx, (call.tenant, contact_id))
        if person is None:
            raise NotFound("contact.unknown", f"no contact {quoted(contact_id)}")
        return wire.contact_message(person)

    @read
    async def GetTimeline(
        self, tx: Tx, call: Origin, request: service_pb2.GetTimelineRequest
    ) -> service_pb2.GetTimelineResponse:
        """How far an order, an invoice, a case or an application is."""
        journey = await self._journey(tx, call, request.about)
        firm = (await store.firms(tx, [call.tenant]))[call.tenant]
        now = firm.moment(tx.at, journey.seller_id)
        return service_pb2.GetTimelineResponse(timeline=wire.timeline(journey, now))

    @read
    async def ListThread(
        self, tx: Tx, call: Origin, request: service_pb2.ListThreadRequest
    ) -> service_pb2.ListThreadResponse:
        """What buyer and seller wrote about something, oldest first, a page at a time."""
        asked = page(request, int)
        journey = await self._journey(tx, call, request.about)
        rows = await threads.messages(tx, (call.tenant, journey.about), asked)
        names = await self._names(tx, call, journey, rows)
        reader = threads.reader_of(call.actor)
        return service_pb2.ListThreadResponse(
            messages=[wire.thread_message(row, names[row.author]) for row in rows],
            next_page_token=asked.next_token(rows, lambda row: (row.nth,)),
            seen=await threads.seen(tx, journey, reader),
            mentionable=map(wire.mentionable, await threads.mentionable(tx, journey, reader)),
        )

    @write
    async def AddMessage(
        self, tx: Tx, call: Origin, request: service_pb2.AddMessageRequest
    ) -> service_pb2.AddMessageResponse:
        """Write to the other side about something."""
        journey = await self._journey(tx, call, request.about)
        await threads.check_mentions(tx, journey, request.mentions)
        author = wire.author(call, request.written_by)
        row = await threads.add_message(tx, journey, author, request.text, request.mentions)
        await usecases.heard_from(tx, call.tenant, author)
        await self._desk.tell_written(tx, journey, row)
        names = await self._names(tx, call, journey, [row])
        return service_pb2.AddMessageResponse(message=wire.thread_message(row, names[row.author]))

    @read
    async def ListNotes(
        self, tx: Tx, call: Origin, request: service_pb2.ListNotesRequest
    ) -> service_pb2.ListNotesResponse:
        """What the seller's people noted about something, oldest first, a page at a time."""
        asked = page(request, int)
        journey = await self._journey(tx, call, request.about)
        rows = await threads.notes(tx, (call.tenant, journey.about), asked)
        return service_pb2.ListNotesResponse(
            notes=map(wire.note, rows), next_page_token=asked.next_token(rows, lambda row: (row.nth,))
        )

    @write
    async def AddNote(self, tx: Tx, call: Origin, request: service_pb2.AddNoteRequest) -> service_pb2.AddNoteResponse:
        """Note something for the seller's own people."""
        journey = await self._journey(tx, call, request.about)
        row = await threads.add_note(tx, journey, call.actor, request.text)
        return service_pb2.AddNoteResponse(note=wire.note(row))

    @read
    async def ListUnread(
        self, tx: Tx, call: Origin, request: service_pb2.ListUnreadRequest
    ) -> service_pb2.ListUnreadResponse:
        """Threads with something that the caller has not seen, the newest first, a page at a time."""
        asked = page(request, datetime.fromisoformat, str)
        reader = threads.reader_of(call.actor)
        hidden = hidden_from(call.caller.roles) if call.caller else ()
        rows = await threads.unread(tx, call.tenant, reader, request.account_id, asked, hidden=hidden)
        return service_pb2.ListUnreadResponse(
            threads=map(wire.unread, rows),
            next_page_token=asked.next_token(rows, lambda row: (row.last_at.isoformat(), row.about)),
        )

    @write
    async def MarkRead(
        self, tx: Tx, call: Origin, request: service_pb2.MarkReadRequest
    ) -> service_pb2.MarkReadResponse:
        """The caller has seen a thread, up to a message."""
        journey = await self._journey(tx, call, request.about)
        await threads.mark_read(tx, journey, threads.reader_of(call.actor), request.nth)
        await usecases.heard_from(tx, call.tenant, call.actor)
        return service_pb2.MarkReadResponse()

    @staticmethod
    async def _journey(tx: Tx, call: Origin, about: str) -> Journey:
        """What somebody asks of; what is said about it may be for fewer than see it (RULES: threads)."""
        journey = await journeys.find(tx, call.tenant, about)
        caller = call.caller
        if caller is not None and caller.kind != identity.SERVICE and not is_for(journey.kind, caller.roles):
            raise NotFound("subject.unknown", f"nothing is known of {quoted(about)}")
        return journey

    @staticmethod
    async def _names(tx: Tx, call: Origin, journey: Journey, rows: Sequence[Any]) -> dict[str, str]:
        firm = (await store.firms(tx, [call.tenant]))[call.tenant]
        return await threads.names_of(tx, call, rows, firm.seller(journey.seller_id).name)

    @visit
    async def ListMessages(
        self, call: Origin, request: service_pb2.ListMessagesRequest
    ) -> service_pb2.ListMessagesResponse:
        """What was told to whom, newest first, a page at a time."""
        asked = page(request, str)
        async with self.serve(call) as tx:
            rows = await store.list_messages(
                tx,
                call.tenant,
                asked,
                account_id=request.account_id,
                contact_id=request.contact_id,
                about=request.about,
            )
        return service_pb2.ListMessagesResponse(
            messages=[wire.message(row) for row in await self._quotes.fill_if_at_hand(rows)],
            next_page_token=asked.next_token(rows, lambda row: (row.message_id,)),
        )

    @read
    async def ListUndelivered(
        self, tx: Tx, call: Origin, request: service_pb2.ListUndeliveredRequest
    ) -> service_pb2.ListUndeliveredResponse:
        """Invoices and credit notes that reached nobody, a page at a time."""
        asked = page(request, datetime.fromisoformat, str, str)
        rows = await undelivered.page_of(tx, call.tenant, asked, account_id=request.account_id)
        return service_pb2.ListUndeliveredResponse(
            messages=map(wire.undelivered, rows),
            next_page_token=asked.next_token(rows, lambda row: (row.since.isoformat(), row.contact_id, row.message_id)),
        )

    @read
    async def ListUnreachable(
        self, tx: Tx, call: Origin, request: service_pb2.ListUnreachableRequest
    ) -> service_pb2.ListUnreachableResponse:
        """People to whom no mail goes since one came back, a page at a time."""
        asked = page(request, datetime.fromisoformat, str)
        found = await undelivered.unreachable(tx, call.tenant, asked)
        return service_pb2.ListUnreachableResponse(
            contacts=[wire.unreached(person, since) for person, since in found],
            next_page_token=asked.next_token(found, lambda one: (one[1].isoformat(), one[0].contact_id)),
        )

    @write
    async def SendAgain(
        self, tx: Tx, call: Origin, request: service_pb2.SendAgainRequest
    ) -> service_pb2.SendAgainResponse:
        """Mail a message's document once more."""
        message_id = await self._desk.send_again(tx, call, request.message_id, request.contact_id)
        return service_pb2.SendAgainResponse(message_id=message_id)

    @write
    async def SetPolicy(
        self, tx: Tx, call: Origin, request: service_pb2.SetPolicyRequest
    ) -> service_pb2.SetPolicyResponse:
        """When people are told, from now on."""
        policy = await usecases.set_policy(tx, call, wire.policy(request.policy))
        return service_pb2.SetPolicyResponse(version=policy.version)

    @write
    async def NoteSignIn(
        self, tx: Tx, call: Origin, request: service_pb2.NoteSignInRequest
    ) -> service_pb2.NoteSignInResponse:
        """Somebody came into the portal."""
        await usecases.heard_from(tx, call.tenant, f"contact:{request.contact_id}")
        await self._first_steps.signed_in(tx, call, request.contact_id)
        return service_pb2.NoteSignInResponse()

    @read
    async def GetAccountJourney(
        self, tx: Tx, call: Origin, request: service_pb2.GetAccountJourneyRequest
    ) -> service_pb2.GetAccountJourneyResponse:
        """How long an account's steps take, beside everybody's."""
        key = (call.tenant, request.account_id)
        found = await durations.of_account(tx, *key)
        agreed = (await service_levels.agreed(tx, [key])).get(key, NOTHING)
        hours = (await store.firms(tx, [call.tenant]))[call.tenant].moment(tx.at).hours
        return service_pb2.GetAccountJourneyResponse(
            steps=wire_durations.account_journey(found, request.account_id, agreed, hours),
            day_minutes=hours.day // MINUTE,
        )

    @write
    async def SetServiceLevels(
        self, tx: Tx, call: Origin, request: service_pb2.SetServiceLevelsRequest
    ) -> service_pb2.SetServiceLevelsResponse:
        """What is agreed with a buyer of how long steps take."""
        levels = [wire_durations.level(said) for said in request.levels]
        agreed = await service_levels.set_levels(tx, call, request.account_id, levels)
        return service_pb2.SetServiceLevelsResponse(version=agreed.version)

    @read
    async def GetServiceLevels(
        self, tx: Tx, call: Origin, request: service_pb2.GetServiceLevelsRequest
    ) -> service_pb2.GetServiceLevelsResponse:
        """The same, as it is."""
        key = (call.tenant, request.account_id)
        agreed = (await service_levels.agreed(tx, [key])).get(key, NOTHING)
        return service_pb2.GetServiceLevelsResponse(
            version=agreed.version, levels=map(wire_durations.level_message, agreed.levels)
        )

    @read
    async def GetPromises(
        self, tx: Tx, call: Origin, _request: service_pb2.GetPromisesRequest
    ) -> service_pb2.GetPromisesResponse:
        """What became of what was promised, step by step."""
        hours = (await store.firms(tx, [call.tenant]))[call.tenant].moment(tx.at).hours
        since = counted_since(tx.at.date())
        return wire_durations.promises(
            await durations.of_account(tx, call.tenant, ""),
            await durations.kept_since(tx, call.tenant, since),
            await durations.slow(tx, call.tenant, SLOW_MAX),
            hours,
            since,
        )

    @read
    async def ListLate(
        self, tx: Tx, call: Origin, request: service_pb2.ListLateRequest
    ) -> service_pb2.ListLateResponse:
        """What is late, the longest first, a page at a time."""
        asked = page(request, datetime.fromisoformat, str)
        hidden = hidden_from(call.caller.roles) if call.caller else ()
        rows = await journeys.late(tx, call.tenant, asked, hidden=hidden)
        firm = (await store.firms(tx, [call.tenant]))[call.tenant]
        return service_pb2.ListLateResponse(
            late=[
                late
                for journey, _ in rows
                for late in wire_durations.late(journey, firm.moment(tx.at, journey.seller_id))
            ],
            next_page_token=asked.next_token(rows, lambda row: (row[1].isoformat(), row[0].about)),
        )

    @read
    async def GetFirstSteps(
        self, tx: Tx, call: Origin, request: service_pb2.GetFirstStepsRequest
    ) -> service_pb2.GetFirstStepsResponse:
        """What comes next for a company whose line stands."""
        steps, held = await self._first_steps.shown(tx, (call.tenant, request.account_id))
        return service_pb2.GetFirstStepsResponse(steps=[wire.first_step(step, held) for step in steps])

    @read
    async def ListFirstSteps(
        self, tx: Tx, call: Origin, request: service_pb2.ListFirstStepsRequest
    ) -> service_pb2.ListFirstStepsResponse:
        """What waits for the caller's roles, the longest first, a page at a time."""
        asked = page(request, datetime.fromisoformat, str, str)
        steps = await first_steps.waiting(tx, call.tenant, asked, owners=wire.owners(call))
        return service_pb2.ListFirstStepsResponse(
            steps=[wire.first_step(step, ()) for step in steps],
            next_page_token=asked.next_token(steps, lambda s: (_since(s), s.account_id, s.code)),
        )

    @write
    async def AnswerFirstStep(
        self, tx: Tx, call: Origin, request: service_pb2.AnswerFirstStepRequest
    ) -> service_pb2.AnswerFirstStepResponse:
        """A buyer's person says how a step went."""
        await usecases.heard_from(tx, call.tenant, call.actor)
        step = await self._first_steps.answer(
            tx, call, request.account_id, request.code, answer=request.answer, why=request.why
        )
        return service_pb2.AnswerFirstStepResponse(step=wire.first_step(step, ()))

    @write
    async def CloseFirstStep(
        self, tx: Tx, call: Origin, request: service_pb2.CloseFirstStepRequest
    ) -> service_pb2.CloseFirstStepResponse:
        """The seller has seen to a step."""
        step = await self._first_steps.close(tx, call, request.account_id, request.code)
        return service_pb2.CloseFirstStepResponse(step=wire.first_step(step, ()))

    @read
    async def GetPeople(
        self, tx: Tx, call: Origin, request: service_pb2.GetPeopleRequest
    ) -> service_pb2.GetPeopleResponse:
        """The people of an account, and whom it misses."""
        for_buyer = call.caller is not None and call.caller.kind == identity.CONTACT
        async with tx.all_parts():
            found = await people.map_of(tx, (call.tenant, request.account_id), elsewhere=not for_buyer)
        return wire_people.people(found, tx.at, for_buyer=for_buyer)

    @read
    async def ListAsks(
        self, tx: Tx, call: Origin, request: service_pb2.ListAsksRequest
    ) -> service_pb2.ListAsksResponse:
        """What is asked of an account's people, the newest first, a page at a time."""
        asked = page(request, datetime.fromisoformat, str)
        found = await asks.page_of(tx, call.tenant, asked, account_id=request.account_id, about=request.about)
        ended = await asks.done_of(tx, found)
        names = await store.names(tx, call.tenant, wire_people.asked_ids(found))
        return service_pb2.ListAsksResponse(
            asks=[
                wire_people.ask(one, names, is_done=one.fact in ended)
                for one in found
                if request.about or one.fact not in ended
            ],
            next_page_token=asked.next_token(found, lambda one: (one.asked_at.isoformat(), one.fact)),
        )

    @write
    async def Succeed(self, tx: Tx, call: Origin, request: service_pb2.SucceedRequest) -> service_pb2.SucceedResponse:
        """Somebody leaves and hands over."""
        open_asks = await self._successions.succeed(
            tx,
            call,
            request.account_id,
            leaver_id=request.contact_id,
            successor_id=request.successor_id,
            by=wire.registrar(call.caller),
        )
        await self._first_steps.people_changed(tx, (call.tenant, request.account_id))
        return service_pb2.SucceedResponse(open_asks=open_asks)

    @write
    async def SetInfluence(
        self, tx: Tx, call: Origin, request: service_pb2.SetInfluenceRequest
    ) -> service_pb2.SetInfluenceResponse:
        """What the seller's people take somebody for."""
        await people.set_influence(tx, (call.tenant, request.account_id), request.contact_id, request.influence)
        return service_pb2.SetInfluenceResponse()

    @write
    async def SetTeam(self, tx: Tx, call: Origin, request: service_pb2.SetTeamRequest) -> service_pb2.SetTeamResponse:
        """Who of the seller's people answers for an account."""
        await teams.set_team(tx, call, request.account_id, Team(request.owner_id, request.stand_in_id))
        return service_pb2.SetTeamResponse()

    @read
    async def GetTeam(self, tx: Tx, call: Origin, request: service_pb2.GetTeamRequest) -> service_pb2.GetTeamResponse:
        """The same, and who does today."""
        today = (await store.firms(tx, [call.tenant]))[call.tenant].moment(tx.at).today
        return wire_people.team(*await teams.shown(tx, (call.tenant, request.account_id), today))

    @write
    async def SetPicture(
        self, tx: Tx, call: Origin, request: service_pb2.SetPictureRequest
    ) -> service_pb2.SetPictureResponse:
        """What one of the seller's people looks like."""
        key = (call.tenant, request.contact_id)
        picture = await teams.set_picture(tx, key, request.content, wire.registrar(call.caller))
        return service_pb2.SetPictureResponse(picture=picture)

    @read
    async def GetPicture(
        self, tx: Tx, call: Origin, request: service_pb2.GetPictureRequest
    ) -> service_pb2.GetPictureResponse:
        """One, by its hash."""
        row = await teams.picture(tx, call.tenant, request.picture)
        return service_pb2.GetPictureResponse(content=row.content, media_type=row.media_type)

    @read
    async def GetPolicy(
        self, tx: Tx, call: Origin, request: service_pb2.GetPolicyRequest
    ) -> service_pb2.GetPolicyResponse:
        """When people are told."""
        policy = (await store.firms(tx, [call.tenant]))[call.tenant].policy
        return service_pb2.GetPolicyResponse(version=policy.version, policy=wire.policy_message(policy))


def _since(step: FirstStep) -> str:
    assert step.waits_since is not None, "what waits has waited since an instant"
    return step.waits_since.isoformat()
