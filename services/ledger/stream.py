"""The Kafka door of the ledger: which event is handled by which use case."""

from collections.abc import Mapping

from google.protobuf.message import Message
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2

from services.chassis.consumer import Handler
from services.ledger import usecases

# One for all that is booked: a batch mixes them, and is handled in one go.
HANDLERS: Mapping[type[Message], Handler] = {
    credit_pb2.BuyerRegistered: usecases.know,
    invoicing_pb2.SellerRegistered: usecases.know_sellers,
    invoicing_pb2.SellerChanged: usecases.know_sellers,
} | dict.fromkeys(
    (
        credit_pb2.CreditDecided,
        credit_pb2.HoldCaptured,
        credit_pb2.HoldReleased,
        credit_pb2.HoldExpired,
        invoicing_pb2.InvoiceIssued,
        invoicing_pb2.CreditNoteIssued,
        disputes_pb2.DisputeOpened,
        disputes_pb2.DisputeMoved,
        disputes_pb2.DisputeChanged,
        disputes_pb2.DisputeResolved,
    ),
    usecases.follow,
)
