"""What the soak says of memory and CPU: processes with their helpers, percentiles, and whether it grows."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from k8s.measured import Figure
from tests.benchmark import usage
from tests.benchmark.usage import MIB, Busy, Sample, Sampler

HELD_MIB = 64
HELPER = f"import sys; held = b'x' * {HELD_MIB * MIB}; print('held', flush=True); sys.stdin.read()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HELPER!r}])"


def sampled(rss_mib: float, *, at: float, cpu_s: float = 0) -> Sample:
    held = int(rss_mib * MIB)
    return Sample(at=at, rss=held, pss=held, own=held, cpu_s=cpu_s)


@pytest.fixture
def parent():
    """Give a process whose helper holds memory."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        assert process.stdin is not None
        process.stdin.close()


def test_what_a_helper_holds_and_uses_is_its_roles(parent):
    found = usage.sample(parent.pid)

    assert found.rss > HELD_MIB * MIB
    assert found.pss > HELD_MIB * MIB
    assert found.pss < found.rss  # the two share Python's own pages
    assert HELD_MIB * MIB < found.own < found.rss
    assert found.cpu_s > 0


def test_every_role_is_sampled_and_one_that_has_ended_is_left_out():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    with Sampler(lambda: {"ended": ended.pid, "ours": os.getpid()}, every_s=0.05) as sampler:
        sampler.look()

    assert sampler.samples.keys() == {"ours"}
    assert len(sampler.machine) >= 2


def test_percentiles_are_of_all_samples():
    samples = [sampled(mib, at=mib) for mib in range(1, 102)]

    assert usage.memory(samples) == Figure(51, 96, 101)
    assert usage.proportional(samples) == Figure(51, 96, 101)


def test_cpu_is_cores_over_each_interval():
    samples = [sampled(1, at=0, cpu_s=7), sampled(1, at=5, cpu_s=8), sampled(1, at=15, cpu_s=28)]

    assert usage.cpu(samples).max == 2
    assert usage.cpu(samples).p50 == pytest.approx(1.1)


def test_a_role_that_was_started_again_has_no_negative_interval():
    samples = [sampled(1, at=at, cpu_s=cpu_s) for at, cpu_s in ((0, 1), (1, 2), (2, 0.5), (3, 0.2), (4, 1.2))]

    assert usage.cpu(samples) == Figure(1, 1, 1)


def test_what_fills_up_in_the_first_half_is_no_slope():
    samples = [sampled(min(100 + 10 * at, 200), at=at) for at in range(0, 41)]

    assert usage.slope(samples) == 0


def test_pages_of_files_that_come_and_go_are_no_slope():
    samples = [replace(sampled(100, at=at), rss=int((100 + at) * MIB), pss=int((100 - at) * MIB)) for at in range(41)]

    assert usage.slope(samples) == 0


def test_a_mebibyte_a_minute_is_sixty_an_hour_whatever_the_first_half_did():
    samples = [sampled(300 if at < 300 else 100 + at / 60, at=at) for at in range(0, 601, 5)]

    assert usage.slope(samples) == pytest.approx(60, abs=0.1)


def test_what_others_took_is_what_is_left_of_the_machine():
    machine = [Busy(at=0, all_s=100, ours_s=50), Busy(at=10, all_s=115, ours_s=60), Busy(at=20, all_s=130, ours_s=70)]

    assert usage.others(machine) == Figure(0.5, 0.5, 0.5)
    # A process of ours whose time is noted late is nobody else's.
    assert usage.others([machine[0], machine[1], replace(machine[2], ours_s=90)]).p50 == 0.25
