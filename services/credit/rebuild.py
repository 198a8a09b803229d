"""Credit's tables as they follow from what it told: decisions stand as they were taken, and no limit is asked again."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from receivables.credit.v1 import applications_pb2, events_pb2
from receivables.invoicing.v1 import events_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.notifications.v1 import events_pb2 as notifications_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services import contracts, standing
from services.chassis.database import Tx
from services.chassis.envelope import Event, is_who
from services.chassis.parked import Reason
from services.chassis.rebuild import Fold, nothing
from services.credit import store, usecases, wire, wire_applications, wire_reviews
from services.credit.domain import habits, suspicions
from services.credit.domain.book import Book
from services.credit.domain.holds import expiry
from services.credit.domain.limits import Uplift
from services.credit.domain.looks import Cleared
from services.credit.domain.policy import Policy
from services.credit.domain.step_ups import CallBack
from services.credit.domain.tree import moved, new_node
from services.kernel.calendars import day

Cause = Event[Any] | None

_OUTCOMES = {
    events_pb2.OUTCOME_APPROVED: ("APPROVED", "HELD"),
    events_pb2.OUTCOME_REFERRED: ("REFERRED", "REFERRED"),
    events_pb2.OUTCOME_DECLINED: ("DECLINED", "REFUSED"),
}


async def _register(tx: Tx, event: Event[events_pb2.BuyerRegistered], _cause: Cause) -> None:
    body = event.body
    company = body.company.SerializeToString(deterministic=True)
    await tx.run(
        """INSERT INTO account (tenant, account_id, company, currency, limit_minor, registered_at)
           VALUES (%s, %s, %s, %s, %s, %s)""",
        [event.tenant, body.account_id, company, body.limit.currency, body.limit.minor, tx.at],
    )


async def _change(tx: Tx, event: Event[events_pb2.BuyerChanged], _cause: Cause) -> None:
    await tx.run(
        "UPDATE account SET company = %s WHERE tenant = %s AND account_id = %s",
        [event.body.company.SerializeToString(deterministic=True), event.tenant, event.body.account_id],
    )


async def _limit(tx: Tx, event: Event[events_pb2.LimitChanged], _cause: Cause) -> None:
    """What was granted is told on its own; where that was not done yet, this is what was granted."""
    body, key = event.body, (event.tenant, event.body.account_id)
    if not body.HasField("granted"):
        await store.add_grant(tx, key, body.limit.minor, tx.at, tx.at)
    at = _time(body.at) if body.HasField("at") else tx.at
    known = (await store.find_limits(tx, [key], at))[key]
    await store.save_limit(tx, key, body.limit.minor, known.until(at))


async def _grant(tx: Tx, event: Event[events_pb2.LimitGranted], _cause: Cause) -> None:
    body, key = event.body, (event.tenant, event.body.account_id)
    await store.add_grant(tx, key, body.limit.minor, _time(body.valid_from), _time(body.known_from))
    await _settle(tx, key, _time(body.known_from))


async def _ask(tx: Tx, event: Event[events_pb2.UpliftAsked], _cause: Cause) -> None:
    body = event.body
    uplift = Uplift(
        tenant=event.tenant,
        uplift_id=body.uplift_id,
        account_id=body.account_id,
        amount=contracts.money(body.amount),
        valid_from=_time(body.valid_from) if body.HasField("valid_from") else None,
        valid_until=_time(body.valid_until),
        reason_code=body.reason_code,
        asked_by=event.origin.actor,
    )
    await store.add_uplift(tx, uplift)


async def _approve(tx: Tx, event: Event[events_pb2.UpliftGranted], _cause: Cause) -> None:
    body, at = event.body, _time(event.body.approved_at)
    found = await store.find_uplift(tx, (event.tenant, body.uplift_id))
    assert found is not None, "it was asked for"
    approved = replace(found[0], approved_by=event.origin.actor, valid_from=_time(body.valid_from))
    await store.approve_uplift(tx, approved, at)
    await _settle(tx, (event.tenant, body.account_id), at)


async def _end(tx: Tx, event: Event[events_pb2.UpliftEnded], _cause: Cause) -> None:
    body, at = event.body, _time(event.body.ended_at)
    await store.end_uplift(tx, (event.tenant, body.uplift_id), at)
    await _settle(tx, (event.tenant, body.account_id), at)


async def _settle(tx: Tx, key: store.Key, at: datetime) -> None:
    """What may be owed since that instant."""
    known = (await store.find_limits(tx, [key], at))[key]
    await store.save_limit(tx, key, known.effective(at), known.until(at))


async def _decide(tx: Tx, event: Event[events_pb2.CreditDecided], cause: Cause) -> None:
    """A version's first answer makes its hold and ends the version before it; a person's answer moves the hold."""
    body = event.body
    outcome, state = _OUTCOMES[body.outcome]
    held = body.amount.minor if outcome == "APPROVED" else 0
    by_person = "by_person" in body.reasons
    if by_person:
        await tx.run(
            """UPDATE hold SET state = %s, held_minor = %s, expires_at = CASE WHEN %s THEN %s ELSE expires_at END,
                               taken_minor = %s, taken_currency = %s
                WHERE tenant = %s AND order_id = %s AND version = %s""",
            [
                *(state, held, held > 0, _end_of_hold(body)),
                *_taken(body),
                *(event.tenant, body.order_id, body.version),
            ],
        )
    else:
        await _place(tx, event, cause, state, held)
    await tx.run(
        """INSERT INTO decision (tenant, decision_id, order_id, version, account_id, outcome, reasons, decided_by, currency,
                                 amount_minor, headroom_minor, headroom_currency, expires_at, decided_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            event.tenant,
            body.decision_id,
            body.order_id,
            body.version,
            body.account_id,
            outcome,
            list(body.reasons),
            event.origin.actor if by_person else "engine",
            body.amount.currency,
            body.amount.minor,
            body.headroom.minor if body.HasField("headroom") else None,
            body.headroom.currency if body.headroom.currency not in ("", body.amount.currency) else None,
            _end_of_hold(body),
            tx.at,
        ],
    )
    if held:
        await _note_open(tx, event)
        taken = body.reserved.minor if body.HasField("reserved") else held
        await _move(tx, event, f"hold order/{body.order_id}/{body.version}", taken)
    await _keep_habit(tx, event, by_person=by_person)
    if by_person:
        await store.close_checks(tx, [(event.tenant, body.order_id, body.version)], tx.at)


