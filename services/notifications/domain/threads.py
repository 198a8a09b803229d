"""Who hears that somebody wrote about an order, an invoice, a case, a payment or an application (RULES: threads)."""

from collections.abc import Collection, Mapping, Sequence

from services.kernel.orders import Scope
from services.notifications.domain.contacts import Contact
from services.notifications.domain.matrix import Weight
from services.notifications.domain.roles import SELLER_STAND_INS, Role
from services.notifications.domain.routing import House, Recipient

# Whose it is at the seller, by what it is about.
OWNERS: Mapping[str, Role] = {
    "order": Role.SALES,
    "invoice": Role.BILLING,
    "dispute": Role.DISPUTE_OWNER,
    "payment": Role.CASH_APP,
    "application": Role.CREDIT,
    "onboarding": Role.SALES,
}
# Whose eyes are meant for what is said, where that is not everybody's who sees the thing itself.
_FOR: Mapping[str, frozenset[str]] = {
    "application": frozenset(
        {Role.FINANCE_LEAD, Role.ACCOUNT_ADMIN, Role.CREDIT, Role.SALES, Role.SELLER_ADMIN, Role.AUDITOR}
    )
}


def roles_for(kind: str) -> frozenset[str] | None:
    """Who alone reads and writes about things of this kind; None: whoever sees the thing."""
    return _FOR.get(kind)


def hidden_from(roles: Collection[str]) -> list[str]:
    """The kinds of things about which nothing said is for somebody with these roles."""
    return [kind for kind in _FOR if not is_for(kind, roles)]


def is_for(kind: str, roles: Collection[str]) -> bool:
    """Whether what is said about things of this kind is for somebody with these roles."""
    return kind not in _FOR or not _FOR[kind].isdisjoint(roles)


def writes_for_buyer(author: str) -> bool:
    """On whose side somebody writes ("contact:c1", "user:ada")."""
    return author.startswith("contact:")


def readers(
    author: str,
    owner: Role,
    scope: Scope,
    *,
    buyer: Sequence[Contact],
    seller: Sequence[Contact],
    heard: Collection[str],
    mentioned: Collection[str],
    kind: str = "",
) -> list[Recipient]:
    """The other side's people whose it is, and whoever is mentioned and may see it; nobody of what they wrote themselves.

    `heard` are the buyer's people who heard of it before, by their ids; `kind`: of thing that it is about.
    """
    buyer = [contact for contact in buyer if is_for(kind, contact.roles)]
    to_seller = writes_for_buyer(author)
    others = _of_the_seller(owner, scope, seller) if to_seller else _of_the_buyer(scope, buyer, heard)
    found = {recipient.contact.contact_id: recipient for recipient in others}
    for contact in (*buyer, *seller):
        if contact.contact_id in mentioned and _may_see(contact, scope) and is_for(kind, contact.roles):
            found[contact.contact_id] = _as_themselves(contact, Weight.ACT)
    return [recipient for contact_id, recipient in found.items() if contact_id not in _writers(author)]


def keepers(owner: Role, scope: Scope, seller: Sequence[Contact]) -> list[Recipient]:
    """The seller's people who hear of what no buyer sees."""
    return _of_the_seller(owner, scope, seller)


def _of_the_seller(owner: Role, scope: Scope, seller: Sequence[Contact]) -> list[Recipient]:
    house = House(seller)
    for role in (owner, *SELLER_STAND_INS):
        if holders := house.holders(role, (scope,)):
            missing = None if role is owner else owner
            return [Recipient(contact, Weight.INFORM, role, stands_in_for=missing) for contact in holders]
    return []


def _of_the_buyer(scope: Scope, buyer: Sequence[Contact], heard: Collection[str]) -> list[Recipient]:
    concerned = [contact for contact in buyer if contact.contact_id in heard and _may_see(contact, scope)]
    return [
        _as_themselves(contact, Weight.INFORM)
        for contact in concerned or House(buyer).holders(Role.ACCOUNT_ADMIN, (scope,))
    ]


def _as_themselves(contact: Contact, weight: Weight) -> Recipient:
    role = next(iter(contact.roles), None)
    return Recipient(contact, weight if role else Weight.INFORM, role)


def _may_see(contact: Contact, scope: Scope) -> bool:
    return not contact.suspended and contact.hears_of(scope)


def _writers(author: str) -> set[str]:
    return {subject.partition(":")[2] for subject in author.split(" for ")}
