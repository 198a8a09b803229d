"""Where time goes while something is measured, for who asks: statements by database, samples of a process by py-spy."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

from deploy.demo.stack import SERVICES
from tests.benchmark.effort import Effort
from tests.benchmark.stand import FellOverError, Stand, administer, database_name

MOST = 12  # statements of a database
STATEMENTS = """SELECT s.total_exec_time AS ms, s.calls, s.rows, regexp_replace(s.query, '\\s+', ' ', 'g') AS query
                  FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
                 WHERE d.datname = %s ORDER BY s.total_exec_time DESC LIMIT %s"""


@contextmanager
def watching(up: Stand, effort: Effort) -> Iterator[Callable[[], None]]:
    """Give what is called when it is measured; at the end what was asked for is said."""
    profiler: list[subprocess.Popen[bytes]] = []

    def begin() -> None:
        if effort.statements:
            with administer(up.servers, "postgres") as admin:
                admin.execute("SELECT pg_stat_statements_reset()")
        if effort.profile:
            profiler.append(_profile(up, effort))

    yield begin
    for process in profiler:
        process.wait(timeout=120)
    if effort.statements:
        for name in SERVICES:
            _say_statements(up, name)


def _say_statements(up: Stand, name: str) -> None:
    up.say(f"What cost most in the database of {name}:")
    with administer(up.servers, "postgres") as admin:
        database = database_name(up.stack.running[name].database.server)
        for ms, calls, rows, query in admin.execute(STATEMENTS, [database, MOST]):
            up.say(f"  {ms:10,.0f} ms {calls:8,} calls {rows:9,} rows  {query[:150]}")


def _profile(up: Stand, effort: Effort) -> subprocess.Popen[bytes]:
    if (program := shutil.which("py-spy")) is None:
        raise FellOverError("py-spy is not on the path (python -m venv somewhere, pip install py-spy, add it to PATH)")
    file = Path(gettempdir()) / f"bench-{effort.profile}.txt"
    up.say(f"py-spy writes {file} (raw: collapsed stacks)")
    argv = [program, "record", "--format", "raw", "--subprocesses", "--output", str(file)]
    argv += ["--duration", str(int(effort.seconds)), "--pid", str(up.stack.running[effort.profile].process.pid)]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
