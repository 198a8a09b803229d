"""What applications are compared with outside any transaction: lists of sanctions, and domains that a tenant knows.

Both are kept by the process: lists as the operator's files have them, domains of a tenant as far as they are needed.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from math import inf
from pathlib import Path

from services.chassis.database import Database, Tx, is_transient
from services.chassis.logs import log
from services.credit import metrics, store
from services.credit.domain import looks
from services.credit.domain.identity import contacts, names, sanctions
from services.credit.domain.identity.names import Domains
from services.credit.domain.identity.sanctions import Entry, Lists
from services.credit.domain.looks import Look, Shown
from services.kernel.refusals import Refusal

LOOK_S = 60.0  # between two looks at whether a file has changed
REFRESH_S = 1.0  # between two looks at whether a tenant knows more domains
ANEW_S = 3600.0  # after which all that a tenant knows is read anew: what was forgotten is known no more
OVERLAP = timedelta(minutes=1)  # for what was committed after what is newer
DOMAINS_MOST = 200_000  # of a tenant, the newest
TENANTS_MOST = 20  # whose domains a process keeps
RECENT_MOST = 2000  # above which they are joined with the others

Serve = Callable[[], AbstractAsyncContextManager[Tx]]


class ListFiles:
    """Lists of sanctions as files have them; what is no list is refused at the start, and later leaves what was there."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Remember where they are; nothing is read yet."""
        self._paths = paths
        self._lists: Lists | None = None
        self._seen: tuple[tuple[int, int], ...] | None = None

    def lists(self) -> Lists | None:
        """What they say; None where the operator supplied none."""
        if self._seen is None:
            self.read()
        return self._lists

    def read(self) -> None:
        """Read all of them, unless they are as they were. Raises Refusal, and OSError, for what is none of the lists."""
        if not self._paths:
            self._seen = ()
            return
        seen = tuple((stat.st_mtime_ns, stat.st_size) for stat in (path.stat() for path in self._paths))
        if seen == self._seen:
            return
        self._lists = Lists(self._entries())
        self._seen = seen
        metrics.LISTED.set(len(self._lists))

    def _entries(self) -> Iterable[Entry]:
        for path in self._paths:
            with path.open("rb") as file:
                try:
                    yield from sanctions.read(file)
                except Refusal as refusal:
                    raise type(refusal)(refusal.code, f"{path}: {refusal.message}") from refusal

    async def look(self) -> None:
        """Read what has changed; a file that cannot be read leaves what was read before."""
        try:
            await asyncio.to_thread(self.read)
        except (OSError, Refusal) as error:
            metrics.LIST_FAILURES.inc()
            log.error("list of sanctions not read", setting="AR_CREDIT_SANCTIONS", error=type(error).__name__)


@cache
def files_of(paths: tuple[Path, ...]) -> ListFiles:
    """The process's own of these files."""
    return ListFiles(paths)


@cache
def domains_in(path: Path | None) -> frozenset[str]:
    """Domains in a file of the operator's, one a line; "#" begins what is for people. Raises OSError."""
    if path is None:
        return frozenset()
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return frozenset(domain for line in lines if line and (domain := contacts.domain_of(line)))


