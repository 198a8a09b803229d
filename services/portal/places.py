"""What stands in every page's head, in its order: an address, its words, and who sees it there."""

from services.portal.domain.people import BUYERS, SELLERS, Guard


def _(text: str) -> str:
    return text


_MONEY = Guard(frozenset({"AP_CLERK", "AP_MANAGER", "FINANCE_LEAD", "ACCOUNT_ADMIN"}))
_CASES = Guard(
    frozenset("REQUESTER PROCUREMENT RECEIVING AP_CLERK AP_MANAGER FINANCE_LEAD LEGAL ACCOUNT_ADMIN".split())
)
_CREDIT = Guard(frozenset("REQUESTER PROCUREMENT AP_CLERK AP_MANAGER FINANCE_LEAD ACCOUNT_ADMIN".split()))
_ORDERS = Guard(frozenset("REQUESTER PROCUREMENT AP_MANAGER FINANCE_LEAD ACCOUNT_ADMIN".split()))

PLACES: tuple[tuple[str, str, Guard], ...] = (
    ("/", _("Overview"), BUYERS),
    ("/orders", _("Orders"), BUYERS),
    ("/approvals", _("Approvals"), _ORDERS),
    ("/invoices", _("Invoices"), BUYERS),
    ("/pay", _("Pay"), _MONEY),
    ("/balance", _("Balance"), _MONEY),
    ("/disputes", _("Cases"), _CASES),
    ("/credit", _("Credit line"), _CREDIT),
    ("/messages", _("Messages"), BUYERS),
    ("/people", _("People"), Guard(frozenset({"ACCOUNT_ADMIN", "SELLER_ADMIN"}))),
    ("/desk", _("Desk"), SELLERS),
    ("/desk/credit", _("Credit"), Guard(frozenset({"CREDIT", "SELLER_ADMIN", "SALES", "AUDITOR"}))),
    ("/desk/billing", _("Billing"), Guard(frozenset({"BILLING", "SELLER_ADMIN", "SALES", "AUDITOR"}))),
    ("/desk/cash", _("Cash"), Guard(frozenset({"CASH_APP", "COLLECTOR", "BILLING", "SELLER_ADMIN", "AUDITOR"}))),
    ("/desk/disputes", _("Cases"), SELLERS),
    ("/desk/accounts", _("Accounts"), SELLERS),
    ("/desk/register", _("Register"), Guard(frozenset({"SELLER_ADMIN", "SALES", "CREDIT"}))),
)
