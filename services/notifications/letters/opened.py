"""Reads a mail that came: its words, who it says it is from, what it reports. Whatever it is made of, it is bounded."""

import codecs
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.feedparser import BytesFeedParser
from email.message import EmailMessage, Message
from typing import Any

from lxml import etree

from services.chassis import texts
from services.notifications.domain.contacts import is_address
from services.notifications.domain.post import BLANK, Refusal, Reply, Report, code_of
from services.notifications.letters.folds import fold

PARTS_MAX = 100
LINES_MAX = 250_000  # 8 MB of a file in base64 have 110,000
READ_S = 5.0  # of processor time
CHUNK = 16 * 1024
TEXT_BYTES = 128 * 1024  # of what is read of the words
HEADER_MAX = 2000  # characters; a longer one says nothing
HEADERS_MAX = 1000
WORDS_MAX = 4000  # characters, as the contract bounds them
# What decodes slower than it is read, or is no charset of words at all.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7", "utf_7"})
_BLOCKS = frozenset(
    {"p", "div", "tr", "li", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "hr", "blockquote"}
)
_UNSEEN = frozenset({"script", "style", "head", "title", "template", "noscript", "svg", "math"})
_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list", "virus"})
_BULK = frozenset({"bulk", "junk", "list", "auto_reply"})


class Unreadable(Exception):  # noqa: N818 - said of a mail
    """A mail has too many parts or lines, or takes too long."""


class _Policy(policy.EmailPolicy):
    """The library's, but for what it would read for minutes: a header of megabytes says nothing."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Take a header as it is parsed."""
        if sum(map(len, sourcelines)) <= HEADER_MAX:
            return super().header_source_parse(sourcelines)
        return sourcelines[0].partition(":")[0][:HEADER_MAX], ""


@dataclass(frozen=True, slots=True)
class Reader:
    """What must be known of ourselves to read mail."""

    # The addresses that are ours: what comes from there we sent ourselves.
    reply_domain: str
    mail_from: str
    # How the mail server before us calls itself, where it says for whom it vouches (RFC 8601); "": none does.
    authserv: str = ""

    def open(self, content: bytes) -> Reply | Report:
        """Read a mail; one that cannot be read is from nobody, without words."""
        try:
            message = _parsed(content)
            report = _report(message)
            return self._reply(message) if report is None else report
        except Exception:  # noqa: BLE001 - whatever a stranger made of it, it is a mail that nobody can read
            return Reply("", BLANK)

    def _reply(self, message: EmailMessage) -> Reply:
        sender = _sender(message)
        text, folded = fold(_words(message))
        files = sum(1 for _ in _files(message))
        if not text.strip() and (folded.strip() or files):
            text = BLANK
        return Reply(
            sender=sender,
            text=_clipped(text),
            folded=_clipped(folded),
            files=files,
            automatic=_is_automatic(message) or self._is_ours(sender),
            vouched=bool(self.authserv) and _is_vouched(message, self.authserv, sender),
        )

    def _is_ours(self, sender: str) -> bool:
        return sender == self.mail_from.lower() or sender.endswith(f"@{self.reply_domain.lower()}")


class _Part(EmailMessage):
    """One of few headers."""

    def set_raw(self, name: str, value: str) -> None:
        """Take a header from the parser."""
        if len(self) >= HEADERS_MAX:
            raise Unreadable
        super().set_raw(name, value)


def _parsed(content: bytes) -> EmailMessage:
    if content.count(b"\n") > LINES_MAX:
        raise Unreadable
    numbers = itertools.count(1)

    def part(policy: Any = None) -> EmailMessage:
        if next(numbers) > PARTS_MAX:
            raise Unreadable
        return _Part(policy)

    parser: Any = BytesFeedParser(policy=_Policy(message_factory=part))
    until = time.thread_time() + READ_S
    for at in range(0, len(content), CHUNK):
        parser.feed(content[at : at + CHUNK])
        if time.thread_time() > until:
            raise Unreadable
    message: EmailMessage = parser.close()
    return message


def _said(message: Message, name: str) -> list[str]:
    """What a header says, each time that it is there, unfolded."""
    return [" ".join(str(value).split()) for key, value in message.raw_items() if key.lower() == name]


def _sender(message: EmailMessage) -> str:
    """The one address that it is from."""
    named = _said(message, "from")
    if len(named) != 1:
        return ""
    try:
        header: Any = policy.default.header_factory("From", named[0])
        [address] = header.addresses
    except Exception:  # noqa: BLE001 - what cannot be read names nobody
        return ""
    sender = str(address.addr_spec).lower()
    # In so many letters: what is an address only once it is decoded, others read differently.
    return sender if is_address(sender) and sender in named[0].lower() else ""


