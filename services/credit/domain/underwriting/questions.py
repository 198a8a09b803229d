"""What an applicant is asked: what their country and track need, in the policy's order, and nothing that is known."""

from collections.abc import Iterator, Mapping
from typing import Any

from services.credit.domain.underwriting.policy import Policy, Question
from services.credit.domain.underwriting.results import Asked, Track
from services.credit.domain.underwriting.values import Kind

_UP_TO = {
    Track.FAST: frozenset({Track.FAST}),
    Track.STANDARD: frozenset({Track.FAST, Track.STANDARD}),
    Track.ENHANCED: frozenset(Track),
}


def missing_of(policy: Policy, situation: Mapping[str, Any], track: Track) -> list[str]:
    """Facts that have to be given on a track, and are not."""
    return [
        question.key
        for question in _asked(policy, situation, track)
        if question.required and situation[question.key] is None
    ]


def asked_of(policy: Policy, situation: Mapping[str, Any], track: Track) -> tuple[Asked, ...]:
    """What is asked on a track: of alternatives all, until one of them is answered."""
    questions = list(_asked(policy, situation, track))
    open_groups: set[str] = {one.alternative for one in questions if situation[one.key] is None}
    answered = any(one.alternative and one.alternative not in open_groups for one in questions)
    asked = {
        one.key: Asked(one.key, one.required, one.alternative)
        for one in questions
        if situation[one.key] is None and not (one.alternative and answered)
    }
    return tuple(asked.values())


def documents_of(policy: Policy, situation: Mapping[str, Any], track: Track) -> tuple[str, ...]:
    """The documents among what a track asks for."""
    keys = [one.key for one in _asked(policy, situation, track) if policy.facts[one.key].kind is Kind.DOCUMENT]
    return tuple(dict.fromkeys(keys))


def _asked(policy: Policy, situation: Mapping[str, Any], track: Track) -> Iterator[Question]:
    for question in policy.asked:
        if question.track in _UP_TO[track] and question.when.run(situation) is True:
            yield question
