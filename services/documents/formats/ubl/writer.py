"""Writes an invoice as UBL 2.1 Invoice or CreditNote, bound as EN 16931 binds it: nothing outside the binding.

The same value gives the same bytes. BT-24 in the document says which rules it claims to follow.
"""

from base64 import b64encode

from services.documents.formats import xml
from services.documents.formats.ubl import write_lines, write_parties
from services.documents.formats.ubl.names import (
    CAC_URI,
    CBC_URI,
    CREDIT_NOTE,
    INVOICE,
    NOT_AVAILABLE,
    PROJECT,
)
from services.documents.formats.ubl.xml import Currency, day, group, marked, text
from services.documents.formats.xml import Group
from services.documents.formats.xrechnung import payments
from services.documents.model import XRECHNUNG_EXTENSION, Invoice, PrecedingInvoice, SupportingDocument


def write(invoice: Invoice) -> bytes:
    """Write the document in UTF-8, indented, its namespaces always with the same prefixes."""
    credit = invoice.is_credit_note
    uri, name = (CREDIT_NOTE, "CreditNote") if credit else (INVOICE, "Invoice")
    root: Group = [name]
    money = Currency(invoice.currency)
    debit = invoice.payment.direct_debit if invoice.payment else None
    creditor = debit.creditor_id if debit else None
    extended = invoice.process.specification == XRECHNUNG_EXTENSION

    _head(root, invoice)
    _references(root, invoice)
    write_parties.seller(root, invoice.seller, creditor if invoice.payee is None else None)
    write_parties.buyer(root, invoice.buyer)
    write_parties.payee(root, invoice.payee, creditor)
    write_parties.tax_representative(root, invoice.tax_representative)
    write_parties.delivery(root, invoice.delivery)
    write_parties.payment_means(root, invoice.payment, invoice.due_date if credit else None)
    if invoice.payment_terms is not None:
        text(group(root, "PaymentTerms"), "Note", invoice.payment_terms)
    for claim in payments(invoice) if extended else ():
        write_lines.payment(root, claim, money)
    for allowance in invoice.allowances:
        write_lines.document_adjustment(root, allowance, money)
    for charge in invoice.charges:
        write_lines.document_adjustment(root, charge, money)
    write_lines.totals(root, invoice, money)
    for line in invoice.lines:
        root.append(xml.part(write_lines.line(line, money, credit=credit, extended=extended), 1))
    return xml.document(root, {"xmlns": uri, "xmlns:cac": CAC_URI, "xmlns:cbc": CBC_URI})


def _head(root: Group, invoice: Invoice) -> None:
    """From BT-24 to BG-14, in the order of the root: a credit note has no due date and tells its tax point earlier."""
    credit = invoice.is_credit_note
    text(root, "CustomizationID", invoice.process.specification)
    text(root, "ProfileID", invoice.process.business_process)
    text(root, "ID", invoice.number)
    day(root, "IssueDate", invoice.issue_date)
    if credit:
        day(root, "TaxPointDate", invoice.tax_point)
        text(root, "CreditNoteTypeCode", str(invoice.type_code))
    else:
        day(root, "DueDate", invoice.due_date)
        text(root, "InvoiceTypeCode", str(invoice.type_code))
    for note in invoice.notes:
        text(root, "Note", f"#{note.subject}#{note.text}" if note.subject else note.text)
    if not credit:
        day(root, "TaxPointDate", invoice.tax_point)
    text(root, "DocumentCurrencyCode", invoice.currency)
    text(root, "TaxCurrencyCode", invoice.vat_currency)
    text(root, "AccountingCost", invoice.buyer_accounting)
    text(root, "BuyerReference", invoice.buyer_reference)
    write_lines.period(root, invoice.period, invoice.tax_point_code)


def _references(root: Group, invoice: Invoice) -> None:
    """BT-11 to BT-18, BG-3 and BG-24, in the order of the root."""
    credit = invoice.is_credit_note
    if invoice.purchase_order is not None or invoice.sales_order is not None:
        order = group(root, "OrderReference")
        text(order, "ID", invoice.purchase_order if invoice.purchase_order is not None else NOT_AVAILABLE)
        text(order, "SalesOrderID", invoice.sales_order)
    for earlier in invoice.preceding:
        _preceding(root, earlier)
    _reference(root, "DespatchDocumentReference", invoice.despatch_advice)
    _reference(root, "ReceiptDocumentReference", invoice.receiving_advice)
    if not credit:
        _reference(root, "OriginatorDocumentReference", invoice.tender)
    _reference(root, "ContractDocumentReference", invoice.contract)
    write_lines.invoiced_object(root, "AdditionalDocumentReference", invoice.object_id)
    if credit and invoice.project is not None:
        project = group(root, "AdditionalDocumentReference")
        text(project, "ID", invoice.project)
        text(project, "DocumentTypeCode", PROJECT)
    for document in invoice.supporting:
        _supporting(root, document)
    if credit:
        _reference(root, "OriginatorDocumentReference", invoice.tender)
    else:
        _reference(root, "ProjectReference", invoice.project)


def _reference(root: Group, name: str, number: str | None) -> None:
    if number is not None:
        text(group(root, name), "ID", number)


def _preceding(root: Group, earlier: PrecedingInvoice) -> None:
    element = group(group(root, "BillingReference"), "InvoiceDocumentReference")
    text(element, "ID", earlier.number)
    day(element, "IssueDate", earlier.issue_date)


def _supporting(root: Group, document: SupportingDocument) -> None:
    element = group(root, "AdditionalDocumentReference")
    text(element, "ID", document.reference)
    text(element, "DocumentDescription", document.description)
    if document.attachment is None and document.location is None:
        return
    attachment = group(element, "Attachment")
    if (file := document.attachment) is not None:
        marked(
            attachment,
            "EmbeddedDocumentBinaryObject",
            b64encode(file.content).decode("ascii"),
            mimeCode=file.media_type,
            filename=file.filename,
        )
    if document.location is not None:
        text(group(attachment, "ExternalReference"), "URI", document.location)
