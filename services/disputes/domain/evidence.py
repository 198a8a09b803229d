"""Photos and documents that are added to a case: what they may be, and how much of it (RULES: evidence)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.disputes.domain.cases import OPEN, Dispute
from services.kernel.refusals import Conflict, Invalid

FILES_MAX = 20  # of a case
BYTES_MAX = 40_000_000  # of all of them

# What a file of each kind begins with.
_BEGINS: Mapping[str, bytes] = {
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "application/pdf": b"%PDF-",
}


@dataclass(frozen=True, slots=True)
class File:
    """What somebody adds."""

    name: str
    media_type: str
    content: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was added to a case, without its content."""

    evidence_id: str
    # '' once it is forgotten.
    file_name: str
    media_type: str
    # In bytes.
    size: int
    sha256: str
    added_by: str
    added_at: datetime


def take(name: str, media_type: str, content: bytes) -> File:
    """A file with its hash; refuse a name that is a path, and content that does not begin as its kind does."""
    if not name.strip() or name in (".", "..") or "/" in name or "\\" in name:
        raise Invalid("evidence.name", "a file has a name of its own, without folders")
    begins = _BEGINS.get(media_type)
    if begins is None or not content.startswith(begins):
        raise Invalid("evidence.type", f"a file is one of {', '.join(_BEGINS)}, and begins as such a one does")
    return File(name, media_type, content, hashlib.sha256(content).hexdigest())


def check_open(case: Dispute) -> None:
    """Refuse what comes after the end."""
    if case.state not in OPEN:
        raise Conflict("evidence.case_ended", f"nothing is added to a dispute that is {case.state}")


def same_as(file: File, added: Sequence[Evidence]) -> Evidence | None:
    """What has this content, and still has it."""
    return next((one for one in added if one.sha256 == file.sha256 and one.file_name), None)


def check_room(file: File, added: Sequence[Evidence]) -> None:
    """Refuse more than a case holds; what is forgotten counts on."""
    if len(added) >= FILES_MAX:
        raise Conflict("evidence.too_many", f"a dispute has at most {FILES_MAX} files")
    if sum(one.size for one in added) + len(file.content) > BYTES_MAX:
        raise Conflict("evidence.too_much", f"the files of a dispute have at most {BYTES_MAX:,} bytes together")
