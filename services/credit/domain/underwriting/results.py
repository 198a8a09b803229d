"""What comes out when a policy is applied to facts."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Track(StrEnum):
    """How much is asked, who decides, and so how long it takes."""

    FAST = "FAST"
    STANDARD = "STANDARD"
    ENHANCED = "ENHANCED"


class Outcome(StrEnum):
    """The answer; on another track than the fast one a person gives it, and the engine refers."""

    APPROVED = "APPROVED"
    APPROVED_LOWER = "APPROVED_LOWER"
    APPROVED_WITH_CONDITIONS = "APPROVED_WITH_CONDITIONS"
    REFERRED = "REFERRED"
    DECLINED = "DECLINED"


APPROVALS = frozenset({Outcome.APPROVED, Outcome.APPROVED_LOWER, Outcome.APPROVED_WITH_CONDITIONS})


@dataclass(frozen=True, slots=True)
class Asked:
    """A fact that the applicant is asked for now."""

    key: str
    required: bool
    # The group it belongs to, one of which suffices ("bank", "references", "accounts", "deposit"); "": none.
    alternative: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why it came out so; services/kernel/credit_reasons.py has the words."""

    code: str
    # Names and values, these as a fact's text. Of a list ("facts") keys with spaces between.
    figures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    """A rule on fraud that struck; for the seller's people alone."""

    rule: str
    # "step_up", "refer", "block", "hold"; "shadow" where it only watches.
    action: str
    feature: str
    value: str
    threshold: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to a better answer: what follows, by the same policy, once these facts are so."""

    # Its levers in a row, such as "amount" or "deposit+terms".
    offer_id: str
    levers: tuple[str, ...]
    # The facts that its levers set, as text. What only a source may say of them has to be shown first.
    changes: tuple[tuple[str, str], ...]
    limit: Decimal
    terms_days: int
    deposit: Decimal
    track: Track
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a policy makes of facts. Amounts are in major units of the application's currency."""

    track: Track
    # Ids of the rules by which it is on this track, "check" for one that the applicant is never told of; empty on the
    # fast one.
    track_because: tuple[str, ...]
    outcome: Outcome
    # What is granted; zero where a person decides or it is declined.
    limit: Decimal
    # The smallest term, rounded down: what a person might grant. None: no term is known.
    proposed: Decimal | None
    terms_days: int
    # Ways of paying that this buyer may use.
    methods: tuple[str, ...]
    # Still to be paid before the limit stands; zero: none.
    deposit: Decimal
    # What has to be done first ("deposit", "direct_debit", "shorter_terms").
    conditions: tuple[str, ...]
    grade: str
    points: Decimal
    # Probability that it will not pay within a year, 0 to 1.
    pd: Decimal
    # Every term of the limit; None: not known.
    terms: tuple[tuple[str, Decimal | None], ...]
    # The smallest of them; "": none is known.
    binding: str
    # The second smallest: how far the limit goes once the binding one is no more. None: there is no second.
    up_to: Decimal | None
    rules_fired: tuple[str, ...]
    # The one that cost most first, at most four; some, unless all that was asked for is given.
    reasons: tuple[Reason, ...]
    # The least burden first, at most three.
    offers: tuple[Offer, ...]
    # Keys of facts without which nothing is decided: asked of the applicant, or shown by a step-up.
    missing: tuple[str, ...]
    signals: tuple[Signal, ...]
    # SHA-256 (hex) of the snapshot, and of all that came out.
    inputs_hash: str
    result_hash: str
    # The facts that the policy knows, the day, the currency, the policy's id: canonical JSON.
    snapshot: str
