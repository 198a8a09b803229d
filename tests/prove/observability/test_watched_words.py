"""Whatever people and secrets are called, no log of a service says it, also when everything fails."""

import json
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
import requests
from google.protobuf import message_factory
from kafka import KafkaProducer
from psycopg.conninfo import conninfo_to_dict
from receivables.credit.v1 import service_pb2, service_pb2_grpc

from deploy.demo.desk import Payment, money
from deploy.demo.sample import Contact
from tests import callers
from tests.end_to_end.world import Trader
from tests.prove.observability import marks
from tests.prove.observability.conftest import SMTP_PASSWORD, Watched

pytestmark = pytest.mark.prove

NAME, EMAIL, IBAN, PHONE = (
    "Zebulon Quillfeather",
    "zebulon@quillfeather.example",
    "DE02120300000000202051",
    "+49 30 901820",
)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HEADERS = (
    "ce_source", "ce_subject", "ce_time", "ce_tenant", "ce_actor", "ce_reason", "ce_idempotencykey", "ce_sequence",
    "ce_causationid", "traceparent", "content-type",
)  # fmt: skip
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
    buyer = marked.desk.acting_as(f"contact:{EMAIL}", "b1")
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
        stack = watched.stage.stack
        with callers.dialled(stack.running["credit"].address, "credit", by=stack.issuers) as channel:
            stub: Any = service_pb2_grpc.CreditServiceStub(channel)
            request = service_pb2.RegisterBuyerRequest(account_id="b9", limit=money(Decimal(1), "GBP"))
            request.company.name, request.company.address.street = NAME, EMAIL
            request.company.address.city, request.company.address.country = NAME, "GB"
            metadata = {
                "ar-tenant": marked.tenant,
                "ar-actor": f"user:{EMAIL}",
                "ar-reason": NAME,
                "ar-idempotency-key": "loud",
            }
            with pytest.raises(grpc.RpcError) as failed:
                stub.RegisterBuyer(request, timeout=10, metadata=tuple(metadata.items()))
            assert failed.value.code() is grpc.StatusCode.INTERNAL
        marked.place("o3", "10")
        shop.flush()
        watched.pager.await_("EventsFailed", job="notifications")
        for connection, table in ((credit, "account"), (notifications, "message")):
            connection.execute(f"DROP TRIGGER loud ON {table}".encode())
            connection.execute("DROP FUNCTION loud()")


def fill_everything(watched: Watched) -> None:
    """Each call and each event with a mark in every field that takes text, in every header, and as the tenant."""
    for name, path, method in marks.calls():
        answer = message_factory.GetMessageClass(method.output_type)
        stack = watched.stage.stack
        with callers.dialled(stack.running[name].address, name, by=stack.issuers) as channel:
            call: Any = channel.unary_unary(path, lambda message: message.SerializeToString(), answer.FromString)
            for n, request in enumerate(marks.variants(method.input_type)):
                for tenant in ("marks", marks.MARK):
                    key = f"{path} {n} {tenant} {marks.MARK}"
                    metadata = {"ar-tenant": tenant, "ar-actor": f"user:{marks.MARK}", "ar-reason": marks.MARK}
                    metadata |= {"ar-idempotency-key": key, "traceparent": TRACE if n else marks.MARK}
                    with suppress(grpc.RpcError):
                        call(request, timeout=10, metadata=tuple(metadata.items()))
    producer: Any = KafkaProducer(bootstrap_servers=watched.stage.stack.servers.kafka_bootstrap.split(","), acks="all")
    for topic, kind in marks.events():
        for body in marks.variants(kind):
            for known in (True, False):
                headers = dict.fromkeys(HEADERS, marks.MARK) | {"ce_id": str(uuid4()), "ce_type": kind.full_name}
                headers |= {"ce_tenant": "marks", "ce_subject": "order/o1", "traceparent": TRACE} if known else {}
                told = [(name, text.encode()) for name, text in headers.items() if not known or name != "ce_sequence"]
                producer.send(topic, key=b"marks/b1", value=body.SerializeToString(), headers=told)
    producer.flush(timeout=60)
    producer.close()


def test_a_mark_in_every_field_means_every_field():
    calls, events = list(marks.calls()), list(marks.events())

    assert {name for name, _, _ in calls} == set(marks.SERVICES)
    for kind in (*(method.input_type for _, _, method in calls), *(kind for _, kind in events)):
        marked = [str(message).count(marks.MARK) for message in marks.variants(kind)]
        exclusive = any(len(group.fields) > 1 for group in kind.oneofs)
        assert max(marked) == marks.text_fields(kind) or exclusive, kind.full_name


def test_no_log_and_no_metric_says_a_name_an_address_or_a_secret(watched: Watched, trader: Trader):
    go_wrong(watched, tell_everything(watched, trader))
    fill_everything(watched)
    trader.world.settle()

    logs = {file.stem: file.read_text(encoding="utf-8") for file in Path(watched.stage.stack.folder).glob("*.log")}
    passwords = [str(conninfo_to_dict(s.database.server)["password"]) for s in watched.stage.stack.running.values()]
    secret = [NAME, NAME.split()[1], EMAIL, EMAIL.split("@")[1], IBAN, PHONE, SMTP_PASSWORD, marks.MARK, *passwords]
    assert logs.keys() == watched.stage.stack.running.keys()
    ports = {name: service.metrics_port for name, service in watched.stage.stack.running.items()}
    said = {
        f"{name}'s metrics": requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
        for name, port in ports.items()
    }
    found = {(where, word) for where, text in (logs | said).items() for word in secret if word.lower() in text.lower()}
    assert found == set()
    lines = [json.loads(line) for text in logs.values() for line in text.splitlines()]
    assert all({"message", "service", "level", "timestamp"} <= line.keys() for line in lines)
    [defect] = [line for line in lines if line["message"] == "call failed" and line.get("method") == "RegisterBuyer"]
    assert "RaiseException SQLSTATE P0001" in defect["exception"]
    assert len(defect["trace_id"]) == 32
    assert any(line["message"] == "event parked" and line["reason"] == "failed" for line in lines)
    concern = [line for line in lines if line["message"] in {"event parked", "call refused", "call failed"}]
    assert all("trace_id" in line for line in concern)
    assert {line["message"] for line in concern if line.get("trace_id") == TRACE[3:35]} >= {
        "event parked",
        "call refused",
    }
