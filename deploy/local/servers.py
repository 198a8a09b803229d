"""Start the broker, the database and the mail server together, and leave nothing of them behind."""

import os
import shlex
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import NoReturn, Self

import psutil
from filelock import FileLock, Timeout

from deploy.local.authority import Authority
from deploy.local.cluster import Cluster
from deploy.local.kafka import Kafka
from deploy.local.lodging import lodge
from deploy.local.mail import Mail
from deploy.local.postgres import SCRATCH, Postgres

STEADY = {"kafka": 20092, "postgres": 20432, "mail": 20025}
MEMORY, ROOM = Path("/dev/shm"), 6 << 30  # noqa: S108 - folders in it are new, and ours alone
AUTHORITY = "AR_LOCAL_AUTHORITY"  # folder of a run's certificates, for its other processes


class Terminated(KeyboardInterrupt):
    """SIGTERM came: end in order, as after Ctrl-C. (Pytest would take a SystemExit for one failed test.)"""


class Servers:
    """Real servers for the length of a `with` block; one that the environment already names is used, not started.

    `folder` belongs to one run at a time. It keeps `kafka.log`, `postgres.log` and the mail afterwards.
    `database_settings` are for a database that we start. `steady`: on the same ports each time, where they are free.
    `scratch`: nothing outlives the run, so that no disk is waited for, and data are in memory where there is room.
    What we start speaks TLS, by certificates of an authority that ends with us; what is given, as its address says.
    """

    def __init__(
        self,
        folder: Path,
        mail_folder: Path | None = None,
        *,
        database_settings: Mapping[str, str] | None = None,
        steady: bool = False,
        scratch: bool = False,
    ) -> None:
        """Describe them; nothing happens yet."""
        self.folder = folder.resolve()
        self._scratch = scratch
        self._database_settings = {**(SCRATCH if scratch else {}), **(database_settings or {})}
        self._ports = STEADY if steady else {}
        self.mail_folder = Path(os.environ.get("AR_MAIL_FOLDER") or mail_folder or self.folder / "mail").resolve()
        self._cluster = Cluster.given()
        given = os.environ.get(AUTHORITY)
        self._authority = Authority(Path(given)) if given else None
        self.admin_database_url = os.environ.get("DATABASE_URL", "")
        self.smtp_host = os.environ.get("AR_SMTP_HOST", "")
        self.smtp_port = int(os.environ.get("AR_SMTP_PORT") or "0")
        self._smtp = {name: os.environ[name] for name in ("AR_SMTP_TLS", "AR_SMTP_CA") if name in os.environ}
        self._started = ExitStack()

    @property
    def cluster(self) -> Cluster:
        """The broker, and who may come to it."""
        assert self._cluster is not None, "nothing was started"
        return self._cluster

    @property
    def authority(self) -> Authority:
        """Who signs the certificates of this run."""
        assert self._authority is not None, "nothing was started"
        return self._authority

    def environment(self) -> dict[str, str]:
        """Give the addresses as the variables that services and tests read."""
        return {
            **self.cluster.environment(),
            AUTHORITY: str(self.authority.folder),
            "DATABASE_URL": self.admin_database_url,
            "AR_SMTP_HOST": self.smtp_host,
            "AR_SMTP_PORT": str(self.smtp_port),
            **self._smtp,
            "AR_MAIL_FOLDER": str(self.mail_folder),
        }

    def __enter__(self) -> Self:
        """Start what is missing, all at once; when one fails or we are interrupted, stop the others."""
        with ExitStack() as started:
            started.enter_context(_ending_in_order())
            started.enter_context(_sole_user(self.folder))
            data = started.enter_context(_data_folder(lodge(MEMORY) if self._scratch and _roomy() else self.folder))
            self._start(data, started)
            self._started = started.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what was started and remove its data."""
        self._started.close()

    def _start(self, data: Path, started: ExitStack) -> None:
        missing: list[Kafka | Postgres | Mail] = []
        self._authority = authority = self._authority or Authority(data / "authority")
        if self._cluster is None:
            kafka = Kafka(data / "kafka", self.folder / "kafka.log", self._ports.get("kafka", 0), authority)
            self._cluster = kafka.cluster
            missing.append(kafka)
        if not self.admin_database_url:
            port = self._ports.get("postgres", 0)
            log = self.folder / "postgres.log"
            # For pgbench, which speaks no TLS: a short path, whatever ours is; the user whom the database runs as enters.
            sockets = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="receivables-")))
            sockets.chmod(0o1777)
            settings = {"unix_socket_directories": str(sockets), **self._database_settings}
            postgres = Postgres(data / "postgres", log, settings, port, authority)
            self.admin_database_url = postgres.admin_url
            missing.append(postgres)
        if not self.smtp_host:
            mail = Mail(self.mail_folder, self._ports.get("mail", 0), authority)
            self._smtp = {"AR_SMTP_TLS": "starttls", "AR_SMTP_CA": str(authority.file)}
            self.smtp_host, self.smtp_port = mail.host, mail.port
            missing.append(mail)
        started.callback(_side_by_side, [server.stop for server in missing])
        _side_by_side([server.start for server in missing])


def exports(environment: Mapping[str, str]) -> str:
    """Addresses as lines that a shell takes, each in one piece however narrow the terminal."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in environment.items())


def own_folder(base: Path) -> Path:
    """Make a new folder for this run, after removing those whose run is dead; named by process id to tell them."""
    base.mkdir(parents=True, exist_ok=True)
    for folder in base.glob("[0-9]*-*"):
        if not psutil.pid_exists(int(folder.name.split("-")[0])):
            shutil.rmtree(folder, ignore_errors=True)
    return _new_folder(base, prefix=f"{os.getpid()}-")


def _new_folder(base: Path, prefix: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
    folder.chmod(0o755)  # the user whom the database runs as passes through
    return folder


def _side_by_side(actions: list[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(max_workers=3) as pool:
        for outcome in [pool.submit(action) for action in actions]:
            outcome.result()


@contextmanager
def _sole_user(folder: Path) -> Iterator[None]:
    """Hold a lock that the kernel gives back even when we are killed; the file says whose it is."""
    folder.mkdir(parents=True, exist_ok=True)
    owner = folder / ".owner"
    lock = FileLock(folder / ".lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise RuntimeError(f"{folder} is in use by process {owner.read_text()}: stop it, or take another") from None
    try:
        owner.write_text(str(os.getpid()))
        yield
    finally:
        lock.release()


@contextmanager
def _data_folder(folder: Path) -> Iterator[Path]:
    """Give a folder that ends with us, and remove what a killed run left.

    Its name is new each time: the servers of a run killed a moment ago may still be writing to theirs.
    """
    for leftover in folder.glob("data-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    data = _new_folder(folder, prefix="data-")
    try:
        yield data
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _roomy() -> bool:
    """Whether there is a folder in memory with room for a run, on which programs may stand too."""
    if not MEMORY.is_dir():
        return False
    there = os.statvfs(MEMORY)
    free = min(there.f_bavail * there.f_frsize, psutil.virtual_memory().available // 2)
    return free >= ROOM and not there.f_flag & os.ST_NOEXEC


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Turn SIGTERM into an exception, as SIGINT is, so that `with` blocks end in order."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what signals do
        return
    earlier = {
        # A script's background job is started with SIGINT ignored.
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, _terminate),
    }
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
