"""Parts of an invoice add up to it, whatever the parts and their order."""

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.residue import (
    VatGroup,
    VatKey,
    Whole,
    gross_of_part,
    gross_up_to,
    net_up_to,
    spread,
    tax_up_to,
    unit_of,
)

TWENTY: VatKey = ("S", Decimal(20))


def test_two_lines_credited_one_by_one_come_to_their_invoice() -> None:
    lines = {nth: Whole(TWENTY, Decimal(1), Decimal("0.13"), 13) for nth in ("1", "2")}
    groups = {TWENTY: VatGroup(Decimal(20), 26, 5)}
    one = {"1": Decimal(1)}

    assert gross_of_part(one, {}, lines, groups, "GBP") == 16
    assert gross_of_part({"2": Decimal(1)}, one, lines, groups, "GBP") == 15


def test_halves_of_a_line_come_to_the_line() -> None:
    line = Whole(TWENTY, Decimal(2), Decimal("49.995"), 9999)

    assert [net_up_to(Decimal(n), line, "EUR") for n in (1, 2)] == [5000, 9999]


def test_a_dinar_is_rounded_to_what_an_invoice_can_say() -> None:
    line = Whole(TWENTY, Decimal(3), Decimal("45.505"), 136520)

    assert [net_up_to(Decimal(n), line, "KWD") for n in (1, 2, 3)] == [45510, 91010, 136520]
    assert net_up_to(Decimal(1), Whole(TWENTY, Decimal(2), Decimal("0.5"), 1), "JPY") == 1


def test_what_has_no_rate_has_no_tax() -> None:
    assert tax_up_to(50, VatGroup(None, 100, 0), "EUR") == 0


LINES = st.lists(
    st.tuples(
        st.integers(1, 9),
        st.decimals("0.001", "99.999", places=3),
        st.sampled_from(["0", "5.5", "7", "19", "20", "25"]),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
@given(told=LINES, order=st.randoms(use_true_random=False))
def test_however_an_invoice_is_taken_apart_its_parts_add_up_and_none_is_below_zero(
    currency: str, told: list[tuple[int, Decimal, str]], order: Random
) -> None:
    lines, groups = _invoice(told, currency)
    singles = [line_id for line_id, line in lines.items() for _ in range(int(line.quantity))]
    order.shuffle(singles)
    taken: dict[str, Decimal] = {}
    parts = []
    for line_id in singles:
        parts.append(gross_of_part({line_id: Decimal(1)}, taken, lines, groups, currency))
        taken[line_id] = taken.get(line_id, Decimal(0)) + 1

    assert sum(parts) == sum(group.net_minor + group.tax_minor for group in groups.values())
    assert sum(parts) == gross_up_to(taken, lines, groups, currency)
    assert min(parts) >= 0


def _invoice(told: list[tuple[int, Decimal, str]], currency: str) -> tuple[dict[str, Whole], dict[VatKey, VatGroup]]:
    lines: dict[str, Whole] = {}
    nets: dict[VatKey, int] = {}
    for nth, (quantity, price, rate) in enumerate(told):
        key: VatKey = ("S", Decimal(rate))
        alone = Whole(key, Decimal(-1), price, 0)  # never taken whole: rounded by itself
        lines[str(nth)] = Whole(key, Decimal(quantity), price, net_up_to(Decimal(quantity), alone, currency))
        nets[key] = nets.get(key, 0) + lines[str(nth)].net_minor
    rates = {key: VatGroup(key[1], -1, 0) for key in nets}
    return lines, {key: VatGroup(key[1], net, tax_up_to(net, rates[key], currency)) for key, net in nets.items()}


OUTSIDE: VatKey = ("O", None)


def test_sales_tax_goes_with_its_goods_in_proportion_and_all_of_it_with_all_of_them() -> None:
    group = VatGroup(None, 15_497, 1_031)

    assert [tax_up_to(net, group, "USD") for net in (0, 12_500, 15_497)] == [0, 832, 1_031]
    assert tax_up_to(5, VatGroup(None, 0, 7), "USD") == 0


groups = st.tuples(st.integers(0, 10**6), st.integers(0, 10**5))


@given(
    st.dictionaries(
        st.sampled_from([TWENTY, OUTSIDE, ("S", Decimal("5.5")), ("Z", Decimal(0))]), groups, min_size=1, max_size=4
    ),
    st.integers(0, 1000),
    st.sampled_from(["EUR", "KWD"]),
    st.randoms(use_true_random=False),
)
def test_an_amount_is_spread_whole_within_what_is_left_whatever_the_order(
    nets: dict[VatKey, tuple[int, int]], part: int, currency: str, random: Random
) -> None:
    unit = unit_of(currency)
    left = {key: VatGroup(key[1], net * unit, tax * unit) for key, (net, tax) in nets.items()}
    amount = sum(group.gross_minor for group in left.values()) // unit * part // 1000 * unit
    shares = spread(amount, left, currency)

    assert sum(share.gross_minor for share in shares.values()) == amount
    for key, share in shares.items():
        assert 0 <= share.net_minor <= left[key].net_minor
        assert 0 <= share.tax_minor <= left[key].tax_minor
    shuffled = list(left)
    random.shuffle(shuffled)
    assert spread(amount, {key: left[key] for key in shuffled}, currency) == shares
