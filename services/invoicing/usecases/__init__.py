"""What invoicing does: load, decide, save, announce, in the caller's transaction."""

from services.invoicing.usecases.credits import credit
from services.invoicing.usecases.orders import approve, cancel, keep, ship, tell_refused
from services.invoicing.usecases.parties import change_buyers, keep_buyers, register_seller, set_contract
from services.invoicing.usecases.rendering import asked_form, render, write_files
from services.invoicing.usecases.retries import judge_again, retry

__all__ = [
    "approve",
    "asked_form",
    "cancel",
    "change_buyers",
    "credit",
    "judge_again",
    "keep",
    "keep_buyers",
    "register_seller",
    "render",
    "retry",
    "set_contract",
    "ship",
    "tell_refused",
    "write_files",
]
