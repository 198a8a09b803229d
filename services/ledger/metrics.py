"""What an operator of the ledger, and finance, watch; each metric's meaning stands beside its name."""

from collections.abc import Iterable

from prometheus_client import Gauge

from services.chassis.database import Tx
from services.chassis.metrics import amount, show
from services.ledger import figures
from services.ledger.domain.chart import Chart

DAY_S = 86_400
OPEN = Gauge(
    "ar_receivables",
    "Open items by days overdue (domain rule B14: not_due, 1_30, 31_60, 61_90, 91_120, over_120), in units of the currency",
    ["currency", "bucket"],
)
ITEMS = Gauge("ar_open_items", "Open items, by currency", ["currency"])
DSO = Gauge(
    "ar_dso_seconds",
    "Days sales outstanding (B14, simple): open items / invoiced in the last 90 business-clock days * 90, tax included;"
    " in seconds, as all durations",
    ["currency"],
)
DISPUTED = Gauge(
    "ar_receivables_disputed", "The part of the open items that buyers contest (account 9100)", ["currency"]
)
UNALLOCATED = Gauge("ar_cash_unallocated", "Cash received and not applied to an item (account 2100)", ["currency"])
CREDITS = Gauge("ar_customer_credits", "Credit notes that met nothing open (account 2110)", ["currency"])
CASH = Gauge("ar_cash_received", "Cash received since the beginning (account 1000)", ["currency"])
POSTED = Gauge("ar_posted_amount", "Invoices and credit notes booked, tax included", ["kind", "currency"])
POSTED_DOCUMENTS = Gauge("ar_posted_documents", "How many invoices and credit notes are booked", ["kind", "currency"])
IMBALANCE = Gauge(
    "ar_ledger_imbalance",
    "Invariant, 0: by how much entries do not add up to zero, in absolute amounts (memo accounts by themselves)",
    ["currency"],
)
CONTROL = Gauge(
    "ar_ledger_control_difference",
    "Invariant, 0: by how much 1100 differs from the open items, and balances from their postings, account by account",
    ["currency"],
)


async def measure(tx: Tx) -> None:
    """Read the figures into the gauges."""
    balances = await figures.balances(tx)
    aged = await figures.open_by_bucket(tx)
    none_open: dict[tuple[str, ...], float] = {(c, bucket): 0 for _, c, _ in balances for bucket in figures.BUCKETS}
    show(OPEN, none_open | {(row.currency, row.bucket): amount(row.minor, row.currency) for row in aged})
    show(ITEMS, _sum((row.currency, row.n) for row in aged))
    owed = _sum((row.currency, row.minor) for row in aged)
    sales = await figures.sales(tx)
    show(DSO, {(c,): owed.get((c,), 0) / minor * figures.DSO_DAYS * DAY_S for c, minor in sales if minor})
    _show_balances(balances)
    posted = await figures.posted(tx)
    show(POSTED, {(row.kind, row.currency): amount(row.minor, row.currency) for row in posted})
    show(POSTED_DOCUMENTS, {(row.kind, row.currency): row.n for row in posted})
    show(IMBALANCE, {(c,): amount(minor, c) for c, minor in await figures.imbalance(tx)})
    show(CONTROL, {(c,): amount(minor, c) for c, minor in await figures.control_difference(tx)})


def _show_balances(balances: list[tuple[int, str, int]]) -> None:
    """Of accounts on the credit side the amount is shown as a positive one."""
    for chart, gauge, sign in (
        (Chart.DISPUTED, DISPUTED, 1),
        (Chart.UNAPPLIED_CASH, UNALLOCATED, -1),
        (Chart.CUSTOMER_CREDITS, CREDITS, -1),
        (Chart.BANK, CASH, 1),
    ):
        nothing: dict[tuple[str, ...], float] = {(c,): 0 for _, c, _ in balances}
        show(gauge, nothing | {(c,): amount(sign * minor, c) for account, c, minor in balances if account == chart})


def _sum(pairs: Iterable[tuple[str, int]]) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    for currency, n in pairs:
        found[(currency,)] = found.get((currency,), 0) + n
    return found
