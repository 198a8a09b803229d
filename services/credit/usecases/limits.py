"""Limits: granted from a time on, raised for a while by two persons, another by the clock."""

from dataclasses import replace
from datetime import datetime

from google.protobuf.message import Message

from services import standing
from services.chassis import identity, outbox
from services.chassis.database import Tx
from services.chassis.envelope import Origin, new_traceparent
from services.chassis.outbox import Announcement
from services.chassis.workers import Batch
from services.credit import store, wire
from services.credit.domain.accounts import Account
from services.credit.domain.limits import Uplift
from services.credit.usecases.buyers import one_account
from services.credit.usecases.tree import one_node, settle_node
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Invalid, NotFound, quoted
from services.kernel.standing import Act, Kind


async def set_limit(tx: Tx, origin: Origin, account_id: str, limit: Money, valid_from: datetime | None = None) -> None:
    """Grant a limit from a time on, now if none is said; it may fall below what is used: holds stand, new orders are declined."""
    account = await one_account(tx, origin, account_id)
    if limit.currency != account.limit.currency:
        raise Invalid("buyer.limit_currency", f"the account is kept in {account.limit.currency}")
    if limit.minor < 0:
        raise Invalid("buyer.limit_negative", "a limit is zero or more")
    key = (origin.tenant, account_id)
    at = await store.instant(tx)
    at = max(at, await store.known_since(tx, key) or at)  # another process' clock may be ahead
    since = valid_from or at
    if since > at:
        (await store.find_limits(tx, [key], at))[key].check_room_for_grant()
    await store.add_grant(tx, key, limit.minor, since, at)
    await outbox.add(
        tx, [_tell(origin, account_id, f"limit/{account_id}", wire.limit_granted(account_id, limit, since, at))]
    )
    await _settle(tx, origin, account, at, counts=since <= at)


async def ask_for_uplift(tx: Tx, origin: Origin, uplift: Uplift) -> Uplift:
    """Ask for more credit for a while; the same again is asked for already.

    It counts at once where that was approved for what is alike (RULES: standing approvals).
    """
    uplift.check(tx.at)
    account = await one_account(tx, origin, uplift.account_id)
    account.own(uplift.amount)
    key = (uplift.tenant, uplift.uplift_id)
    earlier = await store.find_uplift(tx, key)
    if earlier is None:
        of = (uplift.tenant, uplift.account_id)
        (await store.find_limits(tx, [of], tx.at))[of].check_room_for_uplift()
        if await store.add_uplift(tx, uplift):
            await outbox.add(tx, [_tell_uplift(origin, uplift, wire.uplift_asked(uplift))])
            return await _approve_alike(tx, origin, account, uplift)
    # One that is not seen is another account's.
    known, ended = earlier or (None, True)
    if known is None or ended or not known.is_what_was_asked(uplift):
        raise Conflict("uplift.exists", f"there is, or was, another uplift {quoted(uplift.uplift_id)}")
    return known


async def approve_uplift(tx: Tx, origin: Origin, uplift_id: str) -> Uplift:
    """Have an uplift count, at another person's word (RULES: four eyes); one that is approved already stays so."""
    account, uplift, ended = await _one_uplift(tx, origin, uplift_id)
    if identity.subjects_of(uplift.asked_by) & identity.subjects_of(origin.actor):
        raise Conflict("uplift.four_eyes", "whoever asked for an uplift does not approve it")
    at = await store.instant(tx)
    if ended or uplift.valid_until <= at:
        raise Conflict("uplift.over", "this uplift has ended")
    return uplift if uplift.approved_by is not None else await _approve(tx, origin, account, uplift, at)


async def _approve(tx: Tx, origin: Origin, account: Account, uplift: Uplift, at: datetime) -> Uplift:
    approved = replace(uplift, approved_by=origin.actor, valid_from=max(at, uplift.valid_from or at))
    await store.approve_uplift(tx, approved, at)
    await outbox.add(tx, [_tell_uplift(origin, approved, wire.uplift_granted(approved, at))])
    await _settle(tx, origin, account, at)
    return approved


async def _approve_alike(tx: Tx, origin: Origin, account: Account, uplift: Uplift) -> Uplift:
    act = Act(
        Kind.UPLIFT,
        f"uplift/{uplift.uplift_id}",
        uplift.account_id,
        uplift.amount,
        people=identity.subjects_of(uplift.asked_by),
        category=uplift.reason_code,
    )
    if (used := await standing.use(tx, origin.tenant, act)) is None:
        return uplift
    approval, at = used
    await outbox.add(tx, [standing.used_told(wire.STANDING, origin, approval, act, at)])
    return await _approve(tx, replace(origin, actor=standing.BY), account, uplift, at)


