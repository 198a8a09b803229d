"""Whom an account misses, before it matters: roles that nobody holds, one person for all, people who never answer (RULES: gaps)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.notifications.domain.contacts import Contact
from services.notifications.domain.roles import Role

# Without these an account cannot be administered, order, receive or pay.
WANTED = (Role.ACCOUNT_ADMIN, Role.REQUESTER, Role.RECEIVING, Role.AP_CLERK)
SILENT_DAYS = 90


class What(StrEnum):
    """What is missing."""

    ROLE = "ROLE"
    SINGLE_CONTACT = "SINGLE_CONTACT"
    SILENT = "SILENT"
    # Nobody of the seller's people answers for it.
    OWNER = "OWNER"


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """One thing that an account misses."""

    what: What
    # Of ROLE the role, of SILENT the contact; else "".
    who: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """When somebody was heard of, and asked; None: never."""

    # They came into the portal, wrote, or moved a case.
    at: datetime | None = None
    asked_at: datetime | None = None
    # The first time since they were heard.
    asked_since: datetime | None = None

    def is_silent(self, now: datetime) -> bool:
        """Whether they were asked, and not heard of, for longer than anybody is away."""
        return self.asked_since is not None and now - self.asked_since > timedelta(days=SILENT_DAYS)


def gaps(people: Sequence[Contact], heard: Mapping[str, Heard], now: datetime, *, owned: bool = True) -> set[Gap]:
    """All that an account misses; `owned`: somebody of the seller's people answers for it, or need not."""
    there = [one for one in people if one.roles and not one.suspended]
    held = {role for one in there for role in one.roles}
    found = {Gap(What.ROLE, role.value) for role in WANTED if role not in held}
    if len(there) == 1:
        found.add(Gap(What.SINGLE_CONTACT))
    if not owned:
        found.add(Gap(What.OWNER))
    silent = (one.contact_id for one in there if heard.get(one.contact_id, Heard()).is_silent(now))
    return found | {Gap(What.SILENT, contact_id) for contact_id in silent}
