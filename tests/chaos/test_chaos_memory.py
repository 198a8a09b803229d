"""A service's memory is bounded by bytes, whatever comes and however much of it waits."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import yaml
from receivables.orders.v1 import events_pb2

from deploy.local.artifacts import ROOT
from deploy.local.processes import wait_until
from services.chassis.envelope import Record
from tests.chaos.toy import usecases
from tests.chaos.toy.events import placed
from tests.chaos.world import Replica, World


@cache
def limit_mib() -> int:
    """What a pod of the credit service may take."""
    manifests = yaml.safe_load_all((ROOT / "k8s" / "base" / "credit.yaml").read_text())
    [deployment] = [manifest for manifest in manifests if manifest["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    return int(container["resources"]["limits"]["memory"].removesuffix("Mi"))


def peak_mib(replica: Replica) -> float:
    """The most that a process has had in memory at once."""
    status = Path(f"/proc/{replica.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


@cache
def lines() -> bytes:
    """Ten thousand lines of an order, seven megabytes of them, as they travel."""
    order = events_pb2.OrderPlaced()
    for n in range(10_000):
        order.lines.add(line_id=str(n), name="x" * 700)
    return order.SerializeToString()


def large(nth: int, tenant: str, site: str) -> Record:
    """An order with all those lines."""
    record = placed(f"o{nth}", account=f"b{nth}", tenant=tenant, site=site)
    return replace(record, value=(record.value or b"") + lines())


@pytest.mark.parametrize(
    ("count", "site"),
    [(24, "refused"), *(pytest.param(150, site, marks=pytest.mark.prove) for site in ("", "refused"))],
)
def test_large_records_that_wait_do_not_fill_the_memory(world: World, tenant: str, count: int, site: str):
    """What is refused is the dearer: its payload is parked."""
    fresh, other = world.replicas
    other.process.stop()
    fresh.process.stop()
    fresh.process.start()

    with world.held_at(usecases.BEFORE_COMMIT) as stands:
        world.send([placed("first", tenant=tenant)])
        stands()
        for nth in range(0, count, 8):
            world.send([large(n, tenant, site) for n in range(nth, min(count, nth + 8))])

    def handled() -> int:
        [parked] = world.ask("SELECT count(*) FROM parked WHERE tenant = %s", tenant)
        return int(parked) + len(world.effects(tenant)) - 1

    wait_until(lambda: handled() == count, "all are handled", timeout=240)
    assert peak_mib(fresh) < 0.75 * limit_mib()
