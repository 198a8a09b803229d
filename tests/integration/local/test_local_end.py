"""However a run ends, nothing of it stays: no process, no data, and no port is taken twice."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from deploy.local.processes import Process, ProcessDiedError, free_port, wait_until
from deploy.local.servers import Servers, own_folder

# This run has its servers already: `up` must start its own none the less.
NO_SERVERS = dict.fromkeys(
    ["KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "AR_SMTP_HOST", "AR_SMTP_PORT", "AR_MAIL_FOLDER"], ""
)


def an_up(folder: Path) -> Process:
    """Start `up` and wait until it has printed its addresses."""
    log = folder / "up.log"
    return Process(
        "up",
        [sys.executable, "-m", "deploy.local", "up", "--folder", str(folder)],
        env=NO_SERVERS,
        log=log,
        ready=lambda: "AR_MAIL_FOLDER" in log.read_text(),
    ).start()


def family(process: Process) -> list[psutil.Process]:
    children = psutil.Process(process.pid).children(recursive=True)
    assert {"java", "postgres"} <= {child.name() for child in children}
    return children


def ended(process: psutil.Process) -> bool:
    """Whether it has ended, also where no one has yet asked how (in a container whose first process is careless)."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_killed_run_leaves_no_process_and_the_next_removes_its_data(tmp_path: Path) -> None:
    first = an_up(tmp_path)
    children = family(first)
    [data] = tmp_path.glob("data-*")

    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    wait_until(lambda: all(map(ended, children)), "java and postgres ended with their parent")
    (tmp_path / "up.log").unlink()
    second = an_up(tmp_path)

    assert not data.exists()
    second.stop()


@pytest.mark.parametrize(("asked", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_run_that_is_asked_to_end_leaves_logs_and_mail_alone(
    tmp_path: Path, asked: signal.Signals, code: int
) -> None:
    process = an_up(tmp_path)
    children = family(process)

    os.kill(process.pid, asked)

    assert process.wait(timeout=30) == code
    assert all(map(ended, children))
    assert {file.name for file in tmp_path.glob("[!.]*")} == {"kafka.log", "postgres.log", "mail", "up.log"}


def test_two_runs_cannot_share_a_folder(tmp_path: Path, servers: Servers) -> None:
    with Servers(tmp_path), pytest.raises(RuntimeError, match=f"in use by process {os.getpid()}"), Servers(tmp_path):
        pass


def test_folders_of_dead_runs_are_removed_and_those_of_live_ones_kept(tmp_path: Path) -> None:
    dead = tmp_path / "999999999-x"  # above what Linux gives as a process id
    dead.mkdir()
    alive = own_folder(tmp_path)

    own_folder(tmp_path)

    assert alive.exists()
    assert not dead.exists()


def test_run_gives_the_addresses_to_the_command_and_ends_with_its_code(tmp_path: Path, servers: Servers) -> None:
    log = tmp_path / "run.log"
    script = 'echo "$KAFKA_BOOTSTRAP_SERVERS $AR_SMTP_HOST:$AR_SMTP_PORT $AR_MAIL_FOLDER"; exit 7'
    argv = [sys.executable, "-m", "deploy.local", "run", "--", "sh", "-c", script]
    run = Process("run", argv, env=servers.environment(), log=log).start()

    assert run.wait(timeout=30) == 7
    expected = f"{servers.cluster.bootstrap} {servers.smtp_host}:{servers.smtp_port} {servers.mail_folder}"
    assert log.read_text().strip() == expected


def test_a_program_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    """The kernel's death signal follows the thread that forked, and a demo restarts services from threads."""
    program = Process("sleeper", ["sleep", "60"], log=tmp_path / "log")
    thread = threading.Thread(target=program.start)
    thread.start()
    thread.join()

    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(timeout=0.3)
    program.kill()

    assert program.returncode == -signal.SIGKILL


def test_a_killed_program_starts_again_with_the_same_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = 'echo "hello $WHO"; exec sleep 60'
    program = Process("sleeper", ["sh", "-c", script], {"WHO": "world"}, log, ready=lambda: "hello" in log.read_text())
    program.start()
    first = program.pid

    program.kill()
    program.restart()

    assert program.pid != first
    wait_until(lambda: log.read_text() == "hello world\n" * 2, "both starts are in the log")
    program.stop()
    assert program.returncode == -signal.SIGTERM


def test_a_program_that_dies_early_says_why(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "raise SystemExit('the setting is missing')"]
    program = Process("service", argv, log=tmp_path / "log", ready=lambda: False)

    with pytest.raises(ProcessDiedError, match=r"service ended with 1(.|\n)*the setting is missing"):
        program.start()


def test_a_port_stays_ours_while_its_server_is_down() -> None:
    port = free_port()

    assert port < 32_768
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
