"""Sections that are programs of their own, for whoever works on documents alone: what they print is told."""

import os
import subprocess
import sys

from deploy.local.artifacts import ROOT
from tests.benchmark import report
from tests.benchmark.effort import Effort
from tests.benchmark.report import Section
from tests.benchmark.stand import FellOverError

WIDE = "160"  # characters, so that no table is cut off


def documents(effort: Effort) -> Section:
    """Documents a second of one core, beside others."""
    return _printed(effort, "documents", "Documents, one core")


def _printed(effort: Effort, name: str, title: str) -> Section:
    """Run it, and take what it says; in a quick run only see that it is there."""
    module = f"tests.benchmark.{name}"
    if effort.quick:
        return Section(name, title, f"{report.conditions(effort)}. Takes minutes: not part of a quick run.")
    effort.say(f"{title}: python -m {module}")
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": WIDE},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise FellOverError(f"{module} ended with {done.returncode}")
    return Section(name, title, f"{report.conditions(effort)}.\n\n```\n{done.stdout.strip()}\n```")
