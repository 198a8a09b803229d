"""Reads CII D16B back into the model; what EN 16931 has no term for is left behind."""

from datetime import date
from typing import TypedDict

from lxml import etree

from services.documents import safe
from services.documents.formats import values
from services.documents.formats.cii import read_lines, read_parties, read_settlement
from services.documents.formats.cii.names import OBJECT, ROOTS, SUPPORTING, TENDER
from services.documents.formats.cii.read_xml import day, file, group, groups, needed, said, text, unreadable
from services.documents.model import (
    FACTURX_MINIMUM,
    Attachment,
    Invoice,
    Note,
    ProcessControl,
    SupportingDocument,
)


def read(data: bytes) -> Invoice:
    """Read a document from anywhere; refuse what is no CII, or lacks what the core demands.

    Of Factur-X's levels MINIMUM and BASIC WL there are no lines; MINIMUM's have no sum, and its buyer no country.
    """
    try:
        root = safe.parse(data)
    except safe.Unsafe as error:
        raise values.unreadable(str(error)) from None
    if root.tag not in ROOTS:
        raise values.unreadable(f"{str(root.tag)[:80]} is not the root of a CII invoice")
    context, document = needed(root, "rsm:ExchangedDocumentContext"), needed(root, "rsm:ExchangedDocument")
    trade = needed(root, "rsm:SupplyChainTradeTransaction")
    agreement = needed(trade, "ApplicableHeaderTradeAgreement")
    delivery = group(trade, "ApplicableHeaderTradeDelivery")
    settlement = needed(trade, "ApplicableHeaderTradeSettlement")
    specification = said(context, "GuidelineSpecifiedDocumentContextParameter/ID")
    return Invoice(
        number=said(document, "ID"),
        issue_date=_issued(document),
        type_code=said(document, "TypeCode"),
        **_references(agreement, delivery),
        buyer_reference=text(agreement, "BuyerReference"),
        object_id=read_lines.invoiced_object(agreement, OBJECT),
        notes=_notes(document),
        process=ProcessControl(
            business_process=text(context, "BusinessProcessSpecifiedDocumentContextParameter/ID"),
            specification=specification,
        ),
        seller=read_parties.seller(needed(agreement, "SellerTradeParty")),
        buyer=read_parties.buyer(needed(agreement, "BuyerTradeParty"), is_minimum=specification == FACTURX_MINIMUM),
        tax_representative=read_parties.tax_representative(agreement),
        delivery=read_parties.delivery(delivery),
        supporting=_supporting(agreement),
        lines=read_lines.lines(trade),
        **read_settlement.settlement(settlement, is_minimum=specification == FACTURX_MINIMUM),
    )


class _References(TypedDict):
    """BT-11 to BT-17."""

    project: str | None
    contract: str | None
    purchase_order: str | None
    sales_order: str | None
    receiving_advice: str | None
    despatch_advice: str | None
    tender: str | None


def _references(agreement: etree._Element, delivery: etree._Element | None) -> _References:
    tenders = (text(each, "IssuerAssignedID") for each in _documents(agreement, TENDER))
    return {
        "project": text(agreement, "SpecifiedProcuringProject/ID"),
        "contract": text(agreement, "ContractReferencedDocument/IssuerAssignedID"),
        "purchase_order": text(agreement, "BuyerOrderReferencedDocument/IssuerAssignedID"),
        "sales_order": text(agreement, "SellerOrderReferencedDocument/IssuerAssignedID"),
        "receiving_advice": text(delivery, "ReceivingAdviceReferencedDocument/IssuerAssignedID"),
        "despatch_advice": text(delivery, "DespatchAdviceReferencedDocument/IssuerAssignedID"),
        "tender": next(tenders, None),
    }


def _issued(document: etree._Element) -> date:
    if (issued := day(document, "IssueDateTime/udt:DateTimeString")) is None:
        raise unreadable(document, "IssueDateTime is missing")
    return issued


def _notes(document: etree._Element) -> tuple[Note, ...]:
    return tuple(
        Note(text=content, subject=text(element, "SubjectCode"))
        for element in groups(document, "IncludedNote")
        if (content := text(element, "Content")) is not None
    )


def _documents(agreement: etree._Element, type_code: str) -> list[etree._Element]:
    found = groups(agreement, "AdditionalReferencedDocument")
    return [element for element in found if text(element, "TypeCode") == type_code]


def _supporting(agreement: etree._Element) -> tuple[SupportingDocument, ...]:
    return tuple(
        SupportingDocument(
            reference=said(element, "IssuerAssignedID"),
            description=text(element, "Name"),
            location=text(element, "URIID"),
            attachment=_attachment(group(element, "AttachmentBinaryObject"), said(element, "IssuerAssignedID")),
        )
        for element in _documents(agreement, SUPPORTING)
    )


def _attachment(element: etree._Element | None, reference: str) -> Attachment | None:
    """A file that does not say its name has that of its document."""
    if element is None:
        return None
    return Attachment(
        content=file(element),
        media_type=element.get("mimeCode") or values.ANY_MEDIA_TYPE,
        filename=element.get("filename") or reference,
    )