async def _keep_habit(tx: Tx, event: Event[events_pb2.CreditDecided], *, by_person: bool) -> None:
    """What the account's next orders are compared with; of a version before this one an order that was told has no day."""
    body, key = event.body, (event.tenant, event.body.account_id)
    if not by_person and (not body.placed_on or body.outcome == events_pb2.OUTCOME_DECLINED):
        return
    habit = await store.find_habit(tx, key)
    approved = body.outcome == events_pb2.OUTCOME_APPROVED
    if not by_person and not approved:
        account = (await store.read_accounts(tx, [key]))[key]
        if body.amount.currency != account.limit.currency:
            return  # what it would take is told of none that waits
    if by_person:
        changed = habits.settle(habit, habits.mark(body.account_id, body.order_id), approved=approved)
    else:
        changed = habits.note(habit, suspicions.kept(wire.seen(body), approved=approved))
    if changed or habit:
        await store.save_habit(tx, key, changed)


async def _signal(tx: Tx, event: Event[events_pb2.FraudSignalled], _cause: Cause) -> None:
    """What a rule saw is on no topic: that it struck is kept, and that the order waits."""
    body = event.body
    if not body.order_id:
        return
    version = (event.tenant, body.order_id, body.version)
    await store.add_hits(tx, [(version, body.account_id, wire.hit(body))], tx.at)
    if body.HasField("latest_by"):
        await store.add_to_check(tx, wire.check_of(event.tenant, body, tx.at))


