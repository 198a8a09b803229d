"""What currencies are worth: set by people or from a source, and what is valued anew by it, account by account."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from receivables.credit.v1 import events_pb2

from services.chassis import outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.outbox import Announcement
from services.chassis.workers import Batch
from services.credit import store, wire
from services.credit.domain.rates import Rate, RateMissing
from services.credit.store import Movement
from services.kernel.refusals import Conflict, Invalid

ACCOUNT = "rates"  # stands for the account in the key: rates are of no account
AGAIN_S = 3600.0  # until what no rate is known for is looked at once more
RATES = "rates/daily"  # what those wait for who need one


async def set_rates(tx: Tx, origin: Origin, rates: Sequence[Rate], *, corrects: bool = False) -> int:
    """Keep rates; return how many were not known so. Another rate of a pair and a day is kept as a correction alone."""
    if not rates:
        raise Invalid("rate.none", "say at least one rate")
    wanted: dict[tuple[object, ...], Rate] = {}
    for rate in rates:
        rate.check(tx.at.date())
        key = (rate.base, rate.quote, rate.day)
        if wanted.setdefault(key, rate).rate != rate.rate:
            raise Invalid("rate.twice", f"{rate.base}/{rate.quote} of {rate.day} is said twice, and not the same")
    last = await store.lock_rates(tx, origin.tenant)
    known = {(one.base, one.quote, one.day): one for one in await store.find_rates(tx, origin.tenant, rates)}
    fresh = [rate for key, rate in wanted.items() if key not in known or known[key].rate != rate.rate]
    if not corrects and (other := next((one for one in fresh if (one.base, one.quote, one.day) in known), None)):
        raise Conflict(
            "rate.exists", f"{other.base}/{other.quote} of {other.day} has another rate: say that this corrects it"
        )
    if fresh:
        await store.set_rates(tx, origin.tenant, last + 1, fresh)
        message = events_pb2.RatesSet(version=last + 1, rates=[wire.rate_message(rate) for rate in fresh])
        await outbox.add(tx, [Announcement(origin, ACCOUNT, RATES, message)])
    return len(fresh)


async def find_rates_wanted(tx: Tx) -> int:
    """Have the source of rates asked for each seller who needs some and was not told any today; return for how many."""
    return await store.find_rates_wanted(tx, Origin("", "system:rates", "rates are due", "", new_traceparent()))


async def take_rates(tx: Tx, origin: Origin, told: Sequence[Rate], today: date) -> Counter[str]:
    """Keep what a source told on a day and is believed; return how much is not, by why."""
    await store.lock_rates(tx, origin.tenant)
    known = await store.newest_rates(tx, origin.tenant, {one for rate in told for one in (rate.base, rate.quote)})
    doubted = [(rate, known.doubt(rate)) for rate in told]
    if kept := [rate for rate, why in doubted if not why]:
        await set_rates(tx, replace(origin, idempotency_key=f"rates of {today}"), kept)
    await store.note_rates_asked(tx, origin.tenant, today)
    return Counter(why for _, why in doubted if why)


async def find_unvalued(tx: Tx) -> int:
    """Have the accounts looked at that newer rates value otherwise; return how many."""
    return await store.find_unvalued(tx, Origin("", "system:clock", "other rates are known", "", new_traceparent()))


async def value(batch: Batch) -> None:
    """Value what these accounts owe in other currencies, and what their groups have of them, by the newest rates."""
    async with batch.finishing() as done:
        jobs = {(job.tenant, job.subject.removeprefix("value/")): job for job in done.jobs}
        book = await store.open_book(done.tx, jobs.keys(), ())
        movements, telling = [], []
        for key, job in sorted(jobs.items()):
            before = book.accounts[key]
            version = book.rates_of(key[0]).version
            if before.valued is None or before.valued >= version:
                continue
            owed = {currency: minor for currency, (minor, _) in before.abroad.items()}
            abroad = book.valued_abroad(before, owed, anew=True)
            assert abroad is not None, "what was valued once has a rate"
            used = sum(worth for _, worth in abroad.values()) - sum(worth for _, worth in before.abroad.values())
            book.accounts[key] = replace(before, valued=version)
            try:
                account = book.change(key, used=used, abroad=abroad)
            except RateMissing as missing:
                book.accounts[key] = before
                done.again(job, in_s=AGAIN_S, why=missing.code)
                continue
            if used:
                movements.append(Movement(key, f"valued {version}", used=used))
            if replace(account, valued=before.valued) != before:
                telling.append(
                    _tell(
                        replace(job.origin, idempotency_key=f"value {key[1]} {version}"),
                        wire.valued(account, book.nodes_of(account)),
                    )
                )
        nodes = [book.nodes[key] for key in book.changed_nodes]
        await store.save(done.tx, [book.accounts[key] for key in book.changed], [], movements, at=book.at, nodes=nodes)
        await outbox.add(done.tx, telling)


def _tell(origin: Origin, message: events_pb2.ExposureValued) -> Announcement:
    return Announcement(origin, message.account_id, f"value/{message.account_id}", message)
