"""Why cases come about, and what is done about it, in people's words."""


def _(text: str) -> str:
    return text


# Those that a clerk chooses from, as services/disputes/domain/causes.py has them.
NAMED = {
    "PRICING_MASTER": _("A price in our data is not the agreed one"),
    "PROMOTION_SETUP": _("A discount or a rebate was not set up"),
    "ORDER_ENTRY": _("The order was taken down wrong"),
    "PICKING": _("Picked or packed wrong"),
    "CARRIER": _("Lost, late or damaged on the way"),
    "SERVICE_DELIVERY": _("A service was not done as agreed"),
    "PRODUCTION": _("Made or stored below specification"),
    "MASTER_DATA": _("The buyer's data in our books are wrong"),
    "TAX_SETUP": _("The tax was set up wrong"),
    "DUPLICATE_BILLING": _("Billed twice"),
    "DOCUMENT_DELIVERY": _("A document did not arrive"),
    "TERMS_SETUP": _("Terms or freight are not as agreed"),
    "CASH_APPLICATION": _("A payment or a credit was overlooked"),
    "BUYER_ERROR": _("The buyer was mistaken"),
    "OTHER": _("Another cause"),
}
CAUSES = {
    **{f"cause {code}": words for code, words in NAMED.items()},
    "COUNT_BY_CAUSE": _("Cause"),
    "COUNT_BY_BUYER": _("Buyer"),
    "COUNT_BY_ITEM": _("Item"),
    "COUNT_BY_SELLER": _("Legal entity"),
    "COUNT_BY_SITE": _("Site"),
    "COUNT_BY_COST_CENTRE": _("Cost centre"),
    "CAUSE_KIND_BUYER": _("Buyer"),
    "CAUSE_KIND_ITEM": _("Item"),
    "ACTION_STATE_OPEN": _("To be begun"),
    "ACTION_STATE_IN_PROGRESS": _("Under way"),
    "ACTION_STATE_DONE": _("Done, being watched"),
    "ACTION_STATE_VERIFIED": _("It helped"),
    "ACTION_STATE_RECURRED": _("It came again"),
    "ACTION_STEP_START": _("Begin"),
    "ACTION_STEP_FINISH": _("It is done"),
    "ACTION_STEP_VERIFY": _("It helped"),
    "dispute.unknown_cause": _("Choose why it came about."),
    "action.illegal_move": _("The action is in another state by now: look at it again."),
    "action.too_early": _("Whether it helped is known 90 days after it was done."),
}
