"""What an operator of disputes, and finance, watch; each metric's meaning stands beside its name."""

from prometheus_client import Gauge

from services.chassis.database import Tx
from services.chassis.metrics import amount, show
from services.disputes import store

CASES = Gauge("ar_disputes", "Cases, by state", ["state"])
OLDEST = Gauge("ar_dispute_oldest_age_seconds", "Age of the oldest case that has not ended, by state", ["state"])
CONTESTED = Gauge("ar_disputes_contested", "What open cases contest, in units of the currency", ["currency"])
LATE = Gauge("ar_disputes_answer_overdue", "Open cases whose answer was promised for an earlier day")


async def measure(tx: Tx) -> None:
    """Read the figures into the gauges."""
    cases = await store.cases_by_state(tx)
    show(CASES, {(row.state.lower(),): row.n for row in cases})
    show(OLDEST, {(row.state.lower(),): float(row.oldest_s) for row in cases if row.oldest_s is not None})
    show(CONTESTED, {(c,): amount(minor, c) for c, minor in await store.contested(tx)})
    LATE.set(sum(row.late for row in cases))
