"""Each role starts from the image's content exactly as the manifests say, with no more rights than they give."""

import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, LiteralString, Self
from uuid import uuid4

import grpc
import psutil
import psycopg
import pytest
import requests
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc
from kafka import KafkaProducer
from kafka.errors import TopicAuthorizationFailedError
from psycopg import sql

from deploy.local.postgres import DatabaseUrls, drop, provision
from deploy.local.processes import free_port, wait_until
from deploy.local.trust import PORTAL, Issuers
from k8s import image, product, render
from k8s.render import Pod, Rendering
from services.portal.looks import statics
from tests.prove.platform.broker import Broker, authorizing_broker

pytestmark = pytest.mark.prove
STARTS_S, STOPS_S = 60, 15
COMPOSE = product.ROOT / "deploy" / "compose.yaml"
_AS_USER = (
    "setpriv --reuid {} --regid {} --clear-groups --no-new-privs --bounding-set=-all,+dac_read_search"
    " --inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search"
)


@pytest.fixture(scope="module")
def manifests():
    return render.read("prod", render.kustomize("prod"))


@pytest.fixture(scope="module")
def issuers(servers, tmp_path_factory):
    """Who vouches for callers, and the certificate of each workload: what the platform gives to pods."""
    made = Issuers(tmp_path_factory.mktemp("identity")).make([name for name in product.SERVICES if name != PORTAL])
    made.certify(servers.authority)
    return made


@pytest.fixture(scope="module")
def broker(tmp_path_factory, manifests):
    with authorizing_broker(tmp_path_factory.mktemp("broker")) as running:
        running.make_topics(manifests.of("KafkaTopic"))
        yield running


@pytest.fixture(params=product.SERVICES)
def service(request):
    return request.param


@pytest.fixture
def database(servers, service):
    name = f"image_{service}_{uuid4().hex[:6]}"
    yield provision(servers.admin_database_url, name)
    drop(servers.admin_database_url, name)
    with psycopg.connect(servers.admin_database_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("DROP ROLE {}, {}").format(sql.Identifier(f"{name}_owner"), sql.Identifier(f"{name}_server"))
        )


class Role:
    """A pod's container as a process of the image's user, told what the pod is told."""

    def __init__(self, app: Path, scratch: Path, manifests: Rendering, pod: Pod) -> None:
        self.app, self.scratch, self.pod = app, scratch, pod
        person, group = image.user()
        security = pod.spec["securityContext"]
        assert (security["runAsUser"], security["runAsGroup"]) == (person, group)
        # No privilege but to pass folders that this machine closes to others (its Python may lie in one).
        self.identity = _AS_USER.format(person, group).split() if os.geteuid() == 0 else []
        # The image's variables, then the pod's; nothing of this machine's.
        self.environment = image.environment() | manifests.environment(pod)
        self.environment |= {"PATH": f"{app}/bin:/usr/bin", "TMPDIR": str(scratch)}
        self.environment |= {"AR_RULES_DIR": f"{app}/rules", "AR_STATIC_DIR": f"{app}/static"}

    def given(
        self,
        *,
        grpc_port: int = 0,
        metrics_port: int = 0,
        http_port: int = 0,
        broker: Broker | None = None,
        mail: tuple[str, int] | None = None,
        issuers: Issuers | None = None,
        **secrets: str,
    ) -> Self:
        """What differs on this machine: addresses, ports, and where the secrets' files are."""
        folder = self.scratch / f"secrets-{uuid4().hex[:6]}"
        folder.mkdir()
        for source in self.pod.spec["volumes"][0]["projected"]["sources"]:
            for item in source["secret"]["items"]:
                (folder / item["path"]).write_text(secrets[item["key"]])
        for file in folder.iterdir():
            if os.geteuid() == 0:
                os.chown(file, 0, image.user()[1])
            file.chmod(self.pod.spec["volumes"][0]["projected"]["defaultMode"])
        told = {"AR_SECRETS_DIR": str(folder), "AR_GRPC_PORT": str(grpc_port), "AR_METRICS_PORT": str(metrics_port)}
        told |= {"AR_HTTP_PORT": str(http_port), "AR_GRPC_TLS_PORT": str(grpc_port and free_port())}
        self.environment |= {name: value for name, value in told.items() if value != "0"}
        if issuers:
            certificate = str(issuers.certificate(self.pod.service))
            self.environment |= {"AR_TRUST_DIR": str(issuers.trust), "AR_TLS_DIR": certificate}
            self.environment["AR_HTTP_TLS_DIR"] = certificate
        if broker and product.product(self.pod.service).knows_broker:
            self.environment |= broker.cluster.variables(product.product(self.pod.service).group)
        if mail and "AR_SMTP_HOST" in self.environment:
            self.environment |= {"AR_SMTP_HOST": mail[0], "AR_SMTP_PORT": str(mail[1]), "AR_SMTP_TLS": "none"}
            self.environment["AR_SMTP_USER"] = ""
        return self

    def start(self) -> "subprocess.Popen[bytes]":
        argv = [*self.identity, str(self.app / "bin" / image.entry_point()[0]), *image.entry_point()[1:]]
        argv += self.pod.spec["containers"][0]["args"]
        log = (self.scratch / "log").open("ab")
        return subprocess.Popen(
            argv, env=self.environment, cwd=self.app, stdout=log, stderr=log, start_new_session=True
        )

    def log(self) -> str:
        return (self.scratch / "log").read_text()


