"""Applications for credit, their decisions and documents."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString

from services.chassis import jobs
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import Page
from services.chassis.sweeps import Span
from services.credit.domain.applications import AT_THE_SELLER, OPEN, Application, Document, State
from services.credit.domain.book import Key
from services.credit.domain.promises import Promise
from services.credit.domain.underwriting import Track
from services.days_off import calendar
from services.kernel.calendars import Calendar

EXPIRE = "expire_application"  # the kind of job
_WAITING = "state IN ('SUBMITTED', 'REFERRED', 'IN_REVIEW', 'PROPOSED', 'APPEALED')"
assert all(f"'{state}'" in _WAITING for state in AT_THE_SELLER), "as the index has it"
_LAPSING: LiteralString = """SELECT tenant, 'expire_application', 'application/' || application_id, '', 1 FROM application
                              WHERE state = 'DECIDED' AND valid_until <= %s ORDER BY valid_until"""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as it is kept."""

    decision_id: str
    application_id: str
    account_id: str
    policy_id: str
    # "engine", or a person; and who confirmed it.
    prepared_by: str
    confirmed_by: str
    # receivables.credit.v1.DecisionRecord.
    record: bytes
    # The facts as they were; '': a person decided, or it was forgotten.
    snapshot: str
    decided_at: datetime
    # Until when it was promised; None: nothing was, as the engine answered at once.
    promised_by: datetime | None = None


async def add_application(tx: Tx, one: Application) -> bool:
    """Open an application; False if there is one by that id."""
    return bool(
        await tx.run(
            """INSERT INTO application (tenant, application_id, account_id, country, currency, state, started_by, started_at,
                                        owner, decision_id, decided_by, appealed_by)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, '', '', '', '') ON CONFLICT DO NOTHING""",
            [
                one.tenant,
                one.application_id,
                one.account_id,
                one.country,
                one.currency,
                one.state,
                one.started_by,
                one.started_at,
            ],
        )
    )


async def count_open(tx: Tx, tenant: str, account_id: str) -> int:
    """How many applications of an account have not ended."""
    row = await tx.row(
        "SELECT count(*) AS n FROM application WHERE tenant = %s AND account_id = %s AND state = ANY (%s::text[])",
        [tenant, account_id, [state.value for state in OPEN]],
    )
    return int(row.n)


async def find_application(tx: Tx, key: Key, *, lock: bool = False) -> Application | None:
    """One application; held until the transaction ends, if it is to be changed."""
    row = await tx.row(
        f"SELECT * FROM application WHERE tenant = %s AND application_id = %s {'FOR UPDATE' if lock else ''}",  # noqa: S608 - constant text
        [*key],
    )
    return _application(row) if row else None


async def save_application(tx: Tx, one: Application) -> None:
    """Write where it stands."""
    await tx.run(
        """UPDATE application SET state = %s, track = %s, submitted_at = %s, owner = %s, usually_by = %s, latest_by = %s,
                                  asked_at = %s, decision_id = %s, decided_by = %s, valid_until = %s, appealed_by = %s
            WHERE tenant = %s AND application_id = %s""",
        [
            one.state,
            one.track,
            one.submitted_at,
            one.owner,
            one.promise and one.promise.usually_by,
            one.promise and one.promise.latest_by,
            one.asked_at,
            one.decision_id,
            one.decided_by,
            one.valid_until,
            one.appealed_by,
            *one.key,
        ],
    )


async def list_applications(tx: Tx, tenant: str, account_id: str, page: Page) -> list[Application]:
    """An account's, newest first; of all accounts what waits for the seller, the one with the least time left first."""
    if account_id:
        rows = await tx.rows(
            f"""SELECT * FROM application WHERE tenant = %s AND account_id = %s
                 {"AND (started_at, application_id) < (%s, %s)" if page.after else ""}
                 ORDER BY started_at DESC, application_id DESC LIMIT {page.most}""",  # noqa: S608 - constant text
            [tenant, account_id, *(page.after or ())],
        )
    else:
        rows = await tx.rows(
            f"""SELECT * FROM application WHERE tenant = %s AND {_WAITING}
                 {"AND (latest_by, application_id) > (%s, %s)" if page.after else ""}
                 ORDER BY latest_by, application_id LIMIT {page.most}""",  # noqa: S608 - constant text
            [tenant, *(page.after or ())],
        )
    return [_application(row) for row in rows]


