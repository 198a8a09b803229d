"""What the seller's own evidence says of why a case was opened: a rule a reason (RULES: checked at once).

Facts are codes and figures; the words for people are notifications' and the portal's (services/kernel/checked.toml).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from services.disputes.domain.auto_credits import AutoCredit
from services.disputes.domain.cases import Dispute
from services.disputes.domain.invoices import Invoice, Line, Lines, Part
from services.kernel.money import Money, product
from services.kernel.refusals import Refusal
from services.kernel.residue import unit_of
from services.kernel.vat import rates_of

LINES_TOLD = 20  # of whose facts a check tells
ZERO = Decimal(0)
_TAXED = ("S", "Z")  # categories of VAT (UNTDID 5305) that the tables of rates decide
# Where a credit alone puts it right. The others need a person: a corrected invoice, another due date, cash to be applied.
CREDITABLE = frozenset({"PRC_UNIT", "QTY_SHORT", "QTY_OVER", "DLV_NONE", "INV_DUP", "FRT_CHARGE"})


class Verdict(StrEnum):
    """What the evidence says."""

    PROVEN = "PROVEN"
    # Some of what is disputed is borne out, some is not: a person sees it.
    PARTLY_PROVEN = "PARTLY_PROVEN"
    DISPROVEN = "DISPROVEN"
    UNKNOWN = "UNKNOWN"


class Outcome(StrEnum):
    """What becomes of the case by it."""

    PERSON = "PERSON"
    CREDITED = "CREDITED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that was looked at: a stable code, and its figures as texts."""

    code: str
    figures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """A line as it was ordered."""

    quantity: Decimal
    unit_price: Decimal
    tax_class: str
    # In percent; None: the order does not say.
    vat_rate: Decimal | None


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order as it was heard of last."""

    lines: Mapping[str, OrderedLine]
    # More than one version was heard of: which one was invoiced is not known, and it proves nothing against an invoice.
    is_replaced: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What an invoice says beside its lines' amounts."""

    due_on: date
    delivered_on: date
    # '': of the whole order, on approval.
    shipment_id: str
    # The order's line of each line; one that has none is left out.
    ordered_as: Mapping[str, str]
    # Where the seller, the buyer and the goods are, ISO 3166-1.
    countries: frozenset[str] = frozenset()
    seller_country: str = ""


@dataclass(frozen=True, slots=True)
class Twin:
    """Another invoice of the same order, lines, quantities and period."""

    number: str
    issued_on: date
    # Nothing of it is credited or contested.
    stands: bool


@dataclass(frozen=True, slots=True)
class Known:
    """The evidence on one invoice. None: nothing is known, which proves and disproves nothing."""

    terms: Terms | None = None
    order: Ordered | None = None
    # Of the order's lines: what left, and what arrived, damaged or not, of what the invoice is about.
    shipped: Mapping[str, Decimal] | None = None
    received: Mapping[str, Decimal] | None = None
    received_on: date | None = None
    # Of the order's lines, over all of its invoices.
    invoiced: Mapping[str, Decimal] = field(default_factory=dict)
    twins: tuple[Twin, ...] = ()
    # The days that were agreed when it was issued; several where that changed on the day.
    net_days: frozenset[int] = frozenset()
    # Payments of it, and since when the last counts.
    paid_minor: int = 0
    paid_on: date | None = None
    # Cash of the account in the invoice's currency that met no invoice.
    unapplied_minor: int | None = None
    # Numbers of its credit notes.
    credit_notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """What the evidence says of a case."""

    verdict: Verdict
    # Gross, at most what is disputed; 0 where it proves something that is no amount.
    proven: Money
    # Of that, by line.
    lines: tuple[tuple[str, Money], ...] = ()
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A check, and what became of the case by it."""

    check: Check
    outcome: Outcome
    # Until when a rejection can be appealed.
    appeal_by: date | None = None
    # The month in which a credit counts ("2026-03"); '' of anything else.
    counts_in: str = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a case stands on: the invoice, its lines and the evidence, all as they were before the case."""

    case: Dispute
    invoice: Invoice
    lines: Lines
    known: Known

    @property
    def currency(self) -> str:
        """Of the invoice."""
        return self.invoice.gross.currency

    def ordered(self, line: Line) -> OrderedLine | None:
        """A line as it was ordered, as far as that is known."""
        if self.known.terms is None or self.known.order is None:
            return None
        return self.known.order.lines.get(self.known.terms.ordered_as.get(line.line_id, ""))


@dataclass(frozen=True, slots=True)
class _Judged:
    """What is said of a part of a line: the gross that is proven of it in minor units, and the fact."""

    verdict: Verdict
    minor: int = 0
    fact: Fact | None = None


