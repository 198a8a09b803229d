"""Leads a company from its credit line to its first order: remembers its steps, asks for each, reminds once, hands over."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

from receivables.credit.v1 import applications_pb2
from receivables.credit.v1 import events_pb2 as credit_pb2
from receivables.notifications.v1 import events_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services.chassis import jobs, outbox
from services.chassis.columns import Columns, columns, within
from services.chassis.database import Tx
from services.chassis.envelope import Event, Origin, new_traceparent
from services.chassis.outbox import Announcement
from services.chassis.pages import Page
from services.kernel.refusals import NotFound, quoted
from services.notifications import durations, journeys, store, wire
from services.notifications.domain import first_steps as domain
from services.notifications.domain.contacts import Contact
from services.notifications.domain.durations import FIRST_ORDER, ONBOARDING, Ended
from services.notifications.domain.first_steps import Code, State, Step
from services.notifications.domain.matrix import Kind
from services.notifications.domain.roles import SELLER_ROLES, Role
from services.notifications.domain.stories import Affects, Detail, Moment, Story
from services.notifications.store import Key
from services.notifications.threads import add_message
from services.notifications.usecases import Desk

FIRST_STEPS = "first_steps"  # the kind of job that the clock brings; its subject is whose steps they are

_STEP = Columns(
    "tenant text, account_id text, code text, state text, by_when date, next_at timestamptz, waits_since timestamptz,"
    "reason text, answer text, done_at timestamptz"
)
_DUE: LiteralString = (
    "SELECT DISTINCT tenant, 'first_steps', 'onboarding/' || account_id, '', 1 FROM first_step WHERE next_at <= %s"
)


async def know_orders(tx: Tx, events: Sequence[Event[orders_pb2.OrderPlaced]]) -> None:
    """Whoever orders has made their first order; how long that took since they agreed is learned from."""
    accounts = {(event.tenant, event.account_id) for event in events}
    rows = await tx.rows(
        """UPDATE first_step AS f SET state = 'DONE', done_at = %s, next_at = NULL, waits_since = NULL, reason = ''
            WHERE tenant = ANY (%s::text[]) AND account_id = ANY (%s::text[]) AND code = 'FIRST_ORDER' AND state <> 'DONE'
              AND (tenant, account_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
           RETURNING tenant, account_id, (SELECT began_at FROM journey j
                                           WHERE j.tenant = f.tenant AND j.about = 'onboarding/' || f.account_id)""",
        [tx.at, *within(accounts), *columns(sorted(accounts))],
    )
    await durations.add(
        tx,
        [
            Ended(
                tenant=row.tenant,
                about=f"{ONBOARDING}/{row.account_id}",
                name="",
                step=FIRST_ORDER,
                account_id=row.account_id,
                seller_id="",
                track="",
                began_at=row.began_at,
                spent=0,
                ended_at=tx.at,
                kept=None,
            )
            for row in rows
            if row.began_at is not None
        ],
    )


async def find_due(tx: Tx) -> int:
    """Have those reminded, or handed over, whose time has come; return how many jobs it is."""
    return await jobs.find(tx, Origin("", "system:clock", "a step is due", "", new_traceparent()), _DUE, [tx.at])


async def count_due(tx: Tx) -> int:
    """How many of them have no job yet."""
    return await jobs.count_found(tx, _DUE, [tx.at])


async def waiting(tx: Tx, tenant: str, page: Page, *, owners: Collection[str]) -> list[Step]:
    """What waits for these roles of the seller's, the longest first."""
    codes = [code for code, plan in domain.PLANS.items() if plan.owner in owners]
    rows = await tx.rows(
        f"""SELECT * FROM first_step WHERE tenant = %s AND state = 'WAITING' AND code = ANY (%s::text[])
                {"AND (waits_since, account_id, code) > (%s::timestamptz, %s, %s)" if page.after else ""}
             ORDER BY waits_since, account_id, code LIMIT {page.most}""",  # noqa: S608 - our own words and numbers
        [tenant, codes, *(page.after or ())],
    )
    return [_step(row) for row in rows]


async def moved_before(tx: Tx, event: Event[events_pb2.FirstStepMoved]) -> None:
    """Write a step as it was told; what an event did meanwhile, which is not told, stays done."""
    told = wire.told_step(event.tenant, event.body)
    known = (await _lock(tx, (told.tenant, told.account_id))).get(told.code)
    if known is None or known.state is not State.DONE or known.code not in (Code.COLLEAGUES, Code.FIRST_ORDER):
        await _save(tx, [told])


async def look_again(tx: Tx) -> None:
    """Have the clock look at what may begin by now."""
    await tx.run("UPDATE first_step SET next_at = %s WHERE state = 'NEXT' AND next_at IS NULL", [tx.at])


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """Whoever leads companies on; what is asked is told at the desk."""

    desk: Desk

    async def tell_moved(self, tx: Tx, events: Sequence[Event[credit_pb2.ApplicationMoved]]) -> None:
        """Applications went on; a company that accepted, and has ordered nothing so far, is led on from now on."""
        await self.desk.telling({credit_pb2.ApplicationMoved: wire.application_moved})(tx, events)
        accepted = {
            (event.tenant, event.account_id): event
            for event in events
            if event.body.state == applications_pb2.APPLICATION_STATE_ACCEPTED
        }
        if not accepted:
            return
        new = accepted.keys() - await _ordered(tx, accepted)
        when = await _when(tx, {tenant for tenant, _ in new})
        await _add(tx, [step for key in sorted(new) for step in domain.plan(*key, when(key[0]))])
        for key in sorted(new):
            await self.go_on(tx, key)

    async def people_changed(self, tx: Tx, account: Key) -> None:
        """Somebody of a company was registered, or changed: what may begin by now, or is done by that."""
        if not account[1]:
            return
        async with tx.all_accounts():
            await self.go_on(tx, account)

    async def signed_in(self, tx: Tx, call: Origin, contact_id: str) -> None:
        """Somebody came into the portal: who administers an account has made its first step."""
        contact, _ = await store.find_contact(tx, (call.tenant, contact_id))
        if contact is None or Role.ACCOUNT_ADMIN not in contact.roles:
            return
        account = (contact.tenant, contact.account_id)
        steps = await _lock(tx, account)
        if (step := steps.get(Code.SIGN_IN)) is None or step.state is State.DONE:
            return
        await _keep(tx, call, [domain.done(step, (await _when(tx, [call.tenant]))(call.tenant))])
        await self.go_on(tx, account)

    async def answer(self, tx: Tx, call: Origin, account_id: str, code: str, *, answer: str, why: str) -> Step:
        """A buyer's person answers; what did not work stands in the thread, and with its owner."""
        step = await _find(tx, (call.tenant, account_id), code)
        if call.caller is not None:
            domain.check_answers(step.code, call.caller.roles)
        after = domain.answered(step, answer, why, (await _when(tx, [call.tenant]))(call.tenant))
        if after != step:
            await _keep(tx, call, [after])
        if after.state is State.WAITING:
            await self._say_why(tx, call, after, why)
        return after

    async def close(self, tx: Tx, call: Origin, account_id: str, code: str) -> Step:
        """Somebody of the seller has seen to it, or it is not needed."""
        account = (call.tenant, account_id)
        step = await _find(tx, account, code)
        if step.state is not State.DONE:
            step = domain.done(step, (await _when(tx, [call.tenant]))(call.tenant))
            await _keep(tx, call, [step])
            await self.go_on(tx, account)
        return step

    async def shown(self, tx: Tx, account: Key) -> tuple[list[Step], set[Role]]:
        """All steps of a company, in order, and which roles somebody of it holds; no steps of one that is not led."""
        steps = await _steps(tx, account, "")
        if not steps:
            return [], set()
        async with tx.all_parts():
            return list(steps.values()), _held(await _people(tx, account))

    async def by_clock(self, tx: Tx, accounts: Iterable[Key]) -> None:
        """Remind of what nobody did in time, each once, and hand over what was reminded of in vain."""
        for account in sorted(accounts):
            steps = await _lock(tx, account)
            now = (await _when(tx, [account[0]]))(account[0])
            moved = {step.code: domain.by_clock(step, now) for step in steps.values()}
            changed = [step for code, step in moved.items() if step != steps[code]]
            word = Origin(account[0], "system:clock", "a step is due", f"{account[1]} {now.at}", new_traceparent())
            await _keep(tx, word, changed)
            reminded = [step for step in changed if step.state is State.REMINDED]
            await self.desk.tell(tx, await self._asking(tx, reminded, now, again=True))
            await self.go_on(tx, account)

    async def go_on(self, tx: Tx, account: Key) -> None:
        """Begin what may begin, and ask for it; that colleagues are there is seen here."""
        steps = await _lock(tx, account)
        if not any(step.state is not State.DONE for step in steps.values()):
            return
        now = (await _when(tx, [account[0]]))(account[0])
        held = _held(await _people(tx, account))
        colleagues = steps.get(Code.COLLEAGUES)
        if colleagues is not None and colleagues.state is not State.DONE and not domain.vacant(held):
            steps[Code.COLLEAGUES] = domain.done(colleagues, now)
            await _save(tx, [steps[Code.COLLEAGUES]])
        begun = domain.begin(list(steps.values()), held, now)
        await _save(tx, begun)
        await self.desk.tell(tx, await self._asking(tx, begun, now, again=False))

    async def _asking(self, tx: Tx, steps: Sequence[Step], now: Moment, *, again: bool) -> list[Story]:
        """What is asked of whoever has these steps; the way in to sign in is mailed by itself, and only reminded of here."""
        asked = [step for step in steps if again or step.code is not Code.SIGN_IN]
        if not asked:
            return []
        held = _held(await _people(tx, (asked[0].tenant, asked[0].account_id)))
        vacant = tuple(role.value for role in domain.vacant(held))
        return [
            _story(step, step.plan.kind, now, {"again": "yes" if again else "", "vacant": vacant}, step.plan.role)
            for step in asked
        ]

    async def _say_why(self, tx: Tx, call: Origin, step: Step, why: str) -> None:
        """What did not work, in the words of whoever tried it: in the thread; and its owner is asked to see to it."""
        async with tx.all_accounts():
            journey = await journeys.find(tx, step.tenant, f"onboarding/{step.account_id}")
        row = await add_message(tx, journey, call.actor, why)
        async with tx.all_accounts():
            now = (await _when(tx, [step.tenant]))(step.tenant)
            story = _story(step, Kind.FIRST_STEP_REFUSED, now, {"step": step.code}, None)
            await self.desk.tell(
                tx, [replace(story, fact=f"first_step/{step.account_id}/{step.code}/refused/{row.nth}")]
            )


def _story(step: Step, kind: Kind, now: Moment, details: Mapping[str, Detail], knower: Role | None) -> Story:
    by_when = step.by_when or now.today
    by_when = by_when if kind is not Kind.FIRST_STEP_REFUSED else now.calendar.after(now.today, 2)
    again = "again" if details.get("again") else "asked"
    return Story(
        kind=kind,
        tenant=step.tenant,
        fact=f"first_step/{step.account_id}/{step.code}/{again}",
        event_type=kind.value,
        about=f"onboarding/{step.account_id}",
        account_id=step.account_id,
        affects=Affects(new_orders=True),
        by_when=by_when,
        next_update_at=by_when,
        told_on=now.today,
        details=details,
        knower=knower,
        traceparent=new_traceparent(),
    )


async def _when(tx: Tx, tenants: Collection[str]) -> Callable[[str], Moment]:
    firms = await store.firms(tx, set(tenants))
    return lambda tenant: firms[tenant].moment(tx.at)


async def _people(tx: Tx, account: Key) -> list[Contact]:
    return (await store.contacts_of(tx, [account]))[account]


def _held(people: Iterable[Contact]) -> set[Role]:
    return {role for person in people if not person.suspended for role in person.roles} - SELLER_ROLES


async def _ordered(tx: Tx, accounts: Collection[Key]) -> set[Key]:
    """Which of these were told of an order or an invoice before: they know their way."""
    rows = await tx.rows(
        """SELECT a.tenant, a.account_id FROM unnest(%s::text[], %s::text[]) AS a (tenant, account_id)
            WHERE EXISTS (SELECT FROM message m WHERE m.tenant = a.tenant AND m.account_id = a.account_id
                                                  AND (starts_with(m.about, 'order/') OR starts_with(m.about, 'invoice/')))""",
        columns(sorted(accounts)),
    )
    return {(row.tenant, row.account_id) for row in rows}


async def _find(tx: Tx, account: Key, code: str) -> Step:
    found = {step.code.value: step for step in (await _lock(tx, account)).values()}
    if code not in found:
        raise NotFound("first_step.unknown", f"there is no step {quoted(code)} of this account")
    return found[code]


async def _lock(tx: Tx, account: Key) -> dict[Code, Step]:
    return await _steps(tx, account, "FOR UPDATE")


async def _steps(tx: Tx, account: Key, locking: LiteralString) -> dict[Code, Step]:
    rows = await tx.rows(
        f"SELECT * FROM first_step WHERE tenant = %s AND account_id = %s ORDER BY code {locking}",  # noqa: S608 - constant words
        account,
    )
    found = {row.code: row for row in rows}
    return {code: _step(found[code]) for code in Code if code in found}


async def _add(tx: Tx, steps: Sequence[Step]) -> None:
    await _write(tx, steps, "DO NOTHING")


async def _save(tx: Tx, steps: Sequence[Step]) -> None:
    await _write(
        tx,
        steps,
        """(tenant, account_id, code) DO UPDATE SET state = EXCLUDED.state, by_when = EXCLUDED.by_when,
             next_at = EXCLUDED.next_at, waits_since = EXCLUDED.waits_since, reason = EXCLUDED.reason,
             answer = EXCLUDED.answer, done_at = EXCLUDED.done_at""",
    )


async def _keep(tx: Tx, origin: Origin, steps: Sequence[Step]) -> None:
    """Keep steps that a call or the clock moved, and tell it: what follows from events follows again."""
    await _save(tx, steps)
    await outbox.add(
        tx,
        [
            Announcement(origin, step.account_id, f"onboarding/{step.account_id}", wire.step_moved(step))
            for step in steps
        ],
    )


async def _write(tx: Tx, steps: Sequence[Step], on_conflict: LiteralString) -> None:
    if not steps:
        return
    await tx.run(
        f"INSERT INTO first_step ({_STEP.names}) SELECT * FROM {_STEP.rows} AS new ON CONFLICT {on_conflict}",  # noqa: S608 - our own words
        [
            _STEP.pack(
                (
                    step.tenant,
                    step.account_id,
                    step.code.value,
                    step.state.value,
                    _text(step.by_when),
                    _text(step.next_at),
                    _text(step.waits_since),
                    step.reason,
                    step.answer,
                    _text(step.done_at),
                )
                for step in steps
            )
        ],
    )


def _text(at: Any) -> str | None:
    return at.isoformat() if at else None


def _step(row: Any) -> Step:
    return Step(
        tenant=row.tenant,
        account_id=row.account_id,
        code=Code(row.code),
        state=State(row.state),
        by_when=row.by_when,
        next_at=row.next_at,
        waits_since=row.waits_since,
        reason=row.reason,
        answer=row.answer,
        done_at=row.done_at,
    )