async def count_applications(tx: Tx, span: Span) -> list[Any]:
    """These applications by where they stand, on which track, and how far the seller's time for them is over.

    `over`: "" of those that do not wait for the seller, "no", "usual", or "promised".
    """
    return await tx.rows(
        f"""SELECT state, coalesce(track, '') AS track,
                   CASE WHEN NOT {_WAITING} OR latest_by IS NULL THEN ''
                        WHEN latest_by < %(at)s THEN 'promised' WHEN usually_by < %(at)s THEN 'usual' ELSE 'no' END AS over,
                   count(*) AS n
              FROM application WHERE {span.where("tenant", "application_id")} GROUP BY 1, 2, 3""",  # noqa: S608 - constant text
        span.params | {"at": tx.at},
    )


async def count_answers(tx: Tx, span: Span) -> list[Any]:
    """These answers by their outcome and whether the promise was kept; "" where nothing had been promised."""
    return await tx.rows(
        f"""SELECT outcome, CASE WHEN promised_by IS NULL THEN ''
                                 WHEN decided_at <= promised_by THEN 'kept' ELSE 'missed' END AS promise, count(*) AS n
              FROM application_decision WHERE outcome <> 'REFERRED' AND {span.where("tenant", "decision_id")}
             GROUP BY 1, 2""",  # noqa: S608 - constant text
        span.params,
    )


async def find_lapsing(tx: Tx, word: Origin) -> int:
    """Have the decisions lapse whose time is over; return how many."""
    return await jobs.find(tx, word, _LAPSING, [tx.at])


async def count_lapsing(tx: Tx) -> int:
    """How many decisions are over and not found yet."""
    return await jobs.count_found(tx, _LAPSING, [tx.at])


async def add_application_decision(tx: Tx, tenant: str, one: Decided, outcome: str) -> None:
    """Write a decision, after those that the application has; hold the application before."""
    await tx.run(
        """INSERT INTO application_decision (tenant, decision_id, application_id, account_id, nth, policy_id, outcome,
                                             prepared_by, confirmed_by, record, snapshot, decided_at, promised_by)
           SELECT %s, %s, %s, %s, 1 + coalesce(max(nth), 0), %s, %s, %s, %s, %s, %s, %s, %s
             FROM application_decision WHERE tenant = %s AND application_id = %s""",
        [
            tenant,
            one.decision_id,
            one.application_id,
            one.account_id,
            one.policy_id,
            outcome,
            one.prepared_by,
            one.confirmed_by,
            one.record,
            one.snapshot,
            one.decided_at,
            one.promised_by,
            tenant,
            one.application_id,
        ],
    )


async def find_application_decision(tx: Tx, key: Key) -> Decided | None:
    """A decision by its id."""
    row = await tx.row("SELECT * FROM application_decision WHERE tenant = %s AND decision_id = %s", [*key])
    return _decided(row) if row else None


async def decisions_of_application(tx: Tx, key: Key, most: int) -> list[Decided]:
    """The newest decisions of an application, newest first."""
    rows = await tx.rows(
        f"""SELECT * FROM application_decision WHERE tenant = %s AND application_id = %s
             ORDER BY nth DESC LIMIT {most}""",  # noqa: S608 - a constant number
        [*key],
    )
    return [_decided(row) for row in rows]


async def application_decisions(tx: Tx, tenant: str, decision_ids: Collection[str]) -> dict[str, Decided]:
    """These decisions, by their ids."""
    rows = await tx.rows(
        "SELECT * FROM application_decision WHERE tenant = %s AND decision_id = ANY (%s::text[])",
        [tenant, list(decision_ids)],
    )
    return {row.decision_id: _decided(row) for row in rows}


async def propose(tx: Tx, one: Application, record: bytes, by: str) -> None:
    """Keep what one person decided until another one confirms it."""
    await tx.run(
        """INSERT INTO application_proposal (tenant, application_id, account_id, prepared_by, record, prepared_at)
           VALUES (%s, %s, %s, %s, %s, %s)""",
        [*one.key, one.account_id, by, record, tx.at],
    )