async def end_uplift(tx: Tx, origin: Origin, uplift_id: str) -> None:
    """Have an uplift count no more; one that has ended already says nothing new."""
    account, uplift, ended = await _one_uplift(tx, origin, uplift_id)
    if ended:
        return
    at = await store.instant(tx)
    await _end(tx, origin, uplift, "ended", at)
    await _settle(tx, origin, account, at)


async def limit_as_of(
    tx: Tx, origin: Origin, account_id: str, valid_at: datetime | None, known_at: datetime | None
) -> tuple[Money, Money]:
    """What might be owed at one time, and what of it was granted without uplifts, as it was known at another."""
    if (row := await store.get_account(tx, (origin.tenant, account_id))) is None:
        raise NotFound("buyer.unknown", f"no account {quoted(account_id)}")
    now = await store.instant(tx)
    found = await store.limit_as_of(tx, (origin.tenant, account_id), valid_at or now, known_at or now)
    if found is None:
        raise NotFound("limit.not_known", "no limit was known then for that time")
    granted, uplifts = found
    return Money(granted + uplifts, row.currency), Money(granted, row.currency)


async def node_limit_as_of(
    tx: Tx, origin: Origin, node_id: str, valid_at: datetime | None, known_at: datetime | None
) -> Money:
    """What accounts might owe together at one time, as it was known at another."""
    node = await one_node(tx, origin, node_id)
    now = await store.instant(tx)
    found = await store.node_limit_as_of(tx, (origin.tenant, node_id), valid_at or now, known_at or now)
    if found is None:
        raise NotFound("limit.not_known", "no limit was known then for that time")
    return Money(found, node.limit.currency)


async def find_turned(tx: Tx) -> int:
    """Have the limits looked at that the clock may have changed; return how many."""
    return await store.find_turned(tx, Origin("", "system:clock", "the limit's time is over", "", new_traceparent()))


async def turn(batch: Batch) -> None:
    """Have these accounts' and nodes' limits be what they are by now, and end the uplifts whose time is over."""
    async with batch.finishing() as done:
        jobs = {(job.tenant, job.subject): job for job in done.jobs}
        of = {what: {(t, s.removeprefix(what)) for t, s in jobs if s.startswith(what)} for what in ("limit/", "node/")}
        accounts = await store.lock_accounts(done.tx, of["limit/"])
        nodes = await store.lock_nodes(done.tx, of["node/"]) if of["node/"] else {}
        at = await store.instant(done.tx)
        for key, job in sorted(jobs.items()):
            what, _, name = key[1].partition("/")
            origin = replace(job.origin, idempotency_key=f"{what} {name} {at.isoformat()}")
            if what == "limit":
                await _settle(done.tx, origin, accounts[(key[0], name)], at)
            else:
                await settle_node(done.tx, origin, nodes[(key[0], name)], at)


async def _settle(tx: Tx, origin: Origin, account: Account, at: datetime, *, counts: bool = False) -> None:
    """Write what an account may owe at that instant, and until when; tell it, if it is another or `counts` anew."""
    key = (account.tenant, account.account_id)
    limits = (await store.find_limits(tx, [key], at))[key]
    for uplift in limits.over(at):
        await _end(tx, origin, uplift, "over", at)
    limit, granted = (Money(minor, account.limit.currency) for minor in (limits.effective(at), limits.granted(at)))
    await store.save_limit(tx, key, limit.minor, limits.until(at))
    if counts or limit != account.limit:
        message = wire.limit_changed(account.account_id, limit, account.limit, granted, at)
        await outbox.add(tx, [_tell(origin, account.account_id, f"buyer/{account.account_id}", message)])


async def _end(tx: Tx, origin: Origin, uplift: Uplift, cause: str, at: datetime) -> None:
    await store.end_uplift(tx, (uplift.tenant, uplift.uplift_id), at)
    await outbox.add(tx, [_tell_uplift(origin, uplift, wire.uplift_ended(uplift, cause, at))])


async def _one_uplift(tx: Tx, origin: Origin, uplift_id: str) -> tuple[Account, Uplift, bool]:
    """Hold an uplift's account; the uplift as it is by then, and whether it has ended."""
    key = (origin.tenant, uplift_id)
    if (seen := await store.find_uplift(tx, key)) is None:
        raise NotFound("uplift.unknown", f"no uplift {quoted(uplift_id)}")
    account = await one_account(tx, origin, seen[0].account_id)
    found = await store.find_uplift(tx, key)
    assert found is not None, "an uplift stays"
    return account, *found


def _tell(origin: Origin, account_id: str, subject: str, message: Message) -> Announcement:
    return Announcement(origin, account_id, subject, message)


def _tell_uplift(origin: Origin, uplift: Uplift, message: Message) -> Announcement:
    return _tell(origin, uplift.account_id, f"uplift/{uplift.uplift_id}", message)
