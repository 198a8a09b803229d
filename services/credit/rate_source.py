"""What currencies are worth, asked of a source once a day for each seller who needs it (SOURCES.md)."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial

from receivables.sources.v1 import service_pb2

from services.chassis import bounds, tls
from services.chassis.envelope import Origin
from services.chassis.identity import Speaker
from services.chassis.jobs import Job
from services.chassis.settings import Peer
from services.chassis.workers import Batch, Work
from services.credit import store, usecases
from services.credit.domain.rates import Rate
from services.credit.sources import Breaker, Caller, disbelieve
from services.kernel.calendars import day
from services.kernel.money import decimal
from services.kernel.refusals import Refusal

NAME = "rates"  # by which its certificate and our metrics know it
AGAIN_S = 600.0  # until it is asked again if it did not answer
RATES_MOST = 500  # of an answer
# Why a rate is not believed, beside an answer that is none.
DOUBTS = ("value", "time", "twice", "jump", "known", "too_many", "unreadable")


class RateSource:
    """Who tells rates, as the settings say."""

    def __init__(self, said: Peer, speak: Speaker, held: tls.Holder | None) -> None:
        """Remember where it answers."""
        self._caller = Caller(NAME, said, speak, held, Breaker(), doubts=DOUBTS)

    async def ask(self, origin: Origin, today: date) -> tuple[Rate, ...] | None:
        """What it knows of a day, as far as that makes sense; None: it does not answer now."""
        request = service_pb2.RatesRequest(day=today.isoformat())
        _, said = await self._caller.ask(origin, "Rates", request, service_pb2.RatesResponse)
        return None if said is None else believed(said, today)

    async def close(self) -> None:
        """Close the connection."""
        await self._caller.line.close()


def believed(answer: service_pb2.RatesResponse, today: date) -> tuple[Rate, ...]:
    """What of an answer is believed by itself; the rest is counted."""
    if len(answer.rates) > RATES_MOST:
        disbelieve(NAME, "too_many")
        return ()
    read = tuple(_read(answer, today))
    times = Counter((rate.base, rate.quote, rate.day) for rate in read)
    twice = {key for key, n in times.items() if n > 1}
    for _ in twice:
        disbelieve(NAME, "twice")
    return tuple(rate for rate in read if (rate.base, rate.quote, rate.day) not in twice)


def _read(answer: service_pb2.RatesResponse, today: date) -> Iterator[Rate]:
    for said in answer.rates:
        try:
            bounds.check(said)
            rate = Rate(said.base, said.quote, day(said.day, what="day"), decimal(said.rate, what="rate"))
            rate.check(max(today, rate.day))
        except Refusal:
            disbelieve(NAME, "value")
            continue
        if rate.is_of_use(today):
            yield rate
        else:
            disbelieve(NAME, "time")


def work(source: RateSource | None) -> Work:
    """How rates are asked for: once a day, and again while there is no answer; never, where nobody tells them."""
    if source is None:
        return Work(store.ASK_RATES, _ask_nobody)
    return Work(
        store.ASK_RATES,
        partial(_ask_all, source),
        most=20,
        find=usecases.find_rates_wanted,
        findable=store.count_rates_wanted,
    )


async def _ask_nobody(batch: Batch) -> None:
    """Nobody tells rates any more."""
    async with batch.finishing():
        pass


async def _ask_all(source: RateSource, batch: Batch) -> None:
    async with batch.database.transaction({job.tenant for job in batch.jobs}) as tx:
        today = tx.at.date()
    await asyncio.gather(*(_ask(source, batch, job, today) for job in batch.jobs))


async def _ask(source: RateSource, batch: Batch, job: Job, today: date) -> None:
    told: Sequence[Rate] | None = ()
    if is_todays := job.subject == store.rates_of_day(today):
        told = await source.ask(job.origin, today)
    doubts: Counter[str] = Counter()
    async with batch.finishing([job]) as done:
        if not done.jobs or not is_todays:
            return  # by now another day's is asked for
        if told is None:
            done.again(job, in_s=AGAIN_S, why="it did not answer")
            return
        doubts = await usecases.take_rates(done.tx, job.origin, told, today)
    for why in doubts.elements():
        disbelieve(NAME, why)
