"""One decision: score, days to pay, limit, rules, track, outcome. Without hashes and offers, which are assess.py's."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from services.credit.domain.underwriting.exact import LARGEST
from services.credit.domain.underwriting.expressions import SCALE, Expression
from services.credit.domain.underwriting.policy import MISSING, POINTS, Cause, FraudRule, Policy, Rule
from services.credit.domain.underwriting.questions import missing_of
from services.credit.domain.underwriting.results import Outcome, Signal, Track
from services.credit.domain.underwriting.score import Scored, score
from services.credit.domain.underwriting.values import Kind, Value, one_line, plain, write_value
from services.kernel.money import Money

ENOUGH_HITS = 2  # so many suspicions together are looked at by two persons
_AMOUNT_MAX = LARGEST - 1
_RANK = {Track.FAST: 0, Track.STANDARD: 1, Track.ENHANCED: 2}
_THEN = {"standard": Track.STANDARD, "enhanced": Track.ENHANCED, "decline": Track.ENHANCED}
BY_PERSON = "declined_by_person"  # a track's name for: a person declines it
_NO_LIMIT, _FACTS_MISSING = "no_limit", "facts_missing"
_CHECK = "check"  # what the applicant is told of a rule that reads what they are never told

Known = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Why:
    """A cause, and how much it weighs among the reasons: the least first."""

    weight: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class Decided:
    """What came out, and what reasons and offers are made of."""

    track: Track
    track_because: tuple[str, ...]
    outcome: Outcome
    limit: Decimal
    proposed: Decimal | None
    terms_days: int
    methods: tuple[str, ...]
    deposit: Decimal
    conditions: tuple[str, ...]
    scored: Scored
    terms: tuple[tuple[str, Decimal | None], ...]
    binding: str
    up_to: Decimal | None
    rules_fired: tuple[str, ...]
    missing: tuple[str, ...]
    signals: tuple[Signal, ...]
    whys: tuple[Why, ...]
    situation: Mapping[str, Any]
    within_budget: bool


def situation_of(policy: Policy, known: Known, on: date, currency: str) -> dict[str, Any]:
    """What can be spoken of before anything is computed; what is not known is None."""
    situation: dict[str, Any] = dict.fromkeys(policy.facts)
    situation.update(known)
    situation["today"] = on
    situation[SCALE] = policy.currencies.get(currency)
    for name, value in policy.values:
        situation[name] = value.run(situation)
    return situation


def decide(policy: Policy, known: Known, on: date, currency: str) -> Decided:
    """Decide by a policy; the caller has set how numbers are computed (exact.py)."""
    return _Case(policy, situation_of(policy, known, on, currency), currency).decided()


def signal_of(policy: Policy, rule: FraudRule, situation: Mapping[str, Any], currency: str) -> Signal:
    """What a rule saw that struck."""
    leaves = rule.when.leaves
    struck = next((leaf for leaf in leaves if leaf.run(situation) is True), leaves[0] if leaves else None)
    action = "shadow" if rule.shadow else rule.action
    if struck is None:
        return Signal(rule.id, action, "", "", one_line(rule.when.text))
    value = _written(policy, struck.feature, situation.get(struck.feature), currency)
    return Signal(rule.id, action, struck.feature, value, one_line(struck.threshold))


def _written(policy: Policy, name: str, value: Value | None, currency: str) -> str:
    if value is None:
        return ""
    if name in policy.facts:
        return one_line(write_value(policy.facts[name].kind, value, currency))
    return plain(round(value, 4)) if isinstance(value, Decimal) else write_value(Kind.TEXT, value, currency)


class _Case:
    """A company before the policy: what was found so far."""

    def __init__(self, policy: Policy, situation: dict[str, Any], currency: str) -> None:
        self._policy = policy
        self._situation = situation
        self._currency = currency
        self._track = Track.FAST
        self._because: list[tuple[Track, str]] = []
        self._fired: list[str] = []
        self._missing: list[str] = []
        self._signals: list[Signal] = []
        self._whys: list[Why] = []
        self._declined = False
        self._hits = 0

    def decided(self) -> Decided:
        scored = score(self._policy.cards, self._policy.grades, self._situation)
        self._situation |= {"points": scored.points, "pd": scored.pd, "grade": scored.grade}
        terms_days, methods, shorter = self._payment()
        terms, proposed, up_to, binding = self._limit(scored.grade)
        self._losses(scored.pd, proposed)
        for rule in self._policy.rules:
            self._apply(rule, scored)
        for fraud in self._policy.fraud:
            self._suspect(fraud)
        if self._hits >= ENOUGH_HITS:
            self._raise_to(Track.ENHANCED, _CHECK)
        self._facts_missing()
        asked = self._policy.limit_asked.run(self._situation)
        lower = proposed is None or proposed <= 0 or (asked is not None and proposed < asked)
        if lower:
            self._lower(binding, proposed)
        deposit, conditions = self._conditions(shorter)
        outcome = self._outcome(lower, conditions)
        if outcome is Outcome.APPROVED:
            self._whys.clear()
        granted = (
            proposed if outcome not in {Outcome.REFERRED, Outcome.DECLINED} and proposed is not None else Decimal(0)
        )
        return Decided(
            track=self._track,
            track_because=tuple(dict.fromkeys(name for track, name in self._because if track is self._track))[:20],
            outcome=outcome,
            limit=granted,
            proposed=proposed,
            terms_days=terms_days,
            methods=methods,
            deposit=deposit,
            conditions=conditions,
            scored=scored,
            terms=terms,
            binding=binding,
            up_to=up_to,
            rules_fired=tuple(self._fired),
            missing=tuple(dict.fromkeys(self._missing)),
            signals=tuple(self._signals),
            whys=tuple(self._whys),
            situation=self._situation,
            within_budget=self._within_budget(),
        )

    def _payment(self) -> tuple[int, tuple[str, ...], list[str]]:
        """Days to pay, ways of paying, and by what the days are fewer than was asked for."""
        payment = self._policy.payment
        said = payment.asked.run(self._situation)
        asked = payment.usual if said is None else int(said)
        days, methods, shorter = asked, payment.methods, []
        if days > payment.longest:
            days = payment.longest
            shorter.append((days, "shorter_terms", payment.cause))
        for row in payment.rows:
            if row.when.run(self._situation) is not True:
                continue
            if row.methods:
                methods = tuple(method for method in methods if method in row.methods)
            if row.longest is not None and days > row.longest:
                days = row.longest
                shorter.append((days, row.id, row.cause))
        self._situation["terms_days"] = Decimal(days)
        if said is None or not shorter:
            return days, methods, []
        _, name, cause = min(shorter, key=lambda one: one[0])
        self._whys.append(Why(40, cause))
        return days, methods, [name]

    def _limit(self, grade: str) -> tuple[tuple[tuple[str, Decimal | None], ...], Decimal | None, Decimal | None, str]:
        """All terms, the smallest rounded down, the second smallest so too, and which one binds."""
        policy, scale = self._policy, self._situation[SCALE]
        terms: list[tuple[str, Decimal | None]] = []
        for term in policy.terms:
            if term.amount is not None:
                amount = term.amount.run(self._situation)
            else:
                amount = None if scale is None else term.by_grade[grade] * scale
            terms.append((term.id, None if amount is None else min(amount, _AMOUNT_MAX)))
        known = sorted(((amount, at) for at, (_, amount) in enumerate(terms) if amount is not None))
        proposed = self._stepped(known[0][0]) if known else None
        up_to = self._stepped(known[1][0]) if len(known) > 1 else None
        self._situation |= {"limit": proposed, "up_to": up_to}
        return tuple(terms), proposed, up_to, policy.terms[known[0][1]].id if known else ""

    def _stepped(self, amount: Decimal) -> Decimal:
        """Rounded down to the policy's step; what was asked for stands as it was asked for. Never below zero."""
        if amount <= 0:
            return Decimal(0)
        if amount == self._policy.limit_asked.run(self._situation):
            return amount
        step = self._policy.limit_step * (self._situation[SCALE] or 1)
        return (amount / step).to_integral_value(ROUND_FLOOR) * step

    def _losses(self, pd: Decimal, proposed: Decimal | None) -> None:
        policy, situation = self._policy, self._situation
        security = policy.security.run(situation)
        situation["security"] = security
        situation["expected_loss"] = (
            None
            if proposed is None
            else pd * policy.loss_given_default * max(proposed - (security or Decimal(0)), Decimal(0))
        )
        situation["loss_budget"] = policy.loss_budget.run(situation)

    def _within_budget(self) -> bool:
        loss, budget = self._situation["expected_loss"], self._situation["loss_budget"]
        return loss is not None and budget is not None and loss <= budget

    def _apply(self, rule: Rule, scored: Scored) -> None:
        says = rule.when.run(self._situation)
        if says is None and rule.unknown != "pass":
            self._raise_to(Track.STANDARD, _told(rule))
            if rule.cause.code != POINTS:  # no point is lost by what nobody knows
                self._whys.append(Why(30, rule.cause))
            if rule.unknown == "ask":
                self._missing += [
                    name
                    for name in sorted(rule.when.names)
                    if name in self._policy.facts and self._policy.facts[name].given and self._situation[name] is None
                ]
        if says is not True:
            return
        self._fired.append(rule.id)
        if rule.then == "decline" and self._stands_at_best(rule.when, scored):
            self._declined = True
            self._whys.append(Why(0, rule.cause))
            return
        self._raise_to(_THEN[rule.then], _told(rule))
        self._whys.append(Why(20 if rule.then == "standard" else 15, rule.cause))

    def _stands_at_best(self, when: Expression, scored: Scored) -> bool:
        """Whether a rule holds also if all that is not known were as good as can be: nobody is declined for that."""
        best = {"points": scored.best_points, "pd": scored.best_pd, "grade": scored.best_grade}
        return when.run(self._situation | best) is True

    def _suspect(self, rule: FraudRule) -> None:
        says = rule.when.run(self._situation)
        if says is None and rule.unknown == "standard" and not rule.shadow:
            self._raise_to(Track.STANDARD, _CHECK)
            self._whys.append(Why(30, rule.cause))
        if says is not True:
            return
        self._signals.append(signal_of(self._policy, rule, self._situation, self._currency))
        if rule.shadow:
            return
        self._fired.append(rule.id)
        cleared = self._situation[rule.clears] if rule.clears is not None else None
        if cleared is True:
            if rule.action == "block":
                self._raise_to(Track.ENHANCED, _CHECK)
                self._whys.append(Why(15, rule.cause))
            return
        self._hits += 1
        if rule.action == "block" and cleared is False:
            self._declined = True
        elif rule.clears is not None and cleared is None:
            self._missing.append(rule.clears)
        is_hard = rule.action == "block" or cleared is False
        self._raise_to(Track.ENHANCED if is_hard else Track.STANDARD, _CHECK)
        self._whys.append(Why(5 if is_hard else 10, rule.cause))

    def _facts_missing(self) -> None:
        wanted = missing_of(self._policy, self._situation, self._track)
        self._missing = [*wanted, *self._missing]
        if any(self._policy.facts[key].given for key in self._missing):
            self._raise_to(Track.STANDARD, _FACTS_MISSING)
            self._whys.append(Why(12, Cause(MISSING)))

    def _lower(self, binding: str, proposed: Decimal | None) -> None:
        """Less than was asked for, and why."""
        cause = next((term.cause for term in self._policy.terms if term.id == binding), None)
        if cause is not None:
            self._whys.append(Why(25, cause))
        if not self._declined and (proposed is None or proposed <= 0):
            self._raise_to(Track.STANDARD, _NO_LIMIT)

    def _conditions(self, shorter: list[str]) -> tuple[Decimal, tuple[str, ...]]:
        deposit, met = Decimal(0), []
        for condition in self._policy.conditions:
            if condition.when.run(self._situation) is not True:
                continue
            met.append(condition.id)
            self._whys.append(Why(50, condition.cause))
            if condition.deposit is not None:
                deposit += max(condition.deposit.run(self._situation) or Decimal(0), Decimal(0))
        return Money.of(min(deposit, _AMOUNT_MAX), self._currency).decimal, tuple(
            met + (["shorter_terms"] if shorter else [])
        )

    def _outcome(self, lower: bool, conditions: tuple[str, ...]) -> Outcome:
        if self._declined:
            if self._policy.declined_by_person.run(self._situation) is False:
                return Outcome.DECLINED
            self._raise_to(Track.ENHANCED, BY_PERSON)
            return Outcome.REFERRED
        if self._track is not Track.FAST:
            return Outcome.REFERRED
        if conditions:
            return Outcome.APPROVED_WITH_CONDITIONS
        return Outcome.APPROVED_LOWER if lower else Outcome.APPROVED

    def _raise_to(self, track: Track, name: str) -> None:
        """The most conservative track wins, and says by what."""
        if _RANK[track] > _RANK[self._track]:
            self._track = track
        self._because.append((track, name))


def _told(rule: Rule) -> str:
    """A rule as the applicant may know it."""
    return _CHECK if rule.secret else rule.id


def causes_of(decided: Decided) -> Iterator[Cause]:
    """Why it came out so, what weighs most first; where points were lost, the characteristics that lost them."""
    for why in sorted(decided.whys, key=lambda one: one.weight):
        if why.cause.code != POINTS:
            yield why.cause
            continue
        for _, characteristic, is_known in decided.scored.lost:
            if (cause := characteristic.cause if is_known else characteristic.unknown_cause) is not None:
                yield cause
