"""Each line of the crash table, with two replicas on a real broker: repeated work, and nothing changed."""

import time
from collections.abc import Sequence

import pytest

from deploy.local import postgres
from deploy.local.processes import wait_until
from services.chassis.envelope import Record
from tests.chaos.toy import usecases
from tests.chaos.toy.events import placed
from tests.chaos.world import World, assert_exactly_once_in_order, assert_told_in_order

DUPLICATES = 'ar_messages_processed_total{result="duplicate"}'


def orders(tenant: str, count: int, accounts: int = 5) -> list[Record]:
    """Orders of a few accounts, numbered."""
    return [placed(f"o{n}", account=f"b{n % accounts}", tenant=tenant) for n in range(count)]


def wanted(count: int, accounts: int = 5) -> list[str]:
    """Their effects."""
    return [f"b{n % accounts} o{n}/1" for n in range(count)]


def assert_survived(world: World, tenant: str, sent: Sequence[str]) -> None:
    """Everything once, in order, and told."""
    world.await_effects(tenant, len(sent))
    world.await_published()
    assert_exactly_once_in_order(world, tenant, sent)
    assert_told_in_order(world, tenant, len(sent))


def test_killed_before_the_commit_it_never_happened_and_comes_again(world: World, tenant: str):
    world.send(orders(tenant, 10))
    world.await_effects(tenant, 10)
    wait_until(lambda: all(r.status().lag == 0 for r in world.replicas), "the world is quiet")

    with world.held_at(usecases.BEFORE_COMMIT) as stands:
        world.send(orders(tenant, 40)[10:])
        victim = stands()
        victim.process.kill()
        wait_until(lambda: not _connected(world, victim.name), "its transactions are gone")
        survivor = stands()
        assert survivor is not victim
        assert len(world.effects(tenant)) == 10

    assert_survived(world, tenant, wanted(40))


def test_killed_after_the_commit_before_the_acknowledgement_it_comes_again_and_changes_nothing(
    world: World, tenant: str
):
    with world.held_at(usecases.AFTER_COMMIT) as stands:
        world.send(orders(tenant, 40))
        victim = stands()
        world.await_effects(tenant, 1)
        done = len(world.effects(tenant))
        survivor = next(replica for replica in world.replicas if replica is not victim)
        before = survivor.metric(DUPLICATES)
        victim.process.kill()

    assert_survived(world, tenant, wanted(40))
    assert done > 0
    wait_until(
        lambda: survivor.metric('ar_messages_processed_total{result="duplicate"}') > before,
        "what came again is absorbed",
    )


def test_a_relay_killed_after_it_sent_and_before_it_deleted_is_repeated_by_the_next(world: World, tenant: str):
    with world.held_at(usecases.BEFORE_DELETE) as stands:
        world.send(orders(tenant, 40))
        world.await_effects(tenant, 40)
        victim = stands()
        sent = len(world.decisions(tenant))
        victim.process.kill()
        wait_until(lambda: not _connected(world, victim.name), "its sessions are gone")

    assert_survived(world, tenant, wanted(40))
    assert sent > 0
    assert len(world.decisions(tenant)) == 40 + sent  # published twice, and the same ids


def test_a_zombie_that_was_frozen_in_its_transaction_commits_once_and_its_successor_finds_it_done(
    world: World, tenant: str
):
    with world.held_at(usecases.BEFORE_COMMIT) as stands:
        world.send(orders(tenant, 20, accounts=1))
        zombie = stands()
        zombie.freeze()
    successor = next(replica for replica in world.replicas if replica is not zombie)
    try:
        wait_until(lambda: world.blocked(successor), "the successor waits for the zombie's rows")
        assert world.effects(tenant) == []
    finally:
        zombie.thaw()

    assert_survived(world, tenant, wanted(20, accounts=1))


@pytest.mark.prove
def test_a_zombie_with_a_full_buffer_does_nothing_of_it_again(world: World, tenant: str):
    with world.held_at(usecases.AFTER_COMMIT) as stands:
        world.send(orders(tenant, 20, accounts=1))
        zombie = stands()
        world.send(orders(tenant, 1000, accounts=1)[20:])
        zombie.freeze()
    try:
        world.await_effects(tenant, 1000)
    finally:
        zombie.thaw()

    assert_survived(world, tenant, wanted(1000, accounts=1))
    wait_until(lambda: all(replica.status().lag == 0 for replica in world.replicas), "the world is quiet")


@pytest.mark.parametrize("server", ["postgres", "kafka"])
def test_a_server_killed_in_mid_stream_is_waited_for(world: World, tenant: str, server: str):
    world.send(orders(tenant, 500))
    world.await_effects(tenant, 1)
    if server == "postgres":
        world.postgres.kill()
        world.postgres.restart()
    else:
        world.kafka.kill()
        world.kafka.restart()
    world.send(orders(tenant, 600)[500:])

    assert_survived(world, tenant, wanted(600))
    assert world.ask("SELECT count(*) FROM parked WHERE tenant = %s", tenant) == [0]
    assert all(replica.process.running for replica in world.replicas)


@pytest.mark.prove
def test_a_database_that_was_away_for_long_is_met_as_soon_as_it_is_back(world: World, tenant: str):
    world.send(orders(tenant, 10))
    world.await_effects(tenant, 10)
    world.postgres.kill()
    time.sleep(70)  # the pauses of what waits have grown as far as they do
    world.send(orders(tenant, 20)[10:])
    world.postgres.restart()

    wait_until(lambda: len(world.effects(tenant)) == 20, "it goes on", timeout=15)
    assert_survived(world, tenant, wanted(20))
    assert all(replica.process.running for replica in world.replicas)


def _connected(world: World, name: str) -> bool:
    return bool(world.ask("SELECT pid FROM pg_stat_activity WHERE application_name = %s", name))


def test_a_database_that_was_restored_from_an_older_copy_is_given_what_lies_between_again(world: World, tenant: str):
    sent = orders(tenant, 120)
    world.send(sent[:40])
    world.await_effects(tenant, 40)
    stop(world)
    replace_database(world, template="toy", name="toy_older")
    world.start_replicas()
    world.send(sent[40:80])
    world.await_effects(tenant, 80)
    stop(world)
    committed = world.committed()

    replace_database(world, template="toy_older", name="toy")
    assert len(world.effects(tenant)) == 40
    world.send(sent[80:])
    world.start_replicas()

    world.await_effects(tenant, 120)
    assert_exactly_once_in_order(world, tenant, wanted(120))
    wait_until(lambda: world.committed() >= committed + 40, "the group goes on from where it was")


def stop(world: World) -> None:
    """End the replicas in order: what they have handled is committed to the group."""
    for replica in world.replicas:
        replica.process.stop()


def replace_database(world: World, *, template: str, name: str) -> None:
    """Make a database a copy of another."""
    world.look_away()
    postgres.drop(world.postgres.admin_url, name)
    postgres.copy(world.postgres.admin_url, template, name)
