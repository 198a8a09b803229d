"""Start, await, kill and restart programs that never outlive the process that started them."""

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Self

import psutil

from deploy.local.artifacts import ROOT

LAUNCHER = Path(__file__).with_name("launch.py")
FIRST_PORT, LAST_PORT = 20_000, 29_999  # below 32768, where the kernel takes ports for outgoing connections
# What a program says as it fails is rarely the last that it says.
_WHY = re.compile(
    r"\b(fatal|panic|error|denied|refused|cannot|could not|invalid|no space)\b|Error\b|Exception\b", re.IGNORECASE
)
WHY_CHARACTERS = 300

_reservations: list[socket.socket] = []


class ProcessDiedError(Exception):
    """A program failed, or ended although it should be running; the message holds why, from its log, and the log's place."""


def free_port(wish: int = 0) -> int:
    """Take a loopback port that stays ours, also while its server is down, until this process ends.

    The one that is wished for, if it is free: who stays up for people has the same each time.

    The reservation is the UDP port of the same number: nobody here speaks UDP, every run can see it whatever its
    user or folder, and the kernel gives it back when we die.
    """
    while True:
        port = wish or FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT + 1)
        wish = 0
        reservation = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            reservation.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        return port


def answers(port: int) -> bool:
    """Tell whether something listens on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], what: str, timeout: float = 30) -> None:
    """Return as soon as the condition holds; say what was awaited when it does not in time.

    To look takes time from what is looked at: the longer it takes, the more seldom we look.
    """
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        if waited > timeout:
            raise TimeoutError(f"{what}: not within {timeout:g} s")
        time.sleep(min(max(0.02, waited / 10), 0.25))


def launch(argv: Sequence[str], death_signal: signal.Signals = signal.SIGKILL, user: str = "") -> list[str]:
    """Wrap a command so that it gets the signal when we die, and runs as another user if one is given."""
    return [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(int(death_signal)), user, *argv]


def carry_out(name: str, argv: Sequence[str], log: Path, *, user: str = "", cwd: Path = ROOT) -> None:
    """Run a program to its end, its words into a log; raise ProcessDiedError if it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as words:
        done = subprocess.run(
            launch(argv, user=user), cwd=cwd, stdin=subprocess.DEVNULL, stdout=words, stderr=words, check=False
        )
    if done.returncode != 0:
        raise ProcessDiedError(_how_it_ended(name, done.returncode, log))


def _how_it_ended(name: str, code: int | None, log: Path) -> str:
    """One line: what failed, how, why as far as its log says, and where that is."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()[-200:] if line.strip()]
    why = next((line for line in reversed(lines) if _WHY.search(line)), lines[-1] if lines else "it said nothing")
    return f"{name} ended with {code}: {why[:WHY_CHARACTERS]} (log: {log})"


class Process:
    """A program with a log, in a session of its own, so that Ctrl-C reaches only us and we stop it in order."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        log: Path = Path(os.devnull),
        *,
        ready: Callable[[], bool] = lambda: True,
        cwd: Path = ROOT,
        user: str = "",
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        """Describe it; `env` is added to our own environment, the log is appended to, so that restarts show."""
        self.name, self.argv, self.env, self.log = name, list(argv), dict(env or {}), log
        self.ready, self.cwd, self.user = ready, cwd, user
        self.stop_signal, self.death_signal = stop_signal, death_signal
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float = 30) -> Self:
        """Start it and return when it is ready."""
        self.spawn()
        self.await_ready(timeout)
        return self

    def spawn(self) -> None:
        """Start it and return at once, for those who start several side by side."""
        assert not self.running, f"{self.name} is running already"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # Linux ties the death signal to the thread that forked, and not to its process: so one thread,
        # which lives as long as we do, forks for all others.
        self._popen = _spawner(os.getpid()).submit(self._open).result()

    def _open(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                launch(self.argv, self.death_signal, self.user),
                cwd=self.cwd,
                env=os.environ | self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def await_ready(self, timeout: float = 30) -> None:
        """Wait for readiness, but no longer than it lives."""

        def ready_or_dead() -> bool:
            return not self.running or self.ready()

        wait_until(ready_or_dead, f"{self.name} is ready (log: {self.log})", timeout)
        if not self.running:
            raise ProcessDiedError(_how_it_ended(self.name, self.returncode, self.log))

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def returncode(self) -> int | None:
        """How it ended; negative is the signal that killed it; nothing while it runs or before it started."""
        return None if self._popen is None else self._popen.poll()

    @property
    def pid(self) -> int:
        """Its process id, also that of the program itself: the launcher becomes the program."""
        assert self._popen is not None, f"{self.name} was never started"
        return self._popen.pid

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and give its exit code."""
        assert self._popen is not None, f"{self.name} was never started"
        return self._popen.wait(timeout)

    def terminate(self) -> None:
        """Ask it to end, and return at once."""
        if self.running:
            os.kill(self.pid, self.stop_signal)

    def stop(self, timeout: float = 15) -> None:
        """Ask it to end, and kill it when it does not."""
        self.terminate()
        try:
            if self._popen is not None:
                self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it and its children with SIGKILL, as when the machine fails; return when all are gone."""
        if not self.running:
            return
        process = psutil.Process(self.pid)
        children = process.children(recursive=True)
        for victim in (process, *children):
            try:
                victim.kill()
            except psutil.NoSuchProcess:
                continue  # it ended with its parent
        self.wait()
        psutil.wait_procs(children)

    def restart(self, timeout: float = 30) -> None:
        """Stop it if it runs, and start it again as it was first started."""
        self.stop()
        self.start(timeout)


@cache
def _spawner(pid: int) -> ThreadPoolExecutor:
    """Give the thread that forks; by process id, because a forked copy of us would wait for a thread it lacks."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"spawner-{pid}")
