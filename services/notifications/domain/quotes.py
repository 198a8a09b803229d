"""What somebody else wrote and keeps: a sentence of ours has a mark in its place, which is filled when it is read.

So it is kept once, by the service whose it is, and forgotten there.
"""

import re
from collections.abc import Callable, Iterable

# OBJECT REPLACEMENT CHARACTER (Unicode, 23.8): stands for what is not part of the text itself.
_END = "\ufffc"
_MARK = re.compile(f"{_END}(?:([a-z]+)(?:/([0-9]{{1,9}}))?|person:([^{_END}]{{1,64}})){_END}")

# What a mark stands for: what was written with a move of the case, with the payment, in the thread, or of what an answer
# asked, that the message is about; or how a person is called, by the contact's id.
MOVE, REMITTANCE, THREAD, FEEDBACK, PERSON = "move", "remittance", "thread", "feedback", "person"
Quote = tuple[str, int | str]


def mark(kind: str, nth: int = 0) -> str:
    """What stands in a sentence in its place."""
    return f"{_END}{kind}/{nth}{_END}" if nth else f"{_END}{kind}{_END}"


def name(contact_id: str) -> str:
    """What stands in a sentence in the place of somebody's name."""
    return f"{_END}{PERSON}:{contact_id}{_END}"


def without_marks(text: str) -> str:
    """The text of somebody who could have written one."""
    return text.replace(_END, " ")


def quotes(texts: Iterable[str]) -> set[Quote]:
    """What the marks in these stand for."""
    return {_quote(found) for text in texts if _END in text for found in _MARK.finditer(text)}


def filled(text: str, said: Callable[[Quote], str]) -> str:
    """The text with what its marks stand for."""
    return _MARK.sub(lambda found: said(_quote(found)), text) if _END in text else text


def _quote(found: re.Match[str]) -> Quote:
    return (PERSON, found[3]) if found[3] else (found[1], int(found[2] or 0))
