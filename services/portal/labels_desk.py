"""What the seller's desk says over and above: acts and reasons of cases, holds, what waits, rows of files, refusals."""

from typing import NamedTuple


class Meant(NamedTuple):
    """A text that means several things in English: each has words of its own in the catalogues."""

    context: str
    text: str


def _(text: str) -> str:
    return text


def pgettext(context: str, text: str) -> Meant:
    """Mark a text that has several meanings, as gettext calls it."""
    return Meant(context, text)


DESK: dict[str, str | Meant] = {
    # The desk: what is done with a case, and how one ends.
    "ACTION_SUBMIT": _("Send"),
    "ACTION_ACKNOWLEDGE": _("Take up"),
    "ACTION_REVIEW": _("Look into it"),
    "ACTION_ASK_CUSTOMER": _("Ask the customer"),
    "ACTION_ASK_INTERNAL": _("Ask a colleague"),
    "ACTION_ANSWER": pgettext("act", "Answer"),
    "ACTION_PROPOSE": _("Propose how it ends"),
    "ACTION_ACCEPT": _("Accept the proposal"),
    "ACTION_RESOLVE": _("Settle it"),
    "ACTION_COMPLETE": _("Credit note issued"),
    "ACTION_CLOSE": _("Close"),
    "ACTION_REJECT": _("Do not accept"),
    "ACTION_APPEAL": _("Have it looked at again"),
    "ACTION_WITHDRAW": _("Withdraw"),
    "ACTION_MARK_DUPLICATE": _("Close as a duplicate"),
    "ACTION_REOPEN": pgettext("act", "Open again"),
    # Holds on accounts, and decisions.
    "overdue": _("invoices are overdue"),
    "fraud": _("orders must be checked first"),
    "by_request": _("as the buyer asked"),
    "account_on_hold": _("the account is on hold"),
    "HELD": _("Reserved"),
    "PARTIALLY_CAPTURED": _("Partly invoiced"),
    "CAPTURED": _("Invoiced"),
    "RELEASED": _("Given back"),
    "EXPIRED": _("Lapsed"),
    "REFERRED": _("Waits for a person"),
    "REFUSED": _("Refused"),
    "INVOICE_ON_SHIPMENT": _("when goods ship"),
    "INVOICE_ON_APPROVAL": _("when the order is approved"),
    # What waits at the desk.
    "referred": _("Order to decide"),
    "case": _("Case to answer"),
    "held": _("Invoice held back"),
    "unapplied": _("Payment without an invoice"),
    "announced": _("Payment announced"),
    "unread": _("Message not read"),
    "referred_many": _("Orders to decide"),
    "case_many": _("Cases to answer"),
    "held_many": _("Invoices held back"),
    "unapplied_many": _("Payments without an invoice"),
    "announced_many": _("Payments announced"),
    "unread_many": _("Messages not read"),
    "ordered": _("Ordered"),
    "invoiced": _("Invoiced"),
    "paid": _("Paid"),
    # Rows of files.
    "booked": _("Booked"),
    "known": _("Was booked before"),
    "registered": _("Registered"),
    "refused": _("Not taken"),
    # Refusals.
    "order.four_eyes": _("Whoever placed an order, or asked for it, does not decide on it: a colleague has to."),
    "dispute.own_case": _("Whoever opened a case does not settle it: a colleague has to."),
    "dispute.already_asked": _("The customer was asked for this before."),
    "as.read_only": _("You only look at these pages: nothing is done there in somebody else's place."),
    "form.no_amount": _("That is no amount: write it as you write numbers, above zero."),
}
