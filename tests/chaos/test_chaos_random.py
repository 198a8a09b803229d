"""Kills at random for minutes, with events coming in all the time: nothing lost, doubled or out of order."""

import os
import random
import threading
import time

import pytest
from kafka.errors import KafkaError

from deploy.local.processes import wait_until
from services.chassis.envelope import Record
from tests.chaos.toy.events import placed, shipped
from tests.chaos.world import World, assert_exactly_once_in_order, assert_told_in_order

MINUTES = float(os.environ.get("CHAOS_MINUTES", "3"))
ACCOUNTS = 40


class Shop:
    """Sends orders without a pause, one in twenty of them twice; some shipments go out before their order."""

    def __init__(self, world: World, tenant: str, dice: random.Random) -> None:
        """Describe it."""
        self._world, self._tenant, self._dice = world, tenant, dice
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._sell)
        self.sent: list[str] = []
        self.early = 0

    def open(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Send no more."""
        self._closing.set()
        self._thread.join()

    def _sell(self) -> None:
        nth = 0
        while not self._closing.wait(0.2):
            records = []
            for _ in range(self._dice.randrange(1, 120)):
                order, account = f"o{nth}", f"b{nth % ACCOUNTS}"
                record = placed(order, account=account, tenant=self._tenant)
                if nth % 50 == 0:
                    records.append(shipped(order, account=account, tenant=self._tenant))
                    self.early += 1
                records += [record] * (2 if self._dice.random() < 0.05 else 1)
                self.sent.append(f"{account} {order}/1")
                nth += 1
            self._send(records)

    def _send(self, records: list[Record]) -> None:
        """Send until the broker has it, as a shop would: what it had already comes a second time."""
        while True:
            try:
                self._world.send(records)
            except KafkaError:
                continue
            return


@pytest.mark.prove
def test_random_kills_for_minutes_change_nothing(world: World, tenant: str):
    seed = int(os.environ.get("CHAOS_SEED", time.time()))
    dice = random.Random(seed)
    shop = Shop(world, tenant, dice)
    shop.open()
    kills: list[str] = []
    end = time.monotonic() + MINUTES * 60
    try:
        while time.monotonic() < end:
            time.sleep(dice.uniform(0.5, 8))
            kills.append(_strike(world, dice))
    finally:
        shop.close()
    world.start_replicas()
    quiet = time.monotonic()
    total = len(shop.sent) + shop.early
    wait_until(lambda: len(world.effects(tenant)) >= total, f"{total} effects (seed {seed}, {kills})", 180)
    wait_until(lambda: all(r.status().lag == 0 for r in world.replicas), "everything is handled", 60)
    done = time.monotonic()
    world.await_published()

    shipments = [effect for effect in world.effects(tenant) if effect.endswith("/0")]
    assert len(shipments) == len(set(shipments)) == shop.early
    assert_exactly_once_in_order(world, tenant, shop.sent)
    assert_told_in_order(world, tenant, len(shop.sent))
    assert world.ask("SELECT count(*) FROM parked WHERE tenant = %s AND closed_at IS NULL", tenant) == [0]
    print(
        f"seed {seed}: {len(kills)} kills, {total} effects, 0 lost, 0 doubled, 0 out of order,"
        f" all done {done - quiet:.1f} s after the last: {kills}"
    )


def _strike(world: World, dice: random.Random) -> str:
    """Kill something, or freeze it, and bring it back."""
    what = dice.choices(["replica", "term", "freeze", "sessions", "postgres", "kafka"], [6, 2, 2, 3, 2, 2])[0]
    replica = dice.choice(world.replicas)
    match what:
        case "replica":
            replica.process.kill()
        case "term":
            replica.process.stop()
        case "freeze":
            if replica.process.running:
                replica.freeze()
                time.sleep(dice.uniform(1, 9))
                replica.thaw()
        case "sessions":
            world.ask(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE application_name LIKE 'toy-%%' AND random() < %s""",
                0.7,
            )
        case "postgres":
            world.postgres.kill()
            time.sleep(dice.uniform(0, 3))
            world.postgres.restart()
        case "kafka":
            world.kafka.kill()
            time.sleep(dice.uniform(0, 3))
            world.kafka.restart()
    world.start_replicas()
    return what
