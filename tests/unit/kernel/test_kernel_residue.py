"""Whatever the parts in which an invoice is credited, all of them add up to it, net and tax, rate by rate."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.kernel import residue
from services.kernel.residue import NOTHING, Rate, Share

GB: Rate = ("S", Decimal(20))
DE: Rate = ("S", Decimal(19))
OUTSIDE: Rate = ("O", Decimal(0))


def test_the_last_of_two_lines_takes_what_is_left_of_the_tax() -> None:
    invoice = residue.whole({GB: 26})
    assert invoice[GB].gross == 31

    first = residue.by_lines(invoice, {}, {GB: 13})
    second = residue.by_lines(invoice, first, {GB: 13})

    assert (first[GB], second[GB]) == (Share(13, 3), Share(13, 2))


def test_no_credit_of_many_lines_is_more_than_a_unit_beside_its_own_rounding() -> None:
    invoice = residue.whole({GB: 13 * 100})
    credited: dict[Rate, Share] = {GB: NOTHING}
    for _ in range(100):
        part = residue.by_lines(invoice, credited, {GB: 13})[GB]
        assert abs(part.tax - 3) <= 1
        credited[GB] += part

    assert credited == invoice


def test_three_thirds_of_a_line_come_to_the_line_and_its_allowance() -> None:
    def third(before: str, line_net: int = 101) -> int:
        return residue.net_of_part(
            line_net, Decimal(3), Decimal("0.335"), before=Decimal(before), part=Decimal(1), currency="EUR"
        )

    assert [third("0"), third("1"), third("2")] == [34, 33, 34]
    # A cent that was taken off the line when it was invoiced is missing in the last.
    assert [third("0", 100), third("1", 100), third("2", 100)] == [34, 33, 33]


def test_an_amount_is_spread_to_the_cent_though_no_net_has_it() -> None:
    invoice = residue.whole({DE: 1000, OUTSIDE: 1000})

    assert sum(share.gross for share in residue.by_amount(invoice, {}, 3).values()) == 3
    assert residue.by_amount({DE: invoice[DE]}, {}, 3) == {DE: Share(3, 0)}
    assert residue.by_amount(invoice, {}, invoice[DE].gross + 1000) == invoice


def test_what_is_outside_of_vat_has_none_of_it_in_any_part() -> None:
    invoice = residue.whole({GB: 101, OUTSIDE: 99})

    assert residue.by_amount(invoice, {}, 77)[OUTSIDE].tax == 0
    assert residue.by_lines(invoice, {}, {OUTSIDE: 50}) == {OUTSIDE: Share(50, 0)}


rates = st.sampled_from([GB, DE, OUTSIDE, ("S", Decimal("5.5")), ("S", Decimal(7))])


@given(st.dictionaries(rates, st.integers(1, 100_000), min_size=1), st.lists(st.integers(1, 50_000)))
def test_amounts_in_any_order_and_then_the_rest_add_up_to_the_invoice(nets: dict[Rate, int], asked: list[int]) -> None:
    invoice = residue.whole(nets)
    credited: dict[Rate, Share] = dict.fromkeys(nets, NOTHING)
    total = sum(share.gross for share in invoice.values())
    for amount in [*asked, total]:
        left = total - sum(share.gross for share in credited.values())
        parts = residue.by_amount(invoice, credited, min(amount, left))
        assert sum(share.gross for share in parts.values()) == min(amount, left)
        credited = {rate: share + parts.get(rate, NOTHING) for rate, share in credited.items()}
        assert all(0 <= share.net <= invoice[rate].net for rate, share in credited.items())
        assert all(0 <= share.tax <= invoice[rate].tax for rate, share in credited.items())

    assert credited == invoice


@given(rates, st.lists(st.integers(1, 10_000), min_size=1, max_size=30), st.integers(0, 10_000))
def test_lines_in_any_order_even_after_an_amount_add_up_to_the_invoice(
    rate: Rate, nets: list[int], amount: int
) -> None:
    invoice = residue.whole({rate: sum(nets)})
    credited = {rate: NOTHING}
    for net in nets[:-1]:
        credited[rate] += residue.by_lines(invoice, credited, {rate: net})[rate]
    left = invoice[rate] - credited[rate]
    credited[rate] += residue.by_amount(invoice, credited, min(amount, left.gross)).get(rate, NOTHING)
    left = invoice[rate] - credited[rate]
    credited[rate] += residue.by_lines(invoice, credited, {rate: left.net})[rate]

    assert credited == invoice
