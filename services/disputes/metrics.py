"""What an operator of disputes, and finance, watch; each metric's meaning stands beside its name."""

from prometheus_client import Gauge

from services.chassis.database import Tx
from services.chassis.metrics import amount, show
from services.chassis.sweeps import Found, Span, Sweep
from services.disputes import store, store_responses

CASES = Gauge("ar_disputes", "Cases, by state", ["state"])
OLDEST = Gauge("ar_dispute_oldest_age_seconds", "Age of the oldest case that has not ended, by state", ["state"])
CONTESTED = Gauge("ar_disputes_contested", "What open cases contest, in units of the currency", ["currency"])
LATE = Gauge("ar_disputes_answer_overdue", "Open cases whose answer was promised for an earlier day")
UNREAD = Gauge(
    "ar_responses_unread", "What buyers' systems said of invoices, came over a channel and could not be read"
)

UNOWNED = Gauge(
    "ar_disputes_without_owner", "Cases that wait for the seller and that nobody has for more than a business day"
)


async def _look_at_cases(tx: Tx, span: Span) -> Found:
    rows = await store.cases_by_state(tx, span)
    return {(what, row.state): getattr(row, what) for row in rows for what in ("n", "late", "unowned")}


async def _look_at_invoices(tx: Tx, span: Span) -> Found:
    return {(currency,): int(minor) for currency, minor in await store.contested(tx, span)}


CASE_SWEEP = Sweep("dispute", ("tenant", "dispute_id"), _look_at_cases)
INVOICE_SWEEP = Sweep("invoice", ("tenant", "invoice_id"), _look_at_invoices, only=store.IS_CONTESTED)
_shown: set[str] = set()


async def measure(tx: Tx) -> bool:
    """Read the figures into the gauges; return whether all are shown, now or before."""
    show(OLDEST, {(state.lower(),): float(oldest_s) for state, oldest_s in await store.oldest_by_state(tx)})
    UNREAD.set(await store_responses.count_unread(tx))
    if (found := await CASE_SWEEP.go_on(tx)) is not None:
        show(CASES, {(state.lower(),): n for (what, state), n in found.items() if what == "n"})
        LATE.set(sum(n for (what, _), n in found.items() if what == "late"))
        UNOWNED.set(sum(n for (what, _), n in found.items() if what == "unowned"))
        _shown.add("cases")
    if (found := await INVOICE_SWEEP.go_on(tx)) is not None:
        show(CONTESTED, {(c,): amount(minor, c) for (c,), minor in found.items()})
        _shown.add("invoices")
    return _shown == {"cases", "invoices"}
