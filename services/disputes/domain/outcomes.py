"""What a case ends in: what each end has to name, what it credits, and what else follows from it (RULES: the ends)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from services.disputes.domain import cases, invoices, portions
from services.disputes.domain.cases import Dispute, Resolution
from services.disputes.domain.deadlines import Policy
from services.disputes.domain.invoices import Invoice, Line, Lines, Part
from services.disputes.domain.portions import Rate, Share, Shares
from services.kernel import residue
from services.kernel.corrections import CorrectedLine, Correction
from services.kernel.countries import check_country
from services.kernel.money import Money, product
from services.kernel.orders import Address
from services.kernel.refusals import Conflict, Invalid, NotFound, quoted
from services.kernel.residue import Whole

# As orders name them (OrderLine.tax_class).
TAX_CLASSES = frozenset({"STANDARD", "REDUCED", "ZERO", "EXEMPT", "REVERSE_CHARGE"})
NET_DAYS_MAX = 365
_CORRECTS = frozenset({Resolution.REBILL, Resolution.PRICE_CORRECTION})


@dataclass(frozen=True, slots=True)
class Decision:
    """How somebody wants a case to end, and what that end has to name."""

    resolution: Resolution
    lines: tuple[Part, ...] = ()
    amount: Money | None = None
    correction: Correction | None = None
    # Why the case came about; '': what is presumed of its reason.
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a case ends in."""

    resolution: Resolution
    # Gross, and what of each line counts as credited from now on.
    credit: Money
    credited: tuple[Part, ...] = ()
    # The lines that the credit note names; none: it credits the amount.
    told: tuple[Part, ...] = ()
    # What the credit takes of each rate.
    shares: dict[Rate, Share] = field(default_factory=dict)
    correction: Correction | None = None
    # What is sent again.
    replaced: tuple[Part, ...] = ()
    given_up: Money | None = None


def decide(
    case: Dispute, decision: Decision, invoice: Invoice, lines: Lines, credited: Shares, *, policy: Policy
) -> Outcome:
    """Work out an end; refuse one that names too little, too much, or what does not belong to it."""
    resolution = decision.resolution
    if (decision.correction is not None) != (resolution in _CORRECTS):
        raise Invalid("dispute.correction_misplaced", "a rebill and a price correction say what is right, no other end")
    match resolution:
        case Resolution.REBILL:
            return _rebill(case, decision, invoice, lines, credited)
        case Resolution.PRICE_CORRECTION:
            return _correct_prices(case, decision, lines, credited)
        case Resolution.REPLACEMENT:
            return _replace(case, decision, lines)
        case Resolution.WRITE_OFF:
            _check_unnamed(decision)
            nothing = Money(0, case.amount.currency)
            return Outcome(resolution, nothing, credited=case.lines, given_up=case.amount)
        case Resolution.GOODWILL | Resolution.SPLIT_SETTLEMENT if decision.lines:
            raise Invalid("dispute.lines_or_amount", f"{resolution} names an amount")
        case Resolution.GOODWILL if decision.amount is not None:
            _check_goodwill(decision.amount, policy)
        case _:
            pass
    credit, parts = cases.credit_for(case, resolution, decision.lines, decision.amount, lines, credited=credited)
    told, shares = invoices.split(credit, parts, lines, credited)
    return Outcome(resolution, credit, parts, tuple(told), shares)


def _check_unnamed(decision: Decision) -> None:
    if decision.lines or decision.amount is not None:
        raise Invalid("dispute.lines_or_amount", f"{decision.resolution} names no lines and no amount")


def _check_goodwill(amount: Money, policy: Policy) -> None:
    most = Money.of(Decimal(policy.goodwill_max), amount.currency)
    if most < amount:
        raise Conflict("dispute.goodwill_too_high", f"goodwill is at most {most} a case")


