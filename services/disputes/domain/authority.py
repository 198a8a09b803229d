"""Who may resolve cases up to which credit (RULES: authority)."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from services.kernel.money import Money
from services.kernel.refusals import Forbidden, Invalid, quoted

# Who resolves cases at all (the contract's Resolve): nobody else can be given authority.
ROLES = frozenset({"DISPUTE_OWNER", "SELLER_ADMIN"})


@dataclass(frozen=True, slots=True)
class Authority:
    """A role's, or a person's: one credit, gross, at most."""

    role: str
    # "user:ada".
    person: str
    most: Money

    @property
    def who(self) -> str:
        """Whose it is, as a refusal names it."""
        return self.role or self.person

    def check(self) -> "Authority":
        """Return it; refuse one that is nobody's, or of both, or of nothing."""
        if bool(self.role) == bool(self.person):
            raise Invalid("policy.authority_of_whom", "an authority is a role's or a person's")
        if self.role and self.role not in ROLES:
            raise Invalid("policy.authority_of_whom", f"{quoted(self.role)} does not resolve cases")
        if self.person and not self.person.startswith("user:"):
            raise Invalid("policy.authority_of_whom", f"{quoted(self.person)} is nobody of the seller's")
        if self.most.minor <= 0:
            raise Invalid("policy.out_of_range", "an authority is above zero")
        return self


def check(authorities: Sequence[Authority], credit: Money, person: str, roles: Set[str]) -> None:
    """Refuse a credit above what this person, who has these roles, may resolve; where nothing was said, anybody may.

    A currency that is not named nobody may credit in; what is no credit needs no authority, and what our own jobs credit
    has bounds of its own.
    """
    if not authorities or not credit.minor or person.startswith("system:"):
        return
    enough = [one for one in authorities if one.most.currency == credit.currency and credit <= one.most]
    if any(one.person == person or one.role in roles for one in enough):
        return
    may = ", ".join(sorted({f"{one.who} (up to {one.most})" for one in enough})) or "nobody"
    raise Forbidden("dispute.authority", f"a credit of {credit} is beyond what you may resolve; who may: {may}")
