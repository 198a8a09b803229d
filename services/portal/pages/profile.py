"""Oneself: where one is signed in, how one shows that it is oneself, language, and all that is known of one."""

import json

from fastapi.responses import Response
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.portal import store, usecases
from services.portal.asks import Away, together
from services.portal.domain.people import ANYBODY, BUYER_ROLES, Guard
from services.portal.looks import LANGUAGES
from services.portal.web import LANGUAGE, Ask, attachment, get, post

_EXPORTS = Guard(BUYER_ROLES | {"SELLER_ADMIN"}, assurance=2)
_EXPORT_PAGES, _EXPORT_MESSAGES = 50, 200
NAMES = {"en": "English", "de": "Deutsch", "fr": "Français", "sv": "Svenska"}


@get("/profile", ANYBODY)
async def profile(ask: Ask) -> Response:
    """All of it."""
    tenant, session = ask.host.tenant, ask.at
    request = notifications_pb2.GetContactRequest(contact_id=session.contact_id)
    async with ask.door.database.transaction([tenant]) as tx:
        sessions = await store.sessions_of(tx, tenant, session.login_id)
    found = await together(
        factors=usecases.factors_of(ask.door, tenant, session.login_id),
        contact=ask.of.notifications("GetContact", request),
        covers=usecases.covers_of(ask.door, ask.person, session),
        others=usecases.same_reader(ask.door, tenant, session),
    )
    return ask.show(
        "profile.html",
        sessions=sessions,
        languages=[(code, NAMES[code]) for code in LANGUAGES],
        may_export=_EXPORTS.lets_in(ask.person),
        **found,
    )


@post("/profile", ANYBODY)
async def change(ask: Ask) -> Response:
    """Another language; invoices with the mail, or without; news by mail, or in the portal alone."""
    request = notifications_pb2.ChangeContactRequest(
        contact_id=ask.at.contact_id, language=ask.typed("language"), wants_document=bool(ask.typed("wants_document"))
    )
    if ask.typed("news_asked"):  # the page showed the choice
        request.declined = not ask.typed("news")
    await ask.of.notifications("ChangeContact", request, ask.write())
    ask.cookies.append((LANGUAGE, "", 0))
    return ask.go("/profile")


@post("/profile/sessions/end", ANYBODY)
async def end_session(ask: Ask) -> Response:
    """Out there, at once."""
    async with ask.door.database.transaction([ask.host.tenant]) as tx:
        await store.end_session(tx, ask.host.tenant, ask.at.login_id, ask.typed("session"))
        await usecases.noted(tx, ask.person, "portal/EndSession")
    return ask.go("/profile")


@post("/profile/sessions/end-others", ANYBODY)
async def end_others(ask: Ask) -> Response:
    """Out everywhere but here."""
    async with ask.door.database.transaction([ask.host.tenant]) as tx:
        await store.end_others(tx, ask.host.tenant, ask.at.login_id, ask.at.session_id)
        await usecases.noted(tx, ask.person, "portal/EndSessions")
    return ask.go("/profile")


@get("/profile/export", _EXPORTS)
async def export(ask: Ask) -> Response:
    """All that is known of the reader, as a file."""
    said: dict[str, object] = {}
    messages: list[object] = []
    token = ""
    for _ in range(_EXPORT_PAGES):
        request = notifications_pb2.ExportContactRequest(
            contact_id=ask.at.contact_id, page_size=_EXPORT_MESSAGES, page_token=token
        )
        answer = await ask.of.notifications("ExportContact", request)
        page = json.loads(answer.content)
        messages += page.pop("messages", [])
        said |= page
        token = answer.next_page_token
        if not token:
            break
    else:
        raise Away("notifications")
    said["messages"] = messages
    return attachment(json.dumps(said, ensure_ascii=False, indent=1).encode(), "application/json", "my-data.json")
