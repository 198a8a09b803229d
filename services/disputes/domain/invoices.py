"""What of an invoice can be contested: its lines, their amounts to the cent, and the room that is left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from services.kernel.money import Money, exponent
from services.kernel.orders import Scope
from services.kernel.refusals import Conflict, Invalid, NotFound, quoted


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

    @property
    def key(self) -> tuple[str, str]:
        """What it is found by; sorted, the order in which invoices are locked."""
        return self.tenant, self.invoice_id

    @property
    def room(self) -> Money:
        """What can still be disputed, paid or not (B10); not above zero when credit notes outran the cases."""
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
        left = lines[part.line_id].quantity - lines[part.line_id].claimed
        if part.quantity > left:
            raise Conflict(
                "dispute.exceeds_line", f"line {quoted(part.line_id)}: only {left} are not contested or credited yet"
            )


def gross_of(parts: Sequence[Part], lines: Lines, currency: str) -> Money:
    """What parts of lines cost, gross: exactly what a credit note over them will say.

    A whole line counts at its own net, a part at the line's price times the quantity, rounded (B8.1). Tax is rounded
    once per category and rate (B8.3), so that all lines together come to the invoice's gross. Fractions keep every
    step but the roundings exact.
    """
    net_by_rate: dict[tuple[str, Decimal], int] = {}
    for part in parts:
        line = lines[part.line_id]
        rate = (line.vat_category, line.vat_rate)
        net_by_rate[rate] = net_by_rate.get(rate, 0) + _net_minor(line, part.quantity, currency)
    tax_minor = sum(_half_up(Fraction(net) * Fraction(rate) / 100) for (_, rate), net in net_by_rate.items())
    return Money(sum(net_by_rate.values()) + tax_minor, currency)


def amount_of(parts: Sequence[Part], lines: Lines, invoice: Invoice) -> Money:
    """What a dispute of these parts contests: their gross, or what is left where only roundings make it more.

    Two halves of a line can each be rounded up, and then come to a cent more than the line. The last part takes what
    is left: at most a minor unit less for each line and each rate in it.
    """
    gross = gross_of(parts, lines, invoice.gross.currency)
    roundings = len(parts) + len({(lines[p.line_id].vat_category, lines[p.line_id].vat_rate) for p in parts})
    excess = gross - invoice.room
    return invoice.room if invoice.room.minor > 0 and 0 < excess.minor <= roundings else gross


def _net_minor(line: Line, quantity: Decimal, currency: str) -> int:
    if quantity == line.quantity:
        return line.net.minor
    return _half_up(Fraction(line.unit_price) * Fraction(quantity) * 10 ** exponent(currency))


def _half_up(amount: Fraction) -> int:
    """Round half up, away from zero (domain rule B8.4)."""
    whole = int(abs(amount) + Fraction(1, 2))
    return whole if amount >= 0 else -whole
