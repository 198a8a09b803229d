"""Parts what somebody wrote in a reply from what it repeats: quotes, signatures, the mail that it answers.

By lines, each looked at once: mail-parser-reply 1.36 takes a minute for 60 KB of "On On On …".
"""

import re
from collections.abc import Sequence

LINE_MAX = 400  # characters of a line that could introduce a quote
INTRO_LINES = 3  # over which mail programs spread it
HEAD_LINES = 5  # of a repeated mail's head
LINES_MAX = 5_000

# "On 2 March 2026, Ada wrote:", in the languages that we write.
_INTRO = re.compile(
    r"(On\b.*\bwrote|Am\b.*\bschrieb\b.*|Le\b.*\ba écrit|Den\b.*\bskrev\b.*|.* (wrote|schrieb|skrev)) ?:"
)
_BAR = re.compile(
    r"[-_]{2,} ?(Original Message|Forwarded message|Ursprüngliche Nachricht|Weitergeleitete Nachricht|Message d.origine"
    r"|Message original|Message transféré|Ursprungligt meddelande|Vidarebefordrat meddelande) ?[-_]{2,}",
    re.IGNORECASE,
)
_FROM = re.compile(r"\W{0,2}(From|Von|De|Från)\W{0,2} ?:")
_SENT = re.compile(r"\W{0,2}(Sent|Date|Gesendet|Datum|Envoyé|Skickat)\b[^:]{0,12}:")


def fold(text: str) -> tuple[str, str]:
    """What was written, and what it repeats."""
    lines = text.split("\n")[:LINES_MAX]
    written: list[str] = []
    repeated: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        if lines[at] in ("-- ", "--") or _is_bar(line) or _is_head(lines, at):
            return _joined(written), _joined([*repeated, *lines[at:]])
        if size := _intro(lines, at):
            after = next((each for each in lines[at + size :] if each.strip()), "")
            if not after.startswith(">"):
                return _joined(written), _joined([*repeated, *lines[at:]])
            repeated += lines[at : at + size]
            at += size
            continue
        (repeated if line.startswith(">") else written).append(lines[at])
        at += 1
    return _joined(written), _joined(repeated)


def _intro(lines: Sequence[str], at: int) -> int:
    """How many lines from here introduce a quote."""
    if not lines[at].strip():
        return 0
    said = ""
    for size in range(1, INTRO_LINES + 1):
        if at + size > len(lines) or not (more := lines[at + size - 1].strip()):
            return 0
        said = f"{said} {more}".strip()
        if len(said) > LINE_MAX:
            return 0
        if said.endswith(":") and _INTRO.fullmatch(said) and (size == 1 or _begins(lines[at])):
            return size
    return 0


def _begins(line: str) -> bool:
    return line.strip().partition(" ")[0] in ("On", "Am", "Le", "Den")


def _is_bar(line: str) -> bool:
    return len(line) <= LINE_MAX and _BAR.fullmatch(line) is not None


def _is_head(lines: Sequence[str], at: int) -> bool:
    """Whether the head of a repeated mail begins here: who it was from, and soon after when it was sent."""
    return _FROM.match(lines[at].strip()) is not None and any(
        _SENT.match(line.strip()) for line in lines[at + 1 : at + HEAD_LINES]
    )


def _joined(lines: Sequence[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip("\n")