def _is_automatic(message: EmailMessage) -> bool:
    """Whether no person wrote it (RFC 3834)."""
    if any(value.partition(";")[0].strip().lower() not in ("", "no") for value in _said(message, "auto-submitted")):
        return True
    if any(value.lower() in _BULK for value in _said(message, "precedence")):
        return True
    if any(_said(message, name) for name in ("x-autoreply", "x-autorespond", "x-autoresponse", "list-unsubscribe")):
        return True
    # From nobody who would have an answer; the first says what the envelope said.
    return _said(message, "return-path")[:1] == ["<>"] or message.get_content_type() == "multipart/report"


def _is_vouched(message: EmailMessage, authserv: str, sender: str) -> bool:
    """Whether the server before us found the sender's domain behind it: by its own word, which stands before others'."""
    for said in _said(message, "authentication-results"):
        results = [part.strip() for part in re.sub(r"\([^()]*\)", " ", said).lower().split(";")]
        if results[0].split()[:1] == [authserv.lower()]:
            return any(_passes(result, sender.partition("@")[2]) for result in results[1:])
    return False


def _passes(result: str, domain: str) -> bool:
    words = re.sub(r"\s*=\s*", "=", result).split()
    named = [word.partition("=")[2] for word in words if word.startswith("header.from=")]
    return "dmarc=pass" in words and named in ([], [domain])


def _words(message: EmailMessage) -> str:
    """What there is to read: plain text if there is any, else what its page says."""
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        if part is None:
            continue
        content = part.get_payload(decode=True)
        raw = content[:TEXT_BYTES] if isinstance(content, bytes) else b""
        text = _decoded(raw, part.get_content_charset() or "utf-8")
        if (seen := _seen(_of_page(text) if kind == "html" else text)).strip():
            return seen
    return ""


def _decoded(raw: bytes, charset: str) -> str:
    try:
        if codecs.lookup(charset).name in _NO_CHARSETS:
            charset = "utf-8"
        return raw.decode(charset, errors="replace")
    except (LookupError, ValueError):
        return raw.decode("utf-8", errors="replace")


def _of_page(page: str) -> str:
    """The words of a page, what it quotes with a ">" before each line."""
    root: Any = etree.HTML(
        page.replace("\x00", ""), etree.HTMLParser(no_network=True, remove_comments=True, remove_pis=True)
    )
    if root is None:
        return ""
    lines, line, quoted, unseen = [], "", 0, 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        opens, tag = event == "start", str(element.tag)
        if tag in _BLOCKS or (tag == "br" and opens):
            lines.append("> " * bool(quoted) + " ".join(line.split()))
            line = ""
        if tag == "blockquote":
            quoted += 1 if opens else -1
        if tag in _UNSEEN:
            unseen += 1 if opens else -1
        said = element.text if opens else element.tail
        if not unseen and said:
            line += said
    lines.append(" ".join(line.split()))
    return "\n".join(lines)


def _seen(text: str) -> str:
    """What can be seen of it, in lines; nothing that turns the direction of what stands beside it."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(c if c.isprintable() or c in "\n\u200c\u200d" else " " if c.isspace() else "" for c in lines)


def _clipped(text: str) -> str:
    text = texts.cleaned(text.strip("\n"), texts.LINES, len(text))
    return text if len(text) <= WORDS_MAX else f"{text[: WORDS_MAX - 2]} {BLANK}"


def _files(message: EmailMessage) -> Iterator[Message]:
    """What came beside the words, but for pictures in them."""
    for part in message.walk():
        if part.is_multipart() or not isinstance(part, EmailMessage):
            continue
        if part.is_attachment() or (part.get_filename() and not _said(part, "content-id")):
            yield part


def _report(message: EmailMessage) -> Report | None:
    """What it reports; None if it is no report of a mail's delivery, or of what its reader thinks of it."""
    if message.get_content_type() != "multipart/report":
        return None
    parts = [part for part in message.iter_parts() if isinstance(part, EmailMessage)]
    for part in parts:
        match part.get_content_type():
            case "message/delivery-status":
                return Report(refusals=tuple(_refusals(part)))
            case "message/feedback-report":
                said = {value.lower() for block in _blocks(part) for value in _said(block, "feedback-type")}
                return Report(complaint=bool(said & _COMPLAINTS))
    return None


def _refusals(part: EmailMessage) -> Iterator[Refusal]:
    for block in _blocks(part):
        status, action = _said(block, "status")[:1], _said(block, "action")[:1]
        if not status or not status[0].startswith("5.") or [word.lower() for word in action] != ["failed"]:
            continue
        named = [*_said(block, "original-recipient")[:1], *_said(block, "final-recipient")[:1]]
        addresses = frozenset(value.partition(";")[2].strip().strip("<>").lower() for value in named)
        yield Refusal(addresses, code_of(" ".join(_said(block, "diagnostic-code")[:1])))


def _blocks(part: EmailMessage) -> list[Message]:
    """The fields of a report, as the parser reads them: heads of messages without a body."""
    payload = part.get_payload()
    return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []
