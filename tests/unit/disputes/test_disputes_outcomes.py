"""What each end of a case needs, credits, and leaves."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from services.disputes.domain import cases, outcomes, portions
from services.disputes.domain.cases import Action, Resolution, State
from services.disputes.domain.invoices import Part
from services.disputes.domain.outcomes import Decision, Outcome
from services.kernel.corrections import CorrectedLine, Correction
from services.kernel.money import Money
from services.kernel.orders import Address
from services.kernel.refusals import Refusal
from tests.unit.disputes.builders import LINES, MONDAY, POLICY, a_case, a_line, an_invoice, eur

ON_LINES = a_case(State.PROPOSED, lines=(Part("1", Decimal(2)),))
ON_AMOUNT = a_case(State.PROPOSED)


def decide(
    resolution: Resolution, *, case: Any = ON_AMOUNT, invoice: Any = None, lines: Any = LINES, **said: Any
) -> Outcome:
    invoice = invoice or an_invoice(disputed=case.amount)
    return outcomes.decide(case, Decision(resolution, **said), invoice, lines, {}, policy=POLICY)


def right(*lines: CorrectedLine, **header: Any) -> Correction:
    return Correction(lines, **header)


def price(line_id: str, unit_price: str) -> CorrectedLine:
    return CorrectedLine(line_id, unit_price=Decimal(unit_price))


@pytest.mark.parametrize("resolution", [Resolution.GOODWILL, Resolution.SPLIT_SETTLEMENT])
def test_goodwill_and_a_settlement_credit_the_amount_that_is_named(resolution: Resolution) -> None:
    outcome = decide(resolution, amount=eur("10"))

    assert (outcome.credit, outcome.told, outcome.credited) == (eur("10"), (), ())
    assert sum(share.gross for share in outcome.shares.values()) == 1000


def test_goodwill_is_at_most_what_the_policy_says_in_the_currency_of_the_invoice() -> None:
    policy = replace(POLICY, goodwill_max=10)
    said = Decision(Resolution.GOODWILL, amount=eur("10.01"))

    with pytest.raises(Refusal) as refused:
        outcomes.decide(ON_AMOUNT, said, an_invoice(disputed=ON_AMOUNT.amount), LINES, {}, policy=policy)
    assert refused.value.code == "dispute.goodwill_too_high"
    yen = Decision(Resolution.GOODWILL, amount=Money(11, "JPY"))
    with pytest.raises(Refusal) as refused:
        outcomes.decide(ON_AMOUNT, yen, an_invoice(), LINES, {}, policy=policy)
    assert refused.value.code == "dispute.goodwill_too_high"


def test_a_rebill_credits_all_that_is_left_also_what_the_case_is_not_about() -> None:
    outcome = decide(Resolution.REBILL, correction=right(purchase_order="PO-7"))

    assert outcome.credit == an_invoice().gross
    assert {part.line_id: part.quantity for part in outcome.credited} == {"1": 10, "2": 1, "3": 4}
    assert outcome.correction == right(purchase_order="PO-7")
    moves = cases.resolve(ON_AMOUNT, outcome.resolution, outcome.credit, outcome.credited, at=MONDAY, policy=POLICY)
    assert cases.check_room(ON_AMOUNT, moves[-1].after, an_invoice(disputed=ON_AMOUNT.amount), LINES).room == eur("0")


def test_the_corrected_invoice_has_no_more_of_a_line_than_was_not_credited() -> None:
    lines = {**LINES, "1": replace(LINES["1"], claimed=Decimal(4), credited=Decimal(4))}
    invoice = an_invoice(credited=eur("47.60"), disputed=ON_AMOUNT.amount)
    outcome = decide(Resolution.REBILL, invoice=invoice, lines=lines, correction=right(price("1", "9")))

    assert outcome.credit == eur("152.30")
    assert outcome.correction == right(CorrectedLine("1", Decimal(6), Decimal(9)))
    header = decide(Resolution.REBILL, invoice=invoice, lines=lines, correction=right(net_days=14))
    assert header.correction == right(CorrectedLine("1", Decimal(6)), net_days=14)


def test_a_corrected_price_credits_the_difference_at_the_rate_of_its_line() -> None:
    outcome = decide(Resolution.PRICE_CORRECTION, correction=right(price("1", "9"), price("3", "4.50")))

    assert outcome.shares == {
        ("S", Decimal(19)): portions.Share(1000, 190),
        ("S", Decimal(7)): portions.Share(200, 14),
    }
    assert outcome.credit == eur("14.04")
    assert outcome.correction is not None
    assert [(line.line_id, line.quantity) for line in outcome.correction.lines] == [
        ("1", Decimal(10)),
        ("3", Decimal(4)),
    ]


def test_of_what_was_credited_before_a_corrected_price_credits_nothing() -> None:
    lines = {**LINES, "1": replace(LINES["1"], claimed=Decimal(4), credited=Decimal(4))}
    outcome = decide(Resolution.PRICE_CORRECTION, lines=lines, correction=right(price("1", "9")))

    assert outcome.credit == eur("7.14")


def test_what_is_sent_again_is_what_is_disputed_if_nobody_says_less() -> None:
    assert decide(Resolution.REPLACEMENT, case=ON_LINES).replaced == ON_LINES.lines
    one = (Part("1", Decimal(1)),)
    outcome = outcomes.decide(
        ON_LINES, Decision(Resolution.REPLACEMENT, one), an_invoice(disputed=ON_LINES.amount), LINES, {}, policy=POLICY
    )
    assert (outcome.replaced, outcome.credit.minor) == (one, 0)


def test_what_is_given_up_is_credited_by_nobody() -> None:
    outcome = decide(Resolution.WRITE_OFF, case=ON_LINES)

    assert (outcome.credit.minor, outcome.given_up, outcome.credited) == (0, ON_LINES.amount, ON_LINES.lines)


ONE = (Part("1", Decimal(1)),)


@pytest.mark.parametrize(
    ("resolution", "said", "code"),
    [
        (Resolution.GOODWILL, {"parts": ONE}, "dispute.lines_or_amount"),
        (Resolution.GOODWILL, {}, "dispute.lines_or_amount"),
        (Resolution.GOODWILL, {"amount": eur("23.81")}, "dispute.credit_exceeds_dispute"),
        (Resolution.SPLIT_SETTLEMENT, {"parts": ONE}, "dispute.lines_or_amount"),
        (Resolution.SPLIT_SETTLEMENT, {"amount": eur("0")}, "dispute.amount_not_positive"),
        (Resolution.WRITE_OFF, {"amount": eur("1")}, "dispute.lines_or_amount"),
        (Resolution.REPLACEMENT, {"amount": eur("1")}, "dispute.lines_or_amount"),
        (Resolution.REPLACEMENT, {}, "dispute.replacement_unnamed"),
        (Resolution.REPLACEMENT, {"parts": (Part("9", Decimal(1)),)}, "dispute.unknown_line"),
        (Resolution.FULL_CREDIT, {"correction": right(net_days=1)}, "dispute.correction_misplaced"),
        (Resolution.REBILL, {}, "dispute.correction_misplaced"),
        (Resolution.REBILL, {"correction": right()}, "dispute.correction_missing"),
        (Resolution.REBILL, {"correction": right(net_days=1), "amount": eur("1")}, "dispute.lines_or_amount"),
        (Resolution.REBILL, {"correction": right(net_days=366)}, "dispute.correction_days"),
        (Resolution.REBILL, {"correction": right(ship_to=Address(country="XX"))}, "country.unknown"),
        (
            Resolution.REBILL,
            {"correction": right(ship_to=Address(city="Ort", country="DE"))},
            "dispute.correction_address",
        ),
        (Resolution.REBILL, {"correction": right(price("1", "9" * 20))}, "money.too_large"),
        (Resolution.REBILL, {"correction": right(price("9", "1"))}, "dispute.unknown_line"),
        (Resolution.REBILL, {"correction": right(price("1", "-1"))}, "dispute.price_negative"),
        (Resolution.REBILL, {"correction": right(price("1", "1"), price("1", "2"))}, "dispute.line_repeated"),
        (Resolution.REBILL, {"correction": right(CorrectedLine("1", Decimal(11)))}, "dispute.exceeds_line"),
        (Resolution.REBILL, {"correction": right(CorrectedLine("1", Decimal(-1)))}, "dispute.quantity_not_positive"),
        (Resolution.REBILL, {"correction": right(CorrectedLine("1", tax_class="ODD"))}, "dispute.tax_class_unknown"),
        (
            Resolution.REBILL,
            {"correction": right(*(CorrectedLine(line_id, Decimal(0)) for line_id in LINES))},
            "dispute.correction_empty",
        ),
        (Resolution.PRICE_CORRECTION, {"correction": right(net_days=1)}, "dispute.prices_alone"),
        (Resolution.PRICE_CORRECTION, {"correction": right()}, "dispute.prices_alone"),
        (Resolution.PRICE_CORRECTION, {"correction": right(CorrectedLine("1", Decimal(1)))}, "dispute.prices_alone"),
        (Resolution.PRICE_CORRECTION, {"correction": right(price("1", "10"))}, "dispute.price_not_lower"),
        (Resolution.PRICE_CORRECTION, {"correction": right(price("1", "7"))}, "dispute.credit_exceeds_dispute"),
    ],
)
def test_an_end_that_names_too_little_or_what_is_not_its_own_is_refused(
    resolution: Resolution, said: dict[str, Any], code: str
) -> None:
    decision = Decision(resolution, said.get("parts", ()), said.get("amount"), said.get("correction"))

    with pytest.raises(Refusal) as refused:
        outcomes.decide(ON_AMOUNT, decision, an_invoice(disputed=ON_AMOUNT.amount), LINES, {}, policy=POLICY)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"disputed": eur("30")}, "dispute.others_open"),
        ({"credited": eur("5")}, "dispute.rebill_after_amount"),
        ({"credited": eur("199.90")}, "dispute.nothing_left"),
    ],
)
def test_an_invoice_that_others_are_about_is_not_put_right(changes: dict[str, Any], code: str) -> None:
    invoice = an_invoice(**{"disputed": ON_AMOUNT.amount, **changes})

    with pytest.raises(Refusal) as refused:
        decide(Resolution.REBILL, invoice=invoice, correction=right(net_days=1))
    assert refused.value.code == code


@pytest.mark.parametrize("resolution", [Resolution.REPLACEMENT, Resolution.WRITE_OFF])
def test_what_others_carry_out_counts_whole_until_they_have(resolution: Resolution) -> None:
    case = replace(ON_LINES, state=State.ACCEPTED)
    resolving = cases.resolve(case, resolution, eur("0"), (), at=MONDAY, policy=POLICY)[-1].after

    assert (resolving.state, resolving.claim) == (State.RESOLVING, case.amount)
    sent = cases.replaced(resolving, "p2", at=MONDAY)
    gone = cases.given_up(resolving, eur("5"), at=MONDAY)
    assert (sent.state, sent.claim.minor, sent.replaced_by_shipment) == (State.RESOLVED, 0, "p2")
    assert (gone.state, gone.claim.minor, gone.written_off) == (State.RESOLVED, 0, eur("5"))


def test_goods_that_were_sent_again_can_be_wrong_again_but_what_was_given_up_or_invoiced_anew_is_over() -> None:
    ended = a_case(State.RESOLVED, credit=eur("0"), resolution=Resolution.REPLACEMENT)

    assert cases.move(ended, Action.REOPEN, at=MONDAY, policy=POLICY).amount == ended.amount
    for resolution in (Resolution.WRITE_OFF, Resolution.REBILL):
        with pytest.raises(Refusal) as refused:
            cases.move(replace(ended, resolution=resolution), Action.REOPEN, at=MONDAY, policy=POLICY)
        assert refused.value.code == "dispute.nothing_left"


def test_the_tax_of_a_us_sellers_goods_goes_down_with_their_price() -> None:
    goods = replace(a_line("1", "10", "10.00", "0"), vat_category="O")
    tax = replace(a_line("2", "1", "8.00", "0"), vat_category="O", is_sales_tax=True)
    lines = {"1": goods, "2": tax}
    invoice = an_invoice(net=eur("108"), tax=eur("0"), gross=eur("108"), disputed=ON_AMOUNT.amount)
    outcome = decide(Resolution.PRICE_CORRECTION, invoice=invoice, lines=lines, correction=right(price("1", "9")))

    assert outcome.credit == eur("10.80")
