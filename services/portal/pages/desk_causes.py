"""Why cases come about, at the seller's desk: counted by what they have in common, and what is done so that they do not again."""

from datetime import date
from typing import Any

from fastapi.responses import Response
from receivables.disputes.v1 import causes_pb2, events_pb2

from services.kernel.refusals import Invalid
from services.portal.asks import Refused, together
from services.portal.domain.people import SELLER_ROLES, Guard
from services.portal.web import PAGE, Ask, get, post

READS = Guard(SELLER_ROLES - {"COLLECTOR"})
MOVES = Guard(READS.roles - {"AUDITOR"})
COUNTS = tuple(name for name in causes_pb2.CountBy.DESCRIPTOR.values_by_name if name != "COUNT_BY_UNSPECIFIED")
# What can be said of an action, by where it stands.
STEPS = {
    events_pb2.ACTION_STATE_OPEN: ("ACTION_STEP_START", "ACTION_STEP_FINISH"),
    events_pb2.ACTION_STATE_IN_PROGRESS: ("ACTION_STEP_FINISH",),
    events_pb2.ACTION_STATE_DONE: ("ACTION_STEP_VERIFY",),
}
_BARS = 15


@get("/desk/causes", READS)
async def causes(ask: Ask) -> Response:
    """Cases of the last 90 days by cause (?by= what they have in common), and corrective actions, the most urgent first."""
    return await _show(ask)


async def _show(ask: Ask, status: int = 200, refused: str = "") -> Response:
    by = ask.query("by") if ask.query("by") in COUNTS else COUNTS[0]
    found = await together(
        counted=ask.of("causes", "GetCauses", causes_pb2.GetCausesRequest(by=causes_pb2.CountBy.Value(by))),
        actions=ask.of(
            "causes",
            "ListActions",
            causes_pb2.ListActionsRequest(all=bool(ask.query("all")), page_size=PAGE, page_token=ask.query("after")),
        ),
    )
    today = await ask.today()
    return ask.show(
        "desk_causes.html",
        status,
        by=by,
        counts=COUNTS,
        bars=_bars(found["counted"]),
        steps=STEPS,
        is_late=lambda action: _is_late(action, today),
        may_move=ask.may("causes", "MoveAction"),
        refused=refused,
        **found,
    )


@post("/desk/causes/{action}/move", MOVES)
async def move(ask: Ask) -> Response:
    """Say how far an action is."""
    step = ask.typed("step")
    if step not in {one for steps in STEPS.values() for one in steps}:
        raise Invalid("form.no_choice", ask.words.say("That cannot be said of an action."))
    request = causes_pb2.MoveActionRequest(action_id=ask.path("action"), step=causes_pb2.ActionStep.Value(step))
    try:
        await ask.of("causes", "MoveAction", request, ask.write())
    except Refused as refused:
        return await _show(ask, 422, ask.refused(refused))
    return ask.go("/desk/causes")


def _bars(counted: Any) -> list[tuple[Any, float]]:
    """The most frequent, each with its share of the first."""
    counts = list(counted.counts[:_BARS]) if counted else []
    return [(one, one.cases / counts[0].cases) for one in counts]


def _is_late(action: Any, today: date) -> bool:
    return action.state in (events_pb2.ACTION_STATE_OPEN, events_pb2.ACTION_STATE_IN_PROGRESS) and (
        date.fromisoformat(action.due_on) < today
    )
