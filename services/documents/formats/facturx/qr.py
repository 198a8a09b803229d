"""The European QR code for a credit transfer in euro (EPC069-12), which fills in the buyer's payment."""

import io
from decimal import Decimal

import segno
from stdnum import iban, iso11649
from stdnum.exceptions import ValidationError

from services.documents.formats.values import plain
from services.documents.model import Invoice

_TRANSFERS = ("30", "58")  # UNTDID 4461: credit transfer, SEPA credit transfer
_AMOUNT_MAX = Decimal("999999999.99")
_BYTES_MAX = 331


def text(invoice: Invoice) -> str | None:
    """What the code says: whom to pay, how much, what for; None where no such transfer is asked for."""
    payment = invoice.payment
    if payment is None or payment.means not in _TRANSFERS or not payment.transfers or invoice.is_credit_note:
        return None
    transfer, due = payment.transfers[0], invoice.totals.due
    if invoice.currency != "EUR" or not Decimal("0.01") <= due <= _AMOUNT_MAX or not iban.is_valid(transfer.account):
        return None
    name = transfer.account_name or (invoice.payee.name if invoice.payee is not None else invoice.seller.name)
    remittance = " ".join((payment.remittance or invoice.number).split())
    is_structured = _is_creditor_reference(remittance)
    said = "\n".join(
        (
            "BCD",
            "002",
            "1",  # UTF-8
            "SCT",
            (transfer.bank or "").replace(" ", ""),
            " ".join(name.split())[:70],
            iban.compact(transfer.account),
            f"EUR{plain(due, 2)}",
            "",
            iso11649.compact(remittance) if is_structured else "",
            "" if is_structured else remittance[:140],
        )
    ).rstrip("\n")
    return said if len(said.encode()) <= _BYTES_MAX else None


def svg(invoice: Invoice) -> str:
    """The code as a drawing; empty where there is none."""
    said = text(invoice)
    if said is None:
        return ""
    drawn = io.BytesIO()
    # Error correction M, version 13 at most: so the guideline.
    segno.make(said, error="m", boost_error=False, micro=False, encoding="utf-8").save(drawn, kind="svg", border=0)
    return drawn.getvalue().decode()


def _is_creditor_reference(remittance: str) -> bool:
    """Whether it is a structured reference of ISO 11649 (RF…)."""
    try:
        iso11649.validate(remittance)
    except ValidationError:
        return False
    return True
