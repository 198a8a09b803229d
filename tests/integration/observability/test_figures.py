"""What /metrics says of the business, read from real databases, and that it notices what nobody may do."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.chassis.service import Parts
from services.credit import metrics as credit_metrics
from services.credit.service import SERVICE as CREDIT
from services.invoicing import metrics as invoicing_metrics
from services.invoicing.service import SERVICE as INVOICING
from services.ledger import metrics as ledger_metrics
from services.ledger.service import SERVICE as LEDGER

NAMES = ("credit", "invoicing", "ledger", "disputes", "notifications")
TENANT = "acme"


def said(name: str, **labels: str) -> float | None:
    """What a scrape would read."""
    return REGISTRY.get_sample_value(name, labels)


@pytest.fixture
def read(servers: Any) -> Any:
    """Let a service read its figures, as the role that serves, read only."""

    async def read_(parts: Parts[Any], measure: Any) -> None:
        async with parts.database.transaction([TENANT]) as tx:
            await tx.run("SET TRANSACTION READ ONLY")
            await measure(tx)

    return read_


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Gauges are the process's: what a test left is no other test's business."""
    yield
    for name in NAMES:
        for gauge in vars(import_module(f"services.{name}.metrics")).values():
            if hasattr(gauge, "clear") and getattr(gauge, "_labelnames", False):
                gauge.clear()


@pytest.mark.parametrize("name", NAMES)
async def test_every_service_reads_its_figures_from_an_empty_database(open_service, read, name):
    service = import_module(f"services.{name}.service").SERVICE

    async with open_service(service) as parts:
        await read(parts, service.measure)


ENTRY = """INSERT INTO entry (tenant, account_id, entry_id, kind, reference, event_id, actor, reason, booked_at, effective_on)
           VALUES ('acme', 'b1', '00000000-0000-7000-8000-00000000000{n}', 'invoice', 'r{n}', 'e{n}', 'a', 'r', now(), now())"""
POSTING = """INSERT INTO posting VALUES ('acme', 'b1', '00000000-0000-7000-8000-00000000000{n}', {line}, {chart}, 'EUR', {minor})"""
ACCOUNT = "INSERT INTO account VALUES ('acme', 'b1', 'EUR')"
ITEM = """INSERT INTO item VALUES ('acme', '{id}', '{id}', '{id}', 'b1', 'o', true, current_date - {age}, current_date - {late},
                                   'EUR', {minor}, {minor})"""
BALANCE = "INSERT INTO balance VALUES ('acme', 'b1', 'EUR', {chart}, {minor}, 0)"


async def test_a_posting_altered_by_one_cent_shows_as_imbalance_and_as_control_difference(open_service, read, alter):
    async with open_service(LEDGER) as parts:
        booked = [
            ACCOUNT,
            ENTRY.format(n=1),
            POSTING.format(n=1, line=1, chart=1100, minor=10000),
            POSTING.format(n=1, line=2, chart=4000, minor=-10000),
            ITEM.format(id="i1", age=10, late=0, minor=10000),
            BALANCE.format(chart=1100, minor=10000),
            BALANCE.format(chart=4000, minor=-10000),
        ]
        alter(parts, *booked)
        await read(parts, ledger_metrics.measure)
        assert said("ar_ledger_imbalance", currency="EUR") == 0
        assert said("ar_ledger_control_difference", currency="EUR") == 0

        alter(parts, "UPDATE posting SET minor = minor + 1 WHERE line = 1")
        await read(parts, ledger_metrics.measure)

        assert said("ar_ledger_imbalance", currency="EUR") == 0.01
        # Once from the balance of 1100, once from the open items.
        assert said("ar_ledger_control_difference", currency="EUR") == 0.02


async def test_two_wrong_entries_do_not_make_up_for_each_other(open_service, read, alter):
    async with open_service(LEDGER) as parts:
        alter(
            parts,
            ACCOUNT,
            ENTRY.format(n=1),
            ENTRY.format(n=2),
            POSTING.format(n=1, line=1, chart=1100, minor=500),
            POSTING.format(n=2, line=1, chart=4000, minor=-500),
        )
        await read(parts, ledger_metrics.measure)

        assert said("ar_ledger_imbalance", currency="EUR") == 10


async def test_open_items_stand_in_the_bucket_of_their_days_overdue(open_service, read, alter):
    late = {"not_due": 0, "1_30": 1, "31_60": 31, "61_90": 90, "91_120": 91, "over_120": 121}
    async with open_service(LEDGER) as parts:
        items = [
            ITEM.format(id=f"i{n}", age=late[bucket] + 30, late=late[bucket], minor=100 * n)
            for n, bucket in enumerate(late, 1)
        ]
        alter(parts, ACCOUNT, *items)
        await read(parts, ledger_metrics.measure)

        assert {b: said("ar_receivables", currency="EUR", bucket=b) for b in late} == {
            bucket: n for n, bucket in enumerate(late, 1)
        }
        assert said("ar_open_items", currency="EUR") == 6
        # Open: 21.00. Invoiced in the last 90 days: those that are 30, 31 and 61 days old, 6.00.
        assert said("ar_dso_seconds", currency="EUR") == 21 / 6 * 90 * 86_400


async def test_a_currency_that_is_no_longer_owed_says_nought(open_service, read, alter):
    async with open_service(LEDGER) as parts:
        alter(parts, ACCOUNT, ITEM.format(id="i1", age=1, late=0, minor=100))
        await read(parts, ledger_metrics.measure)
        alter(parts, "UPDATE item SET open_minor = 0")
        await read(parts, ledger_metrics.measure)

        assert said("ar_receivables", currency="EUR", bucket="not_due") == 0


async def test_an_account_that_forgot_a_movement_shows_as_drift(open_service, read, alter):
    async with open_service(CREDIT) as parts:
        alter(
            parts,
            "INSERT INTO account VALUES ('acme', 'b1', '', 'JPY', 1000, 300, 0, false, now())",
            "INSERT INTO movement VALUES ('acme', 'b1', 'c', 300, 0, now())",
        )
        await read(parts, credit_metrics.measure)
        assert said("ar_credit_exposure_drift", currency="JPY") == 0
        assert said("ar_credit_used", currency="JPY") == 300

        alter(parts, "UPDATE account SET used_minor = 299")
        await read(parts, credit_metrics.measure)

        assert said("ar_credit_exposure_drift", currency="JPY") == 1


async def test_a_number_without_its_document_shows_as_a_gap(open_service, read, alter):
    async with open_service(INVOICING) as parts:
        alter(parts, "INSERT INTO series VALUES ('acme', 's1', '380', 2026, '', 3, '2026-01-01')")
        await read(parts, invoicing_metrics.measure)

        assert said("ar_number_gaps") == 6  # three documents are missing, and the highest number is not theirs
