"""Codes in people's words: roles, states, reasons. `_` marks what the catalogues translate; a code without words is shown."""

from collections.abc import Mapping

from services.portal.labels_applying import APPLYING
from services.portal.labels_cases import CASES
from services.portal.labels_causes import CAUSES
from services.portal.labels_credit import CREDIT
from services.portal.labels_desk import DESK, Meant, pgettext
from services.portal.labels_durations import DURATIONS
from services.portal.labels_feedback import FEEDBACK
from services.portal.labels_incidents import INCIDENTS
from services.portal.labels_lab import LAB
from services.portal.labels_mails import MAILS
from services.portal.labels_people import PEOPLE
from services.portal.labels_refusals import REFUSALS
from services.portal.labels_responses import RESPONSES


def _(text: str) -> str:
    return text


LABELS: Mapping[str, str | Meant] = {
    **CASES,
    **DESK,
    **REFUSALS,
    **CREDIT,
    **APPLYING,
    **LAB,
    **CAUSES,
    **INCIDENTS,
    **RESPONSES,
    **PEOPLE,
    **DURATIONS,
    **FEEDBACK,
    **MAILS,
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
    "CREDIT": pgettext("role", "Credit"),
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
    "group_limit": _("over the limit of the group"),
    "on_hold": _("the account is on hold"),
    "unknown_buyer": _("no account by that id"),
    "exposure_uncertain": _("what is owed is not certain just now"),
    "rate_missing": _("no exchange rate of these days is known"),
    "by_person": _("decided by a person"),
    "fraud_hold": _("looks wrong: it waits until that is checked"),
    "fraud_review": _("looks unusual: a person decides"),
    "step_up": _("looks unusual: one thing has to be confirmed"),
    "checked": _("a person checks the order"),
    "standing_approval": _("a little over the credit limit: approved once for all that is alike"),
    # Invoices and items.
    "OPEN": _("Open"),
    "OVERDUE": _("Overdue"),
    "PAID": _("Paid"),
    "DISPUTED": _("Disputed"),
    "CREDITED": _("Credited"),
    # Orders that need approval.
    "GOODS": _("Goods"),
    "SERVICE": _("Services"),
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
    "STATE_REOPENED": pgettext("state", "Open again"),
    "STATE_CLOSED": _("Closed"),
    "STATE_REJECTED": _("Not accepted by us"),
    "STATE_APPEALED": _("Being looked at again"),
    "STATE_WITHDRAWN": _("Withdrawn"),
    "STATE_DUPLICATE": _("The same as another case"),
    # What the evidence says of a case.
    "verdict VERDICT_PROVEN": _("Our records bear it out"),
    "verdict VERDICT_PARTLY_PROVEN": _("Our records bear out a part of it"),
    "verdict VERDICT_DISPROVEN": _("Our records say otherwise"),
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
    # What is written about.
    "kind order": _("Order"),
    "kind invoice": _("Invoice"),
    "kind dispute": _("Case"),
    "kind payment": _("Payment"),
    "kind application": _("Application for credit"),
    "kind onboarding": _("First steps"),
    # First steps of a company, what is said to them, and why they wait for their owner.
    "step SIGN_IN": _("Come into the portal"),
    "step COLLEAGUES": _("Name who orders, receives and pays"),
    "step SAMPLE": _("Try a sample invoice"),
    "step WAY_TO_PAY": _("Choose how to pay"),
    "step FIRST_ORDER": _("Place the first order"),
    "answer ACCEPTED": _("taken by your system"),
    "answer REFUSED": _("not taken by your system"),
    "answer TRANSFER": _("by transfer"),
    "answer DIRECT_DEBIT": _("by direct debit"),
    "answer PORTAL": _("in the portal"),
    "waits NOBODY": _("nobody of the company is there"),
    "waits NO_ANSWER": _("nobody answered"),
    "waits REFUSED": _("it did not work"),
    # Steps of what is tracked.
    "PLACED": _("Ordered"),
    "DECIDED": _("Credit checked"),
    "SHIPPED": _("Shipped"),
    "INVOICED": _("Invoiced"),
    "OPENED": _("Sent to us"),
    "ASKED": _("Answered by you"),
    "APPLIED": _("Applied"),
    "LOOKED_AT": _("Taken up by a person"),
    "PROPOSED": _("Prepared, to be confirmed by a second person"),
    "AGREED": _("Accepted by you"),
    "ANSWERED": _("Answered by us"),
    "CANCELLED": _("Cancelled"),
    "DECLINED": _("Declined"),
    "REJECTED": _("Not accepted by us"),
    "PAYABLE": _("The invoice stands"),
    "DUPLICATE": _("The same as another case"),
    "WRITTEN_OFF": _("Written off"),
    # What is wrong with an invoice.
    "PRC_UNIT": _("The price is not the one agreed"),
    "PRC_DISC": _("A discount is missing"),
    "QTY_SHORT": _("Less came than was invoiced"),
    "QTY_OVER": _("More was invoiced than we ordered"),
    "DLV_NONE": _("It did not come"),
    "DLV_LATE": _("It came late"),
    "DLV_REFUSED": _("We refused it on delivery"),
    "DLV_POD": _("We need a proof of delivery"),
    "QLT_DAMAGE": _("It came damaged"),
    "QLT_SPEC": _("It is not as specified"),
    "ITM_WRONG": _("Something else came than we ordered"),
    "RET_CREDIT": _("We sent it back, and the credit is missing"),
    "SVC_NOTDONE": _("The service was not done"),
    "INV_DUP": _("We have this invoice twice"),
    "INV_WRONG": _("It is not for our company"),
    "INV_REF": _("The purchase order or a reference is missing"),
    "INV_LEGAL": _("The address, the VAT id or a legal text is wrong"),
    "INV_NOTRECEIVED": _("We never got this invoice"),
    "TAX_RATE": _("The VAT is wrong"),
    "FRT_CHARGE": _("Freight or a charge was not agreed"),
    "TRM_DUE": _("The due date or the terms are wrong"),
    "TRM_EPD": _("The discount for early payment is missing"),
    "PAY_DONE": _("We have paid it already"),
    "CRN_MISSING": _("A credit note was not taken into account"),
    "REB_BONUS": _("A rebate or a bonus is missing"),
    "ADV_COOP": _("A share of advertising is missing"),
    "CTR_SETOFF": _("We set it off against something else"),
    "BNK_FEE": _("The bank deducted a fee"),
    "UNK_TXN": _("We know nothing of it"),
    "OTH": _("Something else"),
    "about goods": _("The goods"),
    "about price": _("The price"),
    "about invoice": _("The invoice"),
    "about payment": _("The payment"),
    # How cases end.
    "RESOLUTION_FULL_CREDIT": _("Credited in full"),
    "RESOLUTION_PARTIAL_CREDIT": _("Credited in part"),
    "RESOLUTION_INVALID_PAYABLE": _("The invoice stands"),
    "RESOLUTION_REBILL": _("Invoiced anew"),
    "RESOLUTION_PRICE_CORRECTION": _("Price corrected"),
    "RESOLUTION_REPLACEMENT": _("Sent again"),
    "RESOLUTION_GOODWILL": _("Goodwill"),
    "RESOLUTION_SPLIT_SETTLEMENT": _("Settled between both"),
    "RESOLUTION_WRITE_OFF": _("Given up"),
    # What each end means to whoever chooses it, and to the buyer.
    "means RESOLUTION_FULL_CREDIT": _("All that is disputed is credited."),
    "means RESOLUTION_PARTIAL_CREDIT": _("The part that you name is credited; the rest is payable."),
    "means RESOLUTION_PRICE_CORRECTION": _(
        "The difference to the right prices is credited, and they hold for what the order still brings."
    ),
    "means RESOLUTION_REBILL": _("The invoice is credited, and a corrected one takes its place at the same time."),
    "means RESOLUTION_REPLACEMENT": _("The goods are sent again without an invoice; logistics is told what to send."),
    "means RESOLUTION_GOODWILL": _("A credit that we do not owe, within what is allowed for a case."),
    "means RESOLUTION_SPLIT_SETTLEMENT": _("An agreed share is credited; the rest is payable, due as on the invoice."),
    "means RESOLUTION_WRITE_OFF": _("We give up what is open of it, without a credit note."),
    "means RESOLUTION_INVALID_PAYABLE": _("Nothing is credited: the amount is payable, due as on the invoice."),
    "agreed RESOLUTION_FULL_CREDIT": _("All that was disputed is credited."),
    "agreed RESOLUTION_PARTIAL_CREDIT": _("A part is credited; the rest is payable as on the invoice."),
    "agreed RESOLUTION_PRICE_CORRECTION": _(
        "The difference to the right price is credited, and it holds for what the order still brings."
    ),
    "agreed RESOLUTION_REBILL": _("The invoice is credited, and a corrected one takes its place."),
    "agreed RESOLUTION_REPLACEMENT": _("The goods are sent again, without another invoice."),
    "agreed RESOLUTION_GOODWILL": _("We credit this amount as goodwill."),
    "agreed RESOLUTION_SPLIT_SETTLEMENT": _("A share is credited; the rest is payable as on the invoice."),
    "agreed RESOLUTION_WRITE_OFF": _("Nothing more of this amount is to be paid; there is no credit note."),
    "agreed RESOLUTION_INVALID_PAYABLE": _("The disputed amount is payable as on the invoice."),
    # Refusals.
    "typed.no_number": _("That is no number."),
    "typed.too_fine": _("That amount has more decimals than its currency."),
    "dispute.unknown_reason": _("Choose what is wrong."),
    "dispute.description_missing": _("For another reason, say what happened."),
    "dispute.description_too_long": _("That is longer than 4,000 characters."),
    "dispute.lines_or_amount": _("Choose at least one line, or an amount."),
    "dispute.exceeds_line": _("That is more than is left of the line: see whether there is a case already."),
    "dispute.exceeds_invoice": _("That is more than is left of the invoice: see whether there is a case already."),
    "dispute.quantity_not_positive": _("A quantity is more than nothing."),
    "dispute.amount_not_positive": _("An amount is more than nothing."),
    "dispute.too_late": _("The time in which this could be contested is over."),
    "dispute.nothing_left": _("All of it is credited, or in a case already."),
    "dispute.illegal_move": _("The case is in another state by now: look at it again."),
    "dispute.said_too_long": _("That is longer than 200 characters: write it as a message below."),
    "dispute.said_missing": _("Say something in answer."),
    "dispute.four_eyes": _("Whoever proposed this cannot accept it too: a colleague does."),
    "announcement.more_than_open": _("That is more than is open of an invoice: look at the amounts again."),
    "announcement.amount_not_positive": _("Something is paid of each invoice that is chosen."),
    "announcement.too_many": _("So many payments are announced that no more are taken: take old ones back."),
    "announcement.not_expected": _("That payment is here, or was taken back, already."),
    "order_line.name": _("Say what is ordered."),
    "order_line.quantity": _("That is no quantity."),
    "order_line.price": _("That is no price."),
    "order_file.too_large": _("A file of lines has at most 1 MB."),
    "order_file.no_text": _("The file is no text: save it as CSV in UTF-8."),
    "order_file.no_csv": _("The file is no CSV."),
    "order_file.empty": _("The file has no line."),
    "order_file.too_many": _("The file has more than 300 lines: split it."),
    "order.no_lines": _("An order has at least one line."),
    "order.day": _("Choose a day from today on."),
    "order.already_shipped": _("Goods of this order have shipped: it stands."),
    "order.version_passed": _("The order was changed meanwhile: look at it again."),
    "order.amount_not_positive": _("An order comes to more than nothing."),
    "order.no_portal_source": _("Orders cannot be placed here yet: your seller has to set it up."),
    "pay.nothing": _("Choose at least one invoice."),
    "pay.day": _("Choose a day from today on."),
    "announcement.unknown": _("No payment was announced by that reference."),
    "upload.missing": _("Choose a file."),
    "upload.busy": _("Many files come in just now: try again in a minute."),
    "upload.too_large": _("A file has at most 8 MB."),
    "form.anothers": _("This page was opened as somebody else. Open it again, and nothing is done by mistake."),
    "provider.away": _("That sign-in service does not answer just now. Try again in a minute, or come in by a link."),
    "upload.locked": _("That document is locked by a password: send it without one."),
    "upload.too_many_pixels": _("That picture has more than 40 million pixels: send a smaller one."),
    "upload.too_many_pages": _("That document has more than 500 pages: send the ones that matter."),
    "upload.unreadable": _("That is no photo (JPEG, PNG, WebP) and no PDF, or it is damaged."),
    "evidence.too_many": _("The case has as many files as it can have."),
    "evidence.too_much": _("The case's files would be too large together."),
    "evidence.case_ended": _("The case has ended: open it again to add something."),
    "evidence.away": _("The file could not be kept just now: try again in a minute."),
}

