"""Room for a program that does not run as root, also where only root may enter: a home, a private folder."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import psutil


class NoRoomError(Exception):
    """There is no folder that a user who is not root may enter."""


def open_to_others(place: Path) -> bool:
    """Tell whether anybody may pass through every folder on the way to a place."""
    return all(folder.stat().st_mode & 0o001 for folder in place.resolve().parents)


def enters(folder: Path) -> bool:
    """Tell whether a user who is not root may work below a folder that is there, or will be made."""
    there = next(place for place in (folder, *folder.resolve().parents) if place.exists())
    return open_to_others(there) and bool(there.stat().st_mode & 0o001)


def lodge(*places: Path) -> Path:
    """Make a folder of this process that everybody may enter, after removing those of processes that are dead.

    In the first of these places that is one, or of the usual ones. It is removed when this process ends in order.
    """
    usual = (Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/tmp"))  # noqa: S108 - names are new, and ours alone
    for common in (*places, *usual):
        if common.is_dir() and enters(common):
            break
    else:
        raise NoRoomError(
            "root alone may enter this folder and the temporary ones: set TMPDIR to one that all may enter"
        )
    for left in common.glob("receivables-[0-9]*-*"):
        if left.stat().st_uid == os.geteuid() and not psutil.pid_exists(int(left.name.split("-")[1])):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"receivables-{os.getpid()}-", dir=common))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def lend(programs: Path, to: Path) -> Path:
    """Copy a folder with programs to where everybody may run them, and give the copy."""
    copy = to / programs.name
    shutil.copytree(programs, copy, symlinks=True)
    for folder, _, files in os.walk(copy):
        Path(folder).chmod(0o755)
        for file in files:
            path = Path(folder, file)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    return copy
