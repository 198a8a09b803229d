"""Work of bounded cost: nothing is prepared inside a transaction, the large beside the small, the many beside the new."""

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from receivables.invoicing.v1 import events_pb2, service_pb2

from services.chassis.envelope import Record
from services.chassis.processes import Died
from services.chassis.workers import Worker
from services.invoicing import usecases
from services.invoicing.domain.sketches import Sketch
from services.invoicing.press import Press, presses_of
from services.invoicing.service import SERVICE
from tests.integration.invoicing.office import Office, buyer, buyer_changed, company, metadata, placed, shipped
from tests.integration.invoicing.test_invoicing_numbers import BROKEN, places

LINES_MAX = 10_000


def long_order(order: str, lines: int, account: str = "b1") -> list[Record]:
    told = [(str(n), "1", "1.00", "STANDARD") for n in range(1, lines + 1)]
    return [
        placed(order, told, account=account),
        shipped(order, quantities=[(line, quantity) for line, quantity, *_ in told], account=account),
    ]


def worker(office: Office, kind: str) -> Worker:
    """One of those who do the jobs of a kind."""
    [work] = [work for work in SERVICE.works(office.parts) if work.kind == kind]
    return Worker(office.parts.consumer, work)


def open_transactions(office: Office) -> int:
    """How many of the service's transactions are open, as another looks at them."""
    owner = office.parts.settings.owner_database_url.get_secret_value()
    server = psycopg.conninfo.conninfo_to_dict(office.parts.settings.database_url.get_secret_value())["user"]
    with psycopg.connect(owner) as connection:
        row = connection.execute(
            """SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND usename = %s AND xact_start IS NOT NULL""",
            [server],
        ).fetchone()
    assert row is not None
    return int(row[0])


