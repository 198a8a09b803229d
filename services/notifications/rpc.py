"""The gRPC door of notifications."""

from receivables.notifications.v1 import service_pb2, service_pb2_grpc

from services.chassis.consumer import Consumer
from services.chassis.database import Database, Tx
from services.chassis.envelope import Origin
from services.chassis.pages import page
from services.chassis.rpc import Door, read, visit, write
from services.kernel.refusals import NotFound, quoted
from services.notifications import links, store, usecases, wire
from services.notifications.quotes import Quotes


class NotificationsService(Door, service_pb2_grpc.NotificationsServiceServicer):
    """Translates and delegates."""

    def __init__(self, database: Database, consumer: Consumer, quotes: Quotes) -> None:
        super().__init__(database, consumer)
        self._quotes = quotes

    @write
    async def RegisterContact(
        self, tx: Tx, call: Origin, request: service_pb2.RegisterContactRequest
    ) -> service_pb2.RegisterContactResponse:
        """A person to tell, new or changed."""
        firm = (await store.firms(tx, [call.tenant]))[call.tenant]
        contact = wire.contact(call.tenant, request, firm.seller().language)
        await usecases.register_contact(tx, contact, wire.registrar(call.caller))
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
        return service_pb2.ExportContactResponse(
            content=wire.exported(person, await self._quotes.fill_if_at_hand(rows), request.contact_id),
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
        people = await store.list_contacts(tx, (call.tenant, request.account_id), asked)
        return service_pb2.ListContactsResponse(
            contacts=[wire.contact_message(person) for person in people],
            next_page_token=asked.next_token(people, lambda person: (person.contact_id,)),
        )

    @read
    async def FindContacts(
        self, tx: Tx, call: Origin, request: service_pb2.FindContactsRequest
    ) -> service_pb2.FindContactsResponse:
        """Who has an address of mail."""
        people = await links.by_address(tx, call.tenant, request.email)
        return service_pb2.FindContactsResponse(contacts=[wire.contact_message(person) for person in people])

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
            tx, (call.tenant, request.contact_id), request.language, wants_document=request.wants_document
        )
        return service_pb2.ChangeContactResponse(contact=await self._contact(tx, call, request.contact_id))

    @write
    async def SendLink(
        self, tx: Tx, call: Origin, request: service_pb2.SendLinkRequest
    ) -> service_pb2.SendLinkResponse:
        """Mail somebody a link by which the portal lets them in."""
        await links.send_later(tx, call, request)
        return service_pb2.SendLinkResponse()

    @staticmethod
    async def _contact(tx: Tx, call: Origin, contact_id: str) -> service_pb2.Contact:
        person, _ = await store.find_contact(tx, (call.tenant, contact_id))
        if person is None:
            raise NotFound("contact.unknown", f"no contact {quoted(contact_id)}")
        return wire.contact_message(person)

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

    @write
    async def SetPolicy(
        self, tx: Tx, call: Origin, request: service_pb2.SetPolicyRequest
    ) -> service_pb2.SetPolicyResponse:
        """When people are told, from now on."""
        policy = await usecases.set_policy(tx, call, wire.policy(request.policy))
        return service_pb2.SetPolicyResponse(version=policy.version)

    @read
    async def GetPolicy(
        self, tx: Tx, call: Origin, request: service_pb2.GetPolicyRequest
    ) -> service_pb2.GetPolicyResponse:
        """When people are told."""
        policy = (await store.firms(tx, [call.tenant]))[call.tenant].policy
        return service_pb2.GetPolicyResponse(version=policy.version, policy=wire.policy_message(policy))