def _rebill(case: Dispute, decision: Decision, invoice: Invoice, lines: Lines, credited: Shares) -> Outcome:
    """All that is left of the invoice is credited: other cases about it would contest nothing."""
    _check_unnamed(decision)
    assert decision.correction is not None, "a rebill says what is right"
    if invoice.disputed != case.claim:
        raise Conflict("dispute.others_open", "other cases about the invoice are open: they end first")
    left = invoice.gross - invoice.credited
    if left.minor <= 0:
        raise Conflict("dispute.nothing_left", "all of the invoice is credited")
    _check_by_line(invoice, lines)
    correction = _whole(decision.correction, lines)
    parts = tuple(Part(one.line_id, rest) for one in lines.values() if (rest := _left(one)) > 0)
    _, shares = invoices.split(left, (), lines, credited)
    return Outcome(Resolution.REBILL, left, parts, shares=shares, correction=correction)


def _check_by_line(invoice: Invoice, lines: Lines) -> None:
    """Refuse to put an invoice right of which an amount was credited, of no line: the corrected one would charge it again."""
    untouched = {
        line_id: replace(line, credited=Decimal(0), credited_as_amount=Decimal(0)) for line_id, line in lines.items()
    }
    taken = [Part(line.line_id, line.credited) for line in lines.values() if line.credited > 0]
    worth = invoices.gross_of(taken, untouched, invoice.gross.currency) if taken else Money(0, invoice.gross.currency)
    if (invoice.credited - worth).minor > (len(lines) + len(taken)) * residue.unit_of(invoice.gross.currency):
        raise Conflict("dispute.rebill_after_amount", "an amount of the invoice is credited, of no line of it")


def _whole(wanted: Correction, lines: Lines) -> Correction:
    """The correction, with each line that it changes or of which less is left than was invoiced."""
    _check_lines(wanted.lines, lines)
    if wanted.ship_to is not None:
        _check_place(wanted.ship_to)
    if wanted.net_days is not None and not 0 <= wanted.net_days <= NET_DAYS_MAX:
        raise Invalid("dispute.correction_days", f"an invoice is due within {NET_DAYS_MAX} days")
    if wanted == Correction():
        raise Invalid("dispute.correction_missing", "say what is right instead of what the invoice said")
    named = {line.line_id: line for line in wanted.lines}
    for line in wanted.lines:
        of = lines[line.line_id]
        Money.of(product(line.quantity or of.quantity, line.unit_price or of.unit_price), of.net.currency)
    told = tuple(_changed(line, named.get(line.line_id)) for line in _goods(lines))
    if all(one is not None and one.quantity == 0 for one in told):
        raise Invalid("dispute.correction_empty", "nothing is left on the corrected invoice: credit it in full")
    return replace(wanted, lines=tuple(one for one in told if one is not None))


def _check_place(where: Address) -> None:
    """Refuse a place that a corrected invoice could not name: Germany's rules want its town and post code (BR-DE-10, -11)."""
    check_country(where.country)
    if not where.city or not where.post_code:
        raise Invalid("dispute.correction_address", "where goods went has a town and a post code")


def _changed(line: Line, wanted: CorrectedLine | None) -> CorrectedLine | None:
    """What the corrected invoice says of a line; None: what the invoice says of it."""
    left = _left(line)
    if wanted is None:
        return None if left == line.quantity else CorrectedLine(line.line_id, left)
    if wanted.quantity is None and left != line.quantity:
        return replace(wanted, quantity=left)
    if wanted.quantity is not None and wanted.quantity > left:
        raise Conflict("dispute.exceeds_line", f"line {quoted(line.line_id)}: only {left} are not credited")
    return wanted


def _left(line: Line) -> Decimal:
    """What is not credited of a line."""
    return line.quantity - line.credited


def _goods(lines: Lines) -> Iterator[Line]:
    return (line for line in lines.values() if not line.is_sales_tax)


