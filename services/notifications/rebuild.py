"""What people were told, as far as it can be known again: facts, their cases and how far things are.

Persons' data is on no topic: who they are, links that wait, what they wrote in threads and noted, and who has read it,
is what the copy has.

In an older copy, which has its people, messages are written again. Those that ask for something, and those with a
document, are told of when they arrive: what was not told of goes out now. What only informs does not go out again.

How long steps took is learned again from the same events; a day that was promised by it is told in no event, and is our
table's until such a step begins anew.
"""

from datetime import time
from typing import Any

from receivables.notifications.v1 import events_pb2

from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.chassis.rebuild import Fold, nothing
from services.notifications import (
    asks,
    feedback,
    first_steps,
    gaps,
    learning,
    questions,
    service_levels,
    store,
    successions,
    teams,
    usecases,
)
from services.notifications.domain.matrix import Kind
from services.notifications.domain.sellers import Policy

Cause = Event[Any] | None
Told = events_pb2.MessageDelivered | events_pb2.MessageBounced

_OPEN = "('QUEUED', 'SENT', 'SOFT_BOUNCED')"


async def _deliver(tx: Tx, event: Event[events_pb2.MessageDelivered], _cause: Cause) -> None:
    if event.body.event_type in (Kind.JOURNEY_AT_RISK, Kind.APPLICATION_AT_RISK):  # the clock found it, and would again
        await usecases.warned_before(tx, (event.tenant, event.body.about))
    await _end(tx, event.tenant, event.body, "ACCEPTED", 0)


async def _bounce(tx: Tx, event: Event[events_pb2.MessageBounced], _cause: Cause) -> None:
    await _end(tx, event.tenant, event.body, "HARD_BOUNCED", event.body.smtp_code)
    await _suspend(tx, event)


async def _suspend(tx: Tx, event: Event[Any], _cause: Cause = None) -> None:
    await tx.run(
        "UPDATE contact SET suspended_at = %s WHERE tenant = %s AND contact_id = %s AND suspended_at IS NULL",
        [tx.at, event.tenant, event.body.contact_id],
    )


async def _end(tx: Tx, tenant: str, said: Told, state: str, smtp_code: int) -> None:
    """The message gets the id by which it was told of, and its mail has come to its end; unless its person is gone.

    Of several that are about the same, each is told of: which of them by which id is of no meaning.
    """
    row = await tx.row(
        f"""SELECT message_id, mail_key FROM message m
             WHERE tenant = %s AND contact_id = %s AND event_type = %s AND about = %s
               AND (message_id = %s OR EXISTS (SELECT FROM mail WHERE mail.tenant = m.tenant AND mail.key = m.mail_key
                                                  AND mail.contact_id = m.contact_id AND mail.state IN {_OPEN}))
             ORDER BY message_id <> %s, created_at, message_id LIMIT 1""",  # noqa: S608 - constant text
        [tenant, said.contact_id, said.event_type, said.about, said.message_id, said.message_id],
    )
    if row is None:
        return
    await tx.run("DELETE FROM job WHERE tenant = %s AND subject = %s", [tenant, f"message/{row.message_id}"])
    await tx.run(
        "UPDATE message SET message_id = %s WHERE tenant = %s AND message_id = %s",
        [said.message_id, tenant, row.message_id],
    )
    await tx.run(
        "UPDATE mail SET state = %s, smtp_code = %s WHERE tenant = %s AND contact_id = %s AND key = %s",
        [state, smtp_code, tenant, said.contact_id, row.mail_key],
    )


async def _step(tx: Tx, event: Event[events_pb2.FirstStepMoved], _cause: Cause) -> None:
    await first_steps.moved_before(tx, event)


async def _ask_further(tx: Tx, event: Event[events_pb2.AskEscalated], _cause: Cause) -> None:
    await asks.escalated_before(tx, event)


async def _miss(tx: Tx, event: Event[events_pb2.ContactGap], _cause: Cause) -> None:
    await gaps.saved_before(tx, event)


