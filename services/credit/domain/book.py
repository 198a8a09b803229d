"""The accounts and holds of a batch of work, changed one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from services.credit.domain.account_holds import AccountHold
from services.credit.domain.accounts import Account
from services.credit.domain.balances import Change
from services.credit.domain.habits import Habit
from services.credit.domain.holds import Hold
from services.credit.domain.policy import Policy
from services.credit.domain.rates import RateMissing, Rates
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
    # What currencies are worth, where one is needed; by tenant.
    rates: dict[str, Rates] = field(default_factory=dict)

    def change(
        self,
        key: Key,
        *,
        used: int = 0,
        held: int = 0,
        told: Change | None = None,
        abroad: Mapping[str, tuple[int, int]] | None = None,
    ) -> Account:
        """Add to what an account, and with it its path, uses and holds, in minor units; note what the ledger `told`.

        What is owed in other currencies is said whole (`abroad`). Raises RateMissing, and changes nothing, where the account's
        nodes are in another currency and no rate of the two is known any more: none was set since the newest 32 days, or
        none of one and the same day.
        """
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
            group_used=before.group_used,
            group_held=before.group_held,
            unapplied_minor=told.unapplied if told else before.unapplied_minor,
            credits_minor=told.credits if told else before.credits_minor,
            abroad=before.abroad if abroad is None else abroad,
        )
        assert account.held.minor >= 0, "more was released than was held"
        if account.path:
            account = self._of_group(account, before)
        if account.abroad or account.group_used is not None:
            version = self.rates_of(key[0]).version if before.valued is None else before.valued
            account = replace(account, valued=version)
        self.accounts[key] = account
        self.changed.add(key)
        return account

    def _of_group(self, account: Account, before: Account) -> Account:
        """Have an account's nodes use and hold what it does, valued anew where they are kept in another currency."""
        nodes = self.nodes_of(account)
        if nodes[0].limit.currency != account.limit.currency:
            if (valued := self.valued_for(account, nodes[0].limit.currency)) is None:
                raise RateMissing(account.limit.currency)
            account = replace(account, group_used=valued[0], group_held=valued[1])
        used, held = (now - was for now, was in zip(account.of_group, before.of_group, strict=True))
        for node in nodes:
            key = (node.tenant, node.node_id)
            self.nodes[key] = node.change(used, held)
            self.changed_nodes.add(key)
        return account

    @property
    def day(self) -> date:
        """Of which rates count, of those that are known."""
        assert self.at is not None, "a book is opened at an instant"
        return self.at.date()

    def rates_of(self, tenant: str) -> Rates:
        """What currencies are worth."""
        return self.rates.get(tenant) or Rates()

    def valued_for(self, account: Account, currency: str, *, fresh: bool = False) -> tuple[int, int] | None:
        """What an account uses and holds in another currency, a buffer with what it holds; None: no rate is known.

        By the newest rate, whatever its age, or by one that decides (`fresh`).
        """
        policy, rates = self.policy_of(account.tenant), self.rates_of(account.tenant)
        oldest = self.day - timedelta(days=policy.rate_days) if fresh else date.min
        ours = account.limit.currency
        used = rates.value(account.used.minor, ours, currency, self.day, oldest=oldest)
        held = rates.value(account.held.minor, ours, currency, self.day, oldest=oldest, more=policy.currency_buffer)
        return None if used is None or held is None else (used, held)

    def valued_abroad(
        self, account: Account, owed: Mapping[str, int], *, anew: bool = False
    ) -> dict[str, tuple[int, int]] | None:
        """What is owed in other currencies, with what it is worth in the account's; None: no rate is known.

        What is owed as before keeps its worth, unless it is valued `anew` and a rate is known.
        """
        valued: dict[str, tuple[int, int]] = {}
        for currency, minor in owed.items():
            known = account.abroad.get(currency)
            same = known if known is not None and known[0] == minor else None
            worth = None
            if same is None or anew:
                worth = self.rates_of(account.tenant).value(minor, currency, account.limit.currency, self.day)
            if worth is not None:
                valued[currency] = (minor, worth)
            elif same is not None:
                valued[currency] = same
            else:
                return None
        return {currency: pair for currency, pair in valued.items() if pair[0]}

    def reserve(self, amount: Money, account: Account) -> Money | None:
        """What an order in any currency takes of an account; None: no rate that decides is known."""
        policy, ours = self.policy_of(account.tenant), account.limit.currency
        if amount.currency == ours:
            return amount
        minor = self.rates_of(account.tenant).value(
            amount.minor,
            amount.currency,
            ours,
            self.day,
            oldest=self.day - timedelta(days=policy.rate_days),
            more=policy.currency_buffer,
        )
        return None if minor is None else Money(minor, ours).checked()

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
