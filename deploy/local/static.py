"""Brings what others wrote for pages (htmx, Pico) out of hashed WebJars; never in git."""

import os
import zipfile
from pathlib import Path

from filelock import FileLock

from deploy.local import artifacts
from deploy.local.artifacts import CACHE

STATIC = CACHE / "static"
# A jar, its SHA-256, the file in it and the name under which pages load it. htmx is under 0BSD, Pico under MIT.
_FILES = (
    (
        "org.webjars.npm:htmx.org:2.0.10",
        "528f4dc7a990a58eec5cf5ca5c9ec39aad72846360e4115612c0d0abd7781640",
        "dist/htmx.min.js",
        "htmx.min.js",
    ),
    (
        "org.webjars.npm:picocss__pico:2.1.1",
        "8603641bd62f032f617ee7ad78abfdfb0b8247ae4af14401eb90226a26ae3cd5",
        "css/pico.classless.min.css",
        "pico.classless.min.css",
    ),
)


def install(target: Path = STATIC) -> Path:
    """Put the files into a folder, fetching them the first time; again costs nothing."""
    target.mkdir(parents=True, exist_ok=True)
    with FileLock(target / ".lock"):
        for coordinate, sha256, inside, name in _FILES:
            file = target / name
            if not file.exists():
                with zipfile.ZipFile(artifacts.fetch(coordinate, sha256)) as jar:
                    [found] = [entry for entry in jar.namelist() if entry.endswith(f"/{inside}")]
                    partial = target / f".{name}.{os.getpid()}"
                    partial.write_bytes(jar.read(found))
                    partial.replace(file)
    return target
