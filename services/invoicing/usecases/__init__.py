"""What invoicing does: load, decide, save, announce, in the caller's transaction."""

from services.invoicing.usecases.assets import hear
from services.invoicing.usecases.credits import credit
from services.invoicing.usecases.issuing import AGAIN, DRAFT, LARGE, issue
from services.invoicing.usecases.ordering import contact_of, say_cancelled, say_placed, say_shipped
from services.invoicing.usecases.orders import approve, cancel, keep, ship, tell_refused
from services.invoicing.usecases.parties import (
    TELL,
    change_buyers,
    keep_buyers,
    register_seller,
    set_contract,
    tell_whole,
)
from services.invoicing.usecases.receipts import receive, say_received
from services.invoicing.usecases.rendering import FILE, LARGE_FILE, asked_form, render, write_files
from services.invoicing.usecases.retries import retry
from services.invoicing.usecases.samples import sample

__all__ = [
    "AGAIN",
    "DRAFT",
    "FILE",
    "LARGE",
    "LARGE_FILE",
    "TELL",
    "approve",
    "asked_form",
    "cancel",
    "change_buyers",
    "contact_of",
    "credit",
    "hear",
    "issue",
    "keep",
    "keep_buyers",
    "receive",
    "register_seller",
    "render",
    "retry",
    "sample",
    "say_cancelled",
    "say_placed",
    "say_received",
    "say_shipped",
    "set_contract",
    "ship",
    "tell_refused",
    "tell_whole",
    "write_files",
]