@contextmanager
def running(role: Role) -> "Iterator[subprocess.Popen[bytes]]":
    process = role.start()
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def health(port: int, name: str) -> bool:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=2)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def content(folder: Path) -> dict[Path, int]:
    return {each: each.stat().st_mtime_ns for each in folder.rglob("*")}


def memory(process: "subprocess.Popen[bytes]") -> int:
    """Resident memory of a process and its helpers, MiB."""
    whole = psutil.Process(process.pid)
    return sum(each.memory_info().rss for each in (whole, *whole.children(recursive=True))) // 2**20


def scalar(database: DatabaseUrls, question: LiteralString) -> Any:
    with psycopg.connect(database.owner) as connection:
        [value] = connection.execute(question).fetchone() or [None]
        return value


def announce(broker: Broker, database: DatabaseUrls, topic: str) -> None:
    """See a row of the outbox come out on its topic."""
    length = broker.length(topic)
    with psycopg.connect(database.owner) as owner:
        row = "INSERT INTO outbox (topic, key, headers, payload) VALUES (%s, 'tenant/account', '{}', '')"
        owner.execute(row, [topic])
    wait_until(lambda: broker.length(topic) > length, f"a record on {topic}", 30)


def see_it_migrate(role: Role) -> None:
    """Two at once, and a third when all is done."""
    both = [role.start(), role.start()]
    assert [process.wait(60) for process in both] == [0, 0], role.log()
    assert role.start().wait(60) == 0, role.log()


def see_it_answer(app: Path, role: Role, grpc_port: int, metrics_port: int) -> None:
    """Each probe of the manifests, the question of Compose (a program of the image), and the page of metrics."""
    container = role.pod.spec["containers"][0]
    for kind in ("startup", "readiness", "liveness"):
        assert health(grpc_port, container[f"{kind}Probe"]["grpc"]["service"]), role.log()
    question = yaml.safe_load(COMPOSE.read_text())["services"][role.pod.service]["healthcheck"]["test"][-1]
    ask = [str(app / "bin" / "python"), "-c", question.replace("50051", str(grpc_port))]
    assert subprocess.run(ask, check=False, timeout=10).returncode == 0
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=5) as answer:
        assert b"ar_" in answer.read()


def see_its_pages(app: Path, port: int) -> None:
    """Over TLS: of no seller at this name; and what others wrote for pages, out of the image."""
    base = f"https://127.0.0.1:{port}"
    assert requests.get(f"{base}/sign-in", verify=False, timeout=5).status_code == HTTPStatus.MISDIRECTED_REQUEST
    names = statics(app / "static")[1]
    for name in ("htmx.min.js", "pico.classless.min.css", "portal.css"):
        assert requests.get(f"{base}{names[name]}", verify=False, timeout=5).ok, name


def see_it_read_and_write(broker: Broker, service: str, database: DatabaseUrls) -> None:
    """A record that nobody can read is put aside, from each topic that it follows; what it announces comes out."""
    follows = product.product(service).follows
    for topic in follows:
        broker.send(topic, b"\xff not an event")
    read = "SELECT count(DISTINCT topic) FROM parked WHERE reason = 'unreadable'"
    wait_until(lambda: scalar(database, read) == len(follows), f"{service} reads {sorted(follows)}", 60)
    for topic in product.product(service).writes:
        announce(broker, database, topic)


def test_a_role_migrates_serves_and_stops_as_image_and_manifests_say(
    app, scratch, manifests, broker, service, database, servers, issuers
):
    before = content(app)
    if product.product(service).knows_broker:
        broker.grant(manifests.one("KafkaUser", f"receivables-{service}"))
    pods = {pod.owner["kind"]: pod for pod in manifests.pods if pod.service == service}
    secrets = {"database_url": database.server, "owner_database_url": database.owner, "smtp_password": ""}
    secrets |= {"identity_key": issuers.key(service).read_text(), "portal_secret": "x" * 32}

    see_it_migrate(Role(app, scratch, manifests, pods["Job"]).given(**secrets))

    grpc_port, metrics_port, http_port = free_port(), free_port(), free_port()
    mail = (servers.smtp_host, servers.smtp_port)
    serve = Role(app, scratch, manifests, pods["Deployment"]).given(
        grpc_port=grpc_port,
        metrics_port=metrics_port,
        http_port=http_port,
        broker=broker,
        mail=mail,
        issuers=issuers,
        **secrets,
    )
    with running(serve) as process:
        wait_until(lambda: health(grpc_port, "readiness") or process.poll() is not None, f"{service} starts", STARTS_S)
        see_it_answer(app, serve, grpc_port, metrics_port)
        see_it_read_and_write(broker, service, database)
        if product.product(service).has_pages:
            see_its_pages(app, http_port)

        print(f"{service}: {memory(process)} MiB resident")
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOPS_S) == 0, serve.log()
    assert content(app) == before, "something was written outside /tmp"


def test_with_a_services_rights_nobody_writes_anothers_topic(manifests, broker):
    broker.grant(manifests.one("KafkaUser", "receivables-credit"))

    def send(topic: str) -> None:
        with closing(
            KafkaProducer(**broker.cluster.options("receivables-credit"), enable_idempotence=False)
        ) as producer:
            producer.send(topic, b"").get(timeout=20)

    send("receivables.credit.v1")
    with pytest.raises(TopicAuthorizationFailedError):
        send("receivables.ledger.v1")
