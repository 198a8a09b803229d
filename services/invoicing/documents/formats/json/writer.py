"""Writes an invoice as JSON; equal invoices give equal bytes."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from services.invoicing.documents.formats.values import places_of, plain
from services.invoicing.documents.model import Invoice, Json
from services.invoicing.documents.model.schema import FORMAT
from services.invoicing.documents.model.shape import shapes


def write(invoice: Invoice) -> bytes:
    """Write the whole of the model, extensions too; what is not there is left out."""
    whole = {"format": FORMAT, **encode(invoice, places_of(invoice.currency))}
    return (json.dumps(whole, ensure_ascii=False, indent=1) + "\n").encode()


def encode(group: Any, places: int) -> dict[str, Any]:
    """A group of the model as JSON; its amounts with so many decimals at least."""
    said: dict[str, Any] = {}
    for name, shape in shapes(type(group)).items():
        value = getattr(group, name)
        if value is None or (value == () and not shape.is_required):
            continue
        at_least = places if shape.is_amount else 0
        said[name] = (
            [_value(each, at_least, places) for each in value] if shape.is_many else _value(value, at_least, places)
        )
    if extensions := getattr(group, "extensions", None):
        said["extensions"] = _sorted(extensions)
    return said


def _value(value: Any, at_least: int, places: int) -> Any:
    if isinstance(value, Decimal):
        return plain(value, at_least)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    return str(value) if isinstance(value, str) else encode(value, places)


def _sorted(value: Json) -> Json:
    """Maps are equal in any order, so they are written in one."""
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_sorted(each) for each in value]
    return value
