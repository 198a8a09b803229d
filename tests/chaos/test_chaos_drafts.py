"""Invoicing is killed between the preparing of a draft and the commit that numbers it: no gap, nothing lost, nothing twice."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from deploy.demo.stack import Running
from deploy.local.processes import wait_until
from deploy.local.servers import Servers
from tests.versions.stand import START_S, Stand, Trade
from tests.versions.version import CURRENT

KILLS = int(os.environ.get("DRAFT_KILLS", "100"))
POINT = 9_004
# Whoever holds this lock holds invoicing after it has prepared drafts and locked them, before they have numbers.
HELD = f"""
    CREATE FUNCTION wait_before_number() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_advisory_xact_lock_shared({POINT});
      RETURN NULL;
    END $$;
    CREATE TRIGGER held BEFORE INSERT ON series FOR EACH STATEMENT EXECUTE FUNCTION wait_before_number()"""


@contextmanager
def a_stand(servers: Servers) -> Iterator[tuple[Stand, Any]]:
    """Give a place for invoicing alone, and its database as its owner."""
    with (
        Stand(servers, "invoicing", schema_of=CURRENT) as stand,
        psycopg.connect(stand.database.owner, autocommit=True) as owner,
    ):
        owner.execute(HELD.encode())
        yield stand, owner


def stands_at_the_point(owner: Any) -> bool:
    row = owner.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted", [POINT]
    ).fetchone()
    return bool(row[0])


def kill_at_the_point(stand: Stand, trade: Trade, owner: Any, replica: Running) -> None:
    """Ship something, and kill the process when its draft is prepared and about to be numbered; then start it again."""
    owner.execute("SELECT pg_advisory_lock(%s)", [POINT])
    try:
        trade.say(1)
        wait_until(lambda: stands_at_the_point(owner), "a draft is about to be numbered", START_S)
        replica.process.kill()
    finally:
        owner.execute("SELECT pg_advisory_unlock(%s)", [POINT])
    replica.process.start(START_S)


def test_invoicing_that_is_killed_before_it_numbers_what_it_prepared_issues_it_once_without_a_gap(servers: Servers):
    with a_stand(servers) as (stand, owner), stand.replica(CURRENT) as replica:
        trade = Trade(stand)
        trade.begin(replica)
        for _ in range(2):
            kill_at_the_point(stand, trade, owner, replica)
        trade.go_on([replica], 4)
        trade.assert_once(replica)
        assert gaps(owner) == 0


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_invoicing_that_is_killed_a_hundred_times_at_any_moment_leaves_no_gap(servers: Servers):
    dice = random.Random(7)
    with a_stand(servers) as (stand, owner), stand.replica(CURRENT) as replica:
        trade = Trade(stand)
        trade.begin(replica)
        for kill in range(KILLS):
            if kill % 10 == 0:
                kill_at_the_point(stand, trade, owner, replica)
                continue
            trade.say(20)
            time.sleep(dice.uniform(0, 1.5))
            replica.process.kill()
            replica.process.start(START_S)
        trade.go_on([replica], 4)
        trade.assert_once(replica)
        assert gaps(owner) == 0


def gaps(owner: Any) -> int:
    """Numbers that a series counted and no document bears."""
    owner.execute("ALTER TABLE series NO FORCE ROW LEVEL SECURITY; ALTER TABLE issued NO FORCE ROW LEVEL SECURITY")
    row = owner.execute("SELECT (SELECT sum(last) FROM series) - (SELECT count(*) FROM issued)").fetchone()
    return int(row[0])
