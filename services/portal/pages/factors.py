"""The second factor: shown where something needs it, added, removed."""

from http import HTTPStatus
from typing import Any

import segno
from fastapi.responses import Response

from services.kernel.refusals import Refusal
from services.portal import usecases
from services.portal.domain.people import ANYBODY, Guard
from services.portal.usecases import Factors
from services.portal.web import GOES_ON, KEPT, Ask, asks_factor, get, inside, post

_PROVED = Guard(ANYBODY.roles, assurance=2, step_up=True)
# Forms of these pages themselves wait for nothing.
_OWN = frozenset({"/factor/code", "/factor/passkey", "/factor/new/app", "/factor/new/passkey"})


@get("/factor", ANYBODY)
async def factor(ask: Ask) -> Response:
    """Show that it is you; who has no factor yet adds one."""
    kept = await usecases.factors_of(ask.door, ask.host.tenant, ask.at.login_id)
    return await _either(ask, kept, inside(ask.query("next")))


@asks_factor
async def asked(ask: Ask) -> Response:
    """A form waits: the factor is asked for where it was sent, and then it goes on as it was typed."""
    kept = await usecases.factors_of(ask.door, ask.host.tenant, ask.at.login_id)
    return await _either(ask, kept, ask.back(), HTTPStatus.FORBIDDEN)


async def _either(ask: Ask, kept: Factors, goes_to: str, status: int = 200) -> Response:
    if kept.any or await usecases.asked_again(ask.door, ask.host, ask.at):
        return await _proof(ask, kept, goes_to, status=status)
    return _new(ask, kept, goes_to, status=status)


def _waits(ask: Ask) -> dict[str, Any]:
    """The form that waits for the factor: where it goes, and its fields; a file has to be chosen again."""
    if waits := ask.typed(GOES_ON):
        fields = [(name, value) for name, value in ask.form.multi_items() if name.startswith(KEPT)]
        return {"goes_on": waits, "fields": fields, "without_file": False}
    texts = [(KEPT + name, value) for name, value in ask.form.multi_items() if isinstance(value, str)]
    is_own = ask.route.path in _OWN
    without_file = not is_own and any(ask.file(name) is not None for name in ask.form)
    goes_on = "" if is_own or without_file or not texts else ask.link()
    return {"goes_on": goes_on, "fields": texts if goes_on else [], "without_file": without_file}


@post("/factor/code", ANYBODY)
async def show_code(ask: Ask) -> Response:
    """Show a code of the app."""
    goes_to = inside(ask.typed("next"))
    try:
        cookie = await usecases.show_code(
            ask.door, ask.host, ask.person, ask.at, code=ask.typed("code"), network=ask.network
        )
    except Refusal as refused:
        kept = await usecases.factors_of(ask.door, ask.host.tenant, ask.at.login_id)
        return await _proof(ask, kept, goes_to, {"code": ask.refused(refused)})
    ask.keep(cookie)
    return ask.go_on(goes_to)


@post("/factor/passkey", ANYBODY)
async def show_passkey(ask: Ask) -> Response:
    """Show a passkey."""
    goes_to = inside(ask.typed("next"))
    try:
        cookie = await usecases.show_passkey(
            ask.door, ask.host, ask.person, ask.at, challenge=ask.typed("challenge"), answer=ask.typed("answer")
        )
    except Refusal as refused:
        kept = await usecases.factors_of(ask.door, ask.host.tenant, ask.at.login_id)
        return await _proof(ask, kept, goes_to, {"passkey": ask.refused(refused)})
    ask.keep(cookie)
    return ask.go_on(goes_to)


@get("/factor/new", ANYBODY)
async def new(ask: Ask) -> Response:
    """Add one."""
    kept = await usecases.factors_of(ask.door, ask.host.tenant, ask.at.login_id)
    return _new(ask, kept, inside(ask.query("next") or "/profile"))


@post("/factor/new/app", ANYBODY)
async def add_app(ask: Ask) -> Response:
    """Add an app by its first code."""
    goes_to, sealed = inside(ask.typed("next")), ask.typed("sealed")
    try:
        cookie = await usecases.add_app(ask.door, ask.host, ask.person, ask.at, sealed=sealed, code=ask.typed("code"))
    except Refusal as refused:
        kept = await usecases.factors_of(ask.door, ask.host.tenant, ask.at.login_id)
        return _new(ask, kept, goes_to, {"code": ask.refused(refused)}, sealed)
    ask.keep(cookie)
    return ask.go_on(goes_to)


@post("/factor/new/passkey", ANYBODY)
async def add_passkey(ask: Ask) -> Response:
    """Add a passkey."""
    goes_to = inside(ask.typed("next"))
    try:
        cookie = await usecases.add_passkey(
            ask.door,
            ask.host,
            ask.person,
            ask.at,
            challenge=ask.typed("challenge"),
            answer=ask.typed("answer"),
            name=ask.typed("name"),
        )
    except Refusal as refused:
        kept = await usecases.factors_of(ask.door, ask.host.tenant, ask.at.login_id)
        return _new(ask, kept, goes_to, {"passkey": ask.refused(refused)})
    ask.keep(cookie)
    return ask.go_on(goes_to)


@post("/factor/remove", _PROVED)
async def remove(ask: Ask) -> Response:
    """One is none any more."""
    await usecases.remove_factor(ask.door, ask.person, ask.at, ask.typed("factor"))
    return ask.go("/profile")


async def _proof(
    ask: Ask, kept: Factors, goes_to: str, errors: dict[str, str] | None = None, *, status: int = 200
) -> Response:
    provider = await usecases.asked_again(ask.door, ask.host, ask.at)
    passkey = usecases.ask_for_passkey(ask.door, ask.host, ask.at.session_id, kept.passkeys) if kept.passkeys else None
    return ask.show(
        "factor.html",
        422 if errors else status,
        kept=kept,
        goes_to=goes_to,
        passkey=passkey,
        provider=provider,
        errors=errors or {},
        waits=_waits(ask),
    )


def _new(
    ask: Ask,
    kept: Factors,
    goes_to: str,
    errors: dict[str, str] | None = None,
    sealed: str = "",
    *,
    status: int = 200,
) -> Response:
    try:
        usecases.check_may_enrol(ask.at, kept)
        app = None
        if kept.totp is None:
            given = (ask.door, ask.host, ask.person, ask.at)
            app = usecases.same_app(*given, sealed) if sealed else usecases.new_app(*given)
    except Refusal as refused:
        return ask.show(
            "refused.html", 422 if status == HTTPStatus.OK else status, why=ask.refused(refused), goes_to="/profile"
        )
    return ask.show(
        "factor_new.html",
        422 if errors else status,
        kept=kept,
        goes_to=goes_to,
        waits=_waits(ask),
        passkey=usecases.ask_for_new_passkey(ask.door, ask.host, ask.person, ask.at, kept),
        app=app,
        picture=segno.make(app.uri).svg_data_uri(scale=4, border=2, light="#fff") if app else "",
        errors=errors or {},
    )
