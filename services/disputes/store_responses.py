"""Remembers what buyers' systems say of invoices. An invoice's row is the lock of all that is said of it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.chassis.database import Tx
from services.chassis.pages import Page
from services.disputes.domain.cases import OPEN
from services.disputes.domain.invoices import Invoice
from services.disputes.domain.responses import Response, Status
from services.disputes.store import Key

_OPEN_STATES = [state.value for state in OPEN]


@dataclass(frozen=True, slots=True)
class Kept:
    """A response as it is kept."""

    invoice_id: str
    invoice_number: str
    account_id: str
    nth: int
    message_id: str
    sha256: str
    status: Status
    issued_on: date
    effective_on: date | None
    reasons: tuple[str, ...]
    actions: tuple[str, ...]
    terms: tuple[str, ...]
    # The case that it opened, or that was open already; '': none.
    dispute_id: str
    opened: bool
    # '' once they are forgotten.
    words: str
    received_by: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Unread:
    """What a channel brought and nobody could read: why, and how often it was tried."""

    channel_id: str
    sha256: str
    code: str
    tried: int
    tried_at: datetime


_KEPT = """SELECT r.*, i.number AS invoice_number, i.account_id
             FROM response r JOIN invoice i USING (tenant, invoice_id) WHERE r.tenant = %s AND r.invoice_id = %s"""


async def find(tx: Tx, key: Key, message_id: str) -> Kept | None:
    """What a message said of an invoice, if it came before."""
    row = await tx.row(f"{_KEPT} AND r.message_id = %s", [*key, message_id])
    return _kept(row) if row else None


async def last(tx: Tx, key: Key) -> Kept | None:
    """What was said last of an invoice."""
    row = await tx.row(f"{_KEPT} ORDER BY r.nth DESC LIMIT 1", key)
    return _kept(row) if row else None


async def list_responses(tx: Tx, key: Key, page: Page) -> list[Kept]:
    """What was said of an invoice, the newest first."""
    rows = await tx.rows(
        f"""{_KEPT} {"AND r.nth < %s" if page.after else ""} ORDER BY r.nth DESC LIMIT {page.most}""",
        [*key, *(page.after or ())],
    )
    return [_kept(row) for row in rows]


async def add(tx: Tx, tenant: str, new: Kept) -> None:
    """Keep what was said of a locked invoice."""
    await tx.run(
        """INSERT INTO response (tenant, invoice_id, nth, message_id, sha256, status, issued_on, effective_on, reasons,
                                 actions, terms, dispute_id, opened, words, received_by, received_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            tenant,
            new.invoice_id,
            new.nth,
            new.message_id,
            new.sha256,
            new.status.value,
            new.issued_on,
            new.effective_on,
            list(new.reasons),
            list(new.actions),
            list(new.terms),
            new.dispute_id,
            new.opened,
            new.words,
            new.received_by,
            new.received_at,
        ],
    )


async def open_case(tx: Tx, key: Key) -> str | None:
    """The open case that was last spoken of in a response to an invoice."""
    row = await tx.row(
        """SELECT d.dispute_id FROM response r JOIN dispute d USING (tenant, dispute_id)
             WHERE r.tenant = %s AND r.invoice_id = %s AND r.dispute_id <> '' AND d.state = ANY (%s::text[])
             ORDER BY r.nth DESC LIMIT 1""",
        [*key, _OPEN_STATES],
    )
    return str(row.dispute_id) if row else None


async def newest_open(tx: Tx, key: Key) -> str | None:
    """The open case of an invoice that was opened last, whoever opened it."""
    row = await tx.row(
        """SELECT dispute_id FROM dispute WHERE tenant = %s AND invoice_id = %s AND state = ANY (%s::text[])
            ORDER BY dispute_id DESC LIMIT 1""",
        [*key, _OPEN_STATES],
    )
    return str(row.dispute_id) if row else None


async def is_only_queried(tx: Tx, key: Key, dispute_id: str) -> bool:
    """Whether a case was opened by a query, and nothing else contested it since."""
    row = await tx.row(
        """SELECT bool_or(opened) AND bool_and(status = 'UQ') AS queried FROM response
            WHERE tenant = %s AND invoice_id = %s AND dispute_id = %s""",
        [*key, dispute_id],
    )
    return bool(row.queried)


