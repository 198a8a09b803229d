"""XRechnung's extension between its values and the JSON in which a document's `extensions` carry them."""

from collections.abc import Iterable
from typing import Any

from services.documents.formats.json.reader import decode
from services.documents.formats.json.writer import encode
from services.documents.model import Invoice, InvoiceLine, Json
from services.documents.model.xrechnung import PAYMENTS, SUB_LINES, SubLine, ThirdPartyPayment


def sub_lines(line: InvoiceLine | SubLine) -> list[SubLine]:
    """The parts of a line; refuse what does not follow the form (`document.unreadable`)."""
    return _decoded(SubLine, line.extensions.get(SUB_LINES), f"extensions.{SUB_LINES}")


def payments(invoice: Invoice) -> list[ThirdPartyPayment]:
    """The claims of others that are paid along."""
    return _decoded(ThirdPartyPayment, invoice.extensions.get(PAYMENTS), f"extensions.{PAYMENTS}")


def with_sub_lines(parts: Iterable[SubLine], places: int) -> dict[str, Json]:
    """A line's extensions with these parts, if there are any."""
    found: list[Json] = [encode(part, places) for part in parts]
    return {SUB_LINES: found} if found else {}


def with_payments(claims: Iterable[ThirdPartyPayment], places: int) -> dict[str, Json]:
    """A document's extensions with these claims, if there are any."""
    found: list[Json] = [encode(claim, places) for claim in claims]
    return {PAYMENTS: found} if found else {}


def _decoded(cls: type[Any], said: Json, place: str) -> list[Any]:
    if said is None:
        return []
    parts = said if isinstance(said, list | tuple) else [said]
    return [decode(cls, part, f"{place}[{index}]") for index, part in enumerate(parts, start=1)]
