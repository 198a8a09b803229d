"""What an operator of invoicing, and finance, watch; each metric's meaning stands beside its name."""

from prometheus_client import Counter, Gauge

from services.chassis.database import Tx
from services.chassis.metrics import amount, show
from services.chassis.sweeps import Found, Span, Sweep
from services.invoicing import figures

ISSUED = Counter(
    "ar_invoicing_issued_total",
    "Documents numbered and written, by kind and currency (a batch that is rolled back and done again counts again)",
    ["kind", "currency"],
)
DOCUMENTS = Gauge(
    "ar_documents",
    "Files that were written of issued documents, by format; drafts that broke a rule are held and have none yet; what waits is counted up to 100,000",
    ["format", "state"],
)
HELD_AGE = Gauge("ar_held_oldest_age_seconds", "Age of the oldest draft that broke a rule and waits without a number")
AMOUNT = Gauge("ar_issued_amount", "Invoices and credit notes issued, tax included", ["kind", "currency"])
COUNT = Gauge("ar_issued_documents", "How many invoices and credit notes were issued", ["kind", "currency"])
GAPS = Gauge("ar_number_gaps", "Invariant, 0: numbers that a series counted and no document bears, or the reverse")


async def _look_at_numbers(tx: Tx, span: Span) -> Found:
    rows = await figures.issued(tx, span)
    found: dict[tuple[str, ...], int] = {("gaps",): await figures.gaps(tx, span)}
    found |= {("minor", row.kind, row.currency): int(row.minor) for row in rows}
    return found | {("n", row.kind, row.currency): row.n for row in rows}


async def _look_at_files(tx: Tx, span: Span) -> Found:
    return {(name,): n for name, n in await figures.documents(tx, span)}


NUMBER_SWEEP = Sweep("issued", figures.NUMBERS, _look_at_numbers)
FILE_SWEEP = Sweep("document", ("tenant", "document_id", "format"), _look_at_files)
_shown: set[str] = set()


async def measure(tx: Tx) -> bool:
    """Read the figures into the gauges; return whether all are shown, now or before."""
    held = await figures.held(tx)
    HELD_AGE.set(float(held.oldest_s))
    DOCUMENTS.labels("none", "held").set(held.n)
    DOCUMENTS.labels("facturx", "unwritten").set(await figures.unwritten(tx))
    if (found := await NUMBER_SWEEP.go_on(tx)) is not None:
        show(AMOUNT, {key[1:]: amount(n, key[2]) for key, n in found.items() if key[0] == "minor"})
        show(COUNT, {key[1:]: n for key, n in found.items() if key[0] == "n"})
        GAPS.set(found["gaps",])
        _shown.add("numbers")
    if (found := await FILE_SWEEP.go_on(tx)) is not None:
        for (name,), n in found.items():
            DOCUMENTS.labels(name, "issued").set(n)
        _shown.add("files")
    return _shown == {"numbers", "files"}
