"""What values may be, as the contracts say beside each field: held at the first door that anything comes to.

The options are read once for each message, through its descriptor. An order of three lines takes
some 14 µs, twenty times what reading its bytes takes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from receivables.common.v1 import bounds_pb2

from services.chassis import texts
from services.kernel.calendars import FIRST_YEAR, LAST_YEAR
from services.kernel.refusals import Invalid, quoted

M = TypeVar("M", bound=Message)
Fits = Callable[[Any], bool]

_TIMESTAMP = "google.protobuf.Timestamp"
_FIRST_S = int(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp())
_END_S = int(datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp())
_NANOS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Bound:
    """What the contract says of a field; 0 where it says nothing."""

    kind: int  # of a text
    longest: int  # characters or bytes
    most: int  # elements
    too_many: str  # code of a refusal for more of them
    largest: int  # of a number


@cache
def bound_of(field: FieldDescriptor) -> Bound:
    """What the contract says of a field."""
    said = field.GetOptions().Extensions
    kind = said[bounds_pb2.text]
    usual = bounds_pb2.Text.DESCRIPTOR.values_by_number[kind].GetOptions().Extensions[bounds_pb2.most_characters]
    return Bound(
        kind=kind,
        longest=said[bounds_pb2.longest] or usual,
        most=said[bounds_pb2.most],
        too_many=said[bounds_pb2.too_many] or "list.too_long",
        largest=said[bounds_pb2.largest],
    )


def check(message: Message) -> None:
    """Refuse a message with a value that is more or other than its field's bounds, by the field's path."""
    if not _fits(message.DESCRIPTOR)(message):
        flaw = _flaw(message, "")
        assert flaw is not None, "what does not fit has a flaw"
        raise Invalid(*flaw)


def check_text(name: str, text: str, kind: int, longest: int) -> None:
    """Refuse a text that stands in no message."""
    if (flaw := texts.flaw(text, kind, longest)) is not None:
        raise Invalid(flaw[0], f"{name} {flaw[1]}{_repeated(text, kind)}")


def _repeated(text: str, kind: int) -> str:
    """As much of it as a refusal may repeat: of what people write in their own words nothing, for refusals are kept."""
    return "" if kind in (texts.LINE, texts.LINES) else f": {quoted(text)}"


def cleaned(message: M) -> M:
    """A copy that can be told: what is wrong in a text replaced, what is too much cut off."""
    copy = type(message)()
    copy.CopyFrom(message)
    _clean(copy)
    return copy


@cache
def _fits(descriptor: Descriptor) -> Fits:
    """Whether a message of this kind keeps all its bounds: the quick answer for the many that do."""
    if descriptor.full_name == _TIMESTAMP:
        return _is_time
    rules = {field: rule for field in descriptor.fields if (rule := _rule(field)) is not None}

    def fits(message: Message) -> bool:
        for field, value in message.ListFields():  # what is empty is not in it
            rule = rules.get(field)
            if rule is not None and not rule(value):
                return False
        return True

    return fits


def _rule(field: FieldDescriptor) -> Fits | None:
    """Whether a value of this field keeps its bounds; None where there are none."""
    bound = bound_of(field)
    of_one = _rule_of_one(field, bound)
    if not field.is_repeated:
        return of_one
    if of_one is None:
        return (lambda values: len(values) <= bound.most) if bound.most else None
    return lambda values: len(values) <= bound.most and all(map(of_one, values))


def _rule_of_one(field: FieldDescriptor, bound: Bound) -> Fits | None:
    longest, largest = bound.longest, bound.largest
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        kind = field.message_type
        return None if _is_map(field) else _fits(kind)  # no contract holds a message within itself
    if field.type == FieldDescriptor.TYPE_STRING:
        has_characters = texts.FITS[bound.kind]
        return lambda text: len(text) <= longest and has_characters(text)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return lambda content: len(content) <= longest
    return (lambda number: -largest <= number <= largest) if largest else None


def _is_map(field: FieldDescriptor) -> bool:
    """Whether it is a map, whose keys no option can bound: none of them comes from outside."""
    kind = field.message_type
    return kind is not None and bool(kind.GetOptions().map_entry)


def _is_time(time: Any) -> bool:
    return bool(_FIRST_S <= time.seconds < _END_S and 0 <= time.nanos < _NANOS)


def _flaw(message: Message, before: str) -> tuple[str, str] | None:
    """The first thing that is wrong with a message, as a stable code and in words that name its place; None if nothing."""
    if message.DESCRIPTOR.full_name == _TIMESTAMP:
        path = before.removesuffix(".")
        return (
            None if _is_time(message) else ("time.out_of_range", f"{path} is no time from {FIRST_YEAR} to {LAST_YEAR}")
        )
    for field, value in message.ListFields():
        bound = bound_of(field)
        name = f"{before}{field.name}"
        if _is_map(field):
            continue
        if field.is_repeated and len(value) > bound.most:
            return bound.too_many, f"{name} has {len(value):,} elements, {bound.most:,} are taken"
        for nth, one in enumerate(value if field.is_repeated else (value,)):
            path = f"{name}[{nth}]" if field.is_repeated else name
            is_message = field.type == FieldDescriptor.TYPE_MESSAGE
            if (flaw := _flaw(one, f"{path}.") if is_message else _flaw_of_one(field, one, path)) is not None:
                return flaw
    return None


def _flaw_of_one(field: FieldDescriptor, value: Any, path: str) -> tuple[str, str] | None:
    bound = bound_of(field)
    if isinstance(value, str):
        flaw = texts.flaw(value, bound.kind, bound.longest)
        return flaw and (flaw[0], f"{path} {flaw[1]}{_repeated(value, bound.kind)}")
    if isinstance(value, bytes) and len(value) > bound.longest:
        return "bytes.too_long", f"{path} has {len(value):,} bytes, {bound.longest:,} are taken"
    if bound.largest and not -bound.largest <= value <= bound.largest:
        return "number.too_large", f"{path} is beyond {bound.largest}: {value}"
    return None


def _clean(message: Message) -> None:
    if message.DESCRIPTOR.full_name == _TIMESTAMP:
        if not _is_time(message):
            message.Clear()
        return
    for field, value in message.ListFields():
        bound = bound_of(field)
        if _is_map(field):
            continue
        if field.is_repeated:
            del value[bound.most :]
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for part in value if field.is_repeated else (value,):
                _clean(part)
        elif field.is_repeated:
            for nth, one in enumerate(value):
                value[nth] = _cleaned_one(bound, one)
        else:
            setattr(message, field.name, _cleaned_one(bound, value))


def _cleaned_one(bound: Bound, value: Any) -> Any:
    if isinstance(value, str):
        return texts.cleaned(value, bound.kind, bound.longest)
    if isinstance(value, bytes):
        return value[: bound.longest]
    return max(-bound.largest, min(bound.largest, value)) if bound.largest else value
