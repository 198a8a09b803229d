"""Cases as they follow from what was told of them: each step as it was told; what people wrote and added alone is gone."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from receivables.disputes.v1 import events_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.notifications.v1 import events_pb2 as notifications_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services import contracts, standing
from services.chassis.database import Tx
from services.chassis.envelope import Event
from services.chassis.rebuild import Fold
from services.disputes import (
    store,
    store_causes,
    store_checks,
    store_incidents,
    store_responses,
    wire,
    wire_causes,
    wire_checks,
    wire_incidents,
    wire_responses,
)
from services.disputes.domain import causes, invoices, outcomes, portions
from services.disputes.domain.cases import AWAITS_ANSWER, CONTESTED, IN_KIND, MOVES, Action, State
from services.disputes.domain.handling import Change
from services.kernel.money import Money

Cause = Event[Any] | None

# The one action that leads from one state to another.
_ACTIONS = {(before, after): action for (before, action), after in MOVES.items()}


async def _open(tx: Tx, event: Event[events_pb2.DisputeOpened], _cause: Cause) -> None:
    body = event.body
    await tx.run(
        """INSERT INTO dispute (tenant, dispute_id, invoice_id, account_id, reason_code, description, amount_minor, state,
                                moves, opened_by, opened_at, answer_by, credit_note_number, number, track, track_reason,
                                answer_at, at_risk_at, recode_by, owner, stand_in, acted_at)
           VALUES (%s, %s, %s, %s, %s, '', %s, 'SUBMITTED', 1, %s, %s, %s, '', %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            event.tenant,
            body.dispute_id,
            body.invoice_id,
            body.account_id,
            body.reason_code,
            body.amount.minor,
            body.opened_by or event.origin.actor,
            tx.at,
            body.answer_by,
            body.number,
            wire.track(body.track),
            body.track_reason,
            _at(body, "answer_at"),
            _at(body, "at_risk_at"),
            _at(body, "recode_by"),
            body.owner,
            body.stand_in,
            tx.at,
        ],
    )
    await _look(tx, event)
    await _count(tx, event.tenant, body.number)
    await tx.run(
        """INSERT INTO dispute_line (tenant, dispute_id, line_id, invoice_id, contested, credited)
           SELECT %s, %s, line_id, %s, quantity, 0 FROM unnest(%s::text[], %s::numeric[]) AS line (line_id, quantity)""",
        [
            event.tenant,
            body.dispute_id,
            body.invoice_id,
            [line.line_id for line in body.lines],
            [Decimal(line.quantity) for line in body.lines],
        ],
    )
    await _contest(tx, event, body.amount.minor)
    await _remember(tx, event, 1, (State.DRAFT, Action.SUBMIT, State.SUBMITTED))


