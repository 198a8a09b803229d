"""A person who hears of things, and what we refuse to register."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address

from services.kernel.orders import Scope
from services.kernel.refusals import Invalid
from services.notifications.domain.preferences import USUAL, Preferences
from services.notifications.domain.roles import BUYER_ROLES, SELLER_ROLES, Role

LANGUAGES = ("en", "de", "fr", "sv")
EMAIL_MAX = 254  # RFC 5321
NAME_MAX = 200
ID_MAX = 64

# What would end a header. Joiners and parters of letters stay: Persian and Indian names need them.
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Contact:
    """A person of a buyer, or of the seller if the account is empty."""

    tenant: str
    contact_id: str
    account_id: str
    name: str
    email: str
    roles: tuple[Role, ...]
    # Hears only of this part of the company; empty fields: of all.
    scope: Scope
    language: str
    # Gets the invoice's document with the mail.
    wants_document: bool
    # A mail bounced: none goes there until the contact is registered anew.
    suspended: bool = False
    # Called our mail unwanted: none that only informs goes there until the contact is registered anew.
    complained: bool = False
    # When and how they hear of what asks nothing of them.
    preferences: Preferences = USUAL
    # To whom they handed over when they left; "": to nobody.
    successor: str = ""
    # When they came into the portal, wrote or moved a case last; None: never.
    heard_at: datetime | None = None
    # What the seller's people take them for (domain/influence.py); "": nobody said.
    influence: str = ""
    # Declined mail that only informs, until they want it again.
    declined: bool = False

    @property
    def wants_news(self) -> bool:
        """Whether mail goes there that asks nothing of its reader, and carries no document."""
        return not (self.complained or self.declined)

    def hears_of(self, scope: Scope) -> bool:
        """Whether a fact of this scope is theirs; a fact about the whole company is not one about a part of it."""
        mine = self.scope
        return (
            mine.site in {"", scope.site}
            and mine.cost_centre in {"", scope.cost_centre}
            and mine.purchase_order in {"", scope.purchase_order}
        )

    def check(self) -> "Contact":
        """Return the contact itself; refuse one that no mail could reach or no rule could find."""
        if not 1 <= len(self.contact_id) <= ID_MAX or not self.contact_id.isprintable() or "/" in self.contact_id:
            raise Invalid("contact.id_malformed", f"a contact's id has 1 to {ID_MAX} characters and no '/'")
        if not self.name.strip() or len(self.name) > NAME_MAX or _BREAKS.search(self.name):
            raise Invalid("contact.name_malformed", f"a name has 1 to {NAME_MAX} characters, on one line")
        if not is_address(self.email):
            raise Invalid("contact.email_malformed", "this is not an e-mail address")
        if self.language not in LANGUAGES:
            raise Invalid("contact.language_unknown", f"we write in {', '.join(LANGUAGES)}")
        if not set(self.roles) <= (BUYER_ROLES if self.account_id else SELLER_ROLES):
            side = "a buyer's" if self.account_id else "the seller's"
            raise Invalid("contact.role_of_other_side", f"one of these is no role of {side} person")
        return self

    def check_new(self) -> None:
        """Refuse to meet one who would hear of nothing; one who is known may come to that, and has left."""
        if not self.roles and not self.wants_document:
            raise Invalid("contact.without_role", "a contact needs a role, or wants the documents")


def roles(names: Sequence[str]) -> tuple[Role, ...]:
    """Read roles by name, each once; refuse what is none (RULES: roles)."""
    try:
        return tuple(dict.fromkeys(Role(name) for name in names))
    except ValueError:
        raise Invalid("contact.role_unknown", f"the roles are {', '.join(Role)}") from None


def mailbox(email: str) -> str:
    """An address as it is compared: its domain is the same in any case, what stands before it perhaps not."""
    local, _, domain = email.partition("@")
    return f"{local}@{domain.lower()}"


def is_address(text: str) -> bool:
    """Whether mail can be sent there as far as the text says: one '@', plain ASCII, nothing that breaks a header."""
    if len(text) > EMAIL_MAX or not text.isascii() or not text.isprintable() or text.count("@") != 1:
        return False
    try:
        address = Address(addr_spec=text)
    except (ValueError, IndexError, HeaderParseError):
        return False
    # A quoted local part ("a b"@c) is legal and refused: nobody has one, and every reader of it errs.
    return bool(address.username and address.domain) and address.addr_spec == text and '"' not in text
