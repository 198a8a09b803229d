"""One piece of each service's business, seen from outside: what it is told, what it answers, what it tells."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import grpc
from google.protobuf.message import Message
from receivables.common.v1 import money_pb2
from receivables.credit.v1 import events_pb2 as credit_events
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.credit.v1 import service_pb2_grpc as credit_grpc
from receivables.disputes.v1 import events_pb2 as disputes_events
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.disputes.v1 import service_pb2_grpc as disputes_grpc
from receivables.invoicing.v1 import events_pb2 as invoicing_events
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.invoicing.v1 import service_pb2_grpc as invoicing_grpc
from receivables.ledger.v1 import events_pb2 as ledger_events
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.ledger.v1 import service_pb2_grpc as ledger_grpc
from receivables.notifications.v1 import events_pb2 as notifications_events
from receivables.notifications.v1 import service_pb2 as notifications_pb2
from receivables.notifications.v1 import service_pb2_grpc as notifications_grpc

from deploy.demo.calls import pages
from services.chassis.access import IDENTITY
from services.chassis.envelope import Record
from tests import callers
from tests.integration.disputes import desk as disputes_desk
from tests.integration.invoicing import office
from tests.integration.ledger import desk as ledger_desk

ACCOUNTS = tuple(f"b{n}" for n in range(12))


def account_of(number: int) -> str:
    """Whose order, or invoice, this is."""
    return ACCOUNTS[number % len(ACCOUNTS)]


@dataclass(frozen=True)
class Door:
    """A replica's gRPC, for one tenant."""

    channel: grpc.Channel
    tenant: str
    # The service that a token is for, as callers of this version bring one; "": as those of the version before.
    audience: str = ""

    def call(self, stub: Callable[[Any], Any], method: str, request: Message, key: str | None = None) -> Any:
        """Ask, or command under this key or one of its own."""
        metadata = list(office.metadata(self.tenant, key))
        if self.audience:
            metadata.append((IDENTITY, callers.token(callers.caller("user:test", self.tenant), self.audience)))
        return getattr(stub(self.channel), method)(request, metadata=metadata, timeout=20)

    def call_known(self, stub: Callable[[Any], Any], method: str, request: Message, key: str | None = None) -> Any:
        """The same, of something that is perhaps not known yet: then nothing."""
        try:
            return self.call(stub, method, request, key)
        except grpc.RpcError as error:
            if cast(grpc.Call, error).code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise


@dataclass(frozen=True)
class Business:
    """What a service is told about one thing after another (an order, an invoice), each numbered."""

    # What must be known before: calls, and events.
    register: Callable[[Door], object]
    known: Callable[[str], list[Record]]
    # The events that say the thing of this number, in this tenant.
    facts: Callable[[int, str], list[Record]]
    # Whether the service has handled the thing of this number, by what it answers.
    answered: Callable[[Door, int], bool]
    # What it announces of each thing, once.
    told: type[Message]


def _nothing(_door: Door) -> None:
    """Nothing to register."""


def _unknown(_tenant: str) -> list[Record]:
    return []


def _credit_registers(door: Door) -> None:
    for account in ACCOUNTS:
        limit = money_pb2.Money(minor=100_000_000, currency="EUR")
        request = credit_pb2.RegisterBuyerRequest(account_id=account, company=office.company(), limit=limit)
        door.call(credit_grpc.CreditServiceStub, "RegisterBuyer", request)


def _credit_answers(door: Door, number: int) -> bool:
    request = credit_pb2.GetDecisionRequest(order_id=f"o{number}")
    answer = door.call_known(credit_grpc.CreditServiceStub, "GetDecision", request)
    return answer is not None and answer.hold_state == "HELD"


def _ordered(number: int, tenant: str) -> list[Record]:
    return [office.placed(f"o{number}", account=account_of(number), tenant=tenant)]


def _shipped(number: int, tenant: str) -> list[Record]:
    shipment = office.shipped(f"o{number}", f"p{number}", account=account_of(number), tenant=tenant)
    return [*_ordered(number, tenant), shipment]


def _invoicing_answers(door: Door, number: int) -> bool:
    request = invoicing_pb2.ListInvoicesRequest(order_id=f"o{number}")
    return len(door.call(invoicing_grpc.InvoicingServiceStub, "ListInvoices", request).documents) == 1


def _invoiced(number: int, tenant: str) -> list[Record]:
    return [ledger_desk.issued(f"i{number}", account=account_of(number), tenant=tenant)]


def _ledger_answers(door: Door, number: int) -> bool:
    def page(token: str) -> tuple[Iterable[Any], str]:
        request = ledger_pb2.ListOpenItemsRequest(account_id=account_of(number), page_token=token)
        answer = door.call(ledger_grpc.LedgerServiceStub, "ListOpenItems", request)
        return answer.items, answer.next_page_token

    return [item.open.minor for item in pages(page) if item.invoice_id == f"i{number}"] == [11_900]


def _disputes_answers(door: Door, number: int) -> bool:
    lines = [disputes_events.DisputedLine(line_id="1", quantity="2")]
    request = disputes_pb2.OpenRequest(invoice=f"i{number}", reason_code="QTY_SHORT", description="two", lines=lines)
    # The same key each time: a case is opened once, whichever version is asked again.
    return door.call_known(disputes_grpc.DisputesServiceStub, "Open", request, f"open i{number}") is not None


def _notifications_registers(door: Door) -> None:
    for account in ACCOUNTS:
        request = notifications_pb2.RegisterContactRequest(
            contact_id=f"clerk-{account}",
            account_id=account,
            name="Cleo",
            email=f"cleo.{door.tenant}@{account}.example",
            roles=["AP_CLERK"],
            language="en",
        )
        door.call(notifications_grpc.NotificationsServiceStub, "RegisterContact", request)


def _notifications_answers(door: Door, number: int) -> bool:
    request = notifications_pb2.ListMessagesRequest(about=f"invoice/i{number}")
    messages: Sequence[Any] = door.call(notifications_grpc.NotificationsServiceStub, "ListMessages", request).messages
    return [message.state for message in messages] == ["ACCEPTED"]


def _buyers(tenant: str) -> list[Record]:
    return [office.buyer(account, tenant=tenant) for account in ACCOUNTS]


BUSINESS = {
    "credit": Business(_credit_registers, _unknown, _ordered, _credit_answers, credit_events.CreditDecided),
    "invoicing": Business(
        lambda door: door.call(invoicing_grpc.InvoicingServiceStub, "RegisterSeller", office.a_seller()),
        _buyers,
        _shipped,
        _invoicing_answers,
        invoicing_events.InvoiceIssued,
    ),
    "ledger": Business(_nothing, _buyers, _invoiced, _ledger_answers, ledger_events.ItemOpened),
    "disputes": Business(
        _nothing,
        _unknown,
        lambda number, tenant: [disputes_desk.issued(f"i{number}", account=account_of(number), tenant=tenant)],
        _disputes_answers,
        disputes_events.DisputeOpened,
    ),
    "notifications": Business(
        _notifications_registers, _buyers, _invoiced, _notifications_answers, notifications_events.MessageDelivered
    ),
}
