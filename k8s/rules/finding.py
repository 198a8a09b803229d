"""What a rule has to say about an object."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from k8s.render import Manifest, Rendering, title


@dataclass(frozen=True, slots=True)
class Complaint:
    """An object, and what is wrong with it."""

    where: str
    says: str


Rule = Callable[[Rendering], Iterator[Complaint]]


def complaint(item: Manifest, says: str) -> Complaint:
    """A complaint about an object."""
    return Complaint(title(item), says)
