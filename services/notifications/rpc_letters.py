"""The gRPC door of our mails themselves: how each reads, and whether news come by mail at all."""

import asyncio

from receivables.notifications.v1 import letters_pb2, letters_pb2_grpc

from services.chassis.consumer import Consumer
from services.chassis.database import Database, Tx
from services.chassis.envelope import Origin
from services.chassis.rpc import Door, read, visit, write
from services.notifications import declining, previews, store
from services.notifications.domain.contacts import LANGUAGES
from services.notifications.previews import Press


class LetterService(Door, letters_pb2_grpc.LetterServiceServicer):
    """Translates and delegates."""

    def __init__(self, database: Database, consumer: Consumer, press: Press) -> None:
        super().__init__(database, consumer)
        self._press = press

    @visit
    async def ListLetters(
        self, _call: Origin, request: letters_pb2.ListLettersRequest
    ) -> letters_pb2.ListLettersResponse:
        """Which mails there are."""
        listed = await asyncio.to_thread(previews.listed, request.language)
        return letters_pb2.ListLettersResponse(letters=map(previews.message, listed), languages=LANGUAGES)

    @visit
    async def PreviewLetter(
        self, call: Origin, request: letters_pb2.PreviewLetterRequest
    ) -> letters_pb2.PreviewLetterResponse:
        """One of them, in the caller's own name."""
        async with self.serve(call) as tx:
            firm = (await store.firms(tx, [call.tenant]))[call.tenant]
        shown = self._press.preview(request.kind, request.language, request.nth or 1, call.tenant, firm.seller().name)
        return letters_pb2.PreviewLetterResponse(
            letter=previews.message(shown.letter), headers=shown.headers, html=shown.html, text=shown.text
        )

    @read
    async def GetDecline(
        self, tx: Tx, _call: Origin, request: letters_pb2.GetDeclineRequest
    ) -> letters_pb2.GetDeclineResponse:
        """Whether somebody declined what only informs."""
        person = await declining.find(tx, request.decline_token)
        return letters_pb2.GetDeclineResponse(declined=person.declined, language=person.language)

    @write
    async def Decline(self, tx: Tx, _call: Origin, request: letters_pb2.DeclineRequest) -> letters_pb2.DeclineResponse:
        """Whoever has the link declines it, or wants it again."""
        await declining.decline(tx, await declining.find(tx, request.decline_token), declined=request.declined)
        return letters_pb2.DeclineResponse()