async def _move(tx: Tx, event: Event[events_pb2.DisputeMoved], cause: Cause) -> None:
    """One step; the one that a credit note made is written with the credit note."""
    if cause is not None:
        return
    body = event.body
    before, after = _state(body.from_state), _state(body.to_state)
    action = _ACTIONS[before, after]
    case = await tx.row(
        "SELECT * FROM dispute WHERE tenant = %s AND dispute_id = %s FOR UPDATE", [event.tenant, body.dispute_id]
    )
    if case is None:
        raise LookupError("the case is not there")
    again = action in (Action.REOPEN, Action.APPEAL)
    if again and body.amount.minor != case.amount_minor:
        # After a credit in part the rest goes on as an amount.
        await tx.run(
            "UPDATE dispute_line SET contested = 0 WHERE tenant = %s AND dispute_id = %s",
            [event.tenant, body.dispute_id],
        )
        await tx.run(
            "DELETE FROM dispute_line WHERE tenant = %s AND dispute_id = %s AND credited = 0",
            [event.tenant, body.dispute_id],
        )
    credit = None if again else case.credit_minor
    await tx.run(
        """UPDATE dispute SET state = %s, moves = moves + 1, amount_minor = %s, answer_by = coalesce(%s, answer_by),
                              asked_at = %s, ended_at = coalesce(%s, ended_at), resolution = %s, credit_minor = %s,
                              number = coalesce(nullif(%s, ''), number), acted_at = %s,
                              answer_at = coalesce(%s, answer_at), at_risk_at = coalesce(%s, at_risk_at),
                              warned = warned AND NOT %s, track = %s, track_reason = coalesce(nullif(%s, ''), track_reason), late_days = %s,
                              late_level = CASE WHEN %s THEN 0 ELSE late_level END,
                              late_from = CASE WHEN %s THEN late_from END, merged_into = %s
            WHERE tenant = %s AND dispute_id = %s""",
        [
            after.value,
            body.amount.minor,
            body.answer_by or None,
            tx.at if after is State.AWAITING_CUSTOMER else None,
            tx.at if after in (State.RESOLVED, State.REJECTED) else None,
            None if again else case.resolution,
            credit,
            body.number,
            tx.at,
            _at(body, "answer_at"),
            _at(body, "at_risk_at"),
            again or before is State.AWAITING_CUSTOMER,
            wire.track(body.track),
            body.track_reason,
            body.late_days,
            again,
            after in AWAITS_ANSWER,
            body.merged_into,
            event.tenant,
            body.dispute_id,
        ],
    )
    if body.merged_into:
        await store.pass_on_merged(tx, (event.tenant, body.dispute_id), body.merged_into)
    await _look(tx, event)
    await _count(tx, event.tenant, body.number)
    in_kind = case.resolution in IN_KIND
    claimed = _claim(before, case.amount_minor, case.credit_minor, in_kind=in_kind)
    await _contest(tx, event, _claim(after, body.amount.minor, credit, in_kind=in_kind) - claimed)
    await _remember(tx, event, case.moves + 1, (before, action, after))


async def _change(tx: Tx, event: Event[events_pb2.DisputeChanged], _cause: Cause) -> None:
    """Who has it, its reason, what it contests: as it was told."""
    body = event.body
    case = await tx.row(
        "SELECT * FROM dispute WHERE tenant = %s AND dispute_id = %s FOR UPDATE", [event.tenant, body.dispute_id]
    )
    if case is None:
        raise LookupError("the case is not there")
    change = wire.change(body.change)
    await tx.run(
        """UPDATE dispute SET reason_code = %s, track = %s, track_reason = %s, amount_minor = %s, owner = %s, stand_in = %s,
                              handoffs = %s, answer_by = %s, warned = %s, answer_at = %s, at_risk_at = %s, changes = %s, acted_at = %s,
                              recode_by = CASE WHEN %s THEN NULL ELSE recode_by END,
                              number = coalesce(nullif(%s, ''), number)
            WHERE tenant = %s AND dispute_id = %s""",
        [
            body.reason_code,
            wire.track(body.track),
            body.track_reason,
            body.amount.minor,
            body.owner,
            body.stand_in,
            body.handoffs,
            body.answer_by,
            body.warned,
            _at(body, "answer_at"),
            _at(body, "at_risk_at"),
            body.nth,
            tx.at,
            change is Change.RECODED,
            body.number,
            event.tenant,
            body.dispute_id,
        ],
    )
    if change in (Change.MERGED, Change.SPLIT):
        await _contested_now(tx, event)
        await _contest(tx, event, body.amount.minor - case.amount_minor)
    await _count(tx, event.tenant, body.number)
    after = {Change.ASSIGNED: body.owner, Change.RECODED: body.reason_code}.get(change, str(body.amount.minor))
    await _note(tx, event, change, (body.before, after, body.other_dispute_id))
    await _look(tx, event)


