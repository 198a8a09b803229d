"""Mail that only informs, declined by whoever has such a mail: opened, its link changes nothing, since scanners open links.

A reader's mail program may decline in one click (RFC 8058): it sends a form of its own, from elsewhere.
"""

from fastapi.responses import Response
from receivables.notifications.v1 import letters_pb2

from services.portal import usecases
from services.portal.asks import Asking, Write
from services.portal.web import Ask, get, post

ONE_CLICK = ("List-Unsubscribe", "One-Click")


@get("/by-mail/{token}", None)
async def by_mail(ask: Ask) -> Response:
    """Whether news come by mail."""
    return await _show(ask)


@post("/by-mail/{token}", None, from_elsewhere=True)
async def change(ask: Ask) -> Response:
    """Decline them, or want them again."""
    name, value = ONE_CLICK
    is_one_click = ask.typed(name) == value
    declined = is_one_click or ask.typed("news") == "no"
    # Whoever declines again after they wanted them again means it: one click is an act of its own.
    write = Write(usecases.new_secret()) if is_one_click else ask.write()
    await _own(ask).letters("Decline", letters_pb2.DeclineRequest(decline_token=_token(ask), declined=declined), write)
    return await _show(ask) if is_one_click else ask.go(f"/by-mail/{_token(ask)}", told="yes")


async def _show(ask: Ask) -> Response:
    found = await _own(ask).letters("GetDecline", letters_pb2.GetDeclineRequest(decline_token=_token(ask)))
    return ask.show("by_mail.html", declined=found.declined, told=bool(ask.query("told")))


def _own(ask: Ask) -> Asking:
    """Asked in our own name: the link is the right to decline, whoever is signed in here."""
    return ask.door.asks.own(ask.host.tenant)


def _token(ask: Ask) -> str:
    return ask.path("token")
