"""What people read on documents and their pages, in their language: words, dates and numbers; a file each language."""

import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, localcontext
from functools import cache
from importlib.resources import files
from typing import Any, Final

from babel import Locale
from babel.dates import format_date
from babel.numbers import NumberPattern, parse_pattern

from services.kernel.refusals import Invalid, quoted

_LOCALES: Final = {"en": "en_GB", "de": "de_DE", "fr": "fr_FR", "sv": "sv_SE"}
_DECIMALS: Final = 40  # as many digits as a reader takes before a number's point, and after
LANGUAGES: Final = tuple(_LOCALES)
ENGLISH: Final = "en"
# The language that is read in a buyer's country; English in all others.
_BY_COUNTRY: Final = {
    **dict.fromkeys(("DE", "AT", "CH", "LI"), "de"),
    **dict.fromkeys(("FR", "LU", "MC"), "fr"),
    **dict.fromkeys(("SE", "AX"), "sv"),
}


def language_of(country: str) -> str:
    """The language for a buyer of a country."""
    return _BY_COUNTRY.get(country, ENGLISH)


@cache
def texts(language: str) -> Mapping[str, Any]:
    """All of a language's words by their keys, those of units apart."""
    return tomllib.loads(files(__package__).joinpath(f"{language}.toml").read_text(encoding="utf-8"))


@cache
def _pattern(places: int) -> NumberPattern:
    """So many decimals, and as many more as the number has."""
    return parse_pattern("#,##0." + "0" * places + "#" * _DECIMALS)


class Words:
    """One language."""

    def __init__(self, language: str) -> None:
        if language not in _LOCALES:
            raise Invalid(
                "document.unknown_language",
                f"{quoted(language)} is no language of documents; there are: {', '.join(LANGUAGES)}",
            )
        self.language = language
        self._texts = texts(language)
        self._locale = Locale.parse(_LOCALES[language])

    def __getitem__(self, key: str) -> str:
        return str(self._texts[key])

    def say(self, key: str, **values: str) -> str:
        """A sentence about these values."""
        return self[key].format(**values)

    def get(self, key: str) -> str | None:
        """A word that only some codes have."""
        return self._texts.get(key)

    def unit(self, code: str) -> str:
        """A unit of measure; the code itself if we have no word for it."""
        return str(self._texts["units"].get(code, code))

    def day(self, value: date) -> str:
        """Such as 2. März 2026."""
        return format_date(value, format="long", locale=self._locale)

    def amount(self, value: Decimal, places: int) -> str:
        """Money, with the decimals of its currency, or with more if it has more."""
        return self._number(value, places)

    def number(self, value: Decimal) -> str:
        """A quantity or a percentage, with the decimals that say something."""
        return self._number(value.normalize() if value else Decimal(0), 0)

    def _number(self, value: Decimal, places: int) -> str:
        with localcontext(prec=3 * _DECIMALS):
            return str(_pattern(places).apply(value, self._locale, decimal_quantization=False))

    def country(self, code: str) -> str:
        """A country's name, or its code if nobody knows it."""
        return str(self._locale.territories.get(code, code))
