"""The model as JSON Schema (2020-12), published beside it as `invoice.schema.json`; it is what `formats/json` writes."""

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any

from services.documents.model.codes import VatCategory
from services.documents.model.document import Invoice
from services.documents.model.shape import Shape, has_extensions, shapes

FILE = files("services.documents.model").joinpath("invoice.schema.json")
FORMAT = "receivables-invoice-1"  # the value by which a document says that it follows this schema

_EXTENSIONS = {
    "type": "object",
    "description": "What EN 16931 lacks, by a namespaced key such as us-tax:jurisdiction; numbers are whole or strings.",
    "propertyNames": {"pattern": "^[^:]+:.+$"},
}
_VALUES: Mapping[type[Any], Mapping[str, Any]] = {
    str: {"type": "string", "minLength": 1},
    Decimal: {"type": "string", "pattern": r"^-?[0-9]{1,40}(\.[0-9]{1,40})?$"},
    date: {"type": "string", "format": "date"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    VatCategory: {"type": "string", "enum": [category.value for category in VatCategory]},
}


def schema() -> dict[str, Any]:
    """Describe an invoice: names, BT and BG numbers, meanings, what must be there."""
    groups: dict[str, Any] = {}
    _add(Invoice, groups)
    whole = groups.pop(Invoice.__name__)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:receivables:schema:{FORMAT}",
        "title": "An invoice or credit note in the business terms of EN 16931-1",
        **whole,
        "properties": {"format": {"const": FORMAT, "description": "This schema."}, **whole["properties"]},
        "required": ["format", *whole["required"]],
        "$defs": dict(sorted(groups.items())),
    }


def text() -> str:
    """The schema as it is published."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _add(cls: type[Any], groups: dict[str, Any]) -> None:
    if cls.__name__ in groups:
        return
    groups[cls.__name__] = {}  # so that a group within itself would end
    properties = {}
    for name, shape in shapes(cls).items():
        if is_dataclass(shape.kind):
            _add(shape.kind, groups)
        properties[name] = _property(shape)
    if has_extensions(cls):
        properties["extensions"] = _EXTENSIONS
    groups[cls.__name__] = {
        "type": "object",
        "description": (cls.__doc__ or "").strip().partition("\n")[0],
        "properties": properties,
        "required": [name for name, shape in shapes(cls).items() if shape.is_required],
        "additionalProperties": False,
    }


def _property(shape: Shape) -> dict[str, Any]:
    said = {"description": f"{', '.join(shape.numbers)}: {shape.means}"}
    if is_dataclass(shape.kind):
        value: Mapping[str, Any] = {"$ref": f"#/$defs/{shape.kind.__name__}"}
    else:
        value = _VALUES[shape.kind]
    return {**said, "type": "array", "items": value} if shape.is_many else {**said, **value}
