"""What the portal sees of people's effort: clicks, fields that they type and files that they send, by process; with budgets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

DISPUTE, APPLICATION = "dispute", "application"
FIELDS_MOST = 100  # of a case, by name
# How our forms call what is typed; a name that is none of these was made up by who sent it.
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,60}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it counts: of which process, which fields are typed (the others are filled in), and which are chosen."""

    process: str
    typed: frozenset[str] = frozenset()
    # Beside these, the fields whose names begin so.
    begins: str = ""
    chosen: frozenset[str] = frozenset()
    # It is sent by a click; what saves a field as it is left is not.
    is_click: bool = True


_ONE_FACT = Form(APPLICATION, begins="fact-", is_click=False)
_FACTS = Form(APPLICATION, begins="fact-", chosen=frozenset({"fact-agreement"}))
_SENT = Form(APPLICATION)
# By the address of the route. Where two are the same form, one is of a link and one of who is signed in.
FORMS: Mapping[str, Form] = {
    "/invoices/{number}/dispute": Form(DISPUTE, frozenset({"description"}), chosen=frozenset({"reason"})),
    "/disputes/{case}/move": Form(DISPUTE, frozenset({"said"})),
    "/disputes/{case}/files": Form(DISPUTE),
    **{
        f"{home}{path}": form
        for home in ("/credit/application/{application}", "/apply/{token}")
        for path, form in {
            "": _FACTS,
            "/field": _ONE_FACT,
            "/documents": _SENT,
            "/accept": _SENT,
            "/offer": _SENT,
            "/appeal": Form(APPLICATION, frozenset({"why"})),
        }.items()
    },
}

# What a case may cost whom it is about: an order of the figures, on average. Opening a case is three clicks; an application
# asks at most nine fields of who is plainly good, fourteen and one document otherwise.
BUDGETS: Mapping[str, Mapping[str, float]] = {
    DISPUTE: {"clicks": 3, "fields": 2, "uploads": 1, "contacts": 1, "repeats": 0.05, "minutes": 2880},
    APPLICATION: {"clicks": 6, "fields": 14, "uploads": 1, "contacts": 1, "repeats": 0.05, "minutes": 480},
}
FIGURES = ("clicks", "fields", "uploads", "contacts", "repeats", "minutes")


@dataclass(frozen=True, slots=True)
class Spent:
    """What one form cost: clicks, the names of the fields that were typed, files."""

    clicks: int
    fields: frozenset[str]
    uploads: int


def spent(form: Form, said: Mapping[str, str], files: int) -> Spent:
    """What a form cost that has these fields and brings so many files."""
    filled = {name for name, value in said.items() if value.strip() and _NAME.fullmatch(name)}
    begun = {name for name in filled if form.begins and name.startswith(form.begins)}
    typed = ((filled & form.typed) | begun) - form.chosen
    only = said.get("only", "")
    if not form.is_click and only:
        typed &= {f"{form.begins}{only}"}
    return Spent(form.is_click + len(filled & form.chosen), frozenset(sorted(typed)[:FIELDS_MOST]), files)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a process, on average of a case: now, in the period before, and what it may be."""

    name: str
    now: float | None
    before: float | None
    budget: float

    @property
    def is_over(self) -> bool:
        """Whether it costs people more than it may."""
        return self.now is not None and self.now > self.budget


def figures(process: str, now: Mapping[str, float], before: Mapping[str, float]) -> list[Figure]:
    """All figures of a process; of which nothing is known is None."""
    return [Figure(name, now.get(name), before.get(name), BUDGETS[process][name]) for name in FIGURES]
