"""Files that people send: kept is what was made anew of them, refused is everything else."""

import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from fastapi.responses import Response
from starlette.datastructures import UploadFile

from services.kernel.refusals import Invalid
from services.portal.web import attachment

BYTES_MAX = 8_000_000
NAME_MAX = 100  # characters
TURN_S = 10.0  # until one of those at once is done
WAIT_S = 30.0
_AT_ONCE = 2
WAITING = 8  # for their turn; whoever comes then is told at once
_ENDINGS = {"image/png": ".png", "image/jpeg": ".jpg", "application/pdf": ".pdf"}
_SAYS = {
    "upload.locked": "that document is locked by a password",
    "upload.too_many_pixels": "that picture has more than 40 million pixels",
    "upload.too_many_pages": "that document has more than 500 pages",
    "upload.too_large": "a file has at most 8 MB",
    "upload.unreadable": "that is no photo (JPEG, PNG, WebP) and no PDF, or it is damaged",
}
_slots = asyncio.Semaphore(_AT_ONCE)
_BUSY = Invalid("upload.busy", "many files come in just now: try again in a minute")
# What the process that makes files anew is told of ours: where its code is, and no secret.
_TOLD = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "LANG")
_waiting = 0


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it is kept."""

    name: str
    media_type: str
    content: bytes
    # When it was written and changed last, as it said itself before it was made anew; None: it did not say.
    written_at: datetime | None = None
    changed_at: datetime | None = None


async def clean(file: UploadFile) -> Upload:
    """What is kept of a file that somebody sent; refuse what is no photo and no PDF, or too large."""
    await _turn()
    try:
        content = await file.read(BYTES_MAX + 1)
        if len(content) > BYTES_MAX:
            raise Invalid("upload.too_large", "a file has at most 8 MB")
        said, made = await _made_anew(content)
    finally:
        _slots.release()
    media_type, *days = said.split()
    written_at, changed_at = (_instant(day) for day in (*days, "-", "-")[:2])
    return Upload(_name(file.filename or "", media_type), media_type, made, written_at, changed_at)


def _instant(said: str) -> datetime | None:
    return None if said == "-" else datetime.fromisoformat(said)


async def _turn() -> None:
    """Wait until one of those at once is done; whose files wait lie on the disk, and take no memory."""
    global _waiting  # noqa: PLW0603 - of the process, as the slots are
    if _waiting >= WAITING:
        raise _BUSY
    _waiting += 1
    try:
        async with asyncio.timeout(TURN_S):
            await _slots.acquire()
    except TimeoutError:
        raise _BUSY from None
    finally:
        _waiting -= 1


async def _made_anew(content: bytes) -> tuple[str, bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.portal.cleaning",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: os.environ[name] for name in _TOLD if name in os.environ},
    )
    try:
        async with asyncio.timeout(WAIT_S):
            out, said = await process.communicate(content)
    except TimeoutError:
        raise Invalid("upload.unreadable", _SAYS["upload.unreadable"]) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        code = said.decode(errors="replace")
        code = code if code in _SAYS else "upload.unreadable"
        raise Invalid(code, _SAYS[code])
    what, _, made = out.partition(b"\n")
    return what.decode(), made


def _name(given: str, media_type: str) -> str:
    """A file's name without its path and what cannot be seen, with the ending of what it is."""
    stem = PurePosixPath(given.replace("\\", "/")).stem
    seen = " ".join("".join(c for c in stem if c.isprintable()).split()).strip(". ")
    return (seen[:NAME_MAX] or "file") + _ENDINGS[media_type]


def sent(name: str, media_type: str, content: bytes) -> Response:
    """A file of somebody's, to be kept by the browser: never shown as a page of ours."""
    return attachment(content, media_type if media_type in _ENDINGS else "application/octet-stream", name or "file")
