"""Questions, answers, what is done about them, and how well an account is, in people's words."""

from services.portal.labels_desk import Meant, pgettext


def _(text: str) -> str:
    return text


FEEDBACK: dict[str, str | Meant] = {
    "kind buyer": _("Credit line"),
    # What waits at the desk.
    "feedback": _("Answer to see to"),
    "feedback_many": _("Answers to see to"),
    # As the mail asks it (services/notifications/texts).
    "question BOOKED": _("Could our invoices be booked as they came?"),
    "question SOLVED": _("Was your case solved as you needed it?"),
    "question COMPLETE": _("Did the delivery arrive complete and in good order?"),
    "question FITS": _("Do the limit and the terms fit what you order?"),
    "question MENDED": _("Is it well now?"),
    "answer 9": _("Yes, fully"),
    "answer 6": _("Mostly"),
    "answer 2": _("No"),
    # What was asked, in a list.
    "topic BOOKED": _("Booked as it came"),
    "topic SOLVED": _("Case solved"),
    "topic COMPLETE": _("Delivery complete"),
    "topic FITS": _("Limit and terms fit"),
    "topic MENDED": _("Well now"),
    # How far it is.
    "action OPEN": pgettext("answer", "To do"),
    "action DONE": _("Done, and told"),
    "action CONFIRMED": _("Well again"),
    "action REOPENED": _("Still not well"),
    "action DONE_AGAIN": _("Done once more"),
    "action UNSOLVED": _("Not solved: talk about it"),
    "action WITHDRAWN": _("Taken back"),
    # What it came from.
    "cause DELIVERY": _("the delivery"),
    "cause DOCUMENT": _("the invoice or another document"),
    "cause PRICE": _("a price"),
    "cause TERMS": _("the limit or the terms"),
    "cause SPEED": _("it took too long"),
    "cause WORDS": _("we did not say it clearly"),
    "cause SYSTEM": _("a system, ours or theirs"),
    "cause OTHER": _("something else"),
    # Of what health is made.
    "term PROMISES": _("promises kept"),
    "term FIRST_TIME": _("invoices that nobody disputed"),
    "term NOT_HELD": _("orders that waited for nobody"),
    "term ANSWERS": _("answers"),
    # What it costs people.
    "effort clicks": _("clicks"),
    "effort fields": _("fields that are typed"),
    "effort uploads": _("files that are sent"),
    "effort contacts": _("times that somebody writes"),
    "effort repeats": _("of these again within seven days"),
    "effort minutes": _("minutes until an answer"),
    # Refusals.
    "feedback.value": _("Choose one of the answers."),
    "feedback.over": _("This question cannot be answered any more."),
    "feedback.illegal_move": _("Somebody has seen to this meanwhile: look at the list again."),
    "feedback.cause": _("Choose what it came from."),
    "feedback.said": _("Say what was done: whoever answered reads it."),
}
