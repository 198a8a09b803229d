"""Each service says what its code stands on, and its migrations have one order."""

from importlib import import_module
from pathlib import Path

import pytest

from k8s.product import SERVICES
from services.chassis import migrate

ALL = {name: import_module(f"services.{name}.service").SERVICE for name in SERVICES}
FOLDERS = {name: (service.migrations, service.stands_on) for name, service in ALL.items()}
FOLDERS["chassis"] = (Path(migrate.__file__).parent / "migrations", migrate.STANDS_ON)


@pytest.mark.parametrize(("folder", "stands_on"), FOLDERS.values(), ids=FOLDERS)
def test_what_the_code_stands_on_is_a_migration_and_only_later_ones_may_be_missing(folder: Path, stands_on: str):
    names = sorted(file.name for file in folder.glob("*.sql"))

    assert stands_on in names
    # By number, each taken once: what the code stands on comes before what it does not stand on yet.
    assert [name[:5] for name in names] == [f"{number:04}_" for number in range(1, len(names) + 1)]
