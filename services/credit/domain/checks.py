"""A person's check of an order that looked wrong: who sees to it, what shows that all is well, by when (RULES: orders that look wrong)."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.credit.domain.promises import Promise
from services.kernel.money import Money
from services.kernel.refusals import Conflict


class Overdue(StrEnum):
    """Which of a check's times was told to be over."""

    NOTHING = ""
    AT_RISK = "AT_RISK"
    LATE = "LATE"


@dataclass(frozen=True, slots=True)
class Check:
    """A check of one version of an order."""

    tenant: str
    order_id: str
    version: int
    account_id: str
    amount: Money
    reason_code: str
    # The rules that stopped it.
    rules: tuple[str, ...]
    # What shows that all is well; "": a person decides.
    clears: str
    placed_at: datetime
    promise: Promise
    # Who sees to it; "": nobody yet.
    owner: str = ""
    told: Overdue = Overdue.NOTHING
    # Who recorded what came of it; "": nobody did.
    answered_by: str = ""
    is_clear: bool = False
    is_closed: bool = False

    def _open(self) -> "Check":
        if self.is_closed:
            raise Conflict("order_check.closed", "the order does not wait for a check any more")
        return self

    def taken(self, person: str) -> "Check":
        """The same, which a person sees to from now on, whoever did before."""
        return replace(self._open(), owner=person)

    def answered(self, person: str, *, is_clear: bool) -> "Check":
        """The same, with what came of it."""
        if not self._open().clears:
            raise Conflict(
                "order_check.by_person", "nothing shows that all is well: a person approves it or declines it"
            )
        return replace(self, answered_by=person, is_clear=is_clear, is_closed=is_clear)

    def overdue(self, at: datetime) -> Overdue:
        """Which of its times is over."""
        if self.promise.latest_by <= at:
            return Overdue.LATE
        return Overdue.AT_RISK if self.promise.usually_by <= at else Overdue.NOTHING
