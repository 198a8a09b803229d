"""The proof from outside holds for what the services do, and finds what nobody may do: exit code 1, and what differs."""

import shutil
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner

from deploy.demo import results
from deploy.demo.__main__ import app
from deploy.demo.desk import money
from tests.end_to_end.world import Trader, World


@pytest.fixture(scope="module")
def trader(world: World) -> Trader:
    """Give a seller whose business is proven: two invoices, one paid and partly credited, one open; a hold."""
    world.next_business_day()
    trader = Trader(world)
    trader.buyer(limit=5000)
    paid = trader.sell("o1", "100", "0.333")
    trader.sell("o2", "200")
    trader.place("o3", "50")
    trader.pay("p1", "150", paid.number)
    case = trader.desk.acting_as("contact:b", "b1").open_dispute(
        paid.number, "QLT_DAMAGE", key="d", amount=money(Decimal("20.01"), "GBP")
    )
    world.settle()
    trader.desk.resolve(case.dispute_id, "FULL_CREDIT")
    world.settle()
    return trader


@pytest.fixture(scope="module")
def left(world: World, trader: Trader, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a demo leaves it."""
    folder = tmp_path_factory.mktemp("left")
    databases = {name: service.database for name, service in world.stage.stack.running.items()}
    stack = world.stage.stack
    results.write_addresses(
        folder / "addresses.json", stack.addresses, databases, [trader.tenant], stack.issuers.folder
    )
    results.write_documents(folder / "invoices", world.stage, [trader.tenant])
    assert len(list((folder / "invoices").glob("*.xml"))) == 3
    return folder


@pytest.fixture
def proven(left: Path, tmp_path: Path) -> Path:
    """A copy of it, a test's own to break."""
    return Path(shutil.copytree(left, tmp_path / "proven"))


def reconcile(folder: Path) -> tuple[int, str]:
    """The command: its exit code and what it printed."""
    done = CliRunner().invoke(app, ["reconcile", "--folder", str(folder)], env={"COLUMNS": "200"})
    return done.exit_code, done.output


def alter(world: World, statement: str, tenant: str, by: int) -> None:
    """What no service can do: as a superuser, with triggers off, change what is booked."""
    name = str(conninfo_to_dict(world.stage.stack.running["ledger"].database.owner)["dbname"])
    with psycopg.connect(world.stage.stack.servers.admin_database_url, dbname=name) as connection:
        connection.execute("SET session_replication_role = replica")
        assert connection.execute(statement.encode(), {"tenant": tenant, "by": by}).rowcount == 1


ONE_POSTING = """UPDATE posting SET minor = minor + %(by)s WHERE (tenant, entry_id, line) =
                   (SELECT tenant, entry_id, line FROM posting WHERE tenant = %(tenant)s AND chart_account = 1100
                     ORDER BY entry_id, line LIMIT 1)"""


def test_what_the_services_did_agrees(proven: Path) -> None:
    code, printed = reconcile(proven)

    assert code == 0, printed
    assert "3 documents and 1 accounts agree" in printed


def test_a_deleted_file_is_found(proven: Path) -> None:
    [first, *_] = sorted((proven / "invoices").glob("*.xml"))
    first.unlink()

    code, printed = reconcile(proven)

    assert code == 1
    assert f"{first.stem} was issued and has no file" in printed
    assert "is not 1100 + cash applied - 2110" in " ".join(printed.split())


def test_an_altered_file_is_found(proven: Path) -> None:
    [first, *_] = sorted((proven / "invoices").glob("*.xml"))
    first.write_bytes(first.read_bytes().replace(b">100.00<", b">100.01<"))

    code, printed = reconcile(proven)

    assert code == 1
    assert first.name in printed


def test_an_altered_posting_is_found(world: World, trader: Trader, proven: Path) -> None:
    alter(world, ONE_POSTING, trader.tenant, by=1)

    code, printed = reconcile(proven)
    alter(world, ONE_POSTING, trader.tenant, by=-1)

    assert code == 1
    assert "ledger: entry" in printed
    assert "is not open items" in printed


def test_nothing_that_is_up_is_said_and_is_no_proof(tmp_path: Path) -> None:
    assert reconcile(tmp_path)[0] == 2
