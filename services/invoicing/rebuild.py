"""Invoicing's tables as they follow from what it told: what is issued stands as it was issued, number by number."""

import gzip
from dataclasses import replace
from decimal import Decimal
from typing import Any

from google.protobuf.message import Message
from psycopg.types.json import Jsonb
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.documents.v1 import events_pb2 as documents_pb2
from receivables.invoicing.v1 import events_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services import contracts, documents
from services.chassis import jobs
from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.chassis.parked import Reason
from services.chassis.rebuild import Fold, NotYet, nothing
from services.documents import model
from services.documents.model import VatCategory
from services.invoicing import store, wire
from services.invoicing.domain.numbers import Series
from services.invoicing.domain.parties import CORE_FORM, Contract, Form, InvoiceOn, OtherRates, Seller, usual_form
from services.invoicing.domain.statements import Check, File, Kind, Line, Statement, VatRow
from services.invoicing.store.columns import company_value, reference_of
from services.invoicing.usecases import rendering
from services.kernel.calendars import day
from services.kernel.money import Money

Cause = Event[Any] | None
Issued = events_pb2.InvoiceIssued | events_pb2.CreditNoteIssued


async def _register(tx: Tx, event: Event[events_pb2.SellerRegistered], _cause: Cause) -> None:
    """A legal entity takes its place among the tenant's; all else of it is told with SellerChanged."""
    body = event.body
    await tx.run(
        """INSERT INTO seller (tenant, seller_id, company, iban, bic, series_prefix, time_zone, contact_name,
                               contact_phone, contact_email)
           VALUES (%s, %s, %s, '', '', %s, 'UTC', '', '', '') ON CONFLICT DO NOTHING""",
        # No two may have one prefix: until its own is told, it is its id.
        [event.tenant, body.seller_id, Jsonb(company_value(wire.company(body.company))), body.seller_id],
    )


async def _change(tx: Tx, event: Event[events_pb2.SellerChanged], _cause: Cause) -> None:
    said = event.body.seller
    seller = Seller(
        tenant=event.tenant,
        seller_id=said.seller_id,
        company=wire.company(said.company),
        iban=said.iban,
        bic=said.bic,
        series_prefix=said.series_prefix,
        time_zone=said.time_zone,
        contact_name=said.contact_name,
        contact_phone=said.contact_phone,
        contact_email=said.contact_email,
        logo=said.logo_svg,
        account_number=said.account_number,
        routing_number=said.routing_number,
        language=said.language,
        holidays=said.holidays,
        opens_at=said.opens_at,
        closes_at=said.closes_at,
        other_rates=OtherRates.FROM_ORDER
        if said.other_rates == events_pb2.OTHER_RATES_FROM_ORDER
        else OtherRates.REFUSE,
    )
    version, _ = await store.save_seller(tx, seller)
    assert version == event.body.version, "versions follow one another"


async def _agree(tx: Tx, event: Event[events_pb2.ContractSet], _cause: Cause) -> None:
    said = event.body.contract
    form = usual_form(said.profile or CORE_FORM.profile)
    contract = Contract(
        net_days=said.net_days,
        invoice_on=InvoiceOn.APPROVAL if said.on_approval else InvoiceOn.SHIPMENT,
        buyer_reference=said.buyer_reference,
        form=Form(form.profile, said.format or form.format),
        language=said.language,
    )
    version = await store.set_contract(tx, (event.tenant, said.account_id), contract)
    assert version == event.body.version, "versions follow one another"


async def _refuse(tx: Tx, event: Event[events_pb2.ShipmentRefused], cause: Cause) -> None:
    """An order that was refused here is remembered, so that what ships of it is refused too."""
    if cause is not None and isinstance(cause.body, orders_pb2.OrderPlaced):
        body = cause.body
        await store.add_refused(tx, (event.tenant, body.order_id), body.version, event.body.code)


async def _issue_invoice(tx: Tx, event: Event[events_pb2.InvoiceIssued], _cause: Cause) -> None:
    body = event.body
    said = Statement(
        **_statement(event.tenant, body),
        document_id=body.invoice_id,
        kind=Kind.INVOICE,
        shipment_id=body.shipment_id,
        invoice_id="",
        invoice_number="",
        dispute_id=body.dispute_id,
        final=body.final,
        due_date=day(body.due_date, what="due_date"),
        ship_to=contracts.address(body.ship_to) if body.HasField("ship_to") else None,
        corrects=wire.reference(body.corrects) if body.HasField("corrects") else None,
        credited_by=wire.reference(body.credited_by) if body.HasField("credited_by") else None,
    )
    await _issue(tx, event, said)
    await store.add_balances(tx, [said])


