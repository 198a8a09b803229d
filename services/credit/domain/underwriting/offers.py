"""Better ways: the same decision with one or two levers moved, the least burden first."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import combinations

from services.credit.domain.underwriting.decide import Decided, Known, decide
from services.credit.domain.underwriting.policy import Lever, Policy
from services.credit.domain.underwriting.results import APPROVALS, Offer
from services.credit.domain.underwriting.values import Kind, Value, write_value
from services.kernel.money import Money

LEVERS_MAX = 2  # at once: whoever has to do three things does none

_Moved = tuple[Lever, Known]


def offers(policy: Policy, known: Known, decided: Decided, on: date, currency: str) -> tuple[Offer, ...]:
    """Ways to a better answer that keep the policy's budget of losses; each leads where it says."""
    found: dict[frozenset[str], Offer] = {}
    for way in _ways(_moved(policy, known, decided, currency)):
        names = frozenset(lever.lever for lever, _ in way)
        if len(found) == policy.offers_most or len(names) < len(way) or any(other <= names for other in found):
            continue
        changes = {key: value for _, change in way for key, value in change.items()}
        then = decide(policy, known | changes, on, currency)
        if then.outcome not in APPROVALS or then.limit <= decided.limit or not then.within_budget:
            continue
        if not any(_is_worse(then, offer) for offer in found.values()):
            found[names] = Offer(
                offer_id="_and_".join(sorted(names)),
                levers=tuple(sorted(names)),
                changes=tuple(
                    (key, write_value(policy.facts[key].kind, value, currency))
                    for key, value in sorted(changes.items())
                ),
                limit=then.limit,
                terms_days=then.terms_days,
                deposit=then.deposit,
                track=then.track,
                outcome=then.outcome,
            )
    return tuple(found.values())


def _is_worse(then: Decided, offer: Offer) -> bool:
    """Whether an easier way leads to as much for as long and no more to pay beforehand, and to more of one of these."""
    return (
        offer.limit >= then.limit
        and offer.terms_days >= then.terms_days
        and offer.deposit <= then.deposit
        and (offer.limit, offer.terms_days, offer.deposit) != (then.limit, then.terms_days, then.deposit)
    )


def _moved(policy: Policy, known: Known, decided: Decided, currency: str) -> list[_Moved]:
    """Levers that would change something, with what they set."""
    moved = []
    for lever in policy.levers:
        if lever.when.run(decided.situation) is not True:
            continue
        values = {key: formula.run(decided.situation) for key, formula in lever.sets}
        if None in values.values():
            continue
        change = {key: _rounded(policy.facts[key].kind, value, currency) for key, value in values.items()}
        if any(known.get(key) != value for key, value in change.items()):
            moved.append((lever, change))
    return moved


def _ways(moved: Sequence[_Moved]) -> Iterator[tuple[_Moved, ...]]:
    """One lever or two, the least burden first."""
    ways = [way for many in range(1, LEVERS_MAX + 1) for way in combinations(moved, many)]
    yield from sorted(ways, key=lambda way: sum(lever.burden for lever, _ in way))


def _rounded(kind: Kind, value: Value, currency: str) -> Value:
    if not isinstance(value, Decimal):
        return value
    if kind is Kind.MONEY:
        return Money.of(value, currency).decimal
    return value.to_integral_value() if kind in {Kind.COUNT, Kind.DAYS} else value
