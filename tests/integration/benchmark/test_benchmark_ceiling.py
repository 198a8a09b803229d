"""The ceiling by pgbench: whatever a service wrote is written again, row by row, under the same rules."""

import pytest
from receivables.common.v1 import party_pb2

from deploy.demo.stack import rows
from deploy.local.postgres import DatabaseUrls
from services.chassis.envelope import Origin, Record, text_headers
from services.credit import usecases
from services.credit.service import SERVICE as CREDIT
from services.kernel.money import Money
from tests.benchmark import business
from tests.benchmark.ceiling import Recorder
from tests.benchmark.stand import FellOverError

ORDERS = 50
BUYER = party_pb2.Company(name="Anna GmbH", address=party_pb2.Address(country="DE"))
WRITTEN = """SELECT (SELECT count(*) FROM hold), (SELECT count(*) FROM decision), (SELECT count(*) FROM movement),
                    (SELECT count(*) FROM inbox), (SELECT count(*) FROM outbox), (SELECT sum(held_minor) FROM account)"""


def told(pattern: business.Pattern, number: int) -> Record:
    one = business.placed(pattern, "r", number, business.now())
    return Record(business.ORDERS, 0, number, one.key, one.value, text_headers(one.headers))


@pytest.fixture
async def recorded(open_service, servers):
    """Give the addresses of a database in which credit decided some orders, what was written, and the recorder."""
    [pattern, *_] = business.patterns()
    async with open_service(CREDIT) as parts:
        settings = parts.settings
        urls = DatabaseUrls(
            owner=settings.owner_database_url.get_secret_value(), server=settings.database_url.get_secret_value()
        )
        async with parts.database.transaction([business.TENANT]) as tx:
            origin = Origin(business.TENANT, "user:clerk", "test", "buyer", "")
            await usecases.register_buyer(tx, origin, pattern.account, BUYER, Money(10**12, business.CURRENCY))
        recorder = Recorder(servers.admin_database_url, urls)
        recorder.start()
        for first in (0, ORDERS // 2):
            await parts.consumer.handle([told(pattern, number) for number in range(first, first + ORDERS // 2)])
        recorder.stop()
    return urls, rows(urls, [business.TENANT], WRITTEN), recorder


def test_every_row_is_written_once_more_and_nothing_else(recorded, tmp_path):
    urls, written, recorder = recorded
    assert written[0][:4] == (ORDERS,) * 4

    assert recorder.orders_per_s(ORDERS, tmp_path) > 0

    assert rows(urls, [business.TENANT], WRITTEN) == written
    assert "OVERRIDING SYSTEM VALUE" in (tmp_path / "ceiling.sql").read_text()


def test_a_row_that_pgbench_does_not_write_is_missed(recorded, tmp_path, monkeypatch):
    _, _, recorder = recorded
    monkeypatch.setattr(Recorder, "_pgbench", lambda *_: 1.0)

    with pytest.raises(FellOverError, match="pgbench did not write"):
        recorder.orders_per_s(ORDERS, tmp_path)
