"""A language's sentences: one TOML file each, every sentence a Jinja template, amounts and dates as people write them."""

import functools
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from jinja2 import Environment, StrictUndefined, Template

from services.kernel import checked, credit_reasons
from services.kernel.money import Money

_FOLDER = Path(__file__).parent
_NEXT = "\0"  # between two sentences of a kind: stands in no text that a database keeps
REMEMBERED = 4096  # amounts, days and sentences that come again and again: one order's amount in all that is told of it


class Catalogue:
    """What can be said in one language. Sentences are plain text: whatever shows them as HTML escapes them there."""

    def __init__(self, language: str) -> None:
        """Read the language's file."""
        self.language = language
        with (_FOLDER / f"{language}.toml").open("rb") as file:
            self._entries: dict[str, dict[str, str]] = tomllib.load(file)
        self.locale = Locale.parse(self._entries["common"]["locale"])
        # Not HTML yet: escaping here would show "&amp;" in a plain-text mail and in its subject.
        self._environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - plain text
        self._environment.filters.update(
            money=self.money,
            day=self.day,
            listed=self.listed,
            role=self.role,
            roles=lambda names: self.listed(self.role(name) for name in names),
            reasons=lambda codes: self.listed(self._word("reasons", code) for code in codes),
            refusal=self.refusal,
            facts=lambda keys: self.listed(map(self.fact, keys)),
            credit_reasons=self.credit_reasons,
            checked=self.checked,
            hold_reason=lambda code: self._entries["hold_reasons"].get(code) or self._entries["hold_reasons"]["other"],
            step=lambda code: self._word("steps", code),
            asked=self.asked,
            factor=lambda code: self._word("factors", code),
            dispute_reason=lambda code: self._word("dispute_reasons", code or "OTH"),
        )
        self._templates: dict[str, Template] = {}
        # What is said the same whatever happened, by its name.
        self.constant = {part: text for part, text in self._entries["common"].items() if "{" not in text}

    def tell(self, kind: str, values: Mapping[str, Any]) -> dict[str, str]:
        """Fill in all sentences of a kind of story; a value that is missing is a defect, not an empty word.

        They are one template: rendering it costs hardly more than rendering one of them.
        """
        parts = self._entries[kind]
        said = self._template(kind, _NEXT.join(parts.values())).render(values).split(_NEXT)
        return dict(zip(parts, said, strict=True))

    def common(self, part: str, **values: Any) -> str:
        """A word or sentence that belongs to no kind of story."""
        if (word := self.constant.get(part)) is not None:
            return word
        return self._template(f"common/{part}", self._entries["common"][part]).render(values)

    def _template(self, name: str, source: str) -> Template:
        """Each is compiled once."""
        if (template := self._templates.get(name)) is None:
            template = self._templates[name] = self._environment.from_string(source)
        return template

    def parts(self, entry: str) -> frozenset[str]:
        """Which sentences there are for a kind of story."""
        return frozenset(self._entries[entry])

    def money(self, amount: Money) -> str:
        """An amount with its currency, every decimal that it has."""
        return _money(self.language, amount.minor, amount.currency)

    def day(self, value: date) -> str:
        """A date with the month in words, so that nobody takes the day for the month."""
        return _day(self.language, value)

    def next_update(self, at: date, told_on: date) -> str:
        """Until when people hear again of what they were told on a day."""
        return _next_update(self.language, at if at > told_on else None)

    def listed(self, items: Iterable[str]) -> str:
        """One or several, separated by semicolons: the parts may hold commas."""
        return "; ".join(items)

    def role(self, name: str) -> str:
        """A role as people call it."""
        return self._entries["roles"][name]

    def refusal(self, code: str, message: str) -> str:
        """Why something was not taken: in this language where we know the code, else as whoever refused it put it."""
        return self._entries["refusals"].get(code) or message

    def asked(self, topic: str) -> str:
        """A question that people are asked."""
        return self._entries["questions"][topic]

    def answer(self, topic: str, value: int) -> str:
        """What one of its buttons says."""
        return self._entries["answers"].get(f"{topic}_{value}") or self._entries["answers"][f"ANY_{value}"]

    def fact(self, key: str) -> str:
        """What a datum about a company is called; one of a policy's own as it is written there."""
        return self._entries["facts"].get(key) or key.replace("_", " ")

    def credit_reasons(self, reasons: Iterable[str]) -> str:
        """Why a decision on credit came out so and what changes it, sentence by sentence; where figures are missing, its subject."""
        return " ".join(self._credit_reason(*json.loads(reason)) for reason in reasons)

    def _credit_reason(self, code: str, figures: Mapping[str, str]) -> str:
        short = self._entries["credit_reasons"].get(code.partition("_")[0], "")
        if code not in credit_reasons.CODES or not credit_reasons.figures(code).keys() <= figures.keys():
            return f"{short}." if short else ""
        said = credit_reasons.say(self.language, code, figures, self._said)
        return f"{said.because} {said.change}"

    def checked(self, facts: Iterable[str]) -> str:
        """What was looked at in a case, and what it says; what more there is stands at the end as it is."""
        return self.listed(said for fact in facts if (said := self._fact_checked(fact)))

    def _fact_checked(self, fact: str) -> str:
        if not fact.startswith("["):
            return fact
        code, figures = json.loads(fact)
        words = checked.say(self.language, code, figures, self._said)
        return f"{words.looked}: {words.says}" if words else ""

    @property
    def _said(self) -> Mapping[str, Callable[[str], str]]:
        """How the figures of a reason are written, each read from a fact's text."""
        return {
            "money": lambda text: self.money(Money.of(Decimal(text.split(" ")[0]), text.split(" ")[1])),
            "day": lambda text: self.day(date.fromisoformat(text)),
            "listed": lambda text: self.listed(map(self.fact, text.split())),
            "number": lambda text: format_decimal(
                Decimal(text).normalize(), locale=self.locale, decimal_quantization=False
            ),
        }

    def _word(self, table: str, code: str) -> str:
        """What a stable code means; one that is new to us is shown as it is."""
        return self._entries[table].get(code, code)


@functools.cache
def catalogue(language: str) -> Catalogue:
    """The language's catalogue, read once."""
    return Catalogue(language)


@functools.lru_cache(REMEMBERED)
def _money(language: str, minor: int, currency: str) -> str:
    amount = Money(minor, currency).decimal
    return format_currency(amount, currency, locale=catalogue(language).locale, decimal_quantization=False)


@functools.lru_cache(REMEMBERED)
def _day(language: str, value: date) -> str:
    written = format_date(value, "long", locale=catalogue(language).locale)
    return written.replace("1 ", "1er ", 1) if language == "fr" and value.day == 1 else written


@functools.lru_cache(REMEMBERED)
def _next_update(language: str, at: date | None) -> str:
    words = catalogue(language)
    return words.common("next_update_by", next_update_at=at) if at else words.common("next_update_none")