async def find_proposal(tx: Tx, key: Key) -> tuple[str, bytes] | None:
    """What waits for a second person: who decided it, and what."""
    row = await tx.row("SELECT * FROM application_proposal WHERE tenant = %s AND application_id = %s", [*key])
    return (row.prepared_by, bytes(row.record)) if row else None


async def end_proposal(tx: Tx, key: Key) -> None:
    """It is confirmed, sent back or withdrawn."""
    await tx.run("DELETE FROM application_proposal WHERE tenant = %s AND application_id = %s", [*key])


async def add_appeal(tx: Tx, one: Application, why: str, by: str) -> None:
    """Keep why somebody wants it looked at again."""
    await tx.run(
        """INSERT INTO application_appeal (tenant, application_id, account_id, nth, why, appealed_by, appealed_at)
           SELECT %s, %s, %s, 1 + coalesce(max(nth), 0), %s, %s, %s
             FROM application_appeal WHERE tenant = %s AND application_id = %s""",
        [*one.key, one.account_id, why, by, tx.at, *one.key],
    )


async def last_appeal(tx: Tx, key: Key) -> tuple[str, str]:
    """Who wanted it looked at again last, and why."""
    row = await tx.row(
        """SELECT appealed_by, why FROM application_appeal WHERE tenant = %s AND application_id = %s
            ORDER BY nth DESC LIMIT 1""",
        [*key],
    )
    return (row.appealed_by, row.why) if row else ("", "")


