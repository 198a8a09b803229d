"""What it costs buyers' people to get somewhere, by process, with what it may cost."""

from typing import Any

from fastapi.responses import Response
from receivables.notifications.v1 import feedback_pb2

from services.portal import usecases
from services.portal.asks import together
from services.portal.domain import effort
from services.portal.domain.people import Guard
from services.portal.web import Ask, get

READS = Guard(frozenset("CREDIT BILLING DISPUTE_OWNER SALES SELLER_ADMIN AUDITOR".split()))


@get("/desk/effort", READS)
async def table(ask: Ask) -> Response:
    """Each process with its figures of thirty days, those of the thirty before, and its budget."""
    found = await together(threads=ask.of.feedback("GetEffort", feedback_pb2.GetEffortRequest()))
    now, before = await usecases.effort_of(ask.door, ask.host.tenant)
    if found["threads"]:
        for kept, listed in ((now, found["threads"].now), (before, found["threads"].before)):
            for one in listed:
                if one.kind in effort.BUDGETS:
                    kept[one.kind] = kept.get(one.kind, {}) | _of_threads(one, kept.get(one.kind, {}))
    processes = {
        process: (now.get(process, {}), effort.figures(process, now.get(process, {}), before.get(process, {})))
        for process in effort.BUDGETS
    }
    return ask.show("desk_effort.html", processes=processes, **found)


def _of_threads(one: Any, known: dict[str, float]) -> dict[str, float]:
    """What threads tell, on average of all cases that are known, also of those about which nobody wrote."""
    cases = max(known.get("cases", 0), one.cases, 1)
    return {
        "contacts": one.contacts / cases,
        "repeats": one.repeats / max(one.contacts, 1),
        "minutes": one.minutes_waited / max(one.contacts, 1),
    }
