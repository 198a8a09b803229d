"""What mends an invoice that a rule holds back, by the business term that the rule is about."""

from collections.abc import Mapping


def _(text: str) -> str:
    return text


# By business term (EN 16931), and where that is mended: the buyer's company or contract, the seller, or the order.
BUYER, SELLER, ORDER = "buyer", "seller", "order"
_MENDS: Mapping[str, tuple[str, str]] = {
    "BT-10": (BUYER, _("The buyer's reference is missing, or not in its form: set it in what was agreed.")),
    "BT-13": (ORDER, _("The purchase order is missing: send the order's next version with it.")),
    "BT-44": (BUYER, _("The buyer's registered name is missing.")),
    "BT-46": (BUYER, _("The buyer's number in the company register is missing or wrong.")),
    "BT-47": (BUYER, _("The buyer's number in the company register is missing or wrong.")),
    "BT-48": (BUYER, _("The buyer's VAT id is missing or wrong.")),
    "BT-49": (BUYER, _("Where the buyer takes electronic documents is missing or wrong.")),
    "BT-50": (BUYER, _("The buyer's street is missing.")),
    "BT-52": (BUYER, _("The buyer's city is missing.")),
    "BT-53": (BUYER, _("The buyer's post code is missing.")),
    "BT-55": (BUYER, _("The buyer's country is missing or wrong.")),
    "BT-31": (SELLER, _("Our own VAT id is missing or wrong.")),
    "BT-34": (SELLER, _("Our own electronic address is missing.")),
    "BT-41": (SELLER, _("The name of our billing desk is missing.")),
    "BT-42": (SELLER, _("The telephone of our billing desk is missing.")),
    "BT-43": (SELLER, _("The mail address of our billing desk is missing.")),
    "BT-84": (SELLER, _("Our own account for payments is missing or wrong.")),
    "BT-151": (ORDER, _("The tax of a line is not one that these rules allow: correct it in the order.")),
    "BT-152": (ORDER, _("The rate of tax of a line is not right: correct it in the order.")),
}
_ELSE = ("", _("What it says is missing or wrong: correct it where it comes from, and retry."))


def mended_by(place: str) -> tuple[str, str]:
    """Where a finding about a place ("BT-48") is mended, and how, in words."""
    words = place.replace("/", " ").replace(",", " ").split()
    return next((_MENDS[word] for word in words if word in _MENDS), _ELSE)
