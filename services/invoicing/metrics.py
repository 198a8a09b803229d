"""What an operator of invoicing, and finance, watch; each metric's meaning stands beside its name."""

from prometheus_client import Counter, Gauge

from services.chassis.database import Tx
from services.chassis.metrics import amount, show
from services.invoicing import figures

ISSUED = Counter(
    "ar_invoicing_issued_total",
    "Documents numbered and written, by kind and currency (a batch that is rolled back and done again counts again)",
    ["kind", "currency"],
)
DOCUMENTS = Gauge(
    "ar_documents",
    "Files that were written of issued documents, by format; drafts that broke a rule are held and have none yet",
    ["format", "state"],
)
HELD_AGE = Gauge("ar_held_oldest_age_seconds", "Age of the oldest draft that broke a rule and waits without a number")
AMOUNT = Gauge("ar_issued_amount", "Invoices and credit notes issued, tax included", ["kind", "currency"])
COUNT = Gauge("ar_issued_documents", "How many invoices and credit notes were issued", ["kind", "currency"])
GAPS = Gauge("ar_number_gaps", "Invariant, 0: numbers that a series counted and no document bears, or the reverse")


async def measure(tx: Tx) -> None:
    """Read the figures into the gauges."""
    held = await figures.held(tx)
    HELD_AGE.set(float(held.oldest_s))
    written: dict[tuple[str, ...], float] = {(name, "issued"): n for name, n in await figures.documents(tx)}
    show(DOCUMENTS, written | {("none", "held"): held.n, ("facturx", "unwritten"): await figures.unwritten(tx)})
    issued = await figures.issued(tx)
    show(AMOUNT, {(row.kind, row.currency): amount(row.minor, row.currency) for row in issued})
    show(COUNT, {(row.kind, row.currency): row.n for row in issued})
    GAPS.set(await figures.gaps(tx))
