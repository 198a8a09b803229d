"""Notes that the seller's people keep for themselves about one thing."""

from typing import Any

from fastapi.responses import Response
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.kernel.refusals import Invalid
from services.portal.asks import Asking, Refused
from services.portal.domain.people import SELLER_ROLES, Guard
from services.portal.web import PAGE, Ask, inside, post

WRITES = Guard(SELLER_ROLES - {"AUDITOR"})


async def notes_of(of: Asking, about: str) -> Any:
    """The notes about something; False where nothing can be noted about it."""
    try:
        return await of.notifications("ListNotes", notifications_pb2.ListNotesRequest(about=about, page_size=PAGE))
    except Refused:
        return False


@post("/desk/notes", WRITES)
async def add_note(ask: Ask) -> Response:
    """Keep a note about something, and go back to its page."""
    request = notifications_pb2.AddNoteRequest(about=ask.typed("about"), text=ask.lines("note"))
    if not request.text:
        raise Invalid("form.empty", ask.words.say("The note says nothing."))
    await ask.of.notifications("AddNote", request, ask.write())
    return ask.go(inside(ask.typed("back")))
