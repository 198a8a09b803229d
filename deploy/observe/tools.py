"""Where Prometheus, promtool and Alertmanager are: on the path, or taken from Debian's packages.

No other registry that this product may use has them as programs. Prometheus and promtool are unpacked into .cache, which
needs no root and installs nothing. Debian's Alertmanager reads its templates from a fixed folder, so root installs it;
only `make prove` needs it. Nothing is started here.
"""

import os
import shutil
import subprocess
from pathlib import Path

from filelock import FileLock

from deploy.local.artifacts import CACHE

FOLDER = CACHE / "observe"
# What a program is called on the path, and in which Debian package, under which name.
PACKAGES = {
    "prometheus": ("prometheus", "prometheus"),
    "promtool": ("prometheus", "promtool"),
    "alertmanager": ("prometheus-alertmanager", "prometheus-alertmanager"),
}
INSTALLED = ("prometheus-alertmanager",)


class MissingToolError(Exception):
    """A program is not here and cannot be had; says how a person gets it."""


def find(name: str) -> Path:
    """The program's file; raises MissingToolError."""
    package, in_package = PACKAGES[name]
    for known in (name, in_package):
        if found := shutil.which(known):
            return Path(found)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with FileLock(FOLDER / ".lock"):
        if package in INSTALLED:
            _install(package)
            return Path("/usr/bin") / in_package
        program = FOLDER / "root" / "usr" / "bin" / in_package
        if not program.exists():
            _unpack(package)
        return program


def _install(package: str) -> None:
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise MissingToolError(_how(package, "only root can install it, with apt-get"))
    if said := _apt(FOLDER, "-y", "--no-install-recommends", "install", package):
        raise MissingToolError(_how(package, said))


def _unpack(package: str) -> None:
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise MissingToolError(_how(package, "this machine has no apt-get"))
    downloads = FOLDER / "downloads" / package
    downloads.mkdir(parents=True, exist_ok=True)
    if (said := _apt(downloads, "download", package)) and (said := _download_with_own_lists(downloads, package)):
        raise MissingToolError(_how(package, said))
    [file] = downloads.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", str(file), str(FOLDER / "root")], check=True)


def _download_with_own_lists(downloads: Path, package: str) -> str:
    """The machine's lists are old or not there, and only root may renew them: keep some of our own."""
    state = FOLDER / "apt"
    (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (state / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    own = ["-o", f"Dir::State::lists={state / 'lists'}", "-o", f"Dir::Cache={state / 'cache'}"]
    return _apt(downloads, *own, "update") or _apt(downloads, *own, "download", package)


def _apt(folder: Path, *arguments: str) -> str:
    """Run apt-get; give what it complained about, or nothing."""
    done = subprocess.run(
        ["apt-get", "-qq", "-o", "APT::Sandbox::User=", *arguments],
        cwd=folder,
        env=os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stderr.strip() or "apt-get failed") if done.returncode else ""


def _how(package: str, why: str) -> str:
    return (
        f"{package} is neither installed nor to be had ({why}). Put `prometheus`, `promtool` and `alertmanager` on the"
        " path: Debian and Ubuntu have them as the packages prometheus and prometheus-alertmanager, Homebrew as"
        " prometheus and alertmanager, and the project releases binaries for every system."
    )
