"""Who looks at an ENHANCED case: a named person a step, who coordinates them, and by when (RULES: a cell)."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise

from services.disputes.domain.cases import OPEN, Dispute
from services.disputes.domain.deadlines import check_person
from services.disputes.domain.tracks import Track
from services.kernel.refusals import Conflict, Invalid


class Step(StrEnum):
    """What is done, one after the other."""

    EVIDENCE = "EVIDENCE"
    ASSESSMENT = "ASSESSMENT"
    DECISION = "DECISION"
    EXECUTION = "EXECUTION"


@dataclass(frozen=True, slots=True)
class Place:
    """Who does a step ("user:ada"), and by when."""

    step: Step
    person: str
    by: date


@dataclass(frozen=True, slots=True)
class Cell:
    """The people of a case."""

    coordinator: str
    places: tuple[Place, ...]
    # From 1; 0: not set yet.
    version: int = 0

    @property
    def people(self) -> tuple[str, ...]:
        """All of them, each once, who coordinates first."""
        return tuple(dict.fromkeys((self.coordinator, *(place.person for place in self.places))))


def check(dispute: Dispute, cell: Cell, opened: Set[str], today: date) -> None:
    """Refuse a cell of a case that needs none, one with a gap, and one whose days or people do not fit.

    `opened`: who opened the case, with whom they stood in for.
    """
    if dispute.state not in OPEN:
        raise Conflict("dispute.ended", f"the case is {dispute.state}")
    if dispute.track is not Track.ENHANCED:
        raise Conflict("cell.not_enhanced", f"a case on the {dispute.track} track is one person's")
    if [place.step for place in cell.places] != list(Step) or not all(cell.people):
        raise Invalid("cell.incomplete", "a cell has who coordinates it, and a person for each step, in their order")
    for person in cell.people:
        check_person(person)
    days = [place.by for place in cell.places]
    if days[0] < today or any(earlier > later for earlier, later in pairwise(days)):
        raise Invalid("cell.days", "each step is done by a day to come, none before the one that it follows")
    by_step = {place.step: place for place in cell.places}
    if by_step[Step.DECISION].by > dispute.answer_by:
        raise Conflict("cell.days", f"the buyer was promised an answer by {dispute.answer_by}: it is decided by then")
    if by_step[Step.ASSESSMENT].person == by_step[Step.DECISION].person:
        raise Conflict("cell.four_eyes", "who assesses a case does not decide it")
    if by_step[Step.DECISION].person in opened:
        raise Conflict("dispute.own_case", "whoever opened a dispute does not decide it")
