"""Mail that comes to us: who wrote a reply, and which mails are nobody's words (RULES: post)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from services.notifications.domain.contacts import Contact
from services.notifications.domain.journeys import Journey
from services.notifications.domain.threads import is_for

UNVERIFIED = "mail:unverified"  # who wrote what came from an address that is nobody's, or is not shown to be
BLANK = "…"  # stands for the words of a reply that has none
_CODE = re.compile(r"\b5[0-9]{2}\b")
_TOKEN = re.compile(r"(case|bounce|decline)\+([0-9a-f]{32})")


class Became(StrEnum):
    """What became of a mail that came."""

    ENTERED = "entered"
    UNVERIFIED = "unverified"
    # Sent by a machine: an answer to it would be answered again.
    AUTOMATIC = "automatic"
    EMPTY = "empty"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    # A report of nothing that is ours, or of nothing that is final; a reply to what is forgotten.
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody wrote by mail."""

    # The address that it names as its writer's, in small letters; "": none, or several.
    sender: str
    text: str
    # What it repeats of what was written before.
    folded: str = ""
    # Files that came with it.
    files: int = 0
    automatic: bool = False
    # Whether the mail server before us vouches for the sender's domain.
    vouched: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """An address that a mail server says it could not deliver to, for good (RFC 3464)."""

    # As we wrote it, and as it was in the end, in small letters.
    addresses: frozenset[str]
    code: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail server reports of a mail of ours."""

    refusals: tuple[Refusal, ...] = ()
    # Its reader called it unwanted (RFC 5965).
    complaint: bool = False

    def refused(self, email: str) -> int:
        """The reply code by which this address was refused; 0 if it was not."""
        return next((refusal.code for refusal in self.refusals if email.lower() in refusal.addresses), 0)


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose a mail is by its address, and whether that is enough."""

    # "contact:c1", "user:u1"; "": nobody's.
    author: str
    proven: bool


def door(local_part: str) -> tuple[str, str] | None:
    """What an address of ours takes ("case", "bounce", "decline"), and its token; None if it is none."""
    found = _TOKEN.fullmatch(local_part.lower())
    return (found[1], found[2]) if found else None


def claim(reply: Reply, journey: Journey, people: Iterable[Contact], *, must_vouch: bool) -> Claim:
    """Whose word a reply is, of the people who have its address.

    A buyer's person is taken for its address's owner, unless the mail server before us tells whom it vouches for. One of
    the seller's must be vouched for always: a word of the seller's about where to pay is worth forging.
    """
    may = [person for person in people if _may_write(person, journey)]
    if not may:
        return Claim("", proven=False)
    person = next((each for each in may if each.account_id), may[0])
    if person.account_id:
        return Claim(f"contact:{person.contact_id}", reply.vouched or not must_vouch)
    return Claim(f"user:{person.contact_id}", reply.vouched and must_vouch)


def _may_write(person: Contact, journey: Journey) -> bool:
    is_theirs = person.account_id in ("", journey.account_id) and person.hears_of(journey.scope)
    return is_theirs and bool(person.roles) and is_for(journey.kind, person.roles)


def code_of(diagnostic: str) -> int:
    """The reply code that a server's words have in them; 550 if they have none."""
    found = _CODE.search(diagnostic)
    return int(found[0]) if found else 550
