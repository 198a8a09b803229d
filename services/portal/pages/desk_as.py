"""A buyer's pages as one of its people sees them: a clerk looks, does nothing there, and the audit trail says so."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

from fastapi.responses import Response
from starlette.responses import HTMLResponse
from starlette.routing import compile_path

from services.portal import usecases
from services.portal.asks import Refused, Unknown
from services.portal.domain.people import SELLER_ROLES, Guard
from services.portal.places import PLACES
from services.portal.web import ROUTES, Ask, get, post

LOOKS = Guard(SELLER_ROLES - {"LOGISTICS", "QUALITY"})
# What a buyer's people do with their own access is theirs alone.
_PRIVATE = frozenset({"/people", "/approvals"})
# In nobody's head, and seen from theirs.
_MORE = ("/payments",)
_AT = "/desk/as/"
_OURS = re.compile(r'( (?:href|action|formaction|hx-get|hx-post)=")/(?!static/|desk/|"|/)')
_HOME = re.compile(r'( (?:href|action|formaction|hx-get|hx-post)=")/"')


@get("/desk/as/{contact}", LOOKS)
async def first(ask: Ask) -> Response:
    """What somebody sees first."""
    return await _look(ask, "/")


@get("/desk/as/{contact}/{rest:path}", LOOKS)
async def page(ask: Ask) -> Response:
    """Any other page of theirs."""
    return await _look(ask, f"/{ask.path('rest')}")


@post("/desk/as/{contact}/{rest:path}", LOOKS)
async def nothing(_ask: Ask) -> Response:
    """Nothing is done in somebody else's place."""
    raise Refused("as.read_only", "who looks at another's pages does nothing there")


async def _look(ask: Ask, path: str) -> Response:
    clerk, contact_id = ask.person, ask.path("contact")
    contact = await usecases.find_person(ask.door, clerk.tenant, contact_id)
    if contact is None or not contact.is_buyer:
        raise Unknown
    answer, params, guard = _page_of(path)
    if not guard.lets_in(contact):
        raise Unknown
    async with ask.door.database.transaction([clerk.tenant]) as tx:
        await usecases.noted(tx, clerk, "portal/SeeAs", about=f"{contact_id} {path}"[:128])
    ask.request.scope["path_params"] = params
    seen = replace(ask, signed_in=replace(contact, language=clerk.language), seen_by=clerk)
    response = await answer(seen)
    return _kept_inside(response, f"{_AT}{contact_id}")


def _page_of(path: str) -> tuple[Callable[[Ask], Awaitable[Response]], dict[str, str], Guard]:
    """The buyer's page at an address: one in the head of their pages, or below it."""
    shown = any(
        path == place or (place != "/" and path.startswith((f"{place}/", f"{place}.csv")))
        for place in (*(place for place, _, _ in PLACES), *_MORE)
        if not place.startswith("/desk") and place not in _PRIVATE
    )
    for route in ROUTES if shown else ():
        found = compile_path(route.path)[0].match(path)
        if route.method == "GET" and route.guard is not None and found:
            return route.answer, found.groupdict(), route.guard
    raise Unknown


def _kept_inside(response: Response, at: str) -> Response:
    """The page with its links and forms pointing to what the same person sees, or is not let do."""
    if response.status_code in range(300, 400):
        response.headers["location"] = f"{at}{response.headers['location']}"
    if not isinstance(response, HTMLResponse):
        return response
    text = bytes(response.body).decode()
    return HTMLResponse(_OURS.sub(rf"\g<1>{at}/", _HOME.sub(rf'\g<1>{at}"', text)), response.status_code)
