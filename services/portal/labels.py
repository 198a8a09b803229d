"""Codes in people's words: roles, states, reasons. `_` marks what the catalogues translate; a code without words is shown."""

from collections.abc import Mapping


def _(text: str) -> str:
    return text


LABELS: Mapping[str, str] = {
    # Roles of a buyer's people.
    "REQUESTER": _("Requester"),
    "PROCUREMENT": _("Procurement"),
    "RECEIVING": _("Goods receiving"),
    "AP_CLERK": _("Accounts payable"),
    "AP_MANAGER": _("Head of accounts payable"),
    "FINANCE_LEAD": _("Finance lead"),
    "LEGAL": _("Legal"),
    "EDI_IT": _("EDI and IT"),
    "EXEC_SPONSOR": _("Executive sponsor"),
    "ACCOUNT_ADMIN": _("Administrator of the account"),
    # And of the seller's.
    "CREDIT": _("Credit"),
    "BILLING": _("Billing"),
    "CASH_APP": _("Cash application"),
    "COLLECTOR": _("Collections"),
    "DISPUTE_OWNER": _("Disputes"),
    "SALES": _("Sales"),
    "LOGISTICS": _("Logistics"),
    "QUALITY": _("Quality"),
    "SELLER_ADMIN": _("Administrator"),
    "AUDITOR": _("Auditor"),
    "BUYER": _("You"),
    # How far orders, holds and decisions are.
    "ORDER_STATE_PLACED": _("Placed"),
    "ORDER_STATE_PARTLY_SHIPPED": _("Partly shipped"),
    "ORDER_STATE_SHIPPED": _("Shipped"),
    "ORDER_STATE_CANCELLED": _("Cancelled"),
    "ORDER_STATE_REFUSED": _("Refused"),
    "OUTCOME_APPROVED": _("Approved"),
    "OUTCOME_REFERRED": _("Waits for a person"),
    "OUTCOME_DECLINED": _("Declined"),
    "within_limit": _("within the credit limit"),
    "near_limit": _("a little over the credit limit: a person decides"),
    "over_limit": _("over the credit limit"),
    "on_hold": _("the account is on hold"),
    "unknown_buyer": _("no account by that id"),
    "exposure_uncertain": _("what is owed is not certain just now"),
    "by_person": _("decided by a person"),
    # Invoices and items.
    "OPEN": _("Open"),
    "OVERDUE": _("Overdue"),
    "PAID": _("Paid"),
    "DISPUTED": _("Disputed"),
    "CREDITED": _("Credited"),
    # Orders that need approval.
    "PURCHASE_AWAITING": _("Waits for approval"),
    "PURCHASE_PLACING": _("Being placed"),
    "PURCHASE_PLACED": _("Placed"),
    "PURCHASE_REFUSED": _("Not placed"),
    "PURCHASE_EXPIRED": _("Waited too long"),
    "approval.refused": _("an approver said no"),
    "approval.left": _("who ordered it has left"),
    "approval.not_allowed": _("who ordered it may not order any more"),
    # Cases.
    "STATE_DRAFT": _("Draft"),
    "STATE_SUBMITTED": _("Sent"),
    "STATE_ACKNOWLEDGED": _("Taken up"),
    "STATE_UNDER_REVIEW": _("Being looked at"),
    "STATE_AWAITING_CUSTOMER": _("Waits for you"),
    "STATE_AWAITING_INTERNAL": _("Waits for a colleague of ours"),
    "STATE_PROPOSED": _("We propose"),
    "STATE_ACCEPTED": _("Accepted"),
    "STATE_RESOLVING": _("Being settled"),
    "STATE_RESOLVED": _("Settled"),
    "STATE_REOPENED": _("Open again"),
    "STATE_CLOSED": _("Closed"),
    "STATE_REJECTED": _("Not accepted by us"),
    "STATE_APPEALED": _("Being looked at again"),
    "STATE_WITHDRAWN": _("Withdrawn"),
    "STATE_DUPLICATE": _("The same as another case"),
    # When items are due.
    "not due": _("not due yet"),
    "1-30": _("1 to 30 days late"),
    "31-60": _("31 to 60 days late"),
    "61-90": _("61 to 90 days late"),
    "90+": _("more than 90 days late"),
    # Announced payments, messages, timelines.
    "EXPECTED": _("Announced"),
    "RECEIVED": _("Received"),
    "WITHDRAWN": _("Taken back"),
    "ON_TRACK": _("On track"),
    "AT_RISK": _("At risk"),
    "LATE": _("Late"),
    "DONE": _("Done"),
    "QUEUED": _("On its way"),
    "ACCEPTED": _("Handed over"),
    "SOFT_BOUNCED": _("Tried again"),
    "HARD_BOUNCED": _("Could not be delivered"),
}

# What colour goes with a code, beside its words.
GOOD = frozenset(
    "PURCHASE_PLACED OUTCOME_APPROVED PAID RECEIVED ON_TRACK DONE ACCEPTED ORDER_STATE_SHIPPED STATE_RESOLVED".split()
)
WARN = frozenset(
    "PURCHASE_AWAITING OUTCOME_REFERRED DISPUTED AT_RISK SOFT_BOUNCED ORDER_STATE_PARTLY_SHIPPED STATE_AWAITING_CUSTOMER STATE_PROPOSED".split()
)
BAD = frozenset(
    "PURCHASE_REFUSED OUTCOME_DECLINED OVERDUE LATE HARD_BOUNCED ORDER_STATE_REFUSED STATE_REJECTED".split()
)


def tone(code: str) -> str:
    """The class of a code's colour."""
    return next((name for name, codes in (("good", GOOD), ("warn", WARN), ("bad", BAD)) if code in codes), "")
