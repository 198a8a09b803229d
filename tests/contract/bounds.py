"""Writes proto/BOUNDS.md, the table of what values may be, from the contracts: `python -m tests.contract.bounds`."""

import importlib
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from receivables.common.v1 import bounds_pb2

from services.chassis.bounds import bound_of

CONTRACTS = Path(__file__).parents[2] / "proto"
TABLE = CONTRACTS / "BOUNDS.md"
_HEAD = """# What values may be

Written by `python -m tests.contract.bounds` from the options beside each field (`receivables/common/v1/bounds.proto`);
a value that is more or other is refused at the first door it comes to, by its field's path and a stable code.

| Kind | Characters | At most | Refused as |
|---|---|---|---|
"""
_KINDS = {
    "ID": "what people can see, and single blanks within",
    "CODE": "letters and digits of ASCII, `_ . : / + - =`",
    "LINE": "no control character, no line break, nothing that turns the direction of others, of what has no width only U+200C and U+200D",
    "LINES": "all that XML 1.0 can hold",
    "DATE": "`YYYY-MM-DD`",
    "DECIMAL": "digits, at most one point, perhaps a sign",
}
_CODES = {"DATE": "`date.malformed`", "DECIMAL": "`number.malformed`"}
_OTHERS = """
A control character is `text.control_character`, more characters than are taken `text.too_long`, more elements of a list
`list.too_long` (of an order's lines `order.too_large`), more bytes `bytes.too_long`, a number beyond its largest or below
its negative `number.too_large`, a time before 1970 or after 2199 `time.out_of_range`. What is empty is not bounded here.

Beside the fields: the metadata of a call (`ar-tenant`, `ar-idempotency-key`: ID; `ar-actor`, `ar-reason`: LINE) and the
headers of an event (`ce_id`, `ce_subject`, `ce_source`, `ce_idempotencykey`: ID; `ce_actor`, `ce_reason`: LINE) have at
most 200 characters each.
"""


def files() -> list[FileDescriptor]:
    """The contracts, by name."""
    paths = sorted(path.relative_to(CONTRACTS) for path in CONTRACTS.glob("receivables/*/v1/*.proto"))
    return [importlib.import_module(str(path.with_suffix("")).replace("/", ".") + "_pb2").DESCRIPTOR for path in paths]


def told() -> Iterator[FileDescriptor]:
    """Those of them that say what comes from outside; the others are options, which the contracts say of themselves."""
    return (file for file in files() if not file.extensions_by_name)


def messages() -> Iterator[Descriptor]:
    """Every message of the contracts, in their order."""
    for file in told():
        yield from file.message_types_by_name.values()


def table() -> str:
    """The document as it should be."""
    kinds = [_kind(name, characters) for name, characters in _KINDS.items()]
    sections = [section for file in told() if (section := _section(file))]
    return _HEAD + "".join(kinds) + _OTHERS + "".join(sections)


def _kind(name: str, characters: str) -> str:
    value = bounds_pb2.Text.DESCRIPTOR.values_by_name[f"TEXT_{name}"]
    most = value.GetOptions().Extensions[bounds_pb2.most_characters]
    return f"| {name} | {characters} | {most:,} | {_CODES.get(name, '`text.characters`')} |\n"


def _section(file: FileDescriptor) -> str:
    rows = [
        f"| {message.name} | {field.name} | {bound} |\n"
        for message in file.message_types_by_name.values()
        for field in message.fields
        if (bound := _said(field))
    ]
    title = file.name.removeprefix("receivables/")
    return f"\n## {title}\n\n| Message | Field | At most |\n|---|---|---|\n{''.join(rows)}" if rows else ""


def _said(field: FieldDescriptor) -> str:
    bound = bound_of(field)
    parts = [f"{bound.most:,} elements"] if bound.most else []
    if field.type == FieldDescriptor.TYPE_STRING:
        kind = bounds_pb2.Text.DESCRIPTOR.values_by_number[bound.kind].name.removeprefix("TEXT_")
        parts.append(f"{kind}, {bound.longest:,} characters")
    elif field.type == FieldDescriptor.TYPE_BYTES:
        parts.append(f"{bound.longest:,} bytes")
    elif bound.largest:
        parts.append(f"{bound.largest:,}")
    return ", each ".join(parts)


def main() -> None:
    """Write it."""
    TABLE.write_text(table())


if __name__ == "__main__":
    main()
