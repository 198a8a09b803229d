"""Every call and every event of the contracts, with a mark in each field that takes text."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

MARK = "Zebulon.Quillfeather@people.example"
SERVICES = ("credit", "invoicing", "ledger", "disputes", "notifications")
DEPTH = 6  # no contract nests deeper, and none may go on for ever
# What a form is demanded of: with these, a request gets further than to the first check.
PLAUSIBLE = {"currency": "GBP", "country": "GB", "account_id": "b1", "language": "en", "seller_id": "s1", "unit": "C62"}
PLAUSIBLE |= {"quantity": "1", "unit_price": "1.00", "rate": "20", "category": "S", "vat_category": "S"}


def filled(kind: Descriptor, plausible: dict[str, str], choice: int = 0, depth: int = DEPTH) -> Message:
    """A message with something in every field, text marked; of fields that exclude each other the `choice`-th."""
    message = message_factory.GetMessageClass(kind)()
    for field in kind.fields:
        group = field.containing_oneof
        if group is not None and list(group.fields).index(field) != choice % len(group.fields):
            continue
        _fill(message, field, plausible, choice, depth)
    return message


def _fill(message: Any, field: FieldDescriptor, plausible: dict[str, str], choice: int, depth: int) -> None:
    if field.message_type is not None:
        if depth:
            inner = filled(field.message_type, plausible, choice, depth - 1)
            held = getattr(message, field.name)
            held.append(inner) if field.is_repeated else held.CopyFrom(inner)
        return
    if field.enum_type is not None:
        value: Any = field.enum_type.values[-1].number
    else:
        value = {
            FieldDescriptor.CPPTYPE_STRING: plausible.get(field.name, MARK),
            FieldDescriptor.CPPTYPE_BOOL: True,
        }.get(field.cpp_type, 1)
    if field.type == FieldDescriptor.TYPE_BYTES:
        value = MARK.encode()
    getattr(message, field.name).append(value) if field.is_repeated else setattr(message, field.name, value)


def text_fields(kind: Descriptor, depth: int = DEPTH) -> int:
    """How many fields of a message, and of those within it, take text."""
    own = sum(field.cpp_type == FieldDescriptor.CPPTYPE_STRING for field in kind.fields)
    return own + sum(
        text_fields(f.message_type, depth - 1) for f in kind.fields if depth and f.message_type is not None
    )


def calls() -> Iterator[tuple[str, str, Any]]:
    """Every method of every service, as (service, path, method)."""
    for name in SERVICES:
        for file in ("service_pb2", *(("applications_pb2",) if name == "credit" else ())):
            contract = import_module(f"receivables.{name}.v1.{file}").DESCRIPTOR
            for service in contract.services_by_name.values():
                for method in service.methods:
                    yield name, f"/{service.full_name}/{method.name}", method


def events() -> Iterator[tuple[str, Descriptor]]:
    """Every event of every topic that a service follows, as (topic, event)."""
    for name in ("orders", *SERVICES):
        contract = import_module(f"receivables.{name}.v1.events_pb2").DESCRIPTOR
        for kind in contract.message_types_by_name.values():
            yield contract.package, kind


def variants(kind: Descriptor) -> Iterator[Message]:
    """All marked, and with what passes the first checks; once for each choice among fields that exclude each other."""
    choices = max([len(group.fields) for group in kind.oneofs], default=1)
    for plausible in ({}, PLAUSIBLE):
        for choice in range(choices):
            yield filled(kind, plausible, choice)