async def _contested_now(tx: Tx, event: Event[events_pb2.DisputeChanged]) -> None:
    """What a case contests by line, in place of what it did; what it had credited stays."""
    body = event.body
    key = [event.tenant, body.dispute_id]
    await tx.run("UPDATE dispute_line SET contested = 0 WHERE tenant = %s AND dispute_id = %s", key)
    await tx.run(
        """INSERT INTO dispute_line AS l (tenant, dispute_id, line_id, invoice_id, contested, credited)
           SELECT %s, %s, line_id, %s, quantity, 0 FROM unnest(%s::text[], %s::numeric[]) AS line (line_id, quantity)
           ON CONFLICT (tenant, dispute_id, line_id) DO UPDATE SET contested = EXCLUDED.contested""",
        [
            *key,
            body.invoice_id,
            [line.line_id for line in body.lines],
            [Decimal(line.quantity) for line in body.lines],
        ],
    )
    await tx.run(
        "DELETE FROM dispute_line WHERE tenant = %s AND dispute_id = %s AND contested = 0 AND credited = 0", key
    )


async def _risk(tx: Tx, event: Event[events_pb2.DisputeAtRisk], _cause: Cause) -> None:
    """What was told is not told again."""
    body = event.body
    is_reason = body.awaited == events_pb2.AWAITED_REASON
    await tx.run(
        """UPDATE dispute SET warned = warned OR NOT %s, recode_by = CASE WHEN %s THEN NULL ELSE recode_by END, changes = %s
            WHERE tenant = %s AND dispute_id = %s""",
        [is_reason, is_reason, body.nth, event.tenant, body.dispute_id],
    )
    await _note(tx, event, Change.AT_RISK, ("REASON" if is_reason else "ANSWER", body.by, ""))
    await _look(tx, event)


async def _late(tx: Tx, event: Event[events_pb2.DisputeLate], _cause: Cause) -> None:
    body = event.body
    await tx.run(
        """UPDATE dispute SET answer_by = %s, answer_at = %s, at_risk_at = %s, warned = false, late_level = %s, late_from = %s,
                              late_days = %s, changes = %s
            WHERE tenant = %s AND dispute_id = %s""",
        [
            body.answer_by,
            _at(body, "answer_at"),
            _at(body, "at_risk_at"),
            body.level,
            body.late_from,
            body.late_days,
            body.nth,
            event.tenant,
            body.dispute_id,
        ],
    )
    await _note(tx, event, Change.LATE, (body.promised_by, body.answer_by, ""))
    await _look(tx, event)


async def _cell(tx: Tx, event: Event[events_pb2.DisputeCellSet], _cause: Cause) -> None:
    key = (event.tenant, event.body.dispute_id)
    await store.add_cell(tx, key, wire.cell(event.body), event.origin.actor)


