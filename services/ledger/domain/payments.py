"""What a payment pays: exact references first, then the oldest due (domain rule B9, allocation order)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.kernel.money import Money
from services.kernel.refusals import Invalid
from services.ledger.domain import matching
from services.ledger.domain.items import Allocation, Item, Purse

AMOUNT_MAX_MINOR = 10**15  # above it, an amount is a slip of the pen; and sums stay within what a table can hold
ID_MAX = 200
REMITTANCE_MAX = 4000


class Evidence(StrEnum):
    """Why a payment met an invoice."""

    EXACT_REFERENCE = "exact_reference"
    OLDEST_DUE = "oldest_due"


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that came in, as the bank or the payer tells it."""

    tenant: str
    # The bank's or the payer's own id: books it once.
    payment_id: str
    account_id: str
    amount: Money
    value_on: date
    # Free text in which invoice numbers are looked for.
    remittance: str

    @property
    def key(self) -> tuple[str, str]:
        """Tenant and payment."""
        return self.tenant, self.payment_id

    @property
    def purse(self) -> Purse:
        """Within which it can pay."""
        return self.tenant, self.account_id, self.amount.currency

    def check(self) -> "Payment":
        """Return the payment itself; refuse one that names nothing or pays nothing."""
        if not (self.payment_id and self.account_id):
            raise Invalid("payment.incomplete", "a payment needs an id and an account")
        if len(self.payment_id) > ID_MAX:
            raise Invalid("payment.id_too_long", f"a payment's id has at most {ID_MAX} characters")
        if len(self.remittance) > REMITTANCE_MAX:
            raise Invalid("payment.remittance_too_long", f"the remittance has at most {REMITTANCE_MAX} characters")
        if "\0" in self.payment_id + self.account_id + self.remittance:
            raise Invalid("payment.text_malformed", "no text has a zero character")
        if self.amount.minor <= 0:
            raise Invalid("payment.amount_not_positive", "a payment's amount must be above zero")
        if self.amount.minor > AMOUNT_MAX_MINOR:
            raise Invalid("payment.amount_too_large", f"a payment has at most {AMOUNT_MAX_MINOR} minor units")
        return self


@dataclass(frozen=True, slots=True)
class Application:
    """Part of a payment met an invoice; `item` is what it left of it."""

    item: Item
    amount: Money
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payment as booked; what found no invoice stays as unapplied cash."""

    payment: Payment
    applications: tuple[Application, ...]

    @property
    def unapplied(self) -> Money:
        """The part that found no invoice."""
        applied = Money.total((a.amount for a in self.applications), self.payment.amount.currency)
        return self.payment.amount - applied

    @property
    def allocations(self) -> list[Allocation]:
        """What it took off each item, as it is kept."""
        return [
            Allocation(
                tenant=self.payment.tenant,
                invoice_id=part.item.invoice_id,
                amount=part.amount,
                effective_on=self.payment.value_on,
                payment_id=self.payment.payment_id,
                evidence=part.evidence.value,
                nth=nth,
            )
            for nth, part in enumerate(self.applications, 1)
        ]


class Shelf:
    """The items of one account and currency, which payments are applied to one after another."""

    def __init__(self, items: Iterable[Item]) -> None:
        """Put them in the order in which they fall due."""
        self._items = {
            item.key: item for item in sorted(items, key=lambda item: (item.due_on, item.number, item.invoice_id))
        }

    def apply(self, payment: Payment) -> Receipt:
        """Pay what the remittance names, in its order, then the oldest due, as far as the money goes."""
        left = payment.amount
        applications = []
        for item, evidence in self._in_turn(payment.remittance):
            amount = min(left, item.open)
            if amount.minor:
                self._items[item.key] = item.less(amount)
                applications.append(Application(self._items[item.key], amount, evidence))
                left -= amount
            if not left.minor:
                break
        return Receipt(payment, tuple(applications))

    def _in_turn(self, remittance: str) -> Iterable[tuple[Item, Evidence]]:
        """Named ones, paid or not, then the open ones; an item is met once."""
        by_number: dict[str, list[Item]] = {}
        for item in self._items.values():
            by_number.setdefault(item.number, []).append(item)
        # Two legal entities may have given the same number: then it names neither.
        sole = {number: items[0] for number, items in by_number.items() if len(items) == 1}
        exact = [sole[number] for number in matching.named(remittance, by_number) if number in sole]
        named = {item.key for item in exact}
        rest = [item for item in self._items.values() if item.open.minor and item.key not in named]
        return [(item, Evidence.EXACT_REFERENCE) for item in exact] + [(item, Evidence.OLDEST_DUE) for item in rest]
