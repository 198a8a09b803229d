"""What issued documents say whole, their bytes in each format, and which files are still to be written."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.invoicing.domain.parties import Form
from services.invoicing.domain.statements import Check, File
from services.invoicing.store.columns import Key, columns, keys


async def add_documents(tx: Tx, documents: Sequence[tuple[Key, File]]) -> None:
    """Keep the XML of what is issued now."""
    await tx.run(
        """INSERT INTO document (tenant, document_id, format, profile, content, sha256, rule_set)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[], %s::text[], %s::text[])""",
        columns([(*key, *_file_row(file)) for key, file in documents], 7),
    )


async def add_papers(tx: Tx, papers: Sequence[tuple[Key, bytes]]) -> None:
    """Keep what documents say, whole: what their other formats are written from."""
    await tx.run(
        "INSERT INTO paper (tenant, document_id, content) SELECT * FROM unnest(%s::text[], %s::text[], %s::bytea[])",
        columns([(*key, content) for key, content in papers], 3),
    )


async def get_paper(tx: Tx, key: Key) -> bytes | None:
    """What a document says, whole; None of one that the version before this issued."""
    rows = await tx.rows("SELECT content FROM paper WHERE tenant = %s AND document_id = %s", list(key))
    return bytes(rows[0].content) if rows else None


async def get_file(tx: Tx, key: Key, form: Form) -> File | None:
    """A document's bytes in a format and a profile (json and csv have none), if they were given before."""
    rows = await tx.rows(
        """SELECT format, profile, content, sha256, rule_set FROM document
            WHERE tenant = %(tenant)s AND document_id = %(id)s AND format = %(format)s AND profile = %(profile)s
           UNION ALL
           SELECT format, profile, content, sha256, rule_set FROM rendered
            WHERE tenant = %(tenant)s AND document_id = %(id)s AND format = %(format)s AND profile = %(profile)s
           LIMIT 1""",
        {"tenant": key[0], "id": key[1], "format": form.format, "profile": form.profile},
    )
    return _file(rows[0]) if rows else None


async def keep_file(tx: Tx, key: Key, file: File) -> None:
    """Keep what is given for the first time; what another gave first counts."""
    await tx.run(
        """INSERT INTO rendered (tenant, document_id, format, profile, content, sha256, rule_set)
           VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        [*key, *_file_row(file)],
    )


async def add_unwritten(tx: Tx, documents: Mapping[Key, Origin]) -> None:
    """The files of these documents are still to be written, and told on that word."""
    rows = [(*key, o.actor, o.reason, o.idempotency_key, o.traceparent, o.causation_id) for key, o in documents.items()]
    await tx.run(
        """INSERT INTO unwritten (tenant, document_id, actor, reason, idempotency_key, traceparent, causation_id)
           SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])""",
        columns(rows, 7),
    )


async def lock_unwritten(tx: Tx, most: int) -> dict[Key, Origin]:
    """Some documents whose files are to be written now, oldest first; nobody else has them until the transaction ends."""
    rows = await tx.rows(
        """SELECT * FROM unwritten WHERE next_try_at <= now() ORDER BY document_id LIMIT %s FOR UPDATE SKIP LOCKED""",
        [most],
    )
    return {
        (row.tenant, row.document_id): Origin(
            row.tenant, row.actor, row.reason, row.idempotency_key, row.traceparent, row.causation_id
        )
        for row in rows
    }


async def remove_unwritten(tx: Tx, documents: Collection[Key]) -> None:
    """The files of these documents are written."""
    await tx.run(
        "DELETE FROM unwritten WHERE (tenant, document_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
        keys(documents),
    )


async def put_off(tx: Tx, document: Key, failure: str) -> None:
    """The file of a document could not be written, and why; tried again with growing pauses, an hour at most."""
    await tx.run(
        """UPDATE unwritten SET attempts = attempts + 1, failure = %s,
                  next_try_at = now() + least(15 * power(2, least(attempts, 8)), 3600) * interval '1 second'
            WHERE tenant = %s AND document_id = %s""",
        [failure, *document],
    )


async def count_unwritten(tx: Tx) -> int:
    """How many files are to be written now, of the tenants that the transaction serves."""
    return int((await tx.row("SELECT count(*) AS n FROM unwritten WHERE next_try_at <= now()")).n)


def _file_row(file: File) -> tuple[Any, ...]:
    return file.check.format, file.check.profile, file.content, file.check.sha256, file.check.rule_set


def _file(row: Any) -> File:
    return File(Check(row.format, row.profile, row.sha256, row.rule_set), bytes(row.content))
