"""An application as its applicant sees it: the fields of its form, in their groups, and what an offer asks for."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.portal.domain import applications

# Fields by their group, both in the order in which the page has them; of alternatives one suffices.
GROUPS: Mapping[str, Sequence[str]] = {
    "company": ("register_number", "register_court", "register_state", "company_name", "vat_id"),
    "contact": ("contact_email",),
    "buying": ("typical_order", "orders_a_month"),
    "asking": ("requested_amount", "requested_terms", "direct_debit"),
    "alternatives": ("iban", "reference_1", "reference_2", "deposit_offered"),
    "people": ("owners", "signer"),
    "other": (),
    "agreement": ("agreement",),
}
DOCUMENT = "document"
# Kinds of what was given, where it is not asked for any more: what they are is not told with their values.
_NUMBERS = {"orders_a_month": "ratio", "requested_terms": "days"}
_SIGNED = "agreement"
# In which answers are taken, a decision asked for, and nothing more will come.
ANSWERABLE = frozenset({"DRAFT", "REFERRED", "IN_REVIEW", "WAITING_FOR_FACTS", "DECIDED"})
SUBMITTABLE = frozenset({"DRAFT", "REFERRED", "DECIDED"})
ENDED = frozenset({"ACCEPTED", "EXPIRED", "WITHDRAWN"})
APPROVED = frozenset({"APPROVED", "APPROVED_LOWER", "APPROVED_WITH_CONDITIONS"})
# What an offer changes: by itself when it is taken, by a fact that is given with a click, or by what is typed or added.
_TAKEN = frozenset({"amount", "terms"})
_CLICKED = frozenset({"direct_debit", "deposit"})
_ADDED = {
    "bank_confirmed": ("iban",),
    "references": ("reference_1", "reference_2"),
    "annual_accounts": ("annual_accounts",),
}


@dataclass(frozen=True, slots=True)
class Field:
    """Something that is asked for, or was given and can be changed."""

    key: str
    # As the contract's Question has it.
    kind: str
    # What was given; "": nothing yet.
    given: str = ""
    required: bool = False
    # An older value, to be confirmed by a click; of a conflict, one of two.
    known: str = ""
    other: str = ""
    other_source: str = ""
    choices: Sequence[str] = ()
    # Of which group it is, one of which suffices.
    alternative: str = ""

    @property
    def is_tick(self) -> bool:
        """Whether there is nothing to say but yes."""
        return tuple(self.choices) == ("true",)


def fields(application: Any, only: Collection[str] = ()) -> list[Field]:
    """All fields of an application's form: of what is asked, of what was given, and of what its offers ask for."""
    found: dict[str, Field] = {}
    given = {fact.key: fact for fact in application.facts if fact.value}
    for asked in application.questions:
        known = "" if asked.kind == DOCUMENT else asked.known
        found[asked.key] = Field(
            asked.key,
            asked.kind,
            "",
            asked.required,
            known,
            asked.other,
            asked.other_source,
            tuple(asked.choices),
            asked.alternative,
        )
    for key, fact in given.items():
        if key not in found and key != "country":
            is_signed = key == _SIGNED
            found[key] = Field(key, _kind(fact), fact.value, required=is_signed, choices=("true",) if is_signed else ())
    for key in dict.fromkeys(key for offer in application.decision.offers for key in wanted(offer)):
        found.setdefault(key, Field(key, DOCUMENT if key == "annual_accounts" else "text"))
    for key in application.documents:
        found.setdefault(key, Field(key, DOCUMENT))
    return [field for field in found.values() if not only or field.key in only]


def _kind(fact: Any) -> str:
    if fact.provenance == DOCUMENT:
        return DOCUMENT
    if applications.amount(fact.value) is not None:
        return "money"
    return _NUMBERS.get(fact.key, "flag" if fact.value in ("true", "false") else "text")


def grouped(found: Iterable[Field]) -> list[tuple[str, list[Field]]]:
    """Fields by group, documents apart; each group has some."""
    place = {key: nth for keys in GROUPS.values() for nth, key in enumerate(keys)}
    groups: dict[str, list[Field]] = {group: [] for group in GROUPS}
    for field in found:
        if field.kind != DOCUMENT:
            groups[_group(field)].append(field)
    return [(name, sorted(some, key=lambda one: place.get(one.key, 99))) for name, some in groups.items() if some]


def _group(field: Field) -> str:
    if field.alternative:
        return "alternatives"
    return next((group for group, keys in GROUPS.items() if field.key in keys), "other")


def documents(found: Iterable[Field]) -> list[Field]:
    """The documents among them."""
    return [field for field in found if field.kind == DOCUMENT]


def missing(application: Any, only: Collection[str] = ()) -> list[str]:
    """What has to be answered before anything is decided."""
    return [
        one.key
        for one in application.questions
        if one.required and not one.alternative and (not only or one.key in only)
    ]


def wanted(offer: Any) -> list[str]:
    """What has to be typed or added for an offer; nothing where a click does it."""
    return [key for lever in offer.levers for key in _ADDED.get(lever, ())]


def is_taken(offer: Any) -> bool:
    """Whether it is accepted as it stands, once a decision is there."""
    return set(offer.levers) <= _TAKEN


def is_clicked(offer: Any) -> bool:
    """Whether all that it asks for is said by a click, after which it is decided anew."""
    return set(offer.levers) <= _TAKEN | _CLICKED


def steps(application: Any) -> list[str]:
    """What has to be shown before it is decided, that of the applicant's own doing first."""
    order = ("email_verified", "ship_to_confirmed", "call_back_done")
    return [step for step in order if step in application.steps]


def place(application: Any) -> str:
    """Where goods go, on one line; "" where it is not known."""
    said = {fact.key: fact.value for fact in application.facts}
    town = " ".join(filter(None, (said.get("ship_to_post_code", ""), said.get("ship_to_city", ""))))
    return ", ".join(filter(None, (said.get("ship_to_street", ""), town)))
