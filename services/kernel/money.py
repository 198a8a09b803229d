"""Money: whole minor units and a currency, exact in every operation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from services.kernel.refusals import Invalid, quoted

MINOR_MAX = 10**15 - 1  # of one amount, as the contracts say; thousands of such add up to what a table can hold
SUM_MAX = 2**63 - 1  # what a contract (int64) and a table (bigint) can hold

_DECIMAL_MAX = 60  # characters of a plain decimal
_PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,18})?", re.ASCII)
_EXACT = Context(prec=130, rounding=ROUND_HALF_UP)  # more digits than any two plain decimals multiply to

# ISO 4217, the currencies that are money and their exponents where these are not 2.
_NO_MINOR_UNIT = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
_THOUSANDTHS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
_HUNDREDTHS = frozenset(
    """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC
    CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD
    KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO
    NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL
    THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG BGN""".split()
)


_EXPONENTS = dict.fromkeys(_HUNDREDTHS, 2) | dict.fromkeys(_NO_MINOR_UNIT, 0) | dict.fromkeys(_THOUSANDTHS, 3)


def exponent(currency: str) -> int:
    """Return how many decimals the currency's minor unit has (ISO 4217); refuse what is no currency."""
    if (found := _EXPONENTS.get(currency)) is None:
        raise Invalid("money.unknown_currency", f"{quoted(currency)} is not an ISO 4217 currency")
    return found


def decimal(text: str, *, what: str) -> Decimal:
    """Read a plain decimal from a contract's text field; refuse anything else, NaN and exponents included."""
    number = _plain(text) if len(text) <= _DECIMAL_MAX else None
    if number is None:
        raise Invalid("number.malformed", f"{what} is not a plain decimal: {quoted(text)}")
    return number


@lru_cache(4096)  # the same few quantities, prices and rates come again and again
def _plain(text: str) -> Decimal | None:
    return Decimal(text) if _PLAIN_DECIMAL.fullmatch(text) else None


def product(left: Decimal, right: Decimal) -> Decimal:
    """Multiply without losing a digit, whatever the context of the caller."""
    return _EXACT.multiply(left, right)


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in whole minor units of its currency."""

    minor: int
    currency: str

    @classmethod
    def of(cls, amount: Decimal, currency: str) -> Money:
        """Round a decimal amount half up, away from zero, to the currency's minor unit (RULES: half up)."""
        scaled = _EXACT.to_integral_value(_EXACT.scaleb(amount, exponent(currency)))
        return cls(int(scaled), currency).checked()

    @classmethod
    def total(cls, amounts: Iterable[Money], currency: str) -> Money:
        """Add up amounts of one currency; none add up to zero."""
        minor = 0
        for amount in amounts:
            assert amount.currency == currency, "amounts of two currencies do not add up"
            minor += amount.minor
        return cls(minor, currency)

    def checked(self) -> Money:
        """Return the amount itself; refuse what no table and no contract can hold."""
        if self.currency not in _EXPONENTS:
            exponent(self.currency)
        if not -MINOR_MAX <= self.minor <= MINOR_MAX:
            raise Invalid("money.too_large", f"an amount beyond {MINOR_MAX} minor units cannot be booked")
        return self

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, with exactly the currency's decimals."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __add__(self, other: Money) -> Money:
        assert self.currency == other.currency, "amounts of two currencies do not add up"
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        assert self.currency == other.currency, "amounts of two currencies do not add up"
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        assert self.currency == other.currency, "amounts of two currencies do not compare"
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        assert self.currency == other.currency, "amounts of two currencies do not compare"
        return self.minor <= other.minor

    def __str__(self) -> str:
        return f"{self.decimal} {self.currency}"
