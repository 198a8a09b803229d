"""Holds on accounts: no more orders of a company, or of a part of it, until somebody lifts it or its time is over."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.kernel.calendars import FIRST_YEAR, LAST_YEAR
from services.kernel.orders import Scope
from services.kernel.refusals import Conflict, Invalid

HOLDS_MAX = 1_000  # that stand on an account, since each of its orders is held against all of them


@dataclass(frozen=True, slots=True)
class AccountHold:
    """A hold on an account, as somebody placed it."""

    tenant: str
    hold_id: str
    account_id: str
    # Orders of this part of the company; empty: all of it.
    scope: Scope
    # Stable code, for people's words: "overdue", "fraud", "by_request" …
    reason_code: str
    reason: str
    # Who sees to it.
    owner: str
    # When it ends by itself; None: when somebody lifts it.
    until: datetime | None

    def check(self, at: datetime) -> "AccountHold":
        """Return the hold itself; refuse one that names nothing or is over before it begins."""
        if not self.hold_id:
            raise Invalid("hold.incomplete", "a hold needs an id")
        if self.until is not None:
            if self.until <= at:
                raise Invalid("hold.until_past", "a hold ends in the future, or when somebody lifts it")
            if not FIRST_YEAR <= self.until.year <= LAST_YEAR:
                raise Invalid("hold.until_out_of_range", f"a hold ends before the year {LAST_YEAR + 1}")
        return self

    def check_room(self, standing: int) -> None:
        """Refuse one more on an account that has as many as are read at a decision."""
        if standing >= HOLDS_MAX:
            raise Conflict("hold.too_many", f"an account has at most {HOLDS_MAX:,} holds that stand")

    def is_as_much_as_known_of(self, wanted: "AccountHold") -> bool:
        """Whether it is that hold; what somebody wrote beside it may be forgotten here meanwhile."""
        return self in (wanted, replace(wanted, reason=""), replace(wanted, reason="", owner=""))

    def stands(self, at: datetime) -> bool:
        """Whether its time is not over yet."""
        return self.until is None or self.until > at

    def covers(self, scope: Scope) -> bool:
        """Whether an order of this part of the company is stopped: each part that the hold names is the order's."""
        mine = (self.scope.site, self.scope.cost_centre, self.scope.purchase_order)
        theirs = (scope.site, scope.cost_centre, scope.purchase_order)
        return all(named in ("", part) for named, part in zip(mine, theirs, strict=True))
