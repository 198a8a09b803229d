"""Transactions: each knows its tenants, its business time, and what it announced."""

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Literal, Self, TypeVar

import psycopg
from psycopg import AsyncConnection, AsyncCursor, sql
from psycopg.rows import class_row, namedtuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from services.chassis import tracing
from services.chassis.arrays import ADAPTERS
from services.kernel.refusals import Invalid

T = TypeVar("T")
Question = tuple[str, Sequence[Any]]  # a statement and its parameters
Part = tuple[str, str, str]  # of a buyer's company: site, cost centre, purchase order; what is empty is not narrowed

# The business time of this very moment, by the server's clock: a transaction that waited for a lock is later than its `at`.
INSTANT: Question = ("SELECT coalesce((SELECT at FROM clock), clock_timestamp()) AS at", ())
RECONNECT_S = 5.0
LOOK_AGAIN_S = 0.1
CALL_S = 0.9  # for which a caller waits for a connection while nobody is served, and again for the server's first word
NOBODY = "-"  # stands for a tenant where something concerns none: no tenant can be named so
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
# How accounts and parts of companies stand in the settings that row-level security reads; no text of ours has these
# (services/chassis/texts.py).
ALL, _BETWEEN, _BETWEEN_PARTS = "*", "\x1f", "\x1e"


def check_tenant(tenant: str) -> str:
    """Return the tenant's id itself; refuse what could not stand in a key, a header or the tenants' setting."""
    if not is_tenant(tenant):
        raise Invalid("tenant.malformed", "a tenant's id is 1 to 63 of a-z, 0-9 and '-'")
    return tenant


def is_tenant(text: str) -> bool:
    """Whether this could be a tenant's id."""
    return _TENANT.fullmatch(text) is not None


def _named(accounts: Collection[str] | None) -> str:
    """Accounts as `ar.accounts` has them, each after a separator: neither none of them nor one called "*" is all."""
    return ALL if accounts is None else _BETWEEN + _joined(_BETWEEN, sorted(accounts))


def _narrowed(parts: Collection[Part]) -> str:
    """Parts of companies as `ar.parts` has them; empty: all."""
    return _joined(_BETWEEN_PARTS, [_joined(_BETWEEN, part) for part in parts])


def _joined(between: str, texts: Sequence[str]) -> str:
    if any(between in text for text in texts):
        raise ValueError("a control character in an account or a part of a company")
    return between.join(texts)


