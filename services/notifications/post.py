"""Remembers mail that came, until it is read; and after that, that it came."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.chassis import jobs
from services.chassis.database import Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.jobs import Job
from services.notifications.store import Key, MailKey, of_decline_token

POST = "post"  # the kind of job that reads a mail; its subject is the mail
KEPT_DAYS = 30  # that a mail came: longer than any server tries to hand it over again
HEAD_MAX = 256 * 1024  # bytes in which a mail's Message-ID is looked for
_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*(?:\r\n[ \t]+)?([^\r\n]{1,1000})", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Addressee:
    """What an address of ours stands for."""

    tenant: str
    account_id: str
    # A reply to this; "": a report of that mail; neither: somebody declines what only informs.
    about: str
    contact_id: str
    mail_key: str
    token: str

    @property
    def declines(self) -> bool:
        """Whether it is the address by which news are declined: whatever comes to it says so, and is not kept."""
        return not (self.about or self.mail_key)

    @property
    def mail(self) -> MailKey:
        """The mail that it is a report of."""
        return (self.tenant, self.contact_id, self.mail_key)


async def of_case(tx: Tx, token: str) -> Addressee | None:
    """What replies with this token are about, if anything can be written about it."""
    row = await tx.row(
        """SELECT j.tenant, j.account_id, j.about FROM case_file c JOIN journey j USING (tenant, about)
            WHERE c.token = %s""",
        [token],
    )
    return Addressee(row.tenant, row.account_id, row.about, "", "", token) if row else None


async def of_mail(tx: Tx, token: str) -> Addressee | None:
    """Which mail of ours reports with this token are of."""
    row = await tx.row(
        """SELECT m.tenant, c.account_id, m.contact_id, m.key FROM mail m JOIN contact c USING (tenant, contact_id)
            WHERE m.token = %s""",
        [token],
    )
    return Addressee(row.tenant, row.account_id, "", row.contact_id, row.key, token) if row else None


async def of_decline(tx: Tx, token: str) -> Addressee | None:
    """Whose news are declined with this token."""
    person = await of_decline_token(tx, token)
    return Addressee(person.tenant, person.account_id, "", person.contact_id, "", token) if person else None


# By what its address begins with.
FINDERS: Mapping[str, Callable[[Tx, str], Awaitable[Addressee | None]]] = {
    "case": of_case,
    "bounce": of_mail,
    "decline": of_decline,
}


async def add(tx: Tx, addressees: Sequence[Addressee], content: bytes) -> int:
    """Keep a mail for each of these, and have it read; return for how many it is new."""
    added = []
    for to in addressees:
        post_id = _id_of(content, to)
        row = await tx.row(
            """INSERT INTO post (tenant, post_id, account_id, kind, about, contact_id, mail_key, content)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %b) ON CONFLICT DO NOTHING RETURNING post_id""",
            [
                to.tenant,
                post_id,
                to.account_id,
                "REPLY" if to.about else "REPORT",
                to.about,
                to.contact_id,
                to.mail_key,
                content,
            ],
        )
        if row:
            added.append(Job(POST, f"post/{post_id}", replace(_word(), tenant=to.tenant), lane=to.about))
    await jobs.add(tx, added)
    return len(added)


async def find(tx: Tx, key: Key) -> Any:
    """A mail that came; nothing if its time is over."""
    return await tx.row("SELECT * FROM post WHERE tenant = %s AND post_id = %s", key)


async def done(tx: Tx, key: Key) -> None:
    """A mail is read: that it came is all that is kept of it."""
    await tx.run("UPDATE post SET content = NULL WHERE tenant = %s AND post_id = %s", key)


async def forget_outdated(tx: Tx, tenant: str, most: int) -> int:
    """Remove some of the mails that came so long ago that nobody sends them again; return how many."""
    return await tx.run(
        f"""DELETE FROM post WHERE tenant = %s AND post_id IN (
              SELECT post_id FROM post WHERE tenant = %s AND came_at < now() - interval '{KEPT_DAYS} days'
               ORDER BY came_at LIMIT %s)""",  # noqa: S608 - a number
        [tenant, tenant, most],
    )


def key_of(job: Job) -> Key:
    """The mail that a job reads."""
    return job.tenant, job.subject.removeprefix("post/")


def _id_of(content: bytes, to: Addressee) -> str:
    """The same for the same mail, sent again, by its Message-ID; one without is known by its content."""
    head = content[:HEAD_MAX].partition(b"\r\n\r\n")[0]
    found = _MESSAGE_ID.search(head)
    named = found[1].strip() if found else hashlib.sha256(content).digest()
    return hashlib.sha256(b"\0".join((named, to.token.encode()))).hexdigest()


def _word() -> Origin:
    """On whose word mails are read; the tenant is theirs."""
    return Origin("", "system:post", "a mail came", "", new_traceparent())
