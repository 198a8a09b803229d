"""`python -m k8s.check`: renders every overlay and the chart, and judges them; exit code 1 when a rule complains."""

import sys

from rich.console import Console
from rich.table import Table

from k8s import render
from k8s.rules import RULES, judge


def main() -> int:
    """Show what was judged, and every complaint with its rule, its object and its reason."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    complaints = 0
    for overlay in render.overlays():
        rendering = render.read(overlay, render.kustomize(overlay))
        found = judge(rendering)
        complaints += len(found)
        console.print(f"{overlay}: {len(rendering.objects)} objects, {len(RULES)} rules, {len(found)} complaints")
        if found:
            table = Table("rule", "object", "says", box=None)
            for rule, complaint in found:
                table.add_row(rule, complaint.where, complaint.says)
            console.print(table)
    different = [
        f"chart and overlay {overlay} differ: {line}"
        for overlay, values in render.SAME.items()
        for line in render.compare(overlay, *values)
    ]
    for line in different:
        console.print(line, style="red")
    return 1 if complaints or different else 0


if __name__ == "__main__":
    sys.exit(main())
