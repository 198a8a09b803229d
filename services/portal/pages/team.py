"""Who of the seller's people answers for an account: shown to its people, named at the desk; and what they look like."""

from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi.responses import Response
from receivables.notifications.v1 import service_pb2

from services.kernel.refusals import Invalid, Refusal
from services.portal import uploads
from services.portal.asks import Asking, Refused
from services.portal.domain.people import ANYBODY, SELLERS, Guard
from services.portal.web import YEAR_S, Ask, get, post

NAMES = Guard(frozenset({"SALES", "SELLER_ADMIN"}))


def team_of(asking: Asking, account_id: str) -> Awaitable[Any]:
    """The question who answers, for `together`."""
    return asking.notifications("GetTeam", service_pb2.GetTeamRequest(account_id=account_id))


@get("/team/picture/{picture}", ANYBODY)
async def picture(ask: Ask) -> Response:
    """One of the seller's people, by the picture's hash: it never changes."""
    found = await ask.of.notifications("GetPicture", service_pb2.GetPictureRequest(picture=ask.path("picture")))
    headers = {
        "cache-control": f"private, max-age={YEAR_S}, immutable",
        "content-security-policy": "default-src 'none'; sandbox",
    }
    return Response(found.content, HTTPStatus.OK, headers, found.media_type)


@get("/profile/picture", SELLERS)
async def own_picture(ask: Ask) -> Response:
    """What buyers see of the reader."""
    return ask.show("picture.html")


@post("/profile/picture", SELLERS)
async def set_picture(ask: Ask) -> Response:
    """Another picture, or none."""
    try:
        content = await _picture(ask)
        request = service_pb2.SetPictureRequest(contact_id=ask.person.contact_id, content=content)
        await ask.of.notifications("SetPicture", request, ask.write())
    except (Refused, Refusal) as refused:
        return ask.show("picture.html", 422, errors={"picture": ask.refused(refused)})
    return ask.go("/profile/picture", saved="1")


async def _picture(ask: Ask) -> bytes:
    file = ask.file("picture")
    if file is None:
        if ask.typed("none"):
            return b""
        raise Invalid("picture.format", "choose a picture")
    made = await uploads.clean(file)
    if not made.media_type.startswith("image/"):
        raise Invalid("picture.format", "a picture is a JPEG or a PNG")
    return made.content


@post("/desk/accounts/{account}/team", NAMES)
async def set_team(ask: Ask) -> Response:
    """Others answer for an account."""
    account = ask.path("account")
    request = service_pb2.SetTeamRequest(
        account_id=account, owner_id=ask.typed("owner"), stand_in_id=ask.typed("stand_in")
    )
    await ask.of.notifications("SetTeam", request, ask.write())
    return ask.go(f"/desk/accounts/{quote(account, safe='')}/people", named="1")
