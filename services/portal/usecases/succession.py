"""Somebody leaves and hands over: the other services at once, and what the portal keeps, whatever happens in between."""

from datetime import UTC, datetime
from typing import Any

from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.chassis import jobs
from services.chassis.database import Tx
from services.chassis.jobs import Job
from services.chassis.workers import Batch, Work
from services.kernel.refusals import NotFound
from services.portal import store
from services.portal.asks import Away, Unknown, Write
from services.portal.domain.people import Person
from services.portal.usecases.delegations import tell_made, tell_over
from services.portal.usecases.door import Door, noted, own_word
from services.portal.usecases.signing_in import find_person

SUCCESSION = "succession"  # the kind of job; its subject says who follows whom, and until when that may still turn out
LOOK_S, LOOK_UNTIL_S = 10.0, 300
_SYSTEM = "portal"


async def hand_over(door: Door, person: Person, account_id: str, *, leaver: str, successor: str, write: Write) -> int:
    """Let a colleague take all that somebody has who leaves; return how much of it is open.

    First it is noted that it may be so: whoever ends in between, the portal finds out, and does its part.
    """
    for contact_id in (leaver, successor):
        known = await find_person(door, person.tenant, contact_id)
        if known is None or known.account_id != account_id:
            raise NotFound("contact.unknown", "there is nobody by that id")
    until = int(datetime.now(UTC).timestamp()) + LOOK_UNTIL_S
    subject = f"contact/{leaver}/{successor}/{until}"
    async with door.database.transaction([person.tenant]) as tx:
        await jobs.add(tx, [Job(SUCCESSION, subject, own_word(person.tenant))])
    request = notifications_pb2.SucceedRequest(account_id=account_id, contact_id=leaver, successor_id=successor)
    answer = await door.asks.of(person).notifications("Succeed", request, write)
    async with door.database.transaction([person.tenant]) as tx:
        await _pass_on(tx, person, account_id, leaver, successor)
        await noted(tx, person, "portal/HandOver", about=leaver)
    return int(answer.open_asks)


def succeeding(door: Door) -> Work:
    """What is left of it where somebody ended in between."""

    async def finish(batch: Batch) -> None:
        found = {job.key: await _successor(door, job) for job in batch.jobs}
        async with batch.finishing() as done:
            for job in done.jobs:
                contact, goes_on = found[job.key]
                if contact is not None:
                    _, leaver, successor, _ = job.subject.split("/")
                    nobody = Person(job.tenant, _SYSTEM, contact.account_id, "", frozenset(), "en")
                    await _pass_on(done.tx, nobody, contact.account_id, leaver, successor)
                elif goes_on:
                    done.again(job, in_s=LOOK_S, why="not handed over yet")

    return Work(SUCCESSION, finish, most=20)


async def _successor(door: Door, job: Job) -> tuple[Any, bool]:
    """The leaver, if they have handed over; and else whether that may still be."""
    _, leaver, successor, until = job.subject.split("/")
    goes_on = datetime.now(UTC).timestamp() < int(until)
    request = notifications_pb2.GetContactRequest(contact_id=leaver)
    try:
        contact = (await door.asks.own(job.tenant).notifications("GetContact", request)).contact
    except Away:
        return None, True
    except Unknown:
        return None, False
    return (contact if contact.successor_id == successor and not contact.roles else None), goes_on


async def _pass_on(tx: Tx, person: Person, account_id: str, leaver: str, successor: str) -> None:
    """The portal's own part; done again, it changes nothing."""
    tenant = person.tenant
    await store.pass_on_rules(tx, tenant, account_id, leaver, successor)
    for passed_on in await store.pass_on_delegations(tx, tenant, leaver, successor):
        await tell_made(tx, person.tenant, passed_on)
    for over in await store.end_delegations(tx, tenant, leaver):
        await tell_over(tx, person, over)
    await store.end_sessions(tx, tenant, leaver)
    await store.void_links(tx, tenant, leaver)
    await store.remove_factors(tx, tenant, leaver)
    await store.forget_reader(tx, tenant, leaver)