_Figures = dict[str, str | Decimal | Money]
_UNKNOWN = _Judged(Verdict.UNKNOWN)
_OfLine = Callable[[Ground, Line, Decimal], _Judged]
_OfCase = Callable[[Ground], Check]


def check(ground: Ground) -> Check | None:
    """Look at the evidence on a case's reason; None for a reason that no evidence of ours shows."""
    reason = ground.case.reason_code
    if (of_case := _OF_CASE.get(reason)) is not None:
        return of_case(ground)
    if (of_line := _OF_LINE.get(reason)) is not None:
        return _by_lines(ground, of_line)
    return None


def outcome(found: Check, case: Dispute, caps: AutoCredit, credited_this_month: int) -> Outcome:
    """What becomes of a case: what is proven is credited within the caps, what is disproven rejected, the rest a person's."""
    if found.verdict is Verdict.DISPROVEN:
        return Outcome.REJECTED
    is_credit = found.verdict is Verdict.PROVEN and case.reason_code in CREDITABLE
    if is_credit and caps.takes(found.proven) and credited_this_month < caps.per_month:
        return Outcome.CREDITED
    return Outcome.PERSON


def _by_lines(ground: Ground, judge: _OfLine) -> Check:
    """Judge each disputed line, or, of an amount, all of the invoice: no more is proven than others have left."""
    case, goods = ground.case, [line for line in ground.lines.values() if not line.is_sales_tax]
    wanted = case.lines or tuple(Part(line.line_id, line.quantity) for line in goods)
    judged = [(part, judge(ground, ground.lines[part.line_id], part.quantity)) for part in wanted]
    every = judged if not case.lines else [(None, judge(ground, line, line.quantity)) for line in goods]
    # An amount is of no line: what others contest, or had credited, may be what is proven here.
    room = sum(one.minor for _, one in every) - ground.invoice.credited.minor - ground.invoice.disputed.minor
    proven = min(sum(one.minor for _, one in judged), case.amount.minor, max(room, 0))
    proven -= proven % unit_of(ground.currency)
    verdicts = {one.verdict for _, one in judged}
    is_whole = verdicts == {Verdict.PROVEN} if case.lines else proven == case.amount.minor
    if case.lines and is_whole:
        is_whole = proven == min(sum(one.minor for _, one in judged), case.amount.minor)
    if case.lines and is_whole and case.reason_code not in _DIFFERENCES:
        proven = case.amount.minor  # the lines themselves, to the cent as a credit note has them
    verdict = _together(verdicts, proven=proven > 0, whole=is_whole)
    told = [(part, one) for part, one in judged if one.minor or len(wanted) <= LINES_TOLD]
    return Check(
        verdict,
        Money(proven if verdict in _SAYS_HOW_MUCH else 0, ground.currency),
        tuple((part.line_id, Money(one.minor, ground.currency)) for part, one in judged if one.minor),
        tuple(one.fact for _, one in told[:LINES_TOLD] if one.fact is not None),
    )


_DIFFERENCES = frozenset({"PRC_UNIT", "TAX_RATE"})  # of which a part of a line's amount is proven, not units of it
_SAYS_HOW_MUCH = (Verdict.PROVEN, Verdict.PARTLY_PROVEN)


def _together(verdicts: set[Verdict], *, proven: bool, whole: bool) -> Verdict:
    if proven:
        return Verdict.PROVEN if whole else Verdict.PARTLY_PROVEN
    return Verdict.DISPROVEN if verdicts == {Verdict.DISPROVEN} else Verdict.UNKNOWN


def _price(ground: Ground, line: Line, quantity: Decimal) -> _Judged:
    """The price against the order's."""
    if (ordered := ground.ordered(line)) is None:
        return _UNKNOWN
    more = line.unit_price - ordered.unit_price
    figures: _Figures = {"line": line.line_id, "invoiced": line.unit_price, "ordered": ordered.unit_price}
    if more <= 0:
        return _Judged(Verdict.DISPROVEN, fact=_fact("price_as_ordered", **figures, currency=ground.currency))
    fact = _fact("price_above", **figures, currency=ground.currency)
    return _against_order(ground, _gross(product(more, quantity), line, ground.currency), fact)


def _short(ground: Ground, line: Line, quantity: Decimal) -> _Judged:
    """What was invoiced against what arrived, else what left. That it left says not that it arrived."""
    known, key = ground.known, _order_line(ground, line)
    if key is None:
        return _UNKNOWN
    figures: _Figures = {"line": line.line_id, "invoiced": line.quantity}
    if known.received is not None:
        there = known.received.get(key, ZERO)
        code = "received_less" if there < line.quantity else "received_all"
        on: _Figures = {"on": known.received_on.isoformat()} if known.received_on else {}
        return _units(ground, line, quantity, line.quantity - there, _fact(code, **figures, received=there, **on))
    if known.shipped is not None and known.shipped.get(key, ZERO) < line.quantity:
        left = known.shipped.get(key, ZERO)
        return _units(ground, line, quantity, line.quantity - left, _fact("shipped_less", **figures, shipped=left))
    return _UNKNOWN


