"""What the portal does: lets people in, and keeps who they are and what they may."""

from services.portal.usecases.door import Door, hash_of, is_fresh, new_secret, noted, origin_of
from services.portal.usecases.signing_in import (
    Asker,
    add_host,
    ask_for_link,
    begin,
    come_in,
    find_person,
    invite,
    person_of,
    who_is_in,
    works,
)
from services.portal.usecases.spending import Placed, place_or_ask

__all__ = [
    "Asker",
    "Door",
    "Placed",
    "add_host",
    "ask_for_link",
    "begin",
    "come_in",
    "find_person",
    "hash_of",
    "invite",
    "is_fresh",
    "new_secret",
    "noted",
    "origin_of",
    "person_of",
    "place_or_ask",
    "who_is_in",
    "works",
]
