"""How much is done to measure: long enough to mean something, or only enough to see that everything works."""

from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Effort:
    """What every section is told; a quick one proves that the benchmark works, and its figures mean nothing."""

    say: Say
    runs: int = 3
    quick: bool = False
    # Of the sustained load.
    minutes: float = 10
    rate: float = 350
    # Print what costs most in each database.
    statements: bool = False
    # A service to be sampled by py-spy while it is measured.
    profile: str = ""

    @property
    def warm_s(self) -> float:
        """Before anything is counted."""
        return 2 if self.quick else 20

    @property
    def seconds(self) -> float:
        """That a load is measured for."""
        return 4 if self.quick else 60
