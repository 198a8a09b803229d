"""Assembles a service from its parts, and runs it."""

import asyncio
import gc
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import psycopg
import uvloop
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import start_http_server
from receivables.audit.v1 import service_pb2 as audit_pb2
from receivables.audit.v1 import service_pb2_grpc as audit_pb2_grpc
from receivables.operations.v1 import service_pb2 as operations_pb2
from receivables.operations.v1 import service_pb2_grpc as operations_pb2_grpc

from services.chassis import (
    access,
    acts,
    chain,
    cleaning,
    follow,
    logs,
    metrics,
    migrate,
    operations,
    rebuild,
    rpc,
    tls,
    told,
    topics,
    tracing,
)
from services.chassis.access import Gate, Refused
from services.chassis.acts import Refusals
from services.chassis.audit import AuditService
from services.chassis.brokers import brokers_of
from services.chassis.consumer import Consumer, Handler, Teller, nobody
from services.chassis.database import Database, is_transient, reach, trouble
from services.chassis.envelope import RECORD_MAX_BYTES, topic_of
from services.chassis.identity import Principal, Signer, Speaker, Trust, Verifier
from services.chassis.logs import log
from services.chassis.relay import Relay
from services.chassis.settings import ChassisSettings, load, secret_now
from services.chassis.sources import Sources
from services.chassis.workers import Work, workers

S = TypeVar("S", bound=ChassisSettings)
EARLY_S = 1.0  # between two looks at early events
STOP_S = 20.0  # after which a stop that hangs is cut short
FAIL_S = 5.0  # and an end by a failure, which has nothing to finish
LIVENESS, READINESS = "liveness", "readiness"  # what an orchestrator's probes ask for
AGE_GRACE_MS = 30_000  # for calls that are under way on a connection that has come of age
GRACE_S = 8.0  # for calls that are under way at a stop


AUDIT = audit_pb2.DESCRIPTOR.services_by_name["AuditService"].full_name
OPERATIONS = operations_pb2.DESCRIPTOR.services_by_name["OperationsService"].full_name


@dataclass(frozen=True, slots=True)
class Parts(Generic[S]):
    """What a service's doors and jobs may stand on."""

    settings: S
    database: Database
    consumer: Consumer


@dataclass(frozen=True, slots=True)
class Servicer:
    """A gRPC service: its full name, how it is added to a server, and what answers."""

    name: str
    add: Callable[[Any, Any], None]
    answers: object


@dataclass(frozen=True, slots=True)
class Service(Generic[S]):
    """Everything that makes one service; the rest is machinery."""

    name: str
    settings: type[S]
    migrations: Path
    # The newest of them that the code stands on: the start waits for it, and not for those that come after it.
    stands_on: str
    # What it follows: each event's type, and the use case that handles a batch of them.
    handlers: Callable[[S], Mapping[type[Message], Handler]]
    servicers: Callable[[Parts[S]], Sequence[Servicer]]
    # What it does that is not an event, by kind.
    works: Callable[[Parts[S]], Sequence[Work]] = lambda _parts: ()
    # Reads business figures and invariants into gauges, for all tenants, read only.
    measure: operations.Measure = operations.nothing
    # Forgets what the business has no right to keep any more.
    outdated: cleaning.Outdated = cleaning.nothing
    # Announces a refused event to those who must correct it, in the transaction that parks it.
    tell: Teller = nobody
    # How its tables follow from the topics; a service that tells nothing has nothing to be compared with.
    fold: rebuild.Fold | None = None
    # Another door beside gRPC's, such as HTTP's, open as long as it is entered.
    door: Callable[[Parts[S]], AbstractAsyncContextManager[None]] | None = None
    # Whether it follows or tells anything: one that does not, knows no broker.
    knows_broker: bool = True
    # What would make the first answer slow, done once before anything is served; ends the start where that cannot be.
    warm: Callable[[S], None] = lambda _settings: None

    def topics_of_sources(self, settings: S) -> list[str]:
        """The topics that it follows of those outside who have one of their own."""
        contracts = {topic_of(message) for message in self.handlers(settings)}
        return sorted(set(Sources(settings.order_sources).topics(contracts)) - contracts)

    def consumer(self, settings: S, database: Database, topic_ids: Mapping[str, str] | None = None) -> Consumer:
        """The service's handling of events, for the process and for tests."""
        return Consumer(
            database,
            self.name,
            self.handlers(settings),
            tell=self.tell,
            sources=Sources(settings.order_sources),
            topic_ids=topic_ids,
            failures_in_row_max=settings.failures_in_row_max,
            batch_s=settings.batch_s,
            alone_s=settings.batch_s + settings.idle_transaction_s,
        )


