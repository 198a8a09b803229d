"""Hears what people answer, has low answers seen to until they are well, and says how well an account is (RULES: feedback)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.message import Message
from receivables.notifications.v1 import events_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin, new_traceparent
from services.chassis.outbox import Announcement
from services.chassis.pages import Page
from services.kernel.refusals import NotFound, quoted
from services.notifications import journeys, store, wire_feedback
from services.notifications.domain import feedback as domain
from services.notifications.domain import quotes
from services.notifications.domain.contacts import Contact
from services.notifications.domain.feedback import Action, Question, State, Topic
from services.notifications.domain.matrix import Kind, Weight
from services.notifications.domain.roles import Role
from services.notifications.domain.routing import Recipient
from services.notifications.domain.stories import Affects, Detail, Moment, Story, deadline
from services.notifications.store import Key
from services.notifications.usecases import Desk
from services.notifications.wire_feedback import Account, Shown

JOURNEYS_MOST = 500  # by which an account's health is measured, the newest
ANSWERS_MOST = 100  # of an account, that are shown
_WAITING = "('OPEN', 'REOPENED')"


async def find(tx: Tx, tenant: str, token: str) -> Shown:
    """The question of a link; refuses one that is none, and one of who is nobody any more."""
    return await _find(tx, tenant, token, locking="")


async def _find(tx: Tx, tenant: str, token: str, *, locking: str) -> Shown:
    row = await tx.row(
        f"SELECT * FROM question WHERE token = %s AND tenant = %s {locking}",  # noqa: S608 - constant words
        [token, tenant],
    )
    reader = (await store.find_contact(tx, (tenant, row.contact_id)))[0] if row else None
    if row is None or reader is None:
        raise NotFound("feedback.unknown", "no question has this link")
    known = await tx.row(
        "SELECT contact_id FROM expectation WHERE tenant = %s AND contact_id = %s", [tenant, reader.contact_id]
    )
    return Shown(_question(row), reader, row.words, asks_expectation=known is None)


async def waiting(tx: Tx, tenant: str, page: Page, *, owners: Collection[str]) -> list[Any]:
    """What low answers ask of these roles of the seller's: what was not well the first time, then the lowest answer first."""
    return await tx.rows(
        f"""SELECT a.*, q.words FROM feedback_action a LEFT JOIN question q USING (tenant, question_id)
             WHERE a.tenant = %s AND a.state IN {_WAITING} AND a.owner = ANY (%s::text[])
                 {"AND (a.urgency, a.due, a.question_id) > (%s, %s::date, %s)" if page.after else ""}
             ORDER BY a.urgency, a.due, a.question_id LIMIT {page.most}""",  # noqa: S608 - our own words and numbers
        [tenant, sorted(owners), *(page.after or ())],
    )


async def of_account(tx: Tx, tenant: str, account_id: str, page: Page) -> list[Any]:
    """All that answers asked of the seller for one account, the newest first."""
    return await tx.rows(
        f"""SELECT a.*, q.words FROM feedback_action a LEFT JOIN question q USING (tenant, question_id)
             WHERE a.tenant = %s AND a.account_id = %s {"AND a.question_id < %s" if page.after else ""}
             ORDER BY a.question_id DESC LIMIT {page.most}""",  # noqa: S608 - our own words and numbers
        [tenant, account_id, *(page.after or ())],
    )


async def health(tx: Tx, tenant: str, account_id: str) -> Account:
    """How well an account is, by what came to pass and what was answered lately."""
    since = tx.at - timedelta(days=domain.MEASURED_DAYS)
    now = (await store.firms(tx, [tenant]))[tenant].moment(tx.at)
    measured = domain.measured(await journeys.of_account(tx, (tenant, account_id), since, JOURNEYS_MOST), now)
    answers = await tx.rows(
        """SELECT * FROM question WHERE tenant = %s AND account_id = %s AND value IS NOT NULL
            ORDER BY asked_at DESC, question_id DESC LIMIT %s""",
        [tenant, account_id, ANSWERS_MOST],
    )
    said: dict[Role, list[tuple[datetime, int]]] = {}
    for row in sorted(answers, key=lambda row: (row.answered_at, row.question_id)):
        if row.topic != Topic.MENDED:
            said.setdefault(Role(row.role), []).append((row.answered_at, row.value))
    roles = [
        domain.health(role, measured.get(role, ()), said.get(role, ()), tx.at)
        for role in Role
        if role in measured or role in said
    ]
    expectations = await tx.rows(
        """SELECT * FROM expectation WHERE tenant = %s AND account_id = %s AND expects <> ''
            ORDER BY contact_id LIMIT %s""",
        [tenant, account_id, ANSWERS_MOST],
    )
    return Account(domain.of_account(roles), roles, answers, expectations)


