"""The Kafka door of disputes: which event is handled by which use case."""

from collections.abc import Mapping

from google.protobuf.message import Message
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.notifications.v1 import events_pb2 as notifications_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.consumer import Handler
from services.disputes import checking, usecases

HANDLERS: Mapping[type[Message], Handler] = {
    orders_pb2.OrderPlaced: checking.know_orders,
    orders_pb2.OrderShipped: checking.know_shipments,
    orders_pb2.GoodsReceived: checking.know_receipts,
    invoicing_pb2.InvoiceIssued: checking.know_invoices,
    invoicing_pb2.ContractSet: checking.know_contracts,
    invoicing_pb2.SellerChanged: usecases.know_sellers,
    invoicing_pb2.CreditNoteIssued: usecases.count_credit_notes,
    invoicing_pb2.ReplacementShipped: usecases.send_again,
    ledger_pb2.ItemReduced: checking.note_open,
    ledger_pb2.PaymentReceived: checking.know_cash,
    ledger_pb2.CashUnapplied: checking.take_back,
    notifications_pb2.ContactErased: usecases.forget,
    notifications_pb2.ContactSucceeded: usecases.pass_on,
}
