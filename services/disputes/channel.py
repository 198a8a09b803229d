"""Fetches what buyers' systems say of invoices from whoever brings it, reads it, and says what became of each (CHANNELS.md).

Nothing is lost: a message is acknowledged after the transaction that keeps it. Nothing is done twice: one that comes again is
known by its own id. What nobody can read is put aside, here by its code, there as it came.
"""

import asyncio
import hashlib
from functools import partial
from typing import LiteralString, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from receivables.channels.v1 import service_pb2

from services.chassis import bounds, jobs, texts, tls, tracing
from services.chassis.database import Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.identity import Speaker
from services.chassis.jobs import Job
from services.chassis.logs import log
from services.chassis.workers import Batch, Work
from services.disputes import responding, store_responses
from services.disputes.domain import responses
from services.disputes.settings import Channel
from services.kernel.refusals import Refusal

NAME = "channel"  # by which its certificate, and tokens for it, call it
FETCH = "responses"  # kind of job: a tenant's messages are fetched, for ever
READER = "system:channel"
AT_ONCE = 20  # messages of an answer
POLL_S = 10.0  # after an answer with nothing more
AGAIN_S = 60.0  # after none
ANSWER_MAX = AT_ONCE * (responses.SIZE_MAX + 1000)  # bytes
RECONNECT_MS = 10_000
TENANTS_MOST = 20  # of a batch
_SERVICE = "receivables.channels.v1.ChannelService"
_WANTED: LiteralString = "SELECT tenant, 'responses', 'channel', '', 1 FROM tenant WHERE tenant = ANY (%s::text[])"
M = TypeVar("M", bound=Message)


class Fetcher:
    """Whoever brings messages, as the settings say."""

    def __init__(self, said: Channel, speak: Speaker, held: tls.Holder | None) -> None:
        """Remember where it answers; the connection opens with the first question."""
        self.said, self._speak = said, speak
        options = [
            ("grpc.max_receive_message_length", ANSWER_MAX),
            ("grpc.max_reconnect_backoff_ms", RECONNECT_MS),
            ("grpc.enable_retries", 0),
        ]
        self._line = tls.Line(NAME, said.address, held, options)

    async def fetch(self, origin: Origin) -> list[service_pb2.ChannelMessage]:
        """The oldest messages that it was not told to have been taken."""
        request = service_pb2.FetchRequest(most=AT_ONCE)
        said = await self._call(origin, "Fetch", request, service_pb2.FetchResponse)
        return list(said.messages[:AT_ONCE])

    async def acknowledge(self, origin: Origin, message_id: str, refused: str) -> None:
        """What became of one; '': it is kept."""
        request = service_pb2.AcknowledgeRequest(message_id=message_id, refused=refused)
        await self._call(origin, "Acknowledge", request, service_pb2.AcknowledgeResponse)

    async def close(self) -> None:
        """Close the connection."""
        await self._line.close()

    async def _call(self, origin: Origin, method: str, request: Message, kind: type[M]) -> M:
        call: grpc.aio.UnaryUnaryMultiCallable[Message, bytes] = self._line.channel().unary_unary(
            f"/{_SERVICE}/{method}", request_serializer=type(request).SerializeToString
        )
        metadata = self._speak(origin.tenant, NAME)
        with tracing.span(f"ChannelService/{method}", "client", origin.traceparent, {"rpc.system": "grpc"}) as trace:
            if trace:
                metadata.append(("traceparent", trace))
            return kind.FromString(await call(request, metadata=metadata, timeout=self.said.deadline_s))


def work(fetcher: Fetcher | None) -> Work:
    """How messages are fetched; never, where nobody brings them."""
    if fetcher is None:
        return Work(FETCH, _fetch_from_nobody)
    tenants = list(fetcher.said.tenants)
    return Work(
        FETCH,
        partial(_fetch_all, fetcher),
        most=TENANTS_MOST,
        find=partial(_find, tenants),
        findable=partial(_findable, tenants),
    )


async def _find(tenants: list[str], tx: Tx) -> int:
    """Have them fetched for each of these tenants; return for how many they were not."""
    return await jobs.find(tx, Origin("", READER, "", "", new_traceparent()), _WANTED, [tenants])


async def _findable(tenants: list[str], tx: Tx) -> int:
    return await jobs.count_found(tx, _WANTED, [tenants])


async def _fetch_from_nobody(batch: Batch) -> None:
    """Nobody brings them any more."""
    async with batch.finishing():
        pass


async def _fetch_all(fetcher: Fetcher, batch: Batch) -> None:
    await asyncio.gather(*(_fetch(fetcher, batch, job) for job in batch.jobs))


async def _fetch(fetcher: Fetcher, batch: Batch, job: Job) -> None:
    if job.tenant not in fetcher.said.tenants:
        async with batch.finishing([job]):
            return
    in_s, why = AGAIN_S, "it did not answer"
    try:
        messages = await fetcher.fetch(job.origin)
        for message in messages:
            refused = await _take(batch, job, message)
            await fetcher.acknowledge(job.origin, message.message_id, refused)
        in_s, why = (0.0 if len(messages) == AT_ONCE else POLL_S), ""
    except grpc.aio.AioRpcError as error:
        log.warning("channel away", code=error.code().name)
    except DecodeError:
        log.warning("channel unreadable")
    async with batch.finishing([job]) as done:
        for one in done.jobs:
            done.again(one, in_s=in_s, why=why)


async def _take(batch: Batch, job: Job, message: service_pb2.ChannelMessage) -> str:
    """Keep what a message says; return the code with which it is refused, '' if it is not."""
    origin = Origin(job.tenant, READER, "", f"channel {message.message_id}", job.origin.traceparent)
    try:
        bounds.check(message)
        said = await asyncio.to_thread(responses.read, message.content)
        async with batch.database.transaction([job.tenant]) as tx:
            kept, _ = await responding.take(tx, origin, said)
            await store_responses.remove_unread(tx, job.tenant, message.message_id)
        await batch.consumer.wake(tx.announced)
        log.info("response taken", invoice_id=kept.invoice_id, status=kept.status.value)
    except Refusal as refused:
        digest = hashlib.sha256(message.content).hexdigest()
        async with batch.database.transaction([job.tenant]) as tx:
            await store_responses.add_unread(tx, job.tenant, _named(message.message_id) or digest, digest, refused.code)
        log.warning("response refused", code=refused.code)
        return refused.code
    return ""


def _named(message_id: str) -> str:
    """What a channel calls a message, where that can be kept; else ''."""
    return message_id if texts.fits(message_id, texts.ID, responses.ID_MAX) else ""