async def _move_check(tx: Tx, event: Event[events_pb2.OrderCheckMoved], _cause: Cause) -> None:
    body = event.body
    check = await store.find_check(tx, (event.tenant, body.order_id))
    assert check is not None, "it was begun"
    await store.save_check(tx, wire.check_after(check, body, event.origin.actor))


async def _count_rule(tx: Tx, event: Event[events_pb2.FraudRuleChanged], _cause: Cause) -> None:
    await store.save_fraud_rule(tx, wire.fraud_rule(event.tenant, event.body))


async def _note_open(tx: Tx, event: Event[events_pb2.CreditDecided]) -> None:
    """What was owed and held after it: what it left of the limit of then is told."""
    body, key = event.body, (event.tenant, event.body.account_id)
    account = (await store.read_accounts(tx, [key]))[key]
    if body.HasField("headroom"):
        await store.note_open(tx, key, account.limit.minor - body.headroom.minor)


async def _place(tx: Tx, event: Event[events_pb2.CreditDecided], cause: Cause, state: str, held: int) -> None:
    body = event.body
    version = [event.tenant, body.order_id, body.version]
    await tx.run(
        """UPDATE order_check SET closed_at = %s
            WHERE tenant = %s AND order_id = %s AND version < %s AND closed_at IS NULL""",
        [tx.at, *version],
    )
    # One that held nothing, since a person was to decide it, is replaced without a word.
    await tx.run(
        """UPDATE hold SET state = 'RELEASED', held_minor = 0
            WHERE tenant = %s AND order_id = %s AND version < %s AND state IN ('REFERRED', 'HELD')""",
        version,
    )
    await tx.run(
        "INSERT INTO order_of (tenant, order_id, account_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [event.tenant, body.order_id, body.account_id],
    )
    # What has shipped before it was decided is never given back by the clock.
    has_shipped = await tx.row(
        "SELECT FROM shipment WHERE tenant = %s AND order_id = %s AND account_id = %s LIMIT 1",
        [event.tenant, body.order_id, body.account_id],
    )
    await tx.run(
        """INSERT INTO hold (tenant, order_id, version, account_id, state, currency, amount_minor, held_minor,
                             captured_minor, expires_at, site, cost_centre, purchase_order, seller_id, placed_by,
                             requested_by, taken_minor, taken_currency)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 0, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            *version,
            body.account_id,
            state,
            body.amount.currency,
            body.amount.minor,
            held,
            None if held and has_shipped is not None else _lapses_at(event, cause),
            body.scope.site,
            body.scope.cost_centre,
            body.scope.purchase_order,
            body.seller_id,
            event.origin.actor,
            body.requested_by,
            *_taken(body),
        ],
    )


def _taken(body: events_pb2.CreditDecided) -> tuple[int, str] | tuple[None, None]:
    """What a hold took of its account, where that is in another currency."""
    return (body.reserved.minor, body.reserved.currency) if body.HasField("reserved") else (None, None)


def _lapses_at(event: Event[events_pb2.CreditDecided], cause: Cause) -> datetime:
    """When the order's wish lapses; told before it had a field of its own, it follows from the order's promise."""
    body = event.body
    if body.HasField("lapses_at"):
        return _time(body.lapses_at)
    if body.HasField("hold_expires_at"):
        return _time(body.hold_expires_at)
    promised = event.at.date()
    if cause is not None and isinstance(cause.body, orders_pb2.OrderPlaced):
        promised = day(cause.body.promised_ship_on, what="promised_ship_on")
    return expiry(promised, Policy().hold_days, UTC)


async def _release(tx: Tx, event: Event[events_pb2.HoldReleased], _cause: Cause) -> None:
    """A version gives way to the next; what an invoice, a cancellation or a refusal gives back is written with that."""
    if event.body.cause == events_pb2.RELEASE_CAUSE_REPLACED:
        await _give_back(tx, event, "RELEASED", "replaced")


async def _expire(tx: Tx, event: Event[events_pb2.HoldExpired], _cause: Cause) -> None:
    await _give_back(tx, event, "EXPIRED", "expired")


async def _give_back(tx: Tx, event: Event[Any], state: str, word: str) -> None:
    body = event.body
    if (hold := await store.find_hold(tx, (event.tenant, body.order_id), body.version)) is None:
        raise LookupError("the hold is not there")
    await tx.run(
        "UPDATE hold SET state = %s, held_minor = 0 WHERE tenant = %s AND order_id = %s AND version = %s",
        [state, event.tenant, body.order_id, body.version],
    )
    await store.close_checks(tx, [(event.tenant, body.order_id, body.version)], tx.at)
    if body.amount.minor:
        await _move(tx, event, f"{word} order/{body.order_id}/{body.version}", -hold.part(contracts.money(body.amount)))


async def _move(tx: Tx, event: Event[Any], why: str, held: int) -> None:
    """Change what the account, and with it its path, holds, with its cause."""
    key = (event.tenant, event.body.account_id)
    book = await store.open_book(tx, [key], ())
    book.change(key, held=held)
    await _save(tx, book, store.Movement(key, why, held=held))


async def _save(tx: Tx, book: Book, *movements: store.Movement) -> None:
    """Write what accounts, and nodes with them, use and hold now."""
    accounts = [book.accounts[key] for key in book.changed]
    nodes = [book.nodes[key] for key in book.changed_nodes]
    await store.save(tx, accounts, [], movements, at=book.at, nodes=nodes)


async def _set_rates(tx: Tx, event: Event[events_pb2.RatesSet], _cause: Cause) -> None:
    await store.set_rates(tx, event.tenant, event.body.version, [wire.rate(rate) for rate in event.body.rates])


async def _value(tx: Tx, event: Event[events_pb2.ExposureValued], _cause: Cause) -> None:
    """What is in other currencies is worth what was told then, whatever is known by now."""
    body, key = event.body, (event.tenant, event.body.account_id)
    book = await store.open_book(tx, [key], ())
    before = book.accounts[key]
    used = body.used.minor - before.used.minor
    abroad = {one.owed.currency: (one.owed.minor, one.valued.minor) for one in body.abroad}
    account = replace(before, used=contracts.money(body.used), abroad=abroad, valued=body.version)
    if body.HasField("group_used"):
        account = replace(account, group_used=body.group_used.minor, group_held=body.group_held.minor)
    book.accounts[key] = account
    book.changed.add(key)
    for node in moved(before, account, list(book.nodes.values())):
        book.nodes[(node.tenant, node.node_id)] = node
        book.changed_nodes.add((node.tenant, node.node_id))
    await _save(tx, book, *([store.Movement(key, f"valued {body.version}", used=used)] if used else []))


async def _stop(tx: Tx, event: Event[events_pb2.HoldPlaced], _cause: Cause) -> None:
    body = event.body
    await tx.run(
        """INSERT INTO account_hold (tenant, hold_id, account_id, site, cost_centre, purchase_order, reason_code, reason,
                                     owner, until, placed_at, placed_by)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        [
            event.tenant,
            body.hold_id,
            body.account_id,
            body.scope.site,
            body.scope.cost_centre,
            body.scope.purchase_order,
            body.reason_code,
            "",
            body.owner if is_who(body.owner) else "",
            _time(body.until) if body.HasField("until") else None,
            tx.at,
            event.origin.actor,
        ],
    )


