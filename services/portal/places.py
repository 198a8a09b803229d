"""What stands in every page's head, in its order: an address, its words, and who sees it there."""

from services.portal.domain.people import BUYERS, CASES, CREDIT_LINE, MONEY, PAPERS, SELLER_ROLES, SELLERS, Guard


def _(text: str) -> str:
    return text


_APPROVALS = Guard(frozenset("REQUESTER PROCUREMENT AP_MANAGER FINANCE_LEAD ACCOUNT_ADMIN".split()))

PLACES: tuple[tuple[str, str, Guard], ...] = (
    ("/", _("Overview"), BUYERS),
    ("/orders", _("Orders"), PAPERS),
    ("/approvals", _("Approvals"), _APPROVALS),
    ("/invoices", _("Invoices"), PAPERS),
    ("/assets", _("Assets"), PAPERS),
    ("/pay", _("Pay"), MONEY),
    ("/balance", _("Balance"), MONEY),
    ("/disputes", _("Cases"), CASES),
    ("/credit", _("Credit line"), CREDIT_LINE),
    ("/messages", _("Messages"), BUYERS),
    ("/desk", _("Desk"), SELLERS),
    ("/desk/credit", _("Credit"), Guard(frozenset({"CREDIT", "SELLER_ADMIN", "SALES", "AUDITOR"}))),
    (
        "/desk/approvals",
        _("Approvals"),
        Guard(frozenset({"CREDIT", "DISPUTE_OWNER", "SELLER_ADMIN", "AUDITOR"})),
    ),
    ("/desk/applications", _("Applications"), Guard(frozenset({"CREDIT", "SELLER_ADMIN", "SALES", "AUDITOR"}))),
    ("/desk/reviews", _("Limits"), Guard(frozenset({"CREDIT", "SELLER_ADMIN", "SALES", "AUDITOR"}))),
    ("/desk/billing", _("Billing"), Guard(frozenset({"BILLING", "SELLER_ADMIN", "SALES", "AUDITOR"}))),
    ("/desk/cash", _("Cash"), Guard(frozenset({"CASH_APP", "COLLECTOR", "BILLING", "SELLER_ADMIN", "AUDITOR"}))),
    ("/desk/disputes", _("Cases"), SELLERS),
    (
        "/desk/causes",
        _("Causes"),
        Guard(frozenset({"DISPUTE_OWNER", "QUALITY", "LOGISTICS", "SELLER_ADMIN", "AUDITOR"})),
    ),
    (
        "/desk/feedback",
        _("Answers"),
        Guard(frozenset({"CREDIT", "BILLING", "DISPUTE_OWNER", "SALES", "LOGISTICS", "SELLER_ADMIN", "AUDITOR"})),
    ),
    (
        "/desk/delivery",
        _("Delivery"),
        Guard(SELLER_ROLES - {"LOGISTICS", "QUALITY", "CREDIT", "DISPUTE_OWNER", "CASH_APP"}),
    ),
    ("/desk/promises", _("Promises"), SELLERS),
    (
        "/desk/effort",
        _("Effort"),
        Guard(frozenset({"CREDIT", "BILLING", "DISPUTE_OWNER", "SALES", "SELLER_ADMIN", "AUDITOR"})),
    ),
    ("/desk/accounts", _("Accounts"), Guard(SELLER_ROLES - {"LOGISTICS", "QUALITY"})),
    ("/desk/register", _("Register"), Guard(frozenset({"SELLER_ADMIN", "SALES", "CREDIT"}))),
    ("/desk/news", _("News"), Guard(frozenset({"SELLER_ADMIN", "SALES"}))),
    ("/people", _("People"), Guard(frozenset({"ACCOUNT_ADMIN", "SELLER_ADMIN"}))),
)
