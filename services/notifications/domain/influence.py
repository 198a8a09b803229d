"""What somebody of a buyer decides: as the seller's people say, else as their roles suggest (RULES: the map of people)."""

from collections.abc import Collection
from enum import StrEnum

from services.kernel.refusals import Invalid
from services.notifications.domain.roles import Role


class Influence(StrEnum):
    """How much a person decides about what their company buys and pays."""

    DECIDER = "DECIDER"
    INFLUENCER = "INFLUENCER"
    USER = "USER"


_DECIDES = frozenset({Role.EXEC_SPONSOR, Role.FINANCE_LEAD})
_INFLUENCES = frozenset({Role.PROCUREMENT, Role.AP_MANAGER, Role.ACCOUNT_ADMIN, Role.LEGAL})


def suggested(roles: Collection[Role]) -> Influence:
    """What their roles suggest."""
    if _DECIDES & set(roles):
        return Influence.DECIDER
    return Influence.INFLUENCER if _INFLUENCES & set(roles) else Influence.USER


def influence(text: str) -> str:
    """What somebody is said to be, checked; "": as their roles suggest."""
    if text and text not in {one.value for one in Influence}:
        raise Invalid("contact.influence_unknown", f"somebody is {', '.join(Influence)}")
    return text
