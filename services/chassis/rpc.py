"""The gRPC door: writes answered once per idempotency key, refusals mapped to statuses in one place."""

import asyncio
import contextvars
import functools
import hashlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar, get_args

import grpc
from google.protobuf import any_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from kafka.errors import KafkaError

from services.chassis import acts, bounds, metrics, parked, parts, texts, tls, tracing, words
from services.chassis.access import CALL, HEALTH, Call, Gate, Refused, rule_of
from services.chassis.columns import Columns, columns
from services.chassis.consumer import Consumer
from services.chassis.database import (
    CALL_S,
    Database,
    Tx,
    check_tenant,
    is_away,
    is_hidden,
    is_of_data,
    is_transient,
)
from services.chassis.envelope import Origin, trace_of
from services.chassis.logs import follow_trace, log
from services.kernel.refusals import (
    Conflict,
    Early,
    Forbidden,
    Invalid,
    KeyReused,
    NotFound,
    Refusal,
    Unauthenticated,
    quoted,
)

Req = TypeVar("Req", bound=Message)
Resp = TypeVar("Resp", bound=Message)
Made = TypeVar("Made")
Method = Callable[[Any, Tx, Origin, Req], Awaitable[Resp]]
MethodOfMany = Callable[[Any, Tx, Sequence[tuple[Origin, Req]]], Awaitable[list[Resp]]]
MethodOfMade = Callable[[Any, Tx, Origin, Req, Made], Awaitable[Resp]]
Served = Callable[[Any, Req, Any], Awaitable[Resp]]

TOGETHER_MOST = 50  # calls in one transaction
WAKE_S = 0.5  # for which an answer waits for what it wakes, which goes on without it
MESSAGE_MAX = 1000  # bytes of a refusal's words: they travel in a header, each as three if it is no ASCII

METADATA_MAX = 200  # characters
_WRITES = ("ar-tenant", "ar-idempotency-key", "ar-actor")  # what a write needs; why is told by those who know
_WHY_IN_UTF8 = "ar-reason-bin"  # plain metadata is ASCII
_METADATA = {"ar-tenant": texts.ID, "ar-idempotency-key": texts.ID, "ar-actor": texts.LINE, "ar-reason": texts.LINE}

_STATUS: tuple[tuple[type[Refusal], grpc.StatusCode], ...] = (
    (Invalid, grpc.StatusCode.INVALID_ARGUMENT),
    (Unauthenticated, grpc.StatusCode.UNAUTHENTICATED),
    (Forbidden, grpc.StatusCode.PERMISSION_DENIED),
    (NotFound, grpc.StatusCode.NOT_FOUND),
    (Early, grpc.StatusCode.NOT_FOUND),
    (KeyReused, grpc.StatusCode.ALREADY_EXISTS),
    (Conflict, grpc.StatusCode.FAILED_PRECONDITION),
)


@dataclass(eq=False, slots=True)
class _Call:
    """A write that is to be carried out once per key."""

    origin: Origin
    request: Any
    digest: bytes
    # As it came through the gate: what is done later is done in another context.
    came: Call | None = field(default_factory=CALL.get)
    answer: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def key(self) -> tuple[str, str]:
        """Whoever is bound to accounts has keys of its own: it neither hears another's answer nor takes another's key."""
        key = self.origin.idempotency_key
        return self.origin.tenant, f"{self.origin.actor}\n{key}" if _is_bound(self.origin) else key


