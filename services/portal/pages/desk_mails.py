"""Each mail as people get it, in each language, of a sample: the seller's people see what is said in their name."""

import base64
import hashlib
import re
from typing import Any

from babel import Locale
from fastapi.responses import HTMLResponse, Response
from receivables.notifications.v1 import letters_pb2

from services.portal.domain.people import SELLER_ROLES, Guard
from services.portal.looks import LANGUAGES
from services.portal.web import CSP, Ask, get

READS = Guard(SELLER_ROLES - {"LOGISTICS", "QUALITY"})
_STYLE = re.compile("<style>(.*?)</style>", re.DOTALL)


@get("/desk/mails", READS)
async def mails(ask: Ask) -> Response:
    """All, by what their subjects say."""
    language = _language(ask)
    found = await _listed(ask, language)
    return ask.show("desk_mails.html", letters=found.letters, language=language, languages=_languages(ask, found))


@get("/desk/mails/{kind}", READS)
async def mail(ask: Ask) -> Response:
    """One: its head, its page in a frame, the same in plain text."""
    language = _language(ask)
    shown = await _preview(ask, language)
    listed = await _listed(ask, language)
    answer = ask.show(
        "desk_mail.html",
        shown=shown,
        kind=ask.path("kind"),
        others=[one for one in listed.letters if one.kind == ask.path("kind")],
        language=language,
        languages=_languages(ask, listed),
    )
    answer.headers["content-security-policy"] = f"{CSP}; frame-src 'self'"
    return answer


@get("/desk/mails/{kind}/mail.html", READS)
async def page(ask: Ask) -> Response:
    """Its page alone, which the frame shows: nothing runs there, and nothing is fetched."""
    shown = await _preview(ask, _language(ask))
    styles = " ".join(f"'sha256-{_hash_of(style)}'" for style in _STYLE.findall(shown.html))  # each mail has one
    policy = f"default-src 'none'; style-src {styles}; form-action 'none'; base-uri 'none'; sandbox"
    return HTMLResponse(shown.html, headers={"content-security-policy": f"{policy}; frame-ancestors 'self'"})


async def _listed(ask: Ask, language: str) -> Any:
    """All mails; the first time that a language is asked for they are written."""
    return await ask.of.patiently().letters("ListLetters", letters_pb2.ListLettersRequest(language=language))


async def _preview(ask: Ask, language: str) -> Any:
    nth = ask.query("nth")
    request = letters_pb2.PreviewLetterRequest(
        kind=ask.path("kind"),
        language=language,
        nth=int(nth) if nth.isascii() and nth.isdecimal() and len(nth) < 4 else 0,
    )
    return await ask.of.letters("PreviewLetter", request)


def _hash_of(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _language(ask: Ask) -> str:
    """The one that is looked at; else the reader's."""
    wanted = ask.query("language")
    return wanted if wanted in LANGUAGES else ask.words.html


def _languages(ask: Ask, found: Any) -> list[tuple[str, str]]:
    """In which there are mails: code, and how the reader calls it."""
    return [(code, str(Locale.parse(code).get_language_name(ask.words.locale))) for code in found.languages]
