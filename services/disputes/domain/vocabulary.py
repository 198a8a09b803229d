"""Reason codes both ways: what others call ours, which of ours theirs are, and what is lost on the way (VOCABULARY.md)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.disputes.domain import reasons
from services.disputes.domain.reasons import REASONS
from services.kernel.refusals import Invalid, quoted

# What a Peppol Invoice Response clarifies by (lists OPStatusReason and OPStatusAction of the BIS Invoice Response 3).
CLARIFICATIONS: Mapping[str, str] = {
    "NON": "no issue",
    "REF": "references incorrect",
    "LEG": "legal information incorrect",
    "REC": "receiver unknown",
    "QUA": "item quality insufficient",
    "DEL": "delivery issues",
    "PRI": "prices incorrect",
    "QTY": "quantity incorrect",
    "ITM": "items incorrect",
    "PAY": "payment terms incorrect",
    "UNR": "not recognised",
    "FIN": "finance terms incorrect",
    "PPD": "partially paid",
    "OTH": "other",
}
ACTIONS: Mapping[str, str] = {
    "NOA": "no action required",
    "PIN": "provide information",
    "NIN": "issue a new invoice",
    "CNF": "credit fully",
    "CNP": "credit partially",
    "CNA": "credit the amount",
    "OTH": "other",
}
OTHER = "OTH"
# Says that something was paid, and goes with that status alone (rule PEPPOL-T111-R005).
_PAID = "PPD"

# Own code | what is asked of the seller | the business terms (EN 16931) whose correction tells it apart from its neighbours
_TABLE = """
PRC_UNIT        | CNP | BT-146 BT-148
PRC_DISC        | CNP | BT-92 BT-107 BT-136 BT-147
QTY_SHORT       | CNP |
QTY_OVER        | CNP | BT-132
DLV_NONE        | CNF |
DLV_LATE        | CNA | BT-72
DLV_REFUSED     | CNF |
DLV_POD         | PIN |
QLT_DAMAGE      | CNP |
QLT_SPEC        | CNP | BT-154 BT-160 BT-161
ITM_WRONG       | CNP | BT-153 BT-155 BT-156 BT-157
RET_CREDIT      | CNA |
SVC_NOTDONE     | CNF | BT-73 BT-74 BT-134 BT-135
INV_DUP         | CNF | BT-1
INV_WRONG       | CNF | BT-44 BT-46 BT-47 BT-49
INV_REF         | NIN | BT-10 BT-11 BT-12 BT-13 BT-14 BT-16 BT-18 BT-19
INV_LEGAL       | NIN | BT-27 BT-30 BT-31 BT-32 BT-33 BT-35 BT-48 BT-50
INV_NOTRECEIVED | PIN |
TAX_RATE        | NIN | BT-95 BT-96 BT-102 BT-103 BT-110 BT-117 BT-118 BT-119 BT-120 BT-121 BT-151 BT-152
FRT_CHARGE      | CNP | BT-99 BT-104 BT-105 BT-108 BT-141 BT-144 BT-145
TRM_DUE         | NIN | BT-9
TRM_EPD         | CNA | BT-20
PAY_DONE        | NOA | BT-113
CRN_MISSING     | PIN | BT-25 BT-26
REB_BONUS       | CNA |
ADV_COOP        | CNA |
CTR_SETOFF      | CNA |
BNK_FEE         | CNA | BT-81 BT-83
UNK_TXN         | PIN |
OTH             | OTH |
"""

# Of codes that several of ours share, the usual one: what is taken where nothing tells them apart.
_USUAL = {
    "PRI": "PRC_UNIT",
    "QTY": "QTY_SHORT",
    "DEL": "DLV_NONE",
    "QUA": "QLT_DAMAGE",
    "ITM": "ITM_WRONG",
    "UNR": "INV_DUP",
    "LEG": "INV_LEGAL",
    "FIN": "FRT_CHARGE",
    "PAY": "TRM_DUE",
    "OTH": OTHER,
    "32": "DLV_NONE",
    "51": "INV_REF",
    "75": "PRC_DISC",
}


class By(StrEnum):
    """Why one of several is taken."""

    # Nobody else has that code.
    ALONE = "ALONE"
    # A business term that is to be corrected.
    TERM = "TERM"
    # What is asked of the seller.
    ACTION = "ACTION"
    # Nothing tells them apart: the usual one.
    USUAL = "USUAL"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of our codes one of theirs is, which it might have been too, and why this one."""

    code: str
    others: tuple[str, ...]
    by: By


