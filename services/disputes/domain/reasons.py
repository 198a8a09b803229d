"""Why an invoice is contested: our own codes, what Peppol and UN/CEFACT call them, and who answers (RULES: reason codes)."""

from dataclasses import dataclass

from services.kernel.refusals import Invalid, quoted

OTHER = "OTH"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, and what others call it."""

    code: str
    meaning: str
    # Clarification reasons of a Peppol Invoice Response (list OPStatusReason); the usual one first.
    peppol: tuple[str, ...]
    # Adjustment reasons (UNCL4465), as a credit note or a remittance advice names them; the usual one first.
    uncl4465: tuple[str, ...]
    # The seller's desk that answers.
    owner: str


# Own code | meaning | Peppol | UNCL4465 | owner
_TABLE = """
PRC_UNIT        | unit price differs from contract or order    | PRI     | 5 57     | Pricing
PRC_DISC        | discount or promotion missing                | PRI     | 56 75 74 | Sales
QTY_SHORT       | short delivery                               | QTY     | 4        | Logistics
QTY_OVER        | more billed than ordered                     | QTY     | 9        | Billing
DLV_NONE        | not delivered                                | DEL     | 32       | Logistics
DLV_LATE        | late delivery or penalty                     | DEL     | 33 20    | Logistics
DLV_REFUSED     | refused on delivery                          | DEL     | 29       | Logistics
DLV_POD         | proof of delivery wanted                     | DEL     | 6        | Logistics
QLT_DAMAGE      | damaged, also in transport                   | QUA     | 3 17     | Quality
QLT_SPEC        | below specification                          | QUA     | 2        | Quality
ITM_WRONG       | wrong or substitute item                     | ITM     | 14 49 100 | Logistics
RET_CREDIT      | returned, credit missing                     | ITM     | 35 16 15 | Returns
SVC_NOTDONE     | service not performed                        | DEL     | 32       | Operations
INV_DUP         | duplicate invoice                            | UNR     | 53       | Billing
INV_WRONG       | wrong company or wrong invoice               | REC     | 52       | Billing
INV_REF         | purchase order or reference missing          | REF     | 51       | Billing
INV_LEGAL       | address, VAT id or legal text                | LEG     | 51       | Billing
INV_NOTRECEIVED | not received                                 | OTH     | 36       | Billing
TAX_RATE        | wrong tax                                    | LEG     | 73 26    | Tax
FRT_CHARGE      | freight or extra charge not agreed           | FIN     | 55 40 48 | Sales
TRM_DUE         | due date or terms wrong                      | PAY     | 31 50 69 | Credit
TRM_EPD         | early-payment discount                       | PAY     | 66 39 46 | Cash app
PAY_DONE        | already paid                                 | PPD OTH | 30 34    | Cash app
CRN_MISSING     | credit note not considered                   | FIN     | 42       | Billing
REB_BONUS       | rebate or bonus                              | FIN     | 38 78    | Sales
ADV_COOP        | advertising or trade promotion               | FIN     | 21 75    | Trade marketing
CTR_SETOFF      | counter claim or other invoices              | OTH     | 13 41    | Credit
BNK_FEE         | bank charge deducted                         | FIN     | 11       | Cash app
UNK_TXN         | not recognised (possible fraud)              | UNR     | 43       | Fraud
OTH             | other: needs a description                   | OTH     | ZZZ      | Triage
"""


def _read(row: str) -> Reason:
    code, meaning, peppol, uncl4465, owner = (cell.strip() for cell in row.split("|"))
    return Reason(code, meaning, tuple(peppol.split()), tuple(uncl4465.split()), owner)


REASONS = {reason.code: reason for reason in map(_read, _TABLE.strip().splitlines())}

DESKS = frozenset(reason.owner for reason in REASONS.values())


def find(code: str) -> Reason:
    """The reason of that code; refuse one that there is not."""
    if (reason := REASONS.get(code)) is None:
        raise Invalid("dispute.unknown_reason", f"{quoted(code)} is not a reason for a dispute")
    return reason
