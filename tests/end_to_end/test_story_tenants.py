"""Two sellers see nothing of each other, over every call that reads."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.message import Message
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from deploy.demo.calls import Refused, Services
from deploy.demo.desk import money
from deploy.local.trust import person
from tests.end_to_end.world import Trader, World

CONTRACTS = {
    "credit": credit_pb2,
    "invoicing": invoicing_pb2,
    "ledger": ledger_pb2,
    "disputes": disputes_pb2,
    "notifications": notifications_pb2,
}
READS = ("Get", "List", "Render")


def reading_calls() -> Iterator[tuple[str, Any]]:
    """Every call of every service that reads, as (service, method)."""
    for service, contract in CONTRACTS.items():
        for described in contract.DESCRIPTOR.services_by_name.values():
            for method in described.methods:
                if method.name.startswith(READS):
                    yield service, method


def busy(world: World, secret: str) -> tuple[Trader, Mapping[str, str]]:
    """A seller of whom every service knows something, whose every id holds the secret word; and those ids."""
    trader = Trader(world, name=f"Seller {secret}")
    account, order = f"{secret}-buyer", f"{secret}-order"
    trader.buyer(account, limit=5000)
    trader.person(f"{secret}-person", "AP_CLERK FINANCE_LEAD", account)
    trader.place(f"{secret}-referred", "4300", account=account)
    invoice = trader.sell(order, "100", account=account)
    trader.pay(f"{secret}-payment", "10", account=account)
    case = trader.desk.open_dispute(invoice.number, "OTH", key="d", amount=money(Decimal(5), "GBP"), description=secret)
    world.settle()
    ids = {
        "account_id": account,
        "order_id": order,
        "invoice": invoice.number,
        "invoice_id": invoice.invoice_id,
        "document": invoice.number,
        "dispute_id": case.dispute_id,
        "contact_id": f"{secret}-person",
        "about": f"invoice/{invoice.invoice_id}",
    }
    return trader, ids


def requests(method: Any, ids: Mapping[str, str]) -> Iterator[Message]:
    """The call without any id, and with each id that its request has a field for."""
    services_pb2 = next(c for c in CONTRACTS.values() if method.input_type.file is c.DESCRIPTOR)
    make: Callable[..., Message] = getattr(services_pb2, method.input_type.name)
    yield make()
    for name in ids.keys() & {field.name for field in method.input_type.fields}:
        yield make(**{name: ids[name]})


def answer(services: Services, service: str, method: Any, request: Message, tenant: str) -> str:
    """What the service says: the answer as text, or the code of its refusal."""
    stub: Any = getattr(services, service)
    try:
        return str(services.read(getattr(stub, method.name), request, tenant=tenant))
    except Refused as refused:
        return refused.code


def test_no_word_of_one_seller_is_in_any_answer_to_the_other(world: World, trader: Trader) -> None:
    mine, ids = busy(world, "asphodel")
    theirs, _ = busy(world, "bergamot")
    services = world.stage.services
    secrets = {*ids.values(), mine.tenant, mine.name, "asphodel", mine.seller.iban[-8:] + "asphodel"}

    said_to_me = []
    for service, method in reading_calls():
        for request in requests(method, ids):
            said_to_me.append(answer(services, service, method, request, mine.tenant))
            to_them = answer(services, service, method, request, theirs.tenant)
            assert not [secret for secret in secrets if secret in to_them], f"{service}.{method.name}({request})"

    # The same questions are answered to whom they concern: the test would see a leak.
    assert sum("asphodel" in text for text in said_to_me) >= 12


def test_another_sellers_ids_are_not_found_and_cannot_be_written_to(world: World, trader: Trader) -> None:
    _, ids = busy(world, "mine")
    stranger = trader.desk
    attempts: list[Callable[[], object]] = [
        lambda: stranger.move(ids["dispute_id"], "REVIEW"),
        lambda: stranger.open_dispute(ids["invoice"], "OTH", key="x", amount=money(Decimal(1), "GBP"), description="x"),
        lambda: stranger.review("mine-referred", "APPROVED"),
        lambda: stranger.set_limit(ids["account_id"], Decimal(1), "GBP", "x"),
    ]

    codes = []
    for attempt in attempts:
        with pytest.raises(Refused) as refused:
            attempt()
        codes.append(refused.value.code)

    assert codes == ["dispute.unknown", "dispute.unknown_invoice", "order.unknown", "buyer.unknown"]


def test_a_call_without_a_tenant_is_refused(world: World, trader: Trader) -> None:
    services = world.stage.services
    request = credit_pb2.GetAccountRequest(account_id="b1")
    with pytest.raises(Refused, match=r"access\.tenant"):
        services.read(services.credit.GetAccount, request, tenant="", caller=person("user:ada", ""))