def database_of(settings: ChassisSettings) -> Database:
    """The service's database as the settings name it."""
    return Database(
        partial(_address, settings),
        connections=settings.database_connections,
        clock=settings.clock,
        idle_transaction_s=settings.idle_transaction_s,
    )


def speaker_of(name: str, settings: ChassisSettings) -> Speaker:
    """What gives the metadata of a call in this service's own name: for a tenant, to another service."""

    def own_key() -> str:
        return secret_now(settings, "identity_key")

    signer = Signer(name, own_key)

    def metadata(tenant: str, audience: str) -> list[tuple[str, str]]:
        # For a neighbour that believes it: one without AR_ACCESS, or of a version before tokens.
        said = [("ar-tenant", tenant)]
        if settings.identity_key is not None:
            said.append((access.IDENTITY, signer.sign(Principal(f"service:{name}", tenant, name), audience)))
        return said

    return metadata


def certificate_of(settings: ChassisSettings) -> tls.Holder | None:
    """This workload's certificate, by which it calls and is called; None where wires have none (AR_GRPC_TLS=off)."""
    return None if settings.grpc_tls == "off" else tls.holder(settings.tls_dir)


def _address(settings: ChassisSettings) -> str:
    """The database that we were given at the start, with the login of this moment.

    Another server or database is met only after a new start: for a while, half of our connections would be to each.
    """
    given = settings.database_url.get_secret_value()
    try:
        now = psycopg.conninfo.conninfo_to_dict(secret_now(settings, "database_url"))
    except psycopg.ProgrammingError:
        log.warning("the secret is no database's address any more", setting="database_url")
        return given
    return psycopg.conninfo.make_conninfo(given, user=now.get("user"), password=now.get("password"))


def run_migrations(service: Service[Any], settings: ChassisSettings) -> list[str]:
    """Bring the database up to this version, as its owner."""
    if settings.owner_database_url is None:
        raise SystemExit("migrate needs AR_OWNER_DATABASE_URL, the database's owner")
    owner = settings.owner_database_url.get_secret_value()
    server_role = psycopg.conninfo.conninfo_to_dict(settings.database_url.get_secret_value())["user"]
    reach(owner)
    return migrate.migrate(owner, str(server_role), service.migrations)


def serve(service: Service[S]) -> None:
    """Serve until SIGTERM or SIGINT; end with an error, to be started anew, when anything fails unexpectedly."""
    settings = load(service.settings)
    logs.configure(service.name, settings.log_level)
    service.warm(settings)
    try:
        uvloop.run(_serve_until_told(service, settings))
    except ExceptionGroup as failed:
        if (older := _only(told.Older, failed)) is None:
            raise
        log.error("the database is older than what was told", do=f"python -m services.{service.name} rebuild")
        raise SystemExit(str(older)) from None


def _only(kind: type[Exception], failed: BaseException) -> BaseException | None:
    """The one failure of that kind that a start ended with."""
    while isinstance(failed, BaseExceptionGroup) and len(failed.exceptions) == 1:
        failed = failed.exceptions[0]
    return failed if isinstance(failed, kind) else None


async def _serve_until_told(service: Service[S], settings: S) -> None:
    told = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, told.set)
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(_serve(service, settings))
        await told.wait()
        log.info("service stopping")
        _end_within(STOP_S, 0)
        work.cancel()


async def _serve(service: Service[S], settings: S) -> None:
    try:
        async with AsyncExitStack() as stack:
            tracing.begin(service.name)
            stack.push_async_callback(asyncio.to_thread, tracing.end)
            parts = await _stand_up(service, settings, stack)
            works = service.works(parts)
            metrics.expect_jobs(work.kind for work in works)
            relay = _relay_of(service, parts)
            if relay is not None:
                relay.start()
                stack.push_async_callback(asyncio.to_thread, relay.stop)
            if settings.metrics_port:
                metrics_server, _ = start_http_server(settings.metrics_port, settings.grpc_host)
                stack.callback(metrics_server.shutdown)
            refusals = Refusals(parts.database)
            async with asyncio.TaskGroup() as tasks, AsyncExitStack() as doors:
                await doors.enter_async_context(_open_door(service, parts, works, refusals))
                if service.door is not None:
                    await doors.enter_async_context(service.door(parts))
                for task in (*_tasks(service, parts, relay, works), refusals.keep()):
                    tasks.create_task(_ending_all(task))
                _spare_the_collector()
                log.info("service started", grpc_port=settings.grpc_port)
                await asyncio.Event().wait()  # until we are cancelled, or a task fails
    except Exception:
        _end_within(FAIL_S, 1)
        raise


