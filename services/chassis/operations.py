"""What every service answers to those who run it: where it stands, and the test clock."""

import asyncio
from datetime import UTC
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from receivables.operations.v1 import service_pb2, service_pb2_grpc

from services.chassis import follow, jobs, metrics, parked
from services.chassis.consumer import Consumer
from services.chassis.database import Database, is_transient
from services.chassis.jobs import Job
from services.chassis.settings import ChassisSettings

GAUGES_S = 2.0


class OperationsService(service_pb2_grpc.OperationsServiceServicer):
    """Status and SetClock."""

    def __init__(self, name: str, settings: ChassisSettings, consumer: Consumer, due: tuple[Job, ...]) -> None:
        self._name = name
        self._settings = settings
        self._consumer = consumer
        self._jobs = due

    async def Status(self, request: service_pb2.StatusRequest, context: Any) -> service_pb2.StatusResponse:
        """Where the service stands, whichever replica is asked."""
        database = self._consumer.database
        behind = await follow.lag(self._consumer, self._settings.kafka_bootstrap_servers)
        due = await jobs.count_due(database, self._jobs)
        async with database.transaction(()) as tx:
            waiting = await parked.counts(tx, self._consumer.name)
            outbox = (await tx.row("SELECT count(*) AS n FROM outbox")).n
            clock = Timestamp()
            clock.FromDatetime(tx.at)
        return service_pb2.StatusResponse(
            service=self._name,
            lag=behind,
            outbox=outbox,
            early=waiting.get("early", 0),
            due=due,
            parked=waiting,
            clock=clock,
        )

    async def SetClock(self, request: service_pb2.SetClockRequest, context: Any) -> service_pb2.SetClockResponse:
        """Set the business clock, for all replicas, and across restarts."""
        if self._settings.clock != "test":
            await context.abort(
                grpc.StatusCode.FAILED_PRECONDITION, "the clock is the system's (AR_CLOCK=test sets it)"
            )
        async with self._consumer.database.transaction(()) as tx:
            set_ = await tx.run(
                """INSERT INTO clock AS c (at) VALUES (%s)
                   ON CONFLICT (one) DO UPDATE SET at = EXCLUDED.at WHERE c.at <= EXCLUDED.at""",
                [request.at.ToDatetime(tzinfo=UTC)],
            )
        if not set_:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the clock does not go backwards")
        return service_pb2.SetClockResponse()


async def keep_gauges(database: Database, consumer: Consumer) -> None:
    """Keep the gauges of outbox and parked events up to date."""
    while True:
        try:
            async with database.transaction(()) as tx:
                waiting = await parked.counts(tx, consumer.name)
                outbox = await tx.row(
                    "SELECT count(*) AS n, coalesce(extract(epoch FROM now() - min(at)), 0) AS age FROM outbox"
                )
            for reason in ("unreadable", "refused", "failed", "early", "behind"):
                metrics.PARKED.labels(reason).set(waiting.get(reason, 0))
            metrics.OUTBOX_PENDING.set(outbox.n)
            metrics.OUTBOX_AGE.set(float(outbox.age))
        except Exception as error:
            if not is_transient(error):
                raise
        await asyncio.sleep(GAUGES_S)
