"""How pages are drawn: templates, a reader's language, amounts and dates as that language writes them, static files."""

import contextlib
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from babel import Locale, dates, numbers, support, units
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from google.protobuf.timestamp_pb2 import Timestamp
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from receivables.common.v1 import standing_pb2
from receivables.credit.v1 import applications_pb2, exposure_pb2, lab_pb2
from receivables.credit.v1 import events_pb2 as credit_events
from receivables.disputes.v1 import events_pb2 as disputes_events
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2

from services.kernel import checked, credit_reasons
from services.kernel.money import Money, exponent
from services.kernel.refusals import Invalid
from services.portal.domain import applications
from services.portal.labels import LABELS, tone
from services.portal.labels_desk import Meant

HERE = Path(__file__).parent
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,18})?", re.ASCII)
# How an amount is written in a field, by its currency's decimals.
_FIELD = ("0", "0.0", "0.00", "0.000")
LANGUAGES = ("en", "de", "fr", "sv")
PSEUDO = "en_XA"  # every text 40 % longer and marked: what is not translated, or does not fit, is seen
RTL = frozenset({"ar", "he", "fa", "ur"})


@dataclass(frozen=True, slots=True)
class Static:
    """A file that pages load: found by a name that has its hash, and so kept by browsers for ever."""

    content: bytes
    media_type: str


_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png"}


def statics(of_others: Path) -> tuple[Mapping[str, Static], Mapping[str, str]]:
    """Our static files and those of others: by hashed name, and the hashed name of each."""
    files: dict[str, Static] = {}
    names: dict[str, str] = {}
    for folder in (of_others, HERE / "static"):
        for file in sorted(folder.glob("*")):
            if file.suffix in _TYPES:
                content = file.read_bytes()
                if folder == of_others and file.suffix == ".css":  # whatever it says, ours counts
                    content = b"@layer others{" + content.removeprefix(b'@charset "UTF-8";') + b"}"
                name = f"{file.stem}.{hashlib.sha256(content).hexdigest()[:16]}{file.suffix}"
                files[name] = Static(content, _TYPES[file.suffix])
                names[file.name] = f"/static/{name}"
    return files, names


def language_of(wanted: str) -> str:
    """The nearest language that we have words in."""
    if wanted == PSEUDO:
        return wanted
    return next((known for known in LANGUAGES if wanted.replace("-", "_").split("_")[0] == known), "en")


@cache
def translations(language: str) -> support.NullTranslations:
    """A language's catalogue, read from its text; English is written in the templates."""
    if language == PSEUDO:
        return _Pseudo()
    file = HERE / "locale" / language / "LC_MESSAGES" / "portal.po"
    if not file.exists():
        return support.NullTranslations()
    compiled = io.BytesIO()
    with file.open(encoding="utf-8") as catalogue:
        write_mo(compiled, read_po(catalogue, locale=language))
    compiled.seek(0)
    return support.Translations(compiled, domain="portal")


_MARKS = str.maketrans("aeiouAEIOU", "åéîøüÅÉÎØÜ")


