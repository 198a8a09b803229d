"""Processes beside the service that draw, write, judge and lay out documents, so that nobody else waits for them.

One that crashes or hangs is replaced; what was asked then fails (services/chassis/processes.py).
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any

from services.chassis.logs import log
from services.chassis.processes import Died, Process
from services.documents import Finding
from services.invoicing.checks import Judge, Rendered, rules_of
from services.invoicing.domain.parties import Form, Look
from services.invoicing.domain.sketches import Prepared, Sketch
from services.invoicing.settings import CheckSettings

IDLE_S = 60.0  # after which a process that was started for something rare is ended: it holds memory


def _judge(settings: CheckSettings, warm: bool) -> Judge:
    """Who is asked in such a process."""
    judge = Judge(settings)
    if warm:
        judge.warm()
    return judge


class Press:
    """A few such processes; what is asked goes to whichever is free. `lazily`: started when needed, ended when idle."""

    def __init__(self, name: str, settings: CheckSettings, *, processes: int, within_s: float, lazily: bool) -> None:
        self._name, self._settings, self._lazily, self._within_s = name, settings, lazily, within_s
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix=name)
        self._idle: SimpleQueue[Process | None] = SimpleQueue()
        self._count, self._running = processes, 0
        for made in [None] * processes if lazily else list(self._threads.map(lambda _: self._new(), range(processes))):
            self._idle.put(made)

    async def prepare(self, sketches: Sequence[Sketch]) -> list[Prepared | Finding]:
        """Draw, write and judge these; why not, where one cannot even be drawn."""
        return await self._ask("prepare", [(sketch,) for sketch in sketches])

    async def lay_out(self, papers: Sequence[tuple[bytes, str, Form, Look]]) -> list[bytes]:
        """The files of documents that were judged before: what each says and in which format, its form and look."""
        return await self._ask("lay_out", papers)

    async def render(self, kept: bytes, kept_as: str, form: Form, look: Look) -> Rendered:
        """An issued document in another form, judged by it."""
        [rendered] = await self._ask("render", [(kept, kept_as, form, look)])
        return rendered  # type: ignore[no-any-return] # as `Judge.render` gives it

    @property
    def running(self) -> int:
        """How many processes there are."""
        return self._running

    def end_idle(self, after_s: float = IDLE_S) -> None:
        """End the processes that were started for something rare and that nobody has needed for so long."""
        for _ in range(self._idle.qsize() if self._lazily else 0):
            process = self._idle.get()
            if process is not None and time.monotonic() - process.used_at >= after_s:
                self._end(process)
                process = None
            self._idle.put(process)

    def close(self) -> None:
        """Finish what is under way, then end the processes."""
        self._threads.shutdown()
        for _ in range(self._count):
            if (process := self._idle.get()) is not None:
                self._end(process)

    async def _ask(self, name: str, asked: Sequence[tuple[Any, ...]]) -> list[Any]:
        if not asked:
            return []
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._asked, name, asked)
        finally:
            if self._lazily:
                loop.call_later(IDLE_S + 1, lambda: loop.run_in_executor(None, self.end_idle))

    def _asked(self, name: str, asked: Sequence[tuple[Any, ...]]) -> list[Any]:
        process = self._idle.get()
        try:
            process = process or self._new()
            return process.ask(name, asked, self._within_s)
        except Died as died:
            log.warning("a process for documents ended", press=self._name, error=type(died.__cause__).__name__)
            if process is not None:
                self._end(process)
            process = None
            raise
        finally:
            self._idle.put(process)  # or none: the next who asks starts one

    def _new(self) -> Process:
        process = Process(self._name, partial(_judge, self._settings, not self._lazily))
        self._running += 1
        return process

    def _end(self, process: Process) -> None:
        process.stop()
        self._running -= 1


@dataclass(frozen=True, slots=True)
class Presses:
    """All of a service's: for the usual documents, for pages and other formats, and for what is very large."""

    usual: Press
    pages: Press
    large: Press

    @classmethod
    def of(cls, settings: CheckSettings) -> "Presses":
        """As the settings say; takes a second or two."""
        rules_of(settings)
        plain = CheckSettings.model_validate(settings.model_dump(include=set(CheckSettings.model_fields)))
        return cls(
            usual=Press("drafts", plain, processes=plain.check_processes, within_s=60, lazily=False),
            pages=Press("pages", plain, processes=1, within_s=60, lazily=True),
            large=Press("large", plain, processes=1, within_s=600, lazily=True),
        )

    @property
    def all(self) -> tuple[Press, ...]:
        """Each of them."""
        return (self.usual, self.pages, self.large)

    def close(self) -> None:
        """End them all."""
        for press in self.all:
            press.close()


_OPEN: dict[str, Presses] = {}


def presses_of(settings: CheckSettings) -> Presses:
    """The process's presses for these settings: the same ones whenever they are asked for."""
    named = CheckSettings.model_validate(settings.model_dump(include=set(CheckSettings.model_fields))).model_dump_json()
    if named not in _OPEN:
        close_presses()
        _OPEN[named] = Presses.of(settings)
    return _OPEN[named]


def close_presses() -> None:
    """End all of them."""
    while _OPEN:
        _OPEN.popitem()[1].close()
