"""How cases are run, in words: their tracks and why, what became of them beside their moves."""

from services.portal.labels_desk import Meant


def _(text: str) -> str:
    return text


CASES: dict[str, str | Meant] = {
    "case TRACK_FAST": _("quick"),
    "case TRACK_STANDARD": _("usual"),
    "case TRACK_ENHANCED": _("with more care"),
    "track_reason legal_reason": _("it is a matter of law"),
    "track_reason large_amount": _("the amount is large"),
    "track_reason inspection": _("the goods have to be looked at"),
    "track_reason machine_proven": _("orders, deliveries and payments show what is right"),
    "track_reason by_person": _("a person has to look into it"),
    "track_reason appealed": _("it was answered before, and a person looks at it again"),
    "CHANGE_ASSIGNED": _("Given to somebody"),
    "CHANGE_RECODED": _("Another reason"),
    "CHANGE_MERGED": _("Took in another case"),
    "CHANGE_SPLIT": _("Lines went on by themselves"),
    "CHANGE_AT_RISK": _("Little time is left"),
    "CHANGE_LATE": _("Promise missed, another day named"),
    "CELL_STEP_EVIDENCE": _("Evidence"),
    "CELL_STEP_ASSESSMENT": _("Assessment"),
    "CELL_STEP_DECISION": _("Decision"),
    "CELL_STEP_EXECUTION": _("Execution"),
    "cell.not_enhanced": _("One person is enough for this case."),
    "cell.incomplete": _("Choose somebody for each step, and who coordinates them."),
    "cell.days": _(
        "Each step has a day, none before the one that it follows; it is decided by the day that the buyer was promised."
    ),
    "cell.four_eyes": _("Who assesses a case does not decide it: choose somebody else for one of the two."),
    "dispute.owner_malformed": _("Choose somebody of ours, and another to stand in."),
    "dispute.ended": _("The case has ended: open it again first."),
    "dispute.same_case": _("That is this case: name the other one."),
    "dispute.other_invoice": _("The other case is about another invoice."),
    "dispute.not_changeable": _("That can be done while the case waits for our answer."),
    "dispute.not_by_line": _("The case is about an amount: there are no lines to part."),
    "dispute.authority": _("That is more than you may credit: somebody with more authority settles it."),
}
