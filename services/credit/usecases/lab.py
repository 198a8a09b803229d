"""Policies tried on the past: cases are brought in, a trial goes through them in portions, and tells what it found."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

from receivables.credit.v1 import applications_pb2

from services.chassis import jobs
from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.jobs import Job
from services.chassis.workers import Batch
from services.credit import metrics, store
from services.credit.bench import Bench, Setting
from services.credit.domain import lab, underwriting
from services.credit.domain.lab import Case, CaseRefused, Days, Run, Tally, outcomes
from services.credit.domain.lab.outcomes import Late
from services.credit.domain.underwriting import Policy
from services.credit.settings import Settings
from services.credit.store import OwnCase
from services.credit.usecases.policy_texts import find_policy_text
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Invalid, NotFound, quoted

_OWN, _HISTORY, _BOTH = "OWN", "HISTORY", "BOTH"


async def add_history(tx: Tx, origin: Origin, cases: Sequence[Case], personal: Policy) -> tuple[int, list[CaseRefused]]:
    """Keep cases of the past; return how many are new, and which are refused because another one has their id.

    Facts that this policy calls personal are not kept.
    """
    bare = {case.case_id: _without_persons(case, personal) for case in cases}
    added = await store.add_history(tx, origin.tenant, list(bare.values()), origin.actor)
    kept = await store.find_history(tx, origin.tenant, sorted(bare.keys() - added))
    return len(added), [
        CaseRefused(case_id, "history.changed", "a case that is kept is never changed")
        for case_id, case in kept.items()
        if case != bare[case_id]
    ]


def _without_persons(case: Case, policy: Policy) -> Case:
    personal = {key for key in case.facts if key in policy.facts and policy.facts[key].personal}
    return replace(case, facts={key: text for key, text in case.facts.items() if key not in personal})


async def start_trial(tx: Tx, origin: Origin, wish: Run, settings: Settings) -> Run:
    """Begin a trial of a text that is kept, or give the one by this id again; nothing is decided by it."""
    if (there := await store.find_trial(tx, origin.tenant, wish.trial_id)) is not None:
        if _asked(there) != _asked(wish):
            raise Conflict("trial.exists", "another trial has this name")
        return there
    lab.check_days(wish.from_on, wish.split_on, wish.to_on)
    await _text(tx, origin.tenant, wish.policy_id)
    champion = await find_policy_text(tx, origin.tenant, "")
    most = settings.credit_trial_cases_most
    total = await store.count_cases(tx, origin.tenant, wish, most)
    if not total:
        raise Invalid("trial.no_cases", "no case was decided in these days")
    if total > most:
        raise Invalid("trial.too_many", f"a trial has at most {most:,} cases: choose fewer days")
    begun = replace(wish, champion_id=champion.policy_id, total=total, started_by=origin.actor, started_at=tx.at)
    if not await store.add_trial(tx, origin.tenant, begun):
        raise Conflict("trial.running", "another trial runs: wait for its end, or cancel it")
    await jobs.add(tx, [Job(store.TRIAL, f"trial/{wish.trial_id}", origin)])
    return begun


def _asked(trial: Run) -> tuple[object, ...]:
    return (trial.policy_id, trial.source, trial.from_on, trial.split_on, trial.to_on)


async def find_trial(tx: Tx, tenant: str, trial_id: str, *, lock: bool = False) -> Run:
    """One by its id."""
    if (found := await store.find_trial(tx, tenant, trial_id, lock=lock)) is None:
        raise NotFound("trial.unknown", f"no trial {quoted(trial_id)}")
    return found


async def cancel_trial(tx: Tx, origin: Origin, trial_id: str) -> Run:
    """End one that runs; what it found so far is forgotten."""
    found = await find_trial(tx, origin.tenant, trial_id, lock=True)
    if found.state == "CANCELLED":
        return found
    if found.state != "RUNNING":
        raise Conflict("trial.over", "the trial is over")
    ended = replace(found, state="CANCELLED", place="", tally="", ended_at=tx.at)
    await store.save_trial(tx, origin.tenant, ended)
    return ended


async def try_some(batch: Batch, *, bench: Bench, settings: Settings) -> None:
    """Go on with a trial by one portion: read, try, add up; at the end tell what was found.

    What was tried stands with the place up to which it was in one row, so that a trial that was killed goes on from there.
    """
    [job] = batch.jobs
    tenant, began = job.tenant, time.perf_counter()
    async with batch.database.transaction([tenant]) as tx:
        trial = await store.find_trial(tx, tenant, job.subject.removeprefix("trial/"))
        runs = trial is not None and trial.state == "RUNNING"
        read = await _next(tx, tenant, trial, settings.credit_trial_portion) if trial is not None and runs else None
    if trial is None or read is None:
        await bench.rest()
        async with batch.finishing():
            return
    now = await _tried(trial, read, bench) if read.size else await _found(trial, read.setting)
    async with batch.finishing() as done:
        if not done.jobs:
            return
        stands = await store.find_trial(done.tx, tenant, trial.trial_id, lock=True)
        if stands is None or (stands.state, stands.place) != (trial.state, trial.place):
            return
        if now.state == "DONE":
            now = replace(now, ended_at=done.tx.at)
        else:
            done.again(job)
        await store.save_trial(done.tx, tenant, now)
    metrics.tried(read.size, time.perf_counter() - began)
    if now.ended_at is not None:
        metrics.trial_ended((now.ended_at - now.started_at).total_seconds())
        await bench.rest()


async def _tried(trial: Run, read: "_Read", bench: Bench) -> Run:
    """With this portion in it."""
    champion = (await asyncio.to_thread(read.setting.trial)).champion
    today = trial.started_at.date()
    cases = [*(_own_case(one, read.late, champion, today) for one in read.own), *read.history]
    tally = Tally.of(trial.tally)
    tally.add(Tally.of(await bench.try_on(read.setting, cases)))
    return replace(trial, done=trial.done + read.size, place=read.place, tally=tally.text())


async def _found(trial: Run, setting: Setting) -> Run:
    """With what was found, at the end."""
    compared = await asyncio.to_thread(setting.trial)
    found = await asyncio.to_thread(lab.report, compared, Days(trial.from_on, trial.to_on), Tally.of(trial.tally))
    return replace(trial, state="DONE", place="", tally="", report=json.dumps(found, separators=(",", ":")))


async def _text(tx: Tx, tenant: str, policy_id: str) -> str:
    """A policy's text; the house's own is kept nowhere."""
    if policy_id == underwriting.default().policy_id:
        return underwriting.default().text
    return (await find_policy_text(tx, tenant, policy_id or "-")).text


@dataclass(frozen=True, slots=True)
class _Read:
    """A portion as it was read, and the place after it."""

    setting: Setting
    place: str = ""
    own: Sequence[OwnCase] = ()
    # What was late of those that were accepted, by account and currency.
    late: Mapping[tuple[str, str], Sequence[Late]] = field(default_factory=dict)
    history: Sequence[Case] = ()

    @property
    def size(self) -> int:
        """How many cases it has; none: all were tried."""
        return len(self.own) + len(self.history)


async def _next(tx: Tx, tenant: str, trial: Run, most: int) -> _Read:
    """What comes next: first our own, then what was brought in."""
    setting = Setting(
        await _text(tx, tenant, trial.policy_id), await _text(tx, tenant, trial.champion_id), trial.split_on
    )
    source, *after = json.loads(trial.place) if trial.place else [_HISTORY if trial.source == _HISTORY else _OWN]
    place = (after[0], after[1]) if after else None
    if source == _OWN:
        if own := await store.own_cases(tx, tenant, trial, place, most):
            last = json.dumps([_OWN, own[-1].decided_at.isoformat(), own[-1].decision_id])
            return _Read(setting, last, own, await _late(tx, tenant, own, trial.started_at.date()))
        if trial.source == _OWN:
            return _Read(setting)
        place = None
    if cases := await store.history_cases(tx, tenant, trial, place, most):
        last = json.dumps([_HISTORY, cases[-1].decided_on.isoformat(), cases[-1].case_id])
        return _Read(setting, last, history=cases)
    return _Read(setting)


async def _late(tx: Tx, tenant: str, own: Sequence[OwnCase], today: date) -> Mapping[tuple[str, str], Sequence[Late]]:
    accepted = {one.account_id for one in own if one.accepted}
    first = min(one.decided_at for one in own).date()
    found: defaultdict[tuple[str, str], list[Late]] = defaultdict(list)
    arrears = await store.arrears_of(tx, tenant, accepted, first - timedelta(days=outcomes.BAD_DAYS), today)
    for account_id, of_account in arrears.items():
        for one in of_account:
            found[account_id, one.amount.currency].append(Late(one.due_on, one.amount.decimal, one.settled_on))
    return found


def _own_case(one: OwnCase, late: Mapping[tuple[str, str], Sequence[Late]], champion: Policy, today: date) -> Case:
    """A decided application as a case: if it was accepted, whether it paid since."""
    then = json.loads(one.snapshot)
    decided_on, currency = one.decided_at.date(), then["currency"]
    drawn, became = Decimal(0), None
    if one.accepted:
        limit = applications_pb2.DecisionRecord.FromString(one.accepted).told.limit
        drawn = Money(limit.minor, limit.currency).decimal
        mine = late.get((one.account_id, currency), ())
        became = outcomes.outcome(decided_on, drawn, mine, champion.loss_given_default, today)
    return Case(
        one.decision_id,
        decided_on,
        currency,
        then["facts"],
        tuple(then["known"]),
        drawn,
        became.bad if became else None,
        became.known_on if became else None,
        became.lost if became else Decimal(0),
    )