@dataclass(slots=True)
class _Known:
    """The domains that a tenant knows."""

    most: frozenset[str] = frozenset()
    recent: set[str] = field(default_factory=set)
    compared: tuple[Domains, ...] = ()
    newest: datetime | None = None
    # When all of it was read, and when what is new, by a clock that is none of business.
    read_at: float = -inf
    looked_at: float = -inf
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Lookout:
    """Compares what applications show with lists and known domains."""

    def __init__(
        self, files: ListFiles, given: frozenset[str] = frozenset(), *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the files of lists, and the domains that every tenant knows."""
        self._files, self._given, self._now = files, given, now
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def look(self, serve: Serve, tenant: str, shown: Shown) -> Look:
        """Compare by what is known now; outside any transaction."""
        known = await self._refreshed(serve, tenant)
        return await asyncio.to_thread(self._compare, shown, known.compared)

    def look_again(self, tenant: str, shown: Shown) -> Look:
        """The same by what was known last: for what changed between a look and the transaction that keeps it."""
        known = self._known.get(tenant)
        return self._compare(shown, known.compared if known is not None else ())

    def _compare(self, shown: Shown, known: Sequence[Domains]) -> Look:
        return looks.compare(shown, self._files.lists(), known)

    async def keep(self, database: Database) -> None:
        """Know domains before anybody waits for them, and look now and then at what has changed, files among it."""
        for tenant in sorted(await _tenants(database))[:TENANTS_MOST]:
            await self._read_anew(database, tenant)
        while True:
            await asyncio.sleep(LOOK_S)
            await self._files.look()
            for tenant in [name for name, known in self._known.items() if self._now() - known.read_at >= ANEW_S]:
                await self._read_anew(database, tenant)

    async def _read_anew(self, database: Database, tenant: str) -> None:
        """Read all that a tenant knows beside what is answered by meanwhile: what was forgotten is known no more."""
        fresh = _Known()
        try:
            await self._read(fresh, lambda: database.transaction([tenant]), tenant)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("domains wait to be read again", error=type(error).__name__)
        else:
            self._known[tenant] = fresh

    async def _refreshed(self, serve: Serve, tenant: str) -> _Known:
        known = self._known.setdefault(tenant, _Known())
        self._known.move_to_end(tenant)
        while len(self._known) > TENANTS_MOST:
            self._known.popitem(last=False)
        async with known.lock:
            if self._now() - known.looked_at >= REFRESH_S:
                await self._read(known, serve, tenant)
        return known

    async def _read(self, known: _Known, serve: Serve, tenant: str) -> None:
        """Read what became known since the last time; the first time all."""
        is_first, known.looked_at = known.read_at == -inf, self._now()
        since = known.newest - OVERLAP if known.newest is not None else None
        async with serve() as tx, tx.all_accounts():
            found, known.newest = await store.addresses_since(tx, tenant, since, DOMAINS_MOST)
        await asyncio.to_thread(_learn, known, found, self._given if is_first else frozenset(), whole=is_first)
        known.read_at = known.looked_at if is_first else known.read_at


async def _tenants(database: Database) -> Collection[str]:
    """Whose applications may come; none while the database is away."""
    try:
        return await database.tenants()
    except Exception as error:
        if not is_transient(error):
            raise
        return ()


def _learn(known: _Known, found: Sequence[tuple[str, str]], given: frozenset[str], *, whole: bool) -> None:
    """Know these domains too; of many, build what is compared with anew."""
    domains = {*given, *(contacts.domain_of(value) for _, value in found)}
    new = {one for one in domains if one and not contacts.everybodys(one)} - known.most - known.recent
    if not whole and not new:
        return
    known.recent |= new
    if whole or len(known.recent) > RECENT_MOST:
        known.most, known.recent = frozenset({*known.most, *known.recent}), set()
        known.compared = (Domains(known.most),)
    else:
        known.compared = (*known.compared[:1], Domains(known.recent))


def warm(paths: Sequence[Path], domains: Path | None) -> None:
    """Read at the start what would make the first answer slow; end it where a file is not what it should be."""
    try:
        files_of(tuple(paths)).read()
    except (OSError, Refusal) as error:
        raise SystemExit(f"AR_CREDIT_SANCTIONS: {error}") from None
    try:
        domains_in(domains)
    except (OSError, UnicodeDecodeError) as error:
        raise SystemExit(f"AR_CREDIT_DOMAINS: {error}") from None
    shown = Shown((("company_name", "Warm Ltd"),), "GB", ("warm.example",), frozenset(), "", frozenset())
    looks.compare(shown, None, [names.Domains(["worm.example"])])
    contacts.email("warm@warm.example")
    contacts.reached("+44 20 7946 0000", "GB")


@asynccontextmanager
async def keeping(lookout: Lookout, database: Database) -> AsyncIterator[None]:
    """Have what is compared with kept for as long as this is entered."""
    task = asyncio.create_task(lookout.keep(database))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
