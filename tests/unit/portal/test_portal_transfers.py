"""What is paid together, and what a bank must be told of it."""

import pytest

from services.kernel.money import Money
from services.portal.domain import transfers
from services.portal.domain.transfers import Chosen, Payee, has_code, payee_of


def test_one_transfer_goes_to_one_seller_in_one_currency():
    items = [
        Chosen("NORTH-2026-000001", Money(1, "EUR")),
        Chosen("SOUTH-2026-000001", Money(2, "EUR")),
        Chosen("NORTH-2026-000002", Money(3, "EUR")),
        Chosen("NORTH-2026-000003", Money(4, "SEK")),
    ]

    groups = transfers.together(items)

    assert [[item.amount.minor for item in group] for group in groups] == [[1, 3], [2], [4]]


def test_more_items_than_an_announcement_takes_are_several():
    items = [Chosen(f"N-2026-{n:06}", Money(1, "EUR")) for n in range(205)]

    assert [len(group) for group in transfers.together(items)] == [100, 100, 5]


def test_the_payee_is_whom_the_document_names():
    document = {
        "seller": {"name": "North GmbH"},
        "payment": {"means": "58", "transfers": [{"account": "DE05200505500123456789", "bank": "HASPDEHHXXX"}]},
    }

    payee = payee_of(document)

    assert payee == Payee("North GmbH", "DE05200505500123456789", "HASPDEHHXXX")
    assert payee.written == "DE05 2005 0550 0123 4567 89"


def test_a_name_of_several_lines_puts_no_other_field_into_the_code_for_banking_apps():
    """ASVS 1.2.1: what a name says after a line break would be read as another's IBAN."""
    document = {
        "seller": {"name": "North GmbH\nDE89370400440532013000\r\nEUR1\u2028x"},
        "payment": {"means": "58", "transfers": [{"account": "DE05200505500123456789"}]},
    }

    payee = payee_of(document)

    assert payee is not None
    assert payee.name == "North GmbH DE89370400440532013000 EUR1 x"
    assert not has_code(Payee("", payee.account, ""), Money(1, "EUR"))


@pytest.mark.parametrize("payment", [None, {"means": "59", "transfers": [{"account": "x"}]}, {"means": "58"}])
def test_a_document_that_asks_for_no_transfer_has_no_payee(payment: object):
    assert payee_of({"seller": {"name": "North"}, "payment": payment}) is None


@pytest.mark.parametrize(
    ("account", "amount", "has"),
    [
        ("DE05200505500123456789", Money(1, "EUR"), True),
        ("DE05 2005 0550 0123 4567 89", Money(99_999_999_999, "EUR"), True),
        ("DE06200505500123456789", Money(1, "EUR"), False),
        ("021000021 12345", Money(1, "EUR"), False),
        ("DE05200505500123456789", Money(1, "GBP"), False),
        ("DE05200505500123456789", Money(100_000_000_000, "EUR"), False),
        ("DE05200505500123456789", Money(0, "EUR"), False),
    ],
)
def test_the_code_for_banking_apps_is_of_euros_to_an_iban(account: str, amount: Money, has: bool):
    assert has_code(Payee("N", account, ""), amount) is has
