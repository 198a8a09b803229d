"""Earlier versions as trees, and servers that nobody else uses."""

import pytest

from tests.versions.version import Version, before_newest_schema, extract


@pytest.fixture(scope="session")
def commit_before(tmp_path_factory: pytest.TempPathFactory) -> Version:
    """Give the previous commit."""
    return extract("HEAD^", "the previous commit", tmp_path_factory.mktemp("commit"))


@pytest.fixture(scope="session")
def schema_before(tmp_path_factory: pytest.TempPathFactory) -> Version:
    """Give the tree before the newest change of a schema."""
    return extract(before_newest_schema(), "the tree before the newest schema", tmp_path_factory.mktemp("schema"))


@pytest.fixture(params=["commit_before", "schema_before"])
def previous(request: pytest.FixtureRequest) -> Version:
    """Give each of the two."""
    version: Version = request.getfixturevalue(request.param)
    return version
