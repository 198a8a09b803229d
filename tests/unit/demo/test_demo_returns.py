"""A return credits the newest purchases of that item, or nothing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from deploy.demo.returns import Part, Purchase, Purchases, give_back

START = datetime(2010, 12, 1, tzinfo=UTC)


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def bought(*quantities: int, account: str = "17850", sku: str = "85123A") -> Purchases:
    """One purchase an hour, oldest first, on invoices "0", "1" …"""
    purchases = Purchases()
    for hour, quantity in enumerate(quantities):
        purchases.add(account, sku, Purchase(str(hour), "1", at(hour), Decimal(quantity)))
    return purchases


def split(parts: list[Part]) -> list[tuple[str, int]]:
    return [(part.purchase.invoice, int(part.quantity)) for part in parts]


def test_the_newest_purchase_is_credited_first() -> None:
    assert split(bought(6, 6).take("17850", "85123A", Decimal(2), at(9))) == [("1", 2)]


def test_a_return_is_split_over_several_purchases_if_one_is_not_enough() -> None:
    assert split(bought(6, 4).take("17850", "85123A", Decimal(7), at(9))) == [("1", 4), ("0", 3)]


def test_what_was_bought_later_is_not_credited() -> None:
    assert split(bought(6, 6).take("17850", "85123A", Decimal(2), at(0))) == [("0", 2)]


def test_a_return_of_more_than_was_bought_is_refused_whole() -> None:
    purchases = bought(3, 3)

    assert purchases.take("17850", "85123A", Decimal(7), at(9)) == []
    assert split(purchases.take("17850", "85123A", Decimal(6), at(9))) == [("1", 3), ("0", 3)]


def test_another_buyers_purchase_and_another_item_do_not_count() -> None:
    assert bought(6).take("17851", "85123A", Decimal(1), at(9)) == []
    assert bought(6).take("17850", "85123B", Decimal(1), at(9)) == []


def test_what_was_not_credited_after_all_can_be_returned_again() -> None:
    purchases = bought(6)

    give_back(purchases.take("17850", "85123A", Decimal(6), at(9)))

    assert split(purchases.take("17850", "85123A", Decimal(6), at(9))) == [("0", 6)]


@given(st.lists(st.integers(1, 20), max_size=5), st.lists(st.integers(1, 30), max_size=8))
def test_never_more_comes_back_than_was_bought_and_each_return_comes_back_whole(
    sold: list[int], back: list[int]
) -> None:
    purchases = bought(*sold)

    taken = [purchases.take("17850", "85123A", Decimal(quantity), at(99)) for quantity in back]

    assert all(sum(p.quantity for p in parts) == quantity for parts, quantity in zip(taken, back, strict=True) if parts)
    assert sum(part.quantity for parts in taken for part in parts) <= sum(sold)