async def _issue_credit_note(tx: Tx, event: Event[events_pb2.CreditNoteIssued], _cause: Cause) -> None:
    body = event.body
    said = Statement(
        **_statement(event.tenant, body),
        document_id=body.credit_note_id,
        kind=Kind.CREDIT_NOTE,
        shipment_id="",
        invoice_id=body.invoice_id,
        invoice_number=body.invoice_number,
        dispute_id=body.dispute_id,
        final=False,
        due_date=None,
        why=wire.why(body.reason),
        rebilled_by=wire.reference(body.rebilled_by) if body.HasField("rebilled_by") else None,
    )
    await _issue(tx, event, said)
    await store.credit_balances(tx, [said])


async def _issue(tx: Tx, event: Event[Any], said: Statement) -> None:
    """Write a document in its place of its series; its draft waits no longer."""
    await _end_draft(tx, said)
    series, nth = _place(said)
    await tx.run(
        """INSERT INTO series AS s (tenant, seller_id, kind, fiscal_year, code, last, last_issue_date)
           VALUES (%s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (tenant, seller_id, kind, fiscal_year, code) DO UPDATE
             SET last = greatest(s.last, EXCLUDED.last), last_issue_date = greatest(s.last_issue_date, EXCLUDED.last_issue_date)""",
        [said.tenant, said.seller_id, series.kind.value, series.fiscal_year, series.code, nth, said.issue_date],
    )
    await store.add_issued(tx, [(said, series, nth)])
    if event.body.xml:
        check = event.body.check
        file = File(Check(check.format, check.profile, check.sha256, check.rule_set), gzip.decompress(event.body.xml))
        await _keep_xml(tx, said.key, file)
        await jobs.add(tx, [rendering.file_job(event.origin, said)])


async def _keep_document(tx: Tx, event: Event[documents_pb2.DocumentIssued], _cause: Cause) -> None:
    """Keep a document's file; of one that was written after it was issued, its XML is here already."""
    body = event.body
    key = (event.tenant, body.document_id)
    if not await tx.rows("SELECT FROM issued WHERE tenant = %s AND document_id = %s", key):
        raise NotYet
    content = gzip.decompress(body.content) if body.content_encoding == "gzip" else body.content
    file = File(Check(body.format, body.profile, body.sha256, body.rule_set), content)
    if body.format in ("ubl", "cii"):
        await _keep_xml(tx, key, file)
        return
    await store.keep_file(tx, key, file)
    await tx.run("DELETE FROM job WHERE tenant = %s AND subject = %s", [event.tenant, f"document/{body.document_id}"])


async def _keep_xml(tx: Tx, key: tuple[str, str], file: File) -> None:
    """Keep the XML as it left, and what it says, whole, as all other formats are written from."""
    await store.add_documents(tx, [(key, file)])
    paper = documents.claim(documents.read(file.content, file.check.format), CORE_FORM.profile)
    row = await tx.row("SELECT credited_by FROM issued WHERE tenant = %s AND document_id = %s", key)
    note = reference_of(row.credited_by)
    if note is not None and note.number not in {earlier.number for earlier in paper.preceding}:
        # CII has room for one: the invoice that this one stands for, and not its credit note.
        named = model.PrecedingInvoice(number=note.number, issue_date=note.issue_date)
        paper = replace(paper, preceding=(*paper.preceding, named))
    await store.add_papers(tx, [(key, documents.write(paper, store.PAPER))])


async def _hold(tx: Tx, event: Event[events_pb2.DocumentHeld], cause: Cause) -> None:
    """A draft waits, by the id that was told of it, until something is put right."""
    body = event.body
    findings = Jsonb([[f.rule, f.message, f.place] for f in body.findings])
    dispute_id = cause.body.dispute_id if cause and isinstance(cause.body, disputes_pb2.DisputeResolved) else ""
    row = await tx.row(
        """SELECT draft_id FROM held
            WHERE tenant = %(tenant)s AND (draft_id = %(draft)s OR (order_id = %(order)s AND shipment_id = %(shipment)s
                                                                    AND dispute_id = %(dispute)s))
            ORDER BY draft_id <> %(draft)s LIMIT 1""",
        {
            "tenant": event.tenant,
            "draft": body.draft_id,
            "order": body.order_id,
            "shipment": body.shipment_id,
            "dispute": dispute_id,
        },
    )
    if row is None:
        raise LookupError("the draft is not there")
    await tx.run(
        "UPDATE held SET draft_id = %s, findings = %s, held_at = %s WHERE tenant = %s AND draft_id = %s",
        [body.draft_id, findings, tx.at, event.tenant, row.draft_id],
    )
    await _forget_jobs(tx, event.tenant, row.draft_id)


