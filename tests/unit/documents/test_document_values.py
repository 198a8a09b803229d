"""A quick look at a document's values misses nothing that a close look at each, with its place, finds."""

from collections.abc import Iterator
from dataclasses import is_dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from services.documents import check
from services.documents.model import Invoice
from services.documents.model.shape import Shape, shapes
from services.documents.rules import values
from tests.unit.documents.examples import GOLDEN, an_invoice
from tests.unit.documents.sketches import Sketch, invoice, sketches
from tests.unit.documents.test_document_ubl import all_that_the_core_holds

NO_TEXT = ["", " ", "\u00a0", "a\x00b", "a\ufffe", "a\ud800"]
NO_NUMBER = [Decimal(text) for text in ("NaN", "sNaN1", "Infinity", "-Infinity", "1E+41", "1E-41", "1" * 41)]
CURRENCIES = ("currency", "vat_currency")  # what is no currency ends the check before any value is looked at
NO_AMOUNT = [Decimal(text) for text in ("0.001", "-1.005", "1E-3", "1" * 30 + ".123")]


def broken(group: Any) -> Iterator[Any]:
    """The group with one of its values made wrong, for each value and each way of being wrong."""
    for name, shape in shapes(type(group)).items():
        value = getattr(group, name)
        for at, each in enumerate(value if shape.is_many else (value,)):
            if each is None or name in CURRENCIES:
                continue
            for wrong in broken(each) if is_dataclass(each) else wrong_values(shape):
                whole = (*value[:at], wrong, *value[at + 1 :]) if shape.is_many else wrong
                yield replace(group, **{name: whole})


def wrong_values(shape: Shape) -> list[Any]:
    if shape.kind is str:
        return list(NO_TEXT)
    if shape.kind is Decimal:
        return [*NO_NUMBER, *(NO_AMOUNT if shape.is_amount else ())]
    return []


@pytest.mark.parametrize("document", [*(make() for make in GOLDEN.values()), all_that_the_core_holds()])
def test_one_wrong_value_anywhere_is_found(document: Invoice) -> None:
    tried = 0
    for wrong in broken(document):
        found = list(values.check(wrong, None))
        assert found == list(values.look_closely(wrong, None)) != []
        tried += 1

    assert tried > 200


@settings(max_examples=200, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(sketches())
def test_both_looks_find_the_same_in_any_document(sketch: Sketch) -> None:
    document = invoice(sketch)

    assert list(values.check(document, None)) == list(values.look_closely(document, None))


@pytest.mark.parametrize("text", ["1.000", "1E+2", "0E+39", "-0.00"])
def test_an_amount_that_is_only_written_oddly_is_right(text: str) -> None:
    document = an_invoice(paid=Decimal(text))

    assert list(values.check(document, None)) == []


def test_an_amount_of_many_digits_is_judged_like_any_other() -> None:
    document = an_invoice()
    huge = replace(document, totals=replace(document.totals, paid=Decimal("1" * 35 + ".12"), due=Decimal("1" * 38)))

    assert {finding.rule for finding in check(huge)} == {"BR-CO-16"}
