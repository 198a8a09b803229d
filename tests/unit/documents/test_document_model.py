"""The model is the whole of EN 16931's semantic model: every term and group, each once, each with its meaning."""

import ast
import dataclasses
import pickle
from collections import Counter
from pathlib import Path
from types import ModuleType

from services import documents
from services.documents.model import codes, lines, parties, walk
from services.documents.model import document as whole
from tests.unit.documents.examples import domestic

ALLOWED = ("lxml", "saxonche", "services.documents", "services.kernel")


def terms(module: ModuleType) -> list[tuple[type, str, tuple[str, ...], str]]:
    return [
        (cls, field.name, field.metadata["numbers"], field.metadata["means"])
        for cls in vars(module).values()
        if dataclasses.is_dataclass(cls) and isinstance(cls, type) and cls.__module__ == module.__name__
        if not cls.__bases__[0].__name__.startswith("_")  # the shared shapes of allowances and charges, counted once
        for field in dataclasses.fields(cls)
        if "numbers" in field.metadata
    ]


ALL = [term for module in (whole, lines, parties, codes) for term in terms(module)]


def test_every_business_term_stands_in_the_model_once() -> None:
    numbers = Counter(number for *_, own, _ in ALL for number in own if number.startswith("BT-"))

    assert set(numbers) == {f"BT-{n}" for n in range(1, 166) if n != 4}
    assert {number for number, times in numbers.items() if times > 1} == set()


def test_every_group_stands_in_the_model_once() -> None:
    numbers = Counter(number for *_, own, _ in ALL for number in own if number.startswith("BG-"))

    assert set(numbers) == {f"BG-{n}" for n in range(1, 33)}
    assert {number for number, times in numbers.items() if times > 1} == set()


def test_every_term_says_what_it_means_in_one_line() -> None:
    for cls, name, _, means in ALL:
        assert means.endswith((".", "…")), (cls, name)
        assert "\n" not in means


def test_places_name_each_party_by_its_own_terms() -> None:
    places = {place.path for place in walk(domestic())}

    assert {"BG-4/BG-5/BT-40", "BG-7/BG-8/BT-55", "BG-25[2]/BG-28[1]/BT-141", "BG-20[1]/BT-92"} <= places


def test_a_document_travels_between_processes() -> None:
    document = domestic()

    assert pickle.loads(pickle.dumps(document)) == document


def test_the_package_stands_on_nothing_but_itself() -> None:
    """Pure: no clock, no log, no network, and importable on its own."""
    folder = Path(documents.__file__).parent
    forbidden = {"logging", "time", "socket", "urllib", "http", "random", "structlog", "requests"}
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for name in names:
                assert name.partition(".")[0] not in forbidden, (file, name)
                assert name.startswith(ALLOWED) or not name.startswith(("services", "deploy", "tests")), (file, name)
