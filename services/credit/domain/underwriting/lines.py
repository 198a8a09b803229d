"""YAML as texts, lists and tables with their lines: no number, no date, no `NO` that means false, no anchor, no tag."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from services.credit.domain.underwriting.expressions import did_you_mean
from services.credit.domain.underwriting.mistakes import MISTAKES_MAX, Mistake, MistakesFound

TEXT_MAX = 200_000  # characters, as the contract says
_DEPTH_MAX = 12
_NODES_MAX = 20_000

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """A text's content, and on which line each part of it stands."""

    content: Any
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """The line of a part; of one that is not there that of what it should stand in."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_tree(text: str) -> Tree:
    """Read YAML's plain half; raise MistakesFound where it is more than that, or none."""
    if len(text) > TEXT_MAX:
        raise MistakesFound((Mistake(1, "text_long", f"a policy has at most {TEXT_MAX} characters"),))
    tabs = [number for number, line in enumerate(text.split("\n"), 1) if "\t" in line]
    if tabs:
        raise MistakesFound(tuple(Mistake(line, "tab", "a tab: indent by spaces") for line in tabs[:MISTAKES_MAX]))
    lines: dict[Path, int] = {}
    try:
        content = _Builder(yaml.parse(text, Loader=yaml.SafeLoader), lines).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = error.problem or error.context or "no YAML"
        raise MistakesFound((Mistake(mark.line + 1 if mark else 1, "yaml", message),)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise MistakesFound((Mistake(line, "yaml", "a character that no text has"),)) from error
    return Tree(content, lines)


class _Builder:
    """Builds content from events, and stops at the first thing that is not plain."""

    def __init__(self, events: Iterator[yaml.Event], lines: dict[Path, int]) -> None:
        self._events = events
        self._lines = lines

    def document(self) -> Any:
        event = self._next()
        while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            self._stop(event, "empty", "there is nothing in the text")
        content = self._node(event, ())
        self._next()  # the document's end
        if not isinstance(event := self._next(), yaml.StreamEndEvent):
            self._stop(event, "yaml", "a policy is one document")
        return content

    def _next(self) -> yaml.Event:
        return next(self._events)

    def _stop(self, event: yaml.Event, code: str, message: str) -> NoReturn:
        raise MistakesFound((Mistake(_line(event), code, message),))

    def _node(self, event: yaml.Event, path: Path) -> Any:
        self._lines.setdefault(path, _line(event))
        if len(path) > _DEPTH_MAX or len(self._lines) > _NODES_MAX:
            self._stop(event, "yaml", "too many parts, or parts in parts")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            self._stop(event, "anchor", "anchors and references are no part of the language")
        if getattr(event, "tag", None) is not None:
            self._stop(event, "tag", "tags are no part of the language")
        if isinstance(event, yaml.MappingStartEvent):
            return self._table(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        assert isinstance(event, yaml.ScalarEvent)
        return event.value

    def _table(self, path: Path) -> dict[str, Any]:
        table: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None or event.tag is not None:
                self._stop(event, "yaml", "a key is a plain word")
            if event.value in table:
                self._stop(event, "key_twice", f"{event.value} stands here twice")
            self._lines[(*path, event.value)] = _line(event)
            table[event.value] = self._node(self._next(), (*path, event.value))
        return table

    def _list(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items


def _line(event: yaml.Event) -> int:
    assert event.start_mark is not None, "what is read from a text has a place"
    return event.start_mark.line + 1


def unknown_key(key: str, known: list[str]) -> str:
    """What is said of a key that the language does not have."""
    return f"{key} is no word of the language here{did_you_mean(key, known)}"