async def of_contact(tx: Tx, key: Key) -> dict[str, Any]:
    """What somebody answered, the newest first, and what they expect; to hand over to them."""
    answers = await tx.rows(
        """SELECT * FROM question WHERE tenant = %s AND contact_id = %s AND value IS NOT NULL
            ORDER BY asked_at DESC, question_id DESC LIMIT %s""",
        [*key, ANSWERS_MOST],
    )
    expectations = await tx.rows("SELECT * FROM expectation WHERE tenant = %s AND contact_id = %s", key)
    return wire_feedback.exported(answers, expectations)


@dataclass(frozen=True, slots=True)
class Feedback:
    """Whoever hears answers; what follows from them is told at the desk."""

    desk: Desk

    async def answer(self, tx: Tx, call: Origin, token: str, value: int, *, words: str, expects: str) -> Shown:
        """Somebody answers, perhaps otherwise than before."""
        shown = await _find(tx, call.tenant, token, locking="FOR UPDATE")
        before = shown.question
        await _one_by_one(tx, (call.tenant, before.account_id))
        after = before.answer(value, tx.at)
        await tx.run(
            """UPDATE question SET value = %s, answered_at = %s, words = CASE WHEN %s <> '' THEN %s ELSE words END
                WHERE tenant = %s AND question_id = %s""",
            [after.value, after.answered_at, words.strip(), words.strip(), call.tenant, after.question_id],
        )
        if expects.strip():
            await _expect(tx, shown.reader, expects.strip())
        if after != before:
            await outbox.add(tx, [_announced(call, after, wire_feedback.answered(after))])
            if after.topic is Topic.MENDED:
                await self._mended(tx, call, after)
            else:
                await self._follow(tx, call, before, after)
        return await _find(tx, call.tenant, token, locking="")

    async def close(self, tx: Tx, call: Origin, question_id: str, cause: str, said: str) -> Any:
        """Somebody of the seller has done what an answer asked: whoever gave it hears what, and is asked whether it is well."""
        action = await _lock(tx, (call.tenant, question_id))
        if action is None:
            raise NotFound("feedback.unknown", f"no answer {quoted(question_id)} asks for anything")
        now = await _now(tx, call.tenant)
        roles = call.caller.roles if call.caller is not None else frozenset(Role)
        after = action.close(cause, said, roles, now)
        await _keep(tx, call, after)
        await tx.run(
            "UPDATE feedback_action SET said = %s, said_by = %s WHERE tenant = %s AND question_id = %s",
            [said.strip(), call.actor, call.tenant, question_id],
        )
        person, _ = await store.find_contact(tx, (call.tenant, action.contact_id))
        if person is not None and not person.suspended:
            said_there = quotes.mark(quotes.FEEDBACK, domain.number_of(question_id))
            story = await _story(tx, after, Kind.FEEDBACK_DONE, now, {"said": said_there})
            await self.desk.tell_to(tx, story, [Recipient(person, Weight.INFORM, after.role)])
        return await tx.row(
            """SELECT a.*, q.words FROM feedback_action a LEFT JOIN question q USING (tenant, question_id)
                WHERE a.tenant = %s AND a.question_id = %s""",
            [call.tenant, question_id],
        )

    async def _follow(self, tx: Tx, call: Origin, before: Question, after: Question) -> None:
        """What an answer asks, or asks no more, and whether it is one too many of its role's."""
        now = await _now(tx, call.tenant)
        known = await _lock(tx, (call.tenant, after.question_id))
        action = domain.follows(after, known, now)
        if action is not None and action != known:
            await _keep(tx, call, action)
            if action.state is State.OPEN:
                await self.desk.tell(tx, [await _story(tx, action, Kind.FEEDBACK_LOW, now, {"topic": action.topic})])
        answers = await _values(tx, after)
        was = [(before.value if question_id == after.question_id else value) for question_id, value in answers]
        _, alarms = domain.souring(value for _, value in answers)
        _, alarms_before = domain.souring(value for value in was if value is not None)
        if alarms > alarms_before:
            soured = events_pb2.RoleSoured(account_id=after.account_id, role=after.role, nth=alarms)
            await outbox.add(tx, [Announcement(call, after.account_id, f"account/{after.account_id}", soured)])
            await self.desk.tell(tx, [_soured(after, alarms, now)])

    async def _mended(self, tx: Tx, call: Origin, question: Question) -> None:
        """Whoever answered says whether it is well now; what is not goes to who answers for the account."""
        action = await _lock(tx, (call.tenant, question.mends))
        if action is None or question.value is None:
            return
        now = await _now(tx, call.tenant)
        after = domain.mended(action, question.value, now)
        await _keep(tx, call, after)
        if after.state in (State.REOPENED, State.UNSOLVED):
            again = "yes" if after.state is State.UNSOLVED else ""
            details: dict[str, Detail] = {"topic": after.topic, "again": again}
            await self.desk.tell(tx, [await _story(tx, after, Kind.FEEDBACK_UNSOLVED, now, details)])


