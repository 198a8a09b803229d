"""Writes a short mail that leads to one page: a link into the portal, or a notice of what happened there."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifications.domain.contacts import Contact
from services.notifications.letters import mime
from services.notifications.texts.catalogue import catalogue


@dataclass(frozen=True, slots=True)
class Short:
    """What it says: before its button, on it, and after it."""

    # "link_sign_in", "notice_order_waits" …
    kind: str
    subject: str
    before: Sequence[str]
    act: str
    url: str
    after: Sequence[str] = ()


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def write(said: Short, *, to: Contact, seller: str, id_: tuple[str, str], sender: str, domain: str) -> bytes:
    """The mail's bytes; of the same tenant and id always with the same Message-ID, so that a repeat can be dropped."""
    words = catalogue(to.language)
    values = {
        "language": words.language,
        "greeting": words.common("greeting", name=to.name),
        "subject": said.subject,
        "before": said.before,
        "act": said.act,
        "url": said.url,
        "after": said.after,
    }
    text = _environment().get_template("short.txt").render(values)
    html = _environment().get_template("short.html").render(values)
    digest = hashlib.sha256("\0".join(id_).encode()).hexdigest()
    headers = {
        "Message-ID": f"<{digest}@{domain}>",
        "Date": format_datetime(datetime.now(UTC)),
        "From": mime.mailbox(seller, sender),
        "To": mime.mailbox(to.name, to.email),
        "Subject": mime.unstructured(said.subject),
        **mime.AUTOMATIC,
        "Feedback-ID": mime.feedback_id(said.kind, to.tenant, "NOTICE"),
        "Content-Language": words.language,
    }
    return mime.message(headers, mime.multipart("alternative", [mime.text(text, "plain"), mime.text(html, "html")]))