def _not_delivered(ground: Ground, line: Line, quantity: Decimal) -> _Judged:
    """Whether any of it arrived; less than was invoiced is another reason."""
    key, received = _order_line(ground, line), ground.known.received
    if key is None or received is None or 0 < received.get(key, ZERO) < line.quantity:
        return _UNKNOWN
    return _short(ground, line, quantity)


def _over(ground: Ground, line: Line, quantity: Decimal) -> _Judged:
    """What was invoiced, in all, against what was ordered."""
    if (ordered := ground.ordered(line)) is None:
        return _UNKNOWN
    invoiced = ground.known.invoiced.get(_order_line(ground, line) or "", ZERO)
    over = min(invoiced - ordered.quantity, line.quantity)
    figures: _Figures = {"line": line.line_id, "invoiced": invoiced, "ordered": ordered.quantity}
    if over <= 0:
        return _Judged(Verdict.DISPROVEN, fact=_fact("quantity_as_ordered", **figures))
    fact = _fact("invoiced_more", **figures)
    found = _units(ground, line, quantity, over, fact)
    return found if not found.minor else _against_order(ground, found.minor, fact, found.verdict)


def _charge(ground: Ground, line: Line, quantity: Decimal) -> _Judged:
    """Whether the line was ordered at all."""
    if ground.known.terms is None or ground.known.order is None:
        return _UNKNOWN
    if ground.ordered(line) is not None:
        return _Judged(Verdict.DISPROVEN, fact=_fact("charge_ordered", line=line.line_id))
    fact = _fact("charge_not_ordered", line=line.line_id)
    return _against_order(ground, _gross(product(line.unit_price, quantity), line, ground.currency), fact)


def _tax(ground: Ground, line: Line, quantity: Decimal) -> _Judged:
    """The rate against the order's and the tables', where all are in one country: elsewhere the place of supply decides."""
    ordered, terms = ground.ordered(line), ground.known.terms
    if ordered is None or terms is None or line.vat_category not in _TAXED or terms.countries != {terms.seller_country}:
        return _UNKNOWN
    if (due := _rate_due(ordered, terms)) is None or line.vat_rate < due:
        return _UNKNOWN
    figures: _Figures = {"line": line.line_id, "invoiced": line.vat_rate, "due": due, "country": terms.seller_country}
    on = terms.delivered_on.isoformat()
    if line.vat_rate == due:
        return _Judged(Verdict.DISPROVEN, fact=_fact("tax_right", **figures, on=on))
    more = product(product(line.unit_price, quantity), (line.vat_rate - due) / 100)
    minor = Money.of(more, ground.currency).minor
    return _against_order(ground, minor, _fact("tax_above", **figures, on=on))


def _rate_due(ordered: OrderedLine, terms: Terms) -> Decimal | None:
    """In percent; None where the tables do not say."""
    try:
        rates = rates_of(terms.seller_country, terms.delivered_on)
    except Refusal:
        return None
    if ordered.vat_rate is not None and (not ordered.vat_rate or rates.find(ordered.vat_rate) is not None):
        return ordered.vat_rate
    by_class = {"STANDARD": rates.standard, "REDUCED": rates.reduced or rates.standard, "ZERO": ZERO}
    return by_class.get(ordered.tax_class)


def _duplicate(ground: Ground) -> Check:
    """Whether another invoice says the same, and more is invoiced by both than was ordered."""
    known, case = ground.known, ground.case
    if known.terms is None or known.order is None:
        return _of(ground, Verdict.UNKNOWN)
    if not known.twins:
        return _of(ground, Verdict.DISPROVEN, _fact("no_duplicate", order=case.order_id))
    is_over = any(
        known.invoiced.get(line_id, ZERO) > ordered.quantity for line_id, ordered in known.order.lines.items()
    )
    if not is_over:
        facts = [_fact("both_ordered", number=twin.number, on=twin.issued_on.isoformat()) for twin in known.twins]
        return _of(ground, Verdict.DISPROVEN, *facts[:LINES_TOLD])
    standing = [twin for twin in known.twins if twin.stands]
    others = ground.invoice.credited + ground.invoice.disputed
    if not standing or others.minor or known.order.is_replaced:
        return _of(ground, Verdict.UNKNOWN)
    fact = _fact("duplicate_of", number=standing[0].number, on=standing[0].issued_on.isoformat(), order=case.order_id)
    return replace(_of(ground, Verdict.PROVEN, fact), proven=case.amount)


