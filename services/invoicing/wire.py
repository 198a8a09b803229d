"""Translates invoicing's words to and from the contracts."""

import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp
from receivables.common.v1 import party_pb2
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.documents.v1 import events_pb2 as documents_pb2
from receivables.invoicing.v1 import events_pb2, service_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services import contracts
from services.chassis.envelope import Event
from services.documents import Finding
from services.documents.formats import FORMATS
from services.invoicing.domain.assets import Asset, Reading
from services.invoicing.domain.credits import CreditRequest
from services.invoicing.domain.orders import Replacement, Shipment, Shown, State
from services.invoicing.domain.parties import (
    CORE_FORM,
    Buyer,
    Company,
    Contract,
    InvoiceOn,
    OtherRates,
    Seller,
    usual_form,
)
from services.invoicing.domain.receipts import Arrived, Receipt
from services.invoicing.domain.statements import (
    Check,
    File,
    Held,
    Kept,
    Kind,
    Line,
    Reference,
    Statement,
    VatRow,
    Why,
)
from services.kernel.calendars import day
from services.kernel.money import Money, decimal
from services.kernel.orders import Address, LineKind, Order, OrderLine
from services.kernel.refusals import Invalid, Refusal

_INVOICE_ON = {
    service_pb2.INVOICE_ON_SHIPMENT: InvoiceOn.SHIPMENT,
    service_pb2.INVOICE_ON_APPROVAL: InvoiceOn.APPROVAL,
}
_OTHER_RATES = {
    events_pb2.OTHER_RATES_UNSPECIFIED: OtherRates.REFUSE,
    events_pb2.OTHER_RATES_REFUSE: OtherRates.REFUSE,
    events_pb2.OTHER_RATES_FROM_ORDER: OtherRates.FROM_ORDER,
}
_OTHER_RATES_SAID = {rates: said for said, rates in _OTHER_RATES.items()}
_STATES = {
    State.OPEN: service_pb2.ORDER_STATE_PLACED,
    State.SHIPPING: service_pb2.ORDER_STATE_PARTLY_SHIPPED,
    State.CLOSED: service_pb2.ORDER_STATE_SHIPPED,
    State.CANCELLED: service_pb2.ORDER_STATE_CANCELLED,
}
_LINE_KINDS = {
    LineKind.GOODS: orders_pb2.LINE_KIND_GOODS,
    LineKind.SERVICE: orders_pb2.LINE_KIND_SERVICE,
}
PACKED_ABOVE = 1024 * 1024  # bytes; an event is at most four times as large
MEDIA_TYPES = {
    "ubl": "application/xml",
    "cii": "application/xml",
    "facturx": "application/pdf",
    "json": "application/json",
    "csv": "text/csv",
}
# What becomes a credit note, and why; in what ends otherwise nothing is credited.
_CREDITS: Mapping[disputes_pb2.Resolution.ValueType, Why | None] = {
    disputes_pb2.RESOLUTION_FULL_CREDIT: None,
    disputes_pb2.RESOLUTION_PARTIAL_CREDIT: None,
    disputes_pb2.RESOLUTION_GOODWILL: Why.GOODWILL,
    disputes_pb2.RESOLUTION_SPLIT_SETTLEMENT: Why.SETTLEMENT,
    disputes_pb2.RESOLUTION_PRICE_CORRECTION: Why.PRICE,
    disputes_pb2.RESOLUTION_REBILL: Why.REBILL,
}
_NO_CREDITS = (
    disputes_pb2.RESOLUTION_INVALID_PAYABLE,
    disputes_pb2.RESOLUTION_WRITE_OFF,
    disputes_pb2.RESOLUTION_REPLACEMENT,
)
_REASONS: Mapping[Why | None, events_pb2.CreditReason.ValueType] = {
    None: events_pb2.CREDIT_REASON_UNSPECIFIED,
    Why.GOODWILL: events_pb2.CREDIT_REASON_GOODWILL,
    Why.SETTLEMENT: events_pb2.CREDIT_REASON_SETTLEMENT,
    Why.PRICE: events_pb2.CREDIT_REASON_PRICE,
    Why.REBILL: events_pb2.CREDIT_REASON_REBILL,
}
_WHY = {said: why for why, said in _REASONS.items()}


def order(event: Event[orders_pb2.OrderPlaced]) -> Order:
    """An order as it came, checked."""
    placed = contracts.order(event.body)
    if placed.account_id != event.account_id:
        raise Invalid("order.account_mismatch", "the order's account is not the one in the key")
    return placed


