"""The people of an account at the seller's desk: a map of roles and sites, who is silent, what is open, who answers here."""

from urllib.parse import quote

from fastapi.responses import Response
from receivables.notifications.v1 import service_pb2

from services.kernel.refusals import Refusal
from services.portal import usecases
from services.portal.asks import Refused, together
from services.portal.domain.people import SELLER_ROLES, Guard
from services.portal.domain.sites import grid
from services.portal.pages.team import team_of
from services.portal.web import PAGE, Ask, get, post

READS = Guard(SELLER_ROLES - {"LOGISTICS", "QUALITY"})
JUDGES = Guard(frozenset({"SALES", "SELLER_ADMIN"}))
HANDS_OVER = Guard(frozenset({"SALES", "SELLER_ADMIN"}), assurance=2, step_up=True)
INFLUENCES = ("", "DECIDER", "INFLUENCER", "USER")
_OURS = 500


@get("/desk/accounts/{account}/people", READS)
async def people(ask: Ask) -> Response:
    """The map."""
    return await _page(ask)


@post("/desk/accounts/{account}/people/influence", JUDGES)
async def influence(ask: Ask) -> Response:
    """What somebody decides, as the seller's people see it."""
    account = ask.path("account")
    request = service_pb2.SetInfluenceRequest(
        account_id=account, contact_id=ask.typed("contact"), influence=ask.typed("influence")
    )
    await ask.of.notifications("SetInfluence", request, ask.write())
    return ask.go(_path(account))


@post("/desk/accounts/{account}/people/hand-over", HANDS_OVER)
async def hand_over(ask: Ask) -> Response:
    """Somebody of the buyer leaves, and a colleague takes all that they have."""
    account = ask.path("account")
    try:
        await usecases.hand_over(
            ask.door,
            ask.person,
            account,
            leaver=ask.typed("contact"),
            successor=ask.typed("successor"),
            write=ask.write(),
        )
    except (Refused, Refusal) as refused:
        return await _page(ask, ask.refused(refused))
    return ask.go(_path(account), handed="1")


def _path(account: str) -> str:
    return f"/desk/accounts/{quote(account, safe='')}/people"


async def _page(ask: Ask, wrong: str = "") -> Response:
    of, account = ask.of, ask.path("account")
    found = await together(
        asks=of.notifications("ListAsks", service_pb2.ListAsksRequest(account_id=account, page_size=PAGE)),
        team=team_of(of, account),
        ours=of.notifications("ListContacts", service_pb2.ListContactsRequest(account_id="", page_size=_OURS)),
    )
    known = await of.notifications("GetPeople", service_pb2.GetPeopleRequest(account_id=account))
    sites, rows = grid(known.people)
    there = [one for one in known.people if one.contact.roles]
    label = ask.words.label
    return ask.show(
        "desk_people.html",
        422 if wrong else 200,
        account=account,
        people=there,
        names={one.contact.contact_id: one.contact.name for one in there},
        missed=known.missed,
        elsewhere=known.elsewhere,
        sites=sites,
        rows=rows,
        influences=[(code, label(f"influence {code}")) for code in INFLUENCES],
        may_judge=JUDGES.lets_in(ask.person),
        may_name=JUDGES.lets_in(ask.person),
        colleagues=[
            ("", ask.words.say("nobody")),
            *((one.contact_id, one.name) for one in (found["ours"].contacts if found["ours"] else ()) if one.roles),
        ],
        wrong=wrong,
        **found,
    )
