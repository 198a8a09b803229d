"""What of an invoice can be contested: its lines, their amounts to the cent, and the room that is left."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from services.disputes.domain import portions
from services.disputes.domain.portions import NOTHING, Rate, Share, Shares
from services.kernel import residue
from services.kernel.money import Money
from services.kernel.orders import Scope
from services.kernel.refusals import Conflict, Invalid, NotFound, quoted
from services.kernel.residue import Whole, unit_of

NOTHING_CREDITED: Shares = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Part:
    """Some of one invoiced line."""

    line_id: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """A line as invoiced; `claimed` is the quantity that other cases contest now or have had credited."""

    line_id: str
    quantity: Decimal
    unit_price: Decimal
    net: Money
    vat_category: str
    # In percent.
    vat_rate: Decimal
    claimed: Decimal = Decimal(0)
    # Of that, the quantity that was credited.
    credited: Decimal = Decimal(0)
    # Of that, what a credit note does not name by line, but as an amount.
    credited_as_amount: Decimal = Decimal(0)
    # The sales tax of a US seller on the goods of the other lines: contested and credited with them, or by itself.
    is_sales_tax: bool = False
    # '' of what came before they were kept: what it is called, and what it is of.
    name: str = ""
    sku: str = ""

    @property
    def rate(self) -> Rate:
        """What its VAT is counted with."""
        return self.vat_category, self.vat_rate

    @property
    def left(self) -> Decimal:
        """What no case contests, or had credited."""
        return self.quantity - self.claimed


Lines = Mapping[str, Line]


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice as it was issued, what credit notes took from it, and what open cases contest; all gross."""

    tenant: str
    invoice_id: str
    number: str
    account_id: str
    order_id: str
    issue_date: date
    net: Money
    tax: Money
    gross: Money
    credited: Money
    disputed: Money
    scope: Scope
    # The legal entity that issued it; '' where that was not kept yet.
    seller_id: str = ""
    # None of what came before it was kept.
    due_on: date | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What it is found by; sorted, the order in which invoices are locked."""
        return self.tenant, self.invoice_id

    @property
    def room(self) -> Money:
        """What can still be disputed, paid or not (RULES: what can be contested); not above zero when credit notes outran the cases."""
        return self.gross - self.credited - self.disputed

    def contest(self, amount: Money) -> "Invoice":
        """Change what is contested by an amount (below zero: give it back); refuse more than there is room for."""
        if amount.minor > max(self.room.minor, 0):
            raise Conflict(
                "dispute.exceeds_invoice", f"{amount} is more than the {self.room} of {self.number} left to dispute"
            )
        changed = replace(self, disputed=self.disputed + amount)
        assert changed.disputed.minor >= 0, "more was given back than was contested"
        return changed

    def credit(self, gross: Money) -> "Invoice":
        """A credit note took this from it. That is a fact: it is recorded even where it leaves less than no room."""
        return replace(self, credited=self.credited + gross)


@dataclass(frozen=True, slots=True)
class CreditNote:
    """A credit note as it is counted; `dispute_id` is empty where it ends no case."""

    tenant: str
    credit_note_id: str
    invoice_id: str
    dispute_id: str
    number: str
    gross: Money
    # The invoice that was issued with it in the place of the credited one: its id and number; empty where there is none.
    corrected_id: str = ""
    corrected_number: str = ""


def check_parts(parts: Sequence[Part], lines: Lines) -> None:
    """Refuse lines that are repeated or unknown, and quantities that are not above zero or more than was invoiced."""
    if len({part.line_id for part in parts}) != len(parts):
        raise Invalid("dispute.line_repeated", "each line is named once")
    for part in parts:
        if part.quantity <= 0:
            raise Invalid(
                "dispute.quantity_not_positive", f"line {quoted(part.line_id)}: the quantity must be above zero"
            )
        if (line := lines.get(part.line_id)) is None:
            raise NotFound("dispute.unknown_line", f"the invoice has no line {quoted(part.line_id)}")
        if part.quantity > line.quantity:
            raise Conflict("dispute.exceeds_line", f"line {quoted(part.line_id)}: only {line.quantity} were invoiced")


def check_claimed(parts: Sequence[Part], lines: Lines) -> None:
    """Refuse units that another case contests already, or that were credited: none is credited twice."""
    for part in parts:
        if part.quantity > (left := lines[part.line_id].left):
            raise Conflict(
                "dispute.exceeds_line", f"line {quoted(part.line_id)}: only {left} are not contested or credited yet"
            )


def gross_of(parts: Sequence[Part], lines: Lines, currency: str, credited: Shares = NOTHING_CREDITED) -> Money:
    """What a credit note over these parts of lines will say, after what was credited: gross."""
    return _gross(worth(parts, lines, currency, credited), currency)


def worth(parts: Sequence[Part], lines: Lines, currency: str, credited: Shares = NOTHING_CREDITED) -> dict[Rate, Share]:
    """The same by rate. Whatever the parts, all of them come to the invoice, to the cent (services/kernel/residue.py)."""
    before = {line.line_id: line.credited - line.credited_as_amount for line in lines.values()}
    return _worth(parts, lines, whole(lines, currency), before, credited, currency=currency)


def _worth(
    parts: Sequence[Part], lines: Lines, invoice: Shares, before: Mapping[str, Decimal], taken: Shares, *, currency: str
) -> dict[Rate, Share]:
    """By rate what parts are worth after these quantities, and these shares, were taken; goods bring their sales tax."""
    nets: dict[Rate, int] = {}
    named: dict[Rate, int] = {}
    for part in parts:
        line = lines[part.line_id]
        priced = Whole(line.rate, line.quantity, line.unit_price, line.net.minor)
        if line.is_sales_tax:
            named[line.rate] = named.get(line.rate, 0) + residue.net_up_to(part.quantity, priced, currency)
        else:
            net = portions.net_of_part(priced, before[part.line_id], part.quantity, currency)
            nets[line.rate] = nets.get(line.rate, 0) + net
    left = {rate: share - taken.get(rate, NOTHING) for rate, share in invoice.items()}
    return portions.with_tax(portions.by_lines(invoice, taken, nets, currency), left, named)


def whole(lines: Lines, currency: str) -> dict[Rate, Share]:
    """What the invoice says of each rate."""
    nets: dict[Rate, int] = {}
    for line in lines.values():
        nets[line.rate] = nets.get(line.rate, 0) + (0 if line.is_sales_tax else line.net.minor)
    shares = portions.whole(nets, currency)
    for line in lines.values():
        if line.is_sales_tax:
            shares[line.rate] += Share(0, line.net.minor)
    return shares


def split(
    credit: Money, parts: Sequence[Part], lines: Lines, credited: Shares
) -> tuple[Sequence[Part], dict[Rate, Share]]:
    """How a credit is told, and what it is of each rate.

    By the lines, at their own rates, after what credit notes name of them, where a credit note over them comes to the credit but for roundings (cases are
    resolved in another order than they were opened); else as an amount, over what is left.
    """
    currency = credit.currency
    if parts:
        off = _roundings(parts, lines, currency)
        worths = worth(parts, lines, currency, credited)
        shares = portions.settled(whole(lines, currency), credited, worths, credit.minor, off)
        if shares is not None:
            return parts, shares
    return (), _spread(credit.minor, lines, credited, currency)


def with_unknown(known: Shares, credited: Money, lines: Lines) -> dict[Rate, Share]:
    """What is credited by rate: what is known, and what more was credited (before rates were kept) as an amount is."""
    more = credited.minor - sum(share.gross for share in known.values())
    if more <= 0:
        return dict(known)
    return portions.add(known, _spread(more, lines, known, credited.currency))


def _spread(gross: int, lines: Lines, credited: Shares, currency: str) -> dict[Rate, Share]:
    invoice = whole(lines, currency)
    return portions.by_amount(invoice, credited, min(gross, portions.left_of(invoice, credited)), currency)


def amount_of(parts: Sequence[Part], lines: Lines, invoice: Invoice, credited: Shares = NOTHING_CREDITED) -> Money:
    """What a dispute of these parts contests (`amounts_of`)."""
    [amount] = amounts_of([parts], lines, invoice, credited)
    return amount


def amounts_of(
    disputes: Iterable[Sequence[Part]], lines: Lines, invoice: Invoice, credited: Shares = NOTHING_CREDITED
) -> list[Money]:
    """What a dispute of each of these parts contests by itself: what is left of their worth after what others contest.

    Where only roundings make it more than is left of the invoice (an amount was disputed too), it is what is left: at
    most a unit of what a document can say less for each line and each rate in it.
    """
    currency = invoice.gross.currency
    others = [Part(line.line_id, line.claimed - line.credited) for line in lines.values()]
    taken = portions.add(credited, worth([part for part in others if part.quantity > 0], lines, currency, credited))
    claimed = {line.line_id: line.claimed for line in lines.values()}
    invoiced = whole(lines, currency)

    def amount(parts: Sequence[Part]) -> Money:
        gross = _gross(_worth(parts, lines, invoiced, claimed, taken, currency=currency), currency)
        excess = gross - invoice.room
        roundings = _roundings(parts, lines, currency)
        return invoice.room if invoice.room.minor > 0 and 0 < excess.minor <= roundings else gross

    return [amount(parts) for parts in disputes]


def _roundings(parts: Sequence[Part], lines: Lines, currency: str) -> int:
    """How many minor units these parts may be off: a unit of what a document can say for each line and each rate."""
    return (len(parts) + len({lines[part.line_id].rate for part in parts})) * unit_of(currency)


def _gross(shares: Shares, currency: str) -> Money:
    return Money(sum(share.gross for share in shares.values()), currency)
