"""Tenants whose events fail by defects of ours, too many in a row: theirs wait for an operator, nobody else's.

Each tenant's failures are counted in a row of its own, for as long as there are any. One that has as many as are
allowed is paused: what comes of it then is parked `behind`, in order, until `Consumer.resume`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.chassis.database import Question, Tx
from services.chassis.logs import log

PAUSED = "tenant.paused"


class Budgets:
    """How many events of each tenant have failed in a row, as a batch finds it and goes on."""

    def __init__(self, most: int, rows: Sequence[Any] = ()) -> None:
        self._most = most
        self._before: Mapping[str, int] = {row.tenant: row.failures_in_row for row in rows}
        self._now = dict(self._before)
        self._forgiven: set[str] = set()
        self._paused_before = {row.tenant for row in rows if row.paused_since}
        self.paused = set(self._paused_before)

    def failed(self, tenant: str) -> None:
        """One more of it has failed."""
        self._now[tenant] = self._now.get(tenant, 0) + 1
        if self._now[tenant] >= self._most:
            self.paused.add(tenant)

    def handled(self, tenants: Iterable[str]) -> None:
        """Whoever had one handled begins anew."""
        if self._now:
            for tenant in self._now.keys() & set(tenants):
                self._now[tenant] = 0
                self._forgiven.add(tenant)

    async def save(self, tx: Tx, consumer: str) -> None:
        """Remember what has changed; beside what another worker finds of the same tenants meanwhile."""
        changed = sorted(
            tenant for tenant, n in self._now.items() if n != self._before.get(tenant, 0) or tenant in self._forgiven
        )
        if not changed:
            return
        more = [self._now[t] - (0 if t in self._forgiven else self._before.get(t, 0)) for t in changed]
        await tx.run(_COUNT, [consumer, changed, more, sorted(self._forgiven)])
        new = sorted(self.paused - self._paused_before)
        await tx.run(_PAUSE, [consumer, changed, self._most, new])
        await tx.run(_FORGET, [consumer, changed])
        for tenant in new:  # whose name is in no log; `parked tenants` says it
            log.error("tenant paused", failures_in_row=self._now[tenant])


_COUNT = """INSERT INTO failing AS f (consumer, tenant, failures_in_row)
            SELECT %s, * FROM unnest(%s::text[], %s::int[]) ORDER BY 2
            ON CONFLICT (tenant, consumer) DO UPDATE
               SET failures_in_row = EXCLUDED.failures_in_row
                                   + CASE WHEN f.tenant = ANY(%s) THEN 0 ELSE f.failures_in_row END"""
# Those whose events wait already because of what we saw, whatever another worker has made of their row.
_PAUSE = """UPDATE failing SET paused_since = now()
             WHERE consumer = %s AND tenant = ANY(%s) AND paused_since IS NULL
               AND (failures_in_row >= %s OR tenant = ANY(%s))"""
_FORGET = (
    "DELETE FROM failing WHERE consumer = %s AND tenant = ANY(%s) AND failures_in_row = 0 AND paused_since IS NULL"
)


@dataclass(frozen=True, slots=True)
class Paused:
    """A tenant whose events wait for an operator."""

    tenant: str
    paused_since: datetime
    # When it was paused, or when it was resumed in vain.
    failures_in_row: int


def of(consumer: str, tenants: Collection[str]) -> Question:
    """The rows of these tenants, for Budgets. Who resumes one waits until our transaction has parked what it parks."""
    given = [consumer, sorted(tenants)]
    return (
        """WITH paused AS MATERIALIZED (SELECT tenant FROM failing
             WHERE consumer = %s AND tenant = ANY(%s) AND paused_since IS NOT NULL ORDER BY tenant FOR SHARE)
           SELECT tenant, failures_in_row, paused_since FROM failing
            WHERE consumer = %s AND tenant = ANY(%s)
              AND (paused_since IS NULL OR tenant IN (SELECT tenant FROM paused))""",
        given * 2,
    )


async def paused(tx: Tx, consumer: str) -> list[Paused]:
    """Those of the transaction's tenants that are paused, since the longest time first."""
    return await tx.fetch(
        Paused,
        """SELECT tenant, paused_since, failures_in_row FROM failing
            WHERE consumer = %s AND paused_since IS NOT NULL ORDER BY paused_since, tenant""",
        [consumer],
    )


async def hold(tx: Tx, consumer: str, tenant: str) -> int | None:
    """Keep everybody from this tenant's events until the transaction ends; how many have failed in a row, if it is paused."""
    row = await tx.row(
        """SELECT failures_in_row FROM failing
            WHERE consumer = %s AND tenant = %s AND paused_since IS NOT NULL FOR UPDATE""",
        [consumer, tenant],
    )
    return row.failures_in_row if row else None


async def count(tx: Tx, consumer: str, tenant: str, failures_in_row: int) -> None:
    """So many have failed in a row since it was resumed."""
    await tx.run(
        "UPDATE failing SET failures_in_row = %s WHERE consumer = %s AND tenant = %s",
        [failures_in_row, consumer, tenant],
    )


async def end(tx: Tx, consumer: str, tenant: str) -> None:
    """Its events are handled as they come from now on."""
    await tx.run("DELETE FROM failing WHERE consumer = %s AND tenant = %s", [consumer, tenant])
