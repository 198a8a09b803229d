"""Reads what is to be paid in a CII document: currencies, payment, VAT, allowances and charges, terms, totals."""

from datetime import date
from decimal import Decimal
from typing import Any, TypedDict

from lxml import etree

from services.documents.formats import values
from services.documents.formats.cii import read_lines, read_parties
from services.documents.formats.cii.names import TAX_POINT_CODES
from services.documents.formats.cii.read_xml import (
    category,
    counted,
    day,
    groups,
    needed,
    number,
    said,
    text,
    unreadable,
)
from services.documents.formats.values import terms
from services.documents.model import (
    CreditTransfer,
    DirectDebit,
    DocumentAllowance,
    DocumentCharge,
    DocumentTotals,
    Payee,
    PaymentCard,
    PaymentInstructions,
    Period,
    PrecedingInvoice,
    VatBreakdown,
)
from services.kernel.refusals import quoted

_CODES = {cii: ubl for ubl, cii in TAX_POINT_CODES.items()}


class Settlement(TypedDict):
    """The part of an invoice that CII keeps in its settlement."""

    currency: str
    vat_currency: str | None
    tax_point: date | None
    tax_point_code: str | None
    due_date: date | None
    buyer_accounting: str | None
    payment_terms: str | None
    preceding: tuple[PrecedingInvoice, ...]
    payee: Payee | None
    period: Period | None
    payment: PaymentInstructions | None
    allowances: tuple[DocumentAllowance, ...]
    charges: tuple[DocumentCharge, ...]
    totals: DocumentTotals
    vat_breakdown: tuple[VatBreakdown, ...]


def settlement(element: etree._Element, *, is_minimum: bool) -> Settlement:
    """BT-5 to BT-9, BT-19, BT-20, BG-3, BG-10, BG-14, BG-16, BG-20 to BG-23."""
    currency, vat_currency = said(element, "InvoiceCurrencyCode"), text(element, "TaxCurrencyCode")
    rows = groups(element, "ApplicableTradeTax")
    codes = [code for row in rows if (code := text(row, "DueDateTypeCode")) is not None]
    points = [point for row in rows if (point := day(row, "TaxPointDate/udt:DateString")) is not None]
    agreed = groups(element, "SpecifiedTradePaymentTerms")
    due = [on for each in agreed if (on := day(each, "DueDateDateTime/udt:DateTimeString")) is not None]
    words = [told for each in groups(element, "SpecifiedTradePaymentTerms/Description") if (told := terms(each.text))]
    return {
        "currency": currency,
        "vat_currency": vat_currency,
        "tax_point": next(iter(points), None),
        "tax_point_code": _CODES.get(codes[0], codes[0]) if codes else None,
        "due_date": next(iter(due), None),
        "buyer_accounting": text(element, "ReceivableSpecifiedTradeAccountingAccount/ID"),
        "payment_terms": next(iter(words), None),
        "preceding": tuple(
            PrecedingInvoice(
                number=said(earlier, "IssuerAssignedID"),
                issue_date=day(earlier, "FormattedIssueDateTime/qdt:DateTimeString"),
            )
            for earlier in groups(element, "InvoiceReferencedDocument")
        ),
        "payee": read_parties.payee(element),
        "period": read_lines.period(element),
        "payment": _payment(element),
        "allowances": tuple(DocumentAllowance(**each) for each in _adjustments(element, charge=False)),
        "charges": tuple(DocumentCharge(**each) for each in _adjustments(element, charge=True)),
        "totals": _totals(element, currency, vat_currency, is_minimum=is_minimum),
        "vat_breakdown": tuple(_row(row) for row in rows),
    }


def _payment(element: etree._Element) -> PaymentInstructions | None:
    """BG-16, from the payment means of all accounts, and what stands beside them."""
    means = groups(element, "SpecifiedTradeSettlementPaymentMeans")
    if not means:
        return None
    cards = [card for each in means for card in groups(each, "ApplicableTradeSettlementFinancialCard")]
    information = (found for each in means if (found := text(each, "Information")) is not None)
    return PaymentInstructions(
        means=said(means[0], "TypeCode"),
        means_text=next(information, None),
        remittance=text(element, "PaymentReference"),
        transfers=tuple(
            _transfer(each, account) for each in means for account in groups(each, "PayeePartyCreditorFinancialAccount")
        ),
        card=PaymentCard(number=said(cards[0], "ID"), holder=text(cards[0], "CardholderName")) if cards else None,
        direct_debit=_direct_debit(element, means),
    )


def _transfer(means: etree._Element, account: etree._Element) -> CreditTransfer:
    return CreditTransfer(
        account=text(account, "IBANID") or said(account, "ProprietaryID"),
        account_name=text(account, "AccountName"),
        bank=text(means, "PayeeSpecifiedCreditorFinancialInstitution/BICID"),
    )


def _direct_debit(element: etree._Element, means: list[etree._Element]) -> DirectDebit | None:
    debited = (found for each in means if (found := text(each, "PayerPartyDebtorFinancialAccount/IBANID")) is not None)
    mandate = text(element, "SpecifiedTradePaymentTerms/DirectDebitMandateID")
    creditor, account = text(element, "CreditorReferenceID"), next(debited, None)
    if mandate is creditor is account is None:
        return None
    return DirectDebit(mandate=mandate, creditor_id=creditor, debited_account=account)


def _adjustments(element: etree._Element, *, charge: bool) -> list[dict[str, Any]]:
    found = []
    for each in read_lines.adjustments(element, charge=charge):
        vat = needed(each, "CategoryTradeTax")
        found.append(
            {
                **read_lines.adjustment(each),
                "vat_category": category(vat),
                "vat_rate": number(vat, "RateApplicablePercent"),
            }
        )
    return found


def _row(element: etree._Element) -> VatBreakdown:
    return VatBreakdown(
        taxable=counted(element, "BasisAmount"),
        tax=counted(element, "CalculatedAmount"),
        category=category(element),
        rate=number(element, "RateApplicablePercent"),
        exemption_reason=text(element, "ExemptionReason"),
        exemption_code=text(element, "ExemptionReasonCode"),
    )


def _totals(element: etree._Element, currency: str, vat_currency: str | None, *, is_minimum: bool) -> DocumentTotals:
    sums = needed(element, "SpecifiedTradeSettlementHeaderMonetarySummation")
    return DocumentTotals(
        # No lines, which add up to nothing.
        lines=Decimal(0) if is_minimum else counted(sums, "LineTotalAmount"),
        allowances=number(sums, "AllowanceTotalAmount"),
        charges=number(sums, "ChargeTotalAmount"),
        net=counted(sums, "TaxBasisTotalAmount"),
        vat=_tax_in(sums, currency),
        # In the document's own currency BT-111 would only say BT-110 again.
        vat_accounting=None if vat_currency in (None, currency) else _tax_in(sums, vat_currency),
        gross=counted(sums, "GrandTotalAmount"),
        paid=number(sums, "TotalPrepaidAmount"),
        rounding=number(sums, "RoundingAmount"),
        due=counted(sums, "DuePayableAmount"),
    )


def _tax_in(sums: etree._Element, currency: str | None) -> Decimal | None:
    for amount in groups(sums, "TaxTotalAmount"):
        if amount.get("currencyID") == currency:
            if (value := values.number((amount.text or "").strip())) is None:
                raise unreadable(amount, f"TaxTotalAmount is no number: {quoted(amount.text or '')}")
            return value
    return None
