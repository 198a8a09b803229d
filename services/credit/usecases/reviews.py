"""Limits that are looked at again, by the clock and by what happened: offered, proposed, accepted, decided (RULES: review)."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from google.protobuf.message import Message

from services.chassis import identity, outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.ids import new_id
from services.chassis.outbox import Announcement
from services.chassis.workers import Batch
from services.credit import store, wire_reviews
from services.credit.domain import conduct as conducts
from services.credit.domain import facts as known_facts
from services.credit.domain import review as domain
from services.credit.domain import underwriting
from services.credit.domain.accounts import Account
from services.credit.domain.conduct import Conduct
from services.credit.domain.limits import Limits
from services.credit.domain.review import Action, Cause, Kind, Review, State
from services.credit.domain.securities import SecurityKind
from services.credit.domain.underwriting import Assessment, Facts, Policy, Value
from services.credit.store import Due, Key
from services.credit.usecases import applications, conduct, facts, limits
from services.credit.usecases.buyers import one_account
from services.credit.usecases.companies import told_of_company
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Invalid, NotFound, quoted

IDLE = timedelta(days=7)  # between two looks at an account of which nothing is open


@dataclass(frozen=True, slots=True)
class _Case:
    """An account, as it is looked at."""

    conduct: Conduct
    today: date
    seen: Due
    # Why it is looked at anew; empty: nothing is decided.
    causes: tuple[Cause, ...]
    granted: Money
    # What was signalled and is decided on later: another review is open, or another limit counts soon.
    waits: tuple[str, ...] = ()
    policy: Policy | None = None
    values: Facts | None = None


async def find_looks(tx: Tx) -> int:
    """Have the accounts looked at whose time has come; return how many."""
    return await store.find_looks(tx, Origin("", "system:clock", "limits are looked at", "", new_traceparent()))


async def look(batch: Batch) -> None:
    """Look at how these accounts pay; where there is a cause, the policy decides again, and what differs is proposed."""
    keys = [(job.tenant, job.subject.removeprefix("conduct/")) for job in batch.jobs]
    async with batch.database.transaction({tenant for tenant, _ in keys}) as tx:
        cases = await _cases(tx, keys)
    made = {key: await asyncio.to_thread(_assess, case) for key, case in cases.items() if case.causes}
    async with batch.finishing() as done:
        tx = done.tx
        jobs = {(job.tenant, job.subject.removeprefix("conduct/")): job for job in done.jobs}
        accounts = await store.lock_accounts(tx, jobs.keys())
        at = await store.instant(tx)
        known = await store.find_limits(tx, jobs.keys(), at)
        standing = await store.open_reviews(tx, jobs.keys())
        looked = {}
        for key, job in sorted(jobs.items()):
            if (account := accounts.get(key)) is None or (case := cases.get(key)) is None:
                looked[key] = (at + IDLE, Due((), None))
                continue
            origin = replace(job.origin, idempotency_key=f"look {key[1]} {at.isoformat()}")
            waits = case.waits
            if (open_one := standing.get(key)) is not None:
                open_one = await _lapse(tx, origin, open_one, known[key], at, is_doubted=bool(case.causes))
            if key in made and open_one is None:
                if known[key].granted(at) == case.granted.minor and not known[key].turns(at):
                    open_one = await _propose(tx, origin, case, accounts[key], made[key])
                else:
                    waits = case.seen.causes
            looked[key] = (_next_look(account, open_one, at), replace(case.seen, waits=waits))
        await store.looked(tx, looked)
        for tenant in sorted({tenant for tenant, _ in jobs}):
            ours = [key for key in jobs if key[0] == tenant]
            await store.keep_arrears(tx, ours, await conduct.today(tx, tenant))


def _next_look(account: Account, one: Review | None, at: datetime) -> datetime:
    is_idle = not account.used.minor and not account.held.minor
    following = at + (IDLE if is_idle else conduct.LOOK_EVERY)
    return min(following, one.valid_until) if one is not None and one.state is State.OPEN else following


async def accept_review(tx: Tx, origin: Origin, review_id: str) -> Review:
    """The buyer takes the raise: it counts from now on."""
    account, review = await _hold(tx, origin, review_id)
    if review.kind is not Kind.RAISE:
        raise _unknown(review_id)  # a cut that nobody confirmed is not the buyer's to know
    at = await store.instant(tx)
    accepted = domain.move(review, Action.ACCEPT, at)
    await _check_current(tx, account, review, at)
    seen = (await store.looks_of(tx, [(account.tenant, account.account_id)])).values()
    if any(due.causes for due in seen):
        raise Conflict("review.over", "the limit is looked at again")
    await limits.set_limit(tx, origin, review.account_id, review.limit)
    return await _ended(tx, origin, replace(accepted, counts_from=at))


async def decide_review(
    tx: Tx, origin: Origin, review_id: str, *, confirmed: bool, limit: Money | None, counts_from: datetime | None
) -> Review:
    """A person confirms a cut, or leaves the limit as it is; more than the policy grants another person confirms too."""
    account, review = await _hold(tx, origin, review_id)
    at = await store.instant(tx)
    if not confirmed:
        return await _ended(tx, origin, domain.move(review, Action.DECLINE, at))
    ended = domain.move(review, Action.CONFIRM, at)
    await _check_current(tx, account, review, at)
    chosen = domain.check_limit(review, limit or review.prepared or review.limit)
    since = max(at, counts_from or at + domain.NOTICE)
    if since > at + domain.NOTICE:
        raise Invalid("review.counts_from", f"a cut counts within {domain.NOTICE.days} days")
    prepared_by = ""
    if chosen.minor > review.limit.minor:
        if chosen != review.prepared:
            prepared = replace(review, prepared_by=origin.actor, prepared=chosen)
            await store.save_review(tx, prepared, origin.actor)
            return prepared
        if identity.subjects_of(review.prepared_by) & identity.subjects_of(origin.actor):
            raise Conflict("review.four_eyes", "another person confirms more than the policy grants")
        prepared_by = review.prepared_by
    await limits.set_limit(tx, origin, review.account_id, chosen, since if since > at else None)
    return await _ended(tx, origin, replace(ended, limit=chosen, counts_from=since, prepared_by=prepared_by))


async def _check_current(tx: Tx, account: Account, review: Review, at: datetime) -> None:
    key = (account.tenant, account.account_id)
    known = (await store.find_limits(tx, [key], at))[key]
    if known.granted(at) != review.current.minor or known.turns(at):
        raise Conflict("review.over", "the limit is another by now: it is looked at again")


async def _hold(tx: Tx, origin: Origin, review_id: str) -> tuple[Account, Review]:
    """A review that nobody else ends, nor changes its account's limit, until the transaction ends."""
    if (seen := await store.find_review(tx, (origin.tenant, review_id))) is None:
        raise _unknown(review_id)
    account = await one_account(tx, origin, seen.account_id)
    held = await store.find_review(tx, seen.key)
    assert held is not None, "reviews are not removed"
    return account, held


