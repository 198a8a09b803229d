"""What Compose prepares for one machine, prepared for real: the databases' set-up, and the health question."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest
from cryptography import x509

from deploy.local.postgres import CLIENTS, Postgres
from deploy.observe.tools import find
from k8s import product
from services.chassis import tls
from services.chassis.callers import CALLERS
from services.chassis.identity import Principal, Signer, Trust, Verifier
from services.chassis.migrate import migrate
from services.chassis.operators import read_key
from services.kernel.refusals import Forbidden
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
    urls = {
        name: text.replace(":5432/", f":{port}/").partition("?")[0]
        for name, text in files.items()
        if name.endswith("_url")
    }

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


def certified(folder: Path) -> dict[str, str]:
    """Run what the container `secrets` runs after the passwords, without its change of owner, which is root's."""
    script = (product.ROOT / "deploy" / "compose" / "certificates.sh").read_text()
    without = "\n".join(line for line in script.splitlines() if not line.startswith("chown "))
    subprocess.run([shutil.which("dash") or "sh", "-c", without, "certificates.sh", str(folder)], check=True)
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_each_workload_has_a_certificate_by_its_name_and_what_its_word_counts_for(tmp_path):
    files = certified(tmp_path)
    authority = x509.load_pem_x509_certificate(files["authority/ca.crt"].encode())
    trusted = Verifier(Trust(tmp_path / "trust"), "credit")

    assert certified(tmp_path) == files
    for name in CALLERS.keys() | set(product.SERVICES):
        pem = files[f"{name}-tls/tls.crt"].encode()
        x509.load_pem_x509_certificate(pem).verify_directly_issued_by(authority)
        assert tls.workload({"x509_pem_cert": [pem]}) == name
    for name, folder in {"operator": "operator-tls", "portal": "portal"}.items():
        ada = Principal("user:ada", "acme", name, roles=frozenset({"CREDIT"}))
        token = Signer(name, (tmp_path / folder / "identity_key").read_text).sign(ada, "credit")
        principal, issuer = trusted.verify(token)
        assert principal == ada
        assert issuer.workloads == {name}
    signing = Signer("portal", (tmp_path / "portal" / "identity_key").read_text)
    assert trusted.verify(signing.sign(Principal("service:portal", "acme", "portal"), "credit"))
    with pytest.raises(Forbidden):
        trusted.verify(signing.sign(Principal("user:ada", "acme", "portal", roles=frozenset({"OPERATOR"})), "credit"))
    typed = read_key(tmp_path / "operator-tls" / "operator.json")
    assert trusted.verify(typed.sign("credit", "acme"))[0].subject == "user:operator"
    own = Signer("notifications", (tmp_path / "notifications" / "identity_key").read_text)
    assert trusted.verify(own.sign(Principal("service:notifications", "acme", "notifications"), "credit"))
    with pytest.raises(Forbidden):
        trusted.verify(own.sign(Principal("user:ada", "acme", "notifications"), "credit"))


@pytest.mark.parametrize("name", ["secrets.sh", "certificates.sh"])
def test_the_scripts_are_ones_that_a_plain_shell_runs(name):
    shell = shutil.which("dash") or "sh"

    subprocess.run([shell, "-n", str(product.ROOT / "deploy/compose" / name)], check=True)


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
