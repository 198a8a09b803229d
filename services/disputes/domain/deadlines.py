"""By when somebody acts: the seller's clock runs on business days and pauses only while the customer is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from services.disputes.domain.auto_credits import AutoCredit
from services.kernel.calendars import Calendar
from services.kernel.refusals import Invalid

# What a policy may say, from and to: longer than this nobody waits, and a figure beyond it is a typing mistake.
BOUNDS: Mapping[str, tuple[int, int]] = {
    "window_days": (1, 3650),
    "answer_days": (1, 365),
    "customer_days": (1, 365),
    "reopen_days": (0, 3650),
    "first_answer_days": (1, 365),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What the seller promises and allows, and by which days it counts. Until it says so: these figures, in UTC."""

    # Calendar days after the date of issue in which an invoice can be disputed.
    window_days: int = 90
    # Business days to the answer on the STANDARD track, the only one yet.
    answer_days: int = 5
    # Business days that a customer has to answer a question or a proposal.
    customer_days: int = 5
    # Calendar days after its end in which a case can be reopened, or a rejection appealed.
    reopen_days: int = 30
    # Business days to the first answer of a person, and to whatever the seller does next by itself.
    first_answer_days: int = 1
    # What is credited without a person.
    auto_credit: AutoCredit = field(default_factory=AutoCredit)
    # 0: nothing was set.
    version: int = 0
    # Of the legal entity whose invoice it is.
    calendar: Calendar = field(default_factory=Calendar)

    def check(self) -> "Policy":
        """Return the policy itself; refuse one that promises nothing, or what nobody waits for."""
        for name, (least, most) in BOUNDS.items():
            if not least <= getattr(self, name) <= most:
                raise Invalid("policy.out_of_range", f"{name} is from {least} to {most}, not {getattr(self, name)}")
        self.auto_credit.check()
        return self

    def day(self, at: datetime) -> date:
        """The date of an instant where the seller is."""
        return self.calendar.day(at)

    def answer_by(self, on: date) -> date:
        """The day by which a case that begins that day is answered. FAST and ENHANCED tracks would differ here."""
        return self.calendar.after(on, self.answer_days)

    def put_off(self, answer_by: date, asked_on: date, answered_on: date) -> date:
        """Put off the answer by the business days that the customer was waited for."""
        return self.calendar.after(answer_by, self.calendar.between(asked_on, answered_on))
