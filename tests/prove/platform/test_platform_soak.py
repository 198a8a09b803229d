"""The soak, short: everything that is placed ends and reconciles, and every role has its figures."""

import os
import subprocess
import sys

import pytest

from deploy.demo.stack import SERVICES
from k8s import measured

pytestmark = pytest.mark.prove

# Of the run's own servers: the soak starts its own, since it reads its topics from their first event.
OWN = {"KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "AR_SMTP_HOST", "AR_SMTP_PORT", "AR_MAIL_FOLDER"}


def test_a_minute_of_orders_ends_with_nothing_left_and_figures_for_every_role(tmp_path):
    tmp_path.chmod(0o755)  # the user whom the database runs as passes through
    argv = ["-m", "tests.benchmark.soak", "--minutes", "1", "--orders-per-second", "1", "--folder", str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if name not in OWN}

    done = subprocess.run(
        [sys.executable, *argv], env=environment, check=False, capture_output=True, text=True, timeout=600
    )

    assert done.returncode == 0, done.stdout + done.stderr
    soak = measured.read(tmp_path / "measured.json")
    assert soak.orders == 60 and soak.invoices > 50
    assert soak.roles.keys() == set(SERVICES)
    for role in soak.roles.values():
        assert role.memory_mib.p95 >= role.pss_mib.p50 > 0
        assert role.cpu_cores.p95 > 0 and role.events > 0 and role.calls > 0
