"""Public holidays by name, as a seller says where it keeps them: what several services count their days by."""

from collections.abc import Container
from datetime import date, time
from functools import lru_cache
from zoneinfo import available_timezones

import holidays

from services.chassis.logs import log
from services.kernel.calendars import CLOSES, OPENS, Calendar


@lru_cache(1024)
def days_off(name: str) -> Container[date]:
    """The public holidays of a country or a part of it: "DE", "DE-BE", "US-CA"; none where it is empty.

    Raises NotImplementedError for a name that the library does not have. Years are worked out when somebody asks.
    """
    if not name:
        return frozenset()
    country, _, part = name.partition("-")
    return holidays.country_holidays(country, subdiv=part or None)


@lru_cache(1024)
def calendar(time_zone: str, holiday_name: str, opens_at: str = "", closes_at: str = "") -> Calendar:
    """A seller's calendar as it was told; what is no zone, no hour and what has no holidays here counts as not told.

    Whoever registers a seller refuses those. Who follows does not: each has its own tables of zones and holidays.
    """
    zone = time_zone if time_zone in _ZONES else Calendar().time_zone
    if time_zone and zone != time_zone:
        log.warning("time zone unknown", time_zone=time_zone)
    opens, closes = _hour(opens_at, OPENS), _hour(closes_at, CLOSES)
    if opens >= closes:
        opens, closes = OPENS, CLOSES
    try:
        return Calendar(zone, days_off(holiday_name), opens, closes)
    except NotImplementedError:
        log.warning("holidays unknown", holidays=holiday_name)
        return Calendar(zone, opens=opens, closes=closes)


def _hour(told: str, otherwise: time) -> time:
    """An hour of the day as it was told (HH:MM)."""
    try:
        return time.fromisoformat(told).replace(tzinfo=None) if told else otherwise
    except ValueError:
        return otherwise


_ZONES = available_timezones()