async def add_document(tx: Tx, one: Application, document: Document, content: bytes, by: str) -> bool:
    """Keep a document; False if there is one by that id."""
    return bool(
        await tx.run(
            """INSERT INTO application_document (tenant, document_id, account_id, application_id, key, name, media_type, size,
                                                 sha256, content, added_by, added_at, written_at, changed_at, issued_on)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            [
                one.tenant,
                document.document_id,
                one.account_id,
                one.application_id,
                document.key,
                document.name,
                document.media_type,
                document.size,
                document.sha256,
                content,
                by,
                tx.at,
                document.written_at,
                document.changed_at,
                document.issued_on,
            ],
        )
    )


async def documents_of(tx: Tx, key: Key) -> list[Document]:
    """What was added to an application, forgotten ones too."""
    return await tx.fetch(
        Document,
        """SELECT document_id, key, name, media_type, size, sha256, written_at, changed_at, issued_on
             FROM application_document WHERE tenant = %s AND application_id = %s ORDER BY document_id""",
        [*key],
    )


async def find_document(tx: Tx, key: Key, document_id: str) -> tuple[Document, bytes] | None:
    """A document of an application, with its content."""
    row = await tx.row(
        "SELECT * FROM application_document WHERE tenant = %s AND application_id = %s AND document_id = %s",
        [*key, document_id],
    )
    if row is None:
        return None
    document = Document(row.document_id, row.key, row.name, row.media_type, row.size, row.sha256)
    return document, bytes(row.content)


async def business_calendar(tx: Tx, tenant: str) -> Calendar:
    """The days of the tenant's first legal entity, with the holidays of its country."""
    row = await tx.row(
        """SELECT s.time_zone, coalesce(c.country, '') AS country
             FROM seller s LEFT JOIN seller_country c USING (tenant, seller_id)
            WHERE s.tenant = %s ORDER BY s.nth LIMIT 1""",
        [tenant],
    )
    return calendar(row.time_zone, row.country) if row else Calendar()


async def worded_decisions(tx: Tx, tenant: str, subject: str) -> list[tuple[str, bytes]]:
    """Decisions that still have the facts as they were, of companies about which somebody said something of persons."""
    rows = await tx.rows(
        """SELECT decision_id, record FROM application_decision
            WHERE tenant = %(tenant)s AND snapshot <> '' AND account_id IN (
              SELECT account_id FROM fact WHERE tenant = %(tenant)s AND is_personal AND value <> ''
                 AND (writer = %(who)s OR written_for = %(who)s AND written_for <> ''))""",
        {"tenant": tenant, "who": subject},
    )
    return [(row.decision_id, bytes(row.record)) for row in rows]


async def outdated_decisions(tx: Tx, tenant: str, before: date, most: int) -> list[tuple[str, bytes]]:
    """Some of those of before a day."""
    rows = await tx.rows(
        f"""SELECT decision_id, record FROM application_decision
             WHERE tenant = %s AND snapshot <> '' AND decided_at < %s ORDER BY decided_at LIMIT {most}""",  # noqa: S608 - a constant number
        [tenant, before],
    )
    return [(row.decision_id, bytes(row.record)) for row in rows]


async def unword_decisions(tx: Tx, tenant: str, records: Sequence[tuple[str, bytes]]) -> None:
    """Keep of decisions these records, and no facts."""
    await tx.run(
        """UPDATE application_decision d SET snapshot = '', record = new.record
             FROM unnest(%s::text[], %s::bytea[]) AS new (decision_id, record)
            WHERE d.tenant = %s AND d.decision_id = new.decision_id""",
        [[decision_id for decision_id, _ in records], [record for _, record in records], tenant],
    )


async def forget_applications(tx: Tx, tenant: str, subject: str) -> None:
    """Forget what somebody said of persons, added and wrote, in their own name or for another; that they did, by id, stays.

    What a company is stays too, whoever typed it. Forget before what decisions have of them (`worded_decisions`).
    """
    who = {"tenant": tenant, "who": subject}
    await tx.run(
        """UPDATE fact SET value = '' WHERE tenant = %(tenant)s AND is_personal AND value <> ''
              AND (writer = %(who)s OR written_for = %(who)s AND written_for <> '')""",
        who,
    )
    await tx.run(
        """UPDATE application_document SET name = '', content = '' WHERE tenant = %(tenant)s AND name <> ''
              AND (writer = %(who)s OR written_for = %(who)s AND written_for <> '')""",
        who,
    )
    await tx.run(
        """UPDATE application_appeal SET why = '' WHERE tenant = %(tenant)s AND why <> ''
              AND (writer = %(who)s OR written_for = %(who)s AND written_for <> '')""",
        who,
    )
    await tx.run(
        """UPDATE call_back SET number = '', spoke_with = '' WHERE tenant = %(tenant)s AND number <> ''
              AND (writer = %(who)s OR written_for = %(who)s AND written_for <> '')""",
        who,
    )


# Of each table: its key, since when its row's time runs, and what is forgotten.
_OUTDATED = (
    ("fact", "fact_id", "least(superseded_at, valid_until)", "value"),
    ("application_document", "document_id", "added_at", "name"),
    ("application_appeal", "application_id", "appealed_at", "why"),
    ("call_back", "call_back_id", "recorded_at", "number"),
)
_ALSO = {"application_document": ", content = ''", "call_back": ", spoke_with = ''"}


async def forget_outdated_applications(tx: Tx, tenant: str, before: date, most: int) -> int:
    """Forget some of what was given, added and written before a day, decisions aside; return of how many rows."""
    forgotten = 0
    for table, key, at, text in _OUTDATED:
        also = _ALSO.get(table, "")
        forgotten += await tx.run(
            f"""UPDATE {table} SET {text} = ''{also} WHERE tenant = %(tenant)s AND {text} <> '' AND {key} IN (
                  SELECT {key} FROM {table} WHERE tenant = %(tenant)s AND {text} <> '' AND {at} < %(before)s
                   ORDER BY {at} LIMIT %(most)s)""",  # noqa: S608 - constant names
            {"tenant": tenant, "before": before, "most": most},
        )
    return forgotten


def _application(row: Any) -> Application:
    promised = Promise(row.usually_by, row.latest_by) if row.latest_by else None
    return Application(
        tenant=row.tenant,
        application_id=row.application_id,
        account_id=row.account_id,
        country=row.country,
        currency=row.currency,
        state=State(row.state),
        started_by=row.started_by,
        started_at=row.started_at,
        track=Track(row.track) if row.track else None,
        submitted_at=row.submitted_at,
        owner=row.owner,
        promise=promised,
        asked_at=row.asked_at,
        decision_id=row.decision_id,
        decided_by=row.decided_by,
        valid_until=row.valid_until,
        appealed_by=row.appealed_by,
    )


def _decided(row: Any) -> Decided:
    return Decided(
        decision_id=row.decision_id,
        application_id=row.application_id,
        account_id=row.account_id,
        policy_id=row.policy_id,
        prepared_by=row.prepared_by,
        confirmed_by=row.confirmed_by,
        record=bytes(row.record),
        snapshot=row.snapshot,
        decided_at=row.decided_at,
        promised_by=row.promised_by,
    )
