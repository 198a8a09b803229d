"""What a part of an invoice is worth when it is credited: whatever the parts, all of them add up to the invoice.

Rounded one by one, parts do not: 0.13 and 0.13 at 20 % are 0.31 together, and 0.16 and 0.16 alone. So what is counted
is all that was credited up to and with a part, less what was credited before it: each is within a minor unit of its own
rounding, the last takes what is left, and no cent is left over. Disputes tells by this what a credit will be, invoicing
writes the credit note by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from services.kernel.money import exponent

# A VAT category (UNTDID 5305) and its rate in percent; 0 where the category has none.
Rate = tuple[str, Decimal]


@dataclass(frozen=True, slots=True)
class Share:
    """Net and tax at one rate, whole minor units."""

    net: int
    tax: int

    @property
    def gross(self) -> int:
        """Both together."""
        return self.net + self.tax

    def __add__(self, other: "Share") -> "Share":
        return Share(self.net + other.net, self.tax + other.tax)

    def __sub__(self, other: "Share") -> "Share":
        return Share(self.net - other.net, self.tax - other.tax)


NOTHING = Share(0, 0)
Shares = Mapping[Rate, Share]


def whole(nets: Mapping[Rate, int]) -> dict[Rate, Share]:
    """What an invoice says of each rate: its lines' nets, with tax rounded once a rate (EN 16931, BR-CO-17)."""
    return {rate: Share(net, _tax(net, rate)) for rate, net in nets.items()}


def net_of_part(
    line_net: int, line_quantity: Decimal, unit_price: Decimal, *, before: Decimal, part: Decimal, currency: str
) -> int:
    """The net of some of a line, of which so much was taken before; the last takes what is left of the line's net."""

    def up_to(quantity: Decimal) -> int:
        if quantity >= line_quantity:
            return line_net
        return min(half_up(Fraction(unit_price) * Fraction(quantity) * 10 ** exponent(currency)), line_net)

    return up_to(before + part) - up_to(before)


def by_lines(invoice: Shares, credited: Shares, nets: Mapping[Rate, int]) -> dict[Rate, Share]:
    """What lines are worth whose nets add up to these, rate by rate, after what was credited.

    More than is left of a rate is worth more than is left; whoever asks compares.
    """
    shares = {}
    for rate, net in nets.items():
        before = credited.get(rate, NOTHING)
        left = invoice[rate] - before
        if net == left.net:
            shares[rate] = left
        else:
            tax = _tax(before.net + net, rate) - before.tax
            shares[rate] = Share(net, max(0, tax if net > left.net else min(tax, left.tax)))
    return shares


def by_amount(invoice: Shares, credited: Shares, gross: int) -> dict[Rate, Share]:
    """Spread a gross amount over what is left of each rate, in proportion: to the minor unit that amount.

    Not every gross has a net whose own tax fits it (0.03 at 19 % has none): the tax is then a unit beside its rounding.
    Not more than is left of all rates.
    """
    left = {rate: share - credited.get(rate, NOTHING) for rate, share in sorted(invoice.items())}
    left = {rate: share for rate, share in left.items() if share.gross > 0}
    return {
        rate: _split(amount, left[rate], rate)
        for rate, amount in _in_proportion(gross, {rate: share.gross for rate, share in left.items()}).items()
        if amount
    }


def _in_proportion(amount: int, weights: Mapping[Rate, int]) -> dict[Rate, int]:
    """Whole units that add up to the amount: rounded down, and what is left one each to where most was cut off."""
    total = sum(weights.values())
    assert amount <= total, "more is spread than is left"
    if not total:
        return {}
    shares = {rate: amount * weight // total for rate, weight in weights.items()}
    cut_off = sorted(weights, key=lambda rate: -(amount * weights[rate] % total))
    for rate in cut_off[: amount - sum(shares.values())]:
        shares[rate] += 1
    return shares


def _split(gross: int, left: Share, rate: Rate) -> Share:
    """Net and tax of a gross at a rate, neither above what is left of it."""
    net = min(half_up(Fraction(gross) * 100 / (100 + Fraction(rate[1]))), left.net)
    tax = min(gross - net, left.tax)
    return Share(gross - tax, tax)


def _tax(net: int, rate: Rate) -> int:
    return half_up(Fraction(net) * Fraction(rate[1]) / 100)


def half_up(amount: Fraction) -> int:
    """Round half up, away from zero, as every amount here is rounded."""
    nearest = int(abs(amount) + Fraction(1, 2))
    return nearest if amount >= 0 else -nearest
