"""Writes XML as text, several times as fast as a tree of lxml: groups of parts, indented, in UTF-8.

A group is a list: its name, then its parts in their order; a part is a group or a written value. The bytes are those
that lxml would write of the same tree, for which the tests compare the two.
"""

from collections.abc import Mapping
from typing import TypeAlias

Part: TypeAlias = "str | list[Part]"
Group: TypeAlias = "list[Part]"

_INDENT = "  "
# What no XML can hold, in UTF-8: control characters, and the two non-characters.
_CONTROLS = bytes(code for code in range(0x20) if code not in b"\t\n\r")
_NON_CHARACTERS = ("\ufffe".encode(), "\uffff".encode())


def group(parent: Group, name: str) -> Group:
    """Open a group inside another."""
    opened: Group = [name]
    parent.append(opened)
    return opened


def value(name: str, text: str, marks: str = "") -> str:
    """An element that holds a text, with attributes that `marks` has written."""
    if "&" in text or "<" in text or ">" in text or "\r" in text:
        text = _escaped(text)
    return f"<{name}{marks}>{text}</{name}>"


def marks(attributes: Mapping[str, str | None]) -> str:
    """Attributes as they stand in an element; one that is None is left out."""
    return "".join([f' {key}="{_quoted(said)}"' for key, said in attributes.items() if said is not None])


def is_named(part: Part, name: str) -> bool:
    """Whether a part is an element of that name."""
    if isinstance(part, str):
        return part.startswith((f"<{name}>", f"<{name} "))
    return part[0] == name


def document(root: Group, namespaces: Mapping[str, str]) -> bytes:
    """The whole document; refuse what no XML can hold, as lxml does (ValueError)."""
    declared = "".join(f' {name}="{uri}"' for name, uri in namespaces.items())
    written = _written(root, "\n", declared)
    data = f"<?xml version='1.0' encoding='UTF-8'?>\n{written}\n".encode()
    if len(data.translate(None, _CONTROLS)) != len(data) or any(sign in data for sign in _NON_CHARACTERS):
        raise ValueError("the document holds a character that no XML can hold")
    return data


def part(group: Group, depth: int) -> str:
    """A finished group as it will stand so deep in the document: thousands of lines are not kept as lists."""
    return _written(group, f"\n{_INDENT * depth}")


def _written(what: Group, indent: str, marks: str = "") -> str:
    """A group as text, each of its parts on a line of its own."""
    name = what[0]
    if len(what) == 1:
        return f"<{name}{marks}/>"
    within = indent + _INDENT
    parts = [part if isinstance(part, str) else _written(part, within) for part in what[1:]]
    return f"<{name}{marks}>{within}{within.join(parts)}{indent}</{name}>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def _quoted(text: str) -> str:
    if text.isalnum():
        return text
    return _escaped(text).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
