"""Who hears what, cell by cell."""

from services.notifications.domain.matrix import MATRIX, Kind, Weight
from services.notifications.domain.roles import BUYER_ROLES, SELLER_ROLES, Role

# Of the field: the rows of which events exist by now, and in front the kinds they became.
FIELD = """
application_decided                 | application decided / conditions offered            | | I | | | | A | | | D | A | I SALES |
application_needs_fact              | application needs a fact                            | | | | | | A | | | | A | |
limit_changed                       | limit or terms changed                              | | I | | | I | I | | | D | I | I SALES |
order_approved                      | order approved                                      | I | D | | | | | | | | | |
order_referred                      | order referred or held (credit)                     | I | I | | | | A | | | | I | A CREDIT, I SALES |
order_declined                      | order declined                                      | I | I | | | | I | | | | I | I SALES |
shipped                             | shipped / delivered                                 | I | | A (confirm) | | | | | | | | |
invoice_issued                      | invoice issued                                      | D | | | A | | | | | | | |
payment_received payment_not_identified | payment received / partly / not identified      | | | | I | | | | | | | A CASH_APP (not identified) |
credit_note_issued                  | credit note issued                                  | I | | | I | | | | | | | |
hold_placed                         | final notice, orders on hold                        | I | I | | A | A | A | I | | I | I | A COLLECTOR, I SALES |
dispute_opened dispute_reopened     | dispute opened / acknowledged                       | I | | | I | | | | | | | A DISPUTE_OWNER |
dispute_question                    | dispute needs something from the buyer              | A (who knows: RECEIVING for quantity, REQUESTER for quality, AP_CLERK for the rest) | | A | A | | | | | | | |
dispute_proposed dispute_rejected dispute_ended dispute_resolved | dispute proposed / resolved / late | I | | I | I | I (late) | | | | | | I SALES |
dispute_legal                       | legal dispute (enhanced)                            | | | | | I | I | A | | I | | A DISPUTE_OWNER |
contact_unreachable                 | delivery trouble of messages, contact gone          | | | | | | | | | | A | I SALES |
"""

# The rows that this system adds, as ARCHITECTURE.md says.
ADDED = """
application_at_risk   | | | | | | | I | | | | I | A CREDIT |
application_referred  | | | | | | | I | | | | I | A CREDIT |
order_check           | | | | | | | | | | | | A CREDIT |
order_check_late      | | | | | | | | | | | | A CREDIT |
order_cancelled       | | I | I | | | | | | | | | I SALES |
hold_expired          | | I | I | | | | | | | | | A SALES |
order_refused         | | | | | | | | | | | | A BILLING |
limit_exceeded        | | | | | | | | | | | | A CREDIT, I SALES |
limit_raise_offered   | | | | | | | A | | | | A | |
limit_cut_proposed    | | | | | | | | | | | | A CREDIT |
limit_cut_announced   | | | | | | | A | | | | A | I CREDIT, I SALES |
hold_lifted           | | I | I | | I | I | I | I | | I | I | I COLLECTOR, I SALES |
invoice_differs       | | | | | | | | | | | | A BILLING |
payment_twice         | | | | | I | | | | | | | A CASH_APP |
payment_announced     | | | | | | | | | | | | D CASH_APP, D COLLECTOR |
shipment_refused      | | | | | | | | | | | | A BILLING |
document_held         | | | | | | | | | | | | A BILLING |
credit_refused        | | | | | | | | | | | | A DISPUTE_OWNER |
dispute_at_risk       | | | | | | | | | | | | A DISPUTE_OWNER |
dispute_late          | | I | | I | I | I | | | | | | A DISPUTE_OWNER, I SALES |
dispute_escalated     | | | | | | | | | | | | A SALES |
dispute_cell          | | | | | | | | | | | | A DISPUTE_OWNER |
dispute_replaced      | | I | | I | I | | | | | | | A LOGISTICS, I SALES |
incident_moved        | | I | | I | I | I | | | | | | I SALES |
dispute_proven        | | I | | I | I | | | | | | | I DISPUTE_OWNER, I SALES |
dispute_disproven     | | I | | I | I | | | | | | | I DISPUTE_OWNER, I SALES |
colleague_unreachable | | | | | | | | | | | | A SALES |
name_somebody         | | | | | | | | | | | A | I SALES |
name_colleague        | | | | | | | | | | | | A SALES |
journey_at_risk       | | I | | | I | | | | | | | A CREDIT, A LOGISTICS, A BILLING, A DISPUTE_OWNER |
journey_step_slow     | | | | | | | | | | | | A CREDIT, A LOGISTICS, A BILLING, A DISPUTE_OWNER, D SALES |
service_level_missed  | | | | | | | | | | | | A SALES |
thread_message        | | | | | | | | | | | | I SALES, I BILLING, I DISPUTE_OWNER, I CASH_APP, I CREDIT |
mail_unverified       | | | | | | | | | | | | I SALES, I BILLING, I DISPUTE_OWNER, I CASH_APP, I CREDIT |
contact_complained    | | | | | | | | | | | | A SALES |
first_sign_in         | | | | | | | | | | | A | |
first_colleagues      | | | | | | | | | | | A | |
first_sample          | | | | | A | I | | | | | | |
first_way_to_pay      | | | | | | | A | | | | | |
first_order           | | A | | | | | | | | | | |
first_step_refused    | | | | | | | | | | | | A BILLING |
ask_escalated         | | A | A | A | A | A | A | A | A | A | A | I SALES |
roles_missing         | | | | | | | | | | | A | I SALES |
single_contact        | | | | | | | | | | | A | A SALES |
owner_missing         | | | | | | | | | | | | A SALES |
handed_over           | | A | A | A | A | A | A | A | A | A | A | A CREDIT, A BILLING, A CASH_APP, A COLLECTOR, A DISPUTE_OWNER, A SALES, A LOGISTICS, A QUALITY |
feedback_low          | | | | | | | | | | | | A CREDIT, A LOGISTICS, A BILLING, A DISPUTE_OWNER, A SALES |
feedback_done         | | I | | I | I | | I | | | | | |
feedback_unsolved     | | | | | | | | | | | | A SALES |
role_soured           | | | | | | | | | | | | A SALES |
"""

