"""Asks some of those to whom a mail goes one question, which rides in it (domain/feedback.py says whom), and remembers it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from google.protobuf.message import Message
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.notifications.v1 import events_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis import outbox
from services.chassis.columns import Columns, columns, within
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin, new_traceparent
from services.chassis.outbox import Announcement
from services.notifications import store
from services.notifications.domain.contacts import Contact
from services.notifications.domain.feedback import (
    HISTORY_DAYS,
    MILESTONES,
    Asked,
    Candidate,
    Milestone,
    Question,
    Topic,
    choose,
)
from services.notifications.domain.matrix import Kind
from services.notifications.domain.roles import Role
from services.notifications.store import Key, Mail

_QUESTION = Columns(
    "tenant text, question_id text, account_id text, contact_id text, role text, topic text, about text, mends text,"
    "asked_at timestamptz"
)
_OPENER = Columns("tenant text, dispute_id text, account_id text, contact_id text, is_open boolean")


def _told(message: type[Message]) -> str:
    return str(message.DESCRIPTOR.full_name)


# By which messages people hear of what they could be asked about; which kind of fact it was, its story says.
_MILESTONES = frozenset(
    map(
        _told,
        (
            orders_pb2.OrderShipped,
            ledger_pb2.PaymentReceived,
            disputes_pb2.DisputeResolved,
            credit_pb2.ApplicationDecided,
            credit_pb2.LimitChanged,
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Rides:
    """A question as a letter has it: what is asked, and the unguessable part of its link."""

    topic: Topic
    token: str


async def in_mails(tx: Tx, mails: Collection[Mail]) -> dict[Key, Rides]:
    """The questions that ride in these mails, by their messages: those that were asked before, and those that are now.

    A mail that was tried before stays as it was: its receiver may have it. One address is one reader: what a mail carries
    for another record of theirs asks nothing but how something was put right.
    """
    could = [
        (row, mail.attempts == 1)
        for mail in mails
        for row in (*mail.messages, *mail.carried)
        if (row.event_type in _MILESTONES and row.contact_id == mail.contact_id) or row.event_type == Kind.FEEDBACK_DONE
    ]
    if not could:
        return {}
    known = await _these(tx, [row for row, _ in could])
    new = [row for row, is_first in could if is_first and (row.tenant, row.message_id) not in known]
    mending = [row for row in new if row.event_type == Kind.FEEDBACK_DONE]
    await _ask(tx, [*await _after_milestones(tx, [row for row in new if row not in mending]), *map(_mending, mending)])
    return known | await _these(tx, new)


async def know_openers(tx: Tx, events: Sequence[Event[disputes_pb2.DisputeOpened]]) -> None:
    """Know who opened these cases; whoever has one is asked nothing until it ends."""
    rows = [
        (event.tenant, event.body.dispute_id, event.account_id, contact, True)
        for event in events
        if (contact := _contact(event.origin.actor))
    ]
    if rows:
        await tx.run(
            f"""INSERT INTO case_opener ({_OPENER.names}) SELECT * FROM {_OPENER.rows} AS new
                 ORDER BY tenant, dispute_id ON CONFLICT DO NOTHING""",  # noqa: S608 - our own columns
            [_OPENER.pack(rows)],
        )


_ENDED = frozenset(
    {disputes_pb2.STATE_REJECTED, disputes_pb2.STATE_WITHDRAWN, disputes_pb2.STATE_DUPLICATE}
    | {disputes_pb2.STATE_RESOLVED, disputes_pb2.STATE_CLOSED}
)
_AGAIN = frozenset({disputes_pb2.STATE_APPEALED, disputes_pb2.STATE_REOPENED})


async def know_moves(tx: Tx, events: Sequence[Event[disputes_pb2.DisputeMoved]]) -> None:
    """Know which cases have ended, and which are open again; in their order."""
    state = {(e.tenant, e.body.dispute_id): e.body.to_state for e in events if e.body.to_state in _ENDED | _AGAIN}
    await _set_open(tx, [key for key, to in state.items() if to in _ENDED], is_open=False)
    await _set_open(tx, [key for key, to in state.items() if to in _AGAIN], is_open=True)


async def know_ends(tx: Tx, events: Sequence[Event[disputes_pb2.DisputeResolved]]) -> None:
    """Know that these cases have ended."""
    await _set_open(tx, [(event.tenant, event.body.dispute_id) for event in events], is_open=False)


async def asked_before(tx: Tx, event: Event[events_pb2.FeedbackAsked]) -> None:
    """Write a question as it was told; by its link, which is another now, nobody answers it any more."""
    body = event.body
    question = Question(
        event.tenant,
        body.question_id,
        body.account_id,
        body.contact_id,
        Role(body.role),
        Topic(body.topic),
        body.about,
        tx.at,
        mends=body.mends,
    )
    await _add(tx, [question])


async def forget_outdated(tx: Tx, tenant: str, before: date, most: int) -> int:
    """Remove some of the questions of before a day, with what their answers asked; return how many."""
    rows = await tx.rows(
        """DELETE FROM question WHERE tenant = %s AND question_id IN (
             SELECT question_id FROM question WHERE tenant = %s AND asked_at < %s ORDER BY asked_at LIMIT %s)
           RETURNING question_id""",
        [tenant, tenant, before, most],
    )
    await tx.run(
        "DELETE FROM feedback_action WHERE tenant = %s AND question_id = ANY (%s::text[])",
        [tenant, [row.question_id for row in rows]],
    )
    return len(rows)


async def _set_open(tx: Tx, cases: Sequence[Key], *, is_open: bool) -> None:
    if cases:
        await tx.run(
            """UPDATE case_opener SET is_open = %s
                WHERE (tenant, dispute_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))""",
            [is_open, *columns(cases)],
        )


def _contact(actor: str) -> str:
    """The person of a buyer who did something; "" if it was somebody else."""
    kind, _, name = actor.partition(" for ")[0].partition(":")
    return name if kind == "contact" else ""


async def _these(tx: Tx, rows: Iterable[Any]) -> dict[Key, Rides]:
    keys = {(row.tenant, row.message_id) for row in rows}
    found = await tx.rows(
        """SELECT tenant, question_id, topic, token FROM question
            WHERE tenant = ANY (%s::text[]) AND question_id = ANY (%s::text[])""",
        within(keys),
    )
    return {
        (row.tenant, row.question_id): Rides(Topic(row.topic), row.token)
        for row in found
        if (row.tenant, row.question_id) in keys
    }


def _mending(row: Any) -> tuple[Any, Topic, Role, str]:
    """Whoever is told what was done about their answer is asked whether it is well now, however lately they were asked."""
    _, mends, _ = row.fact.split("/", 2)
    return row, Topic.MENDED, Role(row.role), mends


async def _after_milestones(tx: Tx, rows: Sequence[Any]) -> list[tuple[Any, Topic, Role, str]]:
    """Whom of those who hear of a milestone to ask what."""
    accounts = {(row.tenant, row.account_id) for row in rows}
    before = await _before(tx, accounts)
    # What is no candidate by the shortest look, most are not, is looked at no further.
    near = {key for key in accounts if choose(_all(rows, key), before[key], held=(), busy=(), now=tx.at)}
    free = {key for key in sorted(near) if await _alone(tx, key)}
    if not free:
        return []
    before = await _before(tx, free)
    kinds = await _kinds(tx, [row for row in rows if (row.tenant, row.account_id) in free])
    people = await store.contacts_of(tx, free)
    openers, busy = await _openers(tx, [row for row in rows if (row.tenant, row.message_id) in kinds])
    asked = []
    for key in sorted(free):
        here = {person.contact_id: person for person in people[key]}
        could = {
            row.message_id: (row, milestone)
            for row in rows
            if (row.tenant, row.account_id) == key
            and (milestone := kinds.get((row.tenant, row.message_id))) is not None
            and _lived_it(here.get(row.contact_id), milestone, openers.get((row.tenant, row.about), ""), here)
        }
        candidates = [Candidate(row.message_id, row.contact_id, milestone.role) for row, milestone in could.values()]
        held = {role for person in people[key] if not person.suspended for role in person.roles}
        chosen = choose(candidates, before[key], held=held, busy=busy.get(key[0], ()), now=tx.at)
        asked += [(could[one.message_id][0], could[one.message_id][1].topic, one.role, "") for one in chosen]
    return asked


def _all(rows: Iterable[Any], account: Key) -> list[Candidate]:
    return [
        Candidate(row.message_id, row.contact_id, Role.ACCOUNT_ADMIN)
        for row in rows
        if (row.tenant, row.account_id) == account
    ]


def _lived_it(person: Contact | None, milestone: Milestone, opener: str, here: Collection[str]) -> bool:
    """Whether a person of the account lived through it: whoever opened the case, if they are there, else who has the role."""
    if person is None or person.complained or person.suspended:
        return False
    if milestone.topic is Topic.SOLVED and opener in here:
        return person.contact_id == opener
    return milestone.role in person.roles


async def _before(tx: Tx, accounts: Collection[Key]) -> dict[Key, list[Asked]]:
    """What the people of these accounts were asked lately; what was asked of a mending is no question of ours to them."""
    rows = await tx.rows(
        """SELECT tenant, account_id, contact_id, role, asked_at, answered_at FROM question
            WHERE tenant = ANY (%s::text[]) AND account_id = ANY (%s::text[]) AND asked_at > %s AND topic <> 'MENDED'""",
        [*within(accounts), tx.at - timedelta(days=HISTORY_DAYS)],
    )
    found: dict[Key, list[Asked]] = {key: [] for key in accounts}
    for row in rows:
        if (row.tenant, row.account_id) in found:
            one = Asked(row.contact_id, row.role, row.asked_at, row.answered_at is not None)
            found[(row.tenant, row.account_id)].append(one)
    return found


async def _alone(tx: Tx, account: Key) -> bool:
    """Whether nobody else asks people of this account just now; who does asks enough."""
    row = await tx.row(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('asks/' || %s || '/' || %s, 0)) AS got", account
    )
    return bool(row.got)


async def _kinds(tx: Tx, rows: Collection[Any]) -> dict[Key, Milestone]:
    """The milestones that these messages tell of; that a line is none is nothing that could fit."""
    facts = await tx.rows(
        """SELECT tenant, fact, told ->> 'kind' AS kind,
                  coalesce((told #>> '{affects,credit_line,minor}')::bigint, 0) AS line_minor FROM story
            WHERE tenant = ANY (%s::text[]) AND fact = ANY (%s::text[])""",
        within([(row.tenant, row.fact) for row in rows]),
    )
    of: Mapping[Key, Milestone] = {
        (fact.tenant, fact.fact): milestone
        for fact in facts
        if (milestone := MILESTONES.get(fact.kind)) is not None
        and (milestone.topic is not Topic.FITS or fact.line_minor > 0)
    }
    return {(row.tenant, row.message_id): of[(row.tenant, row.fact)] for row in rows if (row.tenant, row.fact) in of}


async def _openers(tx: Tx, rows: Collection[Any]) -> tuple[dict[Key, str], dict[str, set[str]]]:
    """Who opened the cases that these are about, and, by tenant, whose case is open among those whom they are for."""
    tenants = sorted({row.tenant for row in rows})
    cases = sorted({row.about.partition("/")[2] for row in rows if row.about.startswith("dispute/")})
    opened = await tx.rows(
        "SELECT * FROM case_opener WHERE tenant = ANY (%s::text[]) AND dispute_id = ANY (%s::text[])", [tenants, cases]
    )
    waiting = await tx.rows(
        """SELECT DISTINCT tenant, contact_id FROM case_opener
            WHERE tenant = ANY (%s::text[]) AND contact_id = ANY (%s::text[]) AND is_open""",
        [tenants, sorted({row.contact_id for row in rows})],
    )
    busy: dict[str, set[str]] = {}
    for row in waiting:
        busy.setdefault(row.tenant, set()).add(row.contact_id)
    return {(row.tenant, f"dispute/{row.dispute_id}"): row.contact_id for row in opened}, busy


async def _ask(tx: Tx, asked: Sequence[tuple[Any, Topic, Role, str]]) -> None:
    """Keep questions, and tell that they were asked."""
    questions = [
        Question(row.tenant, row.message_id, row.account_id, row.contact_id, role, topic, row.about, tx.at, mends=mends)
        for row, topic, role, mends in asked
    ]
    new = await _add(tx, questions)
    await outbox.add(
        tx,
        [
            Announcement(
                Origin(one.tenant, "system:send", "a question is asked", one.question_id, new_traceparent()),
                one.account_id,
                f"feedback/{one.question_id}",
                events_pb2.FeedbackAsked(
                    question_id=one.question_id,
                    account_id=one.account_id,
                    contact_id=one.contact_id,
                    role=one.role,
                    topic=one.topic,
                    about=one.about,
                    mends=one.mends,
                ),
            )
            for one in questions
            if (one.tenant, one.question_id) in new
        ],
    )


async def _add(tx: Tx, questions: Sequence[Question]) -> set[Key]:
    """Keep questions; return those that nobody had kept before."""
    if not questions:
        return set()
    rows = await tx.rows(
        f"""INSERT INTO question ({_QUESTION.names}) SELECT * FROM {_QUESTION.rows} AS new
             ORDER BY tenant, question_id ON CONFLICT DO NOTHING RETURNING tenant, question_id""",  # noqa: S608 - our own columns
        [
            _QUESTION.pack(
                (
                    one.tenant,
                    one.question_id,
                    one.account_id,
                    one.contact_id,
                    one.role.value,
                    one.topic.value,
                    one.about,
                    one.mends,
                    one.asked_at,
                )
                for one in questions
            )
        ],
    )
    return {(row.tenant, row.question_id) for row in rows}
