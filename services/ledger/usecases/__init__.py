"""What the ledger does: load, decide, save, announce, in the caller's transaction."""

from services.ledger.usecases.books import follow
from services.ledger.usecases.parties import know
from services.ledger.usecases.payments import import_statement, record_payment

__all__ = ["follow", "import_statement", "know", "record_payment"]
