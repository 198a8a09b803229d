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
    "contact.time_zone_unknown": _("Choose a time zone."),
    "contact.pace_unknown": _("Choose how news comes."),
    "contact.quiet_hours": _("Quiet hours begin and end, and not at the same time."),
}
