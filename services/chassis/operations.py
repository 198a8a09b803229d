"""What every service answers to those who run it: where it stands, and the test clock."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC

from google.protobuf.timestamp_pb2 import Timestamp
from receivables.operations.v1 import service_pb2, service_pb2_grpc

from services.chassis import acts, follow, jobs, metrics, parked, pauses
from services.chassis.brokers import brokers_of
from services.chassis.consumer import Consumer
from services.chassis.database import CALL_S, NOBODY, Database, Tx, is_transient
from services.chassis.logs import log
from services.chassis.rpc import operate
from services.chassis.settings import ChassisSettings
from services.chassis.workers import Work, count_due
from services.kernel.refusals import Conflict, Invalid

# While the broker is away the outbox grows: looking must not take longer and longer.
_OUTBOX = """SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT 100000) AS waiting) AS n,
                    coalesce((SELECT extract(epoch FROM now() - at) FROM outbox ORDER BY id LIMIT 1), 0) AS age"""

# Returns whether all figures are shown: those of large tables are added up over several readings.
Measure = Callable[[Tx], Awaitable[bool]]

_SET_CLOCK = "receivables.operations.v1.OperationsService/SetClock"

GAUGES_S = 2.0
DATABASE_S = 5.0  # after which a database that does not answer counts as away
FIGURES_PAUSE = 100  # times as long as their reading took


async def nothing(_tx: Tx) -> bool:
    """No figures of its own."""
    return True


class OperationsService(service_pb2_grpc.OperationsServiceServicer):
    """Status and SetClock."""

    def __init__(self, name: str, settings: ChassisSettings, consumer: Consumer, works: Sequence[Work]) -> None:
        self._name = name
        self._settings = settings
        # Who follows nothing knows no broker.
        self._brokers = brokers_of(settings) if consumer.topics else None
        self._consumer = consumer
        self._works = works

    @operate
    async def Status(self, request: service_pb2.StatusRequest) -> service_pb2.StatusResponse:
        """Where the service stands, whichever replica is asked."""
        database = self._consumer.database
        async with database.glance(within=CALL_S) as tx:  # whether it is there, before we wait for anything
            await tx.run("SELECT")
        behind = 0 if self._brokers is None else await follow.lag(self._consumer, self._brokers)
        due = await count_due(database, self._works)
        async with database.transaction((), within=CALL_S) as tx:
            waiting = await parked.counts(tx, self._consumer.name)
            outbox = (await tx.row(_OUTBOX)).n
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

    @operate
    async def SetClock(self, request: service_pb2.SetClockRequest) -> service_pb2.SetClockResponse:
        """Set the business clock, for all replicas, and across restarts."""
        if self._settings.clock != "test":
            raise Conflict("clock.system", "the clock is the system's (AR_CLOCK=test sets it)")
        if not request.HasField("at"):
            raise Invalid("clock.time_missing", "say what time it is")
        async with self._consumer.database.transaction([NOBODY], within=CALL_S) as tx:
            set_ = await tx.run(
                """INSERT INTO clock AS c (at) VALUES (%s)
                   ON CONFLICT (one) DO UPDATE SET at = EXCLUDED.at WHERE c.at <= EXCLUDED.at""",
                [request.at.ToDatetime(tzinfo=UTC)],
            )
            if set_:
                await acts.add(tx, [(acts.of_operator(_SET_CLOCK), 1)])
        if not set_:
            raise Conflict("clock.backwards", "the clock does not go backwards")
        return service_pb2.SetClockResponse()


async def keep_gauges(database: Database, consumer: Consumer) -> None:
    """Keep the gauges of outbox and parked events, and whether the database answers, up to date."""
    database_up = metrics.DEPENDENCY.labels("database")
    while True:
        try:
            async with asyncio.timeout(DATABASE_S), database.transaction(await database.tenants()) as tx:
                waiting = await parked.counts(tx, consumer.name)
                outbox = await tx.row(_OUTBOX)
                paused = await pauses.paused(tx, consumer.name)
                due = await jobs.due(tx)
            database_up.set(1)
            for reason in ("unreadable", "refused", "failed", "early", "behind"):
                metrics.PARKED.labels(reason).set(waiting.get(reason, 0))
            metrics.PAUSED.set(len(paused))
            metrics.OUTBOX_PENDING.set(outbox.n)
            metrics.OUTBOX_AGE.set(float(outbox.age))
            metrics.show(metrics.JOBS_DUE, {(kind,): n for kind, (n, _) in due.items()})
            metrics.show(metrics.JOBS_AGE, {(kind,): oldest_s for kind, (_, oldest_s) in due.items()})
        except Exception as error:
            if not isinstance(error, TimeoutError) and not is_transient(error):
                raise
            database_up.set(0)
        await asyncio.sleep(GAUGES_S)


async def keep_figures(database: Database, measure: Measure) -> None:
    """Read the service's figures and invariants again and again, with pauses that leave them a hundredth of the time.

    Until all are shown for the first time the pauses are short: a figure that is not there yet is nobody's.
    Whatever happens here must not end the business: figures that stay away are an alert of their own.
    """
    shown = False
    while True:
        failed = False
        began = time.perf_counter()
        try:
            async with database.transaction(await database.tenants()) as tx:
                await tx.run("SET TRANSACTION READ ONLY")
                shown = await measure(tx) or shown
            if shown:
                metrics.FIGURES_AT.set_to_current_time()
        except Exception as error:  # noqa: BLE001 - a defect of a figure must not stop the business; it is told below
            failed = True
            if is_transient(error):
                log.warning("figures wait to be read again", error=type(error).__name__)
            else:
                log.exception("figures failed")
        took = time.perf_counter() - began
        metrics.FIGURES_S.set(took)
        await asyncio.sleep(max(GAUGES_S, FIGURES_PAUSE * took) if shown or failed else took)
