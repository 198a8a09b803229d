"""Places in sentences where figures stand: `{{ name }}`, or `{{ name | filter }}`."""

import re
from collections.abc import Callable, Mapping

_PLACE = re.compile(r"\{\{ (\w+)(?: \| (\w+))? \}\}")


def places(text: str) -> dict[str, str]:
    """What figures a sentence needs, and through which filter ("": none) each goes."""
    return dict(_PLACE.findall(text))


def fill(text: str, said: Mapping[str, str], filters: Mapping[str, Callable[[str], str]]) -> str:
    """The sentence with its figures in it, each through its filter."""

    def figure(place: re.Match[str]) -> str:
        name, through = place.groups()
        return filters[through](said[name]) if through else said[name]

    return _PLACE.sub(figure, text)
