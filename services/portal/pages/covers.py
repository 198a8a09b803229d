"""Stand-ins: said, ended, acted for."""

from datetime import UTC, date, datetime

from fastapi.responses import Response

from services.kernel.refusals import Invalid, Refusal
from services.portal import usecases
from services.portal.domain.people import ANYBODY, Guard
from services.portal.web import Ask, get, post

_PROVED = Guard(ANYBODY.roles, assurance=2, step_up=True)


@get("/cover", ANYBODY)
async def covers(ask: Ask) -> Response:
    """Who stands in for the reader, and for whom the reader does."""
    return await _page(ask)


@post("/cover", _PROVED)
async def cover(ask: Ask) -> Response:
    """A colleague stands in."""
    try:
        await usecases.cover(
            ask.door,
            ask.person,
            address=ask.typed("address"),
            roles=ask.typed_all("role"),
            first=_day(ask.typed("first")),
            last=_day(ask.typed("last")),
            once=ask.write().key,
        )
    except Refusal as refused:
        field = "last" if refused.code == "cover.days" else "address"
        return await _page(ask, {field: ask.refused(refused)})
    return ask.go("/cover", said="1")


@post("/cover/end", ANYBODY)
async def end(ask: Ask) -> Response:
    """One is over."""
    await usecases.end_cover(ask.door, ask.person, ask.at, ask.typed("cover"))
    return ask.go("/cover")


@post("/act-for", ANYBODY)
async def act_for(ask: Ask) -> Response:
    """Go on for somebody who is away."""
    ask.keep(await usecases.act_for(ask.door, ask.person, ask.at, ask.typed("contact")))
    return ask.go("/")


@post("/act-for/stop", ANYBODY)
async def stop(ask: Ask) -> Response:
    """Go on for oneself."""
    ask.keep(await usecases.act_for_oneself(ask.door, ask.person, ask.at))
    return ask.go("/")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("cover.days", "choose a day") from None


async def _page(ask: Ask, errors: dict[str, str] | None = None) -> Response:
    return ask.show(
        "covers.html",
        422 if errors else 200,
        covers=await usecases.covers_of(ask.door, ask.person, ask.at),
        address=ask.typed("address"),
        first=ask.typed("first") or datetime.now(UTC).date().isoformat(),
        last=ask.typed("last"),
        errors=errors or {},
        may_change=usecases.is_proved(ask.at),
    )
