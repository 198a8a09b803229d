"""Brings a font with Chinese, Japanese and Korean signs out of a hashed wheel, for names on the pages of invoices."""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from filelock import FileLock
from rich.console import Console

from deploy.local.artifacts import CACHE

LOCK = Path(__file__).with_name("fonts.lock")
# Noto Sans CJK, under the SIL Open Font License; nothing else of the wheel is kept.
FONT = "mplfonts/fonts/NotoSansCJKsc-Regular.otf"


def install(target: Path) -> Path:
    """Put the font into a folder, fetching it the first time; again costs nothing."""
    font = target / Path(FONT).name
    if not font.exists():
        target.mkdir(parents=True, exist_ok=True)
        partial = target / f".partial-{os.getpid()}"
        partial.write_bytes(_fetched().read_bytes())
        partial.replace(font)
    return target


def _fetched() -> Path:
    font = CACHE / "fonts" / Path(FONT).name
    font.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(font.parent / ".lock"):
        if not font.exists():  # another process may have been faster
            Console(stderr=True).print("Fetching a font for Chinese, Japanese and Korean names (once; 85 MB)")
            with tempfile.TemporaryDirectory(dir=font.parent, prefix=".partial-") as folder:
                pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--progress-bar", "on"]
                wanted = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(LOCK), "-d", folder]
                subprocess.run([*pip, *wanted], check=True, stdout=sys.stderr)
                [wheel] = Path(folder).glob("*.whl")
                with zipfile.ZipFile(wheel) as archive:
                    made = Path(archive.extract(FONT, folder))
                made.replace(font)
    return font
