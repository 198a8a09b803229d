"""The Kafka door of invoicing: which event is handled by which use case."""

from collections.abc import Mapping

from google.protobuf.message import Message
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis.consumer import Handler
from services.invoicing import usecases

HANDLERS: Mapping[type[Message], Handler] = {
    orders_pb2.OrderPlaced: usecases.keep,
    orders_pb2.OrderShipped: usecases.ship,
    orders_pb2.GoodsReceived: usecases.receive,
    orders_pb2.OrderCancelled: usecases.cancel,
    orders_pb2.AssetReported: usecases.hear,
    credit_pb2.BuyerRegistered: usecases.keep_buyers,
    credit_pb2.BuyerChanged: usecases.change_buyers,
    credit_pb2.CreditDecided: usecases.approve,
    disputes_pb2.DisputeResolved: usecases.credit,
}
