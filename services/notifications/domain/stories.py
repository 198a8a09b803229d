"""A fact of business as people hear of it: one story, the same for everybody, with the dates that we promise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from services.kernel.calendars import Calendar
from services.kernel.money import Money
from services.kernel.opening_hours import CLOSES_AT, OPENS_AT, OpeningHours
from services.kernel.orders import Scope
from services.notifications.domain.matrix import MATRIX, Kind
from services.notifications.domain.roles import Role

# What a sentence may name.
Detail = str | Money | date | tuple[str, ...]

WHOLE_COMPANY = Scope()


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant and where the seller is: what "today" and "the end of the business day" mean."""

    at: datetime
    calendar: Calendar
    # When the digest of a business day goes out.
    digest_time: time
    # When the seller opens and closes.
    opens_at: time = OPENS_AT
    closes_at: time = CLOSES_AT

    @property
    def hours(self) -> OpeningHours:
        """When the seller is open."""
        return OpeningHours(self.calendar, self.opens_at, self.closes_at)

    @property
    def today(self) -> date:
        """The seller's date."""
        return self.day_of(self.at)

    def day_of(self, at: datetime) -> date:
        """The seller's date of another instant."""
        return self.calendar.day(at)

    def digest_at(self) -> datetime:
        """When the next digest goes: today's if its time is to come and business is done today, else the next one."""
        today = self.today
        at = self.calendar.instant(today, self.digest_time)
        if self.calendar.is_business_day(today) and self.at < at:
            return at
        return self.calendar.instant(self.calendar.after(today, 1), self.digest_time)


@dataclass(frozen=True, slots=True)
class Affects:
    """What a fact touches; at least one of these."""

    amount: Money | None = None
    invoices: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    credit_line: Money | None = None
    shipment: str = ""
    case: str = ""
    # What will be ordered, whatever it is.
    new_orders: bool = False

    def __post_init__(self) -> None:
        if not (
            self.amount
            or any(self.invoices)
            or any(self.orders)
            or self.credit_line
            or self.shipment
            or self.case
            or self.new_orders
        ):
            raise ValueError("a message must say what the fact affects")


@dataclass(frozen=True, slots=True)
class Story:
    """One fact, told once."""

    kind: Kind
    tenant: str
    # The business key of the fact: handled twice, under whatever event id, it is told once.
    fact: str
    # The contract's name of the event, for those who list messages.
    event_type: str
    # The case: "invoice/…", "order/…", "dispute/…".
    about: str
    account_id: str
    affects: Affects
    by_when: date
    next_update_at: date
    told_on: date
    # The parts of the company that it concerns: whoever hears of one of them hears of it.
    scopes: tuple[Scope, ...] = (WHOLE_COMPANY,)
    # What the sentences name, by name.
    details: Mapping[str, Detail] = field(default_factory=dict)
    # The invoice or credit note whose document goes along; empty: none.
    document: str = ""
    # The one role that must act, where the matrix names several and only one knows.
    knower: Role | None = None
    # Of the seller's people those, by their ids, whose it is whatever their roles.
    whose: tuple[str, ...] = field(default=(), compare=False)
    # The trace in which it is told; not part of it.
    traceparent: str = field(default="", compare=False)


def deadline(kind: Kind, now: Moment) -> date:
    """By when what the fact asks for is done, if the fact does not say."""
    return now.calendar.after(now.today, MATRIX[kind].days)


def who_knows(dispute_reason: str) -> Role:
    """Who at the buyer can answer a question in a dispute (RULES: the matrix): quantity, quality, and the rest."""
    if dispute_reason.startswith("QTY_"):
        return Role.RECEIVING
    if dispute_reason.startswith("QLT_"):
        return Role.REQUESTER
    return Role.AP_CLERK
