"""What issued documents say whole, and their bytes in each format."""

from collections.abc import Collection, Sequence
from typing import Any

from services.chassis import jobs
from services.chassis.columns import columns, within
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.jobs import Job
from services.invoicing.domain.parties import Form
from services.invoicing.domain.statements import Check, File
from services.invoicing.store.columns import Key

PAPER = "json"  # the format in which a document is kept whole
FILE = "file"  # the kind of job that writes a document's file


async def add_documents(tx: Tx, documents: Sequence[tuple[Key, File]]) -> None:
    """Keep the XML of what is issued now: in lists, since bytes in JSON are parsed twice."""
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


async def get_paper(tx: Tx, key: Key) -> tuple[bytes, str] | None:
    """What a document says, whole, and in which format; None of one that the first version issued."""
    rows = await tx.rows("SELECT content FROM paper WHERE tenant = %s AND document_id = %s", list(key))
    return (bytes(rows[0].content), PAPER) if rows else None


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


async def keep_file(tx: Tx, key: Key, file: File) -> File:
    """Keep what is given for the first time; return what counts from now on, which another may have given before."""
    await tx.run(
        """INSERT INTO rendered (tenant, document_id, format, profile, content, sha256, rule_set)
           VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
        [*key, *_file_row(file)],
    )
    first = await get_file(tx, key, Form(file.check.profile, file.check.format))
    assert first is not None, "it was just kept, by us or by another"
    return first


async def find_papers(tx: Tx, of: Collection[Key]) -> dict[Key, bytes]:
    """What these documents say, whole."""
    rows = await tx.rows(
        "SELECT tenant, document_id, content FROM paper WHERE tenant = ANY (%s) AND document_id = ANY (%s)",
        within(of),
    )
    return {key: bytes(row.content) for row in rows if (key := (row.tenant, row.document_id)) in of}


async def find_unwritten(tx: Tx) -> int:
    """Make jobs of what the version before this one left to be written; return how many."""
    rows = await tx.rows(
        """DELETE FROM unwritten
            WHERE (tenant, document_id) IN (SELECT tenant, document_id FROM unwritten LIMIT 100 FOR UPDATE SKIP LOCKED)
           RETURNING *"""
    )
    origins = {
        row.document_id: Origin(
            row.tenant, row.actor, row.reason, row.idempotency_key, row.traceparent, row.causation_id
        )
        for row in rows
    }
    await jobs.add(tx, [Job(FILE, f"document/{document_id}", origin) for document_id, origin in origins.items()])
    return len(rows)


def _file_row(file: File) -> tuple[Any, ...]:
    return file.check.format, file.check.profile, file.content, file.check.sha256, file.check.rule_set


def _file(row: Any) -> File:
    return File(Check(row.format, row.profile, row.sha256, row.rule_set), bytes(row.content))
