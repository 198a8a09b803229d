"""A password is changed under a running service."""

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaAdminClient
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deploy.local.cluster import set_passwords
from deploy.local.processes import wait_until
from tests.chaos.toy.events import placed
from tests.chaos.world import RIGHTS, TOY, World, assert_exactly_once_in_order


def replace(file: Path, text: str) -> None:
    """Put a secret in the place of the one before, as a mounted volume does: never half of it."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


class Role:
    """The toy's serving role, whose password a test may change."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._given = world.replicas[0].settings["AR_DATABASE_URL"]

    @property
    def password(self) -> str:
        return str(conninfo_to_dict(self._given)["password"])

    def address(self, password: str) -> str:
        return make_conninfo(self._given, password=password)

    def change(self, password: str) -> None:
        """Change it, and end every session that logged in with the one before."""
        name = str(conninfo_to_dict(self._given)["user"])
        with psycopg.connect(self._world.postgres.admin_url, autocommit=True) as admin:
            admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), sql.Literal(password)))
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [name])


@pytest.fixture
def role(world: World) -> Iterator[Role]:
    """Give the role, with nobody logged in; afterwards its password is what it was."""
    for replica in world.replicas:
        replica.process.stop()
    role = Role(world)
    yield role
    role.change(role.password)


def test_a_changed_password_is_read_from_its_file_and_nothing_is_lost(
    world: World, tenant: str, role: Role, tmp_path: Path
):
    replica = world.replicas[0]
    file, before, after = tmp_path / "database_url", role.password, secrets.token_urlsafe(12)
    file.write_text(role.address(before))
    process = replica.described(AR_SECRETS_DIR=str(tmp_path))
    del process.env["AR_DATABASE_URL"]
    process.start()
    world.send([placed(f"o{n}", account=f"b{n % 7}", tenant=tenant) for n in range(50)])
    world.await_effects(tenant, 50)
    pid, said = process.pid, len(replica.log.read_text())

    role.change(after)
    world.send([placed(f"o{n}", account=f"b{n % 7}", tenant=tenant) for n in range(50, 100)])
    wait_until(lambda: "waiting to try again" in replica.log.read_text()[said:], "it cannot log in", 60)
    assert len(world.effects(tenant)) == 50
    replace(file, role.address(after))

    world.await_effects(tenant, 100)
    world.await_published()
    assert (process.running, process.pid) == (True, pid)
    assert_exactly_once_in_order(world, tenant, [f"b{n % 7} o{n}/1" for n in range(100)])
    assert before not in replica.log.read_text()
    assert after not in replica.log.read_text()
    process.stop()


def test_a_brokers_password_that_changes_is_read_from_its_file_and_nothing_is_lost(
    world: World, tenant: str, tmp_path: Path
):
    for replica in world.replicas:
        replica.process.stop()
    replica, user, after = world.replicas[0], TOY, secrets.token_urlsafe(12)
    file = tmp_path / "kafka_password"
    file.write_text(world.kafka.cluster.password_of(user))
    process = replica.described(AR_SECRETS_DIR=str(tmp_path))
    del process.env["AR_KAFKA_PASSWORD"]
    process.start()
    world.send([placed(f"o{n}", account=f"b{n % 7}", tenant=tenant) for n in range(50)])
    world.await_effects(tenant, 50)
    pid = process.pid

    # Who is logged in stays so; a broker that starts anew asks everybody again.
    with closing(KafkaAdminClient(**world.kafka.administrator().options())) as admin:
        set_passwords(admin, {user: after})
    world.kafka.restart()
    world.send([placed(f"o{n}", account=f"b{n % 7}", tenant=tenant) for n in range(50, 100)])
    assert len(world.effects(tenant)) == 50
    replace(file, after)

    world.await_effects(tenant, 100)
    world.await_published()
    assert (process.running, process.pid) == (True, pid)
    assert_exactly_once_in_order(world, tenant, [f"b{n % 7} o{n}/1" for n in range(100)])
    assert after not in replica.log.read_text()
    process.stop()
    world.kafka.cluster.admit(world.kafka.administrator(), {TOY: RIGHTS})


def test_another_database_in_the_file_is_met_only_after_a_new_start(
    world: World, tenant: str, role: Role, tmp_path: Path
):
    replica = world.replicas[0]
    file = tmp_path / "database_url"
    file.write_text(role.address(role.password))
    process = replica.described(AR_SECRETS_DIR=str(tmp_path))
    del process.env["AR_DATABASE_URL"]
    process.start()

    replace(file, make_conninfo(role.address(role.password), dbname="elsewhere"))
    role.change(role.password)  # everybody has to log in anew
    world.send([placed("o1", tenant=tenant)])

    world.await_effects(tenant, 1)
    process.stop()
