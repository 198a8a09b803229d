"""Text from outside: what neither a database nor an XML document can hold is found at the first door."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from services.kernel.refusals import Invalid

M = TypeVar("M", bound=Message)

# XML 1.0's characters are all but these (production [2] Char); protobuf lets no lone surrogate in.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
INSTEAD = "\ufffd"


def check(message: Message) -> None:
    """Refuse a message with a control character in any of its texts, by the field's name."""

    def refuse(field: str, text: str) -> str:
        raise Invalid("text.control_character", f"{field} has a control character at position {_at(text)}")

    _each_flaw(message, refuse)


def cleaned(message: M) -> M:
    """A copy that can be told: each control character replaced by U+FFFD."""
    copy = type(message)()
    copy.CopyFrom(message)
    _each_flaw(copy, lambda _field, text: _CONTROL.sub(INSTEAD, text))
    return copy


def _at(text: str) -> int:
    found = _CONTROL.search(text)
    assert found is not None, "only a text that has one is asked"
    return found.start() + 1


def _each_flaw(message: Message, replaced: Callable[[str, str], str]) -> None:
    """Put another text in the place of each that has a control character."""
    for field, value in message.ListFields():
        if isinstance(value, str):
            # Most texts are printable, which is seen sooner than that they have none of these.
            if not value.isprintable() and _CONTROL.search(value):
                setattr(message, field.name, replaced(field.name, value))
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            _each_part(value if field.is_repeated else (value,), replaced)
        elif field.type == FieldDescriptor.TYPE_STRING:
            for n, text in enumerate(value):
                if _CONTROL.search(text):
                    value[n] = replaced(field.name, text)


def _each_part(parts: Any, replaced: Callable[[str, str], str]) -> None:
    for part in parts:
        _each_flaw(part, replaced)