@dataclass(frozen=True, slots=True)
class Clarification:
    """A reason, and what is asked of the seller, as a Peppol Invoice Response says them."""

    reason: str
    action: str


def _read() -> dict[str, tuple[str, frozenset[str]]]:
    rows = ([cell.strip() for cell in row.split("|")] for row in _TABLE.strip().splitlines())
    return {code: (action, frozenset(terms.split())) for code, action, terms in rows}


_OURS = _read()


def action_of(code: str) -> str:
    """What is asked of the seller for one of our reasons (OPStatusAction)."""
    return _OURS[reasons.find(code).code][0]


def terms_of(code: str) -> frozenset[str]:
    """The business terms whose correction means this reason."""
    return _OURS[reasons.find(code).code][1]


def to_peppol(code: str) -> Clarification:
    """What an Invoice Response that contests for this reason says; PPD goes with a payment alone, then the next one is said."""
    names = reasons.find(code).peppol
    return Clarification(next(name for name in names if name != _PAID), action_of(code))


def to_uncl4465(code: str) -> str:
    """What an adjustment for this reason is called: the usual one of its codes."""
    return reasons.find(code).uncl4465[0]


def from_peppol(reason: str, actions: Collection[str] = (), terms: Collection[str] = ()) -> Choice:
    """Which of our reasons a clarification is: by the terms to correct, then by what is asked, then the usual one."""
    if reason not in CLARIFICATIONS:
        raise Invalid("response.unknown_reason", f"{quoted(reason)} is not in the list OPStatusReason")
    shared = [one.code for one in REASONS.values() if reason in one.peppol] or [OTHER]
    by_term = [code for code in shared if terms_of(code) & set(terms)]
    by_action = [code for code in by_term or shared if action_of(code) in actions]
    left = by_action or by_term or shared
    if len(shared) == 1:
        return Choice(shared[0], (), By.ALONE)
    if len(left) == 1:
        by = By.TERM if by_term == left else By.ACTION
        return Choice(left[0], _without(shared, left[0]), by)
    return _usual(reason, left, shared)


def from_uncl4465(code: str) -> Choice:
    """Which of our reasons an adjustment's is; refuse one that is none of ours."""
    shared = [one.code for one in REASONS.values() if code in one.uncl4465]
    if not shared:
        raise Invalid("dispute.unknown_reason", f"{quoted(code)} is no reason of UNCL4465 that is known here")
    if len(shared) == 1:
        return Choice(shared[0], (), By.ALONE)
    return _usual(code, shared, shared)


def lost_in_peppol() -> dict[str, str]:
    """Those of our reasons that come back as another by reason and action alone, and as which."""
    return {
        code: back
        for code in REASONS
        if (back := from_peppol((said := to_peppol(code)).reason, [said.action]).code) != code
    }


def lost_in_uncl4465() -> dict[str, str]:
    """Those that come back as another by their adjustment's reason, and as which."""
    return {code: back for code in REASONS if (back := from_uncl4465(to_uncl4465(code)).code) != code}


def _usual(theirs: str, left: list[str], shared: list[str]) -> Choice:
    usual = _USUAL[theirs]
    taken = usual if usual in left else left[0]
    return Choice(taken, _without(shared, taken), By.USUAL)


def _without(shared: list[str], taken: str) -> tuple[str, ...]:
    return tuple(code for code in shared if code != taken)
