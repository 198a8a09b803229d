"""The database is a real one: durable, with passwords, and with roles that can do only what they should."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from deploy.local import postgres
from deploy.local.postgres import DatabaseUrls, Postgres, copy, drop, provision
from deploy.local.processes import ProcessDiedError
from deploy.local.servers import Servers


@pytest.fixture(scope="module")
def service() -> str:
    """Name a service that no other test run on the same server has."""
    return f"t_{uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def urls(servers: Servers, service: str) -> Iterator[DatabaseUrls]:
    """Give the ways into the service's database, which holds one table of the owner's."""
    urls = provision(servers.admin_database_url, service)
    with psycopg.connect(urls.owner) as owner:
        owner.execute("CREATE TABLE secret (word text)")
        owner.execute("INSERT INTO secret VALUES ('open sesame')")
    yield urls
    drop(servers.admin_database_url, service)
    with psycopg.connect(servers.admin_database_url) as admin:
        admin.execute(f"DROP ROLE {service}_owner, {service}_server".encode())


def ask(url: str, question: str) -> object:
    """Give the single value that a query answers."""
    with psycopg.connect(url) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("password", ["guessed", ""])
def test_a_wrong_password_is_refused(urls: DatabaseUrls, password: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(make_conninfo(urls.server, password=password))


@pytest.mark.parametrize("role", ["owner", "server"])
def test_no_role_of_a_service_stands_above_row_level_security(urls: DatabaseUrls, role: str) -> None:
    above = "SELECT rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = current_user"

    assert ask(getattr(urls, role), above) is False


@pytest.mark.parametrize(
    "forbidden",
    [
        "CREATE TABLE public.mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "SELECT * FROM public.secret",
        "ALTER TABLE public.secret DISABLE ROW LEVEL SECURITY",
    ],
)
def test_the_server_role_can_do_nothing_that_was_not_granted(urls: DatabaseUrls, forbidden: str) -> None:
    with psycopg.connect(urls.server) as server, pytest.raises(psycopg.errors.InsufficientPrivilege):
        server.execute(forbidden.encode())


def test_the_server_role_reads_what_the_owner_granted(servers: Servers, urls: DatabaseUrls, service: str) -> None:
    granted = copy(servers.admin_database_url, service, f"{service}_granted")
    with psycopg.connect(granted.owner) as owner:
        owner.execute(f"GRANT USAGE ON SCHEMA public TO {service}_server".encode())
        owner.execute(f"GRANT SELECT ON secret TO {service}_server".encode())

    assert ask(granted.server, "SELECT word FROM secret") == "open sesame"
    drop(servers.admin_database_url, f"{service}_granted")


def test_a_copy_has_the_content_the_owner_and_the_rights_of_its_template(
    servers: Servers, urls: DatabaseUrls, service: str
) -> None:
    copied = copy(servers.admin_database_url, service, f"{service}_copy")

    assert ask(copied.owner, "SELECT word FROM secret") == "open sesame"
    rights = "SELECT pg_get_userbyid(datdba) || datacl::text FROM pg_database WHERE datname = current_database()"
    assert ask(copied.server, rights) == ask(urls.server, rights)
    drop(servers.admin_database_url, f"{service}_copy")


def test_one_service_cannot_enter_the_database_of_another(servers: Servers, urls: DatabaseUrls, service: str) -> None:
    other = f"{service}_other"
    strangers = provision(servers.admin_database_url, other)

    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(make_conninfo(strangers.owner, dbname=service))
    drop(servers.admin_database_url, other)
    with psycopg.connect(servers.admin_database_url) as admin:
        admin.execute(f"DROP ROLE {other}_owner, {other}_server".encode())


def test_providing_again_and_side_by_side_keeps_every_address_valid(
    servers: Servers, urls: DatabaseUrls, service: str
) -> None:
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(provision, [servers.admin_database_url] * 4, [service] * 4))

    assert answers == [urls] * 4
    assert ask(urls.server, "SELECT 1") == 1


def test_a_killed_database_comes_back_with_every_committed_row(tmp_path: Path) -> None:
    postgres = Postgres(tmp_path / "data", tmp_path / "log")
    postgres.start()
    try:
        with psycopg.connect(postgres.admin_url) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                assert ask(postgres.admin_url, f"SHOW {setting}") == "on"
            connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        connection = psycopg.connect(postgres.admin_url)
        connection.execute("INSERT INTO kept VALUES (1001)")  # never committed

        postgres.kill()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        postgres.restart()

        assert ask(postgres.admin_url, "SELECT count(*) FROM kept") == 1000
    finally:
        postgres.stop()


def test_it_runs_in_a_folder_that_only_its_owner_may_enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    shutil.copytree(postgres.programs(), private / "programs", symlinks=True)
    monkeypatch.setattr(postgres, "programs", lambda: private / "programs")
    server = Postgres(private / "data", private / "log")
    try:
        server.start()
        assert ask(server.admin_url, "SELECT 1") == 1
        server.kill()
        server.start()
        assert ask(server.admin_url, "SELECT 2") == 2
    finally:
        server.stop()


def test_one_that_cannot_be_set_up_says_why_in_one_line_with_the_place_of_its_log(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "data", tmp_path / "log", {"no_such_setting": "on"})

    with pytest.raises(ProcessDiedError) as failed:
        server.start()

    said = str(failed.value)
    assert "\n" not in said
    assert "contains errors" in said
    assert str(tmp_path / "log") in said
