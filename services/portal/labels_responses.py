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
    # Why one could not be read.
    "response.malformed": _("It is no invoice response as Peppol has it."),
    "response.not_a_response": _("It is another document."),
    "response.too_large": _("It is larger than 1 MB."),
    "response.unknown_status": _("Its status is in no list."),
    "response.unknown_reason": _("Its reason is in no list."),
    "response.reason_missing": _("It contests the invoice and does not say why."),
    "response.unknown_invoice": _("There is no invoice by that number."),
    "response.ambiguous_invoice": _("There is more than one invoice by that number."),
    "response.message_reused": _("Another message came by the same id."),
    "response.out_of_order": _("What was said before it was the last word."),
}
