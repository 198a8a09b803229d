"""Standing approvals, in whichever service something is approved by them: kept, counted and told the same way (kernel/standing.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from receivables.common.v1 import standing_pb2

from services import contracts
from services.chassis import identity, outbox
from services.chassis.database import INSTANT, Tx
from services.chassis.envelope import Event, Origin
from services.chassis.outbox import Announcement
from services.chassis.pages import Page
from services.chassis.rebuild import Step
from services.kernel import standing
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Invalid, NotFound, quoted
from services.kernel.standing import Act, Approval, Bounds, Kind, Used

ALL = "standing"  # the key of what is told of all accounts
BY = "system:standing"  # who has done what a standing approval approved
_KINDS = {
    Kind.RELEASE_ORDER: standing_pb2.STANDING_KIND_RELEASE_ORDER,
    Kind.UPLIFT: standing_pb2.STANDING_KIND_UPLIFT,
    Kind.CREDIT: standing_pb2.STANDING_KIND_CREDIT,
}
_OURS = {theirs: ours for ours, theirs in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class Words:
    """What one service approves so, and the messages of its contract that tell it."""

    kinds: frozenset[Kind]
    proposed: type[Any]
    granted: type[Any]
    revoked: type[Any]
    used: type[Any]


async def grant(tx: Tx, words: Words, origin: Origin, wanted: Approval) -> Approval:
    """Keep an approval until another person confirms it; the same again is kept already."""
    kept, is_new = await keep(tx, origin.tenant, words.kinds, wanted)
    if is_new:
        message = words.proposed(
            approval_id=kept.approval_id,
            account_id=kept.bounds.account_id,
            bounds=bounds_message(kept.bounds),
            granted_at=_stamp(kept.granted_at),
        )
        await outbox.add(tx, [_tell(origin, kept, message)])
    return kept


async def keep(tx: Tx, tenant: str, kinds: frozenset[Kind], wanted: Approval) -> tuple[Approval, bool]:
    """Keep an approval of these kinds, and return it as it is kept, and whether it is new."""
    if not wanted.approval_id:
        raise Invalid("standing.incomplete", "a standing approval needs an id")
    await tx.run("SELECT pg_advisory_xact_lock(hashtextextended('standing/' || %s, 0))", [tenant])
    if (known := await find(tx, tenant, wanted.approval_id)) is None:
        wanted.bounds.check(tx.at, kinds)
        standing.check_room(await _count(tx, tenant, wanted.bounds.account_id))
        if await add(tx, tenant, wanted):
            return wanted, True
    # One that is not seen is another account's.
    if known is None or known.revoked_at or not known.is_what_was_granted(wanted):
        raise Conflict("standing.exists", f"there is, or was, another standing approval {quoted(wanted.approval_id)}")
    return known, False


async def confirm(tx: Tx, words: Words, origin: Origin, approval_id: str) -> Approval:
    """Have an approval count, at another person's word; one that is confirmed already stays so."""
    known = await _lock(tx, origin.tenant, approval_id)
    standing.check_confirmer(known, identity.subjects_of(origin.actor))
    at = await _instant(tx)
    if known.revoked_at is not None or known.bounds.valid_until <= at:
        raise Conflict("standing.over", "this standing approval has ended")
    if known.confirmed_at is not None:
        return known
    bounds = replace(known.bounds, valid_from=max(at, known.bounds.valid_from or at))
    confirmed = replace(known, bounds=bounds, confirmed_by=origin.actor, confirmed_at=at)
    await save_confirmed(tx, origin.tenant, confirmed)
    message = words.granted(
        approval_id=approval_id,
        account_id=bounds.account_id,
        valid_from=_stamp(bounds.valid_from),
        confirmed_at=_stamp(at),
    )
    await outbox.add(tx, [_tell(origin, confirmed, message)])
    return confirmed


async def revoke(tx: Tx, words: Words, origin: Origin, approval_id: str) -> None:
    """Have an approval count no more, from this transaction's end on; one that was revoked says nothing new."""
    if (revoked := await take_back(tx, origin.tenant, approval_id, origin.actor)) is not None:
        account_id, at = revoked.bounds.account_id, _stamp(revoked.revoked_at)
        message = words.revoked(approval_id=approval_id, account_id=account_id, revoked_at=at)
        await outbox.add(tx, [_tell(origin, revoked, message)])


async def take_back(tx: Tx, tenant: str, approval_id: str, by: str) -> Approval | None:
    """Have an approval count no more, and return it; None if it did not before."""
    known = await _lock(tx, tenant, approval_id)
    if known.revoked_at is not None:
        return None
    at = await _instant(tx)
    await save_revoked(tx, tenant, approval_id, by, at)
    return replace(known, revoked_by=by, revoked_at=at)


