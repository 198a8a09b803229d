"""How values become the columns of a set-based statement, and rows values again."""

from collections.abc import Iterable
from dataclasses import fields
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from services.invoicing.domain.parties import Company
from services.kernel.orders import Address

Key = tuple[str, str]  # tenant and id
# The tenant as indexes have it that list what others refer to, and that no foreign key's check can take (0005_keys.sql).
LISTED_TENANT = 'tenant COLLATE "C"'


_COMPANY = tuple(field.name for field in fields(Company))
_ADDRESS = tuple(field.name for field in fields(Address))


def of_account(other: str, key: str) -> str:
    """That a line, called l, is of an account's order or document: a condition with the account as its parameter."""
    return f" AND EXISTS (SELECT FROM {other} o WHERE o.tenant = l.tenant AND o.{key} = l.{key} AND o.account_id = %s)"


def company_value(company: Company) -> dict[str, str]:
    """A company as it is kept."""
    return {name: getattr(company, name) for name in _COMPANY}


def company_json(company: Company) -> Jsonb:
    """The same, as a parameter."""
    return Jsonb(company_value(company))


def address_value(address: Address | None) -> dict[str, str] | None:
    """An address as it is kept, if there is one."""
    return None if address is None else {name: getattr(address, name) for name in _ADDRESS}


def address_of(value: Any) -> Address | None:
    """An address as it was kept."""
    return None if value is None else Address(**value)


def pairs_json(pairs: Iterable[tuple[str, Decimal]]) -> list[list[str]]:
    """Lines and quantities as they are kept: decimals as text, exact."""
    return [[line_id, f"{quantity:f}"] for line_id, quantity in pairs]


def pairs_of(value: Any) -> tuple[tuple[str, Decimal], ...]:
    """Lines and quantities as they were kept."""
    return tuple((line_id, Decimal(quantity)) for line_id, quantity in value)