def shipment(body: orders_pb2.OrderShipped) -> Shipment:
    """A shipment as it came, checked."""
    return Shipment(
        order_id=body.order_id,
        shipment_id=body.shipment_id,
        account_id=body.account_id,
        shipped_on=day(body.shipped_on, what="shipped_on"),
        quantities=tuple((line.line_id, decimal(line.quantity, what="quantity")) for line in contracts.lines(body)),
        final=body.final,
        ship_to=contracts.ship_to(body),
        dispute_id=body.dispute_id,
    ).check()


def receipt(body: orders_pb2.GoodsReceived) -> Receipt:
    """A receipt as it came, checked."""
    return Receipt(
        order_id=body.order_id,
        receipt_id=body.receipt_id,
        account_id=body.account_id,
        shipment_id=body.shipment_id,
        received_on=day(body.received_on, what="received_on"),
        arrived=arrived(body.lines),
        received_by=body.received_by,
        photo_sha256s=tuple(body.photo_sha256s),
    ).check()


def arrived(lines: Iterable[orders_pb2.ReceivedLine]) -> tuple[Arrived, ...]:
    """What arrived, by line."""
    return tuple(
        Arrived(
            line.line_id,
            decimal(line.quantity or "0", what="quantity"),
            decimal(line.damaged or "0", what="damaged"),
        )
        for line in lines
    )


def received(value: Receipt) -> orders_pb2.GoodsReceived:
    """A receipt, to tell and to show."""
    return orders_pb2.GoodsReceived(
        order_id=value.order_id,
        receipt_id=value.receipt_id,
        account_id=value.account_id,
        shipment_id=value.shipment_id,
        received_on=value.received_on.isoformat(),
        lines=[
            orders_pb2.ReceivedLine(line_id=one.line_id, quantity=f"{one.good:f}", damaged=f"{one.damaged:f}")
            for one in value.arrived
        ],
        received_by=value.received_by,
        photo_sha256s=value.photo_sha256s,
    )


def asset(event: Event[orders_pb2.AssetReported]) -> Asset:
    """What was told of an asset, checked."""
    body = event.body
    if body.account_id != event.account_id:
        raise Invalid("asset.account_mismatch", "the asset's account is not the one in the key")
    return Asset(
        tenant=event.tenant,
        asset_id=body.asset_id,
        account_id=body.account_id,
        serial_number=body.serial_number or body.asset_id,
        name=body.name,
        in_service_since=_day(body.in_service_since, what="in_service_since"),
        next_visit_on=_day(body.next_visit_on, what="next_visit_on"),
        scope=contracts.scope(body.scope),
        reported_at=_time(body.reported_at, what="reported_at"),
        readings=tuple(
            Reading(one.name, decimal(one.value, what="value"), one.unit, _time(one.taken_at, what="taken_at"))
            for one in body.readings
        ),
    ).check()


def _day(text: str, *, what: str) -> date | None:
    return day(text, what=what) if text else None


def _time(at: Timestamp, *, what: str) -> datetime:
    if not at.seconds and not at.nanos:
        raise Invalid("asset.time_missing", f"{what}: what is told of an asset was so at some time")
    return at.ToDatetime(UTC)


def asset_reported(value: Asset) -> orders_pb2.AssetReported:
    """An asset to show, with its newest readings."""
    message = orders_pb2.AssetReported(
        asset_id=value.asset_id,
        account_id=value.account_id,
        serial_number=value.serial_number,
        name=value.name,
        in_service_since=value.in_service_since.isoformat() if value.in_service_since else "",
        next_visit_on=value.next_visit_on.isoformat() if value.next_visit_on else "",
        scope=contracts.scope_message(value.scope),
    )
    message.reported_at.FromDatetime(value.reported_at)
    for one in value.readings:
        reading = message.readings.add(name=one.name, value=f"{one.value:f}", unit=one.unit)
        reading.taken_at.FromDatetime(one.taken_at)
    return message


def placed(request: service_pb2.PlaceOrderRequest, requested_by: str) -> orders_pb2.OrderPlaced:
    """An order as a call says it: of the call's account and part of the company, for whoever calls if they are a contact."""
    said = orders_pb2.OrderPlaced()
    said.CopyFrom(request.order)
    if said.HasField("scope") and said.scope != request.scope:
        raise Invalid("order.scope_mismatch", "the order is for another part of the company than the call")
    said.account_id = _account(said.account_id, request.account_id)
    said.scope.CopyFrom(request.scope)
    said.requested_by = requested_by or said.requested_by
    return said


