"""What buyer and seller write to each other about one thing: read on its page, written by one form wherever it stands."""

import contextlib
import hashlib
from collections.abc import Awaitable, Mapping
from typing import Any

from fastapi.responses import Response
from receivables.notifications.v1 import service_pb2

from services.portal.asks import Asking, Away, Refused, Unknown, Write
from services.portal.domain.people import ANYBODY
from services.portal.web import Ask, inside, post

MESSAGES = 500  # of a thread, on a page
MENTIONS = 20  # people, in a message
_THREADS = 100  # with something unread, that lists mark


def thread_of(asking: Asking, about: str) -> Awaitable[Any]:
    """The question for a thread, for `together`."""
    return asking.notifications("ListThread", service_pb2.ListThreadRequest(about=about, page_size=MESSAGES))


async def seen(ask: Ask, about: str, thread: Any) -> None:
    """The reader has the thread before them; that it cannot be noted just now hinders nobody."""
    if not thread or not thread.messages or thread.messages[-1].author == ask.person.subject:
        return
    nth = thread.messages[-1].nth
    key = hashlib.sha256(f"{ask.person.subject} {about} {nth}".encode()).hexdigest()
    with contextlib.suppress(Away, Refused, Unknown):
        request = service_pb2.MarkReadRequest(about=about, nth=nth)
        await ask.of.notifications("MarkRead", request, Write(f"seen {key}"))


async def unread_of(ask: Ask) -> Mapping[str, int]:
    """How many messages the reader has not seen of what a list shows, by what they are about; none where that is away."""
    with contextlib.suppress(Away, Unknown):
        request = service_pb2.ListUnreadRequest(account_id=ask.account, page_size=_THREADS)
        return {one.about: one.unread for one in (await ask.of.notifications("ListUnread", request)).threads}
    return {}


@post("/thread", ANYBODY)
async def write(ask: Ask) -> Response:
    """Write to the other side, and back to the page."""
    about, text = ask.typed("about"), ask.lines("message")
    back = inside(ask.typed("back"))
    if text:
        mentions = ask.typed_all("mention")[:MENTIONS]
        request = service_pb2.AddMessageRequest(about=about, text=text, mentions=mentions)
        await ask.of.notifications("AddMessage", request, ask.write())
    return ask.go(f"{back}#thread")
