"""What each message says; one without its parts cannot be built (RULES: the message)."""

from dataclasses import dataclass, fields
from datetime import date

from services.notifications.domain.contacts import LANGUAGES
from services.notifications.domain.matrix import Weight
from services.notifications.domain.stories import Affects


class Incomplete(ValueError):  # noqa: N818 - what is wrong with the message, in a word
    """A message lacks a part: a defect of ours, never sent."""


@dataclass(frozen=True, slots=True)
class Action:
    """The one thing that is asked, and where to do it."""

    text: str
    # One click: a reply to the case's address.
    link: str

    def __post_init__(self) -> None:
        if not self.text.strip() or not self.link:
            raise Incomplete("an action needs words and a link")


@dataclass(frozen=True, slots=True)
class Message:
    """What one person is told of one fact, in their language; plain text, escaped where it is shown."""

    # The case's version: the same for everybody who hears of this fact.
    case_version: int
    weight: Weight
    language: str
    # What happened, for which document, in one line.
    subject: str
    what_happened: str
    affects: Affects
    # The same in words.
    affects_text: str
    what_we_do: str
    # At most one; none unless the weight is ACT.
    what_you_need_to_do: Action | None
    # Who at the seller answers for it.
    owner: str
    by_when: date
    # The day by which they hear again; the day of telling if that was the last word.
    next_update_at: date
    track_url: str
    # As what they hear it, and for which part of the company.
    why_you: str

    def __post_init__(self) -> None:
        for part in _PARTS:
            value = getattr(self, part)
            if value is None or (isinstance(value, str) and not value.strip()):
                raise Incomplete(f"a message needs {part}")
        if self.case_version < 1 or self.language not in LANGUAGES:
            raise Incomplete("a message needs its case's version and a language that we write")
        if (self.weight is Weight.ACT) != (self.what_you_need_to_do is not None):
            raise Incomplete("a message asks for one action if its weight is ACT, and for none otherwise")
        if self.subject.splitlines() != [self.subject]:
            raise Incomplete("a subject is one line")


_PARTS = tuple(part.name for part in fields(Message) if part.name != "what_you_need_to_do")
