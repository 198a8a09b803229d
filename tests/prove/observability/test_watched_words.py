"""Whatever people and secrets are called, no log of a service says it, also when everything fails."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import pytest
from psycopg.conninfo import conninfo_to_dict
from receivables.credit.v1 import service_pb2, service_pb2_grpc

from deploy.demo.desk import Payment, money
from deploy.demo.sample import Contact
from tests.end_to_end.world import Trader
from tests.prove.observability.conftest import SMTP_PASSWORD, Watched

pytestmark = pytest.mark.prove

NAME, EMAIL, IBAN, PHONE = (
    "Zebulon Quillfeather",
    "zebulon@quillfeather.example",
    "DE02120300000000202051",
    "+49 30 901820",
)
LOUD = """CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'cannot keep %', NEW USING DETAIL = NEW::text; END $$"""


def tell_everything(watched: Watched, trader: Trader) -> Trader:
    """A tenant whose every field has a mark, through all five services."""
    marked = Trader(trader.world, name=f"{NAME} Ltd")
    marked.desk.register_seller(
        replace(marked.seller, seller_id=f"{marked.tenant}-2", series_prefix=f"{marked.prefix}Z", iban=IBAN,
                contact_name=NAME, contact_email=EMAIL, contact_phone=PHONE)
    )  # fmt: skip
    marked.buyer(limit=100_000)
    roles = ("AP_CLERK", "PROCUREMENT", "REQUESTER")
    marked.desk.register_contact(Contact(marked.tenant, "c1", "b1", NAME, EMAIL, roles, "en", True, ""))
    bounce = f"bounce.{EMAIL}"
    marked.desk.register_contact(Contact(marked.tenant, "c2", "b1", NAME, bounce, roles, "en", True, ""))
    invoice = marked.sell("o1", "100", "200")
    today = marked.world.at.date()
    marked.desk.pay(Payment("p1", "b1", today, Decimal(50), "GBP", f"{NAME} {IBAN} {invoice.number}"))
    buyer = marked.desk.acting_as(f"contact:{EMAIL}")
    buyer.open_dispute(invoice.number, "QLT_DAMAGE", key="d1", amount=money(Decimal(10), "GBP"))
    marked.world.settle()
    return marked


def go_wrong(watched: Watched, marked: Trader) -> None:
    """Bytes that are no event, refusals, and defects whose errors quote the row."""
    shop = watched.stage.shop
    headers = {
        "ce_id": EMAIL,
        "ce_type": "receivables.orders.v1.OrderPlaced",
        "ce_subject": "order/x",
        "ce_tenant": marked.tenant,
    }
    shop.send(marked.tenant, "b1", NAME.encode(), headers)
    marked.place("o2", "10", account="nobody")
    with watched.admin("credit") as credit, watched.admin("notifications") as notifications:
        for connection, table in ((credit, "account"), (notifications, "message")):
            connection.execute(LOUD)
            connection.execute(
                f"CREATE TRIGGER loud BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION loud()".encode()
            )
        with grpc.insecure_channel(watched.stage.stack.running["credit"].address) as channel:
            stub: Any = service_pb2_grpc.CreditServiceStub(channel)
            request = service_pb2.RegisterBuyerRequest(account_id="b9", limit=money(Decimal(1), "GBP"))
            request.company.name, request.company.address.street = NAME, EMAIL
            request.company.address.city, request.company.address.country = NAME, "GB"
            metadata = {"ar-tenant": marked.tenant, "ar-actor": EMAIL, "ar-reason": NAME, "ar-idempotency-key": "loud"}
            with pytest.raises(grpc.RpcError) as failed:
                stub.RegisterBuyer(request, timeout=10, metadata=tuple(metadata.items()))
            assert failed.value.code() is grpc.StatusCode.INTERNAL
        marked.place("o3", "10")
        shop.flush()
        watched.pager.await_("EventsFailed", job="notifications")
        for connection, table in ((credit, "account"), (notifications, "message")):
            connection.execute(f"DROP TRIGGER loud ON {table}".encode())
            connection.execute("DROP FUNCTION loud()")


def test_no_log_says_a_name_an_address_or_a_secret(watched: Watched, trader: Trader):
    go_wrong(watched, tell_everything(watched, trader))

    logs = {file.stem: file.read_text(encoding="utf-8") for file in Path(watched.stage.stack.folder).glob("*.log")}
    passwords = [str(conninfo_to_dict(s.database.server)["password"]) for s in watched.stage.stack.running.values()]
    marks = [NAME, NAME.split()[1], EMAIL, EMAIL.split("@")[1], IBAN, PHONE, SMTP_PASSWORD, *passwords]
    assert logs.keys() == watched.stage.stack.running.keys()
    found = {(service, mark) for service, text in logs.items() for mark in marks if mark.lower() in text.lower()}
    assert found == set()
    lines = [json.loads(line) for text in logs.values() for line in text.splitlines()]
    assert all({"message", "service", "level", "timestamp"} <= line.keys() for line in lines)
    [defect] = [line for line in lines if line["message"] == "call failed" and line.get("method") == "RegisterBuyer"]
    assert "RaiseException SQLSTATE P0001" in defect["exception"]
    assert len(defect["trace_id"]) == 32
    assert any(line["message"] == "event parked" and line["reason"] == "failed" for line in lines)