async def use(tx: Tx, tenant: str, act: Act) -> tuple[Approval, datetime] | None:
    """Count an act against what stands, and return by which it is approved and when; None: by none.

    Whoever wants to do the same meanwhile waits: hold the account before. What stands for all accounts is looked at
    whomever the caller is bound to.
    """
    async with tx.all_accounts():
        rows = await tx.rows(
            """SELECT * FROM standing_approval
                WHERE tenant = %s AND account_id IN ('', %s) AND %s = ANY (kinds)
                  AND confirmed_at IS NOT NULL AND revoked_at IS NULL AND valid_until > %s
                ORDER BY account_id, approval_id FOR NO KEY UPDATE""",
            [tenant, act.account_id, act.kind.value, tx.at],
        )
        if not rows:
            return None
        at = await _instant(tx)
        approvals = [_approval(row) for row in rows]
        used = await _used(tx, tenant, [(one.approval_id, one.period(at)[0]) for one in approvals])
        chosen = standing.first([(one, used.get(one.approval_id, Used())) for one in approvals], act, at)
        if chosen is None or not await add_use(tx, tenant, chosen.approval_id, act, at):
            return None
        return chosen, at


def used_told(words: Words, origin: Origin, approval: Approval, act: Act, at: datetime) -> Announcement:
    """That an act was approved so, to tell."""
    message = words.used(use=use_message(approval.approval_id, act, at))
    return Announcement(origin, act.account_id, f"standing/{approval.approval_id}", message)


async def find(tx: Tx, tenant: str, approval_id: str) -> Approval | None:
    """One by its id."""
    row = await tx.row("SELECT * FROM standing_approval WHERE tenant = %s AND approval_id = %s", [tenant, approval_id])
    return _approval(row) if row else None


async def add(tx: Tx, tenant: str, one: Approval) -> bool:
    """Keep one as it is granted; False if there is, or was, one by that id."""
    bounds = one.bounds
    return bool(
        await tx.run(
            """INSERT INTO standing_approval (tenant, approval_id, account_id, kinds, categories, person, cost_centre, currency,
                                              act_minor, period_minor, period_count, period_days, valid_from, valid_until,
                                              granted_by, granted_at, known_by, confirmed_by, confirmed_at)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            [
                tenant,
                one.approval_id,
                bounds.account_id,
                sorted(kind.value for kind in bounds.kinds),
                sorted(bounds.categories),
                bounds.person,
                bounds.cost_centre,
                bounds.act_most.currency,
                bounds.act_most.minor,
                bounds.period_most.minor,
                bounds.period_count,
                bounds.period_days,
                bounds.valid_from,
                bounds.valid_until,
                one.granted_by,
                one.granted_at,
                sorted(one.known_by),
                one.confirmed_by or None,
                one.confirmed_at,
            ],
        )
    )


async def save_confirmed(tx: Tx, tenant: str, one: Approval) -> None:
    """Have one count."""
    await tx.run(
        """UPDATE standing_approval SET confirmed_by = %s, confirmed_at = %s, valid_from = %s
            WHERE tenant = %s AND approval_id = %s AND confirmed_at IS NULL""",
        [one.confirmed_by, one.confirmed_at, one.bounds.valid_from, tenant, one.approval_id],
    )


async def save_revoked(tx: Tx, tenant: str, approval_id: str, by: str, at: datetime) -> None:
    """Have one count no more."""
    await tx.run(
        """UPDATE standing_approval SET revoked_by = %s, revoked_at = %s, known_by = '{}'
            WHERE tenant = %s AND approval_id = %s AND revoked_at IS NULL""",
        [by, at, tenant, approval_id],
    )


async def add_use(tx: Tx, tenant: str, approval_id: str, act: Act, at: datetime) -> bool:
    """Keep that an act was approved so; False if it was already."""
    return bool(
        await tx.run(
            """INSERT INTO standing_use (tenant, act, approval_id, account_id, kind, category, currency, amount_minor, used_at)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            [
                tenant,
                act.subject,
                approval_id,
                act.account_id,
                act.kind.value,
                act.category,
                act.amount.currency,
                act.amount.minor,
                at,
            ],
        )
    )


