"""Who of the seller's people answers for an account, today (RULES: one face)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.kernel.refusals import Invalid
from services.notifications.domain.contacts import Contact

PICTURE_MAX = 102_400  # bytes
_BEGINS: Mapping[str, bytes] = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}


@dataclass(frozen=True, slots=True)
class Team:
    """Who answers for an account: ids of the seller's contacts, "" for nobody."""

    owner: str = ""
    stand_in: str = ""


@dataclass(frozen=True, slots=True)
class Away:
    """Somebody of the seller's people is away, and who does their work."""

    contact_id: str
    stand_in: str
    last: date


@dataclass(frozen=True, slots=True)
class Face:
    """Who answers today."""

    contact_id: str
    # Whose place they take, and until which day; "" and None: it is the owner.
    instead_of: str = ""
    until: date | None = None


def check(team: Team, people: Mapping[str, Contact]) -> Team:
    """Return the team itself; refuse who is not there, and a stand-in of nobody."""
    if not team.owner and team.stand_in:
        raise Invalid("team.without_owner", "name an owner before a stand-in")
    if team.owner and team.owner == team.stand_in:
        raise Invalid("team.oneself", "nobody stands in for themselves")
    for contact_id in filter(None, (team.owner, team.stand_in)):
        person = people.get(contact_id)
        if person is None or person.account_id or not person.roles:
            raise Invalid("team.not_ours", "an account's team are people of the seller's who have a role")
    return team


def face(team: Team, away: Sequence[Away], there: Mapping[str, Contact]) -> Face | None:
    """Who answers: the owner, else who does their work while they are away, else the team's stand-in; None: nobody.

    `there`: of the seller's people those whom mail reaches and who have a role.
    """
    gone = {one.contact_id: one for one in away}
    absent = gone.get(team.owner)
    if team.owner in there and absent is None:
        return Face(team.owner)
    until = absent.last if absent else None
    for contact_id in (absent.stand_in if absent else "", team.stand_in):
        if contact_id in there and contact_id not in gone:
            return Face(contact_id, team.owner, until)
    return Face(team.owner) if team.owner in there else None


def media_type(content: bytes) -> str:
    """What kind of picture it is; refuses what is none, or too large."""
    if len(content) > PICTURE_MAX:
        raise Invalid("picture.too_large", "a picture has at most 100 kB")
    found = next((kind for kind, begins in _BEGINS.items() if content.startswith(begins)), "")
    if not found:
        raise Invalid("picture.format", "a picture is a JPEG or a PNG")
    return found