def _check_lines(wanted: Sequence[CorrectedLine], lines: Lines) -> None:
    if len({line.line_id for line in wanted}) != len(wanted):
        raise Invalid("dispute.line_repeated", "each line is named once")
    for line in wanted:
        if (of := lines.get(line.line_id)) is None or of.is_sales_tax:
            raise NotFound("dispute.unknown_line", f"the invoice has no goods on line {quoted(line.line_id)}")
        if line.quantity is not None and line.quantity < 0:
            raise Invalid("dispute.quantity_not_positive", f"line {quoted(line.line_id)}: a quantity is not below zero")
        if line.unit_price is not None and line.unit_price < 0:
            raise Invalid("dispute.price_negative", f"line {quoted(line.line_id)}: a price is not below zero")
        if line.tax_class and line.tax_class not in TAX_CLASSES:
            raise Invalid("dispute.tax_class_unknown", f"{quoted(line.tax_class)} is no kind of goods for taxes")


def _correct_prices(case: Dispute, decision: Decision, lines: Lines, credited: Shares) -> Outcome:
    """What the lower prices make less of what is not credited yet, at each line's own rate."""
    _check_unnamed(decision)
    correction, currency = decision.correction, case.amount.currency
    assert correction is not None, "a price correction says what is right"
    if correction != Correction(lines=correction.lines) or not correction.lines:
        raise Invalid("dispute.prices_alone", "a price correction names lines and their prices, and nothing else")
    _check_lines(correction.lines, lines)
    for wanted in correction.lines:
        line = lines[wanted.line_id]
        if wanted.unit_price is None or wanted.quantity is not None or wanted.tax_class:
            raise Invalid("dispute.prices_alone", "a price correction names lines and their prices, and nothing else")
        if wanted.unit_price >= line.unit_price:
            raise Conflict("dispute.price_not_lower", f"line {quoted(line.line_id)}: {line.unit_price} was invoiced")
    shares = shares_of_prices(correction, lines, credited, currency)
    credit = Money(sum(share.gross for share in shares.values()), currency)
    if credit.minor <= 0:
        raise Invalid("dispute.amount_not_positive", "a credit must be above zero")
    if case.amount < credit:
        raise Conflict("dispute.credit_exceeds_dispute", f"only {case.amount} are disputed")
    told = tuple(replace(one, quantity=_left(lines[one.line_id])) for one in correction.lines)
    return Outcome(Resolution.PRICE_CORRECTION, credit, shares=shares, correction=Correction(told))


def shares_of_prices(correction: Correction, lines: Lines, credited: Shares, currency: str) -> dict[Rate, Share]:
    """What lower prices take of each rate."""
    nets: dict[Rate, int] = {}
    for wanted in correction.lines:
        line = lines[wanted.line_id]
        assert wanted.unit_price is not None, "a price correction names prices"
        nets[line.rate] = nets.get(line.rate, 0) + _less(line, wanted.unit_price, currency)
    return portions.by_lines(invoices.whole(lines, currency), credited, nets, currency)


def _less(line: Line, unit_price: Decimal, currency: str) -> int:
    """What is left of a line costs so much less at another price, net, in minor units."""
    left = _left(line)
    whole = Whole(line.rate, line.quantity, line.unit_price, line.net.minor)
    costs = portions.net_of_part(whole, line.credited, left, currency)
    unit = residue.unit_of(currency)
    return costs - Money.of(product(left, unit_price) / unit, currency).minor * unit


def _replace(case: Dispute, decision: Decision, lines: Lines) -> Outcome:
    if decision.amount is not None:
        raise Invalid("dispute.lines_or_amount", f"{decision.resolution} names lines, and no amount")
    parts = decision.lines or case.lines
    if not parts:
        raise Invalid("dispute.replacement_unnamed", "name the lines that are sent again")
    invoices.check_parts(parts, lines)
    disputed = {part.line_id: part.quantity for part in case.lines}
    for part in parts:
        if lines[part.line_id].is_sales_tax:
            raise NotFound("dispute.unknown_line", f"the invoice has no goods on line {quoted(part.line_id)}")
        if disputed and part.quantity > disputed.get(part.line_id, 0):
            raise Conflict("dispute.credit_exceeds_dispute", "these lines were not disputed, or not as many of them")
    return Outcome(Resolution.REPLACEMENT, Money(0, case.amount.currency), replaced=parts)