# What colour goes with a code, beside its words.
GOOD = frozenset(
    "PURCHASE_PLACED OUTCOME_APPROVED PAID RECEIVED ON_TRACK DONE ACCEPTED ORDER_STATE_SHIPPED STATE_RESOLVED NEWS_PUBLISHED "
    "APPLICATION_OUTCOME_APPROVED APPLICATION_STATE_ACCEPTED BUYER_STATUS_ACCEPTED BUYER_STATUS_PAID "
    "ACTION_STATE_VERIFIED".split()
)
WARN = frozenset(
    "PURCHASE_AWAITING OUTCOME_REFERRED DISPUTED AT_RISK SOFT_BOUNCED ORDER_STATE_PARTLY_SHIPPED STATE_AWAITING_CUSTOMER STATE_PROPOSED "
    "APPLICATION_OUTCOME_APPROVED_LOWER APPLICATION_OUTCOME_APPROVED_WITH_CONDITIONS APPLICATION_OUTCOME_REFERRED "
    "APPLICATION_STATE_REFERRED APPLICATION_STATE_WAITING_FOR_FACTS APPLICATION_STATE_PROPOSED "
    "APPLICATION_STATE_APPEALED BUYER_STATUS_UNDER_QUERY BUYER_STATUS_CONDITIONALLY_ACCEPTED".split()
)
BAD = frozenset(
    "PURCHASE_REFUSED OUTCOME_DECLINED OVERDUE LATE HARD_BOUNCED ORDER_STATE_REFUSED STATE_REJECTED "
    "APPLICATION_OUTCOME_DECLINED BUYER_STATUS_REJECTED ACTION_STATE_RECURRED".split()
)


def tone(code: str) -> str:
    """The class of a code's colour."""
    return next((name for name, codes in (("good", GOOD), ("warn", WARN), ("bad", BAD)) if code in codes), "")
