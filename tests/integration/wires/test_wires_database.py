"""The database answers over TLS alone, by a name that is checked, and nobody on the wire reads along."""

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deploy.local.authority import Authority
from deploy.local.servers import Servers
from tests.integration.wires.sniffer import Sniffer

MARK = "a marked value 4711"


@pytest.fixture
def port(servers: Servers) -> int:
    return int(str(conninfo_to_dict(servers.admin_database_url)["port"]))


def echo(address: str) -> None:
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT %s || ' and back'", [MARK]).fetchone() == (f"{MARK} and back",)


def test_the_wire_shows_no_value(servers: Servers, port: int):
    with Sniffer(0, port) as sniffer:
        echo(make_conninfo(servers.admin_database_url, port=sniffer.port))

    assert len(sniffer.seen) > len(MARK)
    assert MARK.encode() not in sniffer.seen
    assert b"SCRAM" not in sniffer.seen


def test_plain_text_is_not_answered(servers: Servers):
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(make_conninfo(servers.admin_database_url, sslmode="disable"))


@pytest.mark.parametrize("sslmode", ["verify-full", "verify-ca"])
def test_a_server_of_another_authority_is_not_believed(servers: Servers, tmp_path: Path, sslmode: str):
    other = Authority(tmp_path / "elsewhere").file
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(make_conninfo(servers.admin_database_url, sslmode=sslmode, sslrootcert=str(other)))


def test_a_server_of_another_name_is_not_believed(servers: Servers):
    # The same address by a name that its certificate does not have.
    elsewhere = make_conninfo(servers.admin_database_url, host="database.example", hostaddr="127.0.0.1")
    with pytest.raises(psycopg.OperationalError, match="does not match"):
        psycopg.connect(elsewhere)


def test_an_authority_that_is_added_is_believed_at_the_next_connection(servers: Servers, tmp_path: Path):
    known = Path(str(conninfo_to_dict(servers.admin_database_url)["sslrootcert"])).read_bytes()
    authorities = tmp_path / "ca.crt"
    authorities.write_bytes(Authority(tmp_path / "elsewhere").file.read_bytes())
    address = make_conninfo(servers.admin_database_url, sslrootcert=str(authorities))
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(address)

    authorities.write_bytes(authorities.read_bytes() + known)

    echo(address)
