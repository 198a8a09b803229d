"""Files on their way in: made anew in a process of their own, named without a path."""

import asyncio
import io
from typing import Any

import pytest
from PIL import Image
from starlette.datastructures import UploadFile

from services.kernel.refusals import Invalid
from services.portal import uploads


def _sent(content: bytes, name: str) -> UploadFile:
    return UploadFile(io.BytesIO(content), filename=name)


def _photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (30, 30)).save(out, "WEBP")
    return out.getvalue()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("pallet.webp", "pallet.jpg"),
        ("../../etc/passwd.html", "passwd.jpg"),
        ("C:\\photos\\Schöne  Palette.JPG", "Schöne Palette.jpg"),
        ("\u202egpj.exe", "gpj.jpg"),
        ("...", "file.jpg"),
    ],
)
async def test_a_photo_is_kept_by_a_name_that_is_no_path(given: str, kept: str):
    upload = await uploads.clean(_sent(_photo(), given))

    assert (upload.name, upload.media_type, upload.content[:3]) == (kept, "image/jpeg", b"\xff\xd8\xff")


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"<svg/>", "upload.unreadable"), (b"%PDF-" + b"0" * uploads.BYTES_MAX, "upload.too_large")],
)
async def test_what_is_not_taken_is_refused_by_a_code(content: bytes, code: str):
    with pytest.raises(Invalid) as refused:
        await uploads.clean(_sent(content, "x.pdf"))

    assert refused.value.code == code


async def test_a_process_that_dies_of_its_limits_is_a_refusal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "WAIT_S", 0.001)

    with pytest.raises(Invalid) as refused:
        await uploads.clean(_sent(_photo(), "x.jpg"))

    assert refused.value.code == "upload.unreadable"


async def test_whoever_waits_too_long_for_a_turn_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "TURN_S", 0.01)
    monkeypatch.setattr(uploads, "_slots", asyncio.Semaphore(0))

    with pytest.raises(Invalid) as refused:
        await uploads.clean(_sent(_photo(), "x.jpg"))

    assert refused.value.code == "upload.busy"


async def test_those_that_wait_for_a_turn_are_few_and_their_files_are_not_in_memory(monkeypatch: pytest.MonkeyPatch):
    """ASVS 5.2.1, 2.4.1: two at once, some that wait, and whoever comes then is told without waiting."""
    monkeypatch.setattr(uploads, "_slots", asyncio.Semaphore(0))
    monkeypatch.setattr(uploads, "TURN_S", 0.3)
    files = [_sent(_photo(), "x.jpg") for _ in range(uploads.WAITING + 1)]

    async def refused(file: UploadFile) -> float:
        began = asyncio.get_running_loop().time()
        with pytest.raises(Invalid) as told:
            await uploads.clean(file)
        assert told.value.code == "upload.busy"
        return asyncio.get_running_loop().time() - began

    waited = await asyncio.gather(*map(refused, files))

    assert sum(seconds < 0.2 for seconds in waited) == 1
    assert all(file.file.tell() == 0 for file in files)


async def test_the_process_that_reads_files_of_strangers_knows_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch):
    """ASVS 13.3.2: what breaks into it finds neither a key nor an address of a database."""
    started: list[dict[str, str]] = []
    start = asyncio.create_subprocess_exec

    async def remember(*args: str, **more: Any) -> asyncio.subprocess.Process:
        started.append(more["env"])
        return await start(*args, **more)

    monkeypatch.setenv("AR_PORTAL_SECRET", "x" * 32)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", remember)
    await uploads.clean(_sent(_photo(), "x.jpg"))

    [told] = started
    assert not [name for name in told if name.startswith("AR_")]
