"""Applies a policy to facts: track, outcome, limit, reasons, offers. The same facts come out the same for ever."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal, localcontext

from services.credit.domain.underwriting.decide import BY_PERSON, Decided, Known, causes_of, decide, situation_of
from services.credit.domain.underwriting.exact import EXACT, LARGEST
from services.credit.domain.underwriting.expressions import Expression
from services.credit.domain.underwriting.offers import offers
from services.credit.domain.underwriting.policy import MISSING, OTHERWISE, Cause, Policy
from services.credit.domain.underwriting.questions import asked_of, documents_of, missing_of
from services.credit.domain.underwriting.results import (
    APPROVALS,
    Asked,
    Assessment,
    Offer,
    Outcome,
    Reason,
    Signal,
    Track,
)
from services.credit.domain.underwriting.score import binned
from services.credit.domain.underwriting.values import (
    FLAGS,
    LINE_MAX,
    Facts,
    Kind,
    Value,
    one_line,
    plain,
    write_value,
)
from services.kernel.money import exponent

LANGUAGE = 1
REASONS_MAX = 4
_WHOLE, _TENTH = Decimal(1), Decimal("0.1")
_TYPES: dict[Kind, type] = {
    Kind.MONEY: Decimal,
    Kind.RATIO: Decimal,
    Kind.COUNT: Decimal,
    Kind.DAYS: Decimal,
    Kind.FLAG: bool,
    Kind.TEXT: str,
    Kind.DATE: date,
    Kind.DOCUMENT: str,
}
_UNHASHED = frozenset({"inputs_hash", "result_hash", "snapshot"})


def assess(policy: Policy, facts: Facts, *, on: date, currency: str) -> Assessment:
    """Decide on an application, with offers of better ways; facts that the policy does not declare count for nothing."""
    with localcontext(EXACT):
        return _assess(policy, _known(policy, facts, currency), on, currency)


def replay(policy: Policy, snapshot: str) -> Assessment:
    """Decide again by the facts of then; by the same policy its hashes are those of then."""
    then = json.loads(snapshot)
    policy = policy.in_shadow(then.get("shadow", ()))
    with localcontext(EXACT):
        known: Known = {key: _reread(policy.facts[key].kind, text) for key, text in then["facts"].items()}
        known |= dict.fromkeys(then["known"], True)  # nothing but that they are known counts
        return _assess(policy, known, date.fromisoformat(then["on"]), then["currency"])


@dataclass(frozen=True, slots=True)
class Tried:
    """What a policy would have made of a case of the past."""

    track: Track
    outcome: Outcome
    # Whether it is not declined and some limit is found: a person, where one has to look, is taken to agree.
    lends: bool
    # What is granted, or proposed to a person; major units.
    limit: Decimal
    pd: Decimal
    # Codes of what is told, the one that cost most first.
    reasons: tuple[str, ...]
    # Card, characteristic and bin (None: not known) by which it was counted.
    bins: tuple[tuple[str, str, int | None], ...]


def attempt(
    policy: Policy, facts: Mapping[str, str], known: Collection[str] | None, *, on: date, currency: str
) -> Tried:
    """Decide on facts as texts, without offers and hashes; what is no value of its kind is not known.

    `known`: facts of which only counts that they are known; None: all of them, since nobody wrote that down.
    """
    with localcontext(EXACT):
        decided = decide(policy, _readable(policy, facts, known, currency), on, currency)
        limit = decided.limit if decided.outcome in APPROVALS else decided.proposed or Decimal(0)
        is_declined = decided.outcome is Outcome.DECLINED or BY_PERSON in decided.track_because
        return Tried(
            track=decided.track,
            outcome=decided.outcome,
            lends=limit > 0 and not is_declined,
            limit=limit,
            pd=decided.scored.pd,
            reasons=tuple(reason.code for reason in _reasons(policy, decided, currency)),
            bins=tuple(binned(policy.cards, decided.situation)),
        )


def bins_of_case(
    policy: Policy, facts: Mapping[str, str], *, on: date, currency: str
) -> tuple[tuple[str, str, int | None], ...]:
    """The same facts' card, characteristics and bins alone."""
    with localcontext(EXACT):
        situation = situation_of(policy, _readable(policy, facts, (), currency), on, currency)
        return tuple(binned(policy.cards, situation))


def _readable(policy: Policy, facts: Mapping[str, str], known: Collection[str] | None, currency: str) -> Known:
    read: Known = dict.fromkeys(policy.counting if known is None else set(known).intersection(policy.counting), True)
    for key in policy.deciding:
        if (text := facts.get(key)) and (value := _lenient(policy.facts[key].kind, text, currency)) is not None:
            read[key] = value
    return read


def _lenient(kind: Kind, text: str, currency: str) -> Value | None:
    """A value of a case of the past; None where it is none of this kind."""
    if kind is Kind.MONEY and text.partition(" ")[2] not in {"", currency}:
        return None
    try:
        value = _reread(kind, text)
    except (ValueError, KeyError):
        return None
    if not isinstance(value, Decimal):
        return value
    return value if value.is_finite() and abs(value) < LARGEST else None


def questions(policy: Policy, facts: Facts, *, on: date, currency: str) -> tuple[Asked, ...]:
    """What the applicant is asked now: first what everybody is, then what the track adds to which that leads."""
    with localcontext(EXACT):
        known = _known(policy, facts, currency)
        situation = situation_of(policy, known, on, currency)
        return asked_of(policy, situation, _track(policy, known, on, currency))


