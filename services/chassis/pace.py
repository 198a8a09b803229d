"""How often rounds of work are begun: under load few and large ones, after a quiet moment at once."""

import time

REST_MAX_S = 0.1
_TIMES = 2  # as long as the last round took


class Pace:
    """Says how long to rest after a round, so that the next one finds more to do.

    A round has a price of its own (trips, a commit, plans) however little it carries: with a handful of events that is
    most of it. The longer the last one took, the busier the machine is, and the longer we rest. Whoever finds a full
    round waiting need not rest.
    """

    def __init__(self, most_s: float = REST_MAX_S) -> None:
        self._most_s = most_s
        self._began = 0.0

    def begin(self) -> None:
        """A round begins."""
        self._began = time.monotonic()

    def rest_s(self) -> float:
        """For how long to rest after the round that has just ended, seconds."""
        return min(self._most_s, _TIMES * (time.monotonic() - self._began))
