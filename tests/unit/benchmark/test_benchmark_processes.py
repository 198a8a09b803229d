"""What each process takes is counted for its role, also of what it starts and of what has ended meanwhile."""

import subprocess
import sys

import pytest

from deploy.demo.stack import SERVICES
from tests.benchmark import processes
from tests.benchmark.processes import OURSELVES, Meter

BUSY_S = 0.2
# A child that works for so long, and then stays.
BURN = f"import time; end = time.process_time() + {BUSY_S}\nwhile time.process_time() < end: pass"
CHILD = f"import sys; {BURN}\nprint('done', flush=True); sys.stdin.read()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"


@pytest.fixture
def parent():
    """Give a program whose child works, says so, and stays until the test ends."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        yield running
        assert running.stdin is not None
        running.stdin.close()


def test_what_a_child_used_while_it_was_looked_at_is_its_roles(parent):
    with Meter({"role": parent.pid}, {}) as meter:
        parent.stdout.readline()

    assert BUSY_S * 0.8 < meter.cpu_s()["role"] < BUSY_S * 10


def test_what_was_used_before_is_no_part_of_it(parent):
    parent.stdout.readline()

    with Meter({"role": parent.pid}, {}) as meter:
        pass

    assert meter.cpu_s()["role"] < BUSY_S / 2
    assert meter.memory_mib()["role"].max > 5
    assert OURSELVES in meter.cpu_s()


def test_a_role_whose_process_is_gone_is_left_out():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    with Meter({"gone": ended.pid}, {}) as meter:
        pass

    assert meter.cpu_s().keys() == {OURSELVES}


def test_a_backend_works_for_the_service_whose_database_it_serves():
    line = "postgres: bench_credit_server bench_credit 127.0.0.1(41234) idle"

    assert (found := processes.BACKEND.match(line)) and found["database"] == "bench_credit"
    assert processes.BACKEND.match("postgres: checkpointer ") is None


def test_nobody_who_does_not_listen_is_taken_for_the_broker():
    with pytest.raises(LookupError):
        processes.listener(1, ("no such program",))


def test_every_service_has_the_limit_of_its_manifest():
    assert processes.limits_mib().keys() >= set(SERVICES)
    assert all(limit >= 128 for limit in processes.limits_mib().values())
