"""Who did something, by name: the seller's people and a buyer's, our own jobs, programs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.portal.asks import Asking, Away, Refused, Unknown, together
from services.portal.looks import Words
from services.portal.web import Ask

_MOST = 25  # people of a page, each asked for by itself
_COLLEAGUES = 200  # of whom one chooses
_PEOPLE = ("user", "contact")


@dataclass(frozen=True, slots=True)
class Names:
    """What those are called who are known by their subjects ("user:ada"); whoever is not found stays as told."""

    words: Words
    known: Mapping[str, str]

    def of(self, actor: str) -> str:
        """One who did something, perhaps for a colleague ("user:ada for user:bob")."""
        who, _, other = actor.partition(" for ")
        if other:
            return self.words.say("%(name)s for %(other)s", name=self._one(who), other=self._one(other))
        return self._one(who)

    def _one(self, subject: str) -> str:
        if subject == "engine":
            return self.words.say("the policy")
        if subject.startswith(("service:", "system:")):
            return self.words.say("the system")
        return self.known.get(subject) or subject


def owners(holds: Any) -> list[str]:
    """Who placed the holds of an answer, if there is one."""
    return [hold.owner for hold in holds.holds] if holds else []


async def colleagues(of: Asking) -> list[tuple[str, str]]:
    """The seller's people, as they are known and by name; nobody, where notifications does not answer."""
    try:
        answer = await of.notifications("ListContacts", notifications_pb2.ListContactsRequest(page_size=_COLLEAGUES))
    except (Away, Unknown, Refused):
        return []
    found = [(f"user:{one.contact_id}", one.name) for one in answer.contacts if not one.account_id]
    return sorted(found, key=lambda one: one[1].casefold())


async def names_of(ask: Ask, actors: Iterable[str]) -> Names:
    """Ask notifications for the names of these; where it does not answer, they stay as told."""
    subjects = {subject: None for actor in actors for subject in actor.split(" for ")}
    people = [subject for subject in subjects if subject.partition(":")[0] in _PEOPLE][:_MOST]
    found = await together(
        **{
            subject: ask.of.notifications(
                "GetContact", notifications_pb2.GetContactRequest(contact_id=subject.partition(":")[2])
            )
            for subject in people
        }
    )
    return Names(ask.words, {subject: answer.contact.name for subject, answer in found.items() if answer})
