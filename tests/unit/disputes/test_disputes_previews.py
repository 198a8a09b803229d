"""What a case would be, to the cent, whatever was contested and credited before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.disputes.domain import cases, invoices, portions, previews
from services.disputes.domain.cases import Dispute, Wish
from services.disputes.domain.invoices import NOTHING_CREDITED, Invoice, Lines
from services.disputes.domain.portions import Shares
from services.disputes.domain.previews import Preview
from services.kernel.money import Money
from services.kernel.refusals import Refusal
from tests.unit.disputes.builders import LINES, MONDAY, POLICY, a_line, a_wish, an_invoice, eur


def look(
    wish: Wish,
    invoice: Invoice | None = None,
    lines: Lines = LINES,
    credited: Shares = NOTHING_CREDITED,
    *,
    at: datetime = MONDAY,
) -> Preview:
    undescribed = replace(wish, description=None)
    return previews.preview(undescribed, invoice or an_invoice(), lines, credited, at=at, policy=POLICY)


def opened(wish: Wish, invoice: Invoice, lines: Lines, credited: Shares) -> Dispute:
    draft = cases.draft(wish, invoice, lines, credited, dispute_id="d1", by="contact:ann", at=MONDAY, policy=POLICY)
    return cases.submit(draft, invoice, lines, at=MONDAY, policy=POLICY)[0]


def test_a_preview_says_what_is_left_of_each_line_what_is_contested_and_when_it_is_answered() -> None:
    lines = {**LINES, "1": replace(LINES["1"], claimed=Decimal(4)), "10": a_line("10", "1", "0")}
    invoice = an_invoice(disputed=eur("47.60"))

    seen = look(a_wish(("1", "2"), ("3", "1")), invoice, lines)

    assert (seen.case.amount, seen.case.answer_by.isoformat()) == (eur("29.15"), "2026-03-02")
    assert [(left.line.line_id, left.quantity, left.gross) for left in seen.left] == [
        ("1", Decimal(6), eur("71.40")),
        ("2", Decimal(1), eur("59.50")),
        ("3", Decimal(4), eur("21.40")),
        ("10", Decimal(1), eur("0")),
    ]


def test_who_names_nothing_means_all_that_is_left() -> None:
    assert look(a_wish(), an_invoice(credited=eur("50"), disputed=eur("100"))).case.amount == eur("49.90")


@pytest.mark.parametrize(
    ("wish", "invoice", "code"),
    [
        (a_wish(), an_invoice(disputed=eur("199.90")), "dispute.nothing_left"),
        (a_wish(), an_invoice(disputed=eur("100"), credited=eur("150")), "dispute.nothing_left"),
        (a_wish(reason_code="qty_short"), an_invoice(), "dispute.unknown_reason"),
        (a_wish(("1", "1"), amount=eur("1")), an_invoice(), "dispute.lines_or_amount"),
        (a_wish(amount=eur("199.91")), an_invoice(), "dispute.exceeds_invoice"),
        (a_wish(("1", "11")), an_invoice(), "dispute.exceeds_line"),
        (a_wish(("9", "1")), an_invoice(), "dispute.unknown_line"),
    ],
)
def test_what_cannot_be_opened_is_refused(wish: Wish, invoice: Invoice, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        look(wish, invoice)

    assert refused.value.code == code


def test_what_can_be_opened_no_more_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        look(a_wish(), at=datetime(2026, 8, 1, tzinfo=UTC))

    assert refused.value.code == "dispute.too_late"


def test_another_reason_needs_no_description_yet() -> None:
    assert look(a_wish(("1", "1"), reason_code="OTH")).case.amount == eur("11.90")


quantities = st.decimals("0.001", "50", places=3)
prices = st.decimals("0.0001", "100", places=4)
rates = st.sampled_from(["0", "7", "17.5", "19", "25"])


@given(st.data())
def test_whatever_was_before_what_is_seen_is_what_is_opened(data: st.DataObject) -> None:
    lines = {
        str(n): a_line(str(n), str(data.draw(quantities)), str(data.draw(prices)), data.draw(rates))
        for n in range(data.draw(st.integers(1, 4)))
    }
    gross = Money(sum(share.gross for share in invoices.whole(lines, "EUR").values()), "EUR")
    invoice, credited = an_invoice(net=gross, tax=eur("0"), gross=gross), NOTHING_CREDITED
    for _ in range(data.draw(st.integers(1, 4))):
        wish = data.draw(wishes(lines))
        seen, case = (
            result(look, wish, invoice, lines, credited=credited),
            result(opened, wish, invoice, lines, credited),
        )
        if isinstance(seen, str):
            assert case == seen
            continue
        assert (seen.case.amount, seen.case.lines, seen.case.answer_by) == (case.amount, case.lines, case.answer_by)
        check_what_is_left(seen, invoice, lines, credited)
        invoice = invoice.contest(case.amount)
        for part in case.lines:
            line = lines[part.line_id]
            lines = {**lines, part.line_id: replace(line, claimed=line.claimed + part.quantity)}
        if data.draw(st.booleans()):
            told, shares = invoices.split(case.amount, case.lines, lines, credited)
            credited, invoice = portions.add(credited, shares), invoice.contest(-case.amount).credit(case.amount)
            for part in case.lines:
                line = lines[part.line_id]
                as_amount = line.credited_as_amount + (0 if told else part.quantity)
                now = replace(line, credited=line.credited + part.quantity, credited_as_amount=as_amount)
                lines = {**lines, part.line_id: now}
    if invoice.room.minor > 0:
        seen = look(a_wish(), invoice, lines, credited=credited)
        assert opened(a_wish(amount=seen.case.amount), invoice, lines, credited).amount == invoice.room


def wishes(lines: Lines) -> st.SearchStrategy[Wish]:
    amounts = st.integers(1, 50_000).map(lambda minor: a_wish(amount=Money(minor, "EUR")))
    parts = st.dictionaries(st.sampled_from(sorted(lines)), quantities.map(str), min_size=1)
    return amounts | parts.map(lambda named: a_wish(*named.items()))


def check_what_is_left(seen: Preview, invoice: Invoice, lines: Lines, credited: Shares) -> None:
    """A case on what is left of one line is worth what was said of it, or more than is left of the invoice."""
    for left in seen.left:
        if not left.quantity:
            assert not left.gross.minor
            continue
        case = result(opened, a_wish((left.line.line_id, str(left.quantity))), invoice, lines, credited)
        if isinstance(case, Dispute):
            assert case.amount == left.gross
        elif case == "dispute.exceeds_invoice":
            assert left.gross == invoice.room
        else:
            assert (case, left.gross.minor) == ("dispute.amount_not_positive", 0)


def result(do: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """What comes of it, or the code with which it is refused."""
    try:
        return do(*args, **more)
    except Refusal as refused:
        return refused.code
