"""Where an invoice stands at the buyer, as the buyer's system says it; what people read instead of a code."""


def _(text: str) -> str:
    return text


RESPONSES = {
    "BUYER_STATUS_RECEIVED": _("It has arrived"),
    "BUYER_STATUS_IN_PROCESS": _("In process"),
    "BUYER_STATUS_UNDER_QUERY": _("Waits for an answer of ours"),
    "BUYER_STATUS_CONDITIONALLY_ACCEPTED": _("Accepted under a condition"),
    "BUYER_STATUS_REJECTED": _("Rejected"),
    "BUYER_STATUS_ACCEPTED": _("Accepted, to be paid"),
    "BUYER_STATUS_PAID": _("Payment under way"),
}
