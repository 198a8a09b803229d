"""What the ledger does: load, decide, save, announce, in the caller's transaction."""

from services.ledger.usecases.announced import announce, withdraw
from services.ledger.usecases.books import follow
from services.ledger.usecases.parties import know, know_sellers
from services.ledger.usecases.payments import APPLY, forget_outdated, import_statement, match_on, record_payment

__all__ = [
    "APPLY",
    "announce",
    "follow",
    "forget_outdated",
    "import_statement",
    "know",
    "know_sellers",
    "match_on",
    "record_payment",
    "withdraw",
]
