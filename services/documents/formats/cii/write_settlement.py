"""Writes what is to be paid in a CII document: currencies, payment, VAT, allowances and charges, terms, totals."""

import re

from services.documents.formats import xml
from services.documents.formats.cii import write_lines, write_parties
from services.documents.formats.cii.names import TAX_POINT_CODES, VAT
from services.documents.formats.cii.write_xml import Currency, day, group, number, text
from services.documents.formats.values import places_of
from services.documents.formats.xml import Group
from services.documents.model import (
    CreditTransfer,
    DocumentAllowance,
    DocumentCharge,
    Invoice,
    PaymentInstructions,
    VatBreakdown,
)

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9 ]{8,}")


def settlement(element: Group, invoice: Invoice, money: Currency) -> None:
    """BT-5 to BT-9, BT-19, BT-20, BG-3, BG-10, BG-14, BG-16, BG-20 to BG-23."""
    payment = invoice.payment
    debit = payment.direct_debit if payment is not None else None
    text(element, "CreditorReferenceID", debit.creditor_id if debit is not None else None)
    text(element, "PaymentReference", payment.remittance if payment is not None else None)
    text(element, "TaxCurrencyCode", invoice.vat_currency)
    text(element, "InvoiceCurrencyCode", invoice.currency)
    write_parties.payee(element, invoice.payee)
    if payment is not None:
        _means(element, payment)
    for index, row in enumerate(invoice.vat_breakdown):
        _row(element, row, invoice if index == 0 else None, money)
    write_lines.period(element, invoice.period)
    adjustments: list[DocumentAllowance | DocumentCharge] = [*invoice.allowances, *invoice.charges]
    for adjustment in adjustments:
        part = write_lines.adjustment(element, adjustment, money)
        write_lines.category(group(part, "CategoryTradeTax"), adjustment.vat_category, adjustment.vat_rate)
    mandate = debit.mandate if debit is not None else None
    if invoice.payment_terms is not None or invoice.due_date is not None or mandate is not None:
        terms = group(element, "SpecifiedTradePaymentTerms")
        text(terms, "Description", invoice.payment_terms)
        day(terms, "DueDateDateTime/udt:DateTimeString", invoice.due_date)
        text(terms, "DirectDebitMandateID", mandate)
    _totals(element, invoice, money)
    for earlier in invoice.preceding[:1]:  # D16B has room for one
        document = group(element, "InvoiceReferencedDocument")
        text(document, "IssuerAssignedID", earlier.number)
        day(document, "FormattedIssueDateTime/qdt:DateTimeString", earlier.issue_date)
    text(element, "ReceivableSpecifiedTradeAccountingAccount/ID", invoice.buyer_accounting)


def _means(element: Group, payment: PaymentInstructions) -> None:
    """BG-16: one group per account (BG-17); what may stand once in a document stands in the first."""
    for index, transfer in enumerate(payment.transfers or (None,)):
        first = index == 0
        means = group(element, "SpecifiedTradeSettlementPaymentMeans")
        text(means, "TypeCode", payment.means)
        text(means, "Information", payment.means_text if first else None)
        if first and payment.card is not None:
            card = group(means, "ApplicableTradeSettlementFinancialCard")
            text(card, "ID", payment.card.number)
            text(card, "CardholderName", payment.card.holder)
        if first and payment.direct_debit is not None:
            text(means, "PayerPartyDebtorFinancialAccount/IBANID", payment.direct_debit.debited_account)
        if transfer is not None:
            _transfer(means, transfer)


def _transfer(means: Group, transfer: CreditTransfer) -> None:
    account = group(means, "PayeePartyCreditorFinancialAccount")
    is_iban = _IBAN.fullmatch(transfer.account) is not None
    text(account, "IBANID", transfer.account if is_iban else None)
    text(account, "AccountName", transfer.account_name)
    text(account, "ProprietaryID", None if is_iban else transfer.account)
    text(means, "PayeeSpecifiedCreditorFinancialInstitution/BICID", transfer.bank)


def _row(element: Group, row: VatBreakdown, whole: Invoice | None, money: Currency) -> None:
    """BG-23; the first row also tells when VAT falls due (BT-7, BT-8) for the `whole` document."""
    tax = group(element, "ApplicableTradeTax")
    money.amount(tax, "CalculatedAmount", row.tax)
    text(tax, "TypeCode", VAT)
    text(tax, "ExemptionReason", row.exemption_reason)
    money.amount(tax, "BasisAmount", row.taxable)
    text(tax, "CategoryCode", str(row.category))
    text(tax, "ExemptionReasonCode", row.exemption_code)
    if whole is not None:
        day(tax, "TaxPointDate/udt:DateString", whole.tax_point)
        code = whole.tax_point_code
        text(tax, "DueDateTypeCode", None if code is None else TAX_POINT_CODES.get(code, code))
    number(tax, "RateApplicablePercent", row.rate)


def _totals(element: Group, invoice: Invoice, money: Currency) -> None:
    """BG-22."""
    sums = invoice.totals
    totals = group(element, "SpecifiedTradeSettlementHeaderMonetarySummation")
    money.amount(totals, "LineTotalAmount", sums.lines)
    money.amount(totals, "ChargeTotalAmount", sums.charges)
    money.amount(totals, "AllowanceTotalAmount", sums.allowances)
    money.amount(totals, "TaxBasisTotalAmount", sums.net)
    money.amount(totals, "TaxTotalAmount", sums.vat, xml.marks({"currencyID": invoice.currency}))
    if invoice.vat_currency is not None:
        accounting, marks = Currency(places_of(invoice.vat_currency)), xml.marks({"currencyID": invoice.vat_currency})
        accounting.amount(totals, "TaxTotalAmount", sums.vat_accounting, marks)
    money.amount(totals, "RoundingAmount", sums.rounding)
    money.amount(totals, "GrandTotalAmount", sums.gross)
    money.amount(totals, "TotalPrepaidAmount", sums.paid)
    money.amount(totals, "DuePayableAmount", sums.due)
