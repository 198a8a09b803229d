"""Kills services at random while others work, as machines fail: no goodbye, no flush."""

import random
import threading
from types import TracebackType
from typing import Self

from deploy.demo.stack import SERVICES, Stack

SHORTEST_S, LONGEST_S = 1.0, 3.0


class Chaos:
    """For the length of a `with` block: SIGKILL to a random service every one to three seconds, then its restart.

    The pause begins when the killed service serves again, so that all five are up for a moment between two kills.
    """

    def __init__(self, stack: Stack, *, most: int | None = None, seed: int | None = None) -> None:
        """Describe it: `most` kills at most, the same victims again for the same seed."""
        self.kills: list[str] = []
        self._stack = stack
        self._most = most
        self._random = random.Random(seed)  # noqa: S311 - whom to kill is no secret
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="chaos", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop killing; everything that was killed serves again."""
        self._stop.set()
        self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._random.uniform(SHORTEST_S, LONGEST_S)):
                if self._most is not None and len(self.kills) >= self._most:
                    return
                victim = self._random.choice(SERVICES)
                self._stack.kill(victim)
                self.kills.append(victim)
        except Exception as error:  # noqa: BLE001 - raised where the block ends: a thread has nobody to tell
            self._failure = error
