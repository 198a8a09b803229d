"""Whatever the parts in which an invoice is credited, all of them add up to it, net and tax, rate by rate."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.disputes.domain import portions
from services.disputes.domain.portions import NOTHING, Rate, Share
from services.kernel.residue import Whole

GB: Rate = ("S", Decimal(20))
DE: Rate = ("S", Decimal(19))
OUTSIDE: Rate = ("O", Decimal(0))


def test_the_last_of_two_lines_takes_what_is_left_of_the_tax() -> None:
    invoice = portions.whole({GB: 26}, "EUR")
    assert invoice[GB].gross == 31

    first = portions.by_lines(invoice, {}, {GB: 13}, "EUR")
    second = portions.by_lines(invoice, first, {GB: 13}, "EUR")

    assert (first[GB], second[GB]) == (Share(13, 3), Share(13, 2))


def test_no_credit_of_many_lines_is_more_than_a_unit_beside_its_own_rounding() -> None:
    invoice = portions.whole({GB: 13 * 100}, "EUR")
    credited: dict[Rate, Share] = {GB: NOTHING}
    for _ in range(100):
        part = portions.by_lines(invoice, credited, {GB: 13}, "EUR")[GB]
        assert abs(part.tax - 3) <= 1
        credited[GB] += part

    assert credited == invoice


def test_three_thirds_of_a_line_come_to_the_line_and_its_allowance() -> None:
    def third(before: str, line_net: int = 101) -> int:
        line = Whole(DE, Decimal(3), Decimal("0.335"), line_net)
        return portions.net_of_part(line, Decimal(before), Decimal(1), "EUR")

    assert [third("0"), third("1"), third("2")] == [34, 33, 34]
    # A cent that was taken off the line when it was invoiced is missing in the last.
    assert [third("0", 100), third("1", 100), third("2", 100)] == [34, 33, 33]


def test_half_of_a_discount_is_half_of_it() -> None:
    discount = Whole(DE, Decimal(2), Decimal("-1.005"), -201)

    parts = [portions.net_of_part(discount, Decimal(before), Decimal(1), "EUR") for before in (0, 1)]

    assert parts == [-101, -100]


def test_a_dinar_is_credited_in_the_tens_of_fils_that_a_document_can_say() -> None:
    invoice = portions.whole({DE: 10_000, OUTSIDE: 30}, "KWD")

    assert invoice[DE].tax == 1_900
    parts = portions.by_amount(invoice, {}, 5_990, "KWD")
    assert sum(share.gross for share in parts.values()) == 5_990
    assert all(share.net % 10 == share.tax % 10 == 0 for share in parts.values())


def test_an_amount_is_spread_to_the_cent_though_no_net_has_it() -> None:
    invoice = portions.whole({DE: 1000, OUTSIDE: 1000}, "EUR")

    assert sum(share.gross for share in portions.by_amount(invoice, {}, 3, "EUR").values()) == 3
    assert portions.by_amount({DE: invoice[DE]}, {}, 3, "EUR") == {DE: Share(3, 0)}
    assert portions.by_amount(invoice, {}, invoice[DE].gross + 1000, "EUR") == invoice


def test_what_is_outside_of_vat_has_none_of_it_in_any_part() -> None:
    invoice = portions.whole({GB: 101, OUTSIDE: 99}, "EUR")

    assert portions.by_amount(invoice, {}, 77, "EUR")[OUTSIDE].tax == 0
    assert portions.by_lines(invoice, {}, {OUTSIDE: 50}, "EUR") == {OUTSIDE: Share(50, 0)}


rates = st.sampled_from([GB, DE, OUTSIDE, ("S", Decimal("5.5")), ("S", Decimal(7))])


@given(st.dictionaries(rates, st.integers(1, 100_000), min_size=1), st.lists(st.integers(1, 50_000)))
def test_amounts_in_any_order_and_then_the_rest_add_up_to_the_invoice(nets: dict[Rate, int], asked: list[int]) -> None:
    invoice = portions.whole(nets, "EUR")
    credited: dict[Rate, Share] = dict.fromkeys(nets, NOTHING)
    total = sum(share.gross for share in invoice.values())
    for amount in [*asked, total]:
        left = total - sum(share.gross for share in credited.values())
        parts = portions.by_amount(invoice, credited, min(amount, left), "EUR")
        assert sum(share.gross for share in parts.values()) == min(amount, left)
        credited = {rate: share + parts.get(rate, NOTHING) for rate, share in credited.items()}
        assert all(0 <= share.net <= invoice[rate].net for rate, share in credited.items())
        assert all(0 <= share.tax <= invoice[rate].tax for rate, share in credited.items())

    assert credited == invoice


@given(rates, st.lists(st.integers(1, 10_000), min_size=1, max_size=30), st.integers(0, 10_000))
def test_lines_in_any_order_even_after_an_amount_add_up_to_the_invoice(
    rate: Rate, nets: list[int], amount: int
) -> None:
    invoice = portions.whole({rate: sum(nets)}, "EUR")
    credited = {rate: NOTHING}
    for net in nets[:-1]:
        credited[rate] += portions.by_lines(invoice, credited, {rate: net}, "EUR")[rate]
    left = invoice[rate] - credited[rate]
    credited[rate] += portions.by_amount(invoice, credited, min(amount, left.gross), "EUR").get(rate, NOTHING)
    left = invoice[rate] - credited[rate]
    credited[rate] += portions.by_lines(invoice, credited, {rate: left.net}, "EUR")[rate]

    assert credited == invoice
