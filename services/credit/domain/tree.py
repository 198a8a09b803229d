"""Accounts that owe together: a company's, a group's, a programme's (RULES: the whole path)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.credit.domain.accounts import Account
from services.credit.domain.policy import Policy
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Invalid


class Kind(StrEnum):
    """What a node is, the lowest first: each may be part of one of a higher kind."""

    PARENT = "PARENT"
    GROUP = "GROUP"
    PROGRAMME = "PROGRAMME"


_HEIGHT = {kind: nth for nth, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Node:
    """What accounts may owe together, owe and have reserved."""

    tenant: str
    node_id: str
    kind: Kind
    # From the root to itself.
    path: tuple[str, ...]
    limit: Money
    used: Money
    held: Money
    # When the limit may be another by itself; None: when somebody changes it.
    limit_until: datetime | None = None

    @property
    def parent_id(self) -> str:
        """The node that it is part of; "": none."""
        return self.path[-2] if len(self.path) > 1 else ""

    @property
    def headroom(self) -> Money:
        """What its accounts together can still take."""
        return self.limit - self.used - self.held

    def referral_band(self, policy: Policy) -> Money:
        """How far above the headroom a person is still asked."""
        return Money.of(self.limit.decimal * policy.referral_share, self.limit.currency)

    def change(self, used: int, held: int) -> "Node":
        """Add to what its accounts use and hold, in minor units."""
        currency = self.limit.currency
        changed = replace(
            self, used=Money(self.used.minor + used, currency), held=Money(self.held.minor + held, currency)
        )
        assert changed.held.minor >= 0, "more was released than was held"
        return changed


def new_node(tenant: str, node_id: str, kind: Kind, limit: Money, parent: Node | None) -> Node:
    """A node, as part of another or of none."""
    if not node_id or "/" in node_id:
        raise Invalid("node.node_id", "a node's id has 1 to 64 characters and no '/'")
    check_limit(limit)
    if parent is not None:
        if _HEIGHT[parent.kind] <= _HEIGHT[kind]:
            raise Invalid("node.kind", f"a {kind} is part of a higher kind, not of a {parent.kind}")
        check_currency(limit.currency, [parent])
    path = (*(parent.path if parent else ()), node_id)
    return Node(tenant, node_id, kind, path, limit, Money(0, limit.currency), Money(0, limit.currency))


def moved(before: Account, account: Account, nodes: Iterable[Node]) -> list[Node]:
    """What becomes of the nodes where an account leaves its path for another: all that it uses and holds goes with it."""
    changed = []
    for node in nodes:
        used = held = 0
        for sign, one in ((-1, before), (1, account)):
            if node.node_id in one.path:
                used, held = used + sign * one.of_group[0], held + sign * one.of_group[1]
        if used or held:
            changed.append(node.change(used, held))
    return changed


def check_limit(limit: Money) -> None:
    """Refuse a limit below zero."""
    if limit.minor < 0:
        raise Invalid("node.limit_negative", "a limit is zero or more")


def check_currency(currency: str, nodes: Sequence[Node]) -> None:
    """Refuse what is kept in another currency than what it is to be part of."""
    if any(node.limit.currency != currency for node in nodes):
        raise Conflict("node.currency", f"what is kept in {currency} is part of nothing in another currency")
