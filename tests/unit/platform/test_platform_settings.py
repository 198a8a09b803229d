"""Whatever names a setting, anywhere, names one that there is, with the default that it has; and each one is read."""

import re
import subprocess
from functools import cache
from pathlib import Path

from k8s import product
from k8s.product import ROOT, Setting
from services.chassis.settings import SECRETS_DIR

# Variables of ours that are no setting of a service, and who reads them.
OTHERS = {
    SECRETS_DIR: "the settings themselves: where the files of secrets are",
    "AR_OPERATOR_KEY": "an operator's command line: the file with their key",
    "AR_PROVIDER_SECRET": "portal's command `provider`: how the portal shows itself to one who signs its people in",
    "AR_LOCAL_AUTHORITY": "servers of a run: where its certificates are, for its other processes",
    "AR_FONTS_DIR": "receivables invoice: a folder of fonts",
    "AR_MAIL_FOLDER": "the local mail server",
    "AR_FUZZ_S": "a test: how long it fuzzes",
    "AR_GOLDEN": "a test: writes its expectations anew",
    "AR_INVOICES": "a test: how many it makes",
}


@cache
def texts() -> dict[str, str]:
    """Every file of the repository but the tests, which misspell on purpose."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    files = [ROOT / name for name in listed if not name.startswith("tests/")]
    return {str(file.relative_to(ROOT)): text for file in files if file.is_file() and (text := read(file))}


def read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:  # a font, a profile of colours
        return ""


def settings() -> dict[str, Setting]:
    return {name: setting for each in product.products() for name, setting in each.settings.items()}


def test_no_file_names_a_setting_that_is_not_there():
    named = {(found, name) for name, text in texts().items() for found in re.findall(r"\bAR_[A-Z][A-Z_]*[A-Z]\b", text)}

    assert {(found, name) for found, name in named if found not in settings().keys() | OTHERS.keys()} == set()
    assert {found for found, _ in named} >= OTHERS.keys()


def test_a_default_that_a_readme_tells_is_the_default():
    told = {
        (name, setting, default)
        for name, text in texts().items()
        if name.endswith(".md")
        for setting, default in re.findall(r"`(AR_[A-Z_]+)` \(`?([^\s`;,)]+)", text)
    }

    assert len(told) > 5
    assert {each for each in told if each[2] != settings()[each[1]].default} == set()


def test_every_setting_is_read_and_says_what_it_means():
    code = "\n".join(text for name, text in texts().items() if name.startswith("services/") and name.endswith(".py"))

    for setting in settings().values():
        # One who calls all others reads their addresses by their names.
        addresses = setting.file.endswith("_address") and 'getattr(settings, f"{name}_address")' in code
        assert addresses or re.search(rf'\.{setting.file}\b|"{setting.file}"', code), f"nobody reads {setting.name}"
        assert setting.meaning, setting.name
