"""What speaks for it that a payment was meant for an invoice."""

import pytest

from services.portal.domain.matching import Evidence, Open, evidence

ITEMS = [Open("RE-2026-000001", 11900, "EUR"), Open("RE-2026-000002", 5000, "EUR"), Open("RE-2026-000003", 5000, "SEK")]


@pytest.mark.parametrize(
    ("remittance", "minor", "found"),
    [
        ("re 2026/000002, thanks", 5000, [Evidence("both", "RE-2026-000002")]),
        ("RE-2026-000001", 100, [Evidence("named", "RE-2026-000001")]),
        ("for what", 11900, [Evidence("amount", "RE-2026-000001")]),
        ("RE-2026-000001", 5000, [Evidence("named", "RE-2026-000001"), Evidence("amount", "RE-2026-000002")]),
        ("", 16900, [Evidence("all")]),
        ("XRE-2026-0000019", 1, []),
        ("", 1, []),
    ],
)
def test_a_payment_speaks_for_what_it_names_and_for_what_is_as_much(remittance: str, minor: int, found: list[Evidence]):
    assert evidence(remittance, minor, "EUR", ITEMS) == found


def test_another_currency_speaks_for_nothing_and_of_many_alike_only_some_are_shown():
    many = [Open(f"A-{nth}", 7, "EUR") for nth in range(9)]

    assert evidence("RE-2026-000001", 11900, "USD", ITEMS) == []
    assert [one.number for one in evidence("", 7, "EUR", many)] == ["A-0", "A-1", "A-2"]
