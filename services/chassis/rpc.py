"""The gRPC door: writes answered once per idempotency key, refusals mapped to statuses in one place."""

import asyncio
import functools
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import grpc
from google.protobuf import any_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from services.chassis import metrics, texts
from services.chassis.consumer import Consumer
from services.chassis.database import Database, Tx, check_tenant, is_transient
from services.chassis.envelope import Origin, trace_of
from services.chassis.logs import follow_trace, log
from services.kernel.refusals import Conflict, Early, Invalid, KeyReused, NotFound, Refusal

Req = TypeVar("Req", bound=Message)
Resp = TypeVar("Resp", bound=Message)
Method = Callable[[Any, Tx, Origin, Req], Awaitable[Resp]]
Served = Callable[[Any, Req, Any], Awaitable[Resp]]

_STATUS: tuple[tuple[type[Refusal], grpc.StatusCode], ...] = (
    (Invalid, grpc.StatusCode.INVALID_ARGUMENT),
    (NotFound, grpc.StatusCode.NOT_FOUND),
    (Early, grpc.StatusCode.NOT_FOUND),
    (KeyReused, grpc.StatusCode.ALREADY_EXISTS),
    (Conflict, grpc.StatusCode.FAILED_PRECONDITION),
)


class Door:
    """What a servicer stands on: the database, and the consumer whose early events its announcements may wake."""

    def __init__(self, database: Database, consumer: Consumer) -> None:
        self.database = database
        self.consumer = consumer


def read(method: Method[Req, Resp]) -> Served[Req, Resp]:
    """Answer a question in a transaction that serves the caller's tenant."""

    async def work(door: Door, origin: Origin, request: Req) -> Resp:
        async with door.database.transaction([origin.tenant]) as tx:
            return await method(door, tx, origin, request)

    return _served(method, work, write=False)


def visit(method: Callable[[Any, Origin, Req], Awaitable[Resp]]) -> Served[Req, Resp]:
    """Answer a question that takes more than a short transaction: the method makes its own, and waits between them."""

    async def work(door: Door, origin: Origin, request: Req) -> Resp:
        return await method(door, origin, request)

    return _served(method, work, write=False)


def write(method: Method[Req, Resp]) -> Served[Req, Resp]:
    """Carry out a command once per idempotency key; the same key again gets the same answer."""
    response_type = method.__annotations__["return"]

    async def work(door: Door, origin: Origin, request: Req) -> Resp:
        digest = hashlib.sha256(method.__name__.encode() + b"\0" + request.SerializeToString(deterministic=True))
        async with door.database.transaction([origin.tenant]) as tx:
            answer = await _claim(tx, origin, method.__name__, digest.digest())
            if answer is not None:
                repeated: Resp = response_type.FromString(answer)
                return repeated
            response = await method(door, tx, origin, request)
            await tx.run(
                "UPDATE answer SET response = %s WHERE tenant = %s AND idempotency_key = %s",
                [response.SerializeToString(), origin.tenant, origin.idempotency_key],
            )
        await door.consumer.wake(tx.announced)
        return response

    return _served(method, work, write=True)


async def _claim(tx: Tx, origin: Origin, method: str, request_hash: bytes) -> bytes | None:
    """Take the key, or return the answer that it already has; a second caller at once waits for the first."""
    await tx.run("INSERT INTO tenant VALUES (%s) ON CONFLICT DO NOTHING", [origin.tenant])
    taken = await tx.run(
        """INSERT INTO answer (tenant, idempotency_key, method, request_hash) VALUES (%s, %s, %s, %s)
           ON CONFLICT DO NOTHING""",
        [origin.tenant, origin.idempotency_key, method, request_hash],
    )
    if taken:
        return None
    row = await tx.row(
        "SELECT method, request_hash, response FROM answer WHERE tenant = %s AND idempotency_key = %s",
        [origin.tenant, origin.idempotency_key],
    )
    if bytes(row.request_hash) != request_hash:
        raise KeyReused("call.key_reused", "this idempotency key was used for another request")
    return bytes(row.response)


def _served(
    method: Callable[..., Awaitable[Resp]], work: Callable[[Door, Origin, Req], Awaitable[Resp]], *, write: bool
) -> Served[Req, Resp]:
    name = method.__name__

    @functools.wraps(method)
    async def served(self: Any, request: Req, context: grpc.aio.ServicerContext[Any, Any]) -> Resp:
        started = time.perf_counter()
        code = grpc.StatusCode.OK
        service = _service_of(request.DESCRIPTOR.file, name)
        given = _metadata(context)
        traceparent = trace_of(given.get("traceparent", ""))
        follow_trace(traceparent)
        try:
            origin = _origin(given, traceparent, write=write)
            texts.check(request)
            return await work(self, origin, request)
        except Refusal as refusal:
            code = next(status for kind, status in _STATUS if isinstance(refusal, kind))
            metrics.REFUSED.labels(refusal.code).inc()
            log.info("call refused", method=name, code=refusal.code)
            await context.abort_with_status(rpc_status.to_status(_status(code, refusal)))
            raise AssertionError("abort_with_status raises") from None
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED  # the caller went away, or would wait no longer
            raise
        except Exception as error:
            code = grpc.StatusCode.UNAVAILABLE if is_transient(error) else grpc.StatusCode.INTERNAL
            log.error("call failed", method=name, exc_info=code is grpc.StatusCode.INTERNAL, error=type(error).__name__)
            await context.abort(code, "try again with the same idempotency key" if is_transient(error) else "defect")
            raise
        finally:
            metrics.HANDLED.labels(service, name, code.name).inc()
            metrics.HANDLING.labels(service, name).observe(time.perf_counter() - started)

    return served


@functools.cache
def _service_of(contract: FileDescriptor, method: str) -> str:
    """The full name of the contract's service that has this method."""
    found = (s for s in contract.services_by_name.values() if method in s.methods_by_name)
    return str(next(found).full_name)


def _status(code: grpc.StatusCode, refusal: Refusal) -> status_pb2.Status:
    """google.rpc.Status with the stable code as ErrorInfo.reason, for programs."""
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=refusal.code, domain="receivables"))
    return status_pb2.Status(code=code.value[0], message=refusal.message, details=[detail])


def _metadata(context: Any) -> dict[str, str]:
    """What the caller says of itself, as far as it is text."""
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


def _origin(given: Mapping[str, str], traceparent: str, *, write: bool) -> Origin:
    """Who calls, for which tenant and why."""
    needed = ("ar-tenant", "ar-idempotency-key", "ar-actor", "ar-reason") if write else ("ar-tenant",)
    if missing := [name for name in needed if not given.get(name)]:
        raise Invalid("call.metadata_missing", f"the metadata lacks {', '.join(missing)}")
    if any(len(given.get(name, "")) > 200 for name in needed):
        raise Invalid("call.metadata_too_long", "metadata has at most 200 characters each")
    return Origin(
        tenant=check_tenant(given["ar-tenant"]),
        actor=given.get("ar-actor", ""),
        reason=given.get("ar-reason", ""),
        idempotency_key=given.get("ar-idempotency-key", ""),
        traceparent=traceparent,
    )
