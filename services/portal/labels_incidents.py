"""One cause behind many cases, in people's words."""


def _(text: str) -> str:
    return text


INCIDENTS = {
    "INCIDENT_STATE_OPEN": _("Open"),
    "INCIDENT_STATE_PROPOSED": _("Its end waits for a second person"),
    "INCIDENT_STATE_ENDING": _("Its cases are being settled"),
    "INCIDENT_STATE_ENDED": _("Ended"),
    "INCIDENT_PROGRESS_LOOKING": _("Being looked into"),
    "INCIDENT_PROGRESS_FOUND": _("The cause is found"),
    "INCIDENT_PROGRESS_MENDING": _("Being mended"),
    "INCIDENT_PROGRESS_MENDED": _("Mended"),
    "outcome RESOLVED": _("Settled"),
    "outcome incident.case_not_ready": _("Left to you: it is over, or waits for the buyer"),
    "outcome dispute.own_case": _("Left to you: who approved it had opened this case"),
    "outcome dispute.four_eyes": _("Left to you: it takes another person"),
    "incident.filter_empty": _("Say which cases it is about: a reason, an item, a seller or days."),
    "incident.ended": _("How it ends is approved already."),
    "incident.too_many": _("An incident has at most 1,000 cases."),
    "incident.day_past": _("A promised day is today or later."),
    "incident.resolution": _("Cases end together in full credit, or with the invoice standing."),
    "incident.not_proposed": _("Nobody has said how it ends, or it is approved already."),
    "incident.four_eyes": _("Whoever proposed how it ends does not approve that: a colleague does."),
}
