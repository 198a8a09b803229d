"""Settings: variables, secrets as files, and a wrong one named in one line."""

from pathlib import Path

import pytest

from services.chassis.settings import ChassisSettings, load, secret_now

CLOSED = "sslmode=verify-full"
URL = f"postgresql://server:pa55@db/credit?{CLOSED}"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AR_SECRETS_DIR", raising=False)
    monkeypatch.setenv("AR_DATABASE_URL", URL)


def test_a_secret_may_come_as_a_file_and_a_variable_counts_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "database_url").write_text(f"postgresql://from-file?{CLOSED}\n")
    (tmp_path / "owner_database_url").write_text(f"postgresql://owner?{CLOSED}\n")
    monkeypatch.setenv("AR_SECRETS_DIR", str(tmp_path))

    both = load(ChassisSettings)
    monkeypatch.delenv("AR_DATABASE_URL")
    file_only = load(ChassisSettings)

    assert both.database_url.get_secret_value() == URL
    assert both.owner_database_url is not None
    assert both.owner_database_url.get_secret_value() == f"postgresql://owner?{CLOSED}"
    assert file_only.database_url.get_secret_value() == f"postgresql://from-file?{CLOSED}"


def test_a_secret_in_a_file_is_read_again_and_what_is_away_or_a_variable_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "owner_database_url"
    before, after = (f"postgresql://{login}@db/credit?{CLOSED}" for login in ("before", "after"))
    file.write_text(before)
    (tmp_path / "database_url").write_text(f"postgresql://not-read?{CLOSED}")
    monkeypatch.setenv("AR_SECRETS_DIR", str(tmp_path))
    settings = load(ChassisSettings)

    file.write_text(f"{after}\n")
    assert secret_now(settings, "owner_database_url") == after
    file.write_text("")
    assert secret_now(settings, "owner_database_url") == before
    file.unlink()
    assert secret_now(settings, "owner_database_url") == before
    assert secret_now(settings, "database_url") == URL


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AR_BATCH_SIZE", "many"),
        ("AR_GRPC_PORT", "70000"),
        ("AR_CLOCK", "sundial"),
        ("AR_LOG_LEVEL", "LOUD"),
        ("AR_SESSION_TIMEOUT_S", "0"),
        ("AR_KAFKA_BOOTSTRAP_SERVERS", ""),
        ("AR_DATABASE_URL", "somewhere with pa55"),
    ],
)
def test_a_wrong_value_ends_the_start_with_one_line_that_names_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as ended:
        load(ChassisSettings)

    assert str(ended.value).startswith(f"{name}: ")
    assert "\n" not in str(ended.value)
    assert "pa55" not in str(ended.value)


def test_what_is_missing_is_named_and_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AR_DATABASE_URL")
    monkeypatch.setenv("AR_OWNER_DATABASE_URL", URL)
    monkeypatch.setenv("AR_BATCH_SIZE", "0")

    with pytest.raises(SystemExit) as ended:
        load(ChassisSettings)

    assert {line.split(":")[0] for line in str(ended.value).splitlines()} == {"AR_DATABASE_URL", "AR_BATCH_SIZE"}
    assert "pa55" not in str(ended.value)


def test_a_folder_of_secrets_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AR_SECRETS_DIR", "/no/such/folder")

    with pytest.raises(SystemExit, match="AR_SECRETS_DIR: /no/such/folder is no folder"):
        load(ChassisSettings)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("webshop", "is no JSON"),
        ('["acme"]', "valid dictionary"),
        ('{"webshop": "acme"}', "valid list"),
        ('{"web.shop": ["acme"]}', "'web.shop' is no source"),
        ('{"": ["acme"]}', "'' is no source"),
        ('{"webshop": ["Acme"]}', "'Acme', of webshop, is no tenant"),
    ],
)
def test_sources_of_orders_that_make_no_sense_end_the_start_with_a_line_that_says_why(
    said: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AR_ORDER_SOURCES", said)

    with pytest.raises(SystemExit, match="AR_ORDER_SOURCES: ") as ended:
        load(ChassisSettings)

    assert why in str(ended.value)


def test_sources_of_orders_are_named_with_their_tenants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AR_ORDER_SOURCES", '{"webshop": ["acme"], "erp-1": ["acme", "globex"], "*": []}')

    assert load(ChassisSettings).order_sources == {"webshop": ["acme"], "erp-1": ["acme", "globex"], "*": []}


@pytest.mark.parametrize("name", ["AR_DATABASE_URL", "AR_OWNER_DATABASE_URL"])
def test_an_address_by_which_anybody_could_be_the_database_ends_the_start_unless_that_is_meant(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for mode in ("", "?sslmode=prefer", "?sslmode=require", "?sslmode=verify-ca"):
        monkeypatch.setenv(name, f"postgresql://server:pa55@db/credit{mode}")
        with pytest.raises(SystemExit, match=f"^{name}: .*sslmode=verify-full") as ended:
            load(ChassisSettings)
        assert "pa55" not in str(ended.value)
    monkeypatch.setenv(name, "postgresql:///credit?host=/var/run/postgresql")
    load(ChassisSettings)
    monkeypatch.setenv(name, "postgresql://server:pa55@db/credit")
    monkeypatch.setenv("AR_DATABASE_TLS", "off")
    load(ChassisSettings)