async def _lift(tx: Tx, event: Event[events_pb2.HoldLifted], _cause: Cause) -> None:
    await tx.run(
        "UPDATE account_hold SET lifted_at = %s, lifted_by = %s WHERE tenant = %s AND hold_id = %s",
        [tx.at, event.origin.actor, event.tenant, event.body.hold_id],
    )


async def _know_node(tx: Tx, event: Event[events_pb2.NodeChanged], _cause: Cause) -> None:
    body = event.body
    parent = await store.find_node(tx, (event.tenant, body.parent_id)) if body.parent_id else None
    node = new_node(event.tenant, body.node_id, wire.node_kind(body.kind), contracts.money(body.limit), parent)
    key = (event.tenant, body.node_id)
    if await store.add_node(tx, node):
        return
    at = _time(body.at) if body.HasField("at") else tx.at
    if not body.HasField("at"):
        await store.add_grant(tx, key, body.limit.minor, at, at, of=store.OF_NODE)
    await _settle_node(tx, key, at)


async def _grant_node(tx: Tx, event: Event[events_pb2.NodeLimitGranted], _cause: Cause) -> None:
    body, key = event.body, (event.tenant, event.body.node_id)
    at = _time(body.known_from)
    await store.add_grant(tx, key, body.limit.minor, _time(body.valid_from), at, of=store.OF_NODE)
    await _settle_node(tx, key, at)


