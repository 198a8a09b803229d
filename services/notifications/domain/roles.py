"""The roles that a contact may hold, on the buyer's side and on the seller's (RULES: roles)."""

from enum import StrEnum


class Role(StrEnum):
    """What a person answers for; one may hold several, and several may hold one."""

    REQUESTER = "REQUESTER"
    PROCUREMENT = "PROCUREMENT"
    RECEIVING = "RECEIVING"
    AP_CLERK = "AP_CLERK"
    AP_MANAGER = "AP_MANAGER"
    FINANCE_LEAD = "FINANCE_LEAD"
    LEGAL = "LEGAL"
    EDI_IT = "EDI_IT"
    EXEC_SPONSOR = "EXEC_SPONSOR"
    ACCOUNT_ADMIN = "ACCOUNT_ADMIN"

    CREDIT = "CREDIT"
    BILLING = "BILLING"
    CASH_APP = "CASH_APP"
    COLLECTOR = "COLLECTOR"
    DISPUTE_OWNER = "DISPUTE_OWNER"
    SALES = "SALES"
    LOGISTICS = "LOGISTICS"
    QUALITY = "QUALITY"
    # Rights alone: nobody hears of anything as one of these.
    SELLER_ADMIN = "SELLER_ADMIN"
    AUDITOR = "AUDITOR"


BUYER_ROLES = frozenset(
    {
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
    }
)
SELLER_ROLES = frozenset(Role) - BUYER_ROLES

# Who at the seller steps in where nobody holds a role that must act: the first of these that somebody holds.
SELLER_STAND_INS = (
    Role.SALES,
    Role.BILLING,
    Role.CREDIT,
    Role.DISPUTE_OWNER,
    Role.CASH_APP,
    Role.COLLECTOR,
    Role.LOGISTICS,
    Role.QUALITY,
)