async def _succeed(tx: Tx, event: Event[events_pb2.ContactSucceeded], _cause: Cause) -> None:
    await successions.succeeded_before(tx, event)


async def _set_team(tx: Tx, event: Event[events_pb2.TeamChanged], _cause: Cause) -> None:
    await teams.set_before(tx, event)


async def _slow(tx: Tx, event: Event[events_pb2.JourneyStepSlow], _cause: Cause) -> None:
    await learning.slow_before(tx, event)


async def _agree(tx: Tx, event: Event[events_pb2.ServiceLevelsSet], _cause: Cause) -> None:
    await service_levels.set_before(tx, event)


async def _asked(tx: Tx, event: Event[events_pb2.FeedbackAsked], _cause: Cause) -> None:
    await questions.asked_before(tx, event)


async def _answered(tx: Tx, event: Event[events_pb2.FeedbackAnswered], _cause: Cause) -> None:
    await feedback.answered_before(tx, event)


async def _acted(tx: Tx, event: Event[events_pb2.FeedbackActionMoved], _cause: Cause) -> None:
    await feedback.moved_before(tx, event)


async def _finish(tx: Tx) -> None:
    """What only informs was sent when it was handled, or is not worth being sent twice; first steps may begin."""
    await first_steps.look_again(tx)
    await tx.run(
        """INSERT INTO mail (tenant, contact_id, key, due_at, state)
            SELECT DISTINCT tenant, contact_id, 'rebuilt/' || told_on, now(), 'QUEUED' FROM message WHERE mail_key IS NULL
            ON CONFLICT DO NOTHING"""
    )
    await tx.run("UPDATE message SET mail_key = 'rebuilt/' || told_on WHERE mail_key IS NULL")
    await tx.run(
        f"""WITH ended AS (
              UPDATE mail SET state = 'ACCEPTED' WHERE state IN {_OPEN}
                 AND NOT EXISTS (SELECT FROM message m WHERE m.tenant = mail.tenant AND m.contact_id = mail.contact_id
                                    AND m.mail_key = mail.key AND (m.weight = 'ACT' OR m.document <> ''))
              RETURNING tenant, contact_id, key)
            DELETE FROM job USING ended JOIN message m
                   ON m.tenant = ended.tenant AND m.contact_id = ended.contact_id AND m.mail_key = ended.key
             WHERE job.tenant = m.tenant AND job.kind = 'letter' AND job.subject = 'message/' || m.message_id"""  # noqa: S608 - constant text
    )


async def _erase(tx: Tx, event: Event[events_pb2.ContactErased], _cause: Cause) -> None:
    """Whoever it was in this copy is forgotten as they were; and the id means nobody."""
    contact = (event.tenant, event.body.contact_id)
    await store.erase_contact(tx, contact, event.body.account_id)
    await usecases.forget_later(tx, contact)


async def _set_policy(tx: Tx, event: Event[events_pb2.PolicyChanged], _cause: Cause) -> None:
    policy = Policy(event.body.version, time.fromisoformat(event.body.policy.digest_at))
    await store.add_policy(tx, event.tenant, policy, event.origin.actor)


FOLD = Fold(
    own={
        events_pb2.MessageDelivered: _deliver,
        events_pb2.MessageBounced: _bounce,
        events_pb2.ContactUnreachable: _suspend,
        events_pb2.ContactErased: _erase,
        events_pb2.PolicyChanged: _set_policy,
        events_pb2.FirstStepMoved: _step,
        events_pb2.AskEscalated: _ask_further,
        events_pb2.ContactGap: _miss,
        events_pb2.ContactSucceeded: _succeed,
        events_pb2.TeamChanged: _set_team,
        events_pb2.JourneyStepSlow: _slow,
        events_pb2.ServiceLevelsSet: _agree,
        events_pb2.FeedbackAsked: _asked,
        events_pb2.FeedbackAnswered: _answered,
        events_pb2.FeedbackActionMoved: _acted,
        events_pb2.RoleSoured: nothing,
    },
    remembers_all=True,
    finish=_finish,
)