async def list_approvals(tx: Tx, tenant: str, account_id: str, page: Page) -> list[tuple[Approval, Used]]:
    """All, or those of an account and of all accounts, the newest first, with what of each is used in its period."""
    after = "AND (granted_at, approval_id) < (%s, %s)" if page.after else ""
    newest = f"ORDER BY granted_at DESC, approval_id DESC LIMIT {page.most}"
    if account_id:
        one = f"(SELECT * FROM standing_approval WHERE tenant = %s AND account_id = %s {after} {newest})"  # noqa: S608 - constant text
        rows = await tx.rows(
            f"SELECT * FROM ({one} UNION ALL {one}) AS found {newest}",  # noqa: S608 - constant text
            [tenant, account_id, *(page.after or ()), tenant, "", *(page.after or ())],
        )
    else:
        rows = await tx.rows(
            f"SELECT * FROM standing_approval WHERE tenant = %s {after} {newest}",  # noqa: S608 - constant text
            [tenant, *(page.after or ())],
        )
    approvals = [_approval(row) for row in rows]
    return list(zip(approvals, await used_of(tx, tenant, approvals), strict=True))


async def used_of(tx: Tx, tenant: str, approvals: Sequence[Approval]) -> list[Used]:
    """What of each is used in its period of now."""
    used = await _used(tx, tenant, [(one.approval_id, one.period(tx.at)[0]) for one in approvals])
    return [used.get(one.approval_id, Used()) for one in approvals]


async def list_uses(tx: Tx, tenant: str, approval_id: str, page: Page) -> list[tuple[Act, datetime]]:
    """What was approved by one, the newest first."""
    if await find(tx, tenant, approval_id) is None:
        raise NotFound("standing.unknown", f"no standing approval {quoted(approval_id)}")
    rows = await tx.rows(
        f"""SELECT * FROM standing_use
             WHERE tenant = %s AND approval_id = %s {"AND (used_at, act) < (%s, %s)" if page.after else ""}
             ORDER BY used_at DESC, act DESC LIMIT {page.most}""",  # noqa: S608 - constant text
        [tenant, approval_id, *(page.after or ())],
    )
    return [
        (
            Act(
                Kind(row.kind),
                row.act,
                row.account_id,
                Money(row.amount_minor, row.currency),
                category=row.category,
            ),
            row.used_at,
        )
        for row in rows
    ]


def approval_said(
    origin: Origin, approval_id: str, account_id: str, message: standing_pb2.StandingBounds, at: datetime
) -> Approval:
    """An approval as somebody grants it."""
    return Approval(approval_id, bounds_said(account_id, message), origin.actor, at)


def bounds_said(account_id: str, message: standing_pb2.StandingBounds) -> Bounds:
    """Bounds as they came."""
    if not message.HasField("valid_until"):
        raise Invalid("standing.incomplete", "a standing approval needs an end")
    if unknown := set(message.kinds) - _OURS.keys():
        raise Invalid("standing.kind", f"no kind {min(unknown)}")
    return Bounds(
        kinds=frozenset(_OURS[kind] for kind in message.kinds),
        act_most=contracts.money(message.act_most),
        period_most=contracts.money(message.period_most),
        period_count=message.period_count,
        period_days=message.period_days,
        valid_until=message.valid_until.ToDatetime(UTC),
        valid_from=message.valid_from.ToDatetime(UTC) if message.HasField("valid_from") else None,
        account_id=account_id,
        categories=frozenset(message.categories),
    )


def bounds_message(bounds: Bounds) -> standing_pb2.StandingBounds:
    """The same, to tell."""
    return standing_pb2.StandingBounds(
        kinds=sorted(_KINDS[kind] for kind in bounds.kinds),
        categories=sorted(bounds.categories),
        act_most=contracts.money_message(bounds.act_most),
        period_most=contracts.money_message(bounds.period_most),
        period_count=bounds.period_count,
        period_days=bounds.period_days,
        valid_from=_stamp(bounds.valid_from),
        valid_until=_stamp(bounds.valid_until),
    )


def approval_shown(one: Approval, used: Used, at: datetime) -> standing_pb2.StandingApproval:
    """An approval, to show."""
    stands = one.stands(at)
    return standing_pb2.StandingApproval(
        approval_id=one.approval_id,
        account_id=one.bounds.account_id,
        bounds=bounds_message(one.bounds),
        granted_by=one.granted_by,
        granted_at=_stamp(one.granted_at),
        confirmed_by=one.confirmed_by,
        confirmed_at=_stamp(one.confirmed_at),
        revoked_by=one.revoked_by,
        revoked_at=_stamp(one.revoked_at),
        stands=stands,
        used=contracts.money_message(Money(used.minor, one.bounds.act_most.currency)),
        used_count=used.count,
        period_until=_stamp(one.period(at)[1]) if stands else None,
    )


def use_message(approval_id: str, act: Act, at: datetime) -> standing_pb2.StandingUse:
    """Something that was approved so, to show or tell."""
    return standing_pb2.StandingUse(
        approval_id=approval_id,
        act=act.subject,
        account_id=act.account_id,
        kind=_KINDS[act.kind],
        amount=contracts.money_message(act.amount),
        category=act.category,
        used_at=_stamp(at),
    )