def shipped(request: service_pb2.ShipOrderRequest) -> orders_pb2.OrderShipped:
    """A shipment as a call says it: of the call's account."""
    said = orders_pb2.OrderShipped()
    said.CopyFrom(request.shipment)
    said.account_id = _account(said.account_id, request.account_id)
    return said


def _account(said: str, called: str) -> str:
    if said not in ("", called):
        raise Invalid("order.account_mismatch", "the order's account is not the one that the call names")
    return called


def credit_request(event: Event[disputes_pb2.DisputeResolved]) -> CreditRequest | None:
    """What a resolved dispute asks to credit; None if nothing is credited."""
    body = event.body
    if body.resolution in _NO_CREDITS:
        return None
    if body.resolution not in _CREDITS:
        raise Invalid("credit_note.resolution_unknown", f"{body.resolution} is no resolution that is known here")
    return CreditRequest(
        tenant=event.tenant,
        dispute_id=body.dispute_id,
        invoice_id=body.invoice_id,
        lines=tuple((line.line_id, decimal(line.quantity, what="quantity")) for line in body.lines),
        amount=contracts.money(body.credit),
        why=_CREDITS[body.resolution],
        correction=contracts.correction(body.correction) if body.HasField("correction") else None,
    ).check()


def replaced(event: Event[disputes_pb2.DisputeResolved]) -> tuple[tuple[str, Decimal], ...]:
    """What of the invoice's lines a resolved dispute has sent again; nothing, where it ends otherwise."""
    if event.body.resolution != disputes_pb2.RESOLUTION_REPLACEMENT:
        return ()
    return tuple((line.line_id, decimal(line.quantity, what="quantity")) for line in event.body.replaced)


def replacement_shipped(
    replacement: Replacement, shipment: Shipment, invoice: Statement
) -> events_pb2.ReplacementShipped:
    """That what a case ended in has left, to tell."""
    return events_pb2.ReplacementShipped(
        dispute_id=replacement.dispute_id,
        invoice_id=replacement.invoice_id,
        invoice_number=invoice.number,
        account_id=replacement.account_id,
        order_id=replacement.order_id,
        shipment_id=shipment.shipment_id,
        shipped_on=shipment.shipped_on.isoformat(),
        scope=contracts.scope_message(invoice.scope),
    )


def reference(message: events_pb2.DocumentReference) -> Reference:
    """Another document, as it is named."""
    return Reference(message.document_id, message.number, day(message.issue_date, what="issue_date"))


def _reference(value: Reference | None) -> events_pb2.DocumentReference | None:
    if value is None:
        return None
    return events_pb2.DocumentReference(
        document_id=value.document_id, number=value.number, issue_date=value.issue_date.isoformat()
    )


def why(said: events_pb2.CreditReason.ValueType) -> Why | None:
    """Why something was credited."""
    return _WHY.get(said)


def company(message: party_pb2.Company) -> Company:
    """A company as it came."""
    return Company(
        name=message.name,
        vat_id=message.vat_id,
        legal_id=message.legal_id,
        street=message.address.street,
        city=message.address.city,
        post_code=message.address.post_code,
        country=message.address.country,
        electronic_address=message.electronic_address,
        electronic_address_scheme=message.electronic_address_scheme,
    )


def company_message(value: Company) -> party_pb2.Company:
    """A company to tell."""
    return party_pb2.Company(
        name=value.name,
        vat_id=value.vat_id,
        legal_id=value.legal_id,
        address=party_pb2.Address(
            street=value.street, city=value.city, post_code=value.post_code, country=value.country
        ),
        electronic_address=value.electronic_address,
        electronic_address_scheme=value.electronic_address_scheme,
    )


def buyer(event: Event[credit_pb2.BuyerRegistered]) -> Buyer:
    """The copy of a buyer."""
    body = event.body
    return Buyer(event.tenant, body.account_id, company(body.company), contracts.money(body.limit).currency)


def seller(tenant: str, request: service_pb2.RegisterSellerRequest) -> Seller:
    """A seller as it is registered."""
    if (other_rates := _OTHER_RATES.get(request.other_rates)) is None:
        raise Invalid("seller.other_rates_unknown", f"{request.other_rates} is nothing that can become of other rates")
    return Seller(
        tenant=tenant,
        seller_id=request.seller_id,
        company=company(request.company),
        iban=request.iban,
        bic=request.bic,
        series_prefix=request.series_prefix,
        time_zone=request.time_zone,
        contact_name=request.contact_name,
        contact_phone=request.contact_phone,
        contact_email=request.contact_email,
        logo=request.logo_svg,
        account_number=request.account_number,
        routing_number=request.routing_number,
        language=request.language,
        holidays=request.holidays,
        opens_at=request.opens_at,
        closes_at=request.closes_at,
        other_rates=other_rates,
    )


