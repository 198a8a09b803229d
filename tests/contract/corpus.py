"""Keeps a payload of every published event, as it was first written: `make baseline` adds what is new, changes nothing."""

import importlib
import json
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

HERE = Path(__file__).parent
FOLDER = HERE / "corpus"
CONTRACTS = sorted(file.parts[-3] for file in (HERE.parents[1] / "proto" / "receivables").glob("*/v1/events.proto"))


def events() -> dict[str, type[Message]]:
    """Every message of the events' contracts, by full name."""
    modules = [importlib.import_module(f"receivables.{name}.v1.events_pb2") for name in CONTRACTS]
    return {
        str(d.full_name): getattr(module, name)
        for module in modules
        for name, d in module.DESCRIPTOR.message_types_by_name.items()
    }


def fill(message: Message, salt: int = 1) -> Message:
    """Give every field a value that tells it from its neighbours."""
    for field in message.DESCRIPTOR.fields:
        number = salt * 100 + field.number
        repeated = field.is_repeated
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            fill(getattr(message, field.name).add() if repeated else getattr(message, field.name), number)
        elif repeated:
            getattr(message, field.name).append(_value(field, number))
        else:
            setattr(message, field.name, _value(field, number))
    return message


def _value(field: Any, number: int) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return f"{field.name} {number}"
    if field.type == FieldDescriptor.TYPE_BYTES:
        return f"{field.name} {number}".encode()
    if field.type == FieldDescriptor.TYPE_BOOL:
        return True
    if field.type == FieldDescriptor.TYPE_ENUM:
        return field.enum_type.values[-1].number
    return number % 1_000_000


def main() -> None:
    """Add the payloads that are missing."""
    FOLDER.mkdir(exist_ok=True)
    for name, kind in events().items():
        if not (file := FOLDER / f"{name}.binpb").exists():
            message = fill(kind())
            file.write_bytes(message.SerializeToString(deterministic=True))
            file.with_suffix(".json").write_text(json.dumps(json_format.MessageToDict(message), indent=1) + "\n")


if __name__ == "__main__":
    main()
