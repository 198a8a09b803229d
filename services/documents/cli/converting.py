"""Converts one invoice into another format, and tells what is lost on the way."""

import sys
from pathlib import Path

from services.documents.cli import files
from services.documents.formats import Loss, facturx, losses, named
from services.documents.rules.profiles import PROFILES, claim, claimed


def convert(file: Path, to: str, output: Path | None, *, profile: str | None, strict: bool, page: facturx.Page) -> bool:
    """Write the invoice in the other format; say whether it was written: `strict` refuses a loss."""
    target = named(to)
    _, invoice = files.read(file)
    if profile is not None:
        invoice = claim(invoice, profile)
    written = facturx.write(invoice, page) if to == "facturx" else target.write(invoice)
    lost = losses(invoice, to, written)
    _tell(lost, to)
    name = claimed(invoice.process.specification)
    if (target.roots or to == "facturx") and name is not None and to not in PROFILES[name].rule_sets:
        sys.stderr.write(f"warning: {PROFILES[name].title} does not travel in {target.title}\n")
    if strict and lost:
        sys.stderr.write("nothing was written: --strict allows no loss\n")
        return False
    if output is None:
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
    else:
        output.write_bytes(written)
    return True


def _tell(lost: list[Loss], to: str) -> None:
    for loss in lost:
        number = loss.place.rpartition("/")[2]
        instead = "" if loss.instead is None else f", becomes {loss.instead!r}"
        sys.stderr.write(
            files.fit(f"not in {to}: {number} {loss.value!r} at {loss.place}{instead}: {loss.reason}") + "\n"
        )
