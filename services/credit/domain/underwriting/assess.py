"""Applies a policy to facts: track, outcome, limit, reasons, offers. The same facts come out the same for ever."""

from datetime import date

from services.credit.domain.underwriting.policy import Policy
from services.credit.domain.underwriting.results import Assessment
from services.credit.domain.underwriting.values import Facts


def assess(policy: Policy, facts: Facts, *, on: date, currency: str) -> Assessment:
    """Decide on an application, with offers of better ways; facts that the policy does not declare count for nothing."""
    raise NotImplementedError


def replay(policy: Policy, snapshot: str) -> Assessment:
    """Decide again by the facts of then; by the same policy its hashes are those of then."""
    raise NotImplementedError
