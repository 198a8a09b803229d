"""Figures of large tables: added up over several readings they come to the same as read at once."""

import random
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from services.chassis import sweeps
from services.chassis.database import Tx
from services.chassis.service import database_of
from services.chassis.sweeps import Found, Span, Sweep
from services.credit import metrics as credit_metrics
from services.credit.service import SERVICE as CREDIT
from services.disputes import metrics as disputes_metrics
from services.disputes.service import SERVICE as DISPUTES
from services.invoicing import metrics as invoicing_metrics
from services.invoicing.service import SERVICE as INVOICING
from services.ledger import metrics as ledger_metrics
from services.ledger.service import SERVICE as LEDGER
from services.notifications import metrics as notifications_metrics
from services.notifications.service import SERVICE as NOTIFICATIONS
from tests.prove.volume import stock

ROWS = 2_000

SWEEPS: list[tuple[Any, Sweep]] = [
    (CREDIT, credit_metrics.ACCOUNTS),
    (LEDGER, ledger_metrics.ITEM_SWEEP),
    (LEDGER, ledger_metrics.NOTE_SWEEP),
    (LEDGER, ledger_metrics.ACCOUNT_SWEEP),
    (DISPUTES, disputes_metrics.CASE_SWEEP),
    (DISPUTES, disputes_metrics.INVOICE_SWEEP),
    (NOTIFICATIONS, notifications_metrics.MESSAGE_SWEEP),
    (INVOICING, invoicing_metrics.NUMBER_SWEEP),
    (INVOICING, invoicing_metrics.FILE_SWEEP),
]


@pytest.fixture
def one_span_a_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "BUDGET_S", 0)
    monkeypatch.setattr(sweeps, "SPAN_S", 0)  # never larger than it begins


async def a_round(tx: Tx, sweep: Sweep) -> tuple[Found, int]:
    """What a whole round finds, and in how many readings."""
    readings = 1
    while (found := await sweep.go_on(tx)) is None:
        readings += 1
    return found, readings


def again(sweep: Sweep, rows: int) -> Sweep:
    """The same from its beginning, so many rows at once."""
    return Sweep(sweep._table, sweep._key, sweep._read, rows=rows, only=sweep._only)


def without_zeros(found: Found) -> dict[tuple[str, ...], int]:
    return {name: n for name, n in found.items() if n}


@pytest.mark.parametrize(("service", "sweep"), SWEEPS, ids=[f"{s.name}-{w._table}" for s, w in SWEEPS])
async def test_a_figure_is_the_same_in_many_readings_as_in_one(
    own_database: Any, servers: Any, one_span_a_reading: None, service: Any, sweep: Sweep
):
    urls = own_database(service)
    admin = make_conninfo(servers.admin_database_url, dbname=str(conninfo_to_dict(urls.server)["dbname"]))
    stock.fill(admin, service.name, ROWS)
    settings = service.settings(database_url=urls.server, **servers.cluster.settings())
    async with database_of(settings) as database, database.transaction(["acme", "other"]) as tx:
        whole, _ = await a_round(tx, again(sweep, 10**6))
        count = (await tx.row(f"SELECT count(*) AS n FROM {sweep._table}")).n
        parts, readings = await a_round(tx, again(sweep, count // 7))

    assert readings > 3
    assert any(whole.values())
    assert without_zeros(parts) == without_zeros(whole)


@pytest.mark.parametrize("seed", range(5))
async def test_missing_numbers_are_found_wherever_a_reading_ends(
    open_service: Any, alter: Any, one_span_a_reading: None, seed: int
):
    dice = random.Random(seed)
    async with open_service(INVOICING) as parts:
        missing = 0
        for code in ("A", "B", "C"):
            there = [n for n in range(1, 31) if dice.random() > 0.1]
            numbers = ", ".join(f"({n})" for n in there)
            alter(
                parts,
                f"INSERT INTO series VALUES ('acme', 's1', '380', 2026, '{code}', 30, '2026-01-01')",
                f"""INSERT INTO issued (tenant, document_id, kind, number, seller_id, fiscal_year, series_code, series_number,
                       account_id, order_id, shipment_id, final, issue_date, delivery_date, currency, net_minor, tax_minor,
                       gross_minor, vat, site, cost_centre, purchase_order, seller, buyer)
                    SELECT 'acme', '{code}' || n, '380', '{code}' || n, 's1', 2026, '{code}', n, 'b', 'o' || n, '{code}', true,
                           '2026-01-01', '2026-01-01', 'EUR', 1, 0, 1, '[]', '', '', '', '{{}}', '{{}}'
                      FROM (VALUES {numbers}) AS there (n)""",
            )
            missing += 30 - len(there) + 30 - max(there)
        sweep = invoicing_metrics.NUMBER_SWEEP
        async with parts.database.transaction(["acme"]) as tx:
            for rows in (1, 2, 7, 1000):
                found, _ = await a_round(tx, again(sweep, rows))
                assert found["gaps",] == missing


async def test_what_comes_while_a_round_is_under_way_is_in_the_next_one(open_service: Any, one_span_a_reading: None):
    async def count(tx: Tx, span: Span) -> Found:
        row = await tx.row(f"SELECT count(*) AS n FROM tenant WHERE {span.where('tenant')}", span.params)
        return {("n",): row.n}

    async with open_service(CREDIT) as parts, parts.database.transaction(["acme"]) as tx:
        await tx.run("INSERT INTO tenant SELECT 't' || n FROM generate_series(1, 9) AS n")
        sweep = Sweep("tenant", ("tenant",), count, rows=4)
        assert await sweep.go_on(tx) is None
        await tx.run("INSERT INTO tenant VALUES ('t11'), ('t9z')")  # behind where it is, and before

        assert (await a_round(tx, sweep))[0] == {("n",): 10}
        assert (await a_round(tx, sweep))[0] == {("n",): 11}