class Tx:
    """One transaction. `at` is the business time that everything in it happens at."""

    def __init__(
        self,
        connection: AsyncConnection[Any],
        at: datetime,
        *,
        notifies: bool = True,
        bound: tuple[str, str] = (ALL, ""),
    ) -> None:
        self.connection = connection
        self.at = at
        # What of the tenants it serves: ar.accounts and ar.parts.
        self._bound = bound
        # Whether the transaction itself must tell the relay of what it announces.
        self.notifies = notifies
        # Subjects announced here; events that waited for them run after the commit.
        self.announced: set[tuple[str, str]] = set()
        # Kinds of jobs added here: those who do them look after the commit.
        self.queued: set[str] = set()
        # Where a rebuild does again what was told before: what would be announced is put here, and goes no further.
        self.muted: list[Any] | None = None

    async def run(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> int:
        """Execute a statement; return how many rows it touched."""
        cursor = await self.connection.execute(sql, params)
        return cursor.rowcount

    async def rows(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> list[Any]:
        """Return the rows as named tuples."""
        async with self.connection.cursor(row_factory=namedtuple_row) as cursor:
            await cursor.execute(sql, params)
            return await cursor.fetchall()

    async def ask(self, *questions: Question) -> list[list[Any]]:
        """Return the rows of several statements, which go to the server in one trip."""
        cursors = [self.connection.cursor(row_factory=namedtuple_row) for _ in questions]
        async with self.connection.pipeline():
            for cursor, (sql, params) in zip(cursors, questions, strict=True):
                await cursor.execute(sql, params)
        return [await cursor.fetchall() if cursor.description else [] for cursor in cursors]

    async def row(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> Any:
        """Return the first row as a named tuple, or None."""
        rows = await self.rows(sql, params)
        return rows[0] if rows else None

    async def fetch(self, into: type[T], sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> list[T]:
        """Return the rows as values of a class whose fields are the columns."""
        async with self.connection.cursor(row_factory=class_row(into)) as cursor:
            await cursor.execute(sql, params)
            return await cursor.fetchall()

    @asynccontextmanager
    async def all_accounts(self) -> AsyncIterator[None]:
        """In here all of the tenants is served: what a rule must know, or see to, beyond its caller's accounts.

        Nothing that is read in here is told to the caller.
        """
        async with self._bound_to(ALL, ""):
            yield

    @asynccontextmanager
    async def all_parts(self) -> AsyncIterator[None]:
        """In here all parts of the caller's accounts are served: for what is of an account as a whole."""
        async with self._bound_to(self._bound[0], ""):
            yield

    @asynccontextmanager
    async def _bound_to(self, accounts: str, parts: str) -> AsyncIterator[None]:
        bound, before = (accounts, parts), self._bound
        if bound == before:
            yield
            return
        await self._bind(bound)
        try:
            yield
        except BaseException:
            self._bound = before  # the transaction ends, or the savepoint that this is in, and the settings with it
            raise
        await self._bind(before)

    async def _bind(self, bound: tuple[str, str]) -> None:
        await self.run("SELECT set_config('ar.accounts', %s, true), set_config('ar.parts', %s, true)", bound)
        self._bound = bound

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What fails in here is undone without the rest of the transaction, announcements included."""
        before = set(self.announced)
        try:
            async with self.connection.transaction():
                yield
        except BaseException:
            self.announced = before
            raise


class Database:
    """The service's own database, as the role that serves.

    Its address is asked for at each new connection: a password may have changed since the last.
    """

    def __init__(
        self,
        url: Callable[[], str],
        *,
        connections: int = 10,
        clock: Literal["system", "test"] = "system",
        idle_transaction_s: int = 60,
    ) -> None:
        self._url = url
        self.clock = clock
        self._added: dict[str, asyncio.Event] = {}
        self._heard_at = 0.0  # when the server began a transaction of ours last, by the loop's clock
        # Told after each commit that announced something: this process' relay. Without one, the transaction notifies
        # whoever publishes; and since PostgreSQL lets only one transaction of a whole server at a time commit and
        # notify, nobody would share a write to disk with it.
        self.announced: Callable[[], None] | None = None
        # A process that froze in a transaction would hold its locks, and so its successor, until it thaws; one that
        # was killed while the server waited for a lock on its behalf, until the server gets that lock.
        ends_dead = (
            f"-c idle_in_transaction_session_timeout={idle_transaction_s}s -c client_connection_check_interval=2s"
        )
        # Rows are found by key, in memory or on a solid-state disk. At the server's usual 4, a table of some hundred rows
        # is scanned, and the plan of a prepared statement or a foreign key's check is kept when it has grown.
        # So no plan with a scan of a whole table, as long as there is any other.
        by_key = "-c random_page_cost=1.1 -c enable_seqscan=off"
        self.pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=connections,
            open=False,
            kwargs={"autocommit": True, "options": f"{ends_dead} {by_key}", "context": ADAPTERS},
            # The pool doubles its pauses until it gives up; whoever asks next begins anew. With its usual 300 s, a
            # database that was away for two minutes would be found again up to two minutes after it is back.
            reconnect_timeout=RECONNECT_S,
        )

    @property
    def url(self) -> str:
        """Its address, with the login of this moment."""
        return self._url()

    async def __aenter__(self) -> Self:
        await self.pool.open(wait=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pool.close()

    @asynccontextmanager
    async def transaction(
        self,
        tenants: Collection[str],
        *,
        accounts: Collection[str] | None = None,
        parts: Collection[Part] = (),
        within: float | None = None,
    ) -> AsyncIterator[Tx]:
        """Begin, serve these tenants alone, and commit unless something is raised.

        Of the tenants it serves these accounts (None: all), and of those these parts (none named: all).
        Whoever cannot wait says how many seconds the beginning may take: a database that is away is heard of by then.
        """
        # One trip to the server; a tenant's id has no character that could end the text.
        served = ",".join(sorted(t if t == NOBODY else check_tenant(t) for t in tenants))
        begin = f"BEGIN; SET LOCAL ar.tenants = '{served}'; SET LOCAL ar.accounts = '{ALL}'"
        bound = _named(accounts), _narrowed(parts)
        if bound != (ALL, ""):
            begin += f"; SET LOCAL ar.accounts = {sql.quote(bound[0])}; SET LOCAL ar.parts = {sql.quote(bound[1])}"
        announced = self.announced
        async with self._connection(within) as connection:  # rolls back if anything is raised
            with self._answering(connection, within):
                at = await self._begin(connection, begin.encode())
            self._heard_at = asyncio.get_running_loop().time()
            tx = Tx(connection, at, notifies=announced is None, bound=bound)
            with tracing.transaction(connection):
                yield tx
                await connection.commit()
        if tx.announced and announced is not None:
            announced()
        for kind in tx.queued:
            self.added(kind).set()

    def added(self, kind: str) -> asyncio.Event:
        """Is set whenever a transaction here has added jobs of that kind; of other processes it knows nothing."""
        return self._added.setdefault(kind, asyncio.Event())

    async def _begin(self, connection: AsyncConnection[Any], begin: bytes) -> datetime:
        """Begin; return the business time."""
        if self.clock == "system":
            await connection.execute(begin, prepare=False)
            return datetime.now(UTC)
        cursor = await connection.execute(begin + b"; SELECT at FROM clock", prepare=False)
        while cursor.nextset():
            pass
        row = await cursor.fetchone()
        return row[0] if row else datetime.now(UTC)

    @asynccontextmanager
    async def glance(self, *, within: float | None = None) -> AsyncIterator[Tx]:
        """For one question about what is exempt from row-level security: no transaction, and so one trip to the server."""
        async with self._connection(within) as connection:
            with self._answering(connection, within):
                yield Tx(connection, datetime.now(UTC))

    @asynccontextmanager
    async def _connection(self, within: float | None) -> AsyncIterator[AsyncConnection[Any]]:
        if within is None:
            async with self.pool.connection() as connection:
                yield connection
            return
        connection = await self._next_connection(within)
        try:
            async with connection:
                yield connection
        finally:
            await self.pool.putconn(connection)

    async def _next_connection(self, within: float) -> AsyncConnection[Any]:
        """Wait while others are served, however many they are; so long and no longer where the database says nothing."""
        clock = asyncio.get_running_loop().time
        asked_at = clock()
        until = asked_at + within
        while True:
            try:
                return await self.pool.getconn(until - clock())
            except PoolTimeout:
                until = min(self._heard_at + within, asked_at + self.pool.timeout)
                if until <= clock():
                    raise

    @contextmanager
    def _answering(self, connection: AsyncConnection[Any], within: float | None) -> Iterator[None]:
        """Hang up where the server does not answer within so many seconds: whoever waits learns that it is away.

        Not a timeout: psycopg, cancelled, would wait for the server to confirm that.
        """
        if within is None:
            yield
            return
        loop = asyncio.get_running_loop()

        def hang_up_soon() -> None:
            # An answer may be here already, where it is we who were busy for so long.
            timers.append(loop.call_later(LOOK_AGAIN_S, _hang_up, connection))

        timers = [loop.call_later(within, hang_up_soon)]
        try:
            yield
        finally:
            for timer in timers:
                timer.cancel()

    async def tenants(self) -> list[str]:
        """The tenants that this service has met: what sweepers go through."""
        async with self.pool.connection() as connection:
            cursor: AsyncCursor[Any] = await connection.execute("SELECT tenant FROM tenant ORDER BY tenant")
            return [row[0] for row in await cursor.fetchall()]


def _hang_up(connection: AsyncConnection[Any]) -> None:
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def trouble(url: str) -> str:
    """Why the database does not let us in, in its own words; nothing when it does."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError as error:
        return str(error).strip() or type(error).__name__
    return ""


def reach(url: str) -> None:
    """End the process with one line, for a person who types a command, where the database does not let us in."""
    if why := trouble(url):
        raise SystemExit(f"the database does not let us in: {why}")


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction can succeed later: connection lost, deadlock, serialization, timeout, disk full."""
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        return (error.sqlstate or "")[:2] != "54"  # a limit of PostgreSQL itself: the next time it is the same
    # The server became a standby, or ended us because we took too long; PostgreSQL files both under our own mistakes.
    return isinstance(error, psycopg.errors.ReadOnlySqlTransaction) or timed_out(error)


def is_away(error: BaseException) -> bool:
    """Whether the database gave no word, or goes: whoever asks next will not fare better."""
    return isinstance(error, psycopg.OperationalError) and (error.sqlstate or "57P")[:3] == "57P"


def is_of_data(error: BaseException) -> bool:
    """Whether a value is none that the database can keep (too large, too long for an index), whoever sent it."""
    return isinstance(error, psycopg.Error) and (
        isinstance(error, psycopg.DataError) or (error.sqlstate or "")[:2] == "54"
    )


def is_hidden(error: BaseException) -> bool:
    """Whether row-level security refused a row: one of somebody else, or one that would take its place.

    A privilege that our role lacks has the same number, and is a defect; the server says where it was noticed.
    """
    return (
        isinstance(error, psycopg.errors.InsufficientPrivilege) and error.diag.source_function == "ExecWithCheckOptions"
    )


class TooSlow(Exception):  # noqa: N818 - what is said of the work
    """The work was not done by our own deadline, and was rolled back."""


def timed_out(error: BaseException) -> bool:
    """Whether the work took longer than we or the server allow: less of it at once may succeed."""
    return isinstance(
        error,
        (
            TooSlow,
            psycopg.errors.QueryCanceled,
            psycopg.errors.IdleInTransactionSessionTimeout,
            psycopg.errors.TransactionTimeout,
        ),
    )
