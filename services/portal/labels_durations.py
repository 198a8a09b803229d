"""How long steps take, in people's words: of what, at the seller's desk; and what follows when that was agreed otherwise."""


def _(text: str) -> str:
    return text


DURATIONS: dict[str, str] = {
    "took application APPLIED": _("Application filled in"),
    "took application LOOKED_AT": _("Application taken up"),
    "took application ASKED": _("Applicant's answer"),
    "took application PROPOSED": _("Decision prepared"),
    "took application ANSWERED": _("Decision on the application"),
    "took application AGREED": _("Buyer's acceptance"),
    "took onboarding FIRST_ORDER": _("First order"),
    "took order DECIDED": _("Credit check of an order"),
    "took order SHIPPED": _("Shipment"),
    "took order RECEIVED": _("Confirmation of receipt"),
    "took order INVOICED": _("Invoice after the shipment"),
    "took invoice PAID": _("Payment"),
    "took dispute ASKED": _("Buyer's answer in a case"),
    "took dispute ANSWERED": _("Our answer to a case"),
    "took dispute CREDITED": _("Credit note of a case"),
    "remedy CREDIT": _("a credit"),
    "remedy WAIVE_INTEREST": _("no interest for a late payment"),
}
