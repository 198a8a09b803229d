"""Writes the mail of a link into the portal."""

from typing import Any

from services.notifications.letters import short
from services.notifications.letters.short import Short
from services.notifications.texts.catalogue import catalogue


def write(one: Any, *, sender: str, domain: str) -> bytes:
    """The mail's bytes; `one` has link, person, seller and inviter (links.py)."""
    words = catalogue(one.person.language)
    kind = f"link_{one.link.kind.lower()}"
    seller = one.seller or sender.partition("@")[2]
    said = words.tell(kind, {"seller": seller, "inviter": one.inviter or seller, "minutes": one.link.minutes})
    after = [said["good_for"], said["not_you"]]
    mail = Short(kind, said["subject"], [said["words"]], said["act"], one.link.url, after)
    id_ = (one.link.tenant, one.link.link_id)
    return short.write(mail, to=one.person, seller=seller, id_=id_, sender=sender, domain=domain)
