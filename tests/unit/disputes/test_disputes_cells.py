"""Who looks at an ENHANCED case: each step a person's, in order, and nobody decides what they assessed or opened."""

from dataclasses import replace
from datetime import date

import pytest

from services.disputes.domain import cells
from services.disputes.domain.cases import Dispute, State
from services.disputes.domain.cells import Cell, Place, Step
from services.disputes.domain.tracks import Track
from services.kernel.refusals import Refusal
from tests.unit.disputes.builders import a_case

TODAY = date(2026, 3, 2)
CASE = a_case(track=Track.ENHANCED, answer_by=date(2026, 3, 30))
DAYS = (4, 10, 27, 31)
CELL = Cell(
    "user:co",
    tuple(Place(step, f"user:{step.lower()}", date(2026, 3, on)) for step, on in zip(Step, DAYS, strict=True)),
)


def but(step: Step, **changes: object) -> Cell:
    return replace(CELL, places=tuple(replace(p, **changes) if p.step is step else p for p in CELL.places))  # type: ignore[arg-type] # whichever


def test_each_step_has_a_person_and_a_day_and_somebody_coordinates():
    cells.check(CASE, CELL, frozenset({"contact:ann"}), TODAY)

    assert CELL.people == ("user:co", "user:evidence", "user:assessment", "user:decision", "user:execution")


@pytest.mark.parametrize(
    ("case", "cell", "code"),
    [
        (replace(CASE, track=Track.STANDARD), CELL, "cell.not_enhanced"),
        (replace(CASE, state=State.RESOLVED), CELL, "dispute.ended"),
        (CASE, replace(CELL, coordinator=""), "cell.incomplete"),
        (CASE, replace(CELL, places=CELL.places[1:]), "cell.incomplete"),
        (CASE, replace(CELL, places=CELL.places[::-1]), "cell.incomplete"),
        (CASE, but(Step.EVIDENCE, person=""), "cell.incomplete"),
        (CASE, but(Step.EVIDENCE, person="contact:ann"), "dispute.owner_malformed"),
        (CASE, but(Step.EVIDENCE, by=date(2026, 3, 1)), "cell.days"),
        (CASE, but(Step.ASSESSMENT, by=date(2026, 3, 28)), "cell.days"),
        (replace(CASE, answer_by=date(2026, 3, 26)), CELL, "cell.days"),
        (CASE, but(Step.DECISION, person="user:assessment"), "cell.four_eyes"),
        (CASE, but(Step.DECISION, person="user:sal"), "dispute.own_case"),
    ],
)
def test_a_cell_with_a_gap_or_of_who_may_not_is_refused(case: Dispute, cell: Cell, code: str):
    with pytest.raises(Refusal) as refused:
        cells.check(case, cell, frozenset({"contact:ann", "user:sal"}), TODAY)
    assert refused.value.code == code
