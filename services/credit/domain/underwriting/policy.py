"""A policy: a text in the language of services/credit/POLICY.md, read, checked and made ready to decide by."""

from collections.abc import Mapping
from datetime import date

from services.credit.domain.underwriting.results import Asked
from services.credit.domain.underwriting.values import FactKind, Facts


class Policy:
    """What is decided by."""

    # SHA-256 (hex) of the text.
    policy_id: str
    text: str
    # What is known of a company, by its key.
    facts: Mapping[str, FactKind]

    def questions(self, facts: Facts, *, on: date, currency: str) -> tuple[Asked, ...]:
        """What the applicant is asked now, in this order: what their country and track need and nobody knows."""
        raise NotImplementedError

    def documents(self, facts: Facts, *, on: date, currency: str) -> tuple[str, ...]:
        """Keys of the documents that this country and track will ask for, known already or not."""
        raise NotImplementedError


def read(text: str) -> Policy:
    """Read a policy; raise MistakesFound with all that is wrong."""
    raise NotImplementedError


def default() -> Policy:
    """The policy that holds where a seller has set none."""
    raise NotImplementedError
