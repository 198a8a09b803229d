"""What processes take: memory and CPU of each role and its helpers, sampled every few seconds, and what it comes to."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from statistics import linear_regression, quantiles
from typing import Self

import psutil

from k8s.measured import Figure

MIB = 2**20
HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Sample:
    """A process and its descendants at one instant."""

    at: float
    rss: int
    pss: int
    # Of the resident memory what no file backs: the kernel may take the rest back.
    own: int
    # Used since they began; those that ended are in their parent's count.
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Busy:
    """The whole machine at one instant: how long its cores worked, and how long for us."""

    at: float
    all_s: float
    ours_s: float


class Sampler:
    """Looks at each role for the length of a `with` block, in a thread of its own."""

    def __init__(self, pids: Callable[[], Mapping[str, int]], every_s: float = 5) -> None:
        """`pids` gives the roles' process ids as they are now: one that was started again has another."""
        self.samples: dict[str, list[Sample]] = {}
        self.machine: list[Busy] = []
        self._pids = pids
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, name="sampler", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _keep_looking(self) -> None:
        self.look()
        while not self._stopping.wait(self._every_s):
            self.look()

    def look(self) -> None:
        """Take one sample of everything; a process that ends meanwhile is left out of it."""
        for name, pid in self._pids().items():
            with suppress(psutil.NoSuchProcess):
                found = sample(pid)
                self.samples.setdefault(name, []).append(found)
        self.machine.append(busy())


def sample(pid: int) -> Sample:
    """A process and its descendants now; raises psutil.NoSuchProcess."""
    root = psutil.Process(pid)
    rss = pss = own = 0
    cpu_s = 0.0
    for process in (root, *root.children(recursive=True)):
        memory = process.memory_full_info()
        rss += memory.rss
        pss += memory.pss
        own += memory.rss - memory.shared
        cpu_s += _worked(process)
    return Sample(time.monotonic(), rss, pss, own, cpu_s)


def _worked(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def busy() -> Busy:
    """The machine now; ours is this process and what it started."""
    times = psutil.cpu_times()
    us = psutil.Process()
    ours = _worked(us)
    for process in us.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            ours += _worked(process)
    return Busy(time.monotonic(), sum(times) - times.idle - times.iowait, ours)


def memory(samples: Sequence[Sample]) -> Figure:
    """Resident memory in MiB."""
    return spread([one.rss / MIB for one in samples], 1)


def proportional(samples: Sequence[Sample]) -> Figure:
    """Proportional memory in MiB."""
    return spread([one.pss / MIB for one in samples], 1)


def cpu(samples: Sequence[Sample]) -> Figure:
    """Cores over each interval between two samples."""
    return spread(list(_cores(samples)), 3)


def _cores(samples: Sequence[Sample]) -> Iterator[float]:
    for before, after in pairwise(samples):
        if after.cpu_s >= before.cpu_s:  # it was started again in between: its count began anew
            yield (after.cpu_s - before.cpu_s) / (after.at - before.at)


def others(machine: Sequence[Busy]) -> Figure:
    """Cores that programs took that are not ours."""
    spans = [
        ((after.all_s - before.all_s) - (after.ours_s - before.ours_s)) / (after.at - before.at)
        for before, after in pairwise(machine)
    ]
    return spread([max(0.0, cores) for cores in spans], 2)


def slope(samples: Sequence[Sample]) -> float:
    """How a role's own memory grew over the second half, in MiB an hour; the first half is for caches to fill."""
    middle = (samples[0].at + samples[-1].at) / 2
    second = [one for one in samples if one.at >= middle]
    line = linear_regression([one.at for one in second], [one.own / MIB for one in second])
    return round(line.slope * HOUR_S, 1)


def spread(values: Sequence[float], digits: int) -> Figure:
    """Median, 95th percentile and highest value."""
    cuts = quantiles(values, n=100, method="inclusive")
    return Figure(round(cuts[49], digits), round(cuts[94], digits), round(max(values), digits))
