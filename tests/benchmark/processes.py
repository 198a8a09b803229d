"""What each process takes while something is measured: CPU, memory, and whose database it worked for."""

import os
import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, Self

import psutil
import yaml

from k8s.measured import Figure
from k8s.render import CHART
from tests.benchmark.usage import MIB, spread

LOOK_S = 2.0
MEMORY_EVERY = 2  # looks: it costs the kernel more than the rest
BACKEND = re.compile(r"postgres: \S+ (?P<database>\S+) \S+\(\d+\)")
BROKER, DATABASE = "Kafka", "Postgres"
# The database's processes that serve nobody in particular: the log's writer, the checkpointer, vacuum.
COMMON = f"{DATABASE}, common"
OURSELVES = "the benchmark itself"


class Meter:
    """Looks at every process for the length of a `with` block, in a thread of its own.

    `roots` gives the roles' process ids: what they started belongs to them. Backends of the database belong to the
    service whose database they serve; `databases` says which that is.
    """

    def __init__(self, roots: Mapping[str, int], databases: Mapping[str, str]) -> None:
        """Nothing is looked at yet."""
        self._roots = {pid: role for role, pid in roots.items()} | {os.getpid(): OURSELVES}
        self._databases = databases
        # By process id and birth: its role, what it had used when it was looked at last, and at the beginning.
        self._role_of: dict[tuple[int, float], str] = {}
        self._used: dict[tuple[int, float], float] = {}
        self._before: dict[tuple[int, float], float] = {}
        self._memory: defaultdict[str, list[float]] = defaultdict(list)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, name="meter", daemon=True)

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self) -> None:
        """From now on it counts."""
        self._look(memory=True)
        self._before = dict(self._used)
        self._thread.start()

    def end(self) -> None:
        """Up to now it counted; again, or before it began, this does nothing."""
        if self._stopping.is_set() or not self._thread.is_alive():
            return
        self._stopping.set()
        self._thread.join()
        self._look(memory=True)

    def cpu_s(self) -> dict[str, float]:
        """Seconds by role, user and system, since the beginning; of a process that ended, what it used after the last look is missed."""
        used: defaultdict[str, float] = defaultdict(float)
        for process, seconds in self._used.items():
            used[self._role_of[process]] += seconds - self._before.get(process, 0.0)
        return dict(used)

    def memory_mib(self) -> dict[str, Figure]:
        """Resident, by role: a process and what it started, each page counted whole."""
        return {role: spread(held, 1) for role, held in self._memory.items() if len(held) > 1}

    def _keep_looking(self) -> None:
        looks = 0
        while not self._stopping.wait(LOOK_S):
            looks += 1
            self._look(memory=looks % MEMORY_EVERY == 0)

    def _look(self, *, memory: bool) -> None:
        held: defaultdict[str, float] = defaultdict(float)
        for role, process in self._processes():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                one = (process.pid, process.create_time())
                self._used[one] = float(times.user + times.system)
                self._role_of[one] = role
                if memory:
                    held[role] += process.memory_info().rss / MIB
        for role, mib in held.items():
            self._memory[role].append(mib)

    def _processes(self) -> Iterator[tuple[str, psutil.Process]]:
        """Every process of ours with its role."""
        parents: dict[int, int] = psutil._ppid_map()  # type: ignore[attr-defined] # one scan instead of one for each
        for pid in parents:
            if (role := self._role(pid, parents)) is not None:
                with suppress(psutil.NoSuchProcess):
                    process = psutil.Process(pid)
                    yield (self._backend(process) if role == DATABASE else role), process

    def _role(self, pid: int, parents: Mapping[int, int]) -> str | None:
        while pid > 1:
            if (role := self._roots.get(pid)) is not None:
                return role
            pid = parents.get(pid, 0)
        return None

    def _backend(self, process: psutil.Process) -> str:
        found = BACKEND.match(" ".join(process.cmdline()))
        if found is None:
            return COMMON
        return f"{DATABASE} of {self._databases.get(found['database'], 'nobody')}"


def listener(port: int, names: tuple[str, ...]) -> int:
    """The process of one of these names that listens on a port: the broker, the database."""
    for process in psutil.process_iter(["name", "pid"]):
        if process.info["name"] in names:
            with suppress(psutil.Error):
                if any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in _connections(process)):
                    return int(process.info["pid"])
    raise LookupError(f"nobody called {' or '.join(names)} listens on {port}")


def _connections(process: Any) -> Any:
    return process.net_connections(kind="tcp")


@cache
def limits_mib() -> dict[str, float]:
    """What each service's pod may take at most, by its manifest."""
    services = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))["services"]
    return {name: _mib(service["resources"]["limits"]["memory"]) for name, service in services.items()}


def _mib(quantity: str) -> float:
    return float(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]
