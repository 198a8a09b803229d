"""What people may make of people: who registers whom, and with which roles, which are rights too (RULES: rights)."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.kernel.refusals import Conflict, Forbidden
from services.notifications.domain.contacts import Contact
from services.notifications.domain.roles import Role

_ADMINS = frozenset({Role.ACCOUNT_ADMIN, Role.SELLER_ADMIN})


@dataclass(frozen=True, slots=True)
class Registrar:
    """Who registers somebody. Whether it may of a buyer's account, the contract says (service.proto, RegisterContact)."""

    # "contact:c1", "user:u1", "key:k1".
    subject: str
    roles: frozenset[str]
    # Acts for somebody else, with that one's roles.
    stands_in: bool

    def check(self, before: Contact | None, after: Contact) -> None:
        """Refuse to register somebody as it is asked; before: as who they are registered already."""
        of_the_seller = not after.account_id or (before is not None and not before.account_id)
        if of_the_seller and Role.SELLER_ADMIN not in self.roles:
            raise Forbidden("contact.seller_admin_only", "the seller's people are registered by its SELLER_ADMIN alone")
        had = frozenset(before.roles if before else ())
        own_right = had if self.stands_in else had | self.roles
        if self._is(after) and not had.issuperset(after.roles) and not own_right & _ADMINS:
            raise Forbidden("contact.own_roles", "nobody gives roles to themselves")

    def check_change(self, contact: Contact) -> None:
        """Refuse to change how somebody of the seller's, or by somebody of the seller's, is told, who is not oneself.

        Which of a buyer's people changes whom, the contract says.
        """
        registers = {Role.SELLER_ADMIN, Role.SALES} if contact.account_id else {Role.SELLER_ADMIN}
        if not (self.subject.startswith("contact:") or self._is(contact) or self.roles & registers):
            raise Forbidden("contact.another", "how people are told they change themselves, or who may register them")

    def _is(self, contact: Contact) -> bool:
        return self.subject in (f"contact:{contact.contact_id}", f"user:{contact.contact_id}")


def administers_less(before: Contact, after: Contact | None) -> bool:
    """Whether somebody who administers an account does not any more, or not all that they did; after None: is forgotten."""
    return Role.ACCOUNT_ADMIN in before.roles and not (after is not None and _administers(after, before))


def check_still_administered(before: Contact, others: Iterable[Contact]) -> None:
    """Refuse to leave what somebody administered to nobody."""
    if not any(_administers(other, before) for other in others if other.contact_id != before.contact_id):
        raise Conflict("contact.last_admin", "nobody else administers this account: name another ACCOUNT_ADMIN first")


def _administers(contact: Contact, before: Contact) -> bool:
    return (
        contact.account_id == before.account_id
        and Role.ACCOUNT_ADMIN in contact.roles
        and not contact.suspended
        and contact.hears_of(before.scope)
    )