class Door:
    """What a servicer stands on: the database, and the consumer whose early events its announcements may wake."""

    def __init__(self, database: Database, consumer: Consumer) -> None:
        self.database = database
        self.consumer = consumer
        self.together: dict[str, _Together] = {}
        self._met: set[str] = set()
        self._waking: set[asyncio.Task[None]] = set()

    def serve(self, *calls: Origin) -> AbstractAsyncContextManager[Tx]:
        """A transaction that serves whoever calls: their tenants and, alone, whoever is bound to accounts."""
        bound = [call.caller for call in calls if _is_bound(call)]
        assert not bound or len(calls) == 1, "whoever is bound to accounts shares no transaction"
        tenants = {call.tenant for call in calls}
        if not bound or (caller := bound[0]) is None:
            return self.database.transaction(tenants, within=CALL_S)
        parts = [(part.site, part.cost_centre, part.purchase_order) for part in caller.parts]
        return self.database.transaction(tenants, accounts=caller.accounts, parts=parts, within=CALL_S)

    async def meet(self, tx: Tx, tenants: set[str]) -> None:
        """Remember tenants for the sweepers."""
        if new := sorted(tenants - self._met):
            await tx.run("INSERT INTO tenant SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", [new])

    async def done(self, tx: Tx, tenants: set[str]) -> None:
        """After the commit: run what waited for what was announced."""
        self._met |= tenants
        if not tx.announced:
            return
        try:
            async with self.database.glance(within=CALL_S) as now:
                slots = await parked.waiting_for(now, self.consumer.name, tx.announced)
        except Exception as error:
            if not is_transient(error):
                raise
            await self._wake(self.consumer.wake(tx.announced))
        else:
            if slots:
                await self._wake(self.consumer.wake(set(), slots))

    async def _wake(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait a while for it, since who asks next would see it; not for a database that is away, as it does."""
        task = asyncio.create_task(work)
        self._waking.add(task)
        done, _ = await asyncio.wait({task}, timeout=WAKE_S)
        if done:
            self._waking.discard(task)
            task.result()
        else:
            task.add_done_callback(self._woken)

    def _woken(self, task: asyncio.Task[None]) -> None:
        """Nobody waits for it any more; what it did not get to, the sweep of early events does."""
        self._waking.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("what was announced woke nobody", error=type(error).__name__)


def read(method: Method[Req, Resp]) -> Served[Req, Resp]:
    """Answer a question in a transaction that serves the caller's tenant."""

    async def work(door: Door, origin: Origin, request: Req) -> Resp:
        async with door.serve(origin) as tx:
            return await method(door, tx, origin, request)

    return _served(method, work, needed=("ar-tenant",))


def operate(method: Callable[[Any, Req], Awaitable[Resp]]) -> Served[Req, Resp]:
    """Answer an operator, who speaks for no tenant."""

    async def work(service: Any, _origin: Origin, request: Req) -> Resp:
        return await method(service, request)

    return _served(method, work, needed=())


def visit(method: Callable[[Any, Origin, Req], Awaitable[Resp]]) -> Served[Req, Resp]:
    """Answer a question that takes more than a short transaction: the method makes its own (`Door.serve`), and waits between."""

    async def work(door: Door, origin: Origin, request: Req) -> Resp:
        return await method(door, origin, request)

    return _served(method, work, needed=("ar-tenant",))


def write(method: Method[Req, Resp]) -> Served[Req, Resp]:
    """Carry out a command once per idempotency key; the same key again gets the same answer."""

    async def work(door: Door, origin: Origin, request: Req) -> Resp:
        return await _carry_out_one(door, method, origin, request, lambda tx: method(door, tx, origin, request))

    return _served(method, work, needed=_WRITES)


def write_of(make: Callable[[Req], Made]) -> Callable[[MethodOfMade[Req, Made, Resp]], Served[Req, Resp]]:
    """The same for a command of whose request something is made first that would take its time in a transaction."""

    def of(method: MethodOfMade[Req, Made, Resp]) -> Served[Req, Resp]:
        async def work(door: Door, origin: Origin, request: Req) -> Resp:
            made = make(request)
            return await _carry_out_one(
                door, method, origin, request, lambda tx: method(door, tx, origin, request, made)
            )

        return _served(method, work, needed=_WRITES)

    return of


def write_after(
    prepare: Callable[[Any, Origin, Req], Awaitable[Made]],
) -> Callable[[MethodOfMade[Req, Made, Resp]], Served[Req, Resp]]:
    """The same where what is made first takes what is known, or waits for others: it makes its own transactions, as a visit."""

    def of(method: MethodOfMade[Req, Made, Resp]) -> Served[Req, Resp]:
        async def work(door: Door, origin: Origin, request: Req) -> Resp:
            made = await prepare(door, origin, request)
            return await _carry_out_one(
                door, method, origin, request, lambda tx: method(door, tx, origin, request, made)
            )

        return _served(method, work, needed=_WRITES)

    return of


def write_many(method: MethodOfMany[Req, Resp]) -> Served[Req, Resp]:
    """The same for a command whose use case takes many: calls that come while others are carried out go as one.

    They share a transaction, and so its cost and its wait for the disk; nobody waits for others to come. Where one of
    them is refused or fails, each is carried out by itself; so is, at once, the call of whoever is bound to accounts,
    whose transaction serves those alone.
    """
    [response_type] = get_args(method.__annotations__["return"])
    name = method.__name__

    async def work(door: Door, origin: Origin, request: Req) -> Resp:
        if (together := door.together.get(name)) is None:
            together = door.together[name] = _Together(door, name, response_type, functools.partial(method, door))
        call = _Call(origin, request, _digest(name, request))
        answer: Resp = await (together.answer_at_once(call) if _is_bound(origin) else together.answer(call))
        return answer

    return _served(method, work, needed=_WRITES)


class _Together:
    """Calls of one method that share transactions."""

    def __init__(
        self,
        door: Door,
        method: str,
        response_type: type[Any],
        do: Callable[[Tx, Sequence[tuple[Origin, Any]]], Awaitable[list[Any]]],
    ) -> None:
        self._door, self._method, self._response_type, self._do = door, method, response_type, do
        self._waiting: list[_Call] = []
        self._at_work: asyncio.Task[None] | None = None

    async def answer(self, call: _Call) -> Any:
        """Carry it out with what else has come by its turn."""
        self._waiting.append(call)
        if self._at_work is None or self._at_work.done():
            # Not in the context of the one that happens to be first: its trace is not the others'.
            self._at_work = asyncio.create_task(self._take_turns(), context=contextvars.Context())
        return await call.answer

    async def answer_at_once(self, call: _Call) -> Any:
        """Carry it out by itself."""
        await self._carry_out([call])
        return await call.answer

    async def _take_turns(self) -> None:
        while self._waiting:
            calls, self._waiting = self._waiting[:TOGETHER_MOST], self._waiting[TOGETHER_MOST:]
            try:
                await self._take_turn(
                    [call for call in calls if not call.answer.done()]
                )  # the others' callers have gone
            except Exception as error:  # noqa: BLE001 - the database is away: who waits hears of it now, not after waiting too
                waiting, self._waiting = self._waiting, []
                _fail([*calls, *waiting], error)

    async def _take_turn(self, calls: Sequence[_Call]) -> None:
        one_of_each = list({call.key: call for call in reversed(calls)}.values())[::-1]
        if len(one_of_each) > 1:
            try:
                await self._carry_out(one_of_each)
            except Exception as error:
                if is_away(error):
                    raise
                if is_transient(error):
                    _fail(calls, error)  # it would be the same for each, and take as long
                log.info("calls go one by one", method=self._method, error=type(error).__name__)
        for call in calls:
            if not call.answer.done():
                await self._carry_out_alone(call)

    async def _carry_out_alone(self, call: _Call) -> None:
        try:
            await self._carry_out([call])
        except Exception as error:
            if is_away(error):
                raise
            _fail([call], error)  # raised where the call waits

    async def _carry_out(self, calls: Sequence[_Call]) -> None:
        async def do(tx: Tx, fresh: Sequence[_Call]) -> list[Any]:
            return await self._do(tx, [(call.origin, call.request) for call in fresh])

        with tracing.together(f"{self._method} of several", [call.origin.traceparent for call in calls]):
            await _carry_out(self._door, self._method, self._response_type, calls, do)


def _is_bound(call: Origin) -> bool:
    """Whether whoever calls sees less than all of the tenant."""
    return call.caller is not None and (call.caller.accounts is not None or bool(call.caller.parts))


def _fail(calls: Sequence[_Call], error: Exception) -> None:
    for call in calls:
        if not call.answer.done():
            call.answer.set_exception(error)


def _digest(method: str, request: Message) -> bytes:
    """What makes two calls one."""
    return hashlib.sha256(f"{method}\0".encode() + request.SerializeToString(deterministic=True)).digest()


async def _carry_out_one(
    door: Door, method: Callable[..., Any], origin: Origin, request: Message, do: Callable[[Tx], Awaitable[Resp]]
) -> Resp:
    """Do one by itself, or answer as it was answered before."""

    async def alone(tx: Tx, calls: Sequence[_Call]) -> list[Resp]:
        return [await do(tx) for _ in calls]

    name = method.__name__
    call = _Call(origin, request, _digest(name, request))
    await _carry_out(door, name, method.__annotations__["return"], [call], alone)
    answer: Resp = await call.answer
    return answer


async def _carry_out(
    door: Door,
    method: str,
    response_type: type[Resp],
    calls: Sequence[_Call],
    do: Callable[[Tx, Sequence[_Call]], Awaitable[list[Resp]]],
) -> None:
    """Do those that were not done before, in one transaction; answer all after its commit."""
    tenants = {call.origin.tenant for call in calls}
    async with door.serve(*(call.origin for call in calls)) as tx:
        await door.meet(tx, tenants)
        answered = await _claim(tx, method, calls)
        fresh = [call for call in calls if call.key not in answered]
        responses = await do(tx, fresh) if fresh else []
        await _keep_answers(tx, fresh, responses)
    await door.done(tx, tenants)
    if fresh:
        metrics.ACTS.labels(acts.DONE).inc(len(fresh))
    said: dict[tuple[str, str], Any] = {c.key: response for c, response in zip(fresh, responses, strict=True)}
    for call in calls:
        if call.answer.done():
            continue  # whoever called has gone
        if call.key in said:
            call.answer.set_result(said[call.key])
        elif answered[call.key][0] != call.digest:
            call.answer.set_exception(KeyReused("call.key_reused", "this idempotency key was used for another request"))
        else:
            call.answer.set_result(response_type.FromString(answered[call.key][1]))


_CALLS = Columns(
    "tenant text, idempotency_key text, request_hash bytea, actor text, on_behalf_of text, issuer text, workload text,"
    " method text, account_id text, said_key text"
)
# Takes the keys and writes the acts in one statement: an act is of a call that took its key.
_CLAIM = f"""
WITH call AS MATERIALIZED (SELECT * FROM {_CALLS.rows} AS call),
taken AS (
  INSERT INTO answer (tenant, idempotency_key, method, request_hash)
  SELECT tenant, idempotency_key, %s, request_hash FROM call ORDER BY tenant, idempotency_key
  ON CONFLICT DO NOTHING RETURNING tenant, idempotency_key)
INSERT INTO act (tenant, actor, on_behalf_of, issuer, workload, method, account_id, idempotency_key, digest, outcome, code, times)
SELECT tenant, actor, on_behalf_of, issuer, workload, method, account_id, said_key, request_hash, '{acts.DONE}', '', 1
  FROM taken JOIN call USING (tenant, idempotency_key)
RETURNING tenant, idempotency_key"""  # noqa: S608 - constant columns and words


async def _claim(tx: Tx, method: str, calls: Sequence[_Call]) -> dict[tuple[str, str], tuple[bytes, bytes]]:
    """Take the keys; return the hash and the answer of those that have one. A second caller at once waits for the first."""
    taken = await tx.rows(_CLAIM, [_CALLS.pack([_row(call, method) for call in calls]), method])
    if len(taken) == len(calls):
        return {}
    ours = {(row.tenant, row.idempotency_key) for row in taken}
    rows = await tx.rows(
        """SELECT tenant, idempotency_key, request_hash, response FROM answer
            WHERE (tenant, idempotency_key) IN (SELECT * FROM unnest(%s::text[], %s::text[]))""",
        columns(call.key for call in calls),
    )
    found = {(row.tenant, row.idempotency_key): (bytes(row.request_hash), bytes(row.response or b"")) for row in rows}
    return {key: answer for key, answer in found.items() if key not in ours}


def _row(call: _Call, method: str) -> tuple[Any, ...]:
    """A call as it is claimed, and as it is told in the audit trail."""
    contract = call.request.DESCRIPTOR.file
    service, account_field = _service_of(contract, method), _account_field(contract, method)
    return (
        *call.key,
        call.digest,
        *acts.said_by(call.origin.caller, call.origin.actor),
        call.came.workload if call.came is not None else "",
        f"{service}/{method}",
        getattr(call.request, account_field) if account_field else "",
        call.origin.idempotency_key,
    )


async def _keep_answers(tx: Tx, calls: Sequence[_Call], responses: Sequence[Message]) -> None:
    if calls:
        await tx.run(
            """UPDATE answer a SET response = said.response
                 FROM unnest(%s::text[], %s::text[], %s::bytea[]) AS said (tenant, idempotency_key, response)
                WHERE a.tenant = said.tenant AND a.idempotency_key = said.idempotency_key""",
            [
                [call.key[0] for call in calls],
                [call.key[1] for call in calls],
                [words.without(response).SerializeToString() for response in responses],
            ],
        )


def _served(
    method: Callable[..., Any], work: Callable[[Any, Origin, Req], Awaitable[Resp]], *, needed: tuple[str, ...]
) -> Served[Req, Resp]:
    name = method.__name__

    @functools.wraps(method)
    async def served(self: Any, request: Req, context: grpc.aio.ServicerContext[Any, Any]) -> Resp:
        started = time.perf_counter()
        code = grpc.StatusCode.OK
        service = _service_of(request.DESCRIPTOR.file, name)
        origin: Origin | None = None
        given = _metadata(context)
        trace = trace_of(given.get("traceparent", ""))
        try:
            with tracing.span(f"{service}/{name}", "server", trace, _GRPC) as traceparent:
                follow_trace(traceparent)
                origin = _origin(given, traceparent, needed)
                bounds.check(request)
                return await work(self, origin, request)
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED  # the caller went away, or would wait no longer
            raise
        except Exception as error:
            if (refusal := _refusal(error, origin)) is not None:
                code = _code(refusal)
                metrics.REFUSED.labels(refusal.code).inc()
                log.info("call refused", method=name, code=refusal.code)
                if isinstance(refusal, Forbidden) and (call := CALL.get()) is not None:
                    account_field = _account_field(request.DESCRIPTOR.file, name)
                    call.refused(refusal, getattr(request, account_field) if account_field else "")
                await context.abort_with_status(_status(refusal))
            code = grpc.StatusCode.UNAVAILABLE if _is_away(error) else grpc.StatusCode.INTERNAL
            log.error("call failed", method=name, exc_info=code is grpc.StatusCode.INTERNAL, error=type(error).__name__)
            await context.abort(code, _ASKS[code])
            raise
        finally:
            if needed:  # what an operator asks is none of the business' figures
                metrics.HANDLED.labels(service, name, code.name).inc()
                metrics.HANDLING.labels(service, name).observe(time.perf_counter() - started)

    return served


_GRPC = {"rpc.system": "grpc"}
_ASKS = {
    grpc.StatusCode.UNAVAILABLE: "try again with the same idempotency key",
    grpc.StatusCode.INTERNAL: "defect",
}


def _refusal(error: Exception, origin: Origin | None) -> Refusal | None:
    """The refusal that it is; None if it is our trouble and not the caller's."""
    if isinstance(error, Refusal):
        return error
    if is_hidden(error) and origin is not None and _is_bound(origin):
        # What whoever calls would write is another's, or would stand in another's place.
        return Forbidden("access.account", "what the request names is of none of the caller's accounts")
    if is_of_data(error):
        log.warning("a call came to the database's bounds", error=type(error).__name__)
        return Invalid("call.unstorable", "the request says, or adds up to, what cannot be stored")
    return None


def _is_away(error: Exception) -> bool:
    """Whether the same call can succeed later: the database, or the broker of which an operator asks, is away."""
    return is_transient(error) or isinstance(error, KafkaError)


def _code(refusal: Refusal) -> grpc.StatusCode:
    return next(status for kind, status in _STATUS if isinstance(refusal, kind))


@functools.cache
def _service_of(contract: FileDescriptor, method: str) -> str:
    """The full name of the contract's service that has this method."""
    found = (s for s in contract.services_by_name.values() if method in s.methods_by_name)
    return str(next(found).full_name)


@functools.cache
def _account_field(contract: FileDescriptor, method: str) -> str:
    """The field of its request that names an account; none of some methods."""
    found = (s.methods_by_name.get(method) for s in contract.services_by_name.values())
    rule = next((rule_of(one) for one in found if one is not None), None)
    return rule.account_field if rule is not None else ""


def _status(refusal: Refusal) -> grpc.Status:
    """google.rpc.Status with the stable code as ErrorInfo.reason, for programs."""
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=refusal.code, domain="receivables"))
    said = refusal.message.encode()
    message = refusal.message if len(said) <= MESSAGE_MAX else f"{said[:MESSAGE_MAX].decode(errors='ignore')} …"
    status: grpc.Status = rpc_status.to_status(
        status_pb2.Status(code=_code(refusal).value[0], message=message, details=[detail])
    )
    return status