def _due(ground: Ground) -> Check:
    """The due date against the days that were agreed, counted from the day of issue."""
    terms, days = ground.known.terms, ground.known.net_days
    if terms is None or len(days) != 1:
        return _of(ground, Verdict.UNKNOWN)
    [agreed] = days
    by = ground.invoice.issue_date + timedelta(days=agreed)
    code, verdict = ("due_early", Verdict.PROVEN) if terms.due_on < by else ("due_as_agreed", Verdict.DISPROVEN)
    said = {"due": terms.due_on.isoformat(), "agreed": by.isoformat(), "issued": ground.invoice.issue_date.isoformat()}
    return _of(ground, verdict, _fact(code, days=Decimal(agreed), **said))


def _paid(ground: Ground) -> Check:
    """Whether it is paid, or cash of that amount waits for its invoice."""
    known, case = ground.known, ground.case
    if known.terms is None:
        return _of(ground, Verdict.UNKNOWN)
    owed = ground.invoice.gross - ground.invoice.credited
    if known.paid_minor and known.paid_minor >= owed.minor:
        on = {"on": known.paid_on.isoformat()} if known.paid_on else {}
        return _of(ground, Verdict.PROVEN, _fact("paid", amount=Money(known.paid_minor, ground.currency), **on))
    if known.unapplied_minor is None:
        return _of(ground, Verdict.UNKNOWN)
    cash = Money(known.unapplied_minor, ground.currency)
    if cash.minor >= case.amount.minor:
        return _of(ground, Verdict.PROVEN, _fact("cash_unapplied", amount=cash))
    if cash.minor or known.paid_minor:
        return _of(ground, Verdict.UNKNOWN)
    return _of(ground, Verdict.DISPROVEN, _fact("not_paid", number=ground.invoice.number))


def _credited(ground: Ground) -> Check:
    """Whether a credit note of it exists that covers what is disputed."""
    invoice = ground.invoice
    if ground.known.credit_notes and invoice.credited.minor >= ground.case.amount.minor:
        facts = [_fact("credit_note", number=number) for number in ground.known.credit_notes[:LINES_TOLD]]
        return _of(ground, Verdict.PROVEN, *facts, _fact("credited", amount=invoice.credited))
    if ground.known.credit_notes or invoice.credited.minor or invoice.disputed.minor:
        return _of(ground, Verdict.UNKNOWN)
    return _of(ground, Verdict.DISPROVEN, _fact("no_credit_note", number=invoice.number))


def _of(ground: Ground, verdict: Verdict, *facts: Fact) -> Check:
    """What is said of a case as a whole, and is no amount."""
    return Check(verdict, Money(0, ground.currency), facts=facts)


def _units(ground: Ground, line: Line, quantity: Decimal, missing: Decimal, fact: Fact) -> _Judged:
    """So many units are missing of a line, of which others contest some already, or had them credited."""
    if missing <= 0:
        return _Judged(Verdict.DISPROVEN, fact=fact)
    if (free := min(missing - line.claimed, quantity)) <= 0:
        return _Judged(Verdict.UNKNOWN, fact=fact)
    minor = _gross(product(line.unit_price, free), line, ground.currency)
    return _Judged(Verdict.PROVEN if free == quantity else Verdict.PARTLY_PROVEN, minor, fact)


def _against_order(ground: Ground, minor: int, fact: Fact, verdict: Verdict = Verdict.PROVEN) -> _Judged:
    """What the order proves against the invoice, unless it may be another version that was invoiced."""
    if ground.known.order is None or ground.known.order.is_replaced:
        return _UNKNOWN
    return _Judged(verdict, minor, fact)


def _order_line(ground: Ground, line: Line) -> str | None:
    return None if ground.known.terms is None else ground.known.terms.ordered_as.get(line.line_id)


def _gross(net: Decimal, line: Line, currency: str) -> int:
    """A net amount of a line with its VAT, in minor units."""
    return Money.of(product(net, 1 + line.vat_rate / 100), currency).minor


def _fact(code: str, **figures: str | Decimal | Money) -> Fact:
    return Fact(code, tuple(_texts(figures)))


def _texts(figures: _Figures) -> Iterator[tuple[str, str]]:
    for name, value in figures.items():
        yield name, f"{value:f}" if isinstance(value, Decimal) else str(value)


_OF_LINE: Mapping[str, _OfLine] = {
    "PRC_UNIT": _price,
    "QTY_SHORT": _short,
    "QTY_OVER": _over,
    "DLV_NONE": _not_delivered,
    "FRT_CHARGE": _charge,
    "TAX_RATE": _tax,
}
_OF_CASE: Mapping[str, _OfCase] = {
    "INV_DUP": _duplicate,
    "TRM_DUE": _due,
    "PAY_DONE": _paid,
    "CRN_MISSING": _credited,
}
CHECKED = frozenset((*_OF_LINE, *_OF_CASE))
