"""By when somebody acts: the seller's clock runs on business days and pauses only while the customer is asked."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.kernel.calendars import add_business_days, day_in


@dataclass(frozen=True, slots=True)
class Policy:
    """What the seller promises and allows (domain rule B10): configuration, never code."""

    # Calendar days after the date of issue in which an invoice can be disputed.
    window_days: int = 90
    # Calendar days after its end in which a case can be reopened, or a rejection appealed.
    reopen_days: int = 30
    # Business days to the answer on the STANDARD track, the only one yet.
    answer_days: int = 5
    # Business days to the first answer of a person, and to whatever the seller does next by itself.
    first_answer_days: int = 1
    # Business days that a customer has to answer a question or a proposal.
    customer_days: int = 5
    # IANA name of where the seller counts its days.
    time_zone: str = "UTC"

    def day(self, at: datetime) -> date:
        """The date of an instant where the seller is."""
        return day_in(self.time_zone, at)

    def answer_by(self, on: date) -> date:
        """The day by which a case that begins that day is answered. FAST and ENHANCED tracks would differ here."""
        return add_business_days(on, self.answer_days)


def business_days_between(start: date, end: date) -> int:
    """How many weekdays follow the first date, up to and with the second; none if it is not later."""
    whole_weeks, rest = divmod(max((end - start).days, 0), 7)
    return 5 * whole_weeks + sum((start + timedelta(days=n)).weekday() < 5 for n in range(1, rest + 1))


def push(answer_by: date, asked_on: date, answered_on: date) -> date:
    """Put off the answer by the business days that the customer was waited for."""
    return add_business_days(answer_by, business_days_between(asked_on, answered_on))
