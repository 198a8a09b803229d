"""Parts add up to their whole: what rounding leaves over goes to a known part, of a line and of each VAT group.

A part is the difference of two rounded sums: all that is taken with it, less all that was taken before. So it is within
a unit of its own rounding, and the last part takes exactly what is left, however many there were. 2 x 49.995 is 99.99:
one by one 50.00 and 49.99; 0.13 and 0.13 at 20 % are 0.31: one by one 0.16 and 0.15.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from services.kernel.money import exponent

_DOCUMENT_DECIMALS = 2  # an amount in an invoice has no more (EN 16931, BR-DEC)
VatKey = tuple[str, Decimal | None]  # category and rate in percent
Key = TypeVar("Key", bound=VatKey)


@dataclass(frozen=True, slots=True)
class Whole:
    """A line as invoiced, in minor units."""

    vat: VatKey
    quantity: Decimal
    unit_price: Decimal
    net_minor: int


@dataclass(frozen=True, slots=True)
class VatGroup:
    """What was invoiced in a category and at a rate, or is left or taken of it, in minor units.

    Without a rate its tax, if it has one, is no VAT but the sales tax on its goods, which goes with them in proportion.
    """

    rate: Decimal | None
    net_minor: int
    tax_minor: int

    @property
    def gross_minor(self) -> int:
        """Both together."""
        return self.net_minor + self.tax_minor


def unit_of(currency: str) -> int:
    """The smallest amount that an invoice of the currency can say, in minor units: ten of a dinar's thousandths."""
    return 10 if exponent(currency) > _DOCUMENT_DECIMALS else 1


def net_up_to(taken: Decimal, line: Whole, currency: str) -> int:
    """What so much of a line costs, net: all of it the line's own net, less of it quantity times price, rounded."""
    if taken == line.quantity:
        return line.net_minor
    return _rounded(Fraction(taken) * Fraction(line.unit_price) * 10 ** exponent(currency), unit_of(currency))


def tax_up_to(net_minor: int, group: VatGroup, currency: str) -> int:
    """The tax on so much of a group's net: on all of it the group's own, on less of it by the rate, rounded.

    Without a rate it is in proportion; of nothing there is no part.
    """
    if net_minor == group.net_minor:
        return group.tax_minor
    if group.rate:
        return _rounded(Fraction(net_minor) * Fraction(group.rate) / 100, unit_of(currency))
    if not group.net_minor:
        return 0
    return _rounded(Fraction(net_minor * group.tax_minor, group.net_minor), unit_of(currency))


def spread(gross_minor: int, left: Mapping[Key, VatGroup], currency: str) -> dict[Key, VatGroup]:
    """A gross amount over what is left of each group, in proportion: to the unit that amount, of no group more than it has.

    Not every gross has a net whose own tax fits it (0.03 at 19 % has none): the tax is then a unit beside its rounding.
    Not more than is left of all.
    """
    shares = _in_proportion(gross_minor, {key: group.gross_minor for key, group in left.items()}, unit_of(currency))
    return {key: _split(share, left[key], currency) for key, share in shares.items() if share}


def _in_proportion(amount: int, weights: Mapping[Key, int], unit: int) -> dict[Key, int]:
    """Whole units that add up to the amount: rounded down, and what is left one each to where most was cut off.

    Among equals to the highest rate, in whatever order the groups are named.
    """
    total = sum(weights.values())
    assert amount <= total, "more is spread than is left"
    keys = sorted((key for key in weights if weights[key] > 0), key=lambda key: (str(key[0]), -(key[1] or 0)))
    shares = {key: amount * weights[key] // (total * unit) * unit for key in keys}
    cut_off = sorted(keys, key=lambda key: -(amount * weights[key] % (total * unit)))
    for key in cut_off[: (amount - sum(shares.values())) // unit]:
        shares[key] += unit
    return shares


def _split(gross_minor: int, left: VatGroup, currency: str) -> VatGroup:
    """Net and tax of a gross: by the rate, or as what is left has them; neither above what is left of it."""
    unit = unit_of(currency)
    if left.rate:
        net = _rounded(Fraction(gross_minor * 100) / (100 + Fraction(left.rate)), unit)
    else:
        net = gross_minor - _rounded(Fraction(gross_minor * left.tax_minor, left.gross_minor), unit)
    net = min(max(net, gross_minor - left.tax_minor), left.net_minor)
    return VatGroup(left.rate, net, gross_minor - net)


def gross_up_to(
    taken: Mapping[str, Decimal], lines: Mapping[str, Whole], groups: Mapping[VatKey, VatGroup], currency: str
) -> int:
    """What these quantities of an invoice's lines cost, gross, in minor units; of all lines the invoice's own gross."""
    nets: dict[VatKey, int] = {}
    for line_id, quantity in taken.items():
        line = lines[line_id]
        nets[line.vat] = nets.get(line.vat, 0) + net_up_to(quantity, line, currency)
    return sum(net + tax_up_to(net, groups[key], currency) for key, net in nets.items())


def gross_of_part(
    part: Mapping[str, Decimal],
    before: Mapping[str, Decimal],
    lines: Mapping[str, Whole],
    groups: Mapping[VatKey, VatGroup],
    currency: str,
) -> int:
    """What a part of an invoice's lines costs, gross, after these quantities were taken before, in minor units."""
    together = {line_id: before.get(line_id, Decimal(0)) for line_id in {**before, **part}}
    for line_id, quantity in part.items():
        together[line_id] += quantity
    return gross_up_to(together, lines, groups, currency) - gross_up_to(before, lines, groups, currency)


def _rounded(minor: Fraction, unit: int) -> int:
    """Round half up, away from zero, to whole units."""
    whole = int(abs(minor) / unit + Fraction(1, 2)) * unit
    return whole if minor >= 0 else -whole
