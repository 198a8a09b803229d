"""Lists, a page at a time and by key: what comes after a place in the list's order, never a count of rows to skip.

A page's token says where the next one begins. It belongs to its list and to what was asked of it, and no other takes it.
"""

import binascii
import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from services.kernel.refusals import Invalid

ROWS, ROWS_MAX = 100, 1000
SEAL_BYTES = 6  # a mistake is found out; nothing is secret in here, and every list is its tenant's own


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows are asked for: at most so many, after that place in the list's order (None: from its beginning).

    `most` belongs in the statement's text, not among its parameters: a plan that is made for any number of rows is made
    for a tenth of the table, and looks through whatever is joined to it.
    """

    most: int = ROWS
    after: tuple[Any, ...] | None = None
    seal: bytes = b""

    def next_token(self, rows: Sequence[Any], place: Callable[[Any], tuple[Any, ...]]) -> str:
        """Where the next page begins; empty after the last one."""
        if len(rows) < self.most:
            return ""
        key = json.dumps([str(part) for part in place(rows[-1])], separators=(",", ":")).encode()
        return urlsafe_b64encode(_seal(self.seal, key) + key).decode()


def page(request: Message, *kinds: Callable[[str], Any]) -> Page:
    """Read `page_size` and `page_token` of a request; each kind makes one part of the place from its text."""
    asked: Any = request
    bare: Any = type(request)()
    bare.CopyFrom(request)
    bare.ClearField("page_size")
    bare.ClearField("page_token")
    seal = str(request.DESCRIPTOR.full_name).encode() + b"\0" + bare.SerializeToString(deterministic=True)
    return Page(page_size(asked.page_size), _place(asked.page_token, seal, kinds), seal)


def page_size(asked: int) -> int:
    """How many rows a page has: as asked, at most 1,000; 100 if nothing was asked."""
    if asked < 0:
        raise Invalid("call.page_size", "a page has 1 to 1,000 rows")
    return min(asked or ROWS, ROWS_MAX)


def _place(token: str, seal: bytes, kinds: Sequence[Callable[[str], Any]]) -> tuple[Any, ...] | None:
    if not token:
        return None
    try:
        raw = urlsafe_b64decode(token.encode("ascii"))
        key = raw[SEAL_BYTES:]
        if urlsafe_b64encode(raw).decode() != token or raw[:SEAL_BYTES] != _seal(seal, key):
            raise ValueError("not as we give them")
        parts = json.loads(key)
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise ValueError("not as we give them")
        "".join(parts).encode()  # half a character is none
        return tuple(kind(part) for kind, part in zip(kinds, parts, strict=True))
    except (binascii.Error, ValueError, RecursionError):
        raise Invalid("call.page_token", "this list gave no such token for what is asked: take it as given") from None


def _seal(seal: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(seal + b"\0" + key, digest_size=SEAL_BYTES).digest()
