"""Who speaks: the tenant's legal entities, their clocks and languages, and when the tenant's people are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time

from services.kernel.calendars import Calendar
from services.kernel.opening_hours import CLOSES_AT, OPENS_AT
from services.kernel.refusals import Invalid, quoted
from services.notifications.domain.contacts import LANGUAGES
from services.notifications.domain.stories import Moment


@dataclass(frozen=True, slots=True)
class Policy:
    """When people are told, as the tenant set it."""

    # 0: nothing was set.
    version: int
    # When the digest of a business day goes out, where the seller is.
    digest_at: time


@dataclass(frozen=True, slots=True)
class LegalEntity:
    """What a legal entity told of itself, word for word; '' where it said nothing."""

    tenant: str
    seller_id: str
    # Of SellerChanged; 0: only that it was registered is known.
    version: int
    name: str
    time_zone: str = ""
    holidays: str = ""
    opens_at: str = ""
    closes_at: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Seller:
    """A legal entity as far as people notice it. Who said nothing: UTC, five o'clock, English."""

    name: str = ""
    calendar: Calendar = field(default_factory=Calendar)
    closes_at: time = CLOSES_AT
    language: str = LANGUAGES[0]
    opens_at: time = OPENS_AT

    @classmethod
    def of(cls, told: LegalEntity, calendar: Calendar) -> "Seller":
        """As it told; what makes no sense to us counts as not told."""
        opens_at, closes_at = _told_time(told.opens_at, OPENS_AT), _told_time(told.closes_at, CLOSES_AT)
        if opens_at >= closes_at:
            opens_at, closes_at = OPENS_AT, CLOSES_AT
        language = told.language if told.language in LANGUAGES else LANGUAGES[0]
        return cls(told.name, calendar, closes_at, language, opens_at)


@dataclass(frozen=True, slots=True)
class Firm:
    """A tenant: its legal entities by id, and its policy."""

    sellers: Mapping[str, Seller] = field(default_factory=dict)
    # None: nothing was set.
    set_policy: Policy | None = None

    def seller(self, seller_id: str = "") -> Seller:
        """The legal entity that a fact names; else the first."""
        first = min(self.sellers, default="")
        return self.sellers.get(seller_id) or self.sellers.get(first) or Seller()

    @property
    def policy(self) -> Policy:
        """When its people are told: if nothing was set, when the first legal entity closes."""
        return self.set_policy or Policy(0, self.seller().closes_at)

    def moment(self, at: datetime, seller_id: str = "") -> Moment:
        """An instant where the legal entity is that a fact names."""
        seller = self.seller(seller_id)
        return Moment(at, seller.calendar, self.policy.digest_at, seller.opens_at, seller.closes_at)


def _told_time(text: str, otherwise: time) -> time:
    try:
        return clock_time(text, what="a time")
    except Invalid:
        return otherwise


def clock_time(text: str, *, what: str) -> time:
    """Read a time of day, "17:00"; refuse what is none."""
    try:
        value = time.fromisoformat(text) if len(text) == len("17:00") else None
    except ValueError:
        value = None
    if value is None or value.tzinfo is not None or text != f"{value:%H:%M}":
        raise Invalid("policy.time_malformed", f"{what} is no time of day (HH:MM): {quoted(text)}")
    return value
