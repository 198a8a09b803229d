"""Parts add up to their whole: what rounding leaves over goes to a known part, of a line and of each VAT group.

A part is the difference of two rounded sums: all that is taken with it, less all that was taken before. So it is within
a unit of its own rounding, and the last part takes exactly what is left, however many there were. 2 x 49.995 is 99.99:
one by one 50.00 and 49.99; 0.13 and 0.13 at 20 % are 0.31: one by one 0.16 and 0.15.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from services.kernel.money import exponent

_DOCUMENT_DECIMALS = 2  # an amount in an invoice has no more (EN 16931, BR-DEC)
VatKey = tuple[str, Decimal | None]  # category and rate in percent


@dataclass(frozen=True, slots=True)
class Whole:
    """A line as invoiced, in minor units."""

    vat: VatKey
    quantity: Decimal
    unit_price: Decimal
    net_minor: int


@dataclass(frozen=True, slots=True)
class VatGroup:
    """What was invoiced in a category and at a rate, in minor units."""

    rate: Decimal | None
    net_minor: int
    tax_minor: int


def unit_of(currency: str) -> int:
    """The smallest amount that an invoice of the currency can say, in minor units: ten of a dinar's thousandths."""
    return 10 if exponent(currency) > _DOCUMENT_DECIMALS else 1


def net_up_to(taken: Decimal, line: Whole, currency: str) -> int:
    """What so much of a line costs, net: all of it the line's own net, less of it quantity times price, rounded."""
    if taken == line.quantity:
        return line.net_minor
    return _rounded(Fraction(taken) * Fraction(line.unit_price) * 10 ** exponent(currency), unit_of(currency))


def tax_up_to(net_minor: int, group: VatGroup, currency: str) -> int:
    """The tax on so much of a group's net: on all of it the group's own, on less of it by the rate, rounded."""
    if net_minor == group.net_minor:
        return group.tax_minor
    return _rounded(Fraction(net_minor) * Fraction(group.rate or 0) / 100, unit_of(currency))


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
