"""What is wrong with a policy's text, each mistake with its line."""

from dataclasses import dataclass

from services.kernel.refusals import Invalid

MISTAKES_MAX = 50


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing that is wrong; a text that has any never decides anything."""

    # From 1.
    line: int
    # Stable: "fact_unknown", "types_differ", "bins_gap" …
    code: str
    message: str


class MistakesFound(Invalid):
    """The text is no policy."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        first = mistakes[0]
        super().__init__("policy.mistakes", f"line {first.line}: {first.message}")
        # In the order of their lines, at most fifty.
        self.mistakes = mistakes
