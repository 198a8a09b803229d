"""Two versions of a service, one migration apart: each runs on both schemas, and both at once on the same topics."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.local.processes import wait_until
from tests.chaos.test_chaos_process import Callers
from tests.chaos.toy.events import placed
from tests.chaos.toy.service import SERVICE
from tests.chaos.world import Replica, World, assert_exactly_once_in_order, assert_told_in_order

NEXT = "0002_done_by.sql"
# What a later version will read: who left an effect. The default is what keeps the versions before it writing.
ADDS = "ALTER TABLE effect ADD COLUMN done_by text NOT NULL DEFAULT current_setting('application_name');"
ACCOUNTS = 20


@pytest.fixture
def newer(world: World, tmp_path: Path) -> Iterator[Path]:
    """Give the migrations of the toy's next version, whose code does not stand on the last of them yet."""
    folder = tmp_path / "toy" / "migrations"
    shutil.copytree(SERVICE.migrations, folder)
    (folder / NEXT).write_text(ADDS)
    yield folder
    with psycopg.connect(world.replicas[0].settings["AR_OWNER_DATABASE_URL"]) as owner:
        owner.execute("ALTER TABLE effect DROP COLUMN IF EXISTS done_by")
        owner.execute("DELETE FROM migration WHERE name = %s", [f"toy/{NEXT}"])
    for replica in world.replicas:
        replica.process.stop()
        replica.process = replica.described()


class Shop:
    """Sends orders over a few accounts, and remembers which."""

    def __init__(self, world: World, tenant: str) -> None:
        """Nothing is ordered yet."""
        self._world, self._tenant = world, tenant
        self.sent: list[str] = []

    def send(self, count: int) -> None:
        """So many orders more."""
        numbers = range(len(self.sent), len(self.sent) + count)
        self._world.send([placed(f"o{n}", account=f"b{n % ACCOUNTS}", tenant=self._tenant) for n in numbers])
        self.sent += [f"b{n % ACCOUNTS} o{n}/1" for n in numbers]

    def await_effects(self) -> None:
        """Return when all of them are handled."""
        numbered = "SELECT count(*) FROM effect WHERE tenant = %s AND version > 0"
        wait_until(lambda: self._world.ask(numbered, self._tenant) == [len(self.sent)], "every order is handled", 40)


def start(replica: Replica, **settings: str) -> None:
    """Start one version in the place of another, if one runs."""
    replica.process.stop()
    replica.process = replica.described(**settings).start()


def applied(world: World) -> bool:
    """Whether the new version's migration has run."""
    return world.ask("SELECT count(*) FROM migration WHERE name = %s", f"toy/{NEXT}") == [1]


@pytest.mark.parametrize(
    ("few", "pause_s"),
    [pytest.param(60, 0.03, id="few"), pytest.param(200, 0.0, id="many", marks=pytest.mark.prove)],
)
def test_both_versions_run_on_both_schemas_while_the_migration_is_applied_under_load(
    world: World, tenant: str, newer: Path, few: int, pause_s: float
):
    old, new = world.replicas
    its = {"TOY_MIGRATIONS": str(newer)}
    shop = Shop(world, tenant)

    def both_write() -> bool:
        shop.send(few)
        shop.await_effects()
        return written_by(world, tenant) == ["", old.name, new.name]

    # The new version alone, on the old schema: it serves, handles and tells.
    old.process.stop()
    start(new, **its)
    shop.send(few)
    shop.await_effects()
    world.await_published()
    assert new.serving()
    assert not applied(world)

    # Both at once, and the migration comes in between, as the owner, while events and calls do.
    start(old)
    with Callers(world, tenant, pause_s=pause_s) as callers:
        command = [sys.executable, "-m", "tests.chaos.toy", "migrate"]
        migration = subprocess.Popen(command, env=os.environ | new.settings | its)
        while migration.poll() is None:
            shop.send(50)
        assert migration.returncode == 0
        assert applied(world)
        # A replica that answers calls may still wait for its partitions: orders come until both have had some.
        wait_until(both_write, "both versions write", 60)

        # The old version anew, on the new schema, beside the new one.
        start(old)
        shop.send(few)
        shop.await_effects()
    world.await_published()

    assert callers.failed == []
    assert_exactly_once_in_order(world, tenant, shop.sent)
    registered = [effect for effect in world.effects(tenant) if effect.endswith(" /0")]
    assert sorted(registered) == sorted(callers.answered)
    assert_told_in_order(world, tenant, len(shop.sent) + len(callers.answered))


def written_by(world: World, tenant: str) -> list[str]:
    """Which replicas left the orders' effects on the new schema; '' stands for those from before it."""
    return world.ask("SELECT DISTINCT done_by FROM effect WHERE tenant = %s AND version > 0 ORDER BY 1", tenant)
