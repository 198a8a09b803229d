"""Documents that reached nobody, people whom no mail reaches, and sending a document again."""

from datetime import datetime
from typing import Any

from services.chassis import jobs
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.ids import new_id
from services.chassis.jobs import Job
from services.chassis.pages import Page
from services.notifications.domain.contacts import Contact
from services.notifications.domain.delivery import PATIENCE_ATTEMPTS
from services.notifications.store import LETTER, Key, contact_of

# By which events an invoice or a credit note is told.
_TELL = "('receivables.invoicing.v1.InvoiceIssued', 'receivables.invoicing.v1.CreditNoteIssued')"
# Who is suspended is told nothing more: what came back is among the newest that they were told.
_NEWEST = 100
_ON_ITS_WAY = "('QUEUED', 'SENT', 'ACCEPTED')"
# Whether somebody else of the buyer was told of the same fact, by a mail that was taken or goes.
_REACHED = f"""EXISTS (
    SELECT FROM message o JOIN contact oc ON oc.tenant = o.tenant AND oc.contact_id = o.contact_id
      LEFT JOIN mail om ON om.tenant = o.tenant AND om.contact_id = o.contact_id AND om.key = o.mail_key
     WHERE o.tenant = m.tenant AND o.about = m.about AND o.fact = m.fact AND o.message_id <> m.message_id
       AND oc.account_id = m.account_id AND coalesce(om.state, 'QUEUED') IN {_ON_ITS_WAY})"""
_SHOWN = """m.tenant, m.message_id, m.contact_id, m.account_id, m.about, m.fact, m.mail_key, m.created_at, m.by_when,
            mail.state, mail.smtp_code, mail.attempts"""


async def page_of(tx: Tx, tenant: str, page: Page, *, account_id: str = "", contact_id: str = "") -> list[Any]:
    """Messages of documents that reached nobody, of a buyer, a person or all: of whoever's mail came back first, first.

    Also those whose mail nobody waits for any more, though it is still tried: by when it was due.
    """
    asked = {"account_id": account_id, "contact_id": contact_id}
    wanted = {column: value for column, value in asked.items() if value}
    only = "".join(f" AND m.{column} = %s" for column in wanted)

    def after(since: str) -> str:
        return f"AND ({since}, m.contact_id, m.message_id) > (%s, %s, %s)" if page.after else ""

    back = f"""SELECT c.suspended_at AS since, {_SHOWN} FROM contact c
                CROSS JOIN LATERAL (SELECT * FROM message WHERE message.tenant = c.tenant
                                       AND message.contact_id = c.contact_id
                                     ORDER BY message_id DESC LIMIT {_NEWEST}) AS m
                 JOIN mail ON mail.tenant = m.tenant AND mail.contact_id = m.contact_id AND mail.key = m.mail_key
                WHERE c.tenant = %s AND c.suspended_at IS NOT NULL AND c.erased_at IS NULL AND c.account_id <> ''
                  {only.replace(" m.", " c.")} {after("c.suspended_at")}
                  AND m.event_type IN {_TELL} AND mail.state = 'HARD_BOUNCED' AND NOT {_REACHED}
                ORDER BY since, contact_id, message_id LIMIT {page.most}"""  # noqa: S608 - constant text
    put_off = f"""SELECT mail.due_at AS since, {_SHOWN} FROM mail
                    JOIN message m ON m.tenant = mail.tenant AND m.contact_id = mail.contact_id AND m.mail_key = mail.key
                    JOIN contact c ON c.tenant = m.tenant AND c.contact_id = m.contact_id
                   WHERE mail.tenant = %s AND mail.state = 'SOFT_BOUNCED' AND mail.attempts >= {PATIENCE_ATTEMPTS}
                     AND c.account_id <> '' {only} {after("mail.due_at")}
                     AND m.event_type IN {_TELL} AND NOT {_REACHED}
                   ORDER BY since, contact_id, message_id LIMIT {page.most}"""  # noqa: S608 - constant text
    values = [tenant, *wanted.values(), *(page.after or ())]
    return await tx.rows(
        f"""SELECT one.*, story.told ->> 'document' AS document,
                   coalesce(story.told #>> '{{details,credit_note}}', story.told #>> '{{details,invoice}}') AS number
              FROM (({back}) UNION ALL ({put_off})) AS one JOIN story USING (tenant, fact)
             ORDER BY since, contact_id, message_id LIMIT {page.most}""",  # noqa: S608 - constant text
        values * 2,
    )


async def unreachable(tx: Tx, tenant: str, page: Page) -> list[tuple[Contact, datetime]]:
    """People to whom no mail goes, and since when, the first of them first."""
    after = "AND (suspended_at, contact_id) > (%s, %s)" if page.after else ""
    rows = await tx.rows(
        f"""SELECT * FROM contact WHERE tenant = %s AND suspended_at IS NOT NULL AND erased_at IS NULL {after}
             ORDER BY suspended_at, contact_id LIMIT {page.most}""",  # noqa: S608 - constant text
        [tenant, *(page.after or ())],
    )
    return [(contact_of(row), row.suspended_at) for row in rows]


async def lock_message(tx: Tx, key: Key) -> Any | None:
    """A message, locked; with what became of its mail ('QUEUED' while it waits for a digest)."""
    return await tx.row(
        """SELECT m.*, coalesce((SELECT state FROM mail WHERE mail.tenant = m.tenant AND mail.contact_id = m.contact_id
                                    AND mail.key = m.mail_key), 'QUEUED') AS state
             FROM message m WHERE tenant = %s AND message_id = %s FOR UPDATE""",
        key,
    )


async def message_to(tx: Tx, contact: Key, fact: str) -> str | None:
    """By which message a person was told of a fact."""
    row = await tx.row(
        "SELECT message_id FROM message WHERE tenant = %s AND contact_id = %s AND fact = %s", [*contact, fact]
    )
    return row.message_id if row else None


async def mail_anew(tx: Tx, message: Any, document: str, word: Origin) -> None:
    """Have a message travel by another mail, with its document; the mail that came to its end is forgotten, if empty."""
    key = f"again/{new_id()}"
    await tx.run(
        "INSERT INTO mail (tenant, contact_id, key, due_at, state, next_try_at) VALUES (%s, %s, %s, %s, 'QUEUED', now()"
        " + interval '10 minutes')",
        [message.tenant, message.contact_id, key, tx.at],
    )
    await tx.run(
        "UPDATE message SET mail_key = %s, document = %s WHERE tenant = %s AND message_id = %s",
        [key, document, message.tenant, message.message_id],
    )
    await tx.run(
        """DELETE FROM mail WHERE tenant = %s AND contact_id = %s AND key = %s
              AND NOT EXISTS (SELECT FROM message m WHERE m.tenant = mail.tenant AND m.contact_id = mail.contact_id
                                 AND m.mail_key = mail.key)""",
        [message.tenant, message.contact_id, message.mail_key],
    )
    await jobs.add(tx, [Job(LETTER, f"message/{message.message_id}", word)])