def _unknown(review_id: str) -> NotFound:
    return NotFound("review.unknown", f"no review {quoted(review_id)}")


async def _lapse(
    tx: Tx, origin: Origin, review: Review, known: Limits, at: datetime, *, is_doubted: bool
) -> Review | None:
    """End what nobody answered in time, what is about another limit than stands or was granted, and a raise that is in doubt."""
    if review.is_over(at) or known.granted(at) != review.current.minor or known.turns(at) or is_doubted:
        await _ended(tx, origin, domain.move(review, Action.LAPSE, at))
        return None
    return review


async def _propose(tx: Tx, origin: Origin, case: _Case, account: Account, made: Assessment) -> Review | None:
    """Offer a raise, propose a cut, or note that the limit stays."""
    assert case.policy is not None, "what was assessed has a policy"
    kind, limit = domain.result(case.granted, case.causes, made, case.conduct.settled)
    is_kept = kind is Kind.KEEP
    review = Review(
        tenant=account.tenant,
        review_id=new_id(),
        account_id=account.account_id,
        kind=kind,
        state=State.KEPT if is_kept else State.OPEN,
        causes=tuple(case.causes),
        current=case.granted,
        limit=limit,
        proposed_at=tx.at,
        valid_until=tx.at + domain.VALID,
        policy_id=case.policy.policy_id,
        result_hash=made.result_hash,
        reasons=made.reasons if kind is Kind.CUT else (),
        figures=domain.figures_of(case.conduct, case.today),
        ended_at=tx.at if is_kept else None,
    )
    await store.add_review(tx, review)
    if is_kept:
        return None
    await outbox.add(tx, [_tell(origin, review, wire_reviews.proposed(review))])
    return review


