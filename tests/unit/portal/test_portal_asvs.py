"""What the portal must hold of OWASP ASVS 5.0.0 is held by tests that say so: "ASVS 7.2.3-4" in their words."""

import re
from collections.abc import Iterator

from deploy.local.artifacts import ROOT

# By what must hold.
REQUIRED = {
    "every route, role and company": "8.2.1-3, 8.3.1, 8.4.1",
    "every method, caller and role": "8.3.3, 12.3.5, 13.2.1",
    "forged forms": "3.5.1, 3.5.3",
    "sessions": "7.2.3-4, 7.4.1-3, 7.5.1-3",
    "cookies, headers, script": "3.2.1, 3.3.1-4, 3.4.1-8, 14.3.2",
    "links and codes once; no way around factors": "6.3.3, 6.3.6, 6.4.3, 6.5.1, 6.5.5",
    "known and unknown addresses alike": "6.3.8",
    "slowed down, never locked": "6.1.1, 6.3.1, 2.4.1",
    "files of strangers": "5.2.1-6, 5.3.2, 5.4.1-2",
    "tables for spreadsheets": "1.2.10",
    "outgoing requests": "1.3.6, 13.2.4",
    "tokens": "9.1.1-3, 9.2.1-3",
    "what is kept of acts and refusals": "14.2.1, 16.2.1, 16.3.1-3",
}
# Held in another way: 5.4.3 (files are looked through for what is known to be evil): of a file nothing is kept but what
# is drawn of it anew, and it is sent as an attachment in a sandbox.


def test_each_requirement_is_in_the_words_of_a_test():
    said = "\n".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    held = {tag for words in re.findall(r"ASVS ((?:[ ,]|and|to|\d+\.\d+\.\d+(?:-\d+)?)+)", said) for tag in tags(words)}

    missing = {what: sorted(set(tags(wanted)) - held) for what, wanted in REQUIRED.items()}
    assert {what: lacks for what, lacks in missing.items() if lacks} == {}


def tags(words: str) -> Iterator[str]:
    """Requirements one by one: "3.3.1-4" is four, and so is "3.3.1 to 3.3.4"."""
    for chapter, first, last in re.findall(r"(\d+\.\d+)\.(\d+)(?:(?:-| to \d+\.\d+\.)(\d+))?", words):
        yield from (f"{chapter}.{nth}" for nth in range(int(first), int(last or first) + 1))
