"""`python -m deploy.observe.capacity [orders a second …]`: what a load needs, from what one worker was measured to do."""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass

# Measured by `make bench` on two cores that broker, database and worker share (see k8s/SCALING.md).
HANDLED_PER_S = 4970  # records handled, with what they announce written to the outbox and not yet published
PUBLISHED_PER_S = 2560  # the same, published too
HANDLE_MS = 1000 / HANDLED_PER_S
PUBLISH_MS = 1000 / PUBLISHED_PER_S - HANDLE_MS
# services/documents/README.md, two lines: own rules, schema, writing; and the official sheet.
DOCUMENT_MS, OFFICIAL_SHEET_MS = 1.0, 4.0
BUSY = 0.6  # of a worker's time at most: the rest is for peaks, and for catching up
DATABASE_SHARE = 0.5  # of that time is the database's, on a core of its own there
RECORD_BYTES = 1200  # headers and payload, as the demo's topics have them
REPLICATION = 3
# Measured on 200,000 items: heap and indexes, as they stand in services/ledger/migrations.
ITEM_BYTES, ENTRY_BYTES, POSTING_BYTES = 615, 413, 160
ENTRIES_PER_ITEM, POSTINGS_PER_ITEM = 3, 8  # hold, invoice, payment; their lines
FIGURES_S_PER_MILLION_ITEMS = (
    8.5  # one round of the ledger's figures and invariants, in readings of some tenths of a second
)
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Load:
    """What one order, placed, approved, shipped once, invoiced and paid, asks of a service."""

    name: str
    records: int  # read from its topics, handled or skipped
    announced: int
    documents: int = 0

    def ms(self, official_share: float) -> float:
        """A worker's time for one order, in milliseconds."""
        document = DOCUMENT_MS + official_share * OFFICIAL_SHEET_MS
        return self.records * HANDLE_MS + self.announced * PUBLISH_MS + self.documents * document


# From the table of events in ARCHITECTURE.md: orders has 2 records an order, credit 2, invoicing 2, ledger 4.
LOADS = (
    Load("credit", 2 + 4, 2),
    Load("invoicing", 2 + 2, 2, documents=1),
    Load("ledger", 2 + 2, 4),
    Load("disputes", 2 + 4, 0),
    Load("notifications", 2 + 2 + 2 + 4, 2),
)
RECORDS_PER_ORDER = 2 + sum(load.announced for load in LOADS)


@dataclass(frozen=True, slots=True)
class Need:
    """What a rate of orders needs."""

    orders_per_s: float
    workers: dict[str, int]
    database_cores: dict[str, int]
    partitions: int
    megabytes_per_s: float
    terabytes_per_day: float


def need(orders_per_s: float, official_share: float = 1.0) -> Need:
    """The workers, partitions and cores for a rate of orders, each service by itself."""
    seconds = {load.name: orders_per_s * load.ms(official_share) / 1000 for load in LOADS}
    workers = {name: max(2, math.ceil(busy / BUSY)) for name, busy in seconds.items()}  # two: one may be moved
    megabytes = orders_per_s * RECORDS_PER_ORDER * RECORD_BYTES / 1e6
    return Need(
        orders_per_s,
        workers,
        {name: max(1, math.ceil(busy * DATABASE_SHARE / BUSY)) for name, busy in seconds.items()},
        12 * math.ceil(max(workers.values()) / 12),  # a worker reads at least one; twelve divides well
        megabytes,
        megabytes * DAY_S * REPLICATION / 1e6,
    )


def ledger_gigabytes(open_items: float) -> float:
    """What the ledger's largest tables take with so many items, closed ones not counted."""
    item = ITEM_BYTES + ENTRIES_PER_ITEM * ENTRY_BYTES + POSTINGS_PER_ITEM * POSTING_BYTES
    return open_items * item / 1e9


def figures_s(open_items: float) -> float:
    """How long one reading of the ledger's figures takes, in seconds, on the machine that was measured."""
    return open_items / 1e6 * FIGURES_S_PER_MILLION_ITEMS


def table(rates: list[float]) -> Iterator[str]:
    """Both tables of k8s/SCALING.md, line by line."""
    names = [load.name for load in LOADS]
    yield f"| orders/s | partitions | {' | '.join(f'{name}: workers (database cores)' for name in names)} | topics, MB/s in | with copies, TB a day |"
    yield "|---|---|" + "---|" * (len(names) + 2)
    for one in map(need, rates):
        cells = [f"{one.workers[name]:,} ({one.database_cores[name]:,})" for name in names]
        yield (
            f"| {one.orders_per_s:,.0f} | {one.partitions:,} | {' | '.join(cells)} | {one.megabytes_per_s:,.2f}"
            f" | {one.terabytes_per_day:,.3g} |"
        )
    yield ""
    yield "| open items | ledger's tables, GB | one round of its figures, s |"
    yield "|---|---|---|"
    for items in (1e5, 1e6, 1e7, 1e8):
        yield f"| {items:,.0f} | {ledger_gigabytes(items):,.1f} | {figures_s(items):,.0f} |"


if __name__ == "__main__":
    given = [float(argument) for argument in sys.argv[1:]]
    print("\n".join(table(given or [10, 100, 1_000, 10_000])))