async def _settle_node(tx: Tx, key: store.Key, at: datetime) -> None:
    """What may be owed together since that instant."""
    known = (await store.find_node_limits(tx, [key], at))[key]
    await store.save_limit(tx, key, known.effective(at), known.until(at), store.OF_NODE)


async def _place_in_tree(tx: Tx, event: Event[events_pb2.AccountMoved], _cause: Cause) -> None:
    """What the account uses and holds goes with it."""
    body, key = event.body, (event.tenant, event.body.account_id)
    await usecases.place_in_tree(tx, (await store.lock_accounts(tx, [key]))[key], body.path)


async def _secure(tx: Tx, event: Event[events_pb2.SecurityChanged], _cause: Cause) -> None:
    if event.body.ended:
        await store.end_security(tx, (event.tenant, event.body.security_id))
        return
    security = wire.security_said(event.tenant, event.body, tx.at)
    if not await store.add_security(tx, security):
        await store.change_security(tx, security)


async def _propose_review(tx: Tx, event: Event[events_pb2.ReviewProposed], _cause: Cause) -> None:
    await store.add_review(tx, wire_reviews.review(event))


async def _end_review(tx: Tx, event: Event[events_pb2.ReviewEnded], _cause: Cause) -> None:
    body = event.body
    found = await store.find_review(tx, (event.tenant, body.review_id))
    assert found is not None, "it was proposed"
    ended = replace(
        found,
        state=wire_reviews.STATES[body.end],
        limit=contracts.money(body.limit),
        ended_at=tx.at,
        counts_from=_time(body.counts_from) if body.HasField("counts_from") else None,
        prepared_by=body.prepared_by,
        prepared=contracts.money(body.limit) if body.prepared_by else None,
    )
    await store.save_review(tx, ended, event.origin.actor)


async def _set_policy(tx: Tx, event: Event[events_pb2.PolicyChanged], _cause: Cause) -> None:
    before = (await store.get_policy(tx, event.tenant))[1]
    policy = wire.policy(event.body.policy, before)
    await store.add_policy(tx, event.tenant, event.body.version, policy, event.origin.actor)


