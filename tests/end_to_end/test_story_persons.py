"""A person is forgotten by five running services: no topic, no log and no table has their name or a word of theirs."""

from collections.abc import Iterator
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from deploy.demo.calls import Refused
from deploy.demo.desk import money
from deploy.demo.feed import Feed
from deploy.demo.shop import headers_of
from deploy.local.cluster import ERP
from services.chassis.envelope import FROM_OUTSIDE, contract_of
from tests.end_to_end.world import Trader, World, text_of


@pytest.fixture
def mark() -> str:
    """A word that nobody else says."""
    return f"zweigenbaum{uuid4().hex[:8]}"


def test_a_person_is_forgotten_everywhere(world: World, trader: Trader, mark: str) -> None:
    address = live(world, trader, mark)
    topics = list(in_topics(world, mark))
    assert {service for service, _ in in_tables(world, trader, mark)} == {
        "credit",
        "disputes",
        "ledger",
        "notifications",
    }
    assert any(f"Send us: a photo by {mark}." in text_of(mail) for mail in trader.mails(address))

    for contact_id in ("cleo", "cases", "credit"):
        erase(world, trader, contact_id)
    erase(world, trader, "cleo")  # again: the same
    world.settle()

    assert topics + list(in_topics(world, mark)) == []
    assert in_tables(world, trader, mark) == [("ledger", "payment")]  # a voucher of the books: kept as the law says
    assert in_logs(world, mark) == []
    assert {told.contact_id for told in trader.told("ContactErased")} == {"cleo", "cases", "credit"}
    again = notifications_pb2.RegisterContactRequest(
        contact_id="cleo", account_id="b1", name="Cleo", email="cleo@people.example", roles=["AP_CLERK"]
    )
    with pytest.raises(Refused, match=r"contact\.erased"):
        world.stage.services.write(
            world.stage.services.notifications.RegisterContact, again, caller=trader.desk.caller, key="again"
        )
    # What is no person's stands, and business goes on, told to whoever is left.
    [invoice] = trader.invoices("o1")
    assert trader.render(invoice.number)
    trader.desk.acting_as("user:credit").services.write(
        world.stage.services.credit.LiftHold,
        credit_pb2.LiftHoldRequest(hold_id=f"h{trader.tenant}"),
        caller=trader.desk.acting_as("user:credit").caller,
        key="lift",
    )
    before = len(trader.mails(address))
    trader.sell("o2", "10")
    assert len(trader.mails(address)) == before
    assert any("o2" in text_of(mail) for mail in trader.mails(f"boss.{trader.tenant}@people.example"))


def live(world: World, trader: Trader, mark: str) -> str:
    """Orders, a case, a question, a hold, a payment, with the mark wherever somebody writes; return where mail went."""
    trader.buyer()
    address = trader.person("cleo", "AP_CLERK RECEIVING REQUESTER", "b1", email=f"{mark}@people.example")
    trader.person("boss", "ACCOUNT_ADMIN", "b1", email=f"boss.{trader.tenant}@people.example")
    for clerk, roles in (("cases", "DISPUTE_OWNER"), ("credit", "CREDIT SALES CASH_APP BILLING")):
        trader.person(clerk, roles, email=f"{clerk}.{mark}@people.example")
    order = trader.place("o1", "100", told=False)
    body = type(order).DESCRIPTOR.full_name
    said = headers_of(body, trader.tenant, "o1", at=world.at, ce_id=str(uuid4()))
    said |= {"ce_actor": f"Jane {mark}", "ce_reason": f"{mark} wants it", "x-clerk": mark}
    world.stage.shop.send(trader.tenant, "b1", order.SerializeToString(), said)
    world.settle()
    trader.ship("o1")
    world.settle()
    [invoice] = trader.invoices("o1")

    buyer = trader.desk.acting_as("contact:cleo", "b1")
    case = buyer.open_dispute(
        invoice.number, "QTY_SHORT", key="d1", amount=money(Decimal(12), "GBP"), description=f"{mark} counted"
    )
    cases = trader.desk.acting_as("user:cases")
    cases.move(case.dispute_id, "REVIEW")
    cases.move(case.dispute_id, "ASK_CUSTOMER", missing=f"a photo by {mark}")
    hold = credit_pb2.PlaceHoldRequest(
        hold_id=f"h{trader.tenant}",
        account_id="b1",
        reason_code="by_request",
        reason=f"{mark} asked for it",
        owner=f"Jane {mark}",
    )
    world.stage.services.write(
        world.stage.services.credit.PlaceHold,
        hold,
        caller=trader.desk.acting_as("user:credit").caller,
        key="hold",
        reason=f"{mark} says so",
    )
    trader.pay("p1", "1", f"from {mark}")
    world.settle()
    return address


def erase(world: World, trader: Trader, contact_id: str) -> None:
    """As the seller's administrator does."""
    request = notifications_pb2.EraseContactRequest(contact_id=contact_id)
    world.stage.services.write(
        world.stage.services.notifications.EraseContact, request, caller=trader.desk.caller, key=uuid4().hex
    )


def in_topics(world: World, mark: str) -> Iterator[str]:
    """Records of our own topics that have the mark in key, headers or payload; the shop's own are the shop's."""
    with Feed(world.stage.stack.servers.cluster.brokers(ERP)) as feed:
        for record in feed.records():
            said = b"".join((record.key or b"", record.value or b"", *((value or b"") for _, value in record.headers)))
            if contract_of(record.topic) not in FROM_OUTSIDE and mark.encode() in said.lower():
                yield f"{record.topic}/{record.partition}/{record.offset}"


def in_tables(world: World, trader: Trader, mark: str) -> list[tuple[str, str]]:
    """Tables, by service, with rows that have the mark, as text or as bytes; asked as who owns them."""
    found = []
    for name, running in world.stage.stack.running.items():
        with psycopg.connect(running.database.owner) as connection:
            connection.execute("SELECT set_config('ar.tenants', %s, true)", [trader.tenant])
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in tables:
                question = sql.SQL("SELECT FROM {} t WHERE t::text ILIKE %s OR t::text LIKE %s LIMIT 1")
                marked = connection.execute(
                    question.format(sql.Identifier(table)), [f"%{mark}%", f"%{mark.encode().hex()}%"]
                )
                found += [(name, table)] * len(marked.fetchall())
    return found


def in_logs(world: World, mark: str) -> list[str]:
    """Log files of the services that have the mark."""
    files = sorted(world.stage.stack.folder.glob("*.log"))
    assert {file.stem for file in files} == {*world.stage.stack.running, "sources"}
    return [file.name for file in files if mark in file.read_text(encoding="utf-8").lower()]
