"""When the reader hears of what asks nothing of them: their clock, their quiet hours, each class of news."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location
from fastapi.responses import Response
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from services.kernel.refusals import Refusal
from services.portal.asks import Refused
from services.portal.domain.people import ANYBODY
from services.portal.domain.zones import HOURS, PACES, TOPICS, ZONES
from services.portal.web import Ask, get, post


@get("/profile/news", ANYBODY)
async def news(ask: Ask) -> Response:
    """What is chosen."""
    return await _page(ask)


@post("/profile/news", ANYBODY)
async def choose(ask: Ask) -> Response:
    """Another choice."""
    known = (await ask.of.notifications("GetContact", _oneself(ask))).contact
    chosen = notifications_pb2.Preferences(
        time_zone=ask.typed("zone"),
        quiet_from=ask.typed("quiet_from"),
        quiet_to=ask.typed("quiet_to"),
        news=[notifications_pb2.NewsPreference(topic=topic, pace=ask.typed(f"news-{topic}")) for topic in TOPICS],
    )
    request = notifications_pb2.ChangeContactRequest(
        contact_id=ask.at.contact_id,
        language=known.language,
        wants_document=known.wants_document,
        preferences=chosen,
    )
    try:
        await ask.of.notifications("ChangeContact", request, ask.write())
    except (Refused, Refusal) as refused:
        return await _page(ask, ask.refused(refused), chosen)
    return ask.go("/profile/news", saved="1")


async def _page(ask: Ask, wrong: str = "", chosen: Any = None) -> Response:
    found = chosen or (await ask.of.notifications("GetContact", _oneself(ask))).contact.preferences
    now = await ask.now()
    zones = [(zone, _called(ask, zone, now)) for zone in dict.fromkeys((*filter(None, [found.time_zone]), *ZONES))]
    label = ask.words.label
    return ask.show(
        "preferences.html",
        422 if wrong else 200,
        chosen=found,
        paces={one.topic: one.pace for one in found.news},
        zones=[("", ask.words.say("as %(seller)s", seller=ask.host.name)), *sorted(zones, key=lambda zone: zone[1])],
        hours=[("", ask.words.say("none")), *((hour, hour) for hour in _hours(found))],
        topics=[(topic, label(f"news {topic}")) for topic in TOPICS],
        choices=[(pace, label(f"pace {pace}")) for pace in PACES],
        wrong=wrong,
    )


def _oneself(ask: Ask) -> notifications_pb2.GetContactRequest:
    return notifications_pb2.GetContactRequest(contact_id=ask.at.contact_id)


def _hours(chosen: Any) -> list[str]:
    return sorted({*HOURS, *filter(None, (chosen.quiet_from, chosen.quiet_to))})


def _called(ask: Ask, zone: str, now: datetime) -> str:
    """A time zone by its city, and how far its clock is from UTC just now."""
    try:
        offset = f"{now.astimezone(ZoneInfo(zone)):%z}"
    except (ValueError, KeyError):
        return zone  # what somebody typed, and is refused
    city = get_timezone_location(zone, locale=ask.words.locale, return_city=True)
    return f"{city} (UTC{offset[:3]}:{offset[3:5]})"
