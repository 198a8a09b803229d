"""What watches is looked at beside what it watches."""

from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from services.chassis.service import Parts


@pytest.fixture
def alter(servers: Any) -> Any:
    """Change a database as no service can: as a superuser, with triggers and foreign keys off."""

    def alter_(parts: Parts[Any], *statements: str) -> None:
        name = psycopg.conninfo.conninfo_to_dict(parts.database.url)["dbname"]
        with psycopg.connect(make_conninfo(servers.admin_database_url, dbname=str(name))) as connection:
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                connection.execute(statement.encode())

    return alter_
