"""The accounts and holds of a batch of work, changed one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.credit.domain.account_holds import AccountHold
from services.credit.domain.accounts import Account
from services.credit.domain.balances import Change
from services.credit.domain.habits import Habit
from services.credit.domain.holds import Hold
from services.credit.domain.policy import Policy
from services.credit.domain.sellers import Seller
from services.credit.domain.suspicions import Buyer
from services.credit.domain.tree import Node
from services.credit.domain.underwriting import Policy as Lending
from services.credit.domain.underwriting import default
from services.kernel.money import Money

Key = tuple[str, str]  # tenant, and an account's or an order's id


@dataclass(slots=True)
class Book:
    """The locked accounts and the newest hold of each order, changed as one decides in sequence."""

    accounts: dict[Key, Account] = field(default_factory=dict)
    holds: dict[Key, Hold] = field(default_factory=dict)
    # The instant after the locks, at which all is decided (RULES: one instant); None: nothing is.
    at: datetime | None = None
    # Whose accounts were changed.
    changed: set[Key] = field(default_factory=set)
    # The locked nodes that the accounts are part of, and which were changed.
    nodes: dict[Key, Node] = field(default_factory=dict)
    changed_nodes: set[Key] = field(default_factory=set)
    # What left of each order: the account that it left for, and the shipment's id.
    shipments: dict[Key, set[tuple[str, str]]] = field(default_factory=dict)
    # What orders are decided by, beside their accounts; by tenant, and by account.
    policies: dict[str, Policy] = field(default_factory=dict)
    sellers: dict[str, list[Seller]] = field(default_factory=dict)
    account_holds: dict[Key, list[AccountHold]] = field(default_factory=dict)
    # By what an order looks wrong, where the seller has set something; what is known of the buyers; and whose is another now.
    lending: dict[str, Lending] = field(default_factory=dict)
    buyers: dict[Key, Buyer] = field(default_factory=dict)
    changed_buyers: set[Key] = field(default_factory=set)
    # Versions of orders that waited for a person, and do not any more.
    answered: set[tuple[str, str, int]] = field(default_factory=set)
    # What the ledger told of an account and waits among the parked events: the order that it waits for, if it is one.
    waiting: dict[Key, list[Key | None]] = field(default_factory=dict)
    # The orders that are decided here.
    asked: frozenset[Key] = frozenset()

    def change(self, key: Key, *, used: int = 0, held: int = 0, told: Change | None = None) -> Account:
        """Add to what an account, and with it its path, uses and holds, in minor units; note what the ledger `told`."""
        before = self.accounts[key]
        currency = before.limit.currency
        account = Account(
            tenant=before.tenant,
            account_id=before.account_id,
            limit=before.limit,
            used=Money(before.used.minor + used, currency),
            held=Money(before.held.minor + held, currency),
            on_hold=before.on_hold,
            sequence=told.sequence if told else before.sequence,
            limit_until=before.limit_until,
            path=before.path,
            unapplied_minor=told.unapplied if told else before.unapplied_minor,
            credits_minor=told.credits if told else before.credits_minor,
        )
        assert account.held.minor >= 0, "more was released than was held"
        self.accounts[key] = account
        self.changed.add(key)
        for node_id in account.path:
            self.nodes[(key[0], node_id)] = self.nodes[(key[0], node_id)].change(used, held)
            self.changed_nodes.add((key[0], node_id))
        return account

    def nodes_of(self, account: Account) -> list[Node]:
        """The nodes that an account is part of, the root first."""
        return [self.nodes[(account.tenant, node_id)] for node_id in account.path]

    def policy_of(self, tenant: str) -> Policy:
        """What a seller decides by."""
        return self.policies.get(tenant) or Policy()

    def lending_of(self, tenant: str) -> Lending:
        """By what a seller's orders look wrong."""
        return self.lending.get(tenant) or default()

    def buyer_of(self, key: Key) -> Buyer:
        """What is known of an account beside its money."""
        return self.buyers.get(key) or Buyer()

    def keep_orders(self, key: Key, orders: Habit) -> None:
        """Have these be what the account's next order is compared with."""
        self.buyers[key] = replace(self.buyer_of(key), orders=orders)
        self.changed_buyers.add(key)

    def sellers_of(self, tenant: str) -> Sequence[Seller]:
        """A tenant's legal entities, the one first that was known first."""
        return self.sellers.get(tenant, ())

    def is_uncertain(self, key: Key) -> bool:
        """Whether something that the ledger told of the account is not in what it uses.

        An item that came before its order does not count where that order is decided here: its hold counts for it.
        """
        return any(order not in self.asked for order in self.waiting.get(key, ()))

    def shipped(self, hold: Hold) -> int:
        """How many shipments of an order left for the account that placed it."""
        parts = self.shipments.get((hold.tenant, hold.order_id), ())
        return sum(account_id == hold.account_id for account_id, _ in parts)
