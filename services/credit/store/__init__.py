"""Remembers accounts, holds, decisions and policies: one function a question, visible SQL."""

from services.credit.domain.book import Key
from services.credit.store.account_holds import (
    LIFT,
    add_account_hold,
    count_over,
    find_account_holds,
    find_over,
    lift_account_hold,
    list_account_holds,
)
from services.credit.store.accounts import (
    add_account,
    count_open_holds,
    exposure,
    get_account,
    list_accounts,
    set_company,
    set_limit,
)
from services.credit.store.books import lock_accounts, lock_unknown, open_book, read_orders
from services.credit.store.orders import (
    LAPSE,
    Movement,
    Version,
    accounts_of,
    count_lapsed,
    find_decisions,
    find_hold,
    find_lapsed,
    find_movements,
    referred,
    save,
)
from services.credit.store.policies import add_policy, get_policy, keep_sellers, lock_policy

__all__ = [
    "LAPSE",
    "LIFT",
    "Key",
    "Movement",
    "Version",
    "accounts_of",
    "add_account",
    "add_account_hold",
    "add_policy",
    "count_lapsed",
    "count_open_holds",
    "count_over",
    "exposure",
    "find_account_holds",
    "find_decisions",
    "find_hold",
    "find_lapsed",
    "find_movements",
    "find_over",
    "get_account",
    "get_policy",
    "keep_sellers",
    "lift_account_hold",
    "list_account_holds",
    "list_accounts",
    "lock_accounts",
    "lock_policy",
    "lock_unknown",
    "open_book",
    "read_orders",
    "referred",
    "save",
    "set_company",
    "set_limit",
]
