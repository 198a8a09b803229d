"""Feeds one reader with what a fuzzer makes of real documents: `python -m tests.fuzz.readers READER CORPUS [OPTIONS]`.

Whatever the bytes are, a reader gives an invoice or refuses with a reason; what it gives can be checked, kept as JSON
and laid out. Anything else that is raised ends the process, as do a hang and too much memory (libFuzzer's options).
"""

import contextlib
import importlib
import sys
from typing import Any

from tests.fuzz import READERS

atheris: Any = importlib.import_module("atheris")  # of its own environment, which mypy does not see
with atheris.instrument_imports(include=["services"]):
    from services.documents import check, read, safe, write
    from services.documents.formats import facturx, recognise
    from services.documents.formats.facturx.page import content
    from services.kernel.refusals import Invalid


def feed(format_: str, data: bytes) -> None:
    """One try."""
    with contextlib.suppress(Invalid):
        recognise(data)
    try:
        found = read(data, format_)
    except Invalid:
        return
    check(found)
    content(found, facturx.Page())
    kept = write(found, "json")
    if not safe.UNPRINTABLE.search(kept.decode()):
        assert read(kept, "json") == found


def main() -> None:
    """Run until the fuzzer's options say that it is enough."""
    format_ = sys.argv.pop(1)
    assert format_ in READERS, READERS
    atheris.Setup(sys.argv, lambda data: feed(format_, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
