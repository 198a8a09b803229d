"""When and how somebody hears of what asks nothing of them: their clock, their quiet hours, each class of news (RULES: preferences)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import available_timezones

from services.kernel.refusals import Invalid, quoted
from services.notifications.domain.stories import Moment

_ZONES = available_timezones()


class Topic(StrEnum):
    """A class of news."""

    ORDERS = "ORDERS"
    INVOICES = "INVOICES"
    PAYMENTS = "PAYMENTS"
    DISPUTES = "DISPUTES"
    CREDIT = "CREDIT"


class Pace(StrEnum):
    """How news of a class comes that asks for nothing."""

    AT_ONCE = "AT_ONCE"
    DIGEST = "DIGEST"
    NOTHING = "NOTHING"


# By what a fact is about ("order/…"); what is about anything else comes with the digest.
_TOPICS: Mapping[str, Topic] = {
    "order": Topic.ORDERS,
    "invoice": Topic.INVOICES,
    "draft": Topic.INVOICES,
    "payment": Topic.PAYMENTS,
    "announcement": Topic.PAYMENTS,
    "dispute": Topic.DISPUTES,
    "application": Topic.CREDIT,
    "review": Topic.CREDIT,
    "hold": Topic.CREDIT,
    "buyer": Topic.CREDIT,
}


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours in which nothing comes that can wait, by the reader's clock; they may go over midnight."""

    begins: time
    ends: time

    def __post_init__(self) -> None:
        if self.begins == self.ends:
            raise Invalid("contact.quiet_hours", "quiet hours end at another time than they begin")


@dataclass(frozen=True, slots=True)
class Preferences:
    """What somebody chose; nothing of it lowers what is asked of them, nor what carries a document."""

    # IANA; "": the seller's.
    time_zone: str = ""
    quiet: Quiet | None = None
    # What is not there comes with the digest.
    paces: Mapping[Topic, Pace] = field(default_factory=dict)

    def pace(self, about: str) -> Pace:
        """How news about something ("order/o1") comes."""
        topic = _TOPICS.get(about.partition("/")[0])
        return self.paces.get(topic, Pace.DIGEST) if topic else Pace.DIGEST

    def digest_at(self, now: Moment) -> datetime:
        """When the next digest of somebody goes: at the policy's hour by their own clock, on the seller's business days.

        One that would come in their quiet hours comes when those are over.
        """
        return self.when_not_quiet(self._here(now).digest_at(), now)

    def when_not_quiet(self, at: datetime, now: Moment) -> datetime:
        """That instant, or the end of the quiet hours in which it is."""
        if self.quiet is None:
            return at
        calendar = self._here(now).calendar
        today = calendar.day(at)
        for day in (today - timedelta(days=1), today):
            begins = calendar.instant(day, self.quiet.begins)
            over_midnight = self.quiet.ends < self.quiet.begins
            ends = calendar.instant(day + timedelta(days=over_midnight), self.quiet.ends)
            if begins <= at < ends:
                return ends
        return at

    def _here(self, now: Moment) -> Moment:
        if not self.time_zone:
            return now
        return replace(now, calendar=replace(now.calendar, time_zone=self.time_zone))


USUAL = Preferences()


def preferences(time_zone: str, quiet: Quiet | None, paces: Mapping[str, str]) -> Preferences:
    """What somebody chose, checked."""
    if time_zone and time_zone not in _ZONES:
        raise Invalid("contact.time_zone_unknown", f"no time zone is called {quoted(time_zone)}")
    try:
        chosen = {Topic(topic): Pace(pace) for topic, pace in paces.items()}
    except ValueError:
        raise Invalid("contact.pace_unknown", f"news of {', '.join(Topic)} comes {', '.join(Pace)}") from None
    return Preferences(time_zone, quiet, {topic: pace for topic, pace in chosen.items() if pace is not Pace.DIGEST})
