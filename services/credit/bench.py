"""Where policies are tried: a process beside the service, started when a trial runs and ended with it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from services.chassis.logs import log
from services.chassis.processes import Died, Process
from services.credit.domain import lab, underwriting
from services.credit.domain.lab import Case, Trial

_WITHIN_S = 100.0  # for a portion

_read = lru_cache(4)(underwriting.read)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is compared, as texts."""

    challenger: str
    champion: str
    split: date

    def trial(self) -> Trial:
        """The same, read; takes half a second the first time."""
        return Trial(_read(self.challenger), _read(self.champion), self.split)


class _Hand:
    """What the process is asked for."""

    def try_on(self, setting: Setting, cases: Sequence[Case]) -> str:
        """The tally of these, as text."""
        return lab.try_on(setting.trial(), cases).text()


class Bench:
    """One such process at most; who asks waits for the others."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self.process: Process | None = None

    async def try_on(self, setting: Setting, cases: Sequence[Case]) -> str:
        """What both policies make of these, added up; raises Died, after which the next one who asks has a new process."""
        async with self._turn:
            return await asyncio.to_thread(self._ask, setting, cases)

    async def rest(self) -> None:
        """End it: it holds memory, and trials are rare."""
        async with self._turn:
            await asyncio.to_thread(self._end)

    def _ask(self, setting: Setting, cases: Sequence[Case]) -> str:
        if self.process is None:
            self.process = Process("trials", _Hand)
        try:
            [told] = self.process.ask("try_on", [(setting, list(cases))], _WITHIN_S)
        except Died as died:
            log.warning("a process for trials ended", error=type(died.__cause__).__name__)
            self._end()
            raise
        return str(told)

    def _end(self) -> None:
        if self.process is not None:
            self.process.stop()
            self.process = None
