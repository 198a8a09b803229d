"""How values become the columns of a set-based statement, and rows values again."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from services.invoicing.domain.parties import Company

Key = tuple[str, str]  # tenant and id


def columns(rows: Sequence[Sequence[Any]], count: int) -> list[list[Any]]:
    """Turn rows into the arrays that unnest reads."""
    return [[row[i] for row in rows] for i in range(count)]


def keys(of: Collection[Key]) -> list[list[str]]:
    """Tenants and ids as two arrays."""
    return columns(sorted(of), 2)


def within(of: Collection[Key]) -> list[list[str]]:
    """Tenants and ids, each once, for `tenant = ANY (…) AND id = ANY (…)`.

    That can only go by the key, where a join with unnest() may be planned as a read of all that a tenant has. Of several
    tenants it may find what has another's id: whoever asks looks at the keys of what comes.
    """
    return [sorted({tenant for tenant, _ in of}), sorted({one for _, one in of})]


_COMPANY = tuple(field.name for field in fields(Company))


def company_value(company: Company) -> dict[str, str]:
    """A company as it is kept."""
    return {name: getattr(company, name) for name in _COMPANY}


def company_json(company: Company) -> Jsonb:
    """The same, as a parameter."""
    return Jsonb(company_value(company))


def pairs_json(pairs: Iterable[tuple[str, Decimal]]) -> list[list[str]]:
    """Lines and quantities as they are kept: decimals as text, exact."""
    return [[line_id, f"{quantity:f}"] for line_id, quantity in pairs]


def pairs_of(value: Any) -> tuple[tuple[str, Decimal], ...]:
    """Lines and quantities as they were kept."""
    return tuple((line_id, Decimal(quantity)) for line_id, quantity in value)
