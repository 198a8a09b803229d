"""What people write: which fields of the contracts hold somebody's words (`written`, common/v1/bounds.proto).

They are kept in one table of the service whose they are, and shown to who may see them; no event tells them, and no answer
that is kept for repeats has them.
"""

from functools import cache
from typing import TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from receivables.common.v1 import bounds_pb2

from services.chassis.envelope import is_who

M = TypeVar("M", bound=Message)


def untold(message: Message) -> bool:
    """Whether it has no words of anybody, and who it names it names by an id: what may be told for ever."""
    for field in _holders(message.DESCRIPTOR):
        value = getattr(message, field.name)
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            said = value if field.is_repeated else [value]
            if any(word and not is_who(word) for word in said):
                return False
        elif not all(map(untold, value if field.is_repeated else [value])):
            return False
    return True


def without(message: M) -> M:
    """The message without anybody's words; itself, where its kind has none."""
    if not _holders(message.DESCRIPTOR):
        return message
    copy = type(message)()
    copy.CopyFrom(message)
    _clear(copy)
    return copy


def _clear(message: Message) -> None:
    for field in _holders(message.DESCRIPTOR):
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            message.ClearField(field.name)
        elif field.is_repeated:
            for part in getattr(message, field.name):
                _clear(part)
        elif message.HasField(field.name):
            _clear(getattr(message, field.name))


@cache
def _holders(descriptor: Descriptor) -> tuple[FieldDescriptor, ...]:
    """The fields with words, and those with messages that have such; no contract holds a message within itself."""
    return tuple(
        field
        for field in descriptor.fields
        if field.GetOptions().Extensions[bounds_pb2.written]
        or (
            field.type == FieldDescriptor.TYPE_MESSAGE
            and field.message_type is not None
            and _holders(field.message_type)
        )
    )