def _metadata(context: Any) -> dict[str, str]:
    """What the caller says of itself, as far as it is text: why, in any language, as UTF-8 too."""
    given = dict(context.invocation_metadata() or ())
    if isinstance(why := given.get(_WHY_IN_UTF8), bytes):
        given["ar-reason"] = why.decode(errors="replace")
    return {key: value for key, value in given.items() if isinstance(value, str)}


def _check_repeated(context: Any) -> None:
    """Refuse who says twice for whom or why: the one that is looked at and the one that counts may differ."""
    said: set[str] = set()
    for name, _ in context.invocation_metadata() or ():
        key = name.removesuffix("-bin")
        if key in said and key.startswith("ar-"):
            raise Invalid("call.metadata_repeated", f"the metadata has {quoted(key)} more than once")
        said.add(key)


def _origin(given: Mapping[str, str], traceparent: str, needed: tuple[str, ...]) -> Origin:
    """Who calls, for which tenant and why: the token's word, or the metadata's where the gate believes that."""
    call = CALL.get()
    assert call is not None, "calls come through the gate of rpc.server"
    if (principal := call.principal) is not None:
        given = {**given, "ar-tenant": principal.tenant, "ar-actor": principal.actor}
    if missing := [name for name in needed if not given.get(name)]:
        raise Invalid("call.metadata_missing", f"the metadata lacks {', '.join(missing)}")
    for name, kind in _METADATA.items():
        text = given.get(name, "")
        if len(text) > METADATA_MAX:
            raise Invalid("call.metadata_too_long", f"metadata has at most {METADATA_MAX} characters each, not {name}")
        if not texts.fits(text, kind, METADATA_MAX):
            raise Invalid("call.metadata_malformed", f"{name} has a character that it cannot have: {quoted(text)}")
    tenant = given.get("ar-tenant", "")
    return Origin(
        tenant=check_tenant(tenant) if needed else tenant,
        actor=given.get("ar-actor", ""),
        reason=given.get("ar-reason", ""),
        idempotency_key=given.get("ar-idempotency-key", ""),
        traceparent=traceparent,
        caller=principal,
    )