def seller_registered(value: Seller) -> events_pb2.SellerRegistered:
    """A seller to tell."""
    return events_pb2.SellerRegistered(seller_id=value.seller_id, company=company_message(value.company))


def seller_changed(value: Seller, version: int) -> events_pb2.SellerChanged:
    """All of a seller, to tell."""
    return events_pb2.SellerChanged(version=version, seller=seller_message(value))


def seller_message(value: Seller) -> events_pb2.Seller:
    """All of a seller, to tell and to show."""
    return events_pb2.Seller(
        seller_id=value.seller_id,
        company=company_message(value.company),
        iban=value.iban,
        bic=value.bic,
        account_number=value.account_number,
        routing_number=value.routing_number,
        series_prefix=value.series_prefix,
        time_zone=value.time_zone,
        contact_name=value.contact_name,
        contact_phone=value.contact_phone,
        contact_email=value.contact_email,
        logo_svg=value.logo,
        language=value.language,
        holidays=value.holidays,
        opens_at=value.opens_at,
        closes_at=value.closes_at,
        other_rates=_OTHER_RATES_SAID[value.other_rates],
    )


def contract(request: service_pb2.SetContractRequest) -> Contract:
    """What was agreed."""
    if (invoice_on := _INVOICE_ON.get(request.invoice_on)) is None:
        raise Invalid("contract.invoice_on_missing", "a contract says whether a shipment or the approval is invoiced")
    form = usual_form(request.profile or CORE_FORM.profile)
    if request.format:
        form = replace(form, format=request.format)
    return Contract(request.net_days, invoice_on, request.buyer_reference, form, request.language)


def contract_message(account_id: str, value: Contract) -> service_pb2.SetContractRequest:
    """What was agreed, to show."""
    return service_pb2.SetContractRequest(
        account_id=account_id,
        net_days=value.net_days,
        invoice_on=next(said for said, on in _INVOICE_ON.items() if on is value.invoice_on),
        buyer_reference=value.buyer_reference,
        profile=value.form.profile,
        format=value.form.format,
        language=value.language,
    )


def contract_set(account_id: str, value: Contract, version: int) -> events_pb2.ContractSet:
    """All of a contract, to tell."""
    return events_pb2.ContractSet(
        version=version,
        contract=events_pb2.Contract(
            account_id=account_id,
            net_days=value.net_days,
            on_approval=value.invoice_on is InvoiceOn.APPROVAL,
            buyer_reference=value.buyer_reference,
            profile=value.form.profile,
            format=value.form.format,
            language=value.language,
        ),
    )


def order_shown(
    shown: Shown,
    shipments: Sequence[Shipment] = (),
    documents: Sequence[str] = (),
    receipts: Sequence[Receipt] = (),
) -> service_pb2.Order:
    """An order to show."""
    message = service_pb2.Order(
        placed=_placed(shown.kept.order),
        state=_state(shown),
        shipments=[_shipped(one) for one in shipments],
        documents=documents,
        receipts=[received(one) for one in receipts],
    )
    message.placed_at.FromDatetime(shown.known_at)
    return message


def _state(shown: Shown) -> service_pb2.OrderState.ValueType:
    if shown.kept.state is State.SHIPPING and shown.is_whole:
        return service_pb2.ORDER_STATE_SHIPPED
    return _STATES[shown.kept.state]


def _placed(value: Order) -> orders_pb2.OrderPlaced:
    return orders_pb2.OrderPlaced(
        order_id=value.order_id,
        version=value.version,
        account_id=value.account_id,
        currency=value.gross.currency,
        placed_on=value.placed_on.isoformat(),
        promised_ship_on=value.promised_ship_on.isoformat(),
        lines=[_order_line(line) for line in value.lines],
        net_minor=value.net.minor,
        tax_minor=value.tax.minor,
        gross_minor=value.gross.minor,
        scope=contracts.scope_message(value.scope),
        seller_id=value.seller_id,
        ship_to=_address(value.ship_to),
        requested_by=value.requested_by,
    )


