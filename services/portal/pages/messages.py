"""What we told the reader, each message in full, and what was written to them and not seen yet."""

from fastapi.responses import Response
from receivables.notifications.v1 import service_pb2

from services.kernel.refusals import NotFound
from services.portal.asks import together
from services.portal.domain.people import BUYERS
from services.portal.web import PAGE, Ask, get

_PAGES, _ROWS = 10, 100  # that are looked through, from the newest, for one by its id


@get("/messages", BUYERS)
async def messages(ask: Ask) -> Response:
    """The newest first, and threads with something new."""
    of = ask.of.notifications
    account = ask.person.account_id
    found = await together(
        unread=of("ListUnread", service_pb2.ListUnreadRequest(account_id=account, page_size=PAGE)),
        messages=of("ListMessages", _own(ask, PAGE, ask.query("after"))),
    )
    next_token = found["messages"].next_page_token if found["messages"] else ""
    return ask.show("messages.html", next_token=next_token, **found)


@get("/messages/{message}", BUYERS)
async def message(ask: Ask) -> Response:
    """One of the reader's own."""
    wanted, token = ask.path("message"), ""
    for _ in range(_PAGES):
        found = await ask.of.notifications("ListMessages", _own(ask, _ROWS, token))
        for one in found.messages:
            if one.message_id == wanted:
                return ask.show("message.html", message=one)
        token = found.next_page_token
        if not token:
            break
    raise NotFound("message.unknown", "no message by that id")


def _own(ask: Ask, size: int, token: str) -> service_pb2.ListMessagesRequest:
    return service_pb2.ListMessagesRequest(
        account_id=ask.person.account_id, contact_id=ask.person.contact_id, page_size=size, page_token=token
    )
