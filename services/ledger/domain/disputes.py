"""What a dispute keeps in memo: set when it opens or comes back, reversed when it ends (RULES: postings)."""

from dataclasses import dataclass, replace
from enum import StrEnum

from services.kernel.money import Money
from services.kernel.refusals import Invalid, KeyReused
from services.ledger.domain.items import Item


class Turn(StrEnum):
    """What happened to a dispute, as far as the ledger cares."""

    OPENED = "OPENED"
    WITHDRAWN = "WITHDRAWN"
    DUPLICATE = "DUPLICATE"
    REJECTED = "REJECTED"
    APPEALED = "APPEALED"
    REOPENED = "REOPENED"
    RESOLVED = "RESOLVED"
    # More or less of it is disputed than before: cases were merged, or one was split.
    CHANGED = "CHANGED"


# Whether the disputed amount stands in memo after each turn.
IN_MEMO = {
    Turn.OPENED: True,
    Turn.APPEALED: True,
    Turn.REOPENED: True,
    Turn.CHANGED: True,
    Turn.WITHDRAWN: False,
    Turn.DUPLICATE: False,
    Turn.REJECTED: False,
    Turn.RESOLVED: False,
}


@dataclass(frozen=True, slots=True)
class Dispute:
    """A case about an invoice; `memo` is how much of it stands in 9100 now, so that nothing is reversed twice."""

    tenant: str
    dispute_id: str
    invoice_id: str
    account_id: str
    memo: Money
    # The number of the last word that was followed: an older one that comes again changes nothing.
    said: int

    @property
    def key(self) -> tuple[str, str]:
        """Tenant and dispute."""
        return self.tenant, self.dispute_id


@dataclass(frozen=True, slots=True)
class Word:
    """What the disputes service said of a case."""

    tenant: str
    dispute_id: str
    invoice_id: str
    account_id: str
    turn: Turn
    # The gross in dispute; None where the turn ends it.
    amount: Money | None
    # Which of the disputes service's words about the account it is: a later one has the higher number. 0: none is known.
    nth: int
    # What the seller gives up of the invoice, as far as it is open; None: nothing.
    given_up: Money | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Tenant and dispute."""
        return self.tenant, self.dispute_id


def follow(dispute: Dispute | None, item: Item, word: Word) -> tuple[Dispute, Money]:
    """Return the dispute after a turn, and how much its memo changed: above zero is set, below zero reversed."""
    after = _memo_after(item, word)
    if dispute is None:
        nothing = Money(0, after.currency)
        dispute = Dispute(word.tenant, word.dispute_id, word.invoice_id, word.account_id, nothing, said=0)
    elif dispute.invoice_id != word.invoice_id:
        raise KeyReused("dispute.id_reused", "this dispute is about another invoice")
    elif word.turn is Turn.OPENED or 0 < word.nth <= dispute.said:
        after = dispute.memo  # a case opens once, and what it said before it does not say anew
    return replace(dispute, memo=after, said=max(dispute.said, word.nth)), after - dispute.memo


def _memo_after(item: Item, word: Word) -> Money:
    if item.account_id != word.account_id:
        raise Invalid("dispute.account_mismatch", "the disputed invoice is another account's")
    if not IN_MEMO[word.turn]:
        return Money(0, item.amount.currency)
    assert word.amount is not None, "what is in memo has an amount"
    if word.amount.currency != item.amount.currency:
        raise Invalid("dispute.currency_mismatch", f"the disputed invoice is in {item.amount.currency}")
    if word.amount.minor < 0:
        raise Invalid("dispute.amount_negative", "a disputed amount is zero or more")
    return word.amount
