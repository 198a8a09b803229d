"""Writes a mail of one message, or the digest of a day's messages."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from services.notifications.documents import Document
from services.notifications.domain.feedback import choices
from services.notifications.domain.matrix import Weight
from services.notifications.letters import mime, portal
from services.notifications.store import Mail
from services.notifications.texts.catalogue import Catalogue, catalogue

_FOLDER = Path(__file__).parent
_MEDIA_TYPE = re.compile(r"[a-z0-9]{1,40}/[a-z0-9.+-]{1,60}")
FILE_NAME_MAX = 100  # from its end, where the kind of file stands


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


def write(
    mail: Mail, enclosed: Sequence[Document], *, sender: str, domain: str, portal_url: str = "", hears: bool = False
) -> bytes:
    """The mail's bytes: of the same mail always the same.

    Where there is a portal, it leads there too; `hears`: mail to the domain comes to us.
    """
    words = catalogue(mail.language)
    subject = _subject(mail, words)
    declining = _declining(mail, domain, portal_url, hears=hears)
    values = {
        "words": words,
        "subject": subject,
        "greeting": words.common("greeting", name=mail.name),
        "single": mail.messages[0] if _is_single(mail) else None,
        "asked": _asked(mail, portal_url),
        "cases": _cases(_each_once(mail)),
        "follow": partial(portal.link, portal_url),
        "question": partial(_question, mail, portal_url, words),
        "decline": declining[0] if declining else "",
    }
    text = _environment().get_template("mail.txt").render(values, t=words.constant)
    html = _environment().get_template("mail.html").render(values, t=_escaped(mail.language))
    read = mime.multipart("alternative", [mime.text(text, "plain"), mime.text(html, "html")])
    saved = [mime.attachment(d.content, _media_type(d), _file_name(d)) for d in enclosed]
    headers = _headers(mail, subject, sender, domain) | mime.unsubscribing(declining)
    headers["Content-Language"] = words.language
    return mime.message(headers, mime.multipart("mixed", [read, *saved]) if saved else read)


@cache
def _escaped(language: str) -> dict[str, Markup]:
    return {part: escape(text) for part, text in catalogue(language).constant.items()}


def message_id(mail: Mail, domain: str) -> str:
    """Made of contact and fact: after a crash the same mail has the same, and a receiver can drop the repeat."""
    digest = hashlib.sha256("\0".join(mail.mail_key).encode()).hexdigest()
    return f"<{digest}@{domain}>"


def _headers(mail: Mail, subject: str, sender: str, domain: str) -> dict[str, str]:
    first = mail.messages[0]
    tracks = {row.track_url.removeprefix("mailto:") for row in (*mail.messages, *mail.carried)}
    return {
        "Message-ID": message_id(mail, domain),
        "Date": format_datetime(mail.due_at),
        "From": mime.mailbox(first.sender, sender),
        "To": mime.mailbox(mail.name, mail.email),
        # A digest of several cases takes replies where it comes from: a wrong case would be worse than none.
        "Reply-To": tracks.pop() if len(tracks) == 1 else sender,
        "Subject": mime.unstructured(subject),
        **mime.AUTOMATIC,
        "List-Id": f"<{mail.tenant}.notifications.{domain}>",
        "Feedback-ID": mime.feedback_id(_campaign(mail), mail.tenant, first.weight),
    }


def _campaign(mail: Mail) -> str:
    """What a provider that counts complaints counts them by: what happened, or that it is a digest."""
    return str(mail.messages[0].event_type.rpartition(".")[2]) if _is_single(mail) else "Digest"


def _declining(mail: Mail, domain: str, portal_url: str, *, hears: bool) -> list[str]:
    """Where its reader declines mail of its kind, on a page and by mail; nothing of what nobody may decline.

    That is whatever asks something of somebody, and a document, which the law has us deliver (RULES: declining).
    """
    messages = (*mail.messages, *mail.carried)
    if not mail.decline_token or any(row.weight == Weight.ACT or row.document for row in messages):
        return []
    pages = [f"{portal.root(portal_url, mail.tenant)}/by-mail/{mail.decline_token}"] if portal_url else []
    return [*pages, *([f"mailto:decline+{mail.decline_token}@{domain}"] if hears else [])]


def _subject(mail: Mail, words: Catalogue) -> str:
    first = mail.messages[0]
    if _is_single(mail):
        return str(first.subject)
    return words.common("digest_subject", seller=first.sender, date=first.told_on)


def _is_single(mail: Mail) -> bool:
    """Whether it carries one message by itself, not a day's digest."""
    return not mail.key.startswith("digest/")


def _each_once(mail: Mail) -> list[Any]:
    """What its readers heard of, each fact once though several of them heard of it."""
    return list({row.fact: row for row in (*mail.carried, *mail.messages)}.values())


def _asked(mail: Mail, portal_url: str) -> list[tuple[str, str, str]]:
    """What is asked, and where it is done, by a reply and on its page: one thing, unless the address stands for two."""
    rows = (mail.messages[0], *mail.carried)
    asked = {row.action: (row.action, row.action_link, portal.link(portal_url, row)) for row in rows if row.action}
    return list(asked.values())


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question as it is read: its words, and each answer with its link."""

    words: str
    answers: Sequence[tuple[str, str]]


def _question(mail: Mail, portal_url: str, words: Catalogue, row: Any) -> _Asked | None:
    """What is asked with a message; a link answers nothing by being opened: its page has the button."""
    asked = mail.questions.get(row.message_id)
    if asked is None:
        return None
    return _Asked(
        words.asked(asked.topic),
        [
            (
                words.answer(asked.topic, value),
                f"{portal.root(portal_url, row.tenant)}/asked/{asked.token}?answer={value}",
            )
            for value in choices(asked.topic)
        ],
    )


def _cases(messages: Sequence[Any]) -> list[list[Any]]:
    """A digest's messages by case, cases with news to act on before mere completeness, each in order."""
    by_case = sorted(messages, key=lambda row: (row.about, row.message_id))
    cases = [list(rows) for _, rows in groupby(by_case, key=lambda row: row.about)]
    return sorted(cases, key=lambda rows: all(row.weight == Weight.DIGEST for row in rows))


def _media_type(document: Document) -> str:
    """What invoicing calls it, if that can stand in a header."""
    media_type = document.media_type.partition(";")[0].strip()
    return media_type if _MEDIA_TYPE.fullmatch(media_type) else "application/octet-stream"


def _file_name(document: Document) -> str:
    name = "".join(c for c in document.file_name if c.isprintable() and c not in '/\\"')
    return name[-FILE_NAME_MAX:] or "document.xml"
