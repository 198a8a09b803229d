"""What is credited of an invoice, by VAT rate: whatever the parts, all of them add up to the invoice.

The sales tax of a US seller counts as the tax of its goods, which have no VAT rate.

A credit is told by the formula by which invoicing writes the credit note (services/kernel/residue.py): all that is
credited up to and with it, less what was credited before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from services.kernel import residue
from services.kernel.residue import VatGroup, Whole

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


def whole(nets: Mapping[Rate, int], currency: str) -> dict[Rate, Share]:
    """What an invoice says of each rate: its lines' nets, with tax rounded once a rate (EN 16931, BR-CO-17)."""
    # Of a group of which nothing was invoiced, tax is by the rate.
    return {
        rate: Share(net, residue.tax_up_to(net, VatGroup(rate[1], 0, 0), currency) if net else 0)
        for rate, net in nets.items()
    }


def net_of_part(line: Whole, before: Decimal, part: Decimal, currency: str) -> int:
    """The net of some of a line, of which so much was taken before; the last takes what is left of the line's net."""

    def up_to(quantity: Decimal) -> int:
        net = residue.net_up_to(min(quantity, line.quantity), line, currency)
        return min(net, line.net_minor) if line.net_minor >= 0 else max(net, line.net_minor)

    return up_to(before + part) - up_to(before)


def by_lines(invoice: Shares, credited: Shares, nets: Mapping[Rate, int], currency: str) -> dict[Rate, Share]:
    """What lines are worth whose nets add up to these, rate by rate, after what was credited.

    More than is left of a rate is worth more than is left; whoever asks compares.
    """
    shares = {}
    for rate, net in nets.items():
        before, group = credited.get(rate, NOTHING), invoice[rate]
        left = group - before
        tax = residue.tax_up_to(before.net + net, VatGroup(rate[1], group.net, group.tax), currency) - before.tax
        shares[rate] = Share(net, max(0, tax if net > left.net else min(tax, left.tax)))
    return shares


def settled(invoice: Shares, credited: Shares, shares: Shares, gross: int, off: int) -> dict[Rate, Share] | None:
    """Lines at exactly the gross that was agreed, at most so much off their worth: the tax of one of their rates takes it.

    None where their rates have no room for it.
    """
    left = {rate: invoice[rate] - credited.get(rate, NOTHING) for rate in shares}
    more = gross - sum(share.gross for share in shares.values())
    if abs(more) > off or any(share.net > left[rate].net for rate, share in shares.items()):
        return None
    if not more:
        return dict(shares)
    for rate, share in shares.items():
        if 0 <= share.tax + more <= left[rate].tax:
            return {**shares, rate: Share(share.net, share.tax + more)}
    return None


def by_amount(invoice: Shares, credited: Shares, gross: int, currency: str) -> dict[Rate, Share]:
    """An amount over what is left of each rate (services/kernel/residue.py). Not more than is left of all rates."""
    left = {rate: share - credited.get(rate, NOTHING) for rate, share in invoice.items()}
    groups = {rate: VatGroup(rate[1], share.net, share.tax) for rate, share in left.items() if share.gross > 0}
    spread = residue.spread(gross, groups, currency)
    return {rate: Share(part.net_minor, part.tax_minor) for rate, part in spread.items()}


def with_tax(shares: Shares, left: Shares, named: Mapping[Rate, int]) -> dict[Rate, Share]:
    """Lines, and sales tax that is named beside them: never more of it than is left."""
    taken = dict(shares)
    for rate, tax in named.items():
        goods = taken.get(rate, NOTHING)
        taken[rate] = Share(goods.net, max(goods.tax, min(goods.tax + tax, left[rate].tax)))
    return taken


def add(shares: Shares, more: Shares) -> dict[Rate, Share]:
    """Both together, rate by rate."""
    return {rate: shares.get(rate, NOTHING) + more.get(rate, NOTHING) for rate in sorted(shares.keys() | more.keys())}


def left_of(invoice: Shares, credited: Shares) -> int:
    """What is not credited yet, gross."""
    return sum(max(0, (share - credited.get(rate, NOTHING)).gross) for rate, share in invoice.items())