async def answered_before(tx: Tx, event: Event[events_pb2.FeedbackAnswered]) -> None:
    """Write an answer as it was told; what was written beside it is what the copy has."""
    await tx.run(
        """UPDATE question SET value = %s, answered_at = coalesce(answered_at, %s)
            WHERE tenant = %s AND question_id = %s""",
        [event.body.value, tx.at, event.tenant, event.body.question_id],
    )


async def moved_before(tx: Tx, event: Event[events_pb2.FeedbackActionMoved]) -> None:
    """Write an action as it was told."""
    await _save(tx, wire_feedback.told_action(event.tenant, event.body))


async def forget(tx: Tx, contact: Key) -> None:
    """Forget what somebody wrote beside answers, what they expect, and what they said was done."""
    await tx.run("UPDATE question SET words = '' WHERE tenant = %s AND contact_id = %s AND words <> ''", contact)
    await tx.run("DELETE FROM expectation WHERE tenant = %s AND contact_id = %s", contact)
    for subject in (f"contact:{contact[1]}", f"user:{contact[1]}"):
        await tx.run(
            "UPDATE feedback_action SET said = '' WHERE tenant = %s AND said_by = %s AND said <> ''",
            [contact[0], subject],
        )


async def _one_by_one(tx: Tx, account: Key) -> None:
    """Let nobody else of an account answer until the transaction ends: how a role answers is read after it is written."""
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended('answers/' || %s || '/' || %s, 0))", account)


async def _values(tx: Tx, question: Question) -> list[tuple[str, int]]:
    """What people of a role answered so far, oldest first; of the newest questions."""
    rows = await tx.rows(
        """SELECT question_id, value, answered_at FROM question
            WHERE tenant = %s AND account_id = %s AND role = %s AND topic <> 'MENDED' AND value IS NOT NULL
            ORDER BY asked_at DESC, question_id DESC LIMIT %s""",
        [question.tenant, question.account_id, question.role.value, ANSWERS_MOST],
    )
    return [(row.question_id, row.value) for row in sorted(rows, key=lambda row: (row.answered_at, row.question_id))]


async def _expect(tx: Tx, reader: Contact, expects: str) -> None:
    """Keep what somebody expects of the seller; it is asked, and kept, once."""
    await tx.run(
        """INSERT INTO expectation (tenant, contact_id, account_id, expects, given_at) VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT DO NOTHING""",
        [reader.tenant, reader.contact_id, reader.account_id, expects, tx.at],
    )


async def _lock(tx: Tx, key: Key) -> Action | None:
    row = await tx.row("SELECT * FROM feedback_action WHERE tenant = %s AND question_id = %s FOR UPDATE", key)
    return _action(row) if row else None