class _Pseudo(support.NullTranslations):
    """A language for tests."""

    def gettext(self, message: str) -> str:
        return _pseudo(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return _pseudo(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:
        return _pseudo(message)

    ugettext, ungettext = gettext, ngettext


def _pseudo(text: str) -> str:
    """Marked and longer; what is filled in stays as it is."""
    kept, rest = "", text
    while rest:
        before, percent, after = rest.partition("%(")
        name, end, tail = after.partition(")")
        kept += before.translate(_MARKS)
        kept += f"{percent}{name}{end}{tail[:1]}" if percent else ""
        rest = tail[1:] if percent else ""
    return f"[{kept}{'~' * (len(text) * 2 // 5)}]"


class Words:
    """What a language says, and how it writes."""

    def __init__(self, language: str) -> None:
        self.language = language_of(language)
        self.locale = Locale.parse("en" if self.language == PSEUDO else self.language)
        self.html = "en" if self.language == PSEUDO else self.language
        self.direction = "rtl" if self.html in RTL else "ltr"
        self._known = translations(self.language)

    def say(self, text: str, **values: Any) -> str:
        """A text in this language; `%(name)s` is filled in."""
        said = self._known.gettext(text)
        return said % values if values else said

    def label(self, code: str) -> str:
        """A code in words."""
        match LABELS.get(code):
            case None:
                return code.replace("_", " ").lower()
            case Meant(context, text):
                return str(self._known.pgettext(context, text))
            case text:
                return self.say(text)

    def named(self, code: str, kind: str) -> str:
        """A code in words that are those of its kind alone: a "fact", a "term" of a limit, a "lever" …"""
        return self.label(f"{kind} {code}") if f"{kind} {code}" in LABELS else code.replace("_", " ")

    def fact(self, value: str) -> str:
        """What is known of a company, as people read it: an amount, a day, yes or no; else as it was written."""
        if (found := applications.amount(value)) is not None:
            return self.money(found)
        if value in ("true", "false"):
            return self.say("Yes") if value == "true" else self.say("No")
        with contextlib.suppress(ValueError):
            return self.day(date.fromisoformat(value)) if _DAY.fullmatch(value) else value
        return value

    def reason(self, reason: Any) -> credit_reasons.Words:
        """Why a decision came out as it did, as the applicant reads it; shortly, where its figures are not known."""
        figures = {one.name: one.value for one in reason.figures}
        if reason.code not in credit_reasons.CODES or set(credit_reasons.figures(reason.code)) - set(figures):
            return credit_reasons.Words(self.named(reason.code, "reason"), "")
        filters = {"money": self.fact, "day": self.fact, "listed": self._listed}
        return credit_reasons.say(self.language, reason.code, figures, filters)

    def checked(self, fact: Any) -> checked.Words | None:
        """What was looked at in a case, and what it says; None of a fact that has no words here."""
        filters = {"money": self.fact, "day": self.fact, "number": self.number}
        return checked.say(self.language, fact.code, {one.name: one.value for one in fact.figures}, filters)

    def _listed(self, keys: str) -> str:
        return str(format_list([self.named(key, "fact") for key in keys.split()], locale=self.locale))

    def kind(self, about: str) -> str:
        """What a message or a thread is about, in words: an order by its id, the others by their kind."""
        kind, _, name = about.partition("/")
        said = self.label(f"kind {kind}")
        return f"{said} {name}" if kind == "order" else said

    def say_many(self, one: str, many: str, n: int, **values: Any) -> str:
        """The same of a number of things."""
        return self._known.ngettext(one, many, n) % {"num": n, **values}

    def money(self, amount: Any) -> str:
        """An amount: the contract's message, ours, or minor units and a currency."""
        minor, currency = amount if isinstance(amount, tuple) else (amount.minor, amount.currency)
        exact = Money(minor, currency)
        return _money(exact.decimal, exact.currency, str(self.locale))

    def number(self, value: Any) -> str:
        """A decimal number, as a text or exactly."""
        return str(numbers.format_decimal(Decimal(str(value)), locale=self.locale, decimal_quantization=False))

    def typed(self, text: str) -> Decimal:
        """A decimal number as somebody of this language types it; refuse what is none, or could be two."""
        group = str(numbers.get_group_symbol(self.locale))
        if group.isspace():
            text = "".join(group if c.isspace() else c for c in text)
        if not _NUMBER.fullmatch(text.replace(group, "").replace(numbers.get_decimal_symbol(self.locale), ".")):
            raise Invalid("typed.no_number", "that is no number")
        try:
            return numbers.parse_decimal(text, locale=self.locale, strict=True)
        except numbers.NumberFormatError:
            raise Invalid("typed.no_number", "that is no number") from None

    def typed_money(self, text: str, currency: str) -> Money:
        """An amount as somebody of this language types it; refuse what the currency has no coin for."""
        value = self.typed(text)
        amount = Money.of(value, currency)
        if amount.decimal != value:
            raise Invalid("typed.too_fine", "that amount has more decimals than its currency")
        return amount

    def plain(self, amount: Any) -> str:
        """An amount as it stands in a field: without its currency."""
        exact = Money(*amount) if isinstance(amount, tuple) else Money(amount.minor, amount.currency)
        return str(
            numbers.format_decimal(
                exact.decimal, _FIELD[exponent(exact.currency)], locale=self.locale, decimal_quantization=False
            )
        )

    def exact(self, amount: Any) -> str:
        """An amount as files have it: a plain decimal."""
        return str(Money(amount.minor, amount.currency).decimal)

    def share(self, value: Any) -> str:
        """A share of a whole, from 0 to 1, in per cent."""
        return str(numbers.format_percent(Decimal(str(value)), "0.0 %", locale=self.locale))

    def month(self, name: str) -> str:
        """A month ("2026-03")."""
        return str(dates.format_skeleton("yMMM", date.fromisoformat(f"{name}-01"), locale=self.locale))

    def day(self, value: Any) -> str:
        """A date: ISO text, or a moment."""
        if isinstance(value, Timestamp):
            value = value.ToDatetime(tzinfo=UTC)
        if isinstance(value, str):
            if not value:
                return ""
            value = date.fromisoformat(value[:10])
        return str(dates.format_date(value, "medium", locale=self.locale))

    def moment(self, value: Any) -> str:
        """A date and a time of day, UTC."""
        if isinstance(value, Timestamp):
            value = value.ToDatetime(tzinfo=UTC)
        return str(dates.format_datetime(value, "short", tzinfo=UTC, locale=self.locale))

    def age(self, parts: Sequence[tuple[int, str]]) -> str:
        """How old something is, by its parts: (3, "year"), (2, "month")."""
        said = [str(units.format_unit(n, f"duration-{unit}", locale=self.locale)) for n, unit in parts]
        return str(format_list(said, style="unit", locale=self.locale))

    def ago(self, value: Any) -> str:
        """How long ago something was, roughly."""
        if isinstance(value, Timestamp):
            value = value.ToDatetime(tzinfo=UTC)
        return str(dates.format_timedelta(value - datetime.now(UTC), add_direction=True, locale=self.locale))


# The contracts' enums, by the word that their values begin with.
_ENUMS: Mapping[str, Any] = {
    "STATE": disputes_events.State,
    "ORDER_STATE": invoicing_pb2.OrderState,
    "OUTCOME": credit_events.Outcome,
    "VERDICT": disputes_events.Verdict,
    "RESOLUTION": disputes_events.Resolution,
    "ACTION": disputes_pb2.Action,
    "CASE_TRACK": disputes_events.Track,
    "CHANGE": disputes_events.Change,
    "CELL_STEP": disputes_events.CellStep,
    "INVOICE_ON": invoicing_pb2.InvoiceOn,
    "APPLICATION_STATE": applications_pb2.ApplicationState,
    "APPLICATION_OUTCOME": applications_pb2.ApplicationOutcome,
    "TRACK": applications_pb2.Track,
    "TRIAL_STATE": lab_pb2.TrialState,
    "TRIAL_SOURCE": lab_pb2.TrialSource,
    "NUMBER_SOURCE": applications_pb2.NumberSource,
    "CALL_BACK_OUTCOME": applications_pb2.CallBackOutcome,
    "STANDING_KIND": standing_pb2.StandingKind,
    "COMPONENT": exposure_pb2.Component,
    "NODE_KIND": credit_events.NodeKind,
    "SECURITY_KIND": credit_events.SecurityKind,
    "BUYER_STATUS": disputes_events.BuyerStatus,
    "CAUSE_KIND": disputes_events.CauseKind,
    "ACTION_STATE": disputes_events.ActionState,
    "INCIDENT_STATE": disputes_events.IncidentState,
    "INCIDENT_PROGRESS": disputes_events.IncidentProgress,
}


def _name_of(value: int, enum: str) -> str:
    """The code of an enum's value: "STATE_PROPOSED"."""
    return str(_ENUMS[enum].Name(value))


# Where the page of a thing is, by the word that its subject begins with.
_PAGES: Mapping[str, str] = {
    "order": "/orders/",
    "invoice": "/invoices/",
    "dispute": "/disputes/",
    "payment": "/payments/",
    "application": "/credit/application/",
    "review": "/credit?review=",
    "onboarding": "/start?account=",
}


def where(about: str) -> str:
    """The page of what a message or a thread is about ("order/o1"); "" where it has none."""
    kind, _, name = about.partition("/")
    return f"{_PAGES[kind]}{quote(name, safe='')}" if kind in _PAGES and name else ""


# A word of what a browser calls itself, and what people call it; the first that fits.
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def _browser(agent: str) -> str:
    """What people call a browser: "Firefox, Windows"; else what it calls itself."""
    named = [next((name for word, name in known if word in agent), "") for known in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, named)) or agent


@lru_cache(10_000)
def _money(value: Decimal, currency: str, locale: str) -> str:
    return str(numbers.format_currency(value, currency, locale=locale))


class Looks:
    """Draws templates."""

    def __init__(self, static_names: Mapping[str, str]) -> None:
        self._static_names = static_names
        self._environments: dict[str, tuple[Words, Environment]] = {}

    def words(self, language: str) -> Words:
        """A language's words."""
        return self._of(language_of(language))[0]

    def draw(self, template: str, language: str, values: Mapping[str, Any]) -> str:
        """A page."""
        words, environment = self._of(language_of(language))
        return environment.get_template(template).render(values, words=words)

    def _of(self, language: str) -> tuple[Words, Environment]:
        if language not in self._environments:
            words = Words(language)
            environment = Environment(
                loader=FileSystemLoader(HERE / "templates"),
                autoescape=True,
                undefined=StrictUndefined,
                trim_blocks=True,
                lstrip_blocks=True,
                extensions=["jinja2.ext.i18n"],
            )
            environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
            environment.filters.update(
                money=words.money,
                number=words.number,
                checked=words.checked,
                share=words.share,
                month=words.month,
                plain=words.plain,
                day=words.day,
                moment=words.moment,
                ago=words.ago,
                age=words.age,
                label=words.label,
                kind=words.kind,
                named=words.named,
                fact=words.fact,
                reason=words.reason,
                name_of=_name_of,
                where=where,
                tone=tone,
                browser=_browser,
            )
            environment.globals["static"] = lambda name: self._static_names[name]
            self._environments[language] = (words, environment)
        return self._environments[language]
