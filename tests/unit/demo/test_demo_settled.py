"""Rest is only believed when it lasts from one look to the next."""

from typing import Any

import pytest
from receivables.operations.v1 import service_pb2

from deploy.demo.settled import NotSettledError, wait_until_settled


class Doors:
    """One service that answers Status as it is told, the last answer for ever."""

    def __init__(self, *answers: dict[str, int]) -> None:
        self.asked = 0
        self._answers = answers
        self.operations = {"ledger": self}

    def Status(self, request: service_pb2.StatusRequest, timeout: float) -> service_pb2.StatusResponse:
        answer: Any = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return service_pb2.StatusResponse(service="ledger", **answer)


class Topics:
    """Topics that reach as far as they are told, the last end for ever."""

    def __init__(self, *ends: int) -> None:
        self._ends = iter(ends)
        self._last = 0

    def ends(self) -> dict[Any, int]:
        self._last = next(self._ends, self._last)
        return {"p": self._last}


def wait(doors: Doors, topics: Topics, timeout_s: float = 5) -> None:
    wait_until_settled(doors, topics, timeout_s=timeout_s)  # type: ignore[arg-type]  # stand-ins for the real ones


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.demo.settled.PAUSE_S", 0)


def test_two_looks_at_rest_are_rest() -> None:
    doors = Doors({"lag": 3}, {})

    wait(doors, Topics(7))

    assert doors.asked == 3


def test_an_event_that_slipped_from_one_service_to_another_between_the_looks_is_seen() -> None:
    doors = Doors({})

    wait(doors, Topics(7, 7, 8, 8, 8))

    assert doors.asked == 3


def test_whoever_does_not_come_to_rest_is_named_with_what_is_left() -> None:
    with pytest.raises(NotSettledError, match="ledger: early 1, due 2"):
        wait(Doors({"early": 1, "due": 2}), Topics(7), timeout_s=0.05)