def _order_line(line: OrderLine) -> orders_pb2.OrderLine:
    return orders_pb2.OrderLine(
        line_id=line.line_id,
        sku=line.sku,
        name=line.name,
        quantity=f"{line.quantity:f}",
        unit=line.unit,
        unit_price=f"{line.unit_price:f}",
        net_minor=line.net.minor,
        tax_class=line.tax_class,
        kind=_LINE_KINDS[line.kind],
        category=line.category,
        vat_rate=_rate(line.vat_rate),
        asset_id=line.asset_id,
    )


def _shipped(value: Shipment) -> orders_pb2.OrderShipped:
    return orders_pb2.OrderShipped(
        order_id=value.order_id,
        shipment_id=value.shipment_id,
        account_id=value.account_id,
        shipped_on=value.shipped_on.isoformat(),
        lines=[orders_pb2.ShippedLine(line_id=line_id, quantity=f"{n:f}") for line_id, n in value.quantities],
        final=value.final,
        ship_to=_address(value.ship_to),
    )


def _address(value: Address | None) -> party_pb2.Address | None:
    return None if value is None else contracts.address_message(value)


def document(kept: Kept) -> service_pb2.Document:
    """An issued document to show."""
    credited = contracts.money_message(kept.credited)
    if kept.statement.kind is Kind.INVOICE:
        return service_pb2.Document(invoice=invoice_issued(kept.statement, kept.check), credited=credited)
    return service_pb2.Document(credit_note=credit_note_issued(kept.statement, kept.check))


def invoice_issued(statement: Statement, check: Check, xml: bytes = b"") -> events_pb2.InvoiceIssued:
    """An invoice to tell; with its XML where no file goes out with it."""
    assert statement.due_date is not None, "an invoice is due"
    return events_pb2.InvoiceIssued(
        invoice_id=statement.document_id,
        number=statement.number,
        seller_id=statement.seller_id,
        account_id=statement.account_id,
        order_id=statement.order_id,
        shipment_id=statement.shipment_id,
        final=statement.final,
        issue_date=statement.issue_date.isoformat(),
        due_date=statement.due_date.isoformat(),
        delivery_date=statement.delivery_date.isoformat(),
        currency=statement.gross.currency,
        net_minor=statement.net.minor,
        tax_minor=statement.tax.minor,
        gross_minor=statement.gross.minor,
        lines=[_line(line) for line in statement.lines],
        vat=[_vat(row) for row in statement.vat],
        scope=contracts.scope_message(statement.scope),
        check=_check(check, statement),
        xml=_packed(xml),
        rounding_minor=statement.rounding_minor,
        seller=company_message(statement.seller),
        buyer=company_message(statement.buyer),
        ship_to=_address(statement.ship_to),
        sales_tax_minor=statement.sales_tax.minor,
        corrects=_reference(statement.corrects),
        credited_by=_reference(statement.credited_by),
        dispute_id=statement.dispute_id,
    )


def invoice_differs(
    statement: Statement, asked: Money, invoiced: Money, findings: Sequence[Finding]
) -> events_pb2.InvoiceDiffers:
    """That an order was not invoiced as it was ordered, to tell."""
    return events_pb2.InvoiceDiffers(
        order_id=statement.order_id,
        account_id=statement.account_id,
        invoice_id=statement.document_id,
        number=statement.number,
        ordered=contracts.money_message(asked),
        invoiced=contracts.money_message(invoiced),
        findings=[_finding(finding) for finding in findings],
        scope=contracts.scope_message(statement.scope),
    )


def credit_note_issued(statement: Statement, check: Check, xml: bytes = b"") -> events_pb2.CreditNoteIssued:
    """A credit note to tell; with its XML where no file goes out with it."""
    return events_pb2.CreditNoteIssued(
        credit_note_id=statement.document_id,
        number=statement.number,
        invoice_id=statement.invoice_id,
        invoice_number=statement.invoice_number,
        seller_id=statement.seller_id,
        account_id=statement.account_id,
        order_id=statement.order_id,
        dispute_id=statement.dispute_id,
        issue_date=statement.issue_date.isoformat(),
        currency=statement.gross.currency,
        net_minor=statement.net.minor,
        tax_minor=statement.tax.minor,
        gross_minor=statement.gross.minor,
        lines=[_line(line) for line in statement.lines],
        vat=[_vat(row) for row in statement.vat],
        scope=contracts.scope_message(statement.scope),
        check=_check(check, statement),
        delivery_date=statement.delivery_date.isoformat(),
        seller=company_message(statement.seller),
        buyer=company_message(statement.buyer),
        xml=_packed(xml),
        rounding_minor=statement.rounding_minor,
        sales_tax_minor=statement.sales_tax.minor,
        reason=_REASONS[statement.why],
        rebilled_by=_reference(statement.rebilled_by),
    )


