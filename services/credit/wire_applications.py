"""Translates the words of applications to and from the contracts."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from receivables.common.v1 import money_pb2
from receivables.credit.v1 import applications_pb2, events_pb2

from services import contracts
from services.chassis.ids import new_id
from services.credit.domain.applications import VALID_DAYS, Application, Document
from services.credit.domain.facts import Fact
from services.credit.domain.fraud import Feature
from services.credit.domain.identity.sanctions import Match
from services.credit.domain.looks import Found, Look
from services.credit.domain.policy_texts import PolicyText
from services.credit.domain.step_ups import CallBack
from services.credit.domain.underwriting import Assessment, Mistake, Offer, Outcome, Policy, Reason, Signal, Track
from services.kernel.calendars import day
from services.kernel.money import Money
from services.kernel.refusals import Invalid, quoted

ENGINE = "engine"
_FLAGS = {True: "true", False: "false"}
# What a document of each kind begins with.
_BEGINS = {
    "application/pdf": b"%PDF-",
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/webp": b"RIFF",
}


@dataclass(frozen=True, slots=True)
class Question:
    """Something that is asked for, with what is known of it."""

    key: str
    kind: str
    required: bool
    # The older value, to be confirmed; '': none.
    known: str = ""
    # Of a conflict: what a source says, and which.
    other: str = ""
    other_source: str = ""
    choices: tuple[str, ...] = ()
    alternative: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """An application as it is shown; in a list without questions and documents, and of facts with what lists show."""

    application: Application
    decision: applications_pb2.ApplicationDecision | None
    questions: Sequence[Question] = ()
    facts: Sequence[Fact] = ()
    documents: Sequence[str] = ()
    # What has to be shown before it is decided.
    steps: Sequence[str] = ()


def application_message(view: View) -> applications_pb2.Application:
    """An application to answer with."""
    one = view.application
    message = applications_pb2.Application(
        application_id=one.application_id,
        account_id=one.account_id,
        state=applications_pb2.ApplicationState.Value(f"APPLICATION_STATE_{one.state}"),
        track=_track(one.track),
        questions=[_question(question) for question in view.questions],
        facts=[fact_message(fact) for fact in view.facts],
        documents=view.documents,
        decision=view.decision,
        owner=one.owner,
        started_at=_stamp(one.started_at),
        submitted_at=_stamp(one.submitted_at),
        currency=one.currency,
        steps=view.steps,
    )
    if one.promise is not None:
        message.usually_by.FromDatetime(one.promise.usually_by)
        message.latest_by.FromDatetime(one.promise.latest_by)
    return message


def fact_message(fact: Fact) -> applications_pb2.Fact:
    """A datum to answer with."""
    return applications_pb2.Fact(
        key=fact.key,
        value=fact.value,
        provenance=fact.provenance,
        given_by=fact.given_by,
        given_at=_stamp(fact.given_at),
        valid_until=_stamp(fact.valid_until),
        personal=fact.is_personal,
    )


def moved(one: Application) -> events_pb2.ApplicationMoved:
    """Where an application stands, to tell."""
    message = events_pb2.ApplicationMoved(
        application_id=one.application_id,
        account_id=one.account_id,
        state=applications_pb2.ApplicationState.Value(f"APPLICATION_STATE_{one.state}"),
        track=_track(one.track),
        owner=one.owner,
        country=one.country,
        currency=one.currency,
    )
    if one.promise is not None:
        message.usually_by.FromDatetime(one.promise.usually_by)
        message.latest_by.FromDatetime(one.promise.latest_by)
    return message


def decided(
    one: Application, record: applications_pb2.DecisionRecord, promised_by: datetime | None
) -> events_pb2.ApplicationDecided:
    """A decision that stands, to tell, with until when it was promised."""
    return events_pb2.ApplicationDecided(
        application_id=one.application_id,
        account_id=one.account_id,
        decision=record.told,
        policy_id=record.policy_id,
        inputs_hash=record.inputs_hash,
        result_hash=record.result_hash,
        promised_by=_stamp(promised_by),
    )


def record_of(
    assessment: Assessment,
    one: Application,
    policy: Policy,
    features: Sequence[Feature],
    *,
    at: datetime,
) -> applications_pb2.DecisionRecord:
    """What the engine decided, as it is kept, with the evidence of what is odd."""
    evidence = {feature.key: feature for feature in features}
    told = applications_pb2.ApplicationDecision(
        decision_id=new_id(),
        track=_track(assessment.track),
        outcome=_outcome(assessment.outcome),
        limit=_money(assessment.limit, one.currency),
        terms_days=assessment.terms_days,
        reasons=[reason_message(reason) for reason in assessment.reasons],
        offers=[_offer(offer, one.currency) for offer in assessment.offers],
        binding=assessment.binding,
        decided_by=ENGINE,
        track_because=assessment.track_because[:20],
        deposit=_money(assessment.deposit, one.currency),
        conditions=assessment.conditions,
        methods=assessment.methods,
    )
    if assessment.up_to is not None:
        told.up_to.CopyFrom(_money(assessment.up_to, one.currency))
    dated(told, at)
    return applications_pb2.DecisionRecord(
        told=told,
        policy_id=policy.policy_id,
        inputs_hash=assessment.inputs_hash,
        result_hash=assessment.result_hash,
        grade=assessment.grade,
        points=f"{assessment.points:f}",
        pd=f"{assessment.pd:f}",
        terms=[
            applications_pb2.LimitTerm(
                name=name,
                amount=None if amount is None else _money(amount, one.currency),
                binding=name == assessment.binding,
            )
            for name, amount in assessment.terms
        ],
        rules_fired=assessment.rules_fired[:100],
        signals=[_signal(signal, evidence.get(signal.feature), at) for signal in assessment.signals[:50]],
    )


def look_message(look: Look) -> applications_pb2.Look:
    """What an application was compared with, to be kept."""
    return applications_pb2.Look(
        features=[
            applications_pb2.Signal(
                feature=one.key,
                value=_FLAGS[one.value] if isinstance(one.value, bool) else "" if one.value is None else f"{one.value}",
                threshold=one.threshold,
                compared_with=one.compared_with[:200],
                source=one.source,
            )
            for one in look.features
        ],
        matches=[match_message(one) for one in look.matches],
    )


def look_of(message: applications_pb2.Look) -> Look:
    """The same as it was made."""
    features = tuple(
        Feature(one.feature, _feature_value(one.value), one.threshold, one.compared_with, one.source)
        for one in message.features
    )
    found = tuple(
        Found(
            one.key,
            one.name,
            Match(
                one.score,
                one.list,
                one.entry_id,
                one.listed,
                one.same_country if one.HasField("same_country") else None,
            ),
            one.cleared,
        )
        for one in message.matches
    )
    return Look(features, found)


def match_message(one: Found) -> applications_pb2.Match:
    """A name on a list, to answer with."""
    return applications_pb2.Match(
        key=one.key,
        list=one.match.source,
        entry_id=one.match.entry_id[:200],
        listed=one.match.listed[:300],
        score=one.match.score,
        same_country=one.match.same_country,
        cleared=one.cleared,
        name=one.name,
    )


def call_back_message(one: CallBack) -> applications_pb2.CallBack:
    """A call, to answer with."""
    return applications_pb2.CallBack(
        call_back_id=one.call_back_id,
        number=one.number,
        source_of_number=applications_pb2.NumberSource.Value(f"NUMBER_SOURCE_{one.number_source}"),
        spoke_with=one.spoke_with,
        outcome=applications_pb2.CallBackOutcome.Value(f"CALL_BACK_OUTCOME_{one.outcome}"),
        ship_to=one.ship_to,
        recorded_by=one.recorded_by,
        recorded_at=_stamp(one.recorded_at),
    )


def _feature_value(text: str) -> Decimal | bool | str | None:
    if text in ("true", "false"):
        return text == "true"
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        return text


def _signal(signal: Signal, feature: Feature | None, at: datetime) -> applications_pb2.Signal:
    return applications_pb2.Signal(
        rule=signal.rule,
        action=signal.action,
        feature=signal.feature,
        value=signal.value[:200],
        threshold=signal.threshold[:200],
        compared_with=feature.compared_with[:200] if feature is not None else "",
        source=feature.source if feature is not None else "",
        seen_at=_stamp(at),
    )


def no_record(one: Application) -> applications_pb2.DecisionRecord:
    """What stands in the place of a decision that was never told and is lost: the track alone."""
    return applications_pb2.DecisionRecord(
        told=applications_pb2.ApplicationDecision(track=_track(one.track or Track.STANDARD))
    )


def dated(told: applications_pb2.ApplicationDecision, at: datetime) -> None:
    """Say when it was decided, and until when it is accepted and appealed."""
    told.decided_at.FromDatetime(at)
    told.valid_until.FromDatetime(at + timedelta(days=VALID_DAYS))
    told.appeal_until.FromDatetime(at + timedelta(days=VALID_DAYS))


def by_person(
    request: applications_pb2.DecideApplicationRequest,
    earlier: applications_pb2.DecisionRecord,
    decision_id: str,
    *,
    by: str,
    at: datetime,
) -> applications_pb2.DecisionRecord:
    """What a person decided: the reasons' figures are those that the engine saw."""
    figures = {reason.code: reason for reason in earlier.told.reasons}
    told = applications_pb2.ApplicationDecision(
        decision_id=decision_id,
        track=earlier.told.track,
        outcome=request.outcome,
        limit=request.limit,
        terms_days=request.terms_days,
        reasons=[figures.get(code, applications_pb2.Reason(code=code)) for code in request.reasons],
        decided_by=by,
        track_because=earlier.told.track_because,
        deposit=request.deposit,
        conditions=["deposit"] if request.deposit.minor else [],
    )
    dated(told, at)
    return applications_pb2.DecisionRecord(told=told, policy_id=earlier.policy_id)


