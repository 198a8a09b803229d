"""What a payment pays: what it names, and nothing else; what names nothing pays the oldest due.

Who names an invoice says what he pays: what is left when that is paid, or was paid before, or is known to nobody, stays
with the seller as unapplied cash until somebody has looked. Whoever names what was announced names the items of that.
Money without a number goes to what has been owed longest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from services.kernel.money import Money
from services.kernel.orders import Scope
from services.kernel.refusals import Invalid
from services.ledger.domain import announcements, matching
from services.ledger.domain.announcements import Action, Announcement
from services.ledger.domain.items import Allocation, Item, Purse

AMOUNT_MAX_MINOR = 10**15  # above it, an amount is a slip of the pen; and sums stay within what a table can hold
ID_MAX = 200
REMITTANCE_MAX = 4000
ANNOUNCED_MAX = 10  # announcements that one payment ends: each has a hundred items at most


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
    """A payment as booked, and what it met; what found no invoice stays as unapplied cash."""

    payment: Payment
    # Of very many, the first.
    applications: tuple[Application, ...]
    # By all of them together.
    applied: Money
    # Numbers that it names and of which nothing was owed any more: probably paid twice.
    paid_before: tuple[str, ...] = ()
    # More of it is being matched, or waits for its turn.
    continues: bool = False
    # Whether it is still known what was written with it.
    worded: bool = True
    # What was announced and has come with it.
    announced: tuple[Announcement, ...] = ()

    @property
    def unapplied(self) -> Money:
        """The part that found no invoice, so far."""
        return self.payment.amount - self.applied

    @property
    def by_age(self) -> int:
        """How many invoices it met without naming them."""
        return sum(part.evidence is Evidence.OLDEST_DUE for part in self.applications)

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """What parts of the buyer's company the invoices concern that it met, each once."""
        return tuple(dict.fromkeys(part.item.scope for part in self.applications))


@dataclass(frozen=True, slots=True)
class Matching:
    """A payment that is being matched with what is oldest due, some items at a time."""

    payment: Payment
    # What is left of it, and how many items it has met.
    left: Money
    met: int


def allocations(payment: Payment, applications: Sequence[Application], *, met: int = 0) -> list[Allocation]:
    """What a payment took off each item, as it is kept; it had met so many before."""
    return [
        Allocation(
            tenant=payment.tenant,
            invoice_id=part.item.invoice_id,
            amount=part.amount,
            effective_on=payment.value_on,
            payment_id=payment.payment_id,
            evidence=part.evidence.value,
            nth=nth,
        )
        for nth, part in enumerate(applications, met + 1)
    ]