def document_issued(statement: Statement, file: File) -> documents_pb2.DocumentIssued:
    """A document's file to tell."""
    is_large = len(file.content) > PACKED_ABOVE
    return documents_pb2.DocumentIssued(
        document_id=statement.document_id,
        number=statement.number,
        type_code=str(statement.type_code),
        seller_id=statement.seller_id,
        account_id=statement.account_id,
        format=file.check.format,
        profile=file.check.profile,
        media_type=MEDIA_TYPES[file.check.format],
        file_name=_file_name(statement, file),
        content=_packed(file.content) if is_large else file.content,
        content_encoding="gzip" if is_large else "",
        sha256=file.check.sha256,
        rule_set=file.check.rule_set,
        scope=contracts.scope_message(statement.scope),
    )


def file(statement: Statement, found: File) -> service_pb2.RenderDocumentResponse:
    """A document's file to give."""
    return service_pb2.RenderDocumentResponse(
        content=found.content,
        media_type=MEDIA_TYPES[found.check.format],
        file_name=_file_name(statement, found),
        sha256=found.check.sha256,
        format=found.check.format,
        profile=found.check.profile,
        rule_set=found.check.rule_set,
    )


def sample(statement: Statement, found: File) -> service_pb2.SampleInvoiceResponse:
    """A sample's file to give."""
    return service_pb2.SampleInvoiceResponse(
        content=found.content,
        media_type=MEDIA_TYPES[found.check.format],
        file_name=_file_name(statement, found),
        format=found.check.format,
        profile=found.check.profile,
    )


def _file_name(statement: Statement, found: File) -> str:
    return f"{statement.number}{FORMATS[found.check.format].suffix}"


def credit_note_refused(event: Event[disputes_pb2.DisputeResolved], refusal: Refusal) -> events_pb2.CreditNoteRefused:
    """A credit that cannot be issued, to tell."""
    body = event.body
    return events_pb2.CreditNoteRefused(
        dispute_id=body.dispute_id,
        invoice_id=body.invoice_id,
        invoice_number=body.invoice_number,
        account_id=event.account_id,
        credit=body.credit,
        code=refusal.code,
        message=refusal.message,
        scope=body.scope,
    )


def document_held(held: Held) -> events_pb2.DocumentHeld:
    """A draft that waits, to tell."""
    return events_pb2.DocumentHeld(
        draft_id=held.draft_id,
        account_id=held.account_id,
        order_id=held.order_id,
        shipment_id=held.shipment_id,
        findings=[_finding(finding) for finding in held.findings],
    )


def _line(line: Line) -> events_pb2.DocumentLine:
    return events_pb2.DocumentLine(
        line_id=line.line_id,
        order_line_id=line.order_line_id,
        sku=line.sku,
        name=line.name,
        quantity=f"{line.quantity:f}",
        unit=line.unit,
        unit_price=f"{line.unit_price:f}",
        net_minor=line.net.minor,
        vat_category=line.vat_category.value,
        vat_rate=_rate(line.vat_rate),
        invoice_line_id=line.invoice_line_id,
        allowance_minor=line.allowance_minor,
        is_sales_tax=line.is_sales_tax,
        asset_id=line.asset_id,
    )


def _vat(row: VatRow) -> events_pb2.VatBreakdown:
    return events_pb2.VatBreakdown(
        category=row.category.value,
        rate=_rate(row.rate),
        taxable_minor=row.taxable.minor,
        tax_minor=row.tax.minor,
        exemption_code=row.exemption_code,
        exemption_text=row.exemption_text,
    )


def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0) if content else b""


def _rate(rate: Decimal | None) -> str:
    """A rate in percent; empty where there is none."""
    return "" if rate is None else f"{rate:f}"


def _check(check: Check, statement: Statement) -> events_pb2.DocumentCheck:
    return events_pb2.DocumentCheck(
        format=check.format,
        profile=check.profile,
        sha256=check.sha256,
        rule_set=check.rule_set,
        file_format=statement.form.format,
        language=statement.language,
    )


def _finding(finding: Finding) -> events_pb2.Finding:
    return events_pb2.Finding(rule=finding.rule, message=finding.message, place=finding.place)
