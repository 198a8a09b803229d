"""What people chose, what is asked of them and where somebody is missing, in people's words."""


def _(text: str) -> str:
    return text


PEOPLE: dict[str, str] = {
    "news ORDERS": _("Orders"),
    "news INVOICES": _("Invoices and credit notes"),
    "news PAYMENTS": _("Payments"),
    "news DISPUTES": _("Cases"),
    "news CREDIT": _("Credit line"),
    "pace AT_ONCE": _("at once, each by itself"),
    "pace DIGEST": _("once a day, together"),
    "pace NOTHING": _("no mail; it stands in your messages"),
    # What was asked of a buyer's people, and of whom then.
    "asked invoice_issued": _("An invoice to be paid"),
    "asked dispute_question": _("A question in a case"),
    "asked order_referred": _("What speaks for an order"),
    "asked application_needs_fact": _("An answer in an application"),
    "asked name_somebody": _("Somebody to be named"),
    "asked contact_unreachable": _("A right address"),
    "level 1": _("same role"),
    "level 2": _("stand-in"),
    "level 3": _("administrator"),
    "level 4": _("sponsor"),
    "missed SINGLE_CONTACT": _("Everything hangs on one person."),
    "missed OWNER": _("Nobody here answers for this account."),
    "influence ": _("as their roles suggest"),
    "influence DECIDER": _("decides"),
    "influence INFLUENCER": _("has a say"),
    "influence USER": _("works with it"),
    "contact.succeeds_oneself": _("Who leaves hands over to somebody else."),
    "contact.successor_elsewhere": _("Who takes over is of the same company."),
    "contact.successor_unreachable": _("Mail to who takes over comes back: correct the address first."),
    "contact.nothing_to_hand_over": _("They have no role any more, and nothing to hand over."),
    "contact.influence_unknown": _("Choose what they decide."),
    "team.without_owner": _("Name an owner before a stand-in."),
    "team.oneself": _("Nobody stands in for themselves."),
    "team.not_ours": _("Choose colleagues who have a role."),
    "picture.too_large": _("A picture has at most 100 kB."),
    "picture.format": _("Choose a JPEG or a PNG."),
    "picture.of_buyer": _("Pictures are of your own people alone."),
    "contact.time_zone_unknown": _("Choose a time zone."),
    "contact.pace_unknown": _("Choose how news comes."),
    "contact.quiet_hours": _("Quiet hours begin and end, and not at the same time."),
}