async def _move_application(tx: Tx, event: Event[events_pb2.ApplicationMoved], _cause: Cause) -> None:
    """Where an application stands. What one person decided and another has not confirmed is gone, and decided again."""
    body = event.body
    state = applications_pb2.ApplicationState.Name(body.state).removeprefix("APPLICATION_STATE_")
    track = applications_pb2.Track.Name(body.track).removeprefix("TRACK_") if body.track else None
    await tx.run(
        """INSERT INTO application AS a (tenant, application_id, account_id, country, currency, state, track, started_by,
                                         started_at, submitted_at, owner, usually_by, latest_by, asked_at, decision_id,
                                         decided_by, appealed_by)
           VALUES (%(tenant)s, %(id)s, %(account)s, %(country)s, %(currency)s, %(state)s, %(track)s, %(actor)s, %(at)s, NULL,
                   %(owner)s, %(usually)s, %(latest)s, NULL, '', '', '')
           ON CONFLICT (tenant, application_id) DO UPDATE
             SET state = EXCLUDED.state, track = EXCLUDED.track, owner = EXCLUDED.owner, usually_by = EXCLUDED.usually_by,
                 latest_by = EXCLUDED.latest_by,
                 submitted_at = CASE WHEN EXCLUDED.state = 'SUBMITTED' THEN coalesce(a.submitted_at, %(at)s)
                                     ELSE a.submitted_at END,
                 asked_at = CASE WHEN EXCLUDED.state = 'WAITING_FOR_FACTS' THEN coalesce(a.asked_at, %(at)s) END,
                 appealed_by = CASE WHEN EXCLUDED.state = 'APPEALED' THEN %(actor)s ELSE a.appealed_by END""",
        {
            "tenant": event.tenant,
            "id": body.application_id,
            "account": body.account_id,
            "country": body.country,
            "currency": body.currency,
            "state": "IN_REVIEW" if state == "PROPOSED" else state,
            "track": track,
            "actor": event.origin.actor,
            "at": tx.at,
            "owner": body.owner,
            "usually": _time(body.usually_by) if body.HasField("usually_by") else None,
            "latest": _time(body.latest_by) if body.HasField("latest_by") else None,
        },
    )


async def _decide_application(tx: Tx, event: Event[events_pb2.ApplicationDecided], _cause: Cause) -> None:
    """What the applicant was told; the facts of then are gone."""
    body = event.body
    told = body.decision
    record = applications_pb2.DecisionRecord(
        told=told, policy_id=body.policy_id, inputs_hash=body.inputs_hash, result_hash=body.result_hash
    )
    await tx.run(
        """INSERT INTO application_decision (tenant, decision_id, application_id, account_id, nth, policy_id, outcome,
                                             prepared_by, confirmed_by, record, snapshot, decided_at, promised_by)
           SELECT %s, %s, %s, %s, 1 + coalesce(max(nth), 0), %s, %s, %s, '', %s, '', %s, %s
             FROM application_decision WHERE tenant = %s AND application_id = %s""",
        [
            event.tenant,
            told.decision_id,
            body.application_id,
            body.account_id,
            body.policy_id,
            applications_pb2.ApplicationOutcome.Name(told.outcome).removeprefix("APPLICATION_OUTCOME_"),
            told.decided_by,
            record.SerializeToString(deterministic=True),
            _time(told.decided_at),
            _time(body.promised_by) if body.HasField("promised_by") else None,
            event.tenant,
            body.application_id,
        ],
    )
    await tx.run(
        """UPDATE application SET decision_id = %s, decided_by = %s, valid_until = %s
            WHERE tenant = %s AND application_id = %s""",
        [told.decision_id, told.decided_by, _time(told.valid_until), event.tenant, body.application_id],
    )


async def _call_back(tx: Tx, event: Event[events_pb2.CallBackRecorded], _cause: Cause) -> None:
    """That there was a call, and whose: the number, and who answered, are on no topic."""
    body = event.body
    call = CallBack(
        call_back_id=body.call_back_id,
        application_id=body.application_id,
        account_id=body.account_id,
        number="",
        number_source=wire_applications.word_of(applications_pb2.NumberSource, body.source_of_number),
        spoke_with="",
        outcome=wire_applications.word_of(applications_pb2.CallBackOutcome, body.outcome),
        ship_to=body.ship_to,
        recorded_by=event.origin.actor,
        recorded_at=tx.at,
    )
    await store.add_call_back(tx, event.tenant, call)


async def _clear_match(tx: Tx, event: Event[events_pb2.MatchCleared], _cause: Cause) -> None:
    body, actor = event.body, event.origin.actor
    pair = (body.list, body.entry_id, body.name)
    earlier = {one.pair: one for one in await store.cleared_of(tx, event.tenant, body.account_id)}.get(pair)
    at = tx.at if body.cleared else None
    said = replace(earlier, confirmed_by=actor, cleared_at=at) if earlier else Cleared(pair, actor, "", at)
    await store.clear(tx, event.tenant, body.account_id, said)