class Shelf:
    """The items of one account and currency, which payments are applied to one after another.

    Payments that name nothing take turns: while one of them is `busy` with more items than it may meet at once, those
    after it wait, so that none overtakes it to what is oldest due. One that names its invoices waits for nobody.
    """

    def __init__(self, items: Iterable[Item] = (), *, more: bool = False, busy: bool = False) -> None:
        """Put the items on it; whether `more` are open that are not here, and all of them due later."""
        self._items: dict[tuple[str, str], Item] = {}
        self._by_number: dict[str, list[tuple[str, str]]] = {}
        self._expected: dict[str, Announcement] = {}
        self._more = more
        self.busy = busy
        self.add(items, more=more)

    def add(self, items: Iterable[Item], *, more: bool = False) -> None:
        """Put these beside what is here, all in the order in which they fall due."""
        for item in items:
            self._items.setdefault(item.key, item)
        self._items = dict(sorted(self._items.items(), key=lambda kept: _order(kept[1])))
        self._more = more
        self._by_number = {}
        for item in self._items.values():
            self._by_number.setdefault(item.number, []).append(item.key)

    def expect(self, announced: Sequence[Announcement]) -> None:
        """Wait for what was announced, and put its items beside what is here."""
        self._expected |= {announcement.reference: announcement for announcement in announced}
        self.add((part.item for announcement in announced for part in announcement.parts), more=self._more)

    def named(self, remittance: str) -> tuple[list[Item], list[Announcement]]:
        """The items that a text names, in its order, paid or not; and what it names of what was announced, the first ten."""
        numbers = matching.named(remittance, [*self._by_number, *self._expected])
        found = [self._by_number[number] for number in numbers if number in self._by_number]
        # Two legal entities may have given the same number: then it names neither.
        items = [self._items[keys[0]] for keys in found if len(keys) == 1]
        announced = [self._expected[number] for number in numbers if number in self._expected]
        return items, announced[:ANNOUNCED_MAX]

    def apply(self, payment: Payment, *, at_most: int) -> Receipt:
        """Pay what the text names, in its order; if it has no number, the oldest due, at most so many of them now.

        What was announced has come if the text names it, or else if it is the only one of this very amount.
        """
        items, announced = self.named(payment.remittance)
        receipt = self._apply(payment, items, announced, at_most=at_most)
        return replace(receipt, announced=self._receive(announced or self._only(payment.amount)))

    def _apply(
        self, payment: Payment, items: Sequence[Item], announced: Sequence[Announcement], *, at_most: int
    ) -> Receipt:
        """A number that nobody knows, or that two items have, names something else than the oldest."""
        limits: dict[tuple[str, str], Money] = {}
        if not items and announced:
            limits = _announced(announced)
            items = [self._items[key] for key in limits]
        if items:
            paid_before = tuple(item.number for item in items if item.amount.minor and not item.open.minor)
            met = self._pay(payment.amount, items, Evidence.EXACT_REFERENCE, limits)
            return Receipt(payment, met, _total(met, payment), paid_before)
        if matching.has_number(payment.remittance):
            return Receipt(payment, (), _total((), payment))
        if self.busy:
            return Receipt(payment, (), Money(0, payment.amount.currency), continues=True)
        met, self.busy = self.oldest(payment.amount, at_most=at_most)
        return Receipt(payment, met, _total(met, payment), continues=self.busy)

    def oldest(self, amount: Money, *, at_most: int) -> tuple[tuple[Application, ...], bool]:
        """Pay the oldest due, at most so many; return also whether both money and something to pay are left."""
        due = [item for item in self._items.values() if item.open.minor]
        met = self._pay(amount, due[:at_most], Evidence.OLDEST_DUE, {})
        spent = Money.total((part.amount for part in met), amount.currency) == amount
        return met, not spent and (self._more or len(due) > at_most)

    def _only(self, amount: Money) -> list[Announcement]:
        """What is expected of this very amount, if that is one."""
        found = [announcement for announcement in self._expected.values() if announcement.amount == amount]
        return found if len(found) == 1 else []

    def _receive(self, announced: Sequence[Announcement]) -> tuple[Announcement, ...]:
        for announcement in announced:
            del self._expected[announcement.reference]
        return tuple(announcements.move(announcement, Action.RECEIVE) for announcement in announced)

    def _pay(
        self, amount: Money, items: Iterable[Item], evidence: Evidence, limits: Mapping[tuple[str, str], Money]
    ) -> tuple[Application, ...]:
        """Pay these in turn; of some at most so much."""
        left = amount
        met = []
        for item in items:
            if (part := min(left, item.open, limits.get(item.key, left))).minor:
                self._items[item.key] = item.less(part)
                met.append(Application(self._items[item.key], part, evidence))
                left -= part
            if not left.minor:
                break
        return tuple(met)


def _announced(announced: Sequence[Announcement]) -> dict[tuple[str, str], Money]:
    """What is to be paid of each item by all of these, in their order."""
    amounts: dict[tuple[str, str], Money] = {}
    for part in (part for announcement in announced for part in announcement.parts):
        known = amounts.get(part.item.key)
        amounts[part.item.key] = known + part.amount if known else part.amount
    return amounts


def _order(item: Item) -> tuple[date, str, str]:
    return item.due_on, item.number, item.invoice_id


def _total(met: Sequence[Application], payment: Payment) -> Money:
    return Money.total((part.amount for part in met), payment.amount.currency)