def fold(words: Words) -> Mapping[type[Message], Step]:
    """What rows follow from what a service told of its standing approvals."""
    return {
        words.proposed: _rebuild_proposed,
        words.granted: _rebuild_granted,
        words.revoked: _rebuild_revoked,
        words.used: _rebuild_used,
    }


async def _rebuild_proposed(tx: Tx, event: Event[Any], _cause: object) -> None:
    body = event.body
    bounds = bounds_said(body.account_id, body.bounds)
    await add(tx, event.tenant, Approval(body.approval_id, bounds, event.origin.actor, body.granted_at.ToDatetime(UTC)))


async def _rebuild_granted(tx: Tx, event: Event[Any], _cause: object) -> None:
    body = event.body
    known = await find(tx, event.tenant, body.approval_id)
    if known is None:
        raise LookupError("the standing approval is not there")
    bounds = replace(known.bounds, valid_from=body.valid_from.ToDatetime(UTC))
    confirmed = replace(
        known, bounds=bounds, confirmed_by=event.origin.actor, confirmed_at=body.confirmed_at.ToDatetime(UTC)
    )
    await save_confirmed(tx, event.tenant, confirmed)


async def _rebuild_revoked(tx: Tx, event: Event[Any], _cause: object) -> None:
    body = event.body
    await save_revoked(tx, event.tenant, body.approval_id, event.origin.actor, body.revoked_at.ToDatetime(UTC))


async def _rebuild_used(tx: Tx, event: Event[Any], _cause: object) -> None:
    said = event.body.use
    act = Act(_OURS[said.kind], said.act, said.account_id, contracts.money(said.amount), category=said.category)
    await add_use(tx, event.tenant, said.approval_id, act, said.used_at.ToDatetime(UTC))


async def _lock(tx: Tx, tenant: str, approval_id: str) -> Approval:
    row = await tx.row(
        "SELECT * FROM standing_approval WHERE tenant = %s AND approval_id = %s FOR NO KEY UPDATE",
        [tenant, approval_id],
    )
    if row is None:
        raise NotFound("standing.unknown", f"no standing approval {quoted(approval_id)}")
    return _approval(row)


async def _count(tx: Tx, tenant: str, account_id: str) -> int:
    row = await tx.row(
        """SELECT count(*) AS n FROM standing_approval
            WHERE tenant = %s AND account_id = %s AND revoked_at IS NULL AND valid_until > %s""",
        [tenant, account_id, tx.at],
    )
    return row.n  # type: ignore[no-any-return]


async def _used(tx: Tx, tenant: str, since: Sequence[tuple[str, datetime]]) -> dict[str, Used]:
    """What was used of each since then."""
    rows = await tx.rows(
        """SELECT wanted.id, sum(amount_minor)::bigint AS minor, count(*) AS n
             FROM unnest(%s::text[], %s::timestamptz[]) AS wanted (id, since)
             JOIN standing_use AS u ON u.tenant = %s AND u.approval_id = wanted.id AND u.used_at >= wanted.since
            GROUP BY wanted.id""",
        [[approval_id for approval_id, _ in since], [at for _, at in since], tenant],
    )
    return {row.id: Used(row.minor, row.n) for row in rows}


async def _instant(tx: Tx) -> datetime:
    return (await tx.row(*INSTANT)).at  # type: ignore[no-any-return]


def _approval(row: Any) -> Approval:
    return Approval(
        approval_id=row.approval_id,
        bounds=Bounds(
            kinds=frozenset(map(Kind, row.kinds)),
            act_most=Money(row.act_minor, row.currency),
            period_most=Money(row.period_minor, row.currency),
            period_count=row.period_count,
            period_days=row.period_days,
            valid_until=row.valid_until,
            valid_from=row.valid_from,
            account_id=row.account_id,
            categories=frozenset(row.categories),
            person=row.person,
            cost_centre=row.cost_centre,
        ),
        granted_by=row.granted_by,
        granted_at=row.granted_at,
        confirmed_by=row.confirmed_by or "",
        confirmed_at=row.confirmed_at,
        revoked_by=row.revoked_by or "",
        revoked_at=row.revoked_at,
        known_by=frozenset(row.known_by),
    )


def _tell(origin: Origin, one: Approval, message: Message) -> Announcement:
    return Announcement(origin, one.bounds.account_id or ALL, f"standing/{one.approval_id}", message)


def _stamp(value: datetime | None) -> Timestamp | None:
    if value is None:
        return None
    said = Timestamp()
    said.FromDatetime(value)
    return said
