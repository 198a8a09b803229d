"""The reservation of an order: how it moves, what an invoice takes of it, when it lapses."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from services.kernel.money import Money
from services.kernel.orders import Scope
from services.kernel.refusals import Conflict


class State(StrEnum):
    """Where the reservation of one version of an order stands."""

    REFERRED = "REFERRED"
    HELD = "HELD"
    PARTIALLY_CAPTURED = "PARTIALLY_CAPTURED"
    CAPTURED = "CAPTURED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"
    REFUSED = "REFUSED"


class Action(StrEnum):
    """What moves a reservation."""

    APPROVE = "APPROVE"
    DECLINE = "DECLINE"
    CAPTURE = "CAPTURE"
    CAPTURE_ALL = "CAPTURE_ALL"
    RELEASE = "RELEASE"
    EXPIRE = "EXPIRE"


# Every legal move. A pair that is missing here is illegal.
MOVES = {
    (State.REFERRED, Action.APPROVE): State.HELD,
    (State.REFERRED, Action.DECLINE): State.REFUSED,
    (State.REFERRED, Action.RELEASE): State.RELEASED,
    (State.REFERRED, Action.EXPIRE): State.EXPIRED,
    (State.HELD, Action.CAPTURE): State.PARTIALLY_CAPTURED,
    (State.HELD, Action.CAPTURE_ALL): State.CAPTURED,
    (State.HELD, Action.RELEASE): State.RELEASED,
    (State.HELD, Action.EXPIRE): State.EXPIRED,
    (State.PARTIALLY_CAPTURED, Action.CAPTURE): State.PARTIALLY_CAPTURED,
    (State.PARTIALLY_CAPTURED, Action.CAPTURE_ALL): State.CAPTURED,
    (State.PARTIALLY_CAPTURED, Action.RELEASE): State.RELEASED,
    (State.PARTIALLY_CAPTURED, Action.EXPIRE): State.EXPIRED,
}

OPEN = frozenset({State.REFERRED, State.HELD, State.PARTIALLY_CAPTURED})


@dataclass(frozen=True, slots=True)
class Hold:
    """The reservation of one version of an order; `held` is what is reserved now."""

    tenant: str
    order_id: str
    version: int
    account_id: str
    state: State
    amount: Money
    held: Money
    captured: Money
    # None: it never lapses, for something of it has shipped.
    expires_at: datetime | None
    scope: Scope
    # The legal entity that sells; "": the tenant's first.
    seller_id: str = ""
    # How many invoices of it the ledger told.
    invoiced: int = 0
    # What is left is given back when all that shipped is invoiced.
    cancelled: bool = False
    # Who placed this version, "" where that was not kept; and the contact for whom, "" where none was named.
    placed_by: str = ""
    requested_by: str = ""
    # What it took of the account, where that is kept in another currency; None: its amount, or nothing yet.
    taken: Money | None = None

    @property
    def reserves(self) -> int:
        """What of the account is reserved now, in the account's minor units."""
        return self.part(self.held)

    def part(self, amount: Money) -> int:
        """What was reserved of the account for a part of the amount, rounded up: all that was taken for all of it."""
        if self.taken is None:
            return amount.minor
        return -(-self.taken.minor * amount.minor // self.amount.minor)

    def is_over(self, at: datetime) -> bool:
        """Whether it still reserves, or waits, beyond its time."""
        return self.state in OPEN and self.expires_at is not None and self.expires_at <= at

    def move(self, action: Action, *, held: Money, captured: Money | None = None) -> "Hold":
        """Apply one action; an illegal one is refused."""
        if (state := MOVES.get((self.state, action))) is None:
            raise Conflict("hold.illegal_move", f"a hold that is {self.state} cannot be moved by {action}")
        return replace(self, state=state, held=held, captured=captured or self.captured)


def expiry(promised_ship_on: date, days: int, zone: tzinfo) -> datetime:
    """When a hold lapses: at the end of the day that comes so many days after the promised one, where the seller is."""
    return datetime.combine(promised_ship_on + timedelta(days=days + 1), time(0), zone).astimezone(UTC)
