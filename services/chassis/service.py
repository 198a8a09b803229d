"""Assembles a service from its parts and gives it its command line: serve, migrate, parked."""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import grpc
import psycopg
import uvloop
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import start_http_server
from receivables.operations.v1 import service_pb2 as operations_pb2
from receivables.operations.v1 import service_pb2_grpc as operations_pb2_grpc

from services.chassis import follow, jobs, logs, migrate, operations, topics
from services.chassis.consumer import Consumer, Handler, Teller, nobody
from services.chassis.database import Database
from services.chassis.jobs import Job
from services.chassis.logs import log
from services.chassis.relay import Relay
from services.chassis.settings import ChassisSettings

S = TypeVar("S", bound=ChassisSettings)
EARLY_S = 1.0  # between two looks at early events


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
    # What it follows: each event's type, and the use case that handles a batch of them.
    handlers: Mapping[type[Message], Handler]
    servicers: Callable[[Parts[S]], Sequence[Servicer]]
    jobs: Callable[[Parts[S]], tuple[Job, ...]] = lambda _parts: ()
    # Announces a refused event to those who must correct it, in the transaction that parks it.
    tell: Teller = nobody

    def consumer(self, settings: S, database: Database, topic_ids: Mapping[str, str] | None = None) -> Consumer:
        """The service's handling of events, for the process and for tests."""
        return Consumer(
            database,
            self.name,
            self.handlers,
            tell=self.tell,
            topic_ids=topic_ids,
            failures_in_row_max=settings.failures_in_row_max,
        )


def database_of(settings: ChassisSettings) -> Database:
    """The service's database as the settings name it."""
    return Database(
        settings.database_url.get_secret_value(), connections=settings.database_connections, clock=settings.clock
    )


def run_migrations(service: Service[Any], settings: ChassisSettings) -> list[str]:
    """Bring the database up to this version, as its owner."""
    if settings.owner_database_url is None:
        raise SystemExit("migrate needs AR_OWNER_DATABASE_URL, the database's owner")
    server_role = psycopg.conninfo.conninfo_to_dict(settings.database_url.get_secret_value())["user"]
    return migrate.migrate(settings.owner_database_url.get_secret_value(), str(server_role), service.migrations)


def serve(service: Service[S]) -> None:
    """Serve until SIGTERM or SIGINT; end with an error, to be started anew, when anything fails unexpectedly."""
    settings = service.settings()  # type: ignore[call-arg]
    logs.configure(service.name, settings.log_level)
    uvloop.run(_serve(service, settings))


async def _serve(service: Service[S], settings: S) -> None:
    topic_ids = await asyncio.to_thread(
        topics.ensure,
        settings.kafka_bootstrap_servers,
        partitions=settings.partitions,
        replication=settings.replication,
    )
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(database_of(settings))
        async with database.pool.connection() as connection:
            await migrate.check_role(connection)
        consumer = service.consumer(settings, database, topic_ids)
        parts = Parts(settings, database, consumer)
        relay = Relay(database.url, settings.kafka_bootstrap_servers)
        relay.start()
        stack.push_async_callback(asyncio.to_thread, relay.stop)
        if settings.metrics_port:
            metrics_server, _ = start_http_server(settings.metrics_port, settings.grpc_host)
            stack.callback(metrics_server.shutdown)
        server, alive = await _open_door(service, parts)
        stack.push_async_callback(server.stop, 5)
        log.info("service started", grpc_port=settings.grpc_port)
        with suppress(_Stopped):
            await _work(service, parts, relay)
        await alive.enter_graceful_shutdown()
        log.info("service stopping")


class _Stopped(Exception):  # noqa: N818 - the way a stop leaves a task group
    """SIGTERM or SIGINT."""


async def _work(service: Service[S], parts: Parts[S], relay: Relay) -> None:
    """Run all that a service does beside answering; the first to fail ends all."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    try:
        async with asyncio.TaskGroup() as tasks:
            if service.handlers:
                tasks.create_task(follow.Follower(parts.consumer, parts.settings).run())
                tasks.create_task(_wake_early(parts.consumer))
            for job in service.jobs(parts):
                tasks.create_task(jobs.keep_running(parts.database, job))
            tasks.create_task(_watch_relay(relay))
            tasks.create_task(operations.keep_gauges(parts.database, parts.consumer))
            await stop.wait()
            raise _Stopped
    except* _Stopped:
        pass


async def _wake_early(consumer: Consumer) -> None:
    while True:
        await asyncio.sleep(EARLY_S)
        await consumer.wake_due()


async def _watch_relay(relay: Relay) -> None:
    while relay.alive():
        await asyncio.sleep(1)
    raise RuntimeError("the relay ended")


async def _open_door(service: Service[S], parts: Parts[S]) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 8 * 1024 * 1024), ("grpc.so_reuseport", 0)])
    names = [reflection.SERVICE_NAME, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name]
    operator = Servicer(
        operations_pb2.DESCRIPTOR.services_by_name["OperationsService"].full_name,
        operations_pb2_grpc.add_OperationsServiceServicer_to_server,
        operations.OperationsService(service.name, parts.settings, parts.consumer, service.jobs(parts)),
    )
    for servicer in (*service.servicers(parts), operator):
        servicer.add(servicer.answers, server)
        names.append(servicer.name)
    alive = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(alive, server)
    reflection.enable_server_reflection(names, server)
    server.add_insecure_port(f"{parts.settings.grpc_host}:{parts.settings.grpc_port}")
    await server.start()
    for name in ("", *names):
        await alive.set(name, health_pb2.HealthCheckResponse.SERVING)
    return server, alive
