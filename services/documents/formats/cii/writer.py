"""Writes an invoice as CII D16B, bound as EN 16931 binds it: nothing outside the binding; equal invoices, equal bytes."""

from base64 import b64encode

from services.documents.formats import xml
from services.documents.formats.cii import write_lines, write_parties, write_settlement
from services.documents.formats.cii.levels import LACKING, narrow
from services.documents.formats.cii.names import OBJECT, SPACES, SUPPORTING, TENDER
from services.documents.formats.cii.write_xml import Currency, day, group, marked, text
from services.documents.formats.values import places_of
from services.documents.formats.xml import Group
from services.documents.model import Identifier, Invoice, SupportingDocument


def write(invoice: Invoice) -> bytes:
    """Write the document in UTF-8, indented, its namespaces always with the same prefixes.

    What claims one of the lower levels of Factur-X (BT-24) is narrowed to it.
    """
    root: Group = ["rsm:CrossIndustryInvoice"]
    money = Currency(places_of(invoice.currency))
    _head(root, invoice)
    trade = group(root, "rsm:SupplyChainTradeTransaction")
    is_narrowed = invoice.process.specification in LACKING
    for line in invoice.lines:
        element = write_lines.line(line, money)
        trade.append(element if is_narrowed else xml.part(element, 2))
    _agreement(group(trade, "ApplicableHeaderTradeAgreement"), invoice)
    _delivery(group(trade, "ApplicableHeaderTradeDelivery"), invoice)
    write_settlement.settlement(group(trade, "ApplicableHeaderTradeSettlement"), invoice, money)
    narrow(root, invoice.process.specification)
    return xml.document(root, {f"xmlns:{prefix}": uri for prefix, uri in SPACES.items()})


def _head(root: Group, invoice: Invoice) -> None:
    """BG-2, BT-1 to BT-3, BG-1."""
    context = group(root, "rsm:ExchangedDocumentContext")
    text(context, "BusinessProcessSpecifiedDocumentContextParameter/ID", invoice.process.business_process)
    text(context, "GuidelineSpecifiedDocumentContextParameter/ID", invoice.process.specification)
    document = group(root, "rsm:ExchangedDocument")
    text(document, "ID", invoice.number)
    text(document, "TypeCode", str(invoice.type_code))
    day(document, "IssueDateTime/udt:DateTimeString", invoice.issue_date)
    for said in invoice.notes:
        note = group(document, "IncludedNote")
        text(note, "Content", said.text)
        text(note, "SubjectCode", said.subject)


def _agreement(agreement: Group, invoice: Invoice) -> None:
    """BT-10 to BT-14, BT-17, BT-18, BG-4, BG-7, BG-11, BG-24."""
    text(agreement, "BuyerReference", invoice.buyer_reference)
    write_parties.seller(agreement, invoice.seller)
    write_parties.buyer(agreement, invoice.buyer)
    write_parties.tax_representative(agreement, invoice.tax_representative)
    text(agreement, "SellerOrderReferencedDocument/IssuerAssignedID", invoice.sales_order)
    text(agreement, "BuyerOrderReferencedDocument/IssuerAssignedID", invoice.purchase_order)
    text(agreement, "ContractReferencedDocument/IssuerAssignedID", invoice.contract)
    for document in invoice.supporting:
        _supporting(agreement, document)
    if invoice.tender is not None:
        write_lines.reference(agreement, Identifier(value=invoice.tender), TENDER)
    write_lines.reference(agreement, invoice.object_id, OBJECT)
    if invoice.project is not None:
        project = group(agreement, "SpecifiedProcuringProject")
        text(project, "ID", invoice.project)
        text(project, "Name", "Project reference")  # CII wants a name, EN 16931 has none


def _delivery(delivery: Group, invoice: Invoice) -> None:
    """BG-13, BT-15, BT-16."""
    if (what := invoice.delivery) is not None:
        write_parties.ship_to(delivery, what)
        day(delivery, "ActualDeliverySupplyChainEvent/OccurrenceDateTime/udt:DateTimeString", what.delivered_on)
    text(delivery, "DespatchAdviceReferencedDocument/IssuerAssignedID", invoice.despatch_advice)
    text(delivery, "ReceivingAdviceReferencedDocument/IssuerAssignedID", invoice.receiving_advice)


def _supporting(agreement: Group, document: SupportingDocument) -> None:
    element = group(agreement, "AdditionalReferencedDocument")
    text(element, "IssuerAssignedID", document.reference)
    text(element, "URIID", document.location)
    text(element, "TypeCode", SUPPORTING)
    text(element, "Name", document.description)
    if (file := document.attachment) is not None:
        content = b64encode(file.content).decode("ascii")
        marked(element, "AttachmentBinaryObject", content, mimeCode=file.media_type, filename=file.filename)
