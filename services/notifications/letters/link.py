"""Writes the mail of a link into the portal."""

import hashlib
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifications.letters import mime
from services.notifications.texts.catalogue import catalogue


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


def write(one: Any, *, sender: str, domain: str) -> bytes:
    """The mail's bytes; `one` has link, person, seller and inviter (links.py)."""
    words = catalogue(one.person.language)
    kind = "link_invitation" if one.link.kind == "INVITATION" else "link_sign_in"
    seller = one.seller or sender.partition("@")[2]
    said = words.tell(kind, {"seller": seller, "inviter": one.inviter or seller, "minutes": one.link.minutes})
    values = {
        "language": words.language,
        "greeting": words.common("greeting", name=one.person.name),
        "url": one.link.url,
        **said,
    }
    text = _environment().get_template("link.txt").render(values)
    html = _environment().get_template("link.html").render(values)
    digest = hashlib.sha256(f"{one.link.tenant}\0{one.link.link_id}".encode()).hexdigest()
    headers = {
        "Message-ID": f"<{digest}@{domain}>",
        "Date": format_datetime(datetime.now(UTC)),
        "From": mime.mailbox(seller, sender),
        "To": mime.mailbox(one.person.name, one.person.email),
        "Subject": mime.unstructured(said["subject"]),
        "Auto-Submitted": "auto-generated",
        "Content-Language": words.language,
    }
    return mime.message(headers, mime.multipart("alternative", [mime.text(text, "plain"), mime.text(html, "html")]))
