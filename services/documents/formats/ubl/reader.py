"""Reads UBL 2.1 Invoice and CreditNote back into the model; what EN 16931 has no term for is left behind."""

import re
from datetime import date
from typing import TypedDict

from lxml import etree

from services.documents import safe
from services.documents.formats import values
from services.documents.formats.ubl import read_lines, read_parties
from services.documents.formats.ubl.names import CREDIT_NOTE, INVOICE, NOT_AVAILABLE, OBJECT, PROJECT
from services.documents.formats.ubl.read_xml import (
    basic,
    day,
    file,
    group,
    groups,
    identifier,
    needed,
    said,
    text,
    unreadable,
)
from services.documents.formats.values import places_of, terms
from services.documents.formats.xrechnung import with_payments
from services.documents.model import (
    Attachment,
    Identifier,
    Invoice,
    Note,
    PrecedingInvoice,
    ProcessControl,
    SupportingDocument,
)
from services.kernel.refusals import Invalid

_SUBJECT = re.compile(r"#([A-Z]{3})#(.*)", re.DOTALL)
_ROOTS = {f"{{{INVOICE}}}Invoice": False, f"{{{CREDIT_NOTE}}}CreditNote": True}


def read(data: bytes) -> Invoice:
    """Read a document from anywhere; refuse what is no UBL, or lacks what the core demands."""
    root, credit = _root(data)
    currency, vat_currency = said(root, "DocumentCurrencyCode"), text(root, "TaxCurrencyCode")
    places = places_of(currency)
    return Invoice(
        number=said(root, "ID"),
        issue_date=_issued(root),
        type_code=said(root, "CreditNoteTypeCode" if credit else "InvoiceTypeCode"),
        currency=currency,
        vat_currency=vat_currency,
        tax_point=day(root, "TaxPointDate"),
        tax_point_code=text(group(root, "InvoicePeriod"), "DescriptionCode"),
        due_date=_due(root, credit=credit),
        buyer_reference=text(root, "BuyerReference"),
        **_references(root, credit=credit),
        object_id=_object(root),
        buyer_accounting=text(root, "AccountingCost"),
        payment_terms=_terms(root),
        notes=_notes(root),
        process=ProcessControl(business_process=text(root, "ProfileID"), specification=said(root, "CustomizationID")),
        preceding=_preceding(root),
        seller=read_parties.seller(root),
        buyer=read_parties.buyer(root),
        payee=read_parties.payee(root),
        tax_representative=read_parties.tax_representative(root),
        delivery=read_parties.delivery(root),
        period=read_lines.period(root),
        payment=read_parties.payment(root),
        allowances=read_lines.allowances(root),
        charges=read_lines.charges(root),
        totals=read_lines.totals(root, currency, vat_currency),
        vat_breakdown=read_lines.vat_breakdown(root),
        supporting=_supporting(root),
        lines=read_lines.lines(root, credit=credit, places=places),
        extensions=with_payments(read_lines.payments(root), places),
    )


def _root(data: bytes) -> tuple[etree._Element, bool]:
    """The root, and whether it is a credit note's."""
    try:
        root = safe.parse(data)
    except safe.Unsafe as error:
        raise Invalid("document.unreadable", str(error)) from None
    if (credit := _ROOTS.get(root.tag)) is None:
        raise Invalid("document.unreadable", f"{str(root.tag)[:80]} is not the root of a UBL invoice or credit note")
    return root, credit


class _References(TypedDict):
    """BT-11 to BT-17."""

    project: str | None
    contract: str | None
    purchase_order: str | None
    sales_order: str | None
    receiving_advice: str | None
    despatch_advice: str | None
    tender: str | None


def _references(root: etree._Element, *, credit: bool) -> _References:
    order = group(root, "OrderReference")
    purchase_order, sales_order = text(order, "ID"), text(order, "SalesOrderID")
    return {
        "project": _typed(root, PROJECT) if credit else text(group(root, "ProjectReference"), "ID"),
        "contract": text(group(root, "ContractDocumentReference"), "ID"),
        "purchase_order": None if purchase_order == NOT_AVAILABLE and sales_order else purchase_order,
        "sales_order": sales_order,
        "receiving_advice": text(group(root, "ReceiptDocumentReference"), "ID"),
        "despatch_advice": text(group(root, "DespatchDocumentReference"), "ID"),
        "tender": text(group(root, "OriginatorDocumentReference"), "ID"),
    }


def _issued(root: etree._Element) -> date:
    if (issued := day(root, "IssueDate")) is None:
        raise unreadable(root, "IssueDate is missing")
    return issued


def _due(root: etree._Element, *, credit: bool) -> date | None:
    if not credit:
        return day(root, "DueDate")
    return next((due for means in groups(root, "PaymentMeans") if (due := day(means, "PaymentDueDate"))), None)


def _terms(root: etree._Element) -> str | None:
    note = basic(group(root, "PaymentTerms"), "Note")
    return None if note is None else terms(note.text)


def _notes(root: etree._Element) -> tuple[Note, ...]:
    notes = []
    for element in root.iterfind("{*}Note"):
        if not (said_ := (element.text or "").strip()):
            continue
        coded = _SUBJECT.fullmatch(said_)
        notes.append(Note(subject=coded[1], text=coded[2]) if coded else Note(text=said_))
    return tuple(notes)


def _preceding(root: etree._Element) -> tuple[PrecedingInvoice, ...]:
    return tuple(
        PrecedingInvoice(number=said(earlier, "ID"), issue_date=day(earlier, "IssueDate"))
        for reference in groups(root, "BillingReference")
        for earlier in [needed(reference, "InvoiceDocumentReference")]
    )


def _documents(root: etree._Element, code: str | None) -> list[etree._Element]:
    """Additional documents: of type 130 the invoiced object, of type 50 a project, of none what backs the invoice."""
    found = groups(root, "AdditionalDocumentReference")
    return [element for element in found if text(element, "DocumentTypeCode") == code]


def _typed(root: etree._Element, code: str) -> str | None:
    return next((text(element, "ID") for element in _documents(root, code)), None)


def _object(root: etree._Element) -> Identifier | None:
    return next((identifier(element) for element in _documents(root, OBJECT)), None)


def _supporting(root: etree._Element) -> tuple[SupportingDocument, ...]:
    return tuple(
        SupportingDocument(
            reference=said(element, "ID"),
            description=text(element, "DocumentDescription"),
            location=text(group(element, "Attachment", "ExternalReference"), "URI"),
            attachment=_attachment(group(element, "Attachment"), said(element, "ID")),
        )
        for element in _documents(root, None)
    )


def _attachment(element: etree._Element | None, reference: str) -> Attachment | None:
    """A file that does not say its name has that of its document."""
    if (embedded := basic(element, "EmbeddedDocumentBinaryObject")) is None:
        return None
    return Attachment(
        content=file(embedded),
        media_type=embedded.get("mimeCode") or values.ANY_MEDIA_TYPE,
        filename=embedded.get("filename") or reference,
    )
