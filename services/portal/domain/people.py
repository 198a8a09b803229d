"""Who reads a page: a person of a buyer or of the seller, with roles; and which pages are for whom."""

from collections.abc import Set
from dataclasses import dataclass, replace

# Roles of a buyer's people and of the seller's, as proto/receivables/common/v1/access.proto has them.
BUYER_ROLES = frozenset(
    "REQUESTER PROCUREMENT RECEIVING AP_CLERK AP_MANAGER FINANCE_LEAD LEGAL EDI_IT EXEC_SPONSOR ACCOUNT_ADMIN".split()
)
SELLER_ROLES = frozenset(
    "CREDIT BILLING CASH_APP COLLECTOR DISPUTE_OWNER SALES LOGISTICS QUALITY SELLER_ADMIN AUDITOR".split()
)
CONTACT, USER = "contact", "user"
STEP_UP_S = 300  # for so long a second factor that was shown counts for what needs it anew


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of a buyer's company; what is empty is not narrowed."""

    site: str = ""
    cost_centre: str = ""
    purchase_order: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in, as notifications knows them just now."""

    tenant: str
    contact_id: str
    # Empty: a person of the seller.
    account_id: str
    name: str
    roles: Set[str]
    language: str
    scope: Scope = Scope()
    # 1: a link by mail; 2: a second factor too.
    assurance: int = 1
    # The subject for whom this one stands in, or "".
    on_behalf_of: str = ""
    # As pages call that one.
    on_behalf_name: str = ""
    # Of mail, in small letters: their own, and of whom they stand in for.
    addresses: Set[str] = frozenset()
    # A keyed hash of the address whose mail let the session in, or empty.
    proved_address: bytes = b""

    @property
    def is_buyer(self) -> bool:
        """Of a buyer's company; else of the seller's."""
        return bool(self.account_id)

    @property
    def subject(self) -> str:
        """As other services know it: "contact:c1" or "user:u1"."""
        return f"{CONTACT if self.is_buyer else USER}:{self.contact_id}"


def standing_in(person: Person, other: Person, roles: Set[str]) -> Person:
    """Somebody while they act for a colleague: with what of the colleague's roles was handed over, and for that one's part."""
    return replace(
        person,
        roles=frozenset(other.roles & roles),
        scope=other.scope,
        on_behalf_of=other.subject,
        on_behalf_name=other.name,
        addresses=person.addresses | other.addresses,
    )


@dataclass(frozen=True, slots=True)
class Guard:
    """Who may open a page or send a form: people with one of these roles; what it is about decide the services."""

    roles: Set[str]
    # What the act needs: 1 any session, 2 a second factor.
    assurance: int = 1
    # The second factor was shown within the last minutes.
    step_up: bool = False

    def lets_in(self, person: Person) -> bool:
        """Whether somebody has one of the roles; which side one is of, one's roles say."""
        side = BUYER_ROLES if person.is_buyer else SELLER_ROLES
        return bool(person.roles & self.roles & side)


ANYBODY = Guard(BUYER_ROLES | SELLER_ROLES)
BUYERS = Guard(BUYER_ROLES)
SELLERS = Guard(SELLER_ROLES)
# A buyer's people by what they see to.
PAPERS = Guard(BUYER_ROLES - {"EXEC_SPONSOR"})
MONEY = Guard(frozenset("AP_CLERK AP_MANAGER FINANCE_LEAD ACCOUNT_ADMIN".split()))
CASES = Guard(frozenset("REQUESTER PROCUREMENT RECEIVING AP_CLERK AP_MANAGER FINANCE_LEAD LEGAL ACCOUNT_ADMIN".split()))
CREDIT_LINE = Guard(frozenset("REQUESTER PROCUREMENT AP_CLERK AP_MANAGER FINANCE_LEAD ACCOUNT_ADMIN".split()))
ORDERS = Guard(frozenset("REQUESTER PROCUREMENT ACCOUNT_ADMIN".split()))
RECEIPTS = Guard(frozenset("REQUESTER RECEIVING ACCOUNT_ADMIN".split()))
