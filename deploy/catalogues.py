"""`python -m deploy.catalogues`: renews the portal's catalogues from its templates and code, and says what lacks words.

What is translated stays; what nobody says any more goes. Catalogues are text (gettext's .po) and read as they are.
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

PORTAL = Path(__file__).resolve().parents[1] / "services" / "portal"
LANGUAGES = ("de", "fr", "sv")
_METHODS = [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
_OPTIONS = {"templates/**.html": {"trimmed": "false", "silent": "false", "newstyle_gettext": "true"}}
_NO_WORDS = tuple(f'"{name}'.encode() for name in "POT- PO- Project- Report- Last- Language-Team Generated-".split())
_KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "say": None,
    "say_many": (1, 2),
}


def said() -> Catalog:
    """All texts of the portal, as its templates and code have them."""
    catalog = Catalog(project="receivables", charset="utf-8", fuzzy=False)
    found = extract_from_dir(str(PORTAL), _METHODS, options_map=_OPTIONS, keywords=_KEYWORDS, comment_tags=())
    for _file, _line, message, _comments, context in sorted(found, key=lambda one: str(one[2])):
        catalog.add(message, context=context)
    return catalog


def path_of(language: str) -> Path:
    """Where a language's catalogue is."""
    return PORTAL / "locale" / language / "LC_MESSAGES" / "portal.po"


def catalogue(language: str) -> Catalog:
    """A language's catalogue as it is."""
    file = path_of(language)
    if not file.exists():
        return Catalog(locale=language, project="receivables", charset="utf-8", fuzzy=False)
    with file.open("rb") as content:
        return read_po(content, locale=language)


def renew(language: str) -> Catalog:
    """The catalogue with all that is said now."""
    known = catalogue(language)
    known.header_comment = "# The portal in this language; `make locale` renews it."
    known.update(said(), no_fuzzy_matching=True)
    known.obsolete.clear()
    return known


def text_of(catalog: Catalog) -> bytes:
    """As it stands in its file."""
    written = BytesIO()
    write_po(written, catalog, width=120, omit_header=False, sort_output=True, no_location=True, ignore_obsolete=True)
    # Who renewed it when is no change of words.
    lines = [line for line in written.getvalue().split(b"\n") if not line.startswith(_NO_WORDS)]
    return b"\n".join(lines)


def lacking(catalog: Catalog) -> Iterator[str]:
    """What has no words in this language yet."""
    for message in catalog:
        if message.id and (not message.string or (isinstance(message.string, tuple) and not all(message.string))):
            yield str(message.id)


def main() -> None:
    """Renew all."""
    for language in LANGUAGES:
        renewed = renew(language)
        file = path_of(language)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text_of(renewed))
        missing = list(lacking(renewed))
        print(f"{language}: {len(renewed)} texts, {len(missing)} without words")


if __name__ == "__main__":
    main()