def server(gate: Gate, **options: int) -> grpc.aio.Server:
    """A server that lets in whom the gate does, and refuses what no method can read, which gRPC would call our defect."""
    given = [(f"grpc.{name}", value) for name, value in options.items()]
    return grpc.aio.server(interceptors=[_Reader(gate)], options=given)


class _Reader(grpc.aio.ServerInterceptor):  # type: ignore[misc, unused-ignore] # typed or not, as grpc's stubs are
    """Lets calls in and reads requests, all of which are single messages."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Give the method its request read, or refuse it in its stead."""
        handler = await continuation(details)
        method = details.method.removeprefix("/")
        if handler is None or method.startswith(HEALTH):
            return handler  # unknown, or what probes ask
        if handler.unary_unary is None:
            return self._stream(method, handler)

        async def answer(payload: bytes, context: Any) -> Any:
            try:
                _check_repeated(context)
                call = self._gate.admit(method, _metadata(context), self._workload(method, context))
                if parts.too_many(payload):
                    raise Invalid("call.too_large", f"more than {parts.PARTS_MAX:,} parts of one kind")
                request = handler.request_deserializer(payload)
                self._gate.check(call, request)
            except (Refusal, DecodeError) as error:
                await _refuse(context, method, error if isinstance(error, Refusal) else _UNREADABLE)
            CALL.set(call)
            return await handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(answer, None, handler.response_serializer)

    def _workload(self, method: str, context: Any) -> str | None:
        try:
            return tls.workload(context.auth_context())
        except Refusal as refusal:
            self._gate.tell(Refused(method, refusal.code, None, ""))
            raise

    def _stream(self, method: str, handler: Any) -> Any:
        """Reflection, which says nothing of anybody: for workloads that may ask."""

        async def answer(requests: Any, context: Any) -> Any:
            try:
                self._gate.admit_workload(method, self._workload(method, context))
            except Refusal as refusal:
                await _refuse(context, method, refusal)
            async for response in handler.stream_stream(requests, context):
                yield response

        return grpc.stream_stream_rpc_method_handler(answer, handler.request_deserializer, handler.response_serializer)


async def _refuse(context: Any, method: str, refusal: Refusal) -> NoReturn:
    follow_trace(trace_of(_metadata(context).get("traceparent", "")))
    metrics.REFUSED.labels(refusal.code).inc()
    log.info("call refused", method=method, code=refusal.code)
    await context.abort_with_status(_status(refusal))
    raise AssertionError("abort_with_status raises")


_UNREADABLE = Invalid("call.unreadable", "the request is no message of this method, or has a text that is not UTF-8")
