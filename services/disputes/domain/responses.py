"""What a buyer's system says of an invoice: a Peppol Invoice Response 3, read, judged, and written as such a system writes it.

UBL 2.1 ApplicationResponse, customization urn:fdc:peppol.eu:poacc:trns:invoice_response:3 (RULES: what the buyer's system says).
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NoReturn

from lxml import etree

from services.disputes.domain import invoices, vocabulary
from services.disputes.domain.cases import DESCRIPTION_MAX, Wish
from services.disputes.domain.invoices import NOTHING_CREDITED, Invoice, Lines, Part
from services.disputes.domain.portions import Shares
from services.disputes.domain.vocabulary import ACTIONS, CLARIFICATIONS, Choice
from services.documents import safe
from services.kernel.calendars import day
from services.kernel.money import Money, decimal
from services.kernel.refusals import Conflict, Invalid, Refusal, quoted
from services.kernel.residue import unit_of

SIZE_MAX = 1_000_000  # bytes
CUSTOMIZATION = "urn:fdc:peppol.eu:poacc:trns:invoice_response:3"
PROFILE = "urn:fdc:peppol.eu:poacc:bis:invoice_response:3"
ROOT = "urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2"
CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
REASON_LIST, ACTION_LIST, STATUS_LIST, TYPE_LIST = "OPStatusReason", "OPStatusAction", "UNCL4343OpSubset", "UNCL1001"
STATUSES_MAX = 50  # clarifications of a response
CONDITIONS_MAX = 100
LINES_MAX = 1000
ID_MAX = 128  # characters
# Corrected totals with VAT: what a buyer would pay instead.
_TOTALS = ("BT-112", "BT-115")
_TERM = re.compile(r"BT-[0-9]{1,3}")
# A reference to a payment stands beside the invoice's (UNCL1001).
_PAYMENT = "481"


class Status(StrEnum):
    """Where an invoice stands at the buyer (UNCL4343, the subset of Peppol)."""

    RECEIVED = "AB"
    IN_PROCESS = "IP"
    UNDER_QUERY = "UQ"
    CONDITIONALLY_ACCEPTED = "CA"
    REJECTED = "RE"
    ACCEPTED = "AP"
    PAID = "PD"


# Those that contest the invoice: they say why (PEPPOL-T111-R001).
CONTESTING = (Status.UNDER_QUERY, Status.CONDITIONALLY_ACCEPTED, Status.REJECTED)

_OPEN = frozenset(Status) - {Status.RECEIVED}
# What may be said after what; the same again is an update of it. A buyer need not say all (some never say AB), and nothing
# is said after a rejection but its own words.
FOLLOWS = {
    Status.RECEIVED: frozenset(Status),
    Status.IN_PROCESS: _OPEN,
    # A query that is answered is processed on.
    Status.UNDER_QUERY: _OPEN,
    Status.CONDITIONALLY_ACCEPTED: _OPEN - {Status.IN_PROCESS},
    Status.REJECTED: frozenset({Status.REJECTED}),
    Status.ACCEPTED: frozenset({Status.ACCEPTED, Status.PAID}),
    Status.PAID: frozenset({Status.PAID}),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """What would have to be otherwise, and its right value as somebody wrote it."""

    # A business term (BT-48); '' where it is called otherwise.
    term: str
    value: str


@dataclass(frozen=True, slots=True)
class Response:
    """One Invoice Response, as it was read."""

    # The sender's own, unique for an invoice.
    message_id: str
    issued_on: date
    status: Status
    # Since when it is so; None: since it was said.
    effective_on: date | None
    # Of an invoice, as its document says it (BT-1).
    invoice_number: str
    # OPStatusReason and OPStatusAction, each in the order in which they stand.
    reasons: tuple[str, ...]
    actions: tuple[str, ...]
    conditions: tuple[Condition, ...]
    # Lines of the invoice that are meant, where the sender's system says so (UBL LineResponse; Peppol's own have none).
    lines: tuple[str, ...]
    # All that people wrote in it.
    words: str
    sha256: str

    @property
    def terms(self) -> tuple[str, ...]:
        """The business terms that would have to be otherwise."""
        return tuple(dict.fromkeys(condition.term for condition in self.conditions if condition.term))

    @property
    def is_partly_paid(self) -> bool:
        """Whether a payment was announced of a part only."""
        return self.status is Status.PAID and "PPD" in self.reasons


def read(content: bytes) -> Response:
    """Read a response; refuse what is none, or not as Peppol's rules have it."""
    if len(content) > SIZE_MAX:
        raise Invalid("response.too_large", f"an invoice response has at most {SIZE_MAX:,} bytes")
    try:
        root = safe.parse(content)
    except safe.Unsafe as error:
        raise Invalid("response.malformed", f"this is no XML that is taken: {error}") from None
    if root.tag != f"{{{ROOT}}}ApplicationResponse" or not _text(root, "CustomizationID").startswith(CUSTOMIZATION):
        raise Invalid("response.not_a_response", f"this is no ApplicationResponse of {CUSTOMIZATION}")
    said = _one(root, "DocumentResponse")
    answer = _one(said, "Response")
    status = _status(_text(answer, "ResponseCode"))
    clarifications = list(_all(answer, "Status", STATUSES_MAX))
    codes = [_code(one) for one in clarifications if _text(one, "StatusReasonCode")]
    if status in CONTESTING and not codes:
        raise Invalid("response.reason_missing", f"a response that says {status.value} says why")
    conditions = tuple(_conditions(clarifications))
    return Response(
        message_id=_id(root, "ID"),
        issued_on=_day(_text(root, "IssueDate")),
        status=status,
        effective_on=_day(since) if (since := _text(answer, "EffectiveDate")) else None,
        invoice_number=_invoice_number(said),
        reasons=tuple(dict.fromkeys(code for list_id, code in codes if list_id == REASON_LIST)),
        actions=tuple(dict.fromkeys(code for list_id, code in codes if list_id == ACTION_LIST)),
        conditions=conditions,
        lines=tuple(_lines(said)),
        words=_words(root, answer, clarifications, conditions),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def check_follows(before: Status | None, said: Response) -> None:
    """Refuse a status that does not follow the one that was said last: what was decided is not undone by a late message."""
    if before is not None and said.status not in FOLLOWS[before]:
        raise Conflict(
            "response.out_of_order", f"{said.status.value} does not follow {before.value}, which was said of it"
        )


def reason_of(said: Response) -> Choice:
    """Why it is contested, in our words: the first reason that says something, else any."""
    telling = next((code for code in said.reasons if code not in ("NON", vocabulary.OTHER)), vocabulary.OTHER)
    return vocabulary.from_peppol(telling, said.actions, said.terms)


def wish(said: Response, invoice: Invoice, lines: Lines, credited: Shares = NOTHING_CREDITED) -> Wish | None:
    """What a response contests; None: nothing is left of the invoice that could be.

    The lines that it names, as far as they are left; the difference to the total that it would accept; else all that is
    left, since a query or a rejection is of the whole, and a condition that cannot be computed is for a person to narrow.
    """
    unit = unit_of(invoice.gross.currency)
    if (room := invoice.room.minor // unit * unit) <= 0:
        return None
    code = reason_of(said).code
    parts = tuple(
        Part(line_id, left) for line_id in said.lines if line_id in lines and (left := lines[line_id].left) > 0
    )
    if parts and 0 < invoices.amount_of(parts, lines, invoice, credited).minor <= room:
        return Wish(code, said.words or None, parts, None)
    amount = room
    if said.status is Status.CONDITIONALLY_ACCEPTED and (accepted := _accepted(said, invoice)) is not None:
        amount = min(room, invoice.gross.minor - accepted.minor)
    # Without words it is not described, and nobody stands behind the form who could be asked for them.
    return Wish(code, said.words or None, (), Money(amount, invoice.gross.currency))


def write(
    said: Response,
    *,
    sender: tuple[str, str, str] = ("0088", "7300010000001", "Buyer"),
    receiver: tuple[str, str, str] = ("0088", "7300010000018", "Seller"),
) -> bytes:
    """The same as a buyer's system writes it; each party is its address' scheme, the address, and its registered name.

    The written words become the explanation of the first clarification (without one, a note), and the conditions stand with it. `lines` have no
    place in Peppol's form and are left out.
    """
    root = etree.Element(f"{{{ROOT}}}ApplicationResponse", nsmap={None: ROOT, "cac": CAC, "cbc": CBC})  # type: ignore[dict-item]  # the default namespace has no name
    for name, text in (
        ("CustomizationID", CUSTOMIZATION),
        ("ProfileID", PROFILE),
        ("ID", said.message_id),
        ("IssueDate", said.issued_on.isoformat()),
    ):
        _put(root, name, text)
    clarified = [(REASON_LIST, code) for code in said.reasons] + [(ACTION_LIST, code) for code in said.actions]
    if said.words and not clarified:
        _put(root, "Note", said.words)
    for role, (scheme, address, name) in (("SenderParty", sender), ("ReceiverParty", receiver)):
        party = _group(root, role)
        _put(party, "EndpointID", address, schemeID=scheme)
        _put(_group(party, "PartyLegalEntity"), "RegistrationName", name)
    document = _group(root, "DocumentResponse")
    answer = _group(document, "Response")
    _put(answer, "ResponseCode", said.status.value, listID=STATUS_LIST)
    if said.effective_on:
        _put(answer, "EffectiveDate", said.effective_on.isoformat())
    for nth, (list_id, code) in enumerate(clarified):
        status = _group(answer, "Status")
        _put(status, "StatusReasonCode", code, listID=list_id)
        if nth == 0 and said.words:
            _put(status, "StatusReason", said.words)
        for condition in said.conditions if nth == 0 else ():
            one = _group(status, "Condition")
            _put(one, "AttributeID", condition.term)
            _put(one, "Description", condition.value)
    reference = _group(document, "DocumentReference")
    _put(reference, "ID", said.invoice_number)
    _put(reference, "DocumentTypeCode", "380", listID=TYPE_LIST)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _accepted(said: Response, invoice: Invoice) -> Money | None:
    """The total that the buyer would accept, where the response says one that is less than the invoice's."""
    for condition in said.conditions:
        if condition.term in _TOTALS:
            try:
                total = Money.of(decimal(condition.value.strip(), what=condition.term), invoice.gross.currency)
            except Refusal:
                continue  # in words; they are in the case's
            if 0 <= total.minor < invoice.gross.minor and total.minor % unit_of(total.currency) == 0:
                return total
    return None


def _status(code: str) -> Status:
    try:
        return Status(code)
    except ValueError:
        raise Invalid("response.unknown_status", f"{quoted(code)} is no status of an invoice response") from None


def _code(status: etree._Element) -> tuple[str, str]:
    """A clarification's list and code."""
    element = status.find(f"{{{CBC}}}StatusReasonCode")
    assert element is not None, "it was looked whether there is one"
    code = _text(status, "StatusReasonCode")
    known = {REASON_LIST: CLARIFICATIONS, ACTION_LIST: ACTIONS}
    list_id = (element.get("listID") or "").strip()
    if code not in known.get(list_id, {}):
        raise Invalid("response.unknown_reason", f"{quoted(code)} is not in the list {quoted(list_id)}")
    return list_id, code


def _conditions(clarifications: Sequence[etree._Element]) -> Iterator[Condition]:
    nth = 0
    for status in clarifications:
        for one in _all(status, "Condition", CONDITIONS_MAX):
            nth += 1
            if nth > CONDITIONS_MAX:
                _malformed(f"a response has at most {CONDITIONS_MAX} conditions")
            term = _text(one, "AttributeID")
            yield Condition(term if _TERM.fullmatch(term) else "", _lines_of_text(one, "Description"))


def _lines(document: etree._Element) -> Iterator[str]:
    for one in _all(document, "LineResponse", LINES_MAX):
        reference = one.find(f"{{{CAC}}}LineReference")
        if reference is not None and (line_id := _text(reference, "LineID")):
            yield line_id


def _invoice_number(document: etree._Element) -> str:
    """The number of the invoice that it is about: the first reference that is not to a payment."""
    for reference in _all(document, "DocumentReference", STATUSES_MAX):
        if _text(reference, "DocumentTypeCode") != _PAYMENT:
            return _id(reference, "ID")
    return _malformed("a response refers to an invoice")


def _words(
    root: etree._Element,
    answer: etree._Element,
    clarifications: Sequence[etree._Element],
    conditions: Sequence[Condition],
) -> str:
    """All that people wrote, a paragraph each, no more than a case's description takes."""
    texts = [_lines_of_text(root, "Note"), _lines_of_text(answer, "Description")]
    texts += [_lines_of_text(one, "StatusReason") for one in clarifications]
    texts += [f"{one.term}: {one.value}" if one.term else one.value for one in conditions]
    return "\n".join(dict.fromkeys(text for text in texts if text))[:DESCRIPTION_MAX].strip()


def _one(parent: etree._Element, name: str) -> etree._Element:
    found = parent.find(f"{{{CAC}}}{name}")
    return found if found is not None else _malformed(f"there is no {name} in it")


def _all(parent: etree._Element, name: str, most: int) -> list[etree._Element]:
    found = parent.findall(f"{{{CAC}}}{name}")
    if len(found) > most:
        _malformed(f"more than {most} {name} are not taken")
    return found


def _text(parent: etree._Element, name: str) -> str:
    """An element's text on one line; '' where there is none."""
    return " ".join((parent.findtext(f"{{{CBC}}}{name}") or "").split())


def _lines_of_text(parent: etree._Element, name: str) -> str:
    return "\n".join((one.text or "").strip() for one in parent.findall(f"{{{CBC}}}{name}")).strip()


def _id(parent: etree._Element, name: str) -> str:
    found = _text(parent, name)
    if not found or len(found) > ID_MAX or not (found.isascii() and found.isprintable()):
        _malformed(f"its {name} has 1 to {ID_MAX} characters of ASCII")
    return found


def _day(text: str) -> date:
    try:
        return day(text, what="a date")
    except Refusal:
        return _malformed("a date is none (YYYY-MM-DD)")


def _malformed(why: str) -> NoReturn:
    raise Invalid("response.malformed", f"this is no invoice response as Peppol has it: {why}")


def _group(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{CAC}}}{name}")


def _put(parent: etree._Element, name: str, text: str, **marks: str) -> None:
    etree.SubElement(parent, f"{{{CBC}}}{name}", marks).text = text
