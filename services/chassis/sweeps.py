"""Figures of tables that grow for ever, at a cost that does not: some rows at each reading, round after round.

A sweep goes through a table in the order of an index, a span at a time, each span read by statements that see one state of
it. What a round found counts when the round is complete: so a figure is exact as of its round, which takes as many readings
as the table is large; a small table is read whole each time.
"""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.chassis import metrics
from services.chassis.database import Tx

BUDGET_S = 0.1  # that one sweep takes of one reading, and a span more
SPAN_S = 0.025  # what a span should take: they grow and shrink to it
ROWS_MAX = 50_000

Found = Mapping[tuple[str, ...], int]


@dataclass(frozen=True, slots=True)
class Span:
    """Rows of a table by their key: after one, up to another; None is where the table begins, or ends."""

    after: tuple[Any, ...] | None
    upto: tuple[Any, ...] | None

    def where(self, *columns: str) -> str:
        """The condition on these columns, a beginning of the key or all of it; `params` go with it."""
        names = ", ".join(columns)
        parts = [
            f"({names}) {sign} ({', '.join(f'%({end}{n})s' for n in range(len(columns)))})"
            for end, sign, place in (("after", ">", self.after), ("upto", "<=", self.upto))
            if place is not None
        ]
        return " AND ".join(parts) or "true"

    @property
    def params(self) -> dict[str, Any]:
        """What `where` names."""
        ends = {"after": self.after or (), "upto": self.upto or ()}
        return {f"{end}{n}": value for end, place in ends.items() for n, value in enumerate(place)}


class Sweep:
    """Adds up what `read` finds in each span of a table, by the columns of a unique index."""

    def __init__(
        self,
        table: str,
        key: tuple[str, ...],
        read: Callable[[Tx, Span], Awaitable[Found]],
        *,
        rows: int = 5000,
        only: str = "true",
    ) -> None:
        """Read at least so many rows of the key at once: fewer would cost more to ask for than to read.

        `only` is the condition of a partial index, where `read` asks for no other rows.
        """
        self._table = table
        self._key = key
        self._read = read
        self._only = only
        self._rows = self._rows_min = rows
        self._place: tuple[Any, ...] | None = None
        self._began = 0.0
        self._found: Counter[tuple[str, ...]] = Counter()

    async def go_on(self, tx: Tx) -> Found | None:
        """Read on for a while; return what a round found if it is complete now, else None."""
        until = time.perf_counter() + BUDGET_S
        while True:
            if self._place is None:
                self._found, self._began = Counter(), time.perf_counter()
            if await self._one_span(tx):
                metrics.FIGURES_ROUND.labels(self._table).set(time.perf_counter() - self._began)
                return self._found
            if time.perf_counter() >= until:
                return None

    async def _one_span(self, tx: Tx) -> bool:
        """Read the next span; return whether it was the last one."""
        began = time.perf_counter()
        span = Span(self._place, await self._end(tx))
        for name, n in (await self._read(tx, span)).items():
            self._found[name] += n
        self._place = span.upto
        took = time.perf_counter() - began
        self._rows = min(ROWS_MAX, self._rows * 2) if took < SPAN_S else max(self._rows_min, self._rows // 2)
        return span.upto is None

    async def _end(self, tx: Tx) -> tuple[Any, ...] | None:
        rows = await tx.rows(
            f"""SELECT {", ".join(self._key)} FROM {self._table}
                 WHERE {self._only} AND {Span(self._place, None).where(*self._key)}
                 ORDER BY {", ".join(self._key)} OFFSET %(skip)s LIMIT 1""",  # noqa: S608 - our own names
            Span(self._place, None).params | {"skip": self._rows - 1},
        )
        return tuple(rows[0]) if rows else None
