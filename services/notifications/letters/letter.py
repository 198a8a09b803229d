"""Writes a mail of one message, or the digest of a day's messages."""

import hashlib
from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifications.documents import Document
from services.notifications.domain.matrix import Weight
from services.notifications.store import Mail
from services.notifications.texts.catalogue import Catalogue, catalogue

_FOLDER = Path(__file__).parent


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def write(mail: Mail, enclosed: Sequence[Document], *, sender: str, domain: str) -> bytes:
    """The mail's bytes."""
    words = catalogue(mail.language)
    message = EmailMessage(policy=SMTP)
    _address(message, mail, words, sender, domain)
    template = "message" if _is_single(mail) else "digest"
    values = {
        "words": words,
        "subject": str(message["Subject"]),
        "name": mail.name,
        "messages": mail.messages,
        "cases": _cases(mail.messages),
    }
    text = _environment().get_template(f"{template}.txt").render(values)
    html = _environment().get_template(f"{template}.html").render(values)
    # Quoted-printable: seven bits and short lines, so that no server on the way has to change it.
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    for document in enclosed:
        main, _, sub = document.media_type.partition(";")[0].strip().partition("/")
        message.add_attachment(
            document.content, maintype=main or "application", subtype=sub or "xml", filename=_file_name(document)
        )
    message["Content-Language"] = words.language  # last: building the parts would move it into the first of them
    return message.as_bytes()


def message_id(mail: Mail, domain: str) -> str:
    """Made of contact and fact: after a crash the same mail has the same, and a receiver can drop the repeat."""
    digest = hashlib.sha256("\0".join(mail.mail_key).encode()).hexdigest()
    return f"<{digest}@{domain}>"


def _address(message: EmailMessage, mail: Mail, words: Catalogue, sender: str, domain: str) -> None:
    first = mail.messages[0]
    tracks = {row.track_url.removeprefix("mailto:") for row in mail.messages}
    message["Message-ID"] = message_id(mail, domain)
    message["Date"] = format_datetime(mail.due_at)
    message["From"] = Address(first.sender, addr_spec=sender)
    message["To"] = Address(mail.name, addr_spec=mail.email)
    # A digest of several cases takes replies where it comes from: a wrong case would be worse than none.
    message["Reply-To"] = tracks.pop() if len(tracks) == 1 else sender
    message["Subject"] = (
        first.subject if _is_single(mail) else words.common("digest_subject", seller=first.sender, date=first.told_on)
    )
    message["Auto-Submitted"] = "auto-generated"
    message["List-Id"] = f"<{mail.tenant}.notifications.{domain}>"


def _is_single(mail: Mail) -> bool:
    """Whether it carries one message by itself, not a day's digest."""
    return not mail.key.startswith("digest/")


def _cases(messages: Sequence[Any]) -> list[list[Any]]:
    """A digest's messages by case, cases with news to act on before mere completeness, each in order."""
    by_case = sorted(messages, key=lambda row: (row.about, row.message_id))
    cases = [list(rows) for _, rows in groupby(by_case, key=lambda row: row.about)]
    return sorted(cases, key=lambda rows: all(row.weight == Weight.DIGEST for row in rows))


def _file_name(document: Document) -> str:
    return "".join(c for c in document.file_name if c.isprintable() and c not in '/\\"') or "document.xml"
