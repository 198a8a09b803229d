"""Mails of what happened here: noted in the transaction in which it happens, and asked of notifications after it.

Each is asked for once: its id is the key of the call, so that who asks again after a crash asks for the same.
"""

from typing import Any

from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.chassis import jobs
from services.chassis.database import Tx
from services.chassis.jobs import Job
from services.chassis.workers import Batch, Work
from services.portal import store
from services.portal.asks import Away, Unknown, Write
from services.portal.store import Notice
from services.portal.usecases.door import Door, origin_of, own_word

NOTICE = "notice"  # the kind of job
# What somebody is mailed: so many at once, and one more each so many seconds; of their access apart, so that nobody hides a
# stolen one behind a heap of others. What is above comes later.
BY_PERSON = (20, 1 / 180)
LATER_S, AWAY_S = 300.0, 20.0
_OF_ACCESS = frozenset(
    {
        notifications_pb2.NOTICE_KIND_FACTOR_ADDED,
        notifications_pb2.NOTICE_KIND_FACTOR_REMOVED,
        notifications_pb2.NOTICE_KIND_FACTORS_RESET,
        notifications_pb2.NOTICE_KIND_NEW_PROVIDER,
    }
)


async def tell(
    tx: Tx,
    tenant: str,
    contact_id: str,
    kind: notifications_pb2.NoticeKind.ValueType,
    path: str,
    *,
    while_waits: str = "",
    **said: Any,
) -> None:
    """Have somebody mailed what happened, and led to a page; of the order `while_waits` as long as it waits."""
    request = notifications_pb2.SendNoticeRequest(contact_id=contact_id, kind=kind, **said)
    notice = Notice(contact_id, request.SerializeToString(), path)
    notice_id = await store.add_notice(tx, tenant, notice, while_waits)
    await jobs.add(tx, [Job(NOTICE, f"notice/{notice_id}", own_word(tenant))])


def noticing(door: Door) -> Work:
    """How notifications is asked for these mails."""

    async def send(batch: Batch) -> None:
        later = {job.key: await _send(door, job) for job in batch.jobs}
        async with batch.finishing() as done:
            for job in done.jobs:
                if in_s := later[job.key]:
                    done.again(job, in_s=in_s, why="not now")
            said = [(job.tenant, _id_of(job)) for job in done.jobs if not later[job.key]]
            await store.remove_notices(done.tx, said)

    return Work(NOTICE, send, most=20)


async def _send(door: Door, job: Job) -> float:
    """Ask for one; return in how many seconds it is tried again, 0 if it need not be."""
    tenant, notice_id = job.tenant, _id_of(job)
    async with door.database.transaction([tenant]) as tx:
        notice = await store.find_notice(tx, tenant, notice_id)
        hosts = await store.hosts(tx)
        if notice is None or not hosts:
            return 0
        request = notifications_pb2.SendNoticeRequest.FromString(notice.request)
        if not notice.counted:
            bucket = door.keyed("notice", notice.contact_id, str(request.kind in _OF_ACCESS))
            if not await store.pour(tx, tenant, bucket, size=BY_PERSON[0], leaks_per_s=BY_PERSON[1]):
                return LATER_S
            await store.count_notice(tx, tenant, notice_id)
    request.url = origin_of(hosts[0].host) + notice.path
    try:
        await door.asks.own(tenant).notifications("SendNotice", request, Write(f"notice {notice_id}"))
    except Unknown:
        return 0  # there is nobody by that id any more
    except Away:
        return AWAY_S
    return 0


def _id_of(job: Job) -> str:
    return job.subject.removeprefix("notice/")
