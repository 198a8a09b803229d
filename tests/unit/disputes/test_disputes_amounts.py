"""What can be contested of an invoice, to the cent, and what of a dispute can be credited."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.disputes.domain import cases, invoices, portions
from services.disputes.domain.cases import DESCRIPTION_MAX, Dispute, Resolution, State, Wish
from services.disputes.domain.invoices import Invoice, Line, Part
from services.disputes.domain.portions import Rate, Share
from services.disputes.domain.reasons import REASONS
from services.kernel.money import Money
from services.kernel.refusals import Refusal
from tests.unit.disputes.builders import LINES, MONDAY, POLICY, a_case, a_line, a_wish, an_invoice, eur


def draft(wish: Wish, invoice: Invoice | None = None, lines: dict[str, Line] = LINES, at: datetime = MONDAY) -> Dispute:
    return cases.draft(wish, invoice or an_invoice(), lines, dispute_id="d1", by="contact:ann", at=at, policy=POLICY)


def parts(*named: tuple[str, str]) -> tuple[Part, ...]:
    return tuple(Part(line_id, Decimal(quantity)) for line_id, quantity in named)


def test_lines_are_worth_their_price_and_the_tax_at_their_own_rate() -> None:
    assert draft(a_wish(("1", "2"))).amount == eur("23.80")
    assert draft(a_wish(("3", "1"))).amount == eur("5.35")
    assert draft(a_wish(("1", "2"), ("3", "1"))).amount == eur("29.15")


def test_all_lines_together_are_worth_the_invoice() -> None:
    assert draft(a_wish(("1", "10"), ("2", "1"), ("3", "4"))).amount == an_invoice().gross


def test_tax_is_rounded_once_a_rate_and_not_once_a_line() -> None:
    lines = {str(n): a_line(str(n), "1", "0.03", "17.5") for n in range(1, 11)}  # 0.00525 of tax a line

    assert invoices.gross_of(parts(*((str(n), "1") for n in range(1, 11))), lines, "EUR") == eur("0.35")


def test_a_part_of_a_line_is_rounded_half_up_at_the_price_on_the_line() -> None:
    lines = {"1": a_line("1", "3", "0.335", "0"), "2": a_line("2", "2", "0.115", "0")}

    assert invoices.gross_of(parts(("1", "1")), lines, "EUR") == eur("0.34")
    assert invoices.gross_of(parts(("1", "3")), lines, "EUR") == eur("1.01")
    assert invoices.gross_of(parts(("2", "1")), lines, "EUR") == eur("0.12")


def test_currencies_without_and_with_three_decimals_are_rounded_to_their_own_unit() -> None:
    yen = Line("1", Decimal(2), Decimal(101), Money(202, "JPY"), "S", Decimal(10))
    dinar = Line("1", Decimal(2), Decimal("1.0005"), Money(2000, "KWD"), "S", Decimal(0))

    assert invoices.gross_of(parts(("1", "1")), {"1": yen}, "JPY") == Money(111, "JPY")
    assert invoices.gross_of(parts(("1", "1")), {"1": dinar}, "KWD") == Money(1000, "KWD")


def test_the_second_half_of_a_line_takes_what_the_first_left_where_both_are_rounded_up() -> None:
    lines = {"1": a_line("1", "2", "0.125", "0")}
    invoice = an_invoice(net=eur("0.25"), tax=eur("0"), gross=eur("0.25"))
    half = a_wish(("1", "1"))

    assert draft(half, invoice, lines).amount == eur("0.13")
    assert draft(half, invoice.contest(eur("0.13")), lines).amount == eur("0.12")


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (a_wish(("1", "1"), reason_code="qty_short"), "dispute.unknown_reason"),
        (a_wish(("1", "1"), reason_code=""), "dispute.unknown_reason"),
        (a_wish(("1", "1"), reason_code="OTH", description=" "), "dispute.description_missing"),
        (a_wish(("1", "1"), description="x" * (DESCRIPTION_MAX + 1)), "dispute.description_too_long"),
        (a_wish(), "dispute.lines_or_amount"),
        (a_wish(("1", "1"), amount=eur("1")), "dispute.lines_or_amount"),
        (a_wish(amount=Money(100, "SEK")), "dispute.other_currency"),
        (a_wish(amount=eur("0")), "dispute.amount_not_positive"),
        (a_wish(amount=eur("-1")), "dispute.amount_not_positive"),
        (a_wish(("1", "1"), ("1", "2")), "dispute.line_repeated"),
        (a_wish(("1", "0")), "dispute.quantity_not_positive"),
        (a_wish(("1", "-1")), "dispute.quantity_not_positive"),
        (a_wish(("9", "1")), "dispute.unknown_line"),
        (a_wish(("1", "10.000001")), "dispute.exceeds_line"),
        (a_wish(("free", "1")), "dispute.amount_not_positive"),
    ],
)
def test_what_cannot_be_disputed_is_refused(wish: Wish, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        draft(wish, lines={**LINES, "free": a_line("free", "1", "0")})

    assert refused.value.code == code


def test_an_invoice_can_be_disputed_for_ninety_days_and_not_a_day_longer() -> None:
    invoice = an_invoice(issue_date=date(2026, 1, 1))

    assert draft(a_wish(("1", "1")), invoice, at=datetime(2026, 4, 1, 23, 59, tzinfo=UTC))
    with pytest.raises(Refusal) as refused:
        draft(a_wish(("1", "1")), invoice, at=datetime(2026, 4, 2, tzinfo=UTC))
    assert refused.value.code == "dispute.too_late"


def test_a_standard_case_is_answered_within_five_business_days() -> None:
    assert draft(a_wish(("1", "1"), reason_code="DLV_NONE")).answer_by == date(2026, 3, 9)


def test_open_disputes_and_credits_together_never_exceed_the_invoice() -> None:
    invoice = an_invoice(credited=eur("100"), disputed=eur("90"))

    assert invoice.contest(eur("9.90")).room == eur("0")
    with pytest.raises(Refusal) as refused:
        invoice.contest(eur("9.91"))
    assert refused.value.code == "dispute.exceeds_invoice"


def test_credit_notes_that_outran_the_cases_leave_no_room_but_let_cases_give_back() -> None:
    invoice = an_invoice(disputed=eur("150")).credit(eur("60"))

    assert invoice.contest(eur("-150")).room == eur("139.90")
    with pytest.raises(Refusal):
        invoice.contest(eur("0.01"))


def test_units_that_another_case_contests_or_had_credited_are_not_contested_again() -> None:
    lines = {"1": a_line("1", "10", "10", claimed="8")}

    invoices.check_claimed(parts(("1", "2")), lines)
    with pytest.raises(Refusal) as refused:
        invoices.check_claimed(parts(("1", "3")), lines)
    assert refused.value.code == "dispute.exceeds_line"


ON_LINES = a_case(State.PROPOSED, lines=parts(("1", "2")))
ON_AMOUNT = a_case(State.PROPOSED)


@pytest.mark.parametrize(
    ("case", "resolution", "named", "amount", "credit"),
    [
        (ON_LINES, Resolution.FULL_CREDIT, (), None, (eur("23.80"), parts(("1", "2")))),
        (ON_LINES, Resolution.PARTIAL_CREDIT, parts(("1", "1")), None, (eur("11.90"), parts(("1", "1")))),
        (ON_LINES, Resolution.PARTIAL_CREDIT, (), eur("23.80"), (eur("23.80"), ())),
        (ON_LINES, Resolution.INVALID_PAYABLE, (), None, (eur("0"), ())),
        (ON_AMOUNT, Resolution.FULL_CREDIT, (), None, (eur("23.80"), ())),
        (ON_AMOUNT, Resolution.PARTIAL_CREDIT, (), eur("0.01"), (eur("0.01"), ())),
        (ON_AMOUNT, Resolution.PARTIAL_CREDIT, parts(("3", "4")), None, (eur("21.40"), parts(("3", "4")))),
    ],
)
def test_a_credit_is_all_nothing_or_the_part_that_is_named(
    case: Dispute,
    resolution: Resolution,
    named: tuple[Part, ...],
    amount: Money | None,
    credit: tuple[Money, tuple[Part, ...]],
) -> None:
    assert cases.credit_for(case, resolution, named, amount, LINES) == credit


@pytest.mark.parametrize(
    ("case", "resolution", "named", "amount", "code"),
    [
        (ON_LINES, Resolution.FULL_CREDIT, (), eur("1"), "dispute.lines_or_amount"),
        (ON_LINES, Resolution.INVALID_PAYABLE, parts(("1", "1")), None, "dispute.lines_or_amount"),
        (ON_LINES, Resolution.PARTIAL_CREDIT, (), None, "dispute.lines_or_amount"),
        (ON_LINES, Resolution.PARTIAL_CREDIT, parts(("1", "1")), eur("1"), "dispute.lines_or_amount"),
        (ON_LINES, Resolution.PARTIAL_CREDIT, (), Money(1, "SEK"), "dispute.other_currency"),
        (ON_LINES, Resolution.PARTIAL_CREDIT, (), eur("0"), "dispute.amount_not_positive"),
        (ON_LINES, Resolution.PARTIAL_CREDIT, (), eur("23.81"), "dispute.credit_exceeds_dispute"),
        (ON_LINES, Resolution.PARTIAL_CREDIT, parts(("1", "3")), None, "dispute.credit_exceeds_dispute"),
        (ON_LINES, Resolution.PARTIAL_CREDIT, parts(("3", "1")), None, "dispute.credit_exceeds_dispute"),
        (ON_LINES, Resolution.PARTIAL_CREDIT, parts(("9", "1")), None, "dispute.unknown_line"),
        (ON_AMOUNT, Resolution.PARTIAL_CREDIT, parts(("2", "1")), None, "dispute.credit_exceeds_dispute"),
    ],
)
def test_a_credit_beyond_what_is_disputed_is_refused(
    case: Dispute, resolution: Resolution, named: tuple[Part, ...], amount: Money | None, code: str
) -> None:
    with pytest.raises(Refusal) as refused:
        cases.credit_for(case, resolution, named, amount, LINES)

    assert refused.value.code == code


def test_an_amount_case_does_not_credit_units_that_another_case_has() -> None:
    lines = {**LINES, "3": a_line("3", "4", "5.00", "7", claimed="4")}

    with pytest.raises(Refusal) as refused:
        cases.credit_for(ON_AMOUNT, Resolution.PARTIAL_CREDIT, parts(("3", "1")), None, lines)
    assert refused.value.code == "dispute.exceeds_line"


quantities = st.decimals("0.001", "50", places=3)
prices = st.decimals("0.0001", "100", places=4)
rates = st.sampled_from(["0", "7", "17.5", "19", "25"])


@st.composite
def invoiced(draw: st.DrawFn) -> dict[str, Line]:
    count = draw(st.integers(1, 5))
    lines = [a_line(str(n), str(draw(quantities)), str(draw(prices)), draw(rates)) for n in range(count)]
    return {line.line_id: line for line in lines}


def whole(lines: dict[str, Line]) -> tuple[Part, ...]:
    return tuple(Part(line.line_id, line.quantity) for line in lines.values())


@given(invoiced(), st.data())
def test_a_part_is_never_worth_more_than_the_whole(lines: dict[str, Line], data: st.DataObject) -> None:
    some = tuple(
        Part(line.line_id, data.draw(st.decimals("0.001", line.quantity, places=3))) for line in lines.values()
    )

    assert invoices.gross_of(some, lines, "EUR") <= invoices.gross_of(whole(lines), lines, "EUR")


def test_the_second_of_two_lines_takes_what_is_left_of_the_tax() -> None:
    lines = {n: Line(n, Decimal(1), Decimal("0.13"), Money(13, "GBP"), "S", Decimal(20)) for n in "12"}
    both = {n: replace(line, claimed=Decimal(1)) if n == "1" else line for n, line in lines.items()}
    invoice = an_invoice(net=Money(26, "GBP"), tax=Money(5, "GBP"), gross=Money(31, "GBP"), **NOTHING_GBP)

    first, second = draft(a_wish(("1", "1")), invoice, lines), draft(a_wish(("2", "1")), invoice, both)
    assert (first.amount, second.amount) == (Money(16, "GBP"), Money(15, "GBP"))

    told, shares = invoices.split(first.amount, first.lines, lines, {})
    credited = {n: replace(line, credited=line.claimed) for n, line in both.items()}
    assert told == first.lines
    assert invoices.gross_of(second.lines, credited, "GBP", shares) == second.amount


NOTHING_GBP = {"credited": Money(0, "GBP"), "disputed": Money(0, "GBP")}


def test_what_was_credited_before_it_was_kept_by_rate_counts_as_an_amount() -> None:
    known = invoices.with_unknown({}, eur("100"), LINES)

    assert sum(share.gross for share in known.values()) == 100_00
    assert invoices.with_unknown(known, eur("100"), LINES) == known
    assert invoices.with_unknown(known, eur("999"), LINES) == invoices.whole(LINES, "EUR")


@given(invoiced(), st.data())
def test_whatever_is_credited_in_whatever_order_the_last_credit_leaves_nothing(
    lines: dict[str, Line], data: st.DataObject
) -> None:
    credited: dict[Rate, Share] = {}
    total = invoices.gross_of(whole(lines), lines, "EUR")
    told = Money(0, "EUR")
    for line_id in data.draw(st.permutations(sorted(lines))):
        quantity = lines[line_id].quantity
        first = data.draw(st.decimals("0", quantity, places=3))
        for part in (first, quantity - first):
            if not part:
                continue
            parts = (Part(line_id, part),)
            worth = invoices.gross_of(parts, lines, "EUR", credited)
            named, shares = invoices.split(worth, parts, lines, credited)
            assert named == parts
            credited, told = portions.add(credited, shares), told + worth
            line = lines[line_id]
            lines = {**lines, line_id: replace(line, credited=line.credited + part, claimed=line.claimed + part)}

    assert told == total
    assert credited == invoices.whole(lines, "EUR")


@given(invoiced(), st.lists(st.tuples(st.integers(0, 4), st.decimals("0.001", "50", places=3)), max_size=20))
def test_whatever_is_disputed_the_sum_never_exceeds_the_gross(
    lines: dict[str, Line], wishes: list[tuple[int, Decimal]]
) -> None:
    gross = invoices.gross_of(whole(lines), lines, "EUR")
    invoice = an_invoice(net=gross, tax=eur("0"), gross=gross)
    opened = Money(0, "EUR")
    for line, quantity in wishes:
        try:
            case = draft(a_wish((str(line), str(quantity))), invoice, lines)
            invoice = invoice.contest(case.amount)
        except Refusal:
            continue
        opened = opened + case.amount
        assert opened == invoice.disputed
        assert opened <= gross


def test_the_reasons_are_those_of_the_domain_rules() -> None:
    assert len(REASONS) == 30
    assert REASONS["QTY_SHORT"].peppol == ("QTY",)
    assert REASONS["ITM_WRONG"].uncl4465 == ("14", "49", "100")
    assert REASONS["PAY_DONE"].peppol == ("PPD", "OTH")
    assert {reason.owner for reason in REASONS.values()} == set(
        "Pricing,Sales,Logistics,Billing,Quality,Returns,Operations,Tax,Credit,Cash app,Trade marketing,Fraud,Triage".split(
            ","
        )
    )
