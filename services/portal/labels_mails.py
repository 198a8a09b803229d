"""How loudly a mail speaks, in people's words."""


def _(text: str) -> str:
    return text


MAILS: dict[str, str] = {
    "weight ACT": _("Asks for something"),
    "weight INFORM": _("Informs"),
    "weight DIGEST": _("For completeness"),
}
