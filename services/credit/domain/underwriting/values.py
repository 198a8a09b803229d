"""Facts as a policy knows them: their kinds, and how they are read and written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from enum import StrEnum

from services.credit.domain.underwriting.exact import EXACT, LARGEST
from services.kernel.calendars import day
from services.kernel.money import Money, decimal, exponent
from services.kernel.refusals import Invalid, Refusal, quoted

TEXT_MAX = 2000  # characters, as the contract says of a fact's value
LINE_MAX = 200  # characters, as the contract says of a figure and of a signal
COUNT_MAX = 1_000_000_000
DAYS_MAX = 100_000
FLAGS = {"true": True, "false": False}

# A number is a Decimal whatever it counts; money is in major units of the application's currency; a document is its id.
Value = Decimal | bool | str | date
# A key that is not there, or is None: not known.
Facts = Mapping[str, Value | None]


class Kind(StrEnum):
    """What a fact says, which decides what it can be compared with."""

    MONEY = "money"
    RATIO = "ratio"
    COUNT = "count"
    DAYS = "days"
    FLAG = "flag"
    TEXT = "text"
    DATE = "date"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class FactKind:
    """What a policy declares of a fact."""

    key: str
    kind: Kind
    # None: it holds until somebody says otherwise.
    valid_days: int | None = None
    # About a person: on no topic, forgotten with them.
    personal: bool = False
    # The applicant may say it; otherwise only a source, a check or a document does.
    given: bool = False
    # Never told to the applicant, not even as a figure of a reason.
    secret: bool = False
    # The texts that go; empty: any.
    choices: tuple[str, ...] = ()
    # None: no bound but the kind's own. Of money in the policy's currency.
    least: Decimal | None = None
    most: Decimal | None = None


def parse_value(kind: FactKind, text: str, currency: str) -> Value:
    """Read a fact's value from its text; refuse what is no value of its kind."""
    try:
        with localcontext(EXACT):
            value = _read(kind, text, currency)
    except Refusal as refused:
        raise Invalid("fact.value", f"{kind.key}: {refused.message}") from refused
    if kind.choices and text not in kind.choices:
        raise Invalid("fact.value", f"{kind.key} is one of {', '.join(kind.choices)}, not {quoted(text)}")
    if isinstance(value, Decimal) and kind.kind is not Kind.MONEY:
        if kind.least is not None and value < kind.least:
            raise Invalid("fact.value", f"{kind.key} is at least {kind.least}")
        if kind.most is not None and value > kind.most:
            raise Invalid("fact.value", f"{kind.key} is at most {kind.most}")
    return value


def write_value(kind: Kind, value: Value, currency: str) -> str:
    """A value as the text that parse_value reads."""
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal() if kind is Kind.MONEY:
            return str(Money.of(value, currency))
        case Decimal():
            return plain(value)
        case date():
            return value.isoformat()
    return value


def one_line(text: str) -> str:
    """As much of a text as a line that is told has, without what cannot be seen."""
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable())[:LINE_MAX]


def plain(number: Decimal) -> str:
    """A decimal without exponent and without idle zeros: the same number is always the same text."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _read(kind: FactKind, text: str, currency: str) -> Value:
    match kind.kind:
        case Kind.MONEY:
            return _money(kind, text, currency)
        case Kind.RATIO:
            return _ratio(text)
        case Kind.COUNT | Kind.DAYS:
            return _whole(text, COUNT_MAX if kind.kind is Kind.COUNT else DAYS_MAX)
        case Kind.FLAG:
            if text not in FLAGS:
                raise Invalid("fact.value", f'"true" or "false", not {quoted(text)}')
            return FLAGS[text]
        case Kind.DATE:
            return day(text, what="the day")
    if not text.strip() or len(text) > TEXT_MAX:
        raise Invalid("fact.value", f"a text of 1 to {TEXT_MAX} characters")
    return text


def _money(kind: FactKind, text: str, currency: str) -> Decimal:
    """Money as "1200.00 EUR", in the application's currency, with no more decimals than it has."""
    number, _, said = text.partition(" ")
    amount = decimal(number, what="the amount")
    if said != currency:
        raise Invalid("fact.value", f"an amount in {currency}, such as 1200 {currency}, not {quoted(text)}")
    if Money.of(amount, currency).decimal != amount:
        raise Invalid("fact.value", f"{currency} has {exponent(currency)} decimals")
    if kind.least is not None and amount < kind.least:
        raise Invalid("fact.value", f"at least {kind.least} {currency}")
    return amount


def _ratio(text: str) -> Decimal:
    number = decimal(text, what="a ratio")
    if abs(number) >= LARGEST:
        raise Invalid("fact.value", "a ratio that large says nothing")
    return number


def _whole(text: str, most: int) -> Decimal:
    number = decimal(text, what="the number")
    if number != number.to_integral_value() or not 0 <= number <= most:
        raise Invalid("fact.value", f"a whole number from 0 to {most}, not {quoted(text)}")
    return number
