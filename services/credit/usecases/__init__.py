"""What credit does: load, decide, save, announce, in the caller's transaction."""

from services.credit.usecases.account_holds import end, find_over, forget, forget_outdated, lift_hold, place_hold
from services.credit.usecases.buyers import change_buyer, register_buyer
from services.credit.usecases.limits import (
    approve_uplift,
    ask_for_uplift,
    end_uplift,
    find_turned,
    limit_as_of,
    set_limit,
    turn,
)
from services.credit.usecases.orders import decide, find_lapsed, follow, lapse, review, tell_refused
from services.credit.usecases.policies import know_sellers, set_policy
from services.credit.usecases.securities import end_security, set_security
from services.credit.usecases.tree import move_account, path_of, register_node, set_node_limit

__all__ = [
    "approve_uplift",
    "ask_for_uplift",
    "change_buyer",
    "decide",
    "end",
    "end_security",
    "end_uplift",
    "find_lapsed",
    "find_over",
    "find_turned",
    "follow",
    "forget",
    "forget_outdated",
    "know_sellers",
    "lapse",
    "lift_hold",
    "limit_as_of",
    "move_account",
    "path_of",
    "place_hold",
    "register_buyer",
    "register_node",
    "review",
    "set_limit",
    "set_node_limit",
    "set_policy",
    "set_security",
    "tell_refused",
    "turn",
]
