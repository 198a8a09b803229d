"""An operator works with the key that says who they are: at the services' doors, and at their databases."""

import os
import subprocess
import sys

import pytest

from deploy.demo.stack import CommandFailedError
from deploy.local.artifacts import ROOT
from tests.end_to_end.world import Trader, World


def test_an_operator_sees_where_all_services_stand(world: World) -> None:
    world.settle()
    done = subprocess.run(
        [sys.executable, "-m", "services.command_line", "status"],
        env=os.environ | world.stage.stack.operator,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    stands = {row[0]: row[1:5] for line in done.stdout.splitlines() if len(row := line.split()) > 5}
    assert {name: stands.get(name) for name in world.stage.stack.running} == {
        name: ["0", "0", "0", "0"] for name in world.stage.stack.running
    }


def test_an_operator_decides_for_a_seller_and_is_told_why_not(world: World, trader: Trader) -> None:
    trader.buyer(limit=1000)
    trader.place("near", "875")
    world.settle()
    command, tenant = world.stage.stack.command, ("--tenant", trader.tenant)

    assert command("credit", "referred", *tenant) == "near  b1  1050.00 GBP  headroom 1000.00 GBP\n"
    said = command("credit", "review", "near", "DECLINED", *tenant, "--why", "a tour of the house")
    world.settle()

    assert said == "near DECLINED: by_person\n"
    assert trader.decision("near").hold_state == "REFUSED"
    with pytest.raises(CommandFailedError, match=r"hold\.illegal_move: "):
        command("credit", "review", "near", "APPROVED", *tenant, "--why", "after all")
