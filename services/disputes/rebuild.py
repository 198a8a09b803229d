"""Cases as they follow from what was told of them: each step as it was told; what people wrote and added alone is gone."""

from dataclasses import replace
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
from services.disputes import store, store_checks, wire, wire_checks
from services.disputes.domain import invoices, portions
from services.disputes.domain.cases import CONTESTED, MOVES, Action, State
from services.kernel.money import Money

Cause = Event[Any] | None

# The one action that leads from one state to another.
_ACTIONS = {(before, after): action for (before, action), after in MOVES.items()}


async def _open(tx: Tx, event: Event[events_pb2.DisputeOpened], _cause: Cause) -> None:
    body = event.body
    await tx.run(
        """INSERT INTO dispute (tenant, dispute_id, invoice_id, account_id, reason_code, description, amount_minor, state,
                                moves, opened_by, opened_at, answer_by, credit_note_number, number)
           VALUES (%s, %s, %s, %s, %s, '', %s, 'SUBMITTED', 1, %s, %s, %s, '', %s)""",
        [
            event.tenant,
            body.dispute_id,
            body.invoice_id,
            body.account_id,
            body.reason_code,
            body.amount.minor,
            event.origin.actor,
            tx.at,
            body.answer_by,
            body.number,
        ],
    )
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
                              number = coalesce(nullif(%s, ''), number)
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
            event.tenant,
            body.dispute_id,
        ],
    )
    await _count(tx, event.tenant, body.number)
    claimed = _claim(before, case.amount_minor, case.credit_minor)
    await _contest(tx, event, _claim(after, body.amount.minor, credit) - claimed)
    await _remember(tx, event, case.moves + 1, (before, action, after))


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


async def _credit(tx: Tx, event: Event[events_pb2.DisputeResolved]) -> None:
    """Keep what is credited of the invoice by rate, as it is divided where a case is resolved."""
    body = event.body
    key = (event.tenant, body.invoice_id)
    lines = await store.lines_of(tx, key)
    credit = contracts.money(body.credit)
    known, credited_minor = await store.credited_by_rate(tx, key)
    before = invoices.with_unknown(known, Money(credited_minor, credit.currency), lines)
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


async def _set_policy(tx: Tx, event: Event[events_pb2.PolicyChanged], _cause: Cause) -> None:
    policy = replace(wire.policy(event.body.policy), version=event.body.version)
    await store.add_policy(tx, event.tenant, policy, event.origin.actor)


def _claim(state: State, amount: int, credit: int | None) -> int:
    """What counts against the invoice: all while it is contested, the credit until its credit note is there."""
    if state in CONTESTED:
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
        events_pb2.DisputeResolved: _resolve,
        events_pb2.PolicyChanged: _set_policy,
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
            ledger_pb2.ItemReduced,
            ledger_pb2.PaymentReceived,
            ledger_pb2.CashUnapplied,
            notifications_pb2.ContactErased,
        }
    ),
    again=frozenset({invoicing_pb2.CreditNoteIssued}),
)
