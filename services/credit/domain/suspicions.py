"""What looks wrong about an order, beside the buyer's own, and what it then waits for (RULES: orders that look wrong)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

from services.credit.domain import fraud, habits, underwriting
from services.credit.domain.fraud import Feature, Placed
from services.credit.domain.habits import Habit, Kept
from services.credit.domain.underwriting import Policy
from services.kernel.money import Money, exponent

# Reasons of decisions, by what a rule does; what stops most comes first.
REASONS = {"block": "fraud_hold", "hold": "fraud_hold", "refer": "fraud_review", "step_up": "step_up"}
SUSPICIONS = frozenset(REASONS.values())
CHECKED = "checked"  # what the buyer is told instead
SHADOW = "shadow"
# A buyer of so many orders to places of which each had fewer than so many: a forwarder, a builder.
_ROAMS_FROM, _ROAMS = 4, 4
_WEIGHT = {action: weight for weight, action in enumerate((*REASONS, SHADOW))}


@dataclass(frozen=True, slots=True)
class Buyer:
    """What is known of an account beside its money."""

    orders: Habit = ()
    registered_at: datetime | None = None
    # The mark of its registered address; 0: not known.
    registered_place: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """An order, as far as it is compared."""

    account_id: str
    order_id: str
    amount: Money
    placed_on: date
    promised_on: date | None
    # The mark of where it goes; 0: to the buyer's own address.
    place: int
    requested_by: str
    categories: frozenset[str]


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that an order struck, and what it saw: for the seller's people alone."""

    rule: str
    # "step_up", "refer", "hold", "block"; "shadow": it stops nothing.
    action: str
    # What shows that all is well; "": a person decides.
    clears: str
    feature: str
    value: str
    threshold: str
    compared_with: str
    source: str


def suspect(policy: Policy, buyer: Buyer, limit: Money, order: Seen, at: datetime) -> tuple[Hit, ...]:
    """The rules that an order strikes, what stops most first."""
    features = {feature.key: feature for feature in _features(policy, buyer, limit, order, at)}
    known = {key: feature.value for key, feature in features.items() if feature.value is not None}
    struck = underwriting.strikes(policy, known, on=order.placed_on, currency=order.amount.currency)
    hits = [
        Hit(
            rule=rule.id,
            action=signal.action,
            clears=rule.clears or "",
            feature=signal.feature,
            value=signal.value,
            threshold=signal.threshold,
            compared_with=features[signal.feature].compared_with if signal.feature in features else "",
            source=features[signal.feature].source if signal.feature in features else "policy",
        )
        for rule, signal in struck
    ]
    return tuple(sorted(hits, key=lambda hit: (_WEIGHT[hit.action], hit.rule)))


def reason_of(hits: Sequence[Hit]) -> str:
    """Why these stop an order; "": they do not."""
    return REASONS.get(hits[0].action, "") if hits else ""


def stopping(hits: Sequence[Hit]) -> list[Hit]:
    """Those that stop something."""
    return [hit for hit in hits if hit.action != SHADOW]


def clears_of(hits: Sequence[Hit]) -> str:
    """What shows that all is well: the same of all that stop it, or a person decides ("")."""
    wanted = {hit.clears for hit in stopping(hits)}
    return wanted.pop() if len(wanted) == 1 else ""


def kept(order: Seen, *, approved: bool) -> Kept:
    """An order, as the next ones are compared with it."""
    return Kept(
        order=habits.mark(order.account_id, order.order_id),
        day=order.placed_on.toordinal(),
        amount_minor=order.amount.minor,
        lead=habits.lead(order.placed_on, order.promised_on),
        place=order.place,
        contact=habits.mark(order.account_id, order.requested_by),
        approved=approved,
    )


def _features(policy: Policy, buyer: Buyer, limit: Money, order: Seen, at: datetime) -> list[Feature]:
    own = habits.mark(order.account_id, order.order_id)
    before = [one for one in buyer.orders if one.approved and one.order != own]
    _, days, amounts, leads, places, contacts, _ = zip(*before, strict=True) if before else ((),) * 7
    found = fraud.orders(
        order.placed_on,
        Decimal(order.amount.minor),
        list(map(Placed, map(date.fromordinal, days), amounts)),
        _contact_known(contacts, order),
        decimals=exponent(order.amount.currency),
    )
    lead = habits.lead(order.placed_on, order.promised_on)
    found += [
        _ship_to(buyer, places, order),
        fraud.rush(lead if lead >= 0 else None, [days for days in leads if days >= 0]),
        fraud.resaleable(order.categories, policy.resaleable),
    ]
    found += fraud.bust_out(found)
    if buyer.registered_at is not None:
        found.append(fraud.first_order(order.amount.decimal, limit.decimal, buyer.registered_at, at, bool(before)))
    earlier = next((one for one in buyer.orders if one.approved and one.order == own), None)
    if earlier is not None:
        moved = at if earlier.place != order.place else None
        dispatch = datetime.combine(order.promised_on or order.placed_on, time(0), UTC)
        found.append(fraud.changes(moved, None, datetime.min.replace(tzinfo=UTC), dispatch)[0])
    return found


def _contact_known(contacts: Sequence[int], order: Seen) -> bool | None:
    """Whether whoever ordered did before; unknown where nobody is named, now or then."""
    if not order.requested_by or not any(contacts):
        return None
    return habits.mark(order.account_id, order.requested_by) in contacts


def _ship_to(buyer: Buyer, places: Sequence[int], order: Seen) -> Feature:
    """Whether goods go where none went. What goes to the buyer's own address is not new, nor is it of who often ships elsewhere."""
    known = set(places)
    roams = len(places) >= _ROAMS_FROM and len(known) * _ROAMS > len(places)
    own = not order.place or order.place == buyer.registered_place
    value = not own and not roams and order.place not in known if places else None
    return Feature("ship_to_new", value, "true", f"{len(known)} places" if value else "", "orders")