async def _keep(tx: Tx, call: Origin, action: Action) -> None:
    """Keep an action as it is now, and tell it."""
    await _save(tx, action)
    await outbox.add(tx, [_announced(call, action, wire_feedback.moved(action))])


async def _save(tx: Tx, action: Action) -> None:
    values: Mapping[str, Any] = {
        "tenant": action.tenant,
        "question_id": action.question_id,
        "account_id": action.account_id,
        "contact_id": action.contact_id,
        "role": action.role.value,
        "topic": action.topic.value,
        "about": action.about,
        "value": action.value,
        "state": action.state.value,
        "owner": action.owner.value,
        "due": action.due,
        "urgency": action.urgency,
        "cause": action.cause,
        "opened_at": action.opened_at,
    }
    await tx.run(
        f"""INSERT INTO feedback_action ({", ".join(values)}) VALUES ({", ".join(["%s"] * len(values))})
            ON CONFLICT (tenant, question_id) DO UPDATE
              SET value = EXCLUDED.value, state = EXCLUDED.state, owner = EXCLUDED.owner, due = EXCLUDED.due,
                  urgency = EXCLUDED.urgency, cause = EXCLUDED.cause, opened_at = EXCLUDED.opened_at""",  # noqa: S608 - our own columns
        list(values.values()),
    )


def _question(row: Any) -> Question:
    return Question(
        tenant=row.tenant,
        question_id=row.question_id,
        account_id=row.account_id,
        contact_id=row.contact_id,
        role=Role(row.role),
        topic=Topic(row.topic),
        about=row.about,
        asked_at=row.asked_at,
        mends=row.mends,
        value=row.value,
        answered_at=row.answered_at,
    )


def _action(row: Any) -> Action:
    return Action(
        tenant=row.tenant,
        question_id=row.question_id,
        account_id=row.account_id,
        contact_id=row.contact_id,
        role=Role(row.role),
        topic=Topic(row.topic),
        about=row.about,
        value=row.value,
        state=State(row.state),
        owner=Role(row.owner),
        due=row.due,
        opened_at=row.opened_at,
        cause=row.cause,
    )


async def _now(tx: Tx, tenant: str) -> Moment:
    return (await store.firms(tx, [tenant]))[tenant].moment(tx.at)


def _announced(call: Origin, of: Question | Action, body: Message) -> Announcement:
    return Announcement(call, of.account_id, f"feedback/{of.question_id}", body)


async def _story(tx: Tx, action: Action, kind: Kind, now: Moment, details: Mapping[str, Detail]) -> Story:
    """What people hear of an action, in the case that the question was about; each state of it once."""
    by_when = action.due if action.state in domain.WAITING else deadline(kind, now)
    thing, _, name = action.about.partition("/")
    if thing == "dispute":
        _, number = (await store.disputes(tx, {(action.tenant, name)})).get((action.tenant, name), ("", ""))
        name = number or name
    return Story(
        kind=kind,
        tenant=action.tenant,
        fact=f"feedback/{action.question_id}/{action.state}",
        event_type=kind.value,
        about=action.about,
        account_id=action.account_id,
        affects=Affects(
            orders=(name,) if thing == "order" else (),
            case=name if thing in ("dispute", "payment") else "",
            new_orders=thing not in ("order", "dispute", "payment"),
        ),
        by_when=by_when,
        next_update_at=by_when,
        told_on=now.today,
        details={"role": action.role, **details},
        knower=action.owner,
        traceparent=new_traceparent(),
    )


def _soured(question: Question, nth: int, now: Moment) -> Story:
    by_when = deadline(Kind.ROLE_SOURED, now)
    return Story(
        kind=Kind.ROLE_SOURED,
        tenant=question.tenant,
        fact=f"soured/{question.account_id}/{question.role}/{nth}",
        event_type=Kind.ROLE_SOURED.value,
        about=f"account/{question.account_id}",
        account_id=question.account_id,
        affects=Affects(new_orders=True),
        by_when=by_when,
        next_update_at=by_when,
        told_on=now.today,
        details={"role": question.role},
        traceparent=new_traceparent(),
    )