async def test_no_transaction_is_open_while_drafts_are_drawn_written_and_judged(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    real = Press.prepare

    async def prepare(press: Press, sketches: Sequence[Sketch]) -> list[Any]:
        seen.append(await asyncio.to_thread(open_transactions, office))
        return await real(press, sketches)

    monkeypatch.setattr(Press, "prepare", prepare)
    await office.handle(*(record for n in range(10) for record in long_order(f"o{n}", 200)))

    assert len(await office.invoices()) == 10
    assert set(seen) == {0}


async def test_an_order_of_ten_thousand_lines_is_invoiced_and_its_neighbours_meanwhile(office: Office) -> None:
    await office.handle(buyer("b2"))
    await office.parts.consumer.handle(long_order("large", LINES_MAX))
    await office.parts.consumer.handle([placed("o2", account="b2"), shipped("o2", account="b2")])

    under_way = asyncio.create_task(worker(office, usecases.LARGE).some())
    await worker(office, usecases.DRAFT).some()
    first = await office.invoices()
    assert not under_way.done()
    await under_way

    assert [invoice.order_id for invoice in first] == ["o2"]
    [_, large] = await office.invoices()
    assert (large.order_id, len(large.lines), large.gross_minor) == ("large", LINES_MAX, 1_190_000)
    assert await places(office) == [1, 2]


async def test_an_accounts_next_invoice_waits_for_its_large_one(office: Office) -> None:
    await office.parts.consumer.handle([*long_order("large", 501), placed("o2"), shipped("o2")])

    assert await worker(office, usecases.DRAFT).some() == 0
    await office.issue()

    assert [invoice.order_id for invoice in await office.invoices()] == ["large", "o2"]


HELD_MANY = """
    INSERT INTO sales_order SELECT tenant, 'h' || n, version, account_id, state, billed_whole, placed_on,
           promised_ship_on, currency, net_minor, tax_minor, gross_minor, site, cost_centre, purchase_order
      FROM sales_order, generate_series(1, {many}) AS n WHERE order_id = 'held';
    INSERT INTO order_line SELECT tenant, 'h' || n, line_id, position, sku, name, quantity, unit, unit_price, net_minor,
           tax_class, shipped FROM order_line, generate_series(1, {many}) AS n WHERE order_id = 'held';
    INSERT INTO shipment SELECT tenant, 'h' || n, shipment_id, shipped_on, final, quantities
      FROM shipment, generate_series(1, {many}) AS n WHERE order_id = 'held';
    INSERT INTO held (tenant, draft_id, kind, account_id, order_id, shipment_id, dispute_id, findings, held_at)
    SELECT tenant, draft_id || n, kind, account_id, 'h' || n, shipment_id, dispute_id, findings, held_at
      FROM held, generate_series(1, {many}) AS n WHERE order_id = 'held'"""


async def hold_many(office: Office, many: int) -> None:
    """So many drafts of one buyer break a rule, and it is put right without anybody being told."""
    await office.handle(buyer("b2", BROKEN), placed("held", account="b2"), shipped("held", account="b2"))
    async with office.parts.database.transaction(["acme"]) as tx:
        await tx.connection.execute(HELD_MANY.format(many=many).encode(), prepare=False)
        await tx.run("UPDATE buyer SET company = (SELECT company FROM buyer WHERE account_id = 'b1')")


async def agree_anew(office: Office) -> None:
    request = service_pb2.SetContractRequest(
        account_id="b2", net_days=14, invoice_on=service_pb2.INVOICE_ON_SHIPMENT, buyer_reference="R"
    )
    await office.stub.SetContract(request, metadata=metadata())


async def test_ten_thousand_held_drafts_that_one_contract_lets_go_keep_no_new_one_waiting(office: Office) -> None:
    await hold_many(office, 10_000)
    await agree_anew(office)
    again = worker(office, usecases.AGAIN)
    assert await again.some() == 50

    await office.parts.consumer.handle(
        [placed("new"), shipped("new"), placed("n2", account="b2"), shipped("n2", account="b2")]
    )
    assert await worker(office, usecases.DRAFT).some() == 2

    invoiced = [invoice.order_id for invoice in await office.invoices()]
    assert len(invoiced) == 52
    assert {"new", "n2"} == set(invoiced[-2:])
    assert await places(office) == list(range(1, 53))


@pytest.mark.prove
async def test_all_of_ten_thousand_held_drafts_are_issued_once_while_orders_flow(office: Office) -> None:
    await hold_many(office, 10_000)
    await agree_anew(office)

    async def shop() -> None:
        for n in range(100):
            await office.handle(placed(f"n{n}"), shipped(f"n{n}"))

    await asyncio.gather(shop(), office.issue(), office.issue())

    assert await places(office) == list(range(1, 10_102))
    assert {f"n{n}" for n in range(100)} < {invoice.order_id for invoice in await office.invoices()}


async def test_what_changed_while_a_draft_was_prepared_is_on_the_invoice_and_it_is_numbered_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Press.prepare
    changes = iter([buyer_changed(company("Neu AG"))])

    async def prepare(press: Press, sketches: Sequence[Sketch]) -> list[Any]:
        prepared = await real(press, sketches)
        if (change := next(changes, None)) is not None:
            await office.parts.consumer.handle([change])
        return prepared

    monkeypatch.setattr(Press, "prepare", prepare)
    await office.handle(placed(), shipped())

    [invoice] = await office.invoices()
    assert (invoice.buyer.name, invoice.number) == ("Neu AG", "RE-2026-000001")
    assert b"Neu AG" in await office.xml("RE-2026-000001")


async def test_one_document_over_which_the_process_dies_is_held_and_the_others_of_its_batch_are_issued(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Press.prepare

    async def prepare(press: Press, sketches: Sequence[Sketch]) -> list[Any]:
        if any(getattr(sketch, "supply").order.order_id == "o3" for sketch in sketches):  # noqa: B009 - invoices only
            raise Died("killed")
        return await real(press, sketches)

    monkeypatch.setattr(Press, "prepare", prepare)
    await office.handle(*(placed(f"o{n}") for n in range(7)), *(shipped(f"o{n}") for n in range(7)))

    assert {invoice.order_id for invoice in await office.invoices()} == {f"o{n}" for n in range(7)} - {"o3"}
    [held] = await office.announced(events_pb2.DocumentHeld)
    assert (held.order_id, [finding.rule for finding in held.findings]) == ("o3", ["RULES"])
    assert await office.parked() == []


async def test_a_draft_over_which_our_own_code_fails_is_parked_alone_and_put_back_by_a_replay(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.parts.consumer.handle([placed("o1"), placed("o2"), shipped("o1"), shipped("o2")])
    async with office.parts.database.transaction(["acme"]) as tx:
        await tx.run("UPDATE order_line SET unit_price = 'NaN' WHERE order_id = 'o1'")

    for _ in range(4):
        await office.issue()
        await office.pauses_are_over()

    assert [invoice.order_id for invoice in await office.invoices()] == ["o2"]
    assert [reason for reason, _ in await office.parked()] == ["failed"]


async def test_a_process_for_rare_documents_is_started_when_needed_and_ended_when_idle(office: Office) -> None:
    pages = presses_of(office.parts.settings).pages
    await office.handle(placed(), shipped())
    await office.stub.RenderDocument(
        service_pb2.RenderDocumentRequest(document="RE-2026-000001", format="facturx"), metadata=metadata()
    )
    started = pages.running
    pages.end_idle(after_s=0)

    assert (started, pages.running) == (1, 0)
    assert presses_of(office.parts.settings).usual.running == 1