async def _propose_policy_text(tx: Tx, event: Event[events_pb2.PolicyTextProposed], _cause: Cause) -> None:
    await store.add_policy_text(tx, event.tenant, event.body.policy_id, event.body.text, event.origin.actor)


async def _activate_policy_text(tx: Tx, event: Event[events_pb2.PolicyTextActivated], _cause: Cause) -> None:
    proposed = await store.find_policy_text(tx, event.tenant, event.body.policy_id)
    if proposed is None:
        raise LookupError("the policy is not there")
    await store.activate_policy_text(tx, event.tenant, proposed, event.origin.actor)


def _end_of_hold(body: events_pb2.CreditDecided) -> datetime | None:
    return _time(body.hold_expires_at) if body.HasField("hold_expires_at") else None


def _time(said: Timestamp) -> datetime:
    return said.ToDatetime(UTC)


def _refused(event: Event[events_pb2.OrderRefused]) -> Reason:
    return Reason("refused", event.body.code, event.body.message)


FOLD = Fold(
    own={
        events_pb2.BuyerRegistered: _register,
        events_pb2.BuyerChanged: _change,
        events_pb2.LimitChanged: _limit,
        events_pb2.LimitGranted: _grant,
        events_pb2.UpliftAsked: _ask,
        events_pb2.UpliftGranted: _approve,
        events_pb2.UpliftEnded: _end,
        events_pb2.CreditDecided: _decide,
        events_pb2.HoldCaptured: nothing,
        events_pb2.HoldReleased: _release,
        events_pb2.HoldExpired: _expire,
        events_pb2.LimitExceeded: nothing,
        events_pb2.OrderRefused: nothing,
        events_pb2.HoldPlaced: _stop,
        events_pb2.HoldLifted: _lift,
        events_pb2.PolicyChanged: _set_policy,
        events_pb2.ApplicationMoved: _move_application,
        events_pb2.ApplicationDecided: _decide_application,
        # What was known is on no topic: it is asked again.
        events_pb2.FactWanted: nothing,
        events_pb2.FactGiven: nothing,
        events_pb2.FraudSignalled: _signal,
        events_pb2.OrderCheckMoved: _move_check,
        events_pb2.FraudRuleChanged: _count_rule,
        events_pb2.CallBackRecorded: _call_back,
        events_pb2.MatchCleared: _clear_match,
        events_pb2.PolicyTextProposed: _propose_policy_text,
        events_pb2.PolicyTextActivated: _activate_policy_text,
        events_pb2.ReviewProposed: _propose_review,
        events_pb2.ReviewEnded: _end_review,
        events_pb2.NodeChanged: _know_node,
        events_pb2.NodeLimitGranted: _grant_node,
        events_pb2.AccountMoved: _place_in_tree,
        events_pb2.SecurityChanged: _secure,
        **standing.fold(wire.STANDING),
        events_pb2.RatesSet: _set_rates,
        events_pb2.ExposureValued: _value,
    },
    remembered=frozenset(
        {
            orders_pb2.OrderShipped,
            ledger_pb2.ItemReduced,
            ledger_pb2.CreditKept,
            ledger_pb2.PaymentReceived,
            ledger_pb2.CashApplied,
            ledger_pb2.CashUnapplied,
            invoicing_pb2.SellerChanged,
            notifications_pb2.ContactErased,
        }
    ),
    # What an invoice takes, and a cancellation or a refusal gives back, follows from the hold as it stood.
    again=frozenset(
        {
            ledger_pb2.ItemOpened,
            orders_pb2.OrderCancelled,
            invoicing_pb2.ShipmentRefused,
            notifications_pb2.ContactSucceeded,
        }
    ),
    refusals={events_pb2.OrderRefused: _refused},
)
