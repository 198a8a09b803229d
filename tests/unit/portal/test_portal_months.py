"""Months of an account."""

from services.portal.domain import months


def test_months_are_added_up_and_those_between_are_there_too():
    facts = [("ordered", "2025-12-31", 500), ("paid", "2026-02-01", 300), ("paid", "2026-02-28", 20)]

    found = months.by_month(facts)

    assert [(month.name, month.sums["ordered"], month.sums["paid"]) for month in found] == [
        ("2025-12", 500, 0),
        ("2026-01", 0, 0),
        ("2026-02", 0, 320),
    ]
    assert months.largest(found) == 500


def test_what_is_older_than_the_months_shown_is_left_off():
    found = months.by_month([("paid", "2025-01-01", 9), ("paid", "2026-03-01", 1)], most=2)

    assert [month.name for month in found] == ["2026-03"]
    assert months.by_month([]) == []


def test_months_of_which_a_list_left_something_off_are_left_out():
    found = months.by_month([("paid", "2025-12-31", 1), ("paid", "2026-01-02", 2), ("paid", "2026-02-01", 3)])

    assert [month.name for month in months.since(found, months.after("2025-12-31"))] == ["2026-01", "2026-02"]
    assert [month.name for month in months.since(found, "")] == ["2025-12", "2026-01", "2026-02"]