COLUMNS = "REQUESTER PROCUREMENT RECEIVING AP_CLERK AP_MANAGER FINANCE_LEAD LEGAL EDI_IT EXEC_SPONSOR ACCOUNT_ADMIN"
WEIGHTS = {"A": Weight.ACT, "I": Weight.INFORM, "D": Weight.DIGEST}


def expected() -> dict[Kind, dict[Role, Weight]]:
    """The two tables as kinds, roles and weights; what is only for a late answer has no event yet."""
    rows = {}
    for line in (FIELD + ADDED).strip().splitlines():
        if not line:
            continue
        kinds, _, *cells, seller, _ = (cell.strip() for cell in line.split("|"))
        weights = {
            Role(role): WEIGHTS[cell[0]]
            for role, cell in zip(COLUMNS.split(), cells, strict=True)
            if cell and cell != "I (late)"
        }
        for kind in map(Kind, kinds.split()):
            ours = dict(weights)
            for entry in filter(None, seller.split(", ")):
                weight, role, *condition = entry.split(maxsplit=2)
                if not condition or kind is Kind.PAYMENT_NOT_IDENTIFIED:
                    ours[Role(role)] = WEIGHTS[weight]
            rows[kind] = ours
    return rows


def test_every_cell_of_the_matrix_is_that_of_the_domain_rules():
    assert {kind: dict(row.weights) for kind, row in MATRIX.items()} == expected()


def test_every_kind_of_fact_has_a_row_and_is_heard_by_somebody():
    assert set(MATRIX) == set(Kind)
    assert all(row.weights for row in MATRIX.values())


def test_somebody_at_the_seller_answers_for_every_kind_of_fact():
    assert all(row.owner in SELLER_ROLES for row in MATRIX.values())


def test_the_roles_are_those_of_the_domain_rules():
    assert {role.value for role in BUYER_ROLES} == set(COLUMNS.split())
    assert {role.value for role in SELLER_ROLES} == set(
        "CREDIT BILLING CASH_APP COLLECTOR DISPUTE_OWNER SALES LOGISTICS QUALITY SELLER_ADMIN AUDITOR".split()
    )
