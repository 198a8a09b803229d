"""A process beside the service that does what costs processor time, so that nobody else waits for it.

It dies with its parent (its pipe ends); whoever has it replaces it if it crashes or hangs. What was asked then fails, which
concerns what was asked about and nothing else.
"""

import contextlib
import gc
import multiprocessing
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

_READY_WITHIN_S = 60.0


class Died(Exception):  # noqa: N818 - said to the operator as it stands
    """The process that was asked ended, or did not answer in time."""


class Failed(Exception):  # noqa: N818 - the same
    """A defect in the process that was asked, with its trace."""


def serve(pipe: Connection, make: Callable[[], Any]) -> None:
    """A process' life: do what comes until the pipe ends, because the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the parent's to handle
    hand = make()
    gc.collect()
    gc.freeze()  # what was loaded stays: no search for garbage need go through it
    gc.set_threshold(10_000, 20, 100)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        pipe.send(None)
        while True:
            name, asked = pipe.recv()
            pipe.send(_answer(hand, name, asked))


def _answer(hand: Any, name: str, asked: Sequence[tuple[Any, ...]]) -> tuple[list[Any], str]:
    """What came of each; or, instead, the trace of what failed."""
    try:
        return [getattr(hand, name)(*one) for one in asked], ""
    except Exception:  # noqa: BLE001 - whatever it is, it is raised where it was asked for
        return [], traceback.format_exc()


class Process:
    """One process and the pipe to it; used by one thread at a time."""

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        """Start it: `make` gives, in there, whose methods are asked for."""
        context = multiprocessing.get_context("spawn")  # a fork would share the parent's sockets and locks
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, make), name=name, daemon=True)
        self._process.start()
        theirs.close()  # so that the pipe ends with either side
        self._await(_READY_WITHIN_S)
        self.used_at = time.monotonic()

    def ask(self, name: str, asked: Sequence[tuple[Any, ...]], within_s: float) -> list[Any]:
        """Have it done; raises Died, after which this one is of no use, or Failed."""
        try:
            self._pipe.send((name, asked))
            done, trace = self._await(within_s)
        except (EOFError, OSError) as error:  # TimeoutError is an OSError
            raise Died(f"{type(error).__name__} {error}".strip()) from error
        self.used_at = time.monotonic()
        if trace:
            raise Failed(trace)
        return list(done)

    def _await(self, within_s: float) -> Any:
        if not self._pipe.poll(within_s):
            raise TimeoutError(f"no answer within {within_s:.0f} s")
        return self._pipe.recv()

    def kill(self) -> None:
        """End it as if it had crashed."""
        self._process.kill()

    def stop(self) -> None:
        """End it, at once: it holds nothing."""
        self._pipe.close()
        self._process.kill()
        self._process.join()