def _relay_of(service: Service[S], parts: Parts[S]) -> Relay | None:
    """What publishes what it tells."""
    return Relay(parts.database, brokers_of(parts.settings), service.name) if service.knows_broker else None


def _spare_the_collector() -> None:
    """What the start has made stays as long as we do: no search for garbage need go through it, and fewer are enough."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)


async def _ending_all(task: Coroutine[Any, Any, None]) -> None:
    """Whatever a task raises ends the process, in time even if the others do not let go."""
    try:
        await task
    except Exception:
        log.exception("service failed")
        _end_within(FAIL_S, 1)
        raise


def _end_within(seconds: float, code: int) -> None:
    """Whatever hangs (Faust does, while the broker is away), the process ends: what it had not finished comes again."""
    timer = threading.Timer(seconds, os._exit, [code])
    timer.daemon = True
    timer.start()


async def _stand_up(service: Service[S], settings: S, stack: AsyncExitStack) -> Parts[S]:
    """Wait for the broker and the database, make sure that the topics are there and our role is a safe one."""
    topic_ids = await _meet_broker(service, settings) if service.knows_broker else None
    database = database_of(settings)
    await _wait_for("database", lambda: trouble(database.url))
    await _wait_for(
        "migrations",
        lambda: "" if migrate.is_ready_for(database.url, service.migrations, service.stands_on) else "not applied",
    )
    await stack.enter_async_context(database)
    async with database.pool.connection() as connection:
        await migrate.check_role(connection)
    if service.fold is not None:
        await told.check(brokers_of(settings), database, service.fold.tells, service.name)
    return Parts(settings, database, service.consumer(settings, database, topic_ids))


async def _meet_broker(service: Service[S], settings: S) -> Mapping[str, str]:
    """Wait for the broker and for the topics of sources; make those that are missing, and give the ids of all."""
    brokers = brokers_of(settings)
    await _wait_for("broker", lambda: topics.trouble(brokers))
    of_sources = service.topics_of_sources(settings)
    await _wait_for("topics of sources", lambda: topics.missing(brokers, of_sources))
    return await asyncio.to_thread(
        topics.ensure,
        brokers,
        [*topics.TOPICS, *of_sources],
        partitions=settings.partitions,
        replication=settings.replication,
    )


def run_rebuild(
    service: Service[S], settings: S, *, over_gaps: bool = False, by: str = "system:rebuild"
) -> rebuild.Summary:
    """Bring the service's tables from where they stand to the last thing that the service told."""
    if service.fold is None:
        raise SystemExit(f"{service.name} tells nothing that it could be rebuilt from")
    fold = service.fold
    brokers = brokers_of(settings)

    of_sources = service.topics_of_sources(settings)

    async def run() -> rebuild.Summary:
        topic_ids = await asyncio.to_thread(
            topics.ensure,
            brokers,
            [*topics.TOPICS, *of_sources],
            partitions=settings.partitions,
            replication=settings.replication,
        )
        async with database_of(settings) as database:
            consumer = service.consumer(settings, database, topic_ids)
            await acts.commanded(database, "rebuild", by=by)
            return await rebuild.rebuild(
                consumer,
                service.handlers(settings),
                service.tell,
                fold,
                brokers,
                over_gaps=over_gaps,
            )

    reach(settings.database_url.get_secret_value())
    if not migrate.is_ready_for(settings.database_url.get_secret_value(), service.migrations, service.stands_on):
        raise SystemExit(f"the database is not migrated: python -m services.{service.name} migrate")
    if lacking := topics.missing(brokers, of_sources):
        raise SystemExit(f"AR_ORDER_SOURCES: the topics of its sources cannot all be read: {lacking}")
    try:
        return uvloop.run(run())
    except (rebuild.Unfit, told.Stuck) as why:
        raise SystemExit(str(why)) from None


