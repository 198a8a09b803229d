"""What each field of the model may hold, read from its annotation: for the formats and the schema that follow the model."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from types import NoneType
from typing import Any, get_args, get_origin


@dataclass(frozen=True, slots=True)
class Shape:
    """One field: its terms, what one value of it is, whether there may be many, whether it must be there."""

    numbers: tuple[str, ...]
    means: str
    kind: type[Any]
    is_many: bool
    is_required: bool
    is_amount: bool

    @property
    def is_group(self) -> bool:
        """Whether its values are groups with fields of their own (an identifier and its scheme, too)."""
        return is_dataclass(self.kind)


_SHAPES: dict[type[Any], Mapping[str, Shape]] = {}  # a document has thousands of groups


def shapes(cls: type[Any]) -> Mapping[str, Shape]:
    """The fields of a group by name, in their order; the map of extensions is none of them."""
    if cls not in _SHAPES:
        _SHAPES[cls] = _shapes(cls)
    return _SHAPES[cls]


def _shapes(cls: type[Any]) -> dict[str, Shape]:
    return {
        field.name: Shape(
            numbers=field.metadata["numbers"],
            means=field.metadata["means"],
            kind=_kind(field.type),
            is_many=get_origin(field.type) is tuple,
            is_required=field.default is MISSING and field.default_factory is MISSING,
            is_amount=field.metadata["is_amount"],
        )
        for field in fields(cls)
        if "numbers" in field.metadata
    }


def has_extensions(cls: type[Any]) -> bool:
    """Whether a group carries what the standard lacks."""
    return any(field.name == "extensions" for field in fields(cls))


def _kind(annotation: Any) -> type[Any]:
    """The type of one value: of `str | None` the str, of `tuple[Note, ...]` the Note."""
    if args := get_args(annotation):
        annotation = next(arg for arg in args if arg not in (NoneType, Ellipsis))
    assert isinstance(annotation, type), annotation
    return annotation
