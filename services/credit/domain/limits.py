"""What may be owed, and when: what was granted, and more for a while (RULES: one instant)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.kernel.money import Money
from services.kernel.refusals import Conflict, Invalid

UPLIFTS_MAX = 100  # of an account that have not ended
GRANTS_MAX = 100  # of an account that count now or later


@dataclass(frozen=True, slots=True)
class Grant:
    """What may be owed from a time on, in minor units, until another counts."""

    amount_minor: int
    valid_from: datetime
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Uplift:
    """More credit for a while, as somebody asked for it."""

    tenant: str
    uplift_id: str
    account_id: str
    amount: Money
    # None: from its approval on.
    valid_from: datetime | None
    valid_until: datetime
    # Stable code, for people's words: "season", "project" …
    reason_code: str
    asked_by: str
    # None: it waits for approval.
    approved_by: str | None = None

    def check(self, at: datetime) -> "Uplift":
        """Return the uplift itself; refuse one that adds nothing or is over before it begins."""
        if not self.uplift_id:
            raise Invalid("uplift.incomplete", "an uplift needs an id")
        if self.amount.minor <= 0:
            raise Invalid("uplift.amount_not_positive", "an uplift is above zero")
        if self.valid_until <= max(at, self.valid_from or at):
            raise Invalid("uplift.until_past", "an uplift ends in the future, and after it began")
        return self

    def is_what_was_asked(self, wanted: "Uplift") -> bool:
        """Whether it is that uplift; one that was approved counts from then on."""
        valid_from = wanted.valid_from if self.approved_by else self.valid_from
        return replace(self, approved_by=None, valid_from=valid_from) == wanted

    def counts(self, at: datetime) -> bool:
        """Whether it is approved, and this is its time."""
        return self.approved_by is not None and self._began(at) and at < self.valid_until

    def turns(self) -> list[datetime]:
        """When it begins and ends to count."""
        if self.approved_by is None or self.valid_from is None:
            return []
        return [self.valid_from, self.valid_until]

    def _began(self, at: datetime) -> bool:
        return self.valid_from is not None and self.valid_from <= at


@dataclass(frozen=True, slots=True)
class Limits:
    """All that is known of what an account may owe now and later, in its currency."""

    grants: Sequence[Grant] = ()
    # Those that have not ended.
    uplifts: Sequence[Uplift] = ()

    def granted(self, at: datetime) -> int:
        """What is granted at that instant without uplifts: the first grant counts by any clock."""
        counting = [grant for grant in self.grants if grant.valid_from <= at]
        if counting:
            return max(counting, key=lambda grant: grant.valid_from).amount_minor
        return min(self.grants, key=lambda grant: grant.valid_from).amount_minor if self.grants else 0

    def effective(self, at: datetime) -> int:
        """What may be owed at that instant, in minor units."""
        return self.granted(at) + sum(uplift.amount.minor for uplift in self.uplifts if uplift.counts(at))

    def until(self, at: datetime) -> datetime | None:
        """When that may be another by itself; None: never."""
        turns = [grant.valid_from for grant in self.grants]
        turns += [turn for uplift in self.uplifts for turn in uplift.turns()]
        return min((turn for turn in turns if turn > at), default=None)

    def turns(self, at: datetime) -> bool:
        """Whether another limit is granted for later."""
        return any(grant.valid_from > at for grant in self.grants)

    def over(self, at: datetime) -> list[Uplift]:
        """The uplifts whose time is over."""
        return [uplift for uplift in self.uplifts if uplift.valid_until <= at]

    def check_room_for_grant(self) -> None:
        """Refuse one more grant where there are as many as are read at a decision."""
        if len(self.grants) >= GRANTS_MAX:
            raise Conflict("limit.too_many", f"an account has at most {GRANTS_MAX} limits that count now or later")

    def check_room_for_uplift(self) -> None:
        """Refuse one more uplift where there are as many as are read at a decision."""
        if len(self.uplifts) >= UPLIFTS_MAX:
            raise Conflict("uplift.too_many", f"an account has at most {UPLIFTS_MAX} uplifts that have not ended")