async def _ended(tx: Tx, origin: Origin, review: Review) -> Review:
    if review.prepared != review.limit:  # it came to less, or to nothing
        review = replace(review, prepared_by="", prepared=None)
    await store.save_review(tx, review, origin.actor)
    await outbox.add(tx, [_tell(origin, review, wire_reviews.ended(review))])
    return review


async def _cases(tx: Tx, keys: Collection[Key]) -> dict[Key, _Case]:
    """What these accounts are looked at by; of those without a cause no more than how they paid."""
    accounts = await store.read_accounts(tx, keys)
    seen = await store.looks_of(tx, keys)
    known = await store.find_limits(tx, accounts.keys(), tx.at)
    rested = await store.rested(tx, accounts.keys())
    standing = await store.open_reviews(tx, accounts.keys())
    cases = {}
    for tenant in sorted({tenant for tenant, _ in accounts}):
        today = await conduct.today(tx, tenant)
        ours = {key: account for key, account in accounts.items() if key[0] == tenant and key in seen}
        for key, paid in (await store.conduct_of(tx, ours.keys(), today)).items() if ours else ():
            account = ours[key]
            full = domain.full_since(account.used + account.held, account.limit, seen[key].full_since, today)
            causes: tuple[Cause, ...] = ()
            waits: tuple[str, ...] = ()
            granted_on, rest = _granted_on(known[key], tx.at), rested.get(key, set())
            of = domain.causes_of(paid, seen[key].causes, today, full=full, granted_on=granted_on, rested=rest)
            if not known[key].turns(tx.at) and domain.may_begin(standing.get(key), of):
                causes = of
            else:
                waits = tuple(cause for cause in seen[key].causes if cause not in rest)
            granted = Money(known[key].granted(tx.at), account.limit.currency)
            case = _Case(paid, today, Due(seen[key].causes, full), causes, granted, waits)
            cases[key] = await _with_facts(tx, account, case) if causes else case
    return cases


def _granted_on(known: Limits, at: datetime) -> date:
    return max((grant.valid_from for grant in known.grants if grant.valid_from <= at), default=at).date()


async def _with_facts(tx: Tx, account: Account, case: _Case) -> _Case:
    """All that the policy decides by, asked for what is granted now, or for more."""
    tenant, account_id = account.tenant, account.account_id
    policy = await applications.policy_of(tx, tenant)
    registered, told = await told_of_company(tx, tenant, account_id)
    known = known_facts.known([*told, *await store.facts_of(tx, tenant, account_id)])
    own: dict[str, Value] = {
        **conducts.facts_of(case.conduct, account.limit.currency, await conduct.rooms(tx, account)),
        **await _insured(tx, account, case.causes),
        "requested_amount": domain.asked(case.granted, case.causes).decimal,
    }
    # The days to pay that were asked for once are those that it has.
    if (terms := known.get("requested_terms")) is not None and terms.given is not None:
        known["requested_terms"] = replace(terms, given=replace(terms.given, valid_until=None))
    values = facts.read(policy, known, registered, (), own, at=tx.at)
    return replace(case, policy=policy, values=values)


async def _insured(tx: Tx, account: Account, causes: Sequence[Cause]) -> Mapping[str, Value]:
    """What insurers pay now, where one pays or has just cut what it pays."""
    paying = await store.paying(tx, (account.tenant, account.account_id))
    insured = [one for one in paying if one.kind is SecurityKind.INSURANCE]
    if not insured and Cause.INSURER_CUT not in causes:
        return {}
    covered = Money(sum(one.pays for one in insured), account.limit.currency).decimal
    return {
        "insurer_limit": covered,
        "insurer_coverage": max((one.coverage for one in insured), default=Decimal(1)),
    }


def _assess(case: _Case) -> Assessment:
    assert case.policy is not None, "a case with a cause has its facts"
    assert case.values is not None, "a case with a cause has its facts"
    return underwriting.assess(case.policy, case.values, on=case.today, currency=case.granted.currency)


def _tell(origin: Origin, review: Review, message: Message) -> Announcement:
    return Announcement(origin, review.account_id, f"review/{review.review_id}", message)
