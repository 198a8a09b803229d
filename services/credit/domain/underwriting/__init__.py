"""What a company is lent, and why: a policy is a text, and the same facts come out the same by it for ever (POLICY.md)."""

from services.credit.domain.underwriting.assess import (
    Tried,
    assess,
    attempt,
    bins_of_case,
    documents,
    questions,
    replay,
    steps,
)
from services.credit.domain.underwriting.mistakes import Mistake, MistakesFound
from services.credit.domain.underwriting.orders import strikes
from services.credit.domain.underwriting.policy import FraudRule, Policy, default, read
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
from services.credit.domain.underwriting.values import FactKind, Facts, Kind, Value, parse_value, write_value

__all__ = [
    "APPROVALS",
    "Asked",
    "Assessment",
    "FactKind",
    "Facts",
    "FraudRule",
    "Kind",
    "Mistake",
    "MistakesFound",
    "Offer",
    "Outcome",
    "Policy",
    "Reason",
    "Signal",
    "Track",
    "Tried",
    "Value",
    "assess",
    "attempt",
    "bins_of_case",
    "default",
    "documents",
    "parse_value",
    "questions",
    "read",
    "replay",
    "steps",
    "strikes",
    "write_value",
]
