"""The people of an account, or of the seller: who they are, which roles nobody has, who comes and goes."""

from fastapi.responses import Response

from services.kernel.refusals import Refusal
from services.portal import usecases
from services.portal.asks import Refused
from services.portal.domain.gaps import gaps
from services.portal.domain.news import PERSON_INVITED
from services.portal.domain.people import Guard
from services.portal.web import Ask, get, post

_ADMIN = frozenset({"ACCOUNT_ADMIN", "SELLER_ADMIN"})
READS = Guard(_ADMIN)
CHANGES = Guard(_ADMIN, assurance=2, step_up=True)
_USUAL_ROLE = "AP_CLERK"


@get("/people", READS)
async def people(ask: Ask) -> Response:
    """All of them, and what is missing."""
    return await _list(ask)


@post("/people/invite", CHANGES)
async def invite(ask: Ask) -> Response:
    """Ask somebody in."""
    try:
        await usecases.add_person(ask.door, ask.person, ask.typed("address"), ask.typed("role"), ask.write())
    except (Refused, Refusal) as refused:
        return await _list(ask, {"address": ask.refused(refused)})
    await usecases.did(ask.door, ask.person, PERSON_INVITED)
    return ask.go("/people", invited=ask.typed("address"))


@get("/people/{contact}", READS)
async def one(ask: Ask) -> Response:
    """One of them."""
    return await _one(ask)


@post("/people/{contact}", CHANGES)
async def change(ask: Ask) -> Response:
    """Another name, other roles."""
    roles = ask.typed_all("role")
    try:
        await usecases.change_person(
            ask.door, ask.person, ask.path("contact"), name=ask.typed("name"), roles=roles, write=ask.write()
        )
    except (Refused, Refusal) as refused:
        return await _one(ask, ask.refused(refused))
    return ask.go("/people")


@post("/people/{contact}/invite", CHANGES)
async def invite_again(ask: Ask) -> Response:
    """Another invitation."""
    await usecases.invite_again(ask.door, ask.person, ask.path("contact"), ask.write())
    return ask.go("/people", invited=ask.typed("address"))


@post("/people/{contact}/remove", CHANGES)
async def remove(ask: Ask) -> Response:
    """Somebody has left."""
    try:
        await usecases.remove_person(ask.door, ask.person, ask.path("contact"), ask.write())
    except (Refused, Refusal) as refused:
        return await _one(ask, ask.refused(refused))
    return ask.go("/people")


@post("/people/{contact}/hand-over", CHANGES)
async def hand_over(ask: Ask) -> Response:
    """Somebody leaves, and a colleague takes all that they have."""
    person, successor = ask.person, ask.typed("successor")
    try:
        open_asks = await usecases.hand_over(
            ask.door, person, person.account_id, leaver=ask.path("contact"), successor=successor, write=ask.write()
        )
    except (Refused, Refusal) as refused:
        return await _one(ask, ask.refused(refused))
    return ask.go("/people", handed=successor, open=str(open_asks))


@post("/people/{contact}/factors", CHANGES)
async def reset_factors(ask: Ask) -> Response:
    """Somebody has lost their factors."""
    await usecases.reset_factors(ask.door, ask.person, ask.path("contact"))
    return ask.go(f"/people/{ask.path('contact')}", reset="1")


async def _list(ask: Ask, errors: dict[str, str] | None = None) -> Response:
    found = await usecases.colleagues(ask.door, ask.person)
    return ask.show(
        "people.html",
        422 if errors else 200,
        people=found,
        gaps=gaps(frozenset(one.roles) for one in found) if ask.person.is_buyer else [],
        roles=[(role, ask.words.label(role)) for role in sorted(usecases.roles_of_side(ask.person))],
        role=ask.typed("role") or ask.query("role") or _USUAL_ROLE,
        address=ask.typed("address"),
        may_change=usecases.is_proved(ask.at),
        errors=errors or {},
    )


async def _one(ask: Ask, wrong: str = "") -> Response:
    contact = await usecases.colleague(ask.door, ask.person, ask.path("contact"))
    others = await usecases.colleagues(ask.door, ask.person)
    return ask.show(
        "person.html",
        422 if wrong else 200,
        contact=contact,
        successors=[(one.contact_id, one.name) for one in others if one.contact_id != contact.contact_id],
        roles=sorted(usecases.roles_of_side(ask.person)),
        chosen=ask.typed_all("role") if wrong and "role" in ask.form else list(contact.roles),
        may_change=usecases.is_proved(ask.at),
        wrong=wrong,
    )