async def _wait_for(what: str, trouble: Callable[[], str]) -> None:
    """Wait until there is no trouble with it, saying each kind of trouble once."""
    said: set[str] = set()
    while why := await asyncio.to_thread(trouble):
        if why not in said:
            log.warning("waiting to start", waits_for=what, why=why)
            said.add(why)
        await asyncio.sleep(0.5)


def _tasks(
    service: Service[S], parts: Parts[S], relay: Relay | None, works: Sequence[Work]
) -> list[Coroutine[Any, Any, None]]:
    """All that a service does beside answering; the first to fail ends all."""
    tasks = [
        operations.keep_gauges(parts.database, parts.consumer),
        operations.keep_figures(parts.database, service.measure),
        cleaning.keep_clean(parts.database, service.outdated),
        chain.keep_chained(parts.database),
        chain.keep_verified(parts.database),
        *(worker.run() for worker in workers(parts.consumer, works)),
    ]
    if relay is not None:
        tasks.append(_watch_relay(relay))
    if parts.consumer.topics:
        tasks += [follow.Follower(parts.consumer, parts.settings).run(), _wake_early(parts.consumer)]
    return tasks


async def _wake_early(consumer: Consumer) -> None:
    while True:
        await asyncio.sleep(EARLY_S)
        try:
            await consumer.wake_due()
        except Exception as error:
            if not is_transient(error):
                raise


async def _watch_relay(relay: Relay) -> None:
    while relay.alive():
        await asyncio.sleep(1)
    raise RuntimeError("the relay ended")


def gate_of(
    name: str,
    settings: ChassisSettings,
    servicers: Sequence[str],
    told: Callable[[Refused], None] = lambda _refused: None,
) -> Gate:
    """What lets calls in, by what the contracts of these gRPC services say; one that does not say it ends the start."""
    held = access.rules([*servicers, OPERATIONS, AUDIT])
    if settings.access == "off":
        return Gate("off", held, told=told)
    trust = Trust(settings.trust_dir)
    if settings.access == "require" and not trust.names():
        raise SystemExit(f"AR_TRUST_DIR: {settings.trust_dir} names nobody whom we trust (`receivables keys init`)")
    return Gate(settings.access, held, Verifier(trust, name), told=told)


@asynccontextmanager
async def _open_door(
    service: Service[S], parts: Parts[S], works: Sequence[Work], refusals: Refusals
) -> AsyncIterator[None]:
    """Answer calls; then say that we no longer do, and finish those that are under way."""
    settings = parts.settings
    servicers = service.servicers(parts)
    server = rpc.server(
        gate_of(service.name, settings, [servicer.name for servicer in servicers], refusals.note),
        max_receive_message_length=RECORD_MAX_BYTES,
        so_reuseport=0,
        max_connection_age_ms=settings.grpc_connection_age_s * 1000,
        max_connection_age_grace_ms=AGE_GRACE_MS,
    )
    names = [reflection.SERVICE_NAME, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name]
    operator = Servicer(
        OPERATIONS,
        operations_pb2_grpc.add_OperationsServiceServicer_to_server,
        operations.OperationsService(service.name, settings, parts.consumer, works),
    )
    auditor = Servicer(
        AUDIT, audit_pb2_grpc.add_AuditServiceServicer_to_server, AuditService(parts.database, parts.consumer)
    )
    for servicer in (*servicers, auditor):
        metrics.expect_calls(servicer.name)
    for servicer in (*servicers, auditor, operator):
        servicer.add(servicer.answers, server)
        names.append(servicer.name)
    alive = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(alive, server)
    reflection.enable_server_reflection(names, server)
    servers = [server]
    if (held := certificate_of(settings)) is not None:
        server.add_secure_port(f"{settings.grpc_host}:{settings.grpc_tls_port}", tls.server_credentials(held))
    if settings.grpc_tls == "require":
        # Probes have no certificate: in plain text, health answers and nothing else does.
        servers.append(rpc.server(Gate("require", {}), so_reuseport=0))
        health_pb2_grpc.add_HealthServicer_to_server(alive, servers[-1])
    servers[-1].add_insecure_port(f"{settings.grpc_host}:{settings.grpc_port}")
    for each in servers:
        await each.start()
    for name in ("", LIVENESS, READINESS, *names):
        await alive.set(name, health_pb2.HealthCheckResponse.SERVING)
    try:
        yield
    finally:
        await alive.enter_graceful_shutdown()
        await asyncio.gather(*(each.stop(GRACE_S) for each in servers))
