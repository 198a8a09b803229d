"""How a buyer pays: what became of its invoices by value date, and what was open when it ordered (RULES: own behaviour)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from services.credit.domain.underwriting import Value
from services.kernel.money import Money

LATE = "late_payment"  # the code of a cause
LATE_DAYS = 15  # a payment that late has the account looked at
ARREAR_DAYS = 30  # after which an item is an arrear
OPEN_DAYS = 180  # for which what was open is remembered
SETTLED_LEAST = 4  # settled invoices from which on what was open says more than what was asked for
SETTLED_MOST = 2000  # the newest settled invoices by which an account is judged
RECENT_DAYS = 183  # six months
_TENTH = Decimal("0.1")


class Word(StrEnum):
    """What the ledger says of an invoice."""

    OPENED = "OPENED"
    PAID = "PAID"
    # By a credit note, or written off: neither kept nor late.
    CREDITED = "CREDITED"
    UNAPPLIED = "UNAPPLIED"


@dataclass(frozen=True, slots=True)
class Told:
    """An event of the ledger, as far as it is about one invoice."""

    tenant: str
    invoice_id: str
    account_id: str
    word: Word
    # By how much less is owed, or more after an application was taken back; of an invoice that was opened: its amount.
    amount: Money
    # Contiguous per account; None if the event has none.
    sequence: int | None = None
    # What is owed of it afterwards; None: the event does not say.
    open_minor: int | None = None
    due_on: date | None = None
    # From when on it counts: the payment's value date.
    effective_on: date | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """An invoice as the ledger told of it last."""

    tenant: str
    invoice_id: str
    account_id: str
    due_on: date
    amount: Money
    open_minor: int
    sequence: int
    # None: it is open, or ended by a credit.
    settled_on: date | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from every other invoice."""
        return self.tenant, self.invoice_id

    @property
    def days_late(self) -> int:
        """By how many days it was paid late; below zero: early; 0 while it is not paid."""
        return (self.settled_on - self.due_on).days if self.settled_on is not None else 0


def fold(item: Item | None, told: Told) -> Item | None:
    """What is known of an invoice after an event; one that is not newer than the last one changes nothing.

    The newest event says what is owed, so that one which is lost or waits is healed by the next. Of an invoice of which
    nothing else was told, an event that takes a payment back says too little.
    """
    if item is None:
        return _first(told)
    if told.word is Word.OPENED or (told.sequence is not None and told.sequence <= item.sequence):
        return item
    sequence = told.sequence if told.sequence is not None else item.sequence
    if told.word is Word.UNAPPLIED:
        return replace(item, open_minor=item.open_minor + told.amount.minor, settled_on=None, sequence=sequence)
    return replace(item, open_minor=told.open_minor or 0, settled_on=_settled_on(told), sequence=sequence)


def _first(told: Told) -> Item | None:
    if told.due_on is None:
        return None
    left = told.open_minor or 0
    amount = told.amount if told.word is Word.OPENED else Money(told.amount.minor + left, told.amount.currency)
    return Item(
        tenant=told.tenant,
        invoice_id=told.invoice_id,
        account_id=told.account_id,
        due_on=told.due_on,
        amount=amount,
        open_minor=left,
        sequence=told.sequence or 0,
        settled_on=_settled_on(told),
    )


def _settled_on(told: Told) -> date | None:
    return told.effective_on if told.word is Word.PAID and not told.open_minor else None


def fold_all(known: Mapping[tuple[str, str], Item], told: Iterable[Told]) -> list[Item]:
    """What is known of invoices after events, in the order in which they came; those alone that are others than before."""
    now: dict[tuple[str, str], Item] = dict(known)
    for one in told:
        key = (one.tenant, one.invoice_id)
        if (item := fold(now.get(key), one)) is not None:
            now[key] = item
    return [item for key, item in now.items() if item != known.get(key)]


@dataclass(frozen=True, slots=True)
class Conduct:
    """How an account has paid, as of a day; amounts in minor units of its currency."""

    # Of the newest settled invoices: how many, and how many of them after they were due.
    settled: int = 0
    late: int = 0
    # Sum of the days that each was late, early ones below zero; and the same with each day weighed by the amount.
    days_late: int = 0
    amount_days: int = 0
    settled_minor: int = 0
    # Of the last six months.
    recent: int = 0
    recent_worst: int | None = None
    # The worst that was settled within 30 days.
    newly_worst: int | None = None
    # When the first invoice that is known was due; None: there was none.
    first_due: date | None = None
    overdue_minor: int = 0
    # When the oldest item that is overdue was due.
    overdue_since: date | None = None
    # What was open after an order, 95 of 100 days; None: nothing was ordered.
    open_p95: int | None = None

    @property
    def mean_days_late(self) -> Decimal | None:
        """By invoices, to a tenth of a day; None: none is settled."""
        if not self.settled:
            return None
        return (Decimal(self.days_late) / self.settled).quantize(_TENTH, ROUND_HALF_UP)

    @property
    def weighted_days_late(self) -> Decimal | None:
        """By amounts, to a tenth of a day; None: none is settled."""
        if not self.settled_minor:
            return None
        return (Decimal(self.amount_days) / self.settled_minor).quantize(_TENTH, ROUND_HALF_UP)

    def days_overdue(self, today: date) -> int:
        """For how many days the oldest item has been due."""
        return (today - self.overdue_since).days if self.overdue_since is not None else 0


@dataclass(frozen=True, slots=True)
class Room:
    """What an account's group may owe together, and what others of it owe and hold, in the account's currency."""

    limit: Money
    others: Money

    @property
    def left(self) -> int:
        """What others leave of it, in minor units."""
        return self.limit.minor - self.others.minor


def facts_of(conduct: Conduct, currency: str, group: Sequence[Room]) -> dict[str, Value]:
    """The same as a policy's facts, of an account in this currency. What was never seen is not known.

    Of the nodes above it that which has least left counts, and what others owe there: its own limit is not what is taken.
    """
    facts: dict[str, Value] = {
        "settled_invoices": Decimal(conduct.settled),
        "late_invoices": Decimal(conduct.late),
        "overdue_amount": Money(conduct.overdue_minor, currency).decimal,
    }
    if (mean := conduct.mean_days_late) is not None:
        facts["mean_days_late"] = mean
    if conduct.overdue_since is not None:
        facts["overdue_since"] = conduct.overdue_since
    if conduct.open_p95 is not None and conduct.settled >= SETTLED_LEAST:
        facts["open_p95"] = Money(conduct.open_p95, currency).decimal
    if group:
        tightest = min(group, key=lambda room: room.left)
        facts["group_limit"] = tightest.limit.decimal
        facts["group_used"] = tightest.others.decimal
    return facts


@dataclass(frozen=True, slots=True)
class Arrear:
    """An invoice that was, or is, more than 30 days late."""

    account_id: str
    invoice_id: str
    due_on: date
    amount: Money
    # The first day on which it was.
    since: date
    settled_on: date | None