def outcome(said: applications_pb2.ApplicationOutcome.ValueType) -> Outcome:
    """What a person decides."""
    if said not in _OUTCOMES:
        raise Invalid("application.outcome", f"{said} is no outcome of an application")
    return _OUTCOMES[said]


def track(said: applications_pb2.Track.ValueType) -> Track:
    """A track as it was told."""
    return Track(applications_pb2.Track.Name(said).removeprefix("TRACK_"))


def most(record: applications_pb2.DecisionRecord) -> Money | None:
    """The smallest term of a limit, as the engine saw them; None: none was known."""
    return next((contracts.money(term.amount) for term in record.terms if term.binding), None)


def word_of(enum: Any, value: int) -> str:
    """A value of an enum as it is kept: without the enum's name before it."""
    names = enum.DESCRIPTOR.values_by_number
    if value not in names or not value:
        raise Invalid("application.call_incomplete", f"{value} is nothing that a call has")
    words = str(names[value].name)
    return words.removeprefix(f"{_screaming(enum.DESCRIPTOR.name)}_")


def _screaming(name: str) -> str:
    return "".join(f"_{letter}" if at and letter.isupper() else letter for at, letter in enumerate(name)).upper()


def document(said: applications_pb2.AddApplicationDocumentRequest) -> Document:
    """What somebody adds, checked: a file of its own, which begins as its kind does."""
    name = said.name
    if not said.document_id:
        raise Invalid("application.document_incomplete", "a document needs an id")
    if not name.strip() or name in (".", "..") or "/" in name or "\\" in name:
        raise Invalid("application.document_name", "a document has a name of its own, without folders")
    begins = _BEGINS.get(said.media_type)
    if begins is None or not said.content.startswith(begins):
        raise Invalid(
            "application.document_type", f"a document is one of {', '.join(_BEGINS)}, and begins as such a one does"
        )
    size, digest = len(said.content), hashlib.sha256(said.content).hexdigest()
    return Document(
        said.document_id,
        said.key,
        name,
        said.media_type,
        size,
        digest,
        said.file_written_at.ToDatetime(UTC) if said.HasField("file_written_at") else None,
        said.file_changed_at.ToDatetime(UTC) if said.HasField("file_changed_at") else None,
        day(said.issued_on, what="issued_on") if said.issued_on else None,
    )


