"""A notifications that knows its mails, and one person who may decline some of them."""

from dataclasses import dataclass, field
from typing import Any

import grpc
from receivables.notifications.v1 import letters_pb2
from receivables.notifications.v1 import letters_pb2_grpc as letters_grpc

from services.notifications import previews
from services.notifications.domain.contacts import LANGUAGES
from services.notifications.previews import Press

PRESS = Press("post@nordwind.example", "reply.nordwind.example", "https://portal.example", hears=True)


@dataclass
class Letters(letters_grpc.LetterServiceServicer):
    """Shows mails as the service does; of tokens it knows "known" alone."""

    declined: bool = False
    changes: list[bool] = field(default_factory=list)

    async def ListLetters(
        self, request: letters_pb2.ListLettersRequest, context: Any
    ) -> letters_pb2.ListLettersResponse:
        """All."""
        letters = map(previews.message, previews.listed(request.language))
        return letters_pb2.ListLettersResponse(letters=letters, languages=LANGUAGES)

    async def PreviewLetter(
        self, request: letters_pb2.PreviewLetterRequest, context: Any
    ) -> letters_pb2.PreviewLetterResponse:
        """One."""
        known = {one.kind for one in previews.listed(request.language)}
        if request.kind not in known:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such mail")
        shown = PRESS.preview(request.kind, request.language, request.nth or 1)
        return letters_pb2.PreviewLetterResponse(
            letter=previews.message(shown.letter), headers=shown.headers, html=shown.html, text=shown.text
        )

    async def GetDecline(self, request: letters_pb2.GetDeclineRequest, context: Any) -> letters_pb2.GetDeclineResponse:
        """Whether that person declined."""
        if request.decline_token != "known":
            await context.abort(grpc.StatusCode.NOT_FOUND, "nobody has this link")
        return letters_pb2.GetDeclineResponse(declined=self.declined, language="en")

    async def Decline(self, request: letters_pb2.DeclineRequest, context: Any) -> letters_pb2.DeclineResponse:
        """They do, or do not any more."""
        if request.decline_token != "known":
            await context.abort(grpc.StatusCode.NOT_FOUND, "nobody has this link")
        self.declined = request.declined
        self.changes.append(request.declined)
        return letters_pb2.DeclineResponse()
