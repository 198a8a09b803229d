"""Publishes the outbox: oldest first, deleted only when the broker has it; one relay at a time."""

import threading
from typing import Any

import psycopg
from kafka import KafkaProducer
from kafka.errors import KafkaError

from services.chassis import metrics
from services.chassis.database import Database, is_transient
from services.chassis.envelope import RECORD_MAX_BYTES
from services.chassis.logs import log
from services.chassis.outbox import CHANNEL

_LOCK = 7_215_002  # any number: one relay at a time in this database
BATCH = 2000
POLL_S = 0.5  # behind NOTIFY, for what was announced while nobody listened
RETRY_S = 0.5
FROZEN_S = 60
DAY_MS = 24 * 60 * 60 * 1000


class Relay:
    """A thread with its own connection and producer; both are made anew after any trouble."""

    def __init__(self, database: Database, bootstrap_servers: str) -> None:
        self._database = database
        self._bootstrap_servers = bootstrap_servers.split(",")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def stop(self, timeout_s: float = 3) -> None:
        """Publish what is there and end, unless the broker is away."""
        self._stopping.set()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.warning("the relay was cut off: what it had sent comes again")

    def alive(self) -> bool:
        """Whether the thread still runs; a defect ends it."""
        return self._thread.is_alive() or self._stopping.is_set()

    def _run(self) -> None:
        """Publish through every trouble that passes; a defect ends the thread, and with it the process."""
        troubles = 0
        while not self._stopping.is_set():
            try:
                self._publish_until_stopped()
            except (psycopg.Error, KafkaError, OSError) as error:
                if isinstance(error, psycopg.Error) and not is_transient(error):
                    raise
                if troubles % 100 == 0:
                    log.warning("relay waits to try again", error=type(error).__name__, troubles=troubles)
                troubles += 1
                self._stopping.wait(RETRY_S)

    def _publish_until_stopped(self) -> None:
        # A process that froze would hold the lock until it thaws; one that was killed, until its statement ends.
        ends_dead = f"-c idle_session_timeout={FROZEN_S}s -c client_connection_check_interval=2s"
        with psycopg.connect(self._database.url, autocommit=True, options=ends_dead) as connection:
            if not self._gets_the_lock(connection):
                return  # told to stop meanwhile: publishing is another's
            connection.execute(f"LISTEN {CHANNEL}")
            producer = new_producer(self._bootstrap_servers)
            try:
                while not self._stopping.is_set():
                    if not publish(connection, producer):
                        for _ in connection.notifies(timeout=POLL_S, stop_after=1):
                            pass
                publish(connection, producer)
            finally:
                producer.close(timeout=1)

    def _gets_the_lock(self, connection: psycopg.Connection[Any]) -> bool:
        """Wait for the lock; false if we were told to stop before we had it."""
        while not self._stopping.is_set():
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
            if row and row[0]:
                return True
            self._stopping.wait(POLL_S)
        return False


def new_producer(bootstrap_servers: list[str]) -> Any:
    """A producer that never gives a record up: one given up and sent again would come behind later ones of its key."""
    return KafkaProducer(
        bootstrap_servers=bootstrap_servers,
        client_id="receivables-relay",
        # `publish` flushes all that it has sent. Until then nothing goes out, or each few records would wake the thread
        # that sends, and both would fight over the interpreter: a quarter more of processor time for each record.
        linger_ms=1000,
        batch_size=1024 * 1024,
        compression_type="gzip",
        max_request_size=RECORD_MAX_BYTES,
        delivery_timeout_ms=DAY_MS,
        bootstrap_timeout_ms=2000,
        reconnect_backoff_max_ms=500,
    )


def publish(connection: psycopg.Connection[Any], producer: Any, batch: int = BATCH) -> int:
    """Send the oldest rows, wait until the broker has all of them, delete them; return how many.

    A crash between the two sends them again with the same event id, which every inbox absorbs. No transaction is
    open meanwhile: a broker that is away must not keep the database from cleaning up.
    """
    rows = connection.execute(
        "SELECT id, topic, key, headers, payload FROM outbox ORDER BY id LIMIT %s", [batch]
    ).fetchall()
    if not rows:
        return 0
    sent = [
        producer.send(
            topic,
            key=key.encode(),
            value=payload,
            headers=[(name, text.encode()) for name, text in headers.items()],
        )
        for _, topic, key, headers, payload in rows
    ]
    producer.flush()
    for future in sent:
        future.get(timeout=60)
    connection.execute("DELETE FROM outbox WHERE id = ANY(%s)", [[row[0] for row in rows]])
    metrics.PUBLISHED.inc(len(rows))
    return len(rows)
