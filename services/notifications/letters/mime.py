"""Puts a mail's headers and parts into the bytes that travel (RFC 5322, MIME).

By hand, with the standard library's encoders: its model of a message costs fifteen times as much, and a letter's
writing was most of what notifications did.
"""

import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import quote

_LINE = 76  # characters of an encoded line (RFC 2045)
_WORD = 33  # bytes of an encoded word: with its header's name they make no long line
_SHORT = 60  # what needs no folding beside its header's name
_ATOMS = re.compile(r"[A-Za-z0-9 ]+")
_REMEMBERED = 4096  # names: of the same people and sellers again and again

# What machines are told that would answer: that one of their kind wrote (RFC 3834), and, those of Exchange, in its own way.
AUTOMATIC: Mapping[str, str] = {
    "Auto-Submitted": "auto-generated",
    "X-Auto-Response-Suppress": "OOF, AutoReply",
}


def message(headers: Mapping[str, str], part: bytes) -> bytes:
    """The whole mail; each header's value as the functions below give it, or plain ASCII of our own."""
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return "".join([*lines, "MIME-Version: 1.0\r\n"]).encode("ascii") + part


def feedback_id(campaign: str, tenant: str, kind: str) -> str:
    """By what a mailbox provider tells us of which mail how many complain; codes alone, and nobody's address."""
    return f"{campaign}:{tenant}:{kind}:receivables"


def unsubscribing(places: Sequence[str]) -> dict[str, str]:
    """The headers by which a reader's program offers to decline (RFC 2369); with a page over TLS in one click (RFC 8058)."""
    if not places:
        return {}
    headers = {"List-Unsubscribe": ",\r\n ".join(f"<{place}>" for place in places), "Precedence": "bulk"}
    if places[0].startswith("https://"):
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def text(content: str, subtype: str) -> bytes:
    """A part to read. Quoted-printable: seven bits and short lines, so that no server on the way has to change it."""
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    return head.encode() + b2a_qp(content.encode().replace(b"\n", b"\r\n"))


def attachment(content: bytes, media_type: str, file_name: str) -> bytes:
    """A part to save."""
    # A name that is not ASCII as RFC 2231 says.
    named = f'filename="{file_name}"' if file_name.isascii() else f"filename*=utf-8''{quote(file_name, safe='')}"
    head = f"""Content-Type: {media_type}\r
Content-Transfer-Encoding: base64\r
Content-Disposition: attachment;\r
 {named}\r
\r
"""
    encoded = b2a_base64(content, newline=False)
    return head.encode() + b"\r\n".join(encoded[at : at + _LINE] for at in range(0, len(encoded), _LINE))


def multipart(kind: str, parts: Sequence[bytes]) -> bytes:
    """Several parts as one."""
    # Neither quoted-printable nor base64 has a "=_": no part contains the boundary.
    boundary = f"=_{kind}".encode()
    opened = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return (
        f'Content-Type: multipart/{kind}; boundary="=_{kind}"\r\n\r\n'.encode() + opened + b"--" + boundary + b"--\r\n"
    )


def unstructured(words: str) -> str:
    """A header's text, such as a subject."""
    return words if _is_plain(words) else _encoded(words)


def mailbox(name: str, address: str) -> str:
    """A person or a company with the address; the address is ASCII (domain/contacts.py)."""
    return f"{_phrase(name)} <{address}>"


@lru_cache(_REMEMBERED)
def _phrase(name: str) -> str:
    if not _is_plain(name):
        return _encoded(name) + "\r\n"  # the address behind the last word would make too long a line
    if _ATOMS.fullmatch(name):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _is_plain(words: str) -> bool:
    """Whether it can stand as it is: ASCII, short, and not to be mistaken for an encoded word."""
    return words.isascii() and words.isprintable() and len(words) <= _SHORT and "=?" not in words


def _encoded(words: str) -> str:
    """Encoded words (RFC 2047), each a line of its own, none of which cuts a character in two."""
    pieces, piece = [], b""
    for character in words:
        if len(piece) + len(encoded := character.encode()) > _WORD:
            pieces.append(piece)
            piece = b""
        piece += encoded
    pieces.append(piece)
    return "\r\n ".join(f"=?utf-8?b?{b2a_base64(piece, newline=False).decode()}?=" for piece in pieces)