def policy_message(one: PolicyText, *, with_text: bool) -> applications_pb2.PolicyText:
    """A policy to answer with."""
    return applications_pb2.PolicyText(
        policy_id=one.policy_id,
        text=one.text if with_text else "",
        proposed_by=one.proposed_by,
        proposed_at=_stamp(one.proposed_at),
        activated_by=one.activated_by,
        activated_at=_stamp(one.activated_at),
        active=one.active,
    )


def mistakes(found: Iterable[Mistake]) -> list[applications_pb2.PolicyMistake]:
    """What is wrong with a policy's text."""
    return [applications_pb2.PolicyMistake(line=one.line, code=one.code, message=one.message) for one in found]


def money_of(message: money_pb2.Money, currency: str) -> Money:
    """An amount of a request; one that is not there is none."""
    return contracts.money(message) if message.currency else Money(message.minor, currency).checked()


def check_key(key: str) -> None:
    """Refuse a fact without a key."""
    if not key:
        raise Invalid("fact.unknown", f"{quoted(key)} is nothing that is asked here")


_OUTCOMES = {applications_pb2.ApplicationOutcome.Value(f"APPLICATION_OUTCOME_{one}"): one for one in Outcome}


def _question(one: Question) -> applications_pb2.Question:
    return applications_pb2.Question(
        key=one.key,
        kind=one.kind,
        required=one.required,
        known=one.known,
        other=one.other,
        other_source=one.other_source,
        choices=one.choices,
        alternative=one.alternative,
    )


def reason_message(reason: Reason) -> applications_pb2.Reason:
    """A reason to tell."""
    figures = [applications_pb2.Figure(name=name, value=value[:200]) for name, value in reason.figures[:20]]
    return applications_pb2.Reason(code=reason.code, figures=figures)


def _offer(offer: Offer, currency: str) -> applications_pb2.Offer:
    return applications_pb2.Offer(
        offer_id=offer.offer_id,
        levers=offer.levers,
        limit=_money(offer.limit, currency),
        terms_days=offer.terms_days,
        deposit=_money(offer.deposit, currency),
        track=_track(offer.track),
        outcome=_outcome(offer.outcome),
    )


def _money(amount: Decimal, currency: str) -> money_pb2.Money:
    return contracts.money_message(Money.of(amount, currency))


def _track(one: Track | None) -> applications_pb2.Track.ValueType:
    return applications_pb2.Track.Value(f"TRACK_{one}") if one is not None else applications_pb2.TRACK_UNSPECIFIED


def _outcome(one: Outcome) -> applications_pb2.ApplicationOutcome.ValueType:
    return applications_pb2.ApplicationOutcome.Value(f"APPLICATION_OUTCOME_{one}")


def _stamp(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
