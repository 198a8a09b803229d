"""What Compose prepares for one machine, prepared for real: the databases' set-up, and the health question."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest

from deploy.local.postgres import CLIENTS, Postgres
from deploy.observe.tools import find
from k8s import product
from services.chassis.migrate import migrate
from tests.unit.platform.test_platform_image import made_secrets

pytestmark = pytest.mark.prove


@pytest.fixture
def postgres():
    folder = Path(tempfile.mkdtemp(prefix="receivables-compose-"))
    folder.chmod(0o755)  # the user whom the database runs as passes through
    server = Postgres(folder / "data", folder / "log")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


def run_script(admin_url: str, file: Path) -> None:
    """Run a set-up as the database image's entry point does."""
    psql = [str(CLIENTS / "psql"), "--set=ON_ERROR_STOP=1", "--no-psqlrc", "--quiet", f"--file={file}", admin_url]
    subprocess.run(psql, check=True)


def test_the_passwords_that_are_made_open_the_databases_that_are_set_up(postgres, tmp_path):
    host, port = "127.0.0.1", postgres.admin_url.rpartition(":")[2].partition("/")[0]
    files = made_secrets(tmp_path, host)
    urls = {name: text.replace(":5432/", f":{port}/") for name, text in files.items() if name.endswith("_url")}

    run_script(postgres.admin_url, tmp_path / "postgres-setup" / "databases.sql")

    for service in product.SERVICES:
        owner, server = urls[f"{service}-migrate/owner_database_url"], urls[f"{service}/database_url"]
        folder = product.ROOT / "services" / service / "migrations"
        assert migrate(owner, f"{service}_server", folder)
        with psycopg.connect(server) as connection:
            assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("CREATE TABLE mine (id int)")
        other = "ledger" if service == "credit" else "credit"
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(server, dbname=other)


def test_the_script_is_one_that_a_plain_shell_runs(tmp_path):
    shell = shutil.which("dash") or "sh"

    subprocess.run([shell, "-n", str(product.ROOT / "deploy/compose/secrets.sh")], check=True)


def test_prometheus_reads_its_configuration_and_the_rules_it_names(tmp_path):
    folder = product.ROOT / "deploy"
    config = (folder / "compose" / "prometheus.yaml").read_text()
    (tmp_path / "prometheus.yaml").write_text(
        config.replace("/etc/prometheus/rules.yaml", str(folder / "prometheus/rules.yaml"))
    )

    done = subprocess.run(
        [find("promtool"), "check", "config", tmp_path / "prometheus.yaml"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 rule files found" in done.stdout + done.stderr
