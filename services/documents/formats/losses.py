"""What a format does not hold of an invoice, found by reading back what was written: every value, by its BT number."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from services.documents.model import Invoice, Place, walk


@dataclass(frozen=True, slots=True)
class Loss:
    """A value that does not arrive: its place (`BG-25[2]/BT-131`), what it was, what arrives instead, and why."""

    place: str
    value: str
    instead: str | None
    reason: str


def between(before: Invoice, after: Invoice, reasons: Mapping[str, str]) -> list[Loss]:
    """Compare two documents value by value; `reasons` says by BT number, or extension, why a format lacks it."""
    arrived = {_key(place): place.value for place in (*walk(after), *_extensions(after))}
    found = []
    for place in (*walk(before), *_extensions(before)):
        instead = arrived.get(_key(place))
        if instead != place.value:
            found.append(
                Loss(
                    _key(place),
                    shown(place.value),
                    None if instead is None else shown(instead),
                    reason_of(place, reasons),
                )
            )
    return found


def unheld(invoice: Invoice, is_held: Callable[[str], bool], reasons: Mapping[str, str]) -> list[Loss]:
    """The values at places that a format, which is only written, does not hold."""
    return [
        Loss(_key(place), shown(place.value), None, reason_of(place, reasons))
        for place in (*walk(invoice), *_extensions(invoice))
        if "extensions/" in place.path or not is_held(place.path)
    ]


def reason_of(place: Place, reasons: Mapping[str, str]) -> str:
    """Why a format lacks a term: by the term, by its group, or because it has no place for it."""
    parts = [part.partition("[")[0] for part in place.path.split("/")]
    for part in reversed(parts):
        if part in reasons:
            return reasons[part]
    return reasons.get("", "the format has no place for it")


def shown(value: object) -> str:
    """A value as a line of a report shows it."""
    text = f"{len(value)} bytes" if isinstance(value, bytes) else f"{value}"
    return text if len(text) <= 80 else f"{text[:79]}…"


def _key(place: Place) -> str:
    return f"{place.path} {place.part}" if place.part not in ("", "value") else place.path


def _extensions(invoice: Invoice) -> Iterator[Place]:
    for key, value in invoice.extensions.items():
        yield Place(f"extensions/{key}", value)
    for index, line in enumerate(invoice.lines, start=1):
        for key, value in line.extensions.items():
            yield Place(f"BG-25[{index}]/extensions/{key}", value)
