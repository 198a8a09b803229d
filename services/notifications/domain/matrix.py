"""Who hears of what, and how loudly: as data (RULES: the matrix)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.notifications.domain.roles import Role


class Weight(StrEnum):
    """How loudly somebody hears; strongest first."""

    # Something is asked of them: at once.
    ACT = "ACT"
    # Good to know: with the day's digest.
    INFORM = "INFORM"
    # For completeness: with the day's digest, after the rest.
    DIGEST = "DIGEST"


class Kind(StrEnum):
    """What may have happened, as people hear of it."""

    APPLICATION_DECIDED = "application_decided"
    APPLICATION_NEEDS_FACT = "application_needs_fact"
    APPLICATION_REFERRED = "application_referred"
    APPLICATION_AT_RISK = "application_at_risk"
    ORDER_APPROVED = "order_approved"
    ORDER_REFERRED = "order_referred"
    ORDER_CHECK = "order_check"
    ORDER_CHECK_LATE = "order_check_late"
    ORDER_DECLINED = "order_declined"
    ORDER_CANCELLED = "order_cancelled"
    HOLD_EXPIRED = "hold_expired"
    ORDER_REFUSED = "order_refused"
    LIMIT_CHANGED = "limit_changed"
    LIMIT_EXCEEDED = "limit_exceeded"
    LIMIT_RAISE_OFFERED = "limit_raise_offered"
    LIMIT_CUT_PROPOSED = "limit_cut_proposed"
    LIMIT_CUT_ANNOUNCED = "limit_cut_announced"
    HOLD_PLACED = "hold_placed"
    HOLD_LIFTED = "hold_lifted"
    SHIPPED = "shipped"
    SHIPMENT_REFUSED = "shipment_refused"
    DOCUMENT_HELD = "document_held"
    CREDIT_REFUSED = "credit_refused"
    INVOICE_ISSUED = "invoice_issued"
    INVOICE_DIFFERS = "invoice_differs"
    CREDIT_NOTE_ISSUED = "credit_note_issued"
    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_NOT_IDENTIFIED = "payment_not_identified"
    PAYMENT_TWICE = "payment_twice"
    PAYMENT_ANNOUNCED = "payment_announced"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_REOPENED = "dispute_reopened"
    DISPUTE_QUESTION = "dispute_question"
    DISPUTE_PROPOSED = "dispute_proposed"
    DISPUTE_REJECTED = "dispute_rejected"
    DISPUTE_ENDED = "dispute_ended"
    DISPUTE_RESOLVED = "dispute_resolved"
    DISPUTE_AT_RISK = "dispute_at_risk"
    DISPUTE_LATE = "dispute_late"
    DISPUTE_ESCALATED = "dispute_escalated"
    DISPUTE_CELL = "dispute_cell"
    DISPUTE_LEGAL = "dispute_legal"
    DISPUTE_REPLACED = "dispute_replaced"
    INCIDENT_MOVED = "incident_moved"
    DISPUTE_PROVEN = "dispute_proven"
    DISPUTE_DISPROVEN = "dispute_disproven"
    CONTACT_UNREACHABLE = "contact_unreachable"
    COLLEAGUE_UNREACHABLE = "colleague_unreachable"
    NAME_SOMEBODY = "name_somebody"
    NAME_COLLEAGUE = "name_colleague"
    JOURNEY_AT_RISK = "journey_at_risk"
    JOURNEY_STEP_SLOW = "journey_step_slow"
    SERVICE_LEVEL_MISSED = "service_level_missed"
    THREAD_MESSAGE = "thread_message"
    MAIL_UNVERIFIED = "mail_unverified"
    CONTACT_COMPLAINED = "contact_complained"
    FIRST_SIGN_IN = "first_sign_in"
    FIRST_COLLEAGUES = "first_colleagues"
    FIRST_SAMPLE = "first_sample"
    FIRST_WAY_TO_PAY = "first_way_to_pay"
    FIRST_ORDER = "first_order"
    FIRST_STEP_REFUSED = "first_step_refused"
    ASK_ESCALATED = "ask_escalated"
    ROLES_MISSING = "roles_missing"
    SINGLE_CONTACT = "single_contact"
    HANDED_OVER = "handed_over"
    OWNER_MISSING = "owner_missing"
    FEEDBACK_LOW = "feedback_low"
    FEEDBACK_DONE = "feedback_done"
    FEEDBACK_UNSOLVED = "feedback_unsolved"
    ROLE_SOURED = "role_soured"


@dataclass(frozen=True, slots=True)
class Row:
    """What the matrix says about one kind of fact."""

    weights: Mapping[Role, Weight]
    # Who at the seller answers for it.
    owner: Role
    # Business days until what must be done is done, unless the fact itself names the day; 0: nothing is left to do.
    days: int


# A = ACT, I = INFORM, D = DIGEST, empty: nothing. Defaults of a programme: policy, not law.
# A question in a dispute goes to the one of its three roles that knows (stories.who_knows); that a promise is at risk, to
# the one whose it is (domain/journeys.py), and that it takes longer than promised. What somebody wrote goes to the other side alone, and to whoever is mentioned
# (domain/threads.py): the row says whose it may be at the seller. What is late in a case its owner is told too, and
# who is to look at one those who are. What nobody did goes to those of the next level alone (domain/asks.py), what was handed
# over to the successor. What a low answer asks goes to the one whose matter it is, and what was done to whoever answered, alone
# (domain/feedback.py).
_TABLE = """
event                  | REQ | PROC | RECV | AP_C | AP_M | FIN | LEG | EDI | EXEC | ADM | seller             | owner         | days
application_decided    |     | I    |      |      |      | A   |     |     | D    | A   | I SALES            | CREDIT        | 0
application_needs_fact |     |      |      |      |      | A   |     |     |      | A   |                    | CREDIT        | 5
application_referred   |     |      |      |      |      | I   |     |     |      | I   | A CREDIT           | CREDIT        | 1
application_at_risk    |     |      |      |      |      | I   |     |     |      | I   | A CREDIT           | CREDIT        | 0
order_approved         | I   | D    |      |      |      |     |     |     |      |     |                    | CREDIT        | 0
order_referred         | I   | I    |      |      |      | A   |     |     |      | I   | A CREDIT, I SALES  | CREDIT        | 1
order_check            |     |      |      |      |      |     |     |     |      |     | A CREDIT           | CREDIT        | 1
order_check_late       |     |      |      |      |      |     |     |     |      |     | A CREDIT           | CREDIT        | 0
order_declined         | I   | I    |      |      |      | I   |     |     |      | I   | I SALES            | SALES         | 0
order_cancelled        | I   | I    |      |      |      |     |     |     |      |     | I SALES            | SALES         | 0
hold_expired           | I   | I    |      |      |      |     |     |     |      |     | A SALES            | SALES         | 2
order_refused          |     |      |      |      |      |     |     |     |      |     | A BILLING          | BILLING       | 1
limit_changed          |     | I    |      |      | I    | I   |     |     | D    | I   | I SALES            | CREDIT        | 0
limit_exceeded         |     |      |      |      |      |     |     |     |      |     | A CREDIT, I SALES  | CREDIT        | 2
limit_raise_offered    |     |      |      |      |      | A   |     |     |      | A   |                    | CREDIT        | 30
limit_cut_proposed     |     |      |      |      |      |     |     |     |      |     | A CREDIT           | CREDIT        | 5
limit_cut_announced    |     |      |      |      |      | A   |     |     |      | A   | I CREDIT, I SALES  | CREDIT        | 0
hold_placed            | I   | I    |      | A    | A    | A   | I   |     | I    | I   | A COLLECTOR, I SALES | COLLECTOR   | 2
hold_lifted            | I   | I    |      | I    | I    | I   | I   |     | I    | I   | I COLLECTOR, I SALES | COLLECTOR   | 0
shipped                | I   |      | A    |      |      |     |     |     |      |     |                    | LOGISTICS     | 3
shipment_refused       |     |      |      |      |      |     |     |     |      |     | A BILLING          | BILLING       | 1
document_held          |     |      |      |      |      |     |     |     |      |     | A BILLING          | BILLING       | 1
credit_refused         |     |      |      |      |      |     |     |     |      |     | A DISPUTE_OWNER    | DISPUTE_OWNER | 1
invoice_issued         | D   |      |      | A    |      |     |     |     |      |     |                    | BILLING       | 0
invoice_differs        |     |      |      |      |      |     |     |     |      |     | A BILLING          | BILLING       | 2
credit_note_issued     | I   |      |      | I    |      |     |     |     |      |     |                    | BILLING       | 0
payment_received       |     |      |      | I    |      |     |     |     |      |     |                    | CASH_APP      | 0
payment_not_identified |     |      |      | I    |      |     |     |     |      |     | A CASH_APP         | CASH_APP      | 2
payment_twice          |     |      |      | I    |      |     |     |     |      |     | A CASH_APP         | CASH_APP      | 2
payment_announced      |     |      |      |      |      |     |     |     |      |     | D CASH_APP, D COLLECTOR | CASH_APP | 0
dispute_opened         | I   |      |      | I    |      |     |     |     |      |     | A DISPUTE_OWNER    | DISPUTE_OWNER | 5
dispute_reopened       | I   |      |      | I    |      |     |     |     |      |     | A DISPUTE_OWNER    | DISPUTE_OWNER | 5
dispute_question       | A   |      | A    | A    |      |     |     |     |      |     |                    | DISPUTE_OWNER | 5
dispute_proposed       | I   |      | I    | I    |      |     |     |     |      |     | I SALES            | DISPUTE_OWNER | 5
dispute_rejected       | I   |      | I    | I    |      |     |     |     |      |     | I SALES            | DISPUTE_OWNER | 5
dispute_ended          | I   |      | I    | I    |      |     |     |     |      |     | I SALES            | DISPUTE_OWNER | 0
dispute_resolved       | I   |      | I    | I    |      |     |     |     |      |     | I SALES            | DISPUTE_OWNER | 2
dispute_at_risk        |     |      |      |      |      |     |     |     |      |     | A DISPUTE_OWNER    | DISPUTE_OWNER | 0
dispute_late           | I   |      | I    | I    | I    |     |     |     |      |     | A DISPUTE_OWNER, I SALES | DISPUTE_OWNER | 2
dispute_escalated      |     |      |      |      |      |     |     |     |      |     | A SALES            | SALES         | 1
dispute_cell           |     |      |      |      |      |     |     |     |      |     | A DISPUTE_OWNER    | DISPUTE_OWNER | 0
dispute_legal          |     |      |      |      | I    | I   | A   |     | I    |     | A DISPUTE_OWNER    | DISPUTE_OWNER | 5
dispute_replaced       | I   |      | I    | I    |      |     |     |     |      |     | A LOGISTICS, I SALES | LOGISTICS   | 2
incident_moved         | I   |      | I    | I    | I    |     |     |     |      |     | I SALES            | DISPUTE_OWNER | 5
dispute_proven         | I   |      | I    | I    |      |     |     |     |      |     | I DISPUTE_OWNER, I SALES | DISPUTE_OWNER | 2
dispute_disproven      | I   |      | I    | I    |      |     |     |     |      |     | I DISPUTE_OWNER, I SALES | DISPUTE_OWNER | 5
contact_unreachable    |     |      |      |      |      |     |     |     |      | A   | I SALES            | SALES         | 2
colleague_unreachable  |     |      |      |      |      |     |     |     |      |     | A SALES            | SALES         | 2
name_somebody          |     |      |      |      |      |     |     |     |      | A   | I SALES            | SALES         | 5
name_colleague         |     |      |      |      |      |     |     |     |      |     | A SALES            | SALES         | 5
journey_at_risk        | I   |      |      | I    |      |     |     |     |      |     | A CREDIT, A LOGISTICS, A BILLING, A DISPUTE_OWNER | SALES | 0
journey_step_slow      |     |      |      |      |      |     |     |     |      |     | A CREDIT, A LOGISTICS, A BILLING, A DISPUTE_OWNER, D SALES | SALES | 10
service_level_missed   |     |      |      |      |      |     |     |     |      |     | A SALES            | SALES         | 5
thread_message         |     |      |      |      |      |     |     |     |      |     | I SALES, I BILLING, I DISPUTE_OWNER, I CASH_APP, I CREDIT | SALES | 2
mail_unverified        |     |      |      |      |      |     |     |     |      |     | I SALES, I BILLING, I DISPUTE_OWNER, I CASH_APP, I CREDIT | SALES | 2
contact_complained     |     |      |      |      |      |     |     |     |      |     | A SALES            | SALES         | 2
first_sign_in          |     |      |      |      |      |     |     |     |      | A   |                    | SALES         | 3
first_colleagues       |     |      |      |      |      |     |     |     |      | A   |                    | SALES         | 3
first_sample           |     |      |      | A    | I    |     |     |     |      |     |                    | BILLING       | 3
first_way_to_pay       |     |      |      |      |      | A   |     |     |      |     |                    | SALES         | 3
first_order            | A   |      |      |      |      |     |     |     |      |     |                    | SALES         | 3
first_step_refused     |     |      |      |      |      |     |     |     |      |     | A BILLING          | BILLING       | 2
ask_escalated          | A   | A    | A    | A    | A    | A   | A   | A   | A    | A   | I SALES            | SALES         | 1
roles_missing          |     |      |      |      |      |     |     |     |      | A   | I SALES            | SALES         | 5
single_contact         |     |      |      |      |      |     |     |     |      | A   | A SALES            | SALES         | 5
owner_missing          |     |      |      |      |      |     |     |     |      |     | A SALES            | SALES         | 2
handed_over            | A   | A    | A    | A    | A    | A   | A   | A   | A    | A   | A CREDIT, A BILLING, A CASH_APP, A COLLECTOR, A DISPUTE_OWNER, A SALES, A LOGISTICS, A QUALITY | SALES | 1
feedback_low           |     |      |      |      |      |     |     |     |      |     | A CREDIT, A LOGISTICS, A BILLING, A DISPUTE_OWNER, A SALES | SALES | 5
feedback_done          | I   |      | I    | I    |      | I   |     |     |      |     |                    | SALES         | 0
feedback_unsolved      |     |      |      |      |      |     |     |     |      |     | A SALES            | SALES         | 2
role_soured            |     |      |      |      |      |     |     |     |      |     | A SALES            | SALES         | 5
"""

_BUYER_COLUMNS = (
    Role.REQUESTER,
    Role.PROCUREMENT,
    Role.RECEIVING,
    Role.AP_CLERK,
    Role.AP_MANAGER,
    Role.FINANCE_LEAD,
    Role.LEGAL,
    Role.EDI_IT,
    Role.EXEC_SPONSOR,
    Role.ACCOUNT_ADMIN,
)
_LETTERS = {weight.value[0]: weight for weight in Weight}


def _row(cells: list[str]) -> Row:
    *buyer, seller, owner, days = cells
    weights = {role: _LETTERS[cell] for role, cell in zip(_BUYER_COLUMNS, buyer, strict=True) if cell}
    for entry in filter(None, seller.split(", ")):
        letter, role = entry.split()
        weights[Role(role)] = _LETTERS[letter]
    return Row(weights, Role(owner), int(days))


def _rows(table: str) -> dict[Kind, Row]:
    rows = {}
    for line in table.strip().splitlines()[1:]:
        event, *cells = (cell.strip() for cell in line.split("|"))
        rows[Kind(event)] = _row(cells)
    return rows


MATRIX: Mapping[Kind, Row] = _rows(_TABLE)
