"""The Kafka door of the ledger: which event is handled by which use case."""

from collections.abc import Mapping

from google.protobuf.message import Message
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2

from services.chassis.consumer import Handler
from services.ledger import usecases

HANDLERS: Mapping[type[Message], Handler] = {
    credit_pb2.BuyerRegistered: usecases.know,
    credit_pb2.CreditDecided: usecases.hold,
    credit_pb2.HoldCaptured: usecases.capture,
    credit_pb2.HoldReleased: usecases.release,
    credit_pb2.HoldExpired: usecases.expire,
    invoicing_pb2.InvoiceIssued: usecases.owe,
    invoicing_pb2.CreditNoteIssued: usecases.credit,
    disputes_pb2.DisputeOpened: usecases.open_disputes,
    disputes_pb2.DisputeMoved: usecases.move_disputes,
    disputes_pb2.DisputeResolved: usecases.resolve_disputes,
}
