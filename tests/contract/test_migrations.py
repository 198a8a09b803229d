"""What was migrated somewhere stays as it was: databases that have a migration never run it again."""

import shutil
from pathlib import Path

import pytest

from tests.contract import migrations

INVOICING = Path("services/invoicing/migrations")


def changed(root: Path) -> dict[str, str]:
    """What is wrong with the migrations of a tree beside the published ones."""
    published, here = migrations.published(), migrations.here(root)
    wrong = {name: "is edited" for name, digest in published.items() if here.get(name, digest) != digest}
    wrong |= dict.fromkeys(published.keys() - here.keys(), "is gone")
    for name in here.keys() - published.keys():
        if any(Path(old).parent == Path(name).parent and old > name for old in published):
            wrong[name] = "comes before a published one"
    return wrong


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a copy of the migrations to spoil."""
    for folder in migrations.ROOT.glob("services/*/migrations"):
        shutil.copytree(folder, tmp_path / folder.relative_to(migrations.ROOT))
    return tmp_path


def test_published_migrations_stand_as_they_were_published():
    assert changed(migrations.ROOT) == {}


def test_every_migration_of_today_is_published():
    assert migrations.here().keys() <= migrations.published().keys(), "run `make baseline` when a migration was added"


def test_an_edited_migration_is_found_also_when_a_comment_changed(tree: Path):
    file = tree / INVOICING / "0002_forms.sql"
    file.write_text(file.read_text() + "-- later\n")

    assert changed(tree) == {f"{INVOICING}/0002_forms.sql": "is edited"}


def test_a_renamed_or_removed_migration_is_found(tree: Path):
    folder = tree / INVOICING
    (folder / "0002_forms.sql").rename(folder / "9999_forms.sql")

    assert changed(tree) == {f"{INVOICING}/0002_forms.sql": "is gone"}


def test_a_migration_that_would_come_before_a_published_one_is_found(tree: Path):
    (tree / INVOICING / "0001_a_second_first.sql").write_text("SELECT 1;")

    assert changed(tree) == {f"{INVOICING}/0001_a_second_first.sql": "comes before a published one"}
