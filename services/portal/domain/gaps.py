"""What a buyer's company misses while nobody of it has a role."""

from collections.abc import Iterable, Set


def _(text: str) -> str:
    return text


# In the order of how soon it is felt.
MISSED: tuple[tuple[str, str], ...] = (
    ("AP_CLERK", _("Nobody gets the invoices, or is asked when a payment cannot be matched.")),
    ("PROCUREMENT", _("Nobody is asked when prices or quantities of an invoice differ from the order.")),
    ("RECEIVING", _("Nobody is asked what arrived when a delivery is short or damaged.")),
    ("AP_MANAGER", _("Nobody hears when payments are late or the account is put on hold.")),
    ("FINANCE_LEAD", _("Nobody decides when an order is a little over the credit limit.")),
    ("EDI_IT", _("Nobody hears when your system refuses an electronic invoice.")),
    ("LEGAL", _("Nobody is asked when terms or a contract are in question.")),
)


def gaps(roles: Iterable[Set[str]]) -> list[tuple[str, str]]:
    """Roles that nobody has, and what is missed: of the roles of each of a company's people."""
    held = frozenset[str]().union(*roles)
    return [(role, words) for role, words in MISSED if role not in held]


def name_of(address: str) -> str:
    """What somebody may be called, by their address: "ann.smith@firm.example" is Ann Smith, until it is said otherwise."""
    words = address.partition("@")[0].partition("+")[0].replace("_", ".").replace("-", ".").split(".")
    return " ".join(word.capitalize() for word in words if word and not word.isdigit()) or address
