"""The code lists of EN 16931, read out of the official stylesheet: they change twice a year and are not retyped."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from lxml import etree

from services.documents.model import Place
from services.documents.rules.finding import Finding, fatal
from services.documents.rules.sets import EN16931_UBL, STYLESHEET

# Which list a term is taken from; of a value with attributes, the attribute that is a code.
_LISTS: Mapping[tuple[str, str], str] = {
    **{(number, ""): "BR-CL-14" for number in ("BT-40", "BT-55", "BT-69", "BT-80")},
    **{(number, ""): "BR-CL-19" for number in ("BT-98", "BT-140")},
    **{(number, ""): "BR-CL-20" for number in ("BT-105", "BT-145")},
    **{(number, ""): "BR-CL-23" for number in ("BT-130", "BT-150")},
    **{(number, "scheme"): "BR-CL-07" for number in ("BT-18", "BT-128")},
    **{(number, "scheme"): "BR-CL-10" for number in ("BT-29", "BT-46", "BT-60")},
    **{(number, "scheme"): "BR-CL-11" for number in ("BT-30", "BT-47", "BT-61")},
    **{(number, "scheme"): "BR-CL-25" for number in ("BT-34", "BT-49")},
    ("BT-5", ""): "BR-CL-04",
    ("BT-6", ""): "BR-CL-05",
    ("BT-21", ""): "BR-CL-08",
    ("BT-71", "scheme"): "BR-CL-26",
    ("BT-81", ""): "BR-CL-16",
    ("BT-121", ""): "BR-CL-22",
    ("BT-125", "media type"): "BR-CL-24",
    ("BT-157", "scheme"): "BR-CL-21",
    ("BT-158", "scheme"): "BR-CL-13",
    ("BT-159", ""): "BR-CL-15",
}
_LIST = re.compile(r"contains\(\s*'\s([^']*)\s'")
_MEDIA_TYPE = re.compile(r"@mimeCode = '([^']+)'")
_ASSERT = "{http://purl.oclc.org/dsdl/svrl}failed-assert"
_ID = "{http://www.w3.org/1999/XSL/Transform}attribute[@name='id']"


class CodeLists:
    """Which codes each rule of the BR-CL family allows."""

    def __init__(self, allowed: Mapping[str, frozenset[str]]) -> None:
        self._allowed = allowed

    @classmethod
    def read(cls, rules_dir: Path, rule_set: str = EN16931_UBL) -> Self:
        """Read the lists out of the rule set's stylesheet."""
        sheet = etree.parse(str(rules_dir / rule_set / STYLESHEET), etree.XMLParser(no_network=True))
        allowed = {}
        for rule in sheet.iter(_ASSERT):
            name, test = rule.findtext(_ID) or "", rule.get("test") or ""
            codes = _MEDIA_TYPE.findall(test) if name == "BR-CL-24" else " ".join(_LIST.findall(test)).split()
            if name.startswith("BR-CL-") and codes:
                allowed[name] = frozenset(codes)
        missing = set(_LISTS.values()) - set(allowed)
        assert not missing, f"the sheet of {rule_set} no longer says {sorted(missing)} as we read it"
        return cls(allowed)

    def allowed(self, rule: str) -> frozenset[str]:
        """The codes of a rule's list."""
        return self._allowed[rule]

    def check(self, place: Place, number: str) -> Iterator[Finding]:
        """Whether a value is a code of its list, if it is a code."""
        rule = _LISTS.get((number, place.part))
        if rule is not None and isinstance(place.value, str) and place.value not in self.allowed(rule):
            yield fatal(rule, f"{place.value!r} is no code of the list that {number} is taken from.", place.path)
