"""What an operator of invoicing watches; each metric's meaning stands beside its name."""

from prometheus_client import Counter, Gauge

ISSUED = Counter(
    "ar_invoicing_issued_total",
    "Documents numbered and written, by kind and currency (a batch that is rolled back and done again counts again)",
    ["kind", "currency"],
)
HELD = Gauge("ar_invoicing_held_drafts", "Drafts that broke a rule and wait without a number")
