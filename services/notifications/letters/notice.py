"""Writes the mail of what happened in the portal: what it was, what it affects, who acts and by when."""

from typing import Any

from services.notifications.letters import short
from services.notifications.letters.short import Short
from services.notifications.texts.catalogue import catalogue


def write(one: Any, *, sender: str, domain: str) -> bytes:
    """The mail's bytes; `one` is a Notice (notices.py)."""
    words = catalogue(one.person.language)
    seller = one.seller or sender.partition("@")[2]
    kind = f"notice_{one.kind.lower()}"
    said = words.tell(kind, {**one.values, "seller": seller})
    before = [said["what_happened"], said["affects"], said["who_acts"]]
    mail = Short(kind, said["subject"], before, said["act"], one.url)
    id_ = (one.tenant, one.notice_id)
    return short.write(mail, to=one.person, seller=seller, id_=id_, sender=sender, domain=domain)