async def add_unread(tx: Tx, tenant: str, channel_id: str, sha256: str, code: str) -> None:
    """Keep why nobody could read what a channel brought; brought again, how often."""
    await tx.run(
        """INSERT INTO unread_response AS u (tenant, channel_id, sha256, code, tried, tried_at)
           VALUES (%s, %s, %s, %s, 1, %s)
           ON CONFLICT (tenant, channel_id) DO UPDATE
             SET sha256 = EXCLUDED.sha256, code = EXCLUDED.code, tried = u.tried + 1, tried_at = EXCLUDED.tried_at""",
        [tenant, channel_id, sha256, code, tx.at],
    )


async def remove_unread(tx: Tx, tenant: str, channel_id: str) -> None:
    """It could be read after all."""
    await tx.run("DELETE FROM unread_response WHERE tenant = %s AND channel_id = %s", [tenant, channel_id])


async def list_unread(tx: Tx, tenant: str, page: Page) -> list[Unread]:
    """What could not be read, by the channel's name of it."""
    return await tx.fetch(
        Unread,
        f"""SELECT channel_id, sha256, code, tried, tried_at FROM unread_response
             WHERE tenant = %s {"AND channel_id > %s" if page.after else ""} ORDER BY channel_id LIMIT {page.most}""",  # noqa: S608 - constant text
        [tenant, *(page.after or ())],
    )


async def count_unread(tx: Tx) -> int:
    """How much could not be read."""
    return int((await tx.row("SELECT count(*) AS n FROM unread_response")).n)


async def forget(tx: Tx, tenant: str, subject: str) -> None:
    """Forget what somebody wrote, in their own name or for another."""
    await tx.run(
        """UPDATE response SET words = ''
            WHERE tenant = %s AND words <> '' AND (writer = %s OR written_for = %s AND written_for <> '')""",
        [tenant, subject, subject],
    )


async def forget_outdated(tx: Tx, tenant: str, before: date, most: int) -> int:
    """Forget what was written before a day, but for what is about a case that is open; return how much."""
    return await tx.run(
        """UPDATE response r SET words = '' FROM (
             SELECT invoice_id, nth FROM response o
              WHERE tenant = %(tenant)s AND words <> '' AND received_at < %(before)s
                AND NOT EXISTS (SELECT FROM dispute d WHERE d.tenant = o.tenant AND d.dispute_id = o.dispute_id
                                                        AND d.state = ANY (%(open)s::text[]))
              ORDER BY received_at LIMIT %(most)s) AS old
            WHERE r.tenant = %(tenant)s AND r.invoice_id = old.invoice_id AND r.nth = old.nth""",
        {"tenant": tenant, "before": before, "open": _OPEN_STATES, "most": most},
    )


def new(said: Response, invoice: Invoice, *, nth: int, dispute_id: str, opened: bool, by: str, at: datetime) -> Kept:
    """A response as it will be kept."""
    return Kept(
        invoice_id=invoice.invoice_id,
        invoice_number=invoice.number,
        account_id=invoice.account_id,
        nth=nth,
        message_id=said.message_id,
        sha256=said.sha256,
        status=said.status,
        issued_on=said.issued_on,
        effective_on=said.effective_on,
        reasons=said.reasons,
        actions=said.actions,
        terms=said.terms,
        dispute_id=dispute_id,
        opened=opened,
        words=said.words,
        received_by=by,
        received_at=at,
    )


def _kept(row: Any) -> Kept:
    return Kept(
        invoice_id=row.invoice_id,
        invoice_number=row.invoice_number,
        account_id=row.account_id,
        nth=row.nth,
        message_id=row.message_id,
        sha256=row.sha256,
        status=Status(row.status),
        issued_on=row.issued_on,
        effective_on=row.effective_on,
        reasons=tuple(row.reasons),
        actions=tuple(row.actions),
        terms=tuple(row.terms),
        dispute_id=row.dispute_id,
        opened=row.opened,
        words=row.words,
        received_by=row.received_by,
        received_at=row.received_at,
    )
