"""What an operator of the ledger, and finance, watch; each metric's meaning stands beside its name."""

from collections import Counter

from prometheus_client import Gauge

from services.chassis.database import Tx
from services.chassis.metrics import amount, show
from services.chassis.sweeps import Found, Span, Sweep
from services.ledger import figures
from services.ledger.domain.chart import Chart

DAY_S = 86_400
OPEN = Gauge(
    "ar_receivables",
    "Open items by days overdue (not_due, 1_30, 31_60, 61_90, 91_120, over_120), in units of the currency",
    ["currency", "bucket"],
)
ITEMS = Gauge("ar_open_items", "Open items, by currency", ["currency"])
DSO = Gauge(
    "ar_dso_seconds",
    "Days sales outstanding (simple): open items / invoiced in the last 90 business-clock days * 90, tax included;"
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


async def _look_at_items(tx: Tx, span: Span) -> Found:
    found: Counter[tuple[str, ...]] = Counter()
    for row in await figures.items(tx, span):
        found[("open", row.currency, row.bucket)] += int(row.open_minor)
        for name, n in (
            ("items", row.open),
            ("sales", int(row.sales_minor)),
            ("minor", int(row.amount_minor)),
            ("n", row.n),
        ):
            found[(name, row.currency)] += n
    return found


async def _look_at_notes(tx: Tx, span: Span) -> Found:
    rows = await figures.credit_notes(tx, span)
    return {("minor", row.currency): int(row.minor) for row in rows} | {("n", row.currency): row.n for row in rows}


async def _look_at_accounts(tx: Tx, span: Span) -> Found:
    found: dict[tuple[str, ...], int] = {}
    found |= {
        ("balance", str(row.chart_account), row.currency): int(row.minor) for row in await figures.balances(tx, span)
    }
    found |= {("imbalance", currency): int(minor) for currency, minor in await figures.imbalance(tx, span)}
    return found | {("control", currency): int(minor) for currency, minor in await figures.control_difference(tx, span)}


ITEM_SWEEP = Sweep("item", ("tenant", "invoice_id"), _look_at_items)
NOTE_SWEEP = Sweep("credit_note", ("tenant", "credit_note_id"), _look_at_notes)
ACCOUNT_SWEEP = Sweep("account", ("tenant", "account_id"), _look_at_accounts, rows=512)
_shown: set[str] = set()


async def measure(tx: Tx) -> bool:
    """Read the figures into the gauges; return whether all are shown, now or before."""
    for name, sweep, display in (
        ("accounts", ACCOUNT_SWEEP, _show_accounts),
        ("items", ITEM_SWEEP, _show_items),
        ("notes", NOTE_SWEEP, _show_notes),
    ):
        if (found := await sweep.go_on(tx)) is not None:
            display(found)
            _shown.add(name)
    return _shown == {"accounts", "items", "notes"}


def _show_items(found: Found) -> None:
    """What is owed, by age, and what was invoiced."""
    currencies = _currencies(found, "n")
    none_open: dict[tuple[str, ...], float] = {(c, bucket): 0 for c in currencies for bucket in figures.BUCKETS}
    show(OPEN, none_open | {(key[1], key[2]): amount(n, key[1]) for key, n in found.items() if key[0] == "open"})
    show(ITEMS, {(c,): found["items", c] for c in currencies})
    owed = {c: sum(found.get(("open", c, bucket), 0) for bucket in figures.BUCKETS) for c in currencies}
    sales = {c: minor for c in currencies if (minor := found["sales", c])}
    show(DSO, {(c,): owed[c] / minor * figures.DSO_DAYS * DAY_S for c, minor in sales.items()})
    _show_posted("invoice", found)


def _show_notes(found: Found) -> None:
    _show_posted("credit_note", found)


def _show_posted(kind: str, found: Found) -> None:
    for currency in _currencies(found, "n"):
        POSTED.labels(kind, currency).set(amount(found["minor", currency], currency))
        POSTED_DOCUMENTS.labels(kind, currency).set(found["n", currency])


def _show_accounts(found: Found) -> None:
    """What the accounts of the chart add up to, and whether everything that must be is so."""
    for name, gauge in (("imbalance", IMBALANCE), ("control", CONTROL)):
        show(gauge, {(c,): amount(found[name, c], c) for c in _currencies(found, name)})
    _show_balances([(int(key[1]), key[2], n) for key, n in found.items() if key[0] == "balance"])


def _currencies(found: Found, name: str) -> list[str]:
    return [key[1] for key in found if key[0] == name]


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
