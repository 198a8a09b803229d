"""How values become the columns of a set-based statement, and rows values again."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from services.invoicing.domain.parties import Company
from services.invoicing.domain.statements import Reference
from services.kernel.corrections import CorrectedLine, Correction
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


def correction_value(correction: Correction) -> dict[str, Any]:
    """What is right instead of what an invoice said, as it is kept: decimals as text, exact."""
    return {
        "lines": [
            [line.line_id, _text(line.quantity), _text(line.unit_price), line.tax_class] for line in correction.lines
        ],
        "buyer_reference": correction.buyer_reference,
        "purchase_order": correction.purchase_order,
        "ship_to": address_value(correction.ship_to),
        "net_days": correction.net_days,
    }


def correction_of(value: Any) -> Correction:
    """The same, as it was kept."""
    lines = tuple(
        CorrectedLine(line_id, _decimal(quantity), _decimal(price), tax_class)
        for line_id, quantity, price, tax_class in value["lines"]
    )
    return Correction(**value | {"lines": lines, "ship_to": address_of(value["ship_to"])})


def _text(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def reference_value(reference: Reference | None) -> dict[str, str] | None:
    """A reference to another document as it is kept, if there is one."""
    if reference is None:
        return None
    return {
        "document_id": reference.document_id,
        "number": reference.number,
        "issue_date": reference.issue_date.isoformat(),
    }


def reference_of(value: Any) -> Reference | None:
    """The same, as it was kept."""
    if value is None:
        return None
    return Reference(value["document_id"], value["number"], date.fromisoformat(value["issue_date"]))
