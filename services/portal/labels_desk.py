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
    # Standing approvals: what is approved.
    "STANDING_KIND_RELEASE_ORDER": _("Orders a little over their limit"),
    "STANDING_KIND_UPLIFT": _("More credit for a while"),
    "STANDING_KIND_CREDIT": _("Credits that one person settles"),
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
    "undelivered": _("Invoice that reached nobody"),
    "unreachable": _("Mail comes back"),
    "unread": _("Message not read"),
    "first_step": _("First step that nobody made"),
    "referred_many": _("Orders to decide"),
    "case_many": _("Cases to answer"),
    "held_many": _("Invoices held back"),
    "unapplied_many": _("Payments without an invoice"),
    "announced_many": _("Payments announced"),
    "undelivered_many": _("Invoices that reached nobody"),
    "unreachable_many": _("People whose mail comes back"),
    "unread_many": _("Messages not read"),
    "first_step_many": _("First steps that nobody made"),
    "ordered": _("Ordered"),
    "invoiced": _("Invoiced"),
    "paid": _("Paid"),
    # Rows of files.
    "booked": _("Booked"),
    "known": _("Was booked before"),
    "registered": _("Registered"),
    "refused": _("Not taken"),
    # News and tips.
    "NEWS": _("News"),
    "TIP": _("Tip"),
    "NEWS_DRAFT": _("Draft"),
    "NEWS_PUBLISHED": _("Published"),
    "NEWS_OVER": _("Has ended"),
    "NEWS_WITHDRAWN": _("Withdrawn"),
    "FIRST_ORDER": _("the first order"),
    "DISPUTE_OPENED": _("a case was opened (shown once it has ended)"),
    "DISPUTE_RESOLVED": _("it was accepted how a case ends"),
    "PAYMENT_ANNOUNCED": _("a payment was announced"),
    "PERSON_INVITED": _("a colleague was invited"),
    # Refusals.
    "contact.suspended": _("Mail to this address came back: correct it first."),
    "contact.not_theirs": _("This person does not hear of that part of the company: choose another."),
    "contact.email_malformed": _("That is no address of mail."),
    "contact.seller_admin_only": _("Our own people are changed by an administrator alone."),
    "news.kind": _("Choose what it is."),
    "news.roles": _("Choose roles of a buyer's people."),
    "news.act": _("Choose from the list."),
    "news.days": _("Choose a first day and a last one, at most a year later."),
    "news.half": _("A text has a title and some words: fill in both, or neither."),
    "news.title_too_long": _("That is longer than 80 characters."),
    "news.body_too_long": _("That is longer than 600 characters."),
    "news.characters": _("That has a character that cannot be shown: type it again."),
    "news.fallback": _("Write a text in this language, or choose one that has a text."),
    "news.published": _("What was published stands as it is: withdraw it, and write it anew."),
    "news.over": _("It was withdrawn, or its last day is over: write it anew."),
    "order.four_eyes": _("Whoever placed an order, or asked for it, does not decide on it: a colleague has to."),
    "dispute.own_case": _("Whoever opened a case does not settle it: a colleague has to."),
    "dispute.already_asked": _("The customer was asked for this before."),
    "as.read_only": _("You only look at these pages: nothing is done there in somebody else's place."),
    "form.no_amount": _("That is no amount: write it as you write numbers, above zero."),
}
