"""In by a link that comes by mail or by a passkey, as one or another contact, and out."""

from http import HTTPStatus

from fastapi.responses import JSONResponse, RedirectResponse, Response

from services.kernel.refusals import Invalid, NotFound, Refusal
from services.portal import store, usecases
from services.portal.domain.people import ANYBODY
from services.portal.usecases import Asker
from services.portal.web import BROWSER, SESSION, Ask, get, inside, post

_LINK_S = store.LINK_MINUTES * 60


@get("/sign-in", None)
async def sign_in(ask: Ask) -> Response:
    """Where one says who one is."""
    return await _form(ask, goes_to=inside(ask.query("next")))


@post("/sign-in", None)
async def ask_for_link(ask: Ask) -> Response:
    """Mail a link: the answer is the same whether anybody has that address or not."""
    goes_to, address = inside(ask.typed("next")), ask.typed("address")
    asker = Asker(_browser(ask), ask.network, goes_to)
    try:
        await usecases.ask_for_link(ask.door, ask.host, address, asker)
    except Invalid as refused:
        return await _form(ask, 422, goes_to=goes_to, address=address, errors={"address": ask.refused(refused)})
    return await _form(ask, goes_to=goes_to, sent=True)


@post("/sign-in/passkey", None)
async def sign_in_by_passkey(ask: Ask) -> Response:
    """In by a passkey."""
    goes_to = inside(ask.typed("next"))
    try:
        cookie = await usecases.sign_in_by_passkey(
            ask.door,
            ask.host,
            challenge=ask.typed("challenge"),
            answer=ask.typed("answer"),
            browser=_browser(ask),
            network=ask.network,
            agent=ask.agent,
        )
    except Refusal as refused:
        return await _form(ask, 422, goes_to=goes_to, errors={"passkey": ask.refused(refused)})
    ask.keep(cookie)
    return ask.go(goes_to)


async def _form(
    ask: Ask,
    status: int = 200,
    *,
    goes_to: str,
    address: str = "",
    sent: bool = False,
    errors: dict[str, str] | None = None,
) -> Response:
    passkey = usecases.ask_for_passkey(ask.door, ask.host, usecases.hash_of(_browser(ask)).hex())
    return ask.show(
        "sign_in.html",
        status,
        goes_to=goes_to,
        address=address,
        sent=sent,
        errors=errors or {},
        passkey=passkey,
        providers=await usecases.providers_of(ask.door, ask.host),
    )


def _browser(ask: Ask) -> str:
    """What tells this browser from others, for as long as a link is good."""
    kept = next((value for name, value, _ in ask.cookies if name == BROWSER), "")
    browser = kept or ask.request.cookies.get(BROWSER) or usecases.new_secret()
    if not kept:
        ask.cookies.append((BROWSER, browser, _LINK_S))
    return browser


@get("/sign-in/with/{provider}", None)
async def send_to_provider(ask: Ask) -> Response:
    """To who else lets people in, and back."""
    goes_to = inside(ask.query("next"))
    try:
        url = await usecases.send_to(ask.door, ask.host, ask.path("provider"), _browser(ask), goes_to=goes_to)
    except Invalid as refused:
        return await _form(ask, 422, goes_to=goes_to, errors={"provider": ask.refused(refused)})
    return RedirectResponse(url, HTTPStatus.SEE_OTHER)


@get("/sign-in/again", ANYBODY)
async def send_to_provider_again(ask: Ask) -> Response:
    """To who let the reader in, to show it anew who they are, and back to what they were about to do."""
    provider = await usecases.asked_again(ask.door, ask.host, ask.at)
    if provider is None:
        raise NotFound("provider.unknown", "no provider let the reader in by a second factor")
    goes_to = inside(ask.query("next"))
    url = await usecases.send_to(
        ask.door, ask.host, provider.provider_id, _browser(ask), goes_to=goes_to, session_id=ask.at.session_id
    )
    return RedirectResponse(url, HTTPStatus.SEE_OTHER)


@get("/sign-in/with/{provider}/back", None)
async def come_back(ask: Ask) -> Response:
    """Back from there."""
    try:
        cookie, goes_to = await usecases.come_back(
            ask.door,
            ask.host,
            ask.path("provider"),
            state=ask.query("state"),
            code=ask.query("code"),
            issuer=ask.query("iss"),
            browser=ask.request.cookies.get(BROWSER, ""),
            network=ask.network,
            agent=ask.agent,
            session=ask.session,
        )
    except Refusal as refused:
        if ask.signed_in is not None:
            raise
        return await _form(ask, 422, goes_to="/", errors={"provider": ask.refused(refused)})
    ask.keep(cookie)
    return ask.go(inside(goes_to))


@post("/sign-in/with/{provider}/out", None, from_elsewhere=True)
async def log_out(ask: Ask) -> Response:
    """A provider tells us that sessions with it have ended (OpenID Connect Back-Channel Logout 1.0, 2.8)."""
    try:
        await usecases.log_out(ask.door, ask.host, ask.path("provider"), ask.typed("logout_token"))
    except Refusal as refused:
        return JSONResponse({"error": "invalid_request", "error_description": refused.message}, 400)
    return Response("")


@get("/in/{token}", None)
async def show_button(ask: Ask) -> Response:
    """A link is used by a click on the page, not by being opened: scanners of mail open links."""
    return ask.show("come_in.html", not_good=False)


@post("/in/{token}", None)
async def come_in(ask: Ask) -> Response:
    """Use a link."""
    browser = ask.request.cookies.get(BROWSER, "")
    try:
        cookie, link, people = await usecases.come_in(ask.door, ask.host, ask.path("token"), browser, ask.agent)
    except NotFound as refused:
        ask.tried(refused.code)
        return ask.show("come_in.html", 422, not_good=True)
    ask.keep(cookie)
    goes_to = inside(link.goes_to)
    return ask.go("/who", next=goes_to) if len(people) > 1 else ask.go(goes_to)


@get("/who", ANYBODY)
async def who(ask: Ask) -> Response:
    """Whom the reader is here, where they are several."""
    people = await usecases.same_reader(ask.door, ask.host.tenant, ask.at)
    return ask.show("who.html", people=people, goes_to=inside(ask.query("next")))


@post("/who", ANYBODY)
async def choose(ask: Ask) -> Response:
    """Go on as one of them."""
    if ask.typed("contact") != ask.at.contact_id:
        ask.keep(await usecases.become(ask.door, ask.host.tenant, ask.at, ask.typed("contact")))
    return ask.go(inside(ask.typed("next")))


@post("/sign-out", ANYBODY)
async def sign_out(ask: Ask) -> Response:
    """Out is out."""
    async with ask.door.database.transaction([ask.person.tenant]) as tx:
        await store.end_session(tx, ask.person.tenant, ask.at.login_id, ask.at.session_id)
        await usecases.noted(tx, ask.person, "portal/SignOut")
    ask.cookies.append((SESSION, "", 0))
    return ask.go("/sign-in")