async def _note(tx: Tx, event: Event[Any], change: Change, said: tuple[str, str, str]) -> None:
    """Keep a change of a case in its history."""
    await tx.run(
        """INSERT INTO dispute_change (tenant, dispute_id, nth, change, before, after, other, actor, at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [event.tenant, event.body.dispute_id, event.body.nth, change.value, *said, event.origin.actor, tx.at],
    )


async def _look(tx: Tx, event: Event[Any]) -> None:
    """When the clock looks at a case next, as its rows say (Dispute.look_at)."""
    key = (event.tenant, event.body.dispute_id)
    case = (await store.find_disputes(tx, [key]))[key]
    await tx.run("UPDATE dispute SET look_at = %s WHERE tenant = %s AND dispute_id = %s", [case.look_at, *key])


def _at(body: Any, field: str) -> datetime | None:
    """A time that an event says, if it says it."""
    return getattr(body, field).ToDatetime(UTC) if body.HasField(field) else None


async def _resolve(tx: Tx, event: Event[events_pb2.DisputeResolved], _cause: Cause) -> None:
    """How it ends; the step itself is told after it."""
    body = event.body
    await _credit(tx, event)
    resolution = events_pb2.Resolution.Name(body.resolution).removeprefix("RESOLUTION_")
    await tx.run(
        "UPDATE dispute SET resolution = %s, credit_minor = %s WHERE tenant = %s AND dispute_id = %s",
        [resolution, body.credit.minor, event.tenant, body.dispute_id],
    )
    credited = body.credited or body.lines
    await tx.run(
        """INSERT INTO dispute_line AS l (tenant, dispute_id, line_id, invoice_id, contested, credited)
           SELECT %s, %s, line_id, %s, 0, quantity FROM unnest(%s::text[], %s::numeric[]) AS line (line_id, quantity)
           ON CONFLICT (tenant, dispute_id, line_id) DO UPDATE SET credited = l.credited + EXCLUDED.credited""",
        [
            event.tenant,
            body.dispute_id,
            body.invoice_id,
            [line.line_id for line in credited],
            [Decimal(line.quantity) for line in credited],
        ],
    )
    if not body.lines and credited:
        await store.add_as_amount(tx, (event.tenant, body.dispute_id), wire.parts(credited))
    if body.cause:
        await store_causes.save(tx, (event.tenant, body.dispute_id), body.cause, named=body.cause_named)


async def _credit(tx: Tx, event: Event[events_pb2.DisputeResolved]) -> None:
    """Keep what is credited of the invoice by rate, as it is divided where a case is resolved."""
    body = event.body
    key = (event.tenant, body.invoice_id)
    lines = await store.lines_of(tx, key)
    credit = contracts.money(body.credit)
    known, credited_minor = await store.credited_by_rate(tx, key)
    before = invoices.with_unknown(known, Money(credited_minor, credit.currency), lines)
    if body.resolution == events_pb2.RESOLUTION_PRICE_CORRECTION:
        shares = outcomes.shares_of_prices(contracts.correction(body.correction), lines, before, credit.currency)
    else:
        _, shares = invoices.split(credit, wire.parts(body.lines), lines, before)
    await store.save_credited(tx, key, portions.add(before, shares))


async def _check(tx: Tx, event: Event[events_pb2.DisputeChecked], _cause: Cause) -> None:
    """What the evidence said; what became of the case by it is told after it."""
    body = event.body
    key = (event.tenant, body.dispute_id)
    await store_checks.add_result(tx, key, body.account_id, body.nth, wire_checks.result(body))


async def _count(tx: Tx, tenant: str, number: str) -> None:
    """No later case of the year has a number that was told."""
    if number:
        _, year, nth = number.rsplit("-", 2)
        await tx.run(
            """INSERT INTO case_series AS s (tenant, year, last) VALUES (%s, %s, %s)
               ON CONFLICT (tenant, year) DO UPDATE SET last = greatest(s.last, EXCLUDED.last)""",
            [tenant, int(year), int(nth)],
        )


async def _respond(tx: Tx, event: Event[events_pb2.ResponseReceived], _cause: Cause) -> None:
    await store_responses.add(tx, event.tenant, wire_responses.kept(event, tx.at))


async def _open_action(tx: Tx, event: Event[events_pb2.ActionOpened], _cause: Cause) -> None:
    await store_causes.add_action(tx, event.tenant, wire_causes.action(event, tx.at))


async def _move_action(tx: Tx, event: Event[events_pb2.ActionMoved], _cause: Cause) -> None:
    body = event.body
    if (action := await store_causes.lock_action(tx, event.tenant, body.action_id)) is None:
        raise LookupError("the action is not there")
    state = wire_causes.state(body.to_state)
    done_at = tx.at if state is causes.State.DONE else action.done_at
    await store_causes.save_action(tx, event.tenant, replace(action, state=state, done_at=done_at, moves=body.nth))


async def _change_incident(tx: Tx, event: Event[events_pb2.IncidentChanged], _cause: Cause) -> None:
    incident = wire_incidents.incident(event, tx.at)
    keep = store_incidents.add if incident.moves == 1 else store_incidents.save
    await keep(tx, event.tenant, incident)


async def _join_incident(tx: Tx, event: Event[events_pb2.IncidentJoined], _cause: Cause) -> None:
    await store_incidents.join(tx, event.tenant, event.body.incident_id, event.body.dispute_ids)


async def _end_of_case(tx: Tx, event: Event[events_pb2.IncidentCaseEnded], _cause: Cause) -> None:
    body = event.body
    await store_incidents.note_outcome(tx, event.tenant, body.incident_id, body.dispute_id, body.outcome)


async def _tell_again(_tx: Tx, _event: Event[events_pb2.IncidentMoved], _cause: Cause) -> None:
    """What an account was told of an incident leaves no row of ours."""


async def _set_policy(tx: Tx, event: Event[events_pb2.PolicyChanged], _cause: Cause) -> None:
    policy = replace(wire.policy(event.body.policy), version=event.body.version)
    await store.add_policy(tx, event.tenant, policy, event.origin.actor)


def _claim(state: State, amount: int, credit: int | None, *, in_kind: bool) -> int:
    """What counts against the invoice (`Dispute.claim`)."""
    if state in CONTESTED or (state is State.RESOLVING and in_kind):
        return amount
    return credit or 0 if state is State.RESOLVING else 0


async def _contest(tx: Tx, event: Event[Any], change: int) -> None:
    if not change:
        return
    known = await tx.run(
        "UPDATE invoice SET disputed_minor = disputed_minor + %s WHERE tenant = %s AND invoice_id = %s",
        [change, event.tenant, event.body.invoice_id],
    )
    if not known:
        raise LookupError("the invoice is not there")


async def _remember(tx: Tx, event: Event[Any], nth: int, step: tuple[State, Action, State]) -> None:
    before, action, after = step
    await tx.run(
        """INSERT INTO dispute_move (tenant, dispute_id, nth, action, from_state, to_state, amount_minor, missing, actor,
                                     reason, at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, '', %s, '', %s)""",
        [
            event.tenant,
            event.body.dispute_id,
            nth,
            action.value,
            before.value,
            after.value,
            event.body.amount.minor,
            event.origin.actor,
            tx.at,
        ],
    )


def _state(said: events_pb2.State.ValueType) -> State:
    return State(events_pb2.State.Name(said).removeprefix("STATE_"))


FOLD = Fold(
    own={
        events_pb2.DisputeOpened: _open,
        events_pb2.DisputeChecked: _check,
        events_pb2.DisputeMoved: _move,
        events_pb2.DisputeChanged: _change,
        events_pb2.DisputeAtRisk: _risk,
        events_pb2.DisputeLate: _late,
        events_pb2.DisputeCellSet: _cell,
        events_pb2.DisputeResolved: _resolve,
        events_pb2.PolicyChanged: _set_policy,
        events_pb2.ResponseReceived: _respond,
        events_pb2.ActionOpened: _open_action,
        events_pb2.ActionMoved: _move_action,
        events_pb2.IncidentChanged: _change_incident,
        events_pb2.IncidentJoined: _join_incident,
        events_pb2.IncidentCaseEnded: _end_of_case,
        events_pb2.IncidentMoved: _tell_again,
        **standing.fold(wire.STANDING),
    },
    remembered=frozenset(
        {
            orders_pb2.OrderPlaced,
            orders_pb2.OrderShipped,
            orders_pb2.GoodsReceived,
            invoicing_pb2.InvoiceIssued,
            invoicing_pb2.SellerChanged,
            invoicing_pb2.ContractSet,
            ledger_pb2.PaymentReceived,
            ledger_pb2.CashUnapplied,
            notifications_pb2.ContactErased,
            notifications_pb2.ContactSucceeded,
        }
    ),
    again=frozenset({invoicing_pb2.CreditNoteIssued, invoicing_pb2.ReplacementShipped, ledger_pb2.ItemReduced}),
)
