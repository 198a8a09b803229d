"""Sources that did not answer in time are asked again by jobs, and what they tell is handed on, once."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from deploy.local.postgres import DatabaseUrls
from deploy.local.sources import Town
from services.chassis import jobs
from services.chassis.database import Tx
from services.chassis.jobs import Job
from services.chassis.service import Parts
from services.chassis.workers import Work, drain
from services.credit.__main__ import app
from services.credit.service import SERVICE, sources_of
from services.credit.sources import AGAIN_S, SOURCE, Gathered, Question, again, subject_of, work
from tests.integration.conftest import OpenService, OwnDatabase
from tests.integration.credit.town import EVERYBODY, ORIGIN, about, told

APPLICATION = "application/a1"


@dataclass
class Applications:
    """Remembers what is wanted of a company, and what was told about it late."""

    number: str
    wanted: bool = True
    heard: list[Gathered] = field(default_factory=list)

    async def asked(self, tx: Tx, job: Job) -> Question | None:
        assert (job.tenant, subject_of(job)) == ("acme", APPLICATION)
        return about(self.number) if self.wanted else None

    async def answered(self, tx: Tx, job: Job, gathered: Gathered) -> None:
        assert subject_of(job) == APPLICATION
        # In the transaction that finishes the job.
        await jobs.add(tx, [Job("heard", job.subject, job.origin)])
        self.heard.append(gathered)


@pytest.fixture
async def parts(open_service: OpenService, town: Town) -> AsyncIterator[Parts[Any]]:
    async with open_service(SERVICE, credit_sources=town.setting) as parts:
        async with parts.database.transaction(["acme"]) as tx:
            await tx.run("INSERT INTO tenant VALUES ('acme')")
        yield parts
        await sources_of(parts).close()


def the_work(parts: Parts[Any], applications: Applications) -> Work:
    return work(sources_of(parts), applications.asked, applications.answered)


async def look(parts: Parts[Any], number: str, within_s: float = 0.5) -> Gathered:
    """The first answer, and jobs for who is not part of it."""
    await sources_of(parts).look(ORIGIN, about("00000000"))  # connects
    gathered = await sources_of(parts).look(ORIGIN, about(number), within_s=within_s)
    async with parts.database.transaction(["acme"]) as tx:
        await jobs.add(tx, again(gathered, APPLICATION, ORIGIN))
    return gathered


async def left(parts: Parts[Any], kind: str = SOURCE) -> list[str]:
    async with parts.database.transaction(["acme"]) as tx:
        return [
            row.subject for row in await tx.rows("SELECT subject FROM job WHERE kind = %s ORDER BY subject", [kind])
        ]


def asked_of(source: str) -> float:
    """How often a source was asked, whatever came of it."""
    outcomes = ({"source": source, "outcome": outcome} for outcome in ("told", "late", "away"))
    return sum(REGISTRY.get_sample_value("ar_credit_source_seconds_count", labels) or 0.0 for labels in outcomes)


async def test_who_was_late_is_asked_again_and_its_answer_handed_on_with_the_end_of_the_job(parts: Parts[Any]):
    applications = Applications("99000001")
    first = await look(parts, applications.number)
    assert first.again == {"bureau"}
    assert await left(parts) == [f"{APPLICATION}/bureau"]

    assert await drain(parts.consumer, [the_work(parts, applications)]) == 1

    [heard] = applications.heard
    assert told(heard, "bureau_limit")
    assert {fact.source for fact in heard.found} == {"bureau"}
    assert await left(parts) == []
    assert await left(parts, "heard") == [f"{APPLICATION}/bureau"]


async def test_each_job_asks_nobody_but_who_owes_an_answer(parts: Parts[Any]):
    applications = Applications("99000001")
    await look(parts, applications.number)
    before = {name: asked_of(name) for name in EVERYBODY}

    await drain(parts.consumer, [the_work(parts, applications)])

    assert {name: asked_of(name) - count for name, count in before.items()} == {
        name: float(name == "bureau") for name in EVERYBODY
    }


@pytest.mark.parametrize(("number", "source"), [("99000002", "registry"), ("99000007", "vies")])
async def test_who_cannot_say_it_is_asked_once_more_in_a_minute(parts: Parts[Any], number: str, source: str):
    applications = Applications(number)
    assert (await look(parts, number)).again == {source}

    assert await drain(parts.consumer, [the_work(parts, applications)]) == 1

    assert applications.heard == []
    async with parts.database.transaction(["acme"]) as tx:
        row = await tx.row("SELECT subject, attempts, next_try_at - now() AS in_time FROM job")
    assert (row.subject, row.attempts) == (f"{APPLICATION}/{source}", 0)
    assert AGAIN_S / 2 < row.in_time.total_seconds() <= AGAIN_S

    # It is back.
    applications.number = "00445790"
    async with parts.database.transaction(["acme"]) as tx:
        await tx.run("UPDATE job SET next_try_at = now()")
    await drain(parts.consumer, [the_work(parts, applications)])
    assert [{fact.source for fact in heard.found} for heard in applications.heard] == [{source}]
    assert await left(parts) == []


async def test_nobody_is_asked_for_what_is_wanted_no_more(parts: Parts[Any]):
    applications = Applications("99000001", wanted=False)
    await look(parts, applications.number)
    before = asked_of("bureau")

    assert await drain(parts.consumer, [the_work(parts, applications)]) == 1

    assert (applications.heard, await left(parts), asked_of("bureau")) == ([], [], before)


async def test_a_source_that_is_named_no_more_owes_nothing(parts: Parts[Any]):
    applications = Applications("99000001")
    async with parts.database.transaction(["acme"]) as tx:
        await jobs.add(tx, [Job(SOURCE, f"{APPLICATION}/gone", ORIGIN)])

    assert await drain(parts.consumer, [the_work(parts, applications)]) == 1

    assert applications.heard == [Gathered()]
    assert await left(parts) == []


async def test_what_cannot_be_handed_on_is_not_lost(parts: Parts[Any]):
    class Broken(Applications):
        async def answered(self, tx: Tx, job: Job, gathered: Gathered) -> None:
            await super().answered(tx, job, gathered)
            raise RuntimeError("a defect")

    applications = Broken("99000001")
    await look(parts, applications.number)

    await drain(parts.consumer, [the_work(parts, applications)])

    assert await left(parts) == [f"{APPLICATION}/bureau"]
    assert await left(parts, "heard") == []


async def test_a_process_knows_each_source_once(parts: Parts[Any]):
    assert sources_of(parts) is sources_of(parts)


def test_an_operator_asks_each_source_by_hand(own_database: OwnDatabase, town: Town, monkeypatch: pytest.MonkeyPatch):
    database: DatabaseUrls = own_database(SERVICE)
    told_from_outside = {
        "AR_DATABASE_URL": database.server,
        "AR_DATABASE_TLS": "off",
        "AR_GRPC_TLS": "off",
        "AR_CREDIT_SOURCES": town.setting,
    }
    for name, value in told_from_outside.items():
        monkeypatch.setenv(name, value)

    done = CliRunner().invoke(app, ["ask", "--tenant", "acme", "country=GB", "register_number=99000002"])

    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert any(line.startswith("registry  away") for line in lines)
    assert any(line.startswith("bureau  told") for line in lines)
    assert "  lei: none  extract 99000002" in lines
