"""Translates causes of cases, and what is done about them, to and from the contracts."""

from datetime import datetime

from receivables.disputes.v1 import causes_pb2, events_pb2

from services.chassis.envelope import Event
from services.disputes.domain.causes import Action, By, Kind, State, Step, Watched
from services.disputes.store_causes import Count, Shown
from services.kernel.calendars import day
from services.kernel.refusals import Invalid

_BY = {causes_pb2.CountBy.Value(f"COUNT_BY_{by}"): by for by in By} | {causes_pb2.COUNT_BY_UNSPECIFIED: By.CAUSE}
_STEPS = {causes_pb2.ActionStep.Value(f"ACTION_STEP_{step}"): step for step in (Step.START, Step.FINISH, Step.VERIFY)}


def by(said: causes_pb2.CountBy.ValueType) -> By:
    """What cases are to be counted by."""
    if said not in _BY:
        raise Invalid("action.unknown_count", f"{said} is nothing that cases are counted by")
    return _BY[said]


def step(said: causes_pb2.ActionStep.ValueType) -> Step:
    """How far an action is said to be."""
    if said not in _STEPS:
        raise Invalid("action.unknown_step", f"{said} is no step of an action")
    return _STEPS[said]


def opened(action: Action) -> events_pb2.ActionOpened:
    """An action to tell."""
    return events_pb2.ActionOpened(
        action_id=action.action_id,
        cause=action.key.cause,
        kind=_kind(action.key.kind),
        about=action.key.about,
        owner=action.owner,
        due_on=action.due_on.isoformat(),
        cases=action.cases,
    )


def moved(before: Action, after: Action) -> events_pb2.ActionMoved:
    """A step of an action to tell."""
    return events_pb2.ActionMoved(
        action_id=after.action_id,
        from_state=_state(before.state),
        to_state=_state(after.state),
        nth=after.moves,
        cause=after.key.cause,
        kind=_kind(after.key.kind),
        about=after.key.about,
        owner=after.owner,
    )


def action(event: Event[events_pb2.ActionOpened], at: datetime) -> Action:
    """An action as it was told."""
    body = event.body
    kind = Kind(events_pb2.CauseKind.Name(body.kind).removeprefix("CAUSE_KIND_"))
    return Action(
        action_id=body.action_id,
        key=Watched(body.cause, kind, body.about),
        owner=body.owner,
        state=State.OPEN,
        opened_at=at,
        due_on=day(body.due_on, what="due_on"),
        cases=body.cases,
    )


def state(said: events_pb2.ActionState.ValueType) -> State:
    """Where an action stands, as it was told."""
    return State(events_pb2.ActionState.Name(said).removeprefix("ACTION_STATE_"))


def count_message(count: Count) -> causes_pb2.CauseCount:
    """A count to answer with."""
    return causes_pb2.CauseCount(cause=count.cause, about=count.about, cases=count.cases, named=count.named)


def action_message(shown: Shown) -> causes_pb2.CorrectiveAction:
    """An action to answer with."""
    action = shown.action
    message = causes_pb2.CorrectiveAction(
        action_id=action.action_id,
        cause=action.key.cause,
        kind=_kind(action.key.kind),
        about=action.key.about,
        owner=action.owner,
        state=_state(action.state),
        due_on=action.due_on.isoformat(),
        cases=action.cases,
        recurrences=shown.recurrences,
    )
    message.opened_at.FromDatetime(action.opened_at)
    if action.done_at is not None:
        message.done_at.FromDatetime(action.done_at)
    return message


def _kind(kind: Kind) -> events_pb2.CauseKind.ValueType:
    return events_pb2.CauseKind.Value(f"CAUSE_KIND_{kind}")


def _state(state: State) -> events_pb2.ActionState.ValueType:
    return events_pb2.ActionState.Value(f"ACTION_STATE_{state}")
