"""In by a link that comes by mail, and out."""

from fastapi.responses import Response

from services.kernel.refusals import Invalid, NotFound
from services.portal import store, usecases
from services.portal.domain.people import ANYBODY
from services.portal.usecases import Asker
from services.portal.web import BROWSER, SESSION, Ask, get, post

_LINK_S = store.LINK_MINUTES * 60


def inside(path: str) -> str:
    """A page of ours, or the overview: whoever makes a link to us does not send people elsewhere."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else "/"


@get("/sign-in", None)
async def sign_in(ask: Ask) -> Response:
    """Where one says who one is."""
    return ask.show("sign_in.html", goes_to=inside(ask.query("next")), address="", sent=False)


@post("/sign-in", None)
async def ask_for_link(ask: Ask) -> Response:
    """Mail a link: the answer is the same whether anybody has that address or not."""
    goes_to, address = inside(ask.typed("next")), ask.typed("address")
    browser = ask.request.cookies.get(BROWSER) or usecases.new_secret()
    ask.cookies.append((BROWSER, browser, _LINK_S))
    network = ask.request.client.host if ask.request.client else ""
    try:
        await usecases.ask_for_link(ask.door, ask.host, address, Asker(browser, network, goes_to))
    except Invalid as refused:
        errors = {"address": ask.refused(refused)}
        return ask.show("sign_in.html", 422, goes_to=goes_to, address=address, sent=False, errors=errors)
    return ask.show("sign_in.html", goes_to=goes_to, address="", sent=True)


@get("/in/{token}", None)
async def show_button(ask: Ask) -> Response:
    """A link is used by a click on the page, not by being opened: scanners of mail open links."""
    return ask.show("come_in.html", not_good=False)


@post("/in/{token}", None)
async def come_in(ask: Ask) -> Response:
    """Use a link."""
    agent = ask.request.headers.get("user-agent", "")
    browser = ask.request.cookies.get(BROWSER, "")
    try:
        cookie, link, people = await usecases.come_in(ask.door, ask.host, ask.path("token"), browser, agent)
    except NotFound:
        return ask.show("come_in.html", 422, not_good=True)
    ask.cookies.append((SESSION, cookie, store.SESSION_HOURS * 3600))
    return ask.go("/who" if len(people) > 1 else inside(link.goes_to))


@post("/sign-out", ANYBODY)
async def sign_out(ask: Ask) -> Response:
    """Out is out."""
    assert ask.session is not None, "the guard has seen it"
    async with ask.door.database.transaction([ask.person.tenant]) as tx:
        await store.end_session(tx, ask.person.tenant, ask.session.login_id, ask.session.session_id)
        await usecases.noted(tx, ask.person, "portal/SignOut")
    ask.cookies.append((SESSION, "", 0))
    return ask.go("/sign-in")