def documents(policy: Policy, facts: Facts, *, on: date, currency: str) -> tuple[str, ...]:
    """Keys of the documents that this country and track will ask for, known already or not."""
    with localcontext(EXACT):
        known = _known(policy, facts, currency)
        situation = situation_of(policy, known, on, currency)
        return documents_of(policy, situation, _track(policy, known, on, currency))


def steps(policy: Policy, facts: Facts, *, on: date, currency: str) -> tuple[str, ...]:
    """What has to be shown, and cannot be given, before suspicions are none: the keys of step-ups."""
    with localcontext(EXACT):
        missing = decide(policy, _known(policy, facts, currency), on, currency).missing
        return tuple(key for key in missing if not policy.facts[key].given)


def _track(policy: Policy, known: Known, on: date, currency: str) -> Track:
    """The track as far as it is known: nobody is on a longer one for what was not asked yet."""
    if missing_of(policy, situation_of(policy, known, on, currency), Track.FAST):
        return Track.FAST
    return decide(policy, known, on, currency).track


def _assess(policy: Policy, known: Known, on: date, currency: str) -> Assessment:
    decided = decide(policy, known, on, currency)
    snapshot = _canonical(
        {
            "language": LANGUAGE,
            "policy": policy.policy_id,
            "on": on.isoformat(),
            "currency": currency,
            "facts": {
                key: write_value(policy.facts[key].kind, known[key], currency)
                for key in policy.deciding
                if key in known
            },
            "known": [key for key in policy.counting if key in known],
            **({"shadow": policy.shadowed} if policy.shadowed else {}),
        }
    )
    made = Assessment(
        track=decided.track,
        track_because=decided.track_because,
        outcome=decided.outcome,
        limit=decided.limit,
        proposed=decided.proposed,
        terms_days=decided.terms_days,
        methods=decided.methods,
        deposit=decided.deposit,
        conditions=decided.conditions,
        grade=decided.scored.grade,
        points=decided.scored.points,
        pd=decided.scored.pd,
        terms=tuple((name, None if amount is None else _minor(amount, currency)) for name, amount in decided.terms),
        binding=decided.binding,
        up_to=decided.up_to,
        rules_fired=decided.rules_fired,
        reasons=_reasons(policy, decided, currency),
        offers=() if decided.outcome is Outcome.APPROVED else offers(policy, known, decided, on, currency),
        missing=decided.missing,
        signals=decided.signals,
        inputs_hash=_hash(snapshot),
        result_hash="",
        snapshot=snapshot,
    )
    told = {one.name: getattr(made, one.name) for one in fields(made) if one.name not in _UNHASHED}
    return replace(made, result_hash=_hash(_canonical(told)))


def _known(policy: Policy, facts: Facts, currency: str) -> Known:
    """What the policy knows of the facts; amounts in whole minor units, so that a replay meets the same ones."""
    known: Known = {}
    for key in (*policy.deciding, *policy.counting):
        value = facts.get(key)
        if value is None:
            continue
        kind = policy.facts[key].kind
        assert isinstance(value, _TYPES[kind]), f"{key} is no {kind.value}"
        known[key] = _minor(value, currency) if kind is Kind.MONEY and isinstance(value, Decimal) else value
    return known


def _reasons(policy: Policy, decided: Decided, currency: str) -> tuple[Reason, ...]:
    """At most four, the weightiest first; one whose figures nobody knows is not told where another one is."""
    if decided.outcome is Outcome.APPROVED:
        return ()
    told: dict[str, Reason] = {}
    for cause in causes_of(decided):
        if cause.code not in told and (reason := _reason(policy, cause, decided, currency)) is not None:
            told[cause.code] = reason
            if len(told) == REASONS_MAX:
                break
    return tuple(told.values()) or (Reason(OTHERWISE),)


def _reason(policy: Policy, cause: Cause, decided: Decided, currency: str) -> Reason | None:
    if cause.code == MISSING:
        wanted = [key for key in decided.missing if policy.facts[key].given]
        return Reason(MISSING, (("facts", _listed(wanted)),)) if wanted else None
    figures = []
    for name, formula in cause.figures:
        if (value := formula.run(decided.situation)) is None:
            return None
        figures.append((name, _told(formula, value, currency)))
    return Reason(cause.code, tuple(figures))


def _told(formula: Expression, value: Value, currency: str) -> str:
    """A figure as people are told it: amounts in minor units, days and counts whole, ratios to a tenth."""
    if not isinstance(value, Decimal) or formula.kind is Kind.MONEY:
        return one_line(write_value(formula.kind or Kind.TEXT, value, currency))
    return plain(value.quantize(_WHOLE if formula.kind in {Kind.DAYS, Kind.COUNT} else _TENTH))


def _listed(keys: Sequence[str]) -> str:
    """As many keys as a figure holds."""
    text = " ".join(keys)
    return text if len(text) <= LINE_MAX else text[: text.rindex(" ", 0, LINE_MAX + 1)]


def _reread(kind: Kind, text: str) -> Value:
    """A value of a snapshot: what write_value wrote, whatever the policy's bounds are."""
    match kind:
        case Kind.MONEY:
            return Decimal(text.partition(" ")[0])
        case Kind.RATIO | Kind.COUNT | Kind.DAYS:
            return Decimal(text)
        case Kind.FLAG:
            return FLAGS[text]
        case Kind.DATE:
            return date.fromisoformat(text)
    return text


def _minor(amount: Decimal, currency: str) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-exponent(currency)))


def _canonical(content: object) -> str:
    """The same content is the same text, whoever writes it."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_written)


def _written(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    assert isinstance(value, Offer | Reason | Signal), "nothing else comes out"
    return {one.name: getattr(value, one.name) for one in fields(value)}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