async def _end_draft(tx: Tx, said: Statement) -> None:
    rows = await tx.rows(
        """DELETE FROM held WHERE tenant = %s AND (draft_id = %s OR (kind = %s AND order_id = %s AND shipment_id = %s
                                                                     AND dispute_id = %s))
           RETURNING draft_id""",
        [said.tenant, said.document_id, said.kind.value, said.order_id, said.shipment_id, said.dispute_id],
    )
    for row in rows:
        await _forget_jobs(tx, said.tenant, row.draft_id)


async def _forget_jobs(tx: Tx, tenant: str, draft_id: str) -> None:
    await tx.run("DELETE FROM job WHERE tenant = %s AND subject = %s", [tenant, f"draft/{draft_id}"])


def _place(said: Statement) -> tuple[Series, int]:
    """Where a number stands: it says so itself."""
    code, year, nth = said.number.rsplit("-", 2)
    if said.kind is Kind.CREDIT_NOTE:
        code = code.removesuffix("-C")
    return Series(said.tenant, said.seller_id, said.kind, int(year), code), int(nth)


def _statement(tenant: str, body: Issued) -> dict[str, Any]:
    """What both kinds of documents say."""
    currency = body.currency
    return {
        "tenant": tenant,
        "number": body.number,
        "seller_id": body.seller_id,
        "account_id": body.account_id,
        "order_id": body.order_id,
        "issue_date": day(body.issue_date, what="issue_date"),
        "delivery_date": day(body.delivery_date, what="delivery_date"),
        "net": Money(body.net_minor, currency),
        "tax": Money(body.tax_minor, currency),
        "gross": Money(body.gross_minor, currency),
        "lines": tuple(_line(line, currency) for line in body.lines),
        "vat": tuple(_vat(row, currency) for row in body.vat),
        "scope": contracts.scope(body.scope),
        "seller": wire.company(body.seller),
        "buyer": wire.company(body.buyer),
        "form": Form(body.check.profile, body.check.file_format or body.check.format),
        "language": body.check.language,
        "rounding_minor": body.rounding_minor,
    }


def _line(said: events_pb2.DocumentLine, currency: str) -> Line:
    return Line(
        line_id=said.line_id,
        order_line_id=said.order_line_id,
        invoice_line_id=said.invoice_line_id,
        sku=said.sku,
        name=said.name,
        quantity=Decimal(said.quantity),
        unit=said.unit,
        unit_price=Decimal(said.unit_price),
        net=Money(said.net_minor, currency),
        vat_category=VatCategory(said.vat_category),
        vat_rate=Decimal(said.vat_rate) if said.vat_rate else None,
        is_sales_tax=said.is_sales_tax,
        allowance_minor=said.allowance_minor,
        asset_id=said.asset_id,
    )


def _vat(said: events_pb2.VatBreakdown, currency: str) -> VatRow:
    return VatRow(
        category=VatCategory(said.category),
        rate=Decimal(said.rate) if said.rate else None,
        taxable=Money(said.taxable_minor, currency),
        tax=Money(said.tax_minor, currency),
        exemption_code=said.exemption_code,
        exemption_text=said.exemption_text,
    )


def _refused(event: Event[Any]) -> Reason:
    return Reason("refused", event.body.code, event.body.message)


_REFUSALS: tuple[type[Message], ...] = (events_pb2.ShipmentRefused, events_pb2.CreditNoteRefused)

FOLD = Fold(
    own={
        events_pb2.ShipmentRefused: _refuse,
        events_pb2.CreditNoteRefused: nothing,
        # What was sent follows from the shipment that it answers.
        events_pb2.ReplacementShipped: nothing,
        events_pb2.InvoiceDiffers: nothing,
        events_pb2.SellerRegistered: _register,
        events_pb2.SellerChanged: _change,
        events_pb2.ContractSet: _agree,
        events_pb2.InvoiceIssued: _issue_invoice,
        events_pb2.CreditNoteIssued: _issue_credit_note,
        events_pb2.DocumentHeld: _hold,
        documents_pb2.DocumentIssued: _keep_document,
    },
    remembered=frozenset(
        {
            orders_pb2.OrderPlaced,
            orders_pb2.GoodsReceived,
            orders_pb2.OrderCancelled,
            orders_pb2.AssetReported,
            credit_pb2.BuyerRegistered,
            credit_pb2.BuyerChanged,
            credit_pb2.CreditDecided,
            disputes_pb2.DisputeResolved,
        }
    ),
    again=frozenset({orders_pb2.OrderShipped}),
    refusals=dict.fromkeys(_REFUSALS, _refused),
)
