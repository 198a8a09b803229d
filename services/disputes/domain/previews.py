"""What a case would be, before it is opened: by the rules that open it, and with nobody's words yet."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from services.disputes.domain import cases, invoices
from services.disputes.domain.cases import Dispute, Wish
from services.disputes.domain.deadlines import Policy
from services.disputes.domain.invoices import NOTHING_CREDITED, Invoice, Line, Lines, Part
from services.disputes.domain.portions import Shares
from services.kernel.money import Money
from services.kernel.refusals import Conflict


@dataclass(frozen=True, slots=True)
class Left:
    """What is left to dispute of a line: units, and what a case on them alone would contest, gross."""

    line: Line
    quantity: Decimal
    gross: Money


@dataclass(frozen=True, slots=True)
class Preview:
    """The case as it would be submitted, and what is left of each line of its invoice before it."""

    case: Dispute
    left: tuple[Left, ...]


def preview(
    wish: Wish, invoice: Invoice, lines: Lines, credited: Shares = NOTHING_CREDITED, *, at: datetime, policy: Policy
) -> Preview:
    """Open a case on paper, refusing what cannot be opened; who names neither lines nor an amount means all that is left."""
    if not wish.lines and wish.amount is None:
        if invoice.room.minor <= 0:
            raise Conflict("dispute.nothing_left", f"nothing of {invoice.number} is left to dispute")
        wish = replace(wish, amount=invoice.room)
    draft = cases.draft(wish, invoice, lines, credited, dispute_id="", by="", at=at, policy=policy)
    submitted, _ = cases.submit(draft, invoice, lines, at=at, policy=policy)
    return Preview(submitted, _left(invoice, lines, credited))


def _left(invoice: Invoice, lines: Lines, credited: Shares) -> tuple[Left, ...]:
    """Of each line, in the order of their numbers: no more of it than is left of the invoice."""
    found = [lines[line_id] for line_id in sorted(lines, key=lambda line_id: (len(line_id), line_id))]
    parts = [[Part(line.line_id, line.left)] if line.left else [] for line in found]
    amounts = invoices.amounts_of(parts, lines, invoice, credited)
    room = max(invoice.room, Money(0, invoice.gross.currency))
    return tuple(Left(line, line.left, min(amount, room)) for line, amount in zip(found, amounts, strict=True))
