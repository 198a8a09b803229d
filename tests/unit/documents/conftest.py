"""The official rule files and their judge, once for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.rules import install
from services.documents import CodeLists, OfficialRules, Schema


@pytest.fixture(scope="session")
def rules_dir() -> Path:
    return install()


@pytest.fixture(scope="session")
def schema(rules_dir: Path) -> Schema:
    return Schema(rules_dir)


@pytest.fixture(scope="session")
def official(rules_dir: Path) -> Iterator[OfficialRules]:
    with OfficialRules(rules_dir) as judge:
        yield judge


@pytest.fixture(scope="session")
def codes(rules_dir: Path) -> CodeLists:
    return CodeLists.read(rules_dir)
