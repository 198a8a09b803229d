"""What is paid together, and what a bank must be told of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stdnum import iban

from services.kernel.money import Money

ITEMS_MAX = 100  # of one announcement
_EPC_MIN, _EPC_MAX = Decimal("0.01"), Decimal("999999999.99")
_TRANSFERS = ("30", "58")  # UNTDID 4461: credit transfer, SEPA credit transfer


@dataclass(frozen=True, slots=True)
class Chosen:
    """An item that is to be paid, and how much of it."""

    number: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Payee:
    """Where a document says that it is paid."""

    name: str
    # An IBAN, or another bank's number of an account.
    account: str
    bank: str

    @property
    def iban(self) -> str:
        """The account if it is an IBAN; else ""."""
        return str(iban.compact(self.account)) if iban.is_valid(self.account) else ""

    @property
    def bic(self) -> str:
        """The bank if it is said by its BIC (ISO 9362); else ""."""
        compact = "".join(self.bank.split()).upper()
        return compact if len(compact) in (8, 11) and compact.isascii() and compact.isalnum() else ""

    @property
    def written(self) -> str:
        """The account as people read it: an IBAN by fours."""
        return str(iban.format(self.account)) if self.iban else self.account


def series_of(number: str) -> str:
    """The series of a document's number, which is its seller's: "ACME" of "ACME-2026-000001"."""
    return number.rsplit("-", 2)[0]


def together(items: Iterable[Chosen]) -> list[list[Chosen]]:
    """Items that one transfer can pay: of one seller, in one currency, and no more than one announcement takes."""
    groups: dict[tuple[str, str], list[Chosen]] = {}
    for item in items:
        groups.setdefault((item.amount.currency, series_of(item.number)), []).append(item)
    return [group[at : at + ITEMS_MAX] for _, group in sorted(groups.items()) for at in range(0, len(group), ITEMS_MAX)]


def payee_of(document: Mapping[str, Any]) -> Payee | None:
    """Where a document asks to be paid (BG-16, BG-17), as our JSON writes it; None if it asks for no transfer."""
    payment = document.get("payment") or {}
    transfers = payment.get("transfers") or []
    if payment.get("means") not in _TRANSFERS or not transfers:
        return None
    transfer = transfers[0]
    name = transfer.get("account_name") or (document.get("payee") or {}).get("name") or document["seller"]["name"]
    # On one line: in the code for banking apps, what stands on the next is another field.
    return Payee(" ".join(name.split()), transfer["account"], transfer.get("bank") or "")


def has_code(payee: Payee, amount: Money) -> bool:
    """Whether the European code for transfers can say it (EPC069-12): euros, to an IBAN."""
    return amount.currency == "EUR" and bool(payee.iban and payee.name) and _EPC_MIN <= amount.decimal <= _EPC_MAX
