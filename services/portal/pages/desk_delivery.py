"""Delivery at the seller's desk: invoices that reached nobody, people whose mail comes back, and what is done about both."""

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi.responses import Response
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.kernel.refusals import Invalid
from services.portal.asks import Asking, Away, Refused, Unknown, together
from services.portal.domain import cases
from services.portal.domain.people import SELLER_ROLES, Guard
from services.portal.web import PAGE, Ask, get, post

READS = Guard(SELLER_ROLES - {"LOGISTICS", "QUALITY"})
SENDS = Guard(frozenset({"BILLING", "COLLECTOR", "SALES", "SELLER_ADMIN"}))
CORRECTS = Guard(frozenset({"SALES", "SELLER_ADMIN"}), assurance=2, step_up=True)
_PEOPLE = 100  # of a buyer, among whom another reader is chosen


@get("/desk/delivery", READS)
async def delivery(ask: Ask) -> Response:
    """Invoices and credit notes that reached nobody, and people whose mail comes back; the longest first."""
    return await _show(ask)


async def _show(ask: Ask, status: int = 200, refused: str = "", at: str = "") -> Response:
    of = ask.of
    found = await together(
        undelivered=of.notifications(
            "ListUndelivered",
            notifications_pb2.ListUndeliveredRequest(
                account_id=ask.query("account")[:64], page_size=PAGE, page_token=ask.query("after")
            ),
        ),
        unreachable=of.notifications(
            "ListUnreachable",
            notifications_pb2.ListUnreachableRequest(page_size=PAGE, page_token=ask.query("people_after")),
        ),
    )
    messages = found["undelivered"].messages if found["undelivered"] else ()
    today = await ask.today()
    return ask.show(
        "desk_delivery.html",
        status,
        readers=await _readers(of, sorted({one.account_id for one in messages})),
        near=lambda day: cases.nearness(day, today),
        corrects=_corrects,
        refused=refused,
        refused_at=at,
        typed=ask.typed,
        **found,
    )


def _corrects(ask: Ask, contact: Any) -> bool:
    """Whether the reader may correct an address: of our own people an administrator alone may."""
    return ask.may("notifications", "RegisterContact") and (
        bool(contact.account_id) or "SELLER_ADMIN" in ask.person.roles
    )


async def _readers(of: Asking, accounts: Sequence[str]) -> dict[str, list[Any] | None]:
    """Whom mail reaches, by account; None where that is not known just now."""
    pages = await asyncio.gather(*(_people(of, account) for account in accounts))
    return dict(zip(accounts, pages, strict=True))


async def _people(of: Asking, account: str) -> list[Any] | None:
    request = notifications_pb2.ListContactsRequest(account_id=account, page_size=_PEOPLE)
    try:
        return [one for one in (await of.notifications("ListContacts", request)).contacts if not one.suspended]
    except (Away, Unknown):
        return None


@post("/desk/delivery/send", SENDS)
async def send_again(ask: Ask) -> Response:
    """Mail a document to somebody whom mail reaches."""
    request = notifications_pb2.SendAgainRequest(message_id=ask.typed("message"), contact_id=ask.typed("contact"))
    try:
        if not request.contact_id:
            raise Invalid("form.no_choice", ask.words.say("Choose who gets it."))
        await ask.of.notifications("SendAgain", request, ask.write())
    except (Refused, Invalid) as refused:
        return await _show(ask, 422, ask.refused(refused), request.message_id)
    return ask.go("/desk/delivery", done="sent")


@post("/desk/delivery/address", CORRECTS)
async def correct(ask: Ask) -> Response:
    """Register somebody's right address, all else as it was; what came back goes there by itself."""
    contact_id = ask.typed("contact")
    known = (
        await ask.of.notifications("GetContact", notifications_pb2.GetContactRequest(contact_id=contact_id))
    ).contact
    request = notifications_pb2.RegisterContactRequest(
        contact_id=contact_id,
        account_id=known.account_id,
        name=known.name,
        email=ask.typed("email"),
        roles=known.roles,
        scope=known.scope,
        language=known.language,
        wants_document=known.wants_document,
    )
    try:
        await ask.of.notifications("RegisterContact", request, ask.write())
    except Refused as refused:
        return await _show(ask, 422, ask.refused(refused), contact_id)
    return ask.go("/desk/delivery", done="corrected")
