"""A version and the one before it run on both their schemas, alone and at once: replicas are replaced one by one."""

import os
import shutil
import subprocess
import sys
import warnings

import pytest

from deploy.local.artifacts import ROOT
from deploy.local.processes import wait_until
from deploy.local.servers import Servers
from k8s.product import products
from tests.versions.stand import START_S, Stand, Trade, handled
from tests.versions.version import CURRENT, Version, before_newest_schema, extract

pytestmark = pytest.mark.prove
SERVICES = [each.name for each in products() if each.knows_broker]  # the portal handles no event


@pytest.fixture(scope="session")
def on_todays_schemas(tmp_path_factory: pytest.TempPathFactory) -> Version:
    """Give the tree before the newest change of a schema, with today's schemas."""
    folder = tmp_path_factory.mktemp("previous")
    version = extract(before_newest_schema(), "previous", folder)
    for today in ROOT.glob("services/*/migrations"):
        shutil.copytree(today, folder / today.relative_to(ROOT), dirs_exist_ok=True)
    return version


@pytest.mark.parametrize("service", SERVICES)
def test_the_previous_versions_own_tests_pass_on_todays_schema(on_todays_schemas: Version, service: str):
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"tests/integration/{service}"],
        cwd=on_todays_schemas.folder,
        env=os.environ | on_todays_schemas.environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-1000:]


@pytest.mark.parametrize("service", SERVICES)
def test_both_versions_run_on_both_schemas_alone_and_at_once(servers: Servers, previous: Version, service: str):
    if previous.schema(service) != CURRENT.schema(service):  # the same bytes make one schema, and that is the newer
        run_on_older_schema(servers, previous, service)
    with Stand(servers, service, schema_of=CURRENT) as stand:
        trade = Trade(stand)
        with stand.replica(previous) as before:
            trade.begin(before)
            trade.go_on([before], 4)
            with stand.replica(CURRENT) as now:
                trade.go_on_until_both_work([before, now])
                so_far = handled(before) + handled(now)
                events = trade.go_on([before, now], 60)
                trade.assert_once(now)
                assert handled(before) + handled(now) - so_far == events
        with stand.replica(CURRENT) as alone:
            trade.go_on([alone], 4)
            trade.assert_once(alone)


def run_on_older_schema(servers: Servers, previous: Version, service: str) -> None:
    """The version that made it, and today's if the schema has what its code stands on; otherwise say what it lacks."""
    has, needs = previous.schema(service), CURRENT.stands_on(service)
    missing = sorted(needs.keys() - has.keys())
    edited = sorted(name for name in needs.keys() & has.keys() if needs[name] != has[name])
    with Stand(servers, service, schema_of=previous) as stand:
        trade = Trade(stand)
        with stand.replica(previous) as before:
            trade.begin(before)
            trade.go_on([before], 4)
            trade.assert_once(before)
        if missing:
            warnings.warn(f"{service} stands on {missing}, which {previous.name} lacks: there it waits", stacklevel=1)
            with stand.described(CURRENT) as now:
                now.process.spawn()
                wait_until(lambda: '"waits_for": "migrations"' in now.process.log.read_text(), "it waits", START_S)
                assert not now.serving()
        elif edited:
            # Databases that have the file never get the rest of it. Since published migrations are held by
            # tests/contract this cannot happen again.
            assert not previous.holds_published_migrations
            warnings.warn(f"{service} stands on {edited}, edited since {previous.name}: not run there", stacklevel=1)
        else:
            with stand.replica(CURRENT) as now:
                trade.go_on([now], 4)
                trade.assert_once(now)
