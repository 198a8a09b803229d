"""Translates questions, answers, what they ask of the seller, and how well an account is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from receivables.notifications.v1 import events_pb2, feedback_pb2

from services.notifications.domain.contacts import Contact
from services.notifications.domain.effort import Effort
from services.notifications.domain.feedback import Action, Question, RoleHealth, State, Topic, choices
from services.notifications.domain.roles import Role


@dataclass(frozen=True, slots=True)
class Shown:
    """A question as whoever has its link sees it."""

    question: Question
    reader: Contact
    words: str
    # Nobody asked them yet what they expect.
    asks_expectation: bool


@dataclass(frozen=True, slots=True)
class Account:
    """How well an account is; None: nothing is known."""

    score: int | None
    roles: Sequence[RoleHealth]
    # Rows of questions that were answered, the newest first, and of what people expect.
    answers: Sequence[Any]
    expectations: Sequence[Any]


def answered(question: Question) -> events_pb2.FeedbackAnswered:
    """An answer, to tell; nothing of what was written."""
    assert question.value is not None, "what is told was answered"
    return events_pb2.FeedbackAnswered(
        question_id=question.question_id,
        account_id=question.account_id,
        contact_id=question.contact_id,
        role=question.role,
        topic=question.topic,
        about=question.about,
        value=question.value,
    )


def moved(action: Action) -> events_pb2.FeedbackActionMoved:
    """An action as it is now, to tell."""
    told = events_pb2.FeedbackActionMoved(
        question_id=action.question_id,
        account_id=action.account_id,
        contact_id=action.contact_id,
        role=action.role,
        topic=action.topic,
        about=action.about,
        value=action.value,
        state=action.state,
        owner=action.owner,
        due=action.due.isoformat(),
        cause=action.cause,
    )
    told.opened_at.FromDatetime(action.opened_at)
    return told


def told_action(tenant: str, body: events_pb2.FeedbackActionMoved) -> Action:
    """An action as it was told."""
    return Action(
        tenant=tenant,
        question_id=body.question_id,
        account_id=body.account_id,
        contact_id=body.contact_id,
        role=Role(body.role),
        topic=Topic(body.topic),
        about=body.about,
        value=body.value,
        state=State(body.state),
        owner=Role(body.owner),
        due=date.fromisoformat(body.due),
        opened_at=body.opened_at.ToDatetime(UTC),
        cause=body.cause,
    )


def question(shown: Shown, at: datetime) -> feedback_pb2.Question:
    """A question as whoever has its link sees it, at an instant."""
    asked = shown.question
    found = feedback_pb2.Question(
        topic=asked.topic,
        about=asked.about,
        language=shown.reader.language,
        choices=choices(asked.topic),
        answered=asked.value is not None,
        value=asked.value or 0,
        open=asked.is_open(at),
        words=shown.words,
        asks_expectation=shown.asks_expectation,
    )
    found.asked_at.FromDatetime(asked.asked_at)
    return found


def action(row: Any) -> feedback_pb2.Action:
    """What an answer asks, of its row with the question's words."""
    found = feedback_pb2.Action(
        question_id=row.question_id,
        account_id=row.account_id,
        contact_id=row.contact_id,
        role=row.role,
        topic=row.topic,
        about=row.about,
        value=row.value,
        words=row.words or "",
        state=row.state,
        owner=row.owner,
        due=row.due.isoformat(),
        cause=row.cause,
        said=row.said,
    )
    found.opened_at.FromDatetime(row.opened_at)
    return found


def health(account: Account) -> feedback_pb2.GetHealthResponse:
    """How well an account is, to show."""
    return feedback_pb2.GetHealthResponse(
        known=account.score is not None,
        score=account.score or 0,
        roles=map(_role, account.roles),
        answers=map(_answer, account.answers),
        expectations=map(_expectation, account.expectations),
    )


def efforts(found: Mapping[str, Effort]) -> list[feedback_pb2.Effort]:
    """Effort by kind of thing, to show."""
    return [
        feedback_pb2.Effort(
            kind=kind,
            cases=one.cases,
            contacts=one.contacts,
            repeats=one.repeats,
            minutes_waited=one.minutes_waited,
        )
        for kind, one in sorted(found.items())
    ]


def exported(answers: Sequence[Any], expectations: Sequence[Any]) -> dict[str, Any]:
    """What a person said when they were asked, for who wants to know all that is known of them."""
    return {"answers": _as_json(map(_answer, answers)), "expectations": _as_json(map(_expectation, expectations))}


def _as_json(found: Iterable[Message]) -> list[dict[str, Any]]:
    return [json_format.MessageToDict(one, preserving_proto_field_name=True) for one in found]


def _role(found: RoleHealth) -> feedback_pb2.RoleHealth:
    return feedback_pb2.RoleHealth(
        role=found.role,
        score=found.score,
        terms=[feedback_pb2.Term(name=term.name, share=round(100 * term.share), of=term.of) for term in found.terms],
        sourness=found.sourness,
        alarms=found.alarms,
    )


def _answer(row: Any) -> feedback_pb2.Answer:
    found = feedback_pb2.Answer(
        question_id=row.question_id,
        contact_id=row.contact_id,
        role=row.role,
        topic=row.topic,
        about=row.about,
        value=row.value,
        words=row.words,
    )
    found.at.FromDatetime(row.answered_at)
    return found


def _expectation(row: Any) -> feedback_pb2.Expectation:
    found = feedback_pb2.Expectation(contact_id=row.contact_id, expects=row.expects)
    found.at.FromDatetime(row.given_at)
    return found
