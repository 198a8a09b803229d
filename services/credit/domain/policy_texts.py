"""What applications are decided by: policies as texts, none of which takes effect by one person alone."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime

from services.kernel.refusals import Conflict


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A policy as it is kept."""

    policy_id: str
    text: str
    proposed_by: str
    proposed_at: datetime
    # '' and None: it never decided anything.
    activated_by: str
    activated_at: datetime | None
    active: bool


def check_activator(proposed: Set[str], people: Set[str]) -> None:
    """Refuse whoever proposed a policy as who has it take effect (RULES: four eyes)."""
    if proposed & people:
        raise Conflict("policy.four_eyes", "another person has a policy take effect than whoever proposed it")
