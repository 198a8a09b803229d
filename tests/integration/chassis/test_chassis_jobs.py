"""Work that is not an event: once, in its lane's order, under a lease, parked alone when it fails, put back in the same words."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from services.chassis import jobs, metrics, parked
from services.chassis.consumer import Consumer
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.jobs import Job
from services.chassis.service import Parts
from services.chassis.workers import DEATHS_MAX, Batch, Floor, Work, Worker, count_due, drain, workers
from services.kernel.refusals import NotFound
from tests.chaos.toy.service import WORKS

Toy = Parts[Any]
ORIGIN = Origin("acme", "user:ada", "test", "key", new_traceparent())


def a_job(subject: str, *, lane: str = "", cost: int = 1, kind: str = "toy", tenant: str = "acme") -> Job:
    return Job(kind, subject, replace(ORIGIN, tenant=tenant), lane, cost)


async def add(toy: Toy, *made: Job) -> None:
    tenants = {job.tenant for job in made}
    async with toy.database.transaction(tenants) as tx:
        await tx.run("INSERT INTO tenant SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", [sorted(tenants)])
        await jobs.add(tx, made)


async def effects(toy: Toy, tenant: str = "acme") -> list[str]:
    async with toy.database.transaction([tenant]) as tx:
        return [row.order_id for row in await tx.rows("SELECT order_id FROM effect WHERE what = 'job' ORDER BY id")]


async def left(toy: Toy) -> list[str]:
    async with toy.database.transaction(["acme"]) as tx:
        return [row.subject for row in await tx.rows("SELECT subject FROM job ORDER BY id")]


async def due_again(toy: Toy) -> None:
    """The pauses after failures are over."""
    async with toy.database.transaction(["acme"]) as tx:
        await tx.run("UPDATE job SET next_try_at = now()")


async def is_parked(toy: Toy) -> list[tuple[str, str, str]]:
    async with toy.database.transaction(()) as tx:
        return [(row.reason, row.code, row.subject) for row in await parked.listed(tx, "toy")]


def collecting(into: list[list[str]], kind: str = "toy", **how: Any) -> Work:
    """Work that notes which jobs came together."""

    async def do(batch: Batch) -> None:
        into.append([job.subject for job in batch.jobs])
        async with batch.finishing():
            pass

    return Work(kind, do, **how)


async def test_jobs_are_done_once_whoever_does_them(toy: Toy):
    await add(toy, *(a_job(f"j{n}") for n in range(50)))

    await asyncio.gather(*(worker.some() for _ in range(4) for worker in workers(toy.consumer, WORKS)))
    await drain(toy.consumer, WORKS)

    assert sorted(await effects(toy)) == sorted(f"j{n}" for n in range(50))
    assert await left(toy) == []


async def test_a_job_that_is_rolled_back_with_what_made_it_needed_was_never_there(toy: Toy):
    async def fail() -> None:
        async with toy.database.transaction(["acme"]) as tx:
            await jobs.add(tx, [a_job("j1")])
            raise NotFound("toy.unknown", "no")

    with pytest.raises(NotFound):
        await fail()

    assert await drain(toy.consumer, WORKS) == 0


async def test_what_fails_is_parked_alone_after_some_tries_and_the_others_are_done(toy: Toy):
    await add(toy, *(a_job(s) for s in ("j1", "fails/j2", "j3", "refused/j4", "j5")))

    for _ in range(4):
        await drain(toy.consumer, WORKS)
        await due_again(toy)

    assert sorted(await effects(toy)) == ["j1", "j3", "j5"]
    assert sorted(await is_parked(toy)) == [
        ("failed", "defect.RuntimeError", "fails/j2"),
        ("refused", "toy.refused", "refused/j4"),
    ]
    assert await left(toy) == []


async def test_a_job_that_failed_waits_ever_longer_and_says_why(toy: Toy):
    await add(toy, a_job("fails/j1"))
    pauses = []
    for _ in range(3):
        await drain(toy.consumer, WORKS)
        async with toy.database.transaction(["acme"]) as tx:
            row = await tx.row("SELECT extract(epoch FROM next_try_at - now())::float8 AS s, failure FROM job")
        pauses.append(round(row.s))
        assert "RuntimeError: a defect" in row.failure
        await due_again(toy)

    assert pauses == [2, 8, 32]


async def test_a_parked_job_is_put_back_by_a_replay_and_given_up_by_a_discard(toy: Toy):
    await add(toy, a_job("refused/j1"), a_job("refused/j2"))
    await drain(toy.consumer, WORKS)
    async with toy.database.transaction(()) as tx:
        first, second = await parked.listed(tx, "toy")

    await toy.consumer.replay(first, by="user:ada")
    await toy.consumer.discard(second, by="user:ada", why="not needed")

    assert await is_parked(toy) == []
    assert await left(toy) == [first.subject]
    async with toy.database.transaction(["acme"]) as tx:
        row = await tx.row("SELECT tenant, lane, actor, reason, idempotency_key, traceparent FROM job")
    assert tuple(row) == ("acme", "", *(ORIGIN.actor, "", ORIGIN.idempotency_key, ORIGIN.traceparent))


async def test_one_lane_is_done_in_its_order_and_waits_while_an_earlier_job_of_it_is_under_way(toy: Toy):
    await add(toy, a_job("a1", lane="a", kind="large"), a_job("a2", lane="a"), a_job("b1", lane="b"))
    started, go = asyncio.Event(), asyncio.Event()

    async def slow(batch: Batch) -> None:
        started.set()
        await go.wait()
        async with batch.finishing():
            pass

    seen: list[list[str]] = []
    quick = Worker(toy.consumer, collecting(seen))
    under_way = asyncio.create_task(Worker(toy.consumer, Work("large", slow)).some())
    await started.wait()
    await quick.some()
    assert seen == [["b1"]]
    assert await quick.some() == 0

    go.set()
    await under_way
    await quick.some()
    assert seen == [["b1"], ["a2"]]


async def test_a_job_waits_for_an_earlier_one_of_its_lane_that_is_of_another_kind_and_not_begun(toy: Toy):
    await add(toy, a_job("a1", lane="a", kind="large"), a_job("a2", lane="a"))
    seen: list[list[str]] = []

    assert await Worker(toy.consumer, collecting(seen)).some() == 0
    await drain(toy.consumer, [collecting(seen, "large"), collecting(seen)])

    assert seen == [["a1"], ["a2"]]


async def test_a_batch_ends_by_cost_and_one_job_alone_may_cost_more(toy: Toy):
    await add(toy, *(a_job(f"j{n}", cost=cost) for n, cost in enumerate([40, 50, 20, 500, 1])))
    seen: list[list[str]] = []

    await drain(toy.consumer, [collecting(seen, cost_most=100)])

    assert seen == [["j0", "j1"], ["j2"], ["j3"], ["j4"]]


async def test_what_a_process_that_ended_had_is_done_by_another_and_one_job_that_ends_processes_is_parked(toy: Toy):
    await add(toy, *(a_job(s) for s in ("j1", "kills/j2", "j3")))

    async def die(_batch: Batch) -> None:
        raise SystemExit  # as if the process were gone: nothing is given back

    async def live_or_die(batch: Batch) -> None:
        if any(job.subject.startswith("kills/") for job in batch.jobs):
            await die(batch)
        async with batch.finishing():
            done.extend(job.subject for job in batch.jobs)

    done: list[str] = []
    for _ in range(20):
        worker = Worker(toy.consumer, Work("toy", live_or_die))
        try:
            if not await worker.some():
                break
        except SystemExit:
            await leases_end(toy)

    assert sorted(done) == ["j1", "j3"]
    assert await is_parked(toy) == [("failed", "job.process_ended", "kills/j2")]
    assert DEATHS_MAX == 3


async def leases_end(toy: Toy) -> None:
    async with toy.database.transaction(["acme"]) as tx:
        await tx.run("UPDATE job SET leased_until = now() - interval '1 second' WHERE lease IS NOT NULL")


async def test_whoever_lost_a_job_meanwhile_commits_nothing_for_it(toy: Toy):
    await add(toy, a_job("j1"), a_job("j2"))

    async def slow(batch: Batch) -> None:
        async with toy.database.transaction(["acme"]) as tx:
            await jobs.add(tx, [a_job("j1")])  # asked for anew: its inputs have changed
        async with batch.finishing() as done:
            kept.extend(job.subject for job in done.jobs)

    kept: list[str] = []
    await Worker(toy.consumer, Work("toy", slow)).some()

    assert kept == ["j2"]
    assert await left(toy) == ["j1"]


async def test_a_lease_is_renewed_as_long_as_the_work_takes(toy: Toy, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jobs, "LEASE_S", 0.9)
    await add(toy, a_job("j1"))
    others: list[int] = []

    async def slow(batch: Batch) -> None:
        for _ in range(4):
            await asyncio.sleep(0.5)
            others.append(await Worker(toy.consumer, collecting([])).some())
        async with batch.finishing() as done:
            others.append(len(done.jobs))

    await Worker(toy.consumer, Work("toy", slow)).some()

    assert others == [0, 0, 0, 0, 1]


async def test_a_job_that_is_put_off_is_not_counted_as_due_and_has_not_failed(toy: Toy):
    await add(toy, a_job("j1"))

    async def later(batch: Batch) -> None:
        async with batch.finishing() as done:
            done.again(done.jobs[0], in_s=60, why="not yet")

    work = Work("toy", later)
    assert await count_due(toy.database, [work]) == 1
    assert await drain(toy.consumer, [work]) == 1

    assert await count_due(toy.database, [work]) == 0
    async with toy.database.transaction(["acme"]) as tx:
        row = await tx.row("SELECT attempts, failure, lease FROM job")
    assert tuple(row) == (0, "not yet", None)


async def test_a_batch_that_takes_too_long_is_done_by_halves(toy: Toy):
    await add(toy, a_job("j1"), a_job("slow"), a_job("j3"))

    async def do(batch: Batch) -> None:
        if any(job.subject == "slow" for job in batch.jobs):
            await asyncio.Event().wait()
        async with batch.finishing():
            seen.append([job.subject for job in batch.jobs])

    seen: list[list[str]] = []
    await Worker(toy.consumer, Work("toy", do, within_s=0.2)).some()

    assert seen == [["j1"], ["j3"]]
    assert await left(toy) == ["slow"]


async def test_what_the_clock_brings_is_found_once_and_not_again_while_it_is_parked(toy: Toy):
    async with toy.database.transaction(["acme"]) as tx:
        await tx.run("INSERT INTO tenant VALUES ('acme')")
    found = "SELECT 'acme', 'toy', s, '', 1 FROM unnest(ARRAY['refused/x', 'y']) AS s"
    works = [
        replace(
            WORKS[0],
            find=lambda tx: jobs.find(tx, ORIGIN, found, []),
            findable=lambda tx: jobs.count_found(tx, found, []),
        )
    ]
    assert await count_due(toy.database, works) == 2
    worker = Worker(toy.consumer, works[0])

    assert [await worker.some() for _ in range(3)] == [2, 1, 1]

    assert await is_parked(toy) == [("refused", "toy.refused", "refused/x")]
    assert await effects(toy) == ["y", "y", "y"]  # this question would find it for ever; a real one no more


async def test_nobody_does_the_jobs_of_a_tenant_that_row_level_security_hides(toy: Toy):
    await add(toy, a_job("j1", tenant="other"))
    async with toy.database.transaction(["acme"]) as tx:
        assert await jobs.claim(tx, "toy", "me", most=10, cost_most=10) == []

    await drain(toy.consumer, WORKS)

    assert await effects(toy, "other") == ["j1"]


async def test_a_worker_takes_what_this_process_adds_at_once_and_gives_back_what_it_has_when_told_to_stop(toy: Toy):
    began = asyncio.Event()

    async def hang(_batch: Batch) -> None:
        began.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(Worker(toy.consumer, Work("toy", hang)).run())
    await asyncio.sleep(0.1)
    await add(toy, a_job("j1"))
    await asyncio.wait_for(began.wait(), 0.4)  # sooner than it would look by itself
    running.cancel()
    await asyncio.wait([running])

    async with toy.database.transaction(["acme"]) as tx:
        row = await tx.row("SELECT lease, leased_until, deaths FROM job")
    assert tuple(row) == (None, None, 0)


async def test_trouble_with_the_database_is_waited_for_and_is_no_failure_of_a_job(toy: Toy):
    await add(toy, a_job("j1"))
    troubles = iter([psycopg.OperationalError("away"), psycopg.errors.DeadlockDetected("again")])
    done = asyncio.Event()

    async def do(batch: Batch) -> None:
        if (trouble := next(troubles, None)) is not None:
            raise trouble
        async with batch.finishing() as ended:
            assert [job.attempts for job in ended.jobs] == [0]
        done.set()

    running = asyncio.create_task(Worker(toy.consumer, Work("toy", do)).run())
    await asyncio.wait_for(done.wait(), 5)
    running.cancel()


async def test_the_floor_gives_one_job_the_process_for_itself():
    floor, trace = Floor(), []

    async def beside(name: str, go: asyncio.Event) -> None:
        async with floor.shared():
            trace.append(f"{name} begins")
            await go.wait()
            trace.append(f"{name} ends")

    async def by_itself() -> None:
        async with floor.alone():
            trace.append("alone")

    first, second = asyncio.Event(), asyncio.Event()
    second.set()
    tasks = [asyncio.create_task(beside("first", first))]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(by_itself()))
    await asyncio.sleep(0.01)
    tasks.append(asyncio.create_task(beside("second", second)))
    await asyncio.sleep(0.01)
    first.set()
    await asyncio.gather(*tasks)

    assert trace == ["first begins", "first ends", "alone", "second begins", "second ends"]


async def test_results_are_counted_by_kind(toy: Toy):
    before = {result: metrics.JOBS.labels("toy", result)._value.get() for result in ("done", "failed", "parked")}
    await add(toy, a_job("j1"), a_job("refused/j2"), a_job("fails/j3"))

    await drain(toy.consumer, WORKS)

    after = {result: metrics.JOBS.labels("toy", result)._value.get() for result in before}
    assert {result: after[result] - before[result] for result in before} == {"done": 1, "failed": 1, "parked": 1}


async def test_early_events_run_when_a_job_announces_what_they_wait_for(toy: Toy):
    woken: list[set[tuple[str, str]]] = []

    class Watched(Consumer):
        async def wake(self, subjects: set[tuple[str, str]], slots: Sequence[Any] = ()) -> None:  # type: ignore[override]
            woken.append(set(subjects))

    toy.consumer.__class__ = Watched
    await add(toy, a_job("j1"))

    async def tell(batch: Batch) -> None:
        async with batch.finishing() as done:
            done.tx.announced.add(("acme", "invoice/i1"))

    await Worker(toy.consumer, Work("toy", tell)).some()

    assert woken == [{("acme", "invoice/i1")}]


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.prove)])
async def test_thousands_of_jobs_of_one_lane_do_not_keep_another_waiting(toy: Toy, count: int):
    async with toy.database.transaction(["acme"]) as tx:
        await tx.run("INSERT INTO tenant VALUES ('acme')")
        many: Any = "SELECT 'acme', 'toy', 'j' || n, 'a', 1 FROM generate_series(1, %s) AS n"
        assert await jobs.add_found(tx, ORIGIN, many, [count]) == count
    await add(toy, a_job("b1", lane="b"))

    async with toy.database.transaction(["acme"]) as tx:
        await jobs.claim(tx, "toy", "me", most=50, cost_most=1000)
        rest = await jobs.claim(tx, "toy", "you", most=50, cost_most=1000)

    assert [job.subject for job in rest] == ["b1"]
