"""Translates credit's words to and from the contracts."""

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from receivables.common.v1 import party_pb2
from receivables.credit.v1 import events_pb2, exposure_pb2, service_pb2
from receivables.ledger.v1 import events_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services import contracts, standing
from services.chassis.envelope import Event, Origin, is_who
from services.credit.domain import conduct
from services.credit.domain.account_holds import AccountHold
from services.credit.domain.accounts import Account
from services.credit.domain.balances import Told
from services.credit.domain.checks import Check, Overdue
from services.credit.domain.decisions import Answered, Outcome, Recorded, Request
from services.credit.domain.exposure import Component, components
from services.credit.domain.fraud_rules import FraudRule
from services.credit.domain.habits import mark
from services.credit.domain.holds import Hold
from services.credit.domain.identity.places import place
from services.credit.domain.limits import Uplift
from services.credit.domain.policy import Policy
from services.credit.domain.promises import Promise
from services.credit.domain.rates import Rate
from services.credit.domain.securities import Security, SecurityKind, secured
from services.credit.domain.suspicions import CHECKED, REASONS, SHADOW, SUSPICIONS, Hit, Seen
from services.credit.domain.tree import Kind, Node
from services.kernel.calendars import day
from services.kernel.countries import check_country
from services.kernel.money import Money, decimal
from services.kernel.orders import Scope, check_billable
from services.kernel.refusals import Invalid
from services.kernel.standing import Kind as Approved

STANDING = standing.Words(
    kinds=frozenset({Approved.RELEASE_ORDER, Approved.UPLIFT}),
    proposed=events_pb2.StandingApprovalProposed,
    granted=events_pb2.StandingApprovalGranted,
    revoked=events_pb2.StandingApprovalRevoked,
    used=events_pb2.StandingApprovalUsed,
)
_OUTCOMES = {
    Outcome.APPROVED: events_pb2.OUTCOME_APPROVED,
    Outcome.REFERRED: events_pb2.OUTCOME_REFERRED,
    Outcome.DECLINED: events_pb2.OUTCOME_DECLINED,
}


def request_of_order(event: Event[orders_pb2.OrderPlaced]) -> Request:
    """An order's wish for credit; raises Invalid if the order makes no sense."""
    order = contracts.order(event.body)
    if order.account_id != event.account_id:
        raise Invalid("order.account_mismatch", "the order's account is not the one in the key")
    return Request(
        tenant=event.tenant,
        account_id=order.account_id,
        order_id=order.order_id,
        version=order.version,
        amount=order.gross,
        promised_ship_on=order.promised_ship_on,
        scope=order.scope,
        seller_id=event.body.seller_id,
        placed_by=event.origin.actor,
        requested_by=order.requested_by,
        placed_on=order.placed_on,
        place=mark(order.account_id, place(order.ship_to)) if order.ship_to else 0,
        categories=frozenset(line.category for line in order.lines if line.category),
    )


def request_of_call(call: Origin, message: service_pb2.DecideRequest) -> Request:
    """A checkout's wish for credit."""
    amount = contracts.money(message.amount)
    if not message.order_id or not message.account_id or message.version < 1:
        raise Invalid("order.incomplete", "an order needs an id, an account and a version of 1 or more")
    if amount.minor <= 0:
        raise Invalid("order.amount_not_positive", "an order's gross must be above zero")
    check_billable(amount)
    ship_to = contracts.address(message.ship_to).check() if message.HasField("ship_to") else None
    return Request(
        tenant=call.tenant,
        account_id=message.account_id,
        order_id=message.order_id,
        version=message.version,
        amount=amount,
        promised_ship_on=day(message.promised_ship_on, what="promised_ship_on") if message.promised_ship_on else None,
        scope=contracts.scope(message.scope),
        seller_id=message.seller_id,
        placed_by=call.actor,
        requested_by=message.requested_by,
        place=mark(message.account_id, place(ship_to)) if ship_to else 0,
        categories=frozenset(line.category for line in message.lines if line.category),
    )


def currencies(body: Message) -> Set[str]:
    """The currencies of which an event speaks that changes what an account uses or holds."""
    if isinstance(body, orders_pb2.OrderPlaced):
        return {body.currency}
    amount = {body.amount.currency} if "amount" in body.DESCRIPTOR.fields_by_name else set()  # type: ignore[attr-defined]
    return amount | {_currency(one) for one in getattr(body, "after", ())}


def owed_abroad(event: Event[Any], currency: str) -> dict[str, int] | None:
    """What an event of the ledger says is owed in other currencies than the account's, in minor units; None: nothing."""
    if not event.body.after or event.sequence is None:
        return None
    others = [standing for standing in event.body.after if _currency(standing) != currency]
    return {_currency(s): s.open.minor - s.unapplied.minor - s.credits.minor for s in others}


def told(event: Event[Any], currency: str, adds_minor: int) -> Told:
    """What an event of the ledger says that an account uses, in the account's currency alone; in a currency that is not
    among its balances the account uses nothing."""
    if not event.body.after:
        return Told(event.sequence, None, adds_minor)
    ours = [standing for standing in event.body.after if _currency(standing) == currency]
    unapplied, kept = sum(s.unapplied.minor for s in ours), sum(s.credits.minor for s in ours)
    used = sum(s.open.minor for s in ours) - unapplied - kept
    return Told(event.sequence, used, adds_minor, unapplied, kept)


def told_of_item(event: Event[Any]) -> conduct.Told | None:
    """What an event of the ledger says of one invoice; None: nothing."""
    body = event.body
    open_minor: int | None
    match body:
        case ledger_pb2.ItemOpened():
            word, open_minor = conduct.Word.OPENED, body.amount.minor
        case ledger_pb2.ItemReduced():
            is_paid = body.by == ledger_pb2.REDUCTION_PAID
            word, open_minor = conduct.Word.PAID if is_paid else conduct.Word.CREDITED, body.open.minor
        case ledger_pb2.CashUnapplied():
            word, open_minor = conduct.Word.UNAPPLIED, None
        case _:
            return None
    due, effective = getattr(body, "due_date", ""), getattr(body, "effective_on", "")
    return conduct.Told(
        tenant=event.tenant,
        invoice_id=body.invoice_id,
        account_id=body.account_id,
        word=word,
        amount=contracts.money(body.amount),
        sequence=event.sequence,
        open_minor=open_minor,
        due_on=day(due, what="due_date") if due else None,
        # Versions of the ledger that did not tell it told it on the day.
        effective_on=day(effective, what="effective_on") if effective else event.at.date(),
    )


def _currency(standing: ledger_pb2.Standing) -> str:
    return standing.open.currency or standing.unapplied.currency or standing.credits.currency


def account_hold(tenant: str, message: service_pb2.PlaceHoldRequest) -> AccountHold:
    """A hold on an account, as somebody wishes it."""
    until = None
    if message.HasField("until"):
        try:
            until = message.until.ToDatetime(UTC)
        except (ValueError, OverflowError):
            raise Invalid("hold.until_out_of_range", "no calendar has the end of this hold") from None
    return AccountHold(
        tenant=tenant,
        hold_id=message.hold_id,
        account_id=message.account_id,
        scope=contracts.scope(message.scope),
        reason_code=message.reason_code,
        reason=message.reason,
        owner=message.owner,
        until=until,
    )


def time(message: Message, name: str) -> datetime | None:
    """A time, if it is said; the door has made sure that a calendar has it."""
    said: Timestamp = getattr(message, name)
    return said.ToDatetime(UTC) if message.HasField(name) else None


def uplift(call: Origin, message: exposure_pb2.GrantUpliftRequest) -> Uplift:
    """More credit for a while, as somebody asks for it."""
    if (valid_until := time(message, "valid_until")) is None:
        raise Invalid("uplift.incomplete", "an uplift needs an end")
    return Uplift(
        tenant=call.tenant,
        uplift_id=message.uplift_id,
        account_id=message.account_id,
        amount=contracts.money(message.amount),
        valid_from=time(message, "valid_from"),
        valid_until=valid_until,
        reason_code=message.reason_code,
        asked_by=call.actor,
    )


def uplift_shown(value: Uplift) -> exposure_pb2.Uplift:
    """An uplift, to show."""
    return exposure_pb2.Uplift(
        uplift_id=value.uplift_id,
        account_id=value.account_id,
        amount=contracts.money_message(value.amount),
        valid_from=_at(value.valid_from),
        valid_until=_at(value.valid_until),
        reason_code=value.reason_code,
        asked_by=value.asked_by,
        approved_by=value.approved_by or "",
    )


def limit_granted(account_id: str, limit: Money, valid_from: datetime, known_from: datetime) -> events_pb2.LimitGranted:
    """What may be owed from a time on, to tell."""
    return events_pb2.LimitGranted(
        account_id=account_id,
        limit=contracts.money_message(limit),
        valid_from=_at(valid_from),
        known_from=_at(known_from),
    )


def limit_changed(
    account_id: str, limit: Money, previous: Money, granted: Money, at: datetime
) -> events_pb2.LimitChanged:
    """What may be owed since that instant, to tell."""
    return events_pb2.LimitChanged(
        account_id=account_id,
        limit=contracts.money_message(limit),
        previous=contracts.money_message(previous),
        granted=contracts.money_message(granted),
        at=_at(at),
    )


def uplift_asked(value: Uplift) -> events_pb2.UpliftAsked:
    """That an uplift waits for another person, to tell."""
    return events_pb2.UpliftAsked(
        uplift_id=value.uplift_id,
        account_id=value.account_id,
        amount=contracts.money_message(value.amount),
        valid_from=_at(value.valid_from),
        valid_until=_at(value.valid_until),
        reason_code=value.reason_code,
    )


def uplift_granted(value: Uplift, at: datetime) -> events_pb2.UpliftGranted:
    """That an uplift counts, or will, to tell."""
    return events_pb2.UpliftGranted(
        uplift_id=value.uplift_id,
        account_id=value.account_id,
        amount=contracts.money_message(value.amount),
        valid_from=_at(value.valid_from),
        valid_until=_at(value.valid_until),
        approved_at=_at(at),
    )


def uplift_ended(value: Uplift, cause: str, at: datetime) -> events_pb2.UpliftEnded:
    """That an uplift counts no more, to tell."""
    return events_pb2.UpliftEnded(
        uplift_id=value.uplift_id,
        account_id=value.account_id,
        amount=contracts.money_message(value.amount),
        cause=cause,
        ended_at=_at(at),
    )


_KINDS = {
    Kind.PARENT: events_pb2.NODE_KIND_PARENT,
    Kind.GROUP: events_pb2.NODE_KIND_GROUP,
    Kind.PROGRAMME: events_pb2.NODE_KIND_PROGRAMME,
}


def node_kind(value: events_pb2.NodeKind.ValueType) -> Kind:
    """What a node is to be."""
    for ours, theirs in _KINDS.items():
        if theirs == value:
            return ours
    raise Invalid("node.kind", "a node is a PARENT, a GROUP or a PROGRAMME")


def node_limit_granted(
    node_id: str, limit: Money, valid_from: datetime, known_from: datetime
) -> events_pb2.NodeLimitGranted:
    """What accounts may owe together from a time on, to tell."""
    return events_pb2.NodeLimitGranted(
        node_id=node_id,
        limit=contracts.money_message(limit),
        valid_from=_at(valid_from),
        known_from=_at(known_from),
    )


def node_changed(node: Node, at: datetime) -> events_pb2.NodeChanged:
    """A node as it is since that instant, to tell."""
    return events_pb2.NodeChanged(
        node_id=node.node_id,
        kind=_KINDS[node.kind],
        parent_id=node.parent_id,
        limit=contracts.money_message(node.limit),
        at=_at(at),
    )


def account_moved(account_id: str, parent_id: str, path: Sequence[str]) -> events_pb2.AccountMoved:
    """What an account is part of now, to tell."""
    return events_pb2.AccountMoved(account_id=account_id, parent_id=parent_id, path=path)


def node_shown(node: Node) -> exposure_pb2.Node:
    """A node, to show."""
    return exposure_pb2.Node(
        node_id=node.node_id,
        kind=_KINDS[node.kind],
        parent_id=node.parent_id,
        limit=contracts.money_message(node.limit),
        used=contracts.money_message(node.used),
        held=contracts.money_message(node.held),
        headroom=contracts.money_message(node.headroom),
    )


def part_shown(part: Node | Account) -> exposure_pb2.TreeChild:
    """What is part of a node, to show."""
    if isinstance(part, Node):
        return exposure_pb2.TreeChild(node=node_shown(part))
    return exposure_pb2.TreeChild(
        account_id=part.account_id,
        limit=contracts.money_message(part.limit),
        used=contracts.money_message(part.used),
        held=contracts.money_message(part.held),
    )


_COMPONENTS = {
    Component.OPEN_ITEMS: exposure_pb2.COMPONENT_OPEN_ITEMS,
    Component.UNCLEARED: exposure_pb2.COMPONENT_UNCLEARED,
    Component.UNAPPLIED: exposure_pb2.COMPONENT_UNAPPLIED,
    Component.CREDITS: exposure_pb2.COMPONENT_CREDITS,
    Component.DELIVERED: exposure_pb2.COMPONENT_DELIVERED,
    Component.RESERVED: exposure_pb2.COMPONENT_RESERVED,
}


_SECURITIES = {
    SecurityKind.INSURANCE: events_pb2.SECURITY_KIND_INSURANCE,
    SecurityKind.GUARANTEE: events_pb2.SECURITY_KIND_GUARANTEE,
    SecurityKind.DEPOSIT: events_pb2.SECURITY_KIND_DEPOSIT,
    SecurityKind.LC: events_pb2.SECURITY_KIND_LC,
}


def security_said(
    tenant: str, message: exposure_pb2.SetSecurityRequest | events_pb2.SecurityChanged, now: datetime
) -> Security:
    """A security as somebody says it; where it says nothing else, from now on."""
    kinds = [ours for ours, theirs in _SECURITIES.items() if theirs == message.kind]
    if not kinds:
        raise Invalid("security.kind", "a security is an INSURANCE, a GUARANTEE, a DEPOSIT or an LC")
    return Security(
        tenant=tenant,
        security_id=message.security_id,
        account_id=message.account_id,
        kind=kinds[0],
        amount=contracts.money(message.amount),
        coverage=decimal(message.coverage, what="coverage"),
        valid_from=time(message, "valid_from") or now,
        valid_until=time(message, "valid_until"),
        reference=message.reference,
    )


def security(value: Security, *, ended: bool = False) -> events_pb2.SecurityChanged:
    """A security, to tell and to show."""
    return events_pb2.SecurityChanged(
        security_id=value.security_id,
        account_id=value.account_id,
        kind=_SECURITIES[value.kind],
        amount=contracts.money_message(value.amount),
        coverage=f"{value.coverage.normalize():f}",
        valid_from=_at(value.valid_from),
        valid_until=_at(value.valid_until),
        reference=value.reference,
        ended=ended,
    )


def exposure(row: Any, delivered_minor: int, paying: Sequence[Security]) -> exposure_pb2.GetExposureResponse:
    """What an account owes and has reserved, to show."""
    parts = components(row.used_minor, row.held_minor, row.unapplied_minor, row.credits_minor, delivered_minor)
    limit, total = Money(row.limit_minor, row.currency), Money(row.used_minor + row.held_minor, row.currency)
    covered = secured(total, paying)
    return exposure_pb2.GetExposureResponse(
        parts=[
            exposure_pb2.ExposurePart(
                component=_COMPONENTS[component], amount=contracts.money_message(Money(minor, row.currency))
            )
            for component, minor in parts.items()
        ],
        exposure=contracts.money_message(total),
        limit=contracts.money_message(limit),
        headroom=contracts.money_message(limit - total),
        exposure_uncertain=row.uncertain,
        secured=contracts.money_message(covered),
        unsecured=contracts.money_message(max(Money(0, row.currency), total - covered)),
    )


def place_of_part(part: Node | Account) -> tuple[int, str]:
    """Where something stands in the list of a node's parts."""
    return (0, part.node_id) if isinstance(part, Node) else (1, part.account_id)


def _at(value: datetime | None) -> Timestamp | None:
    if value is None:
        return None
    said = Timestamp()
    said.FromDatetime(value)
    return said


def hold_to_tell(hold: AccountHold) -> events_pb2.HoldPlaced:
    """A hold on an account, to tell: for ever, and so without a word that somebody wrote."""
    return hold_placed(replace(hold, reason="", owner=hold.owner if is_who(hold.owner) else ""))


def hold_placed(hold: AccountHold) -> events_pb2.HoldPlaced:
    """A hold on an account, to show."""
    message = events_pb2.HoldPlaced(
        hold_id=hold.hold_id,
        account_id=hold.account_id,
        scope=contracts.scope_message(hold.scope),
        reason_code=hold.reason_code,
        reason=hold.reason,
        owner=hold.owner,
    )
    if hold.until is not None:
        message.until.FromDatetime(hold.until)
    return message


def hold_lifted(hold: AccountHold, cause: str) -> events_pb2.HoldLifted:
    """That it does not stand any more, to tell."""
    return events_pb2.HoldLifted(
        hold_id=hold.hold_id, account_id=hold.account_id, scope=contracts.scope_message(hold.scope), cause=cause
    )


def policy(message: events_pb2.CreditPolicy, now: Policy) -> Policy:
    """What the seller wishes to decide by; what is not said stays as it is `now`."""
    return Policy(
        decimal(message.referral_share, what="referral_share"),
        message.hold_days,
        decimal(message.currency_buffer, what="currency_buffer")
        if message.HasField("currency_buffer")
        else now.currency_buffer,
        message.rate_days if message.HasField("rate_days") else now.rate_days,
    )


def policy_message(value: Policy) -> events_pb2.CreditPolicy:
    """What the seller decides by, to tell and to show."""
    return events_pb2.CreditPolicy(
        referral_share=f"{value.referral_share:f}",
        hold_days=value.hold_days,
        currency_buffer=f"{value.currency_buffer:f}",
        rate_days=value.rate_days,
    )


def rate(message: events_pb2.Rate) -> Rate:
    """A rate, as somebody says it."""
    return Rate(message.base, message.quote, day(message.day, what="day"), decimal(message.rate, what="rate"))


def rate_message(value: Rate) -> events_pb2.Rate:
    """A rate, to tell and to show."""
    return events_pb2.Rate(
        base=value.base, quote=value.quote, day=value.day.isoformat(), rate=f"{value.rate.normalize():f}"
    )


def valued(account: Account, nodes: Sequence[Node]) -> events_pb2.ExposureValued:
    """What of an account is valued anew, to tell."""
    message = events_pb2.ExposureValued(
        account_id=account.account_id, version=account.valued or 0, used=contracts.money_message(account.used)
    )
    for currency, (owed, worth) in sorted(account.abroad.items()):
        pair = (Money(owed, currency), Money(worth, account.limit.currency))
        message.abroad.add(owed=contracts.money_message(pair[0]), valued=contracts.money_message(pair[1]))
    if account.group_used is not None and account.group_held is not None:
        used, held = (Money(minor, nodes[0].limit.currency) for minor in (account.group_used, account.group_held))
        message.group_used.CopyFrom(contracts.money_message(used))
        message.group_held.CopyFrom(contracts.money_message(held))
    return message


def outcome(value: events_pb2.Outcome.ValueType) -> Outcome:
    """A reviewer's word."""
    for ours, theirs in _OUTCOMES.items():
        if theirs == value:
            return ours
    raise Invalid("review.outcome", "a review approves or declines")


def company(message: party_pb2.Company) -> bytes:
    """A company as it is kept; refuses one that an invoice could not name."""
    if not message.name or not message.address.country:
        raise Invalid("buyer.incomplete", "a company needs a name and the two-letter code of its country")
    check_country(message.address.country)
    return message.SerializeToString(deterministic=True)


def decided(
    record: Recorded, hold: Hold | None = None, request: Request | None = None, taken: Money | None = None
) -> events_pb2.CreditDecided:
    """A decision to tell; also what stands in its hold and its order alone, where it was just decided, and what it took abroad."""
    message = events_pb2.CreditDecided(
        decision_id=record.decision_id,
        order_id=record.order_id,
        version=record.version,
        account_id=record.account_id,
        outcome=_OUTCOMES[record.outcome],
        reasons=record.reasons,
        amount=contracts.money_message(record.amount),
        headroom=contracts.money_message(record.headroom) if record.headroom else None,
        scope=contracts.scope_message(record.scope),
    )
    if record.expires_at:
        message.hold_expires_at.FromDatetime(record.expires_at)
    if taken := (hold.taken if hold else taken):
        message.reserved.CopyFrom(contracts.money_message(taken))
    if hold is not None:
        message.seller_id = hold.seller_id
        message.requested_by = hold.requested_by
        if hold.expires_at is not None:
            message.lapses_at.FromDatetime(hold.expires_at)
    if request is not None:
        message.placed_on = request.placed_on.isoformat() if request.placed_on else ""
        message.promised_ship_on = request.promised_ship_on.isoformat() if request.promised_ship_on else ""
        message.place_mark = f"{request.place:08x}" if request.place else ""
    return message


def signalled(request: Request, hit: Hit, promise: Promise) -> events_pb2.FraudSignalled:
    """That an order struck a rule, to tell: without what the rule saw."""
    message = events_pb2.FraudSignalled(
        account_id=request.account_id,
        rule=hit.rule,
        action=hit.action,
        order_id=request.order_id,
        version=request.version,
        clears=hit.clears,
        scope=contracts.scope_message(request.scope),
    )
    if hit.action != SHADOW:
        message.usually_by.FromDatetime(promise.usually_by)
        message.latest_by.FromDatetime(promise.latest_by)
    return message


def hit(message: events_pb2.FraudSignalled) -> Hit:
    """The same, as it was told: what the rule saw is not known."""
    return Hit(message.rule, message.action, message.clears, "", "", "", "", "")


def seen(message: events_pb2.CreditDecided) -> Seen:
    """An order as the next ones are compared with it, from the engine's answer."""
    promised = message.promised_ship_on
    return Seen(
        account_id=message.account_id,
        order_id=message.order_id,
        amount=contracts.money(message.reserved if message.HasField("reserved") else message.amount),
        placed_on=day(message.placed_on, what="placed_on"),
        promised_on=day(promised, what="promised_ship_on") if promised else None,
        place=int(message.place_mark, 16) if message.place_mark else 0,
        requested_by=message.requested_by,
        categories=frozenset(),
    )


def check_of(tenant: str, message: events_pb2.FraudSignalled, at: datetime) -> Check:
    """What an order waits for by one rule, as it was told."""
    return Check(
        tenant=tenant,
        order_id=message.order_id,
        version=message.version,
        account_id=message.account_id,
        amount=Money(0, "EUR"),
        reason_code=REASONS[message.action],
        rules=(message.rule,),
        clears=message.clears,
        placed_at=at,
        promise=Promise(message.usually_by.ToDatetime(UTC), message.latest_by.ToDatetime(UTC)),
    )


def check_after(check: Check, message: events_pb2.OrderCheckMoved, actor: str) -> Check:
    """A check where it was told to be."""
    match message.state:
        case events_pb2.ORDER_CHECK_STATE_TAKEN:
            return check.taken(message.owner)
        case events_pb2.ORDER_CHECK_STATE_CLEARED | events_pb2.ORDER_CHECK_STATE_FAILED:
            return check.answered(actor, is_clear=message.state == events_pb2.ORDER_CHECK_STATE_CLEARED)
        case events_pb2.ORDER_CHECK_STATE_AT_RISK:
            return replace(check, told=Overdue.AT_RISK)
    return replace(check, told=Overdue.LATE)


def fraud_rule(tenant: str, message: events_pb2.FraudRuleChanged) -> FraudRule:
    """How often a rule was right, as it was told."""
    return FraudRule(
        tenant, message.rule, message.hits, message.confirmed, time(message, "shadow_since"), message.asked_by
    )


def check_moved(check: Check, state: events_pb2.OrderCheckState.ValueType, scope: Scope) -> events_pb2.OrderCheckMoved:
    """Where a check of an order is, to tell."""
    return events_pb2.OrderCheckMoved(
        order_id=check.order_id,
        version=check.version,
        account_id=check.account_id,
        state=state,
        owner=check.owner,
        latest_by=_at(check.promise.latest_by),
        scope=contracts.scope_message(scope),
    )


def check_shown(check: Check) -> service_pb2.OrderCheck:
    """A check of an order, to show."""
    return service_pb2.OrderCheck(
        order_id=check.order_id,
        version=check.version,
        account_id=check.account_id,
        amount=contracts.money_message(check.amount),
        reason_code=check.reason_code,
        owner=check.owner,
        clears=check.clears,
        placed_at=_at(check.placed_at),
        usually_by=_at(check.promise.usually_by),
        latest_by=_at(check.promise.latest_by),
        answered_by=check.answered_by,
        is_clear=check.is_clear,
        is_closed=check.is_closed,
    )


def hit_shown(hit: Hit, seen_at: datetime) -> service_pb2.OrderHit:
    """What a rule saw in an order, to show at the desk."""
    return service_pb2.OrderHit(
        rule=hit.rule,
        action=hit.action,
        feature=hit.feature,
        value=hit.value,
        threshold=hit.threshold,
        compared_with=hit.compared_with,
        source=hit.source,
        seen_at=_at(seen_at),
    )


def fraud_rule_changed(rule: FraudRule) -> events_pb2.FraudRuleChanged:
    """How often a rule was right, to tell."""
    return events_pb2.FraudRuleChanged(
        rule=rule.rule,
        hits=rule.hits,
        confirmed=rule.confirmed,
        shadow_since=_at(rule.shadow_since),
        asked_by=rule.asked_by,
    )


def fraud_rule_shown(rule: FraudRule) -> service_pb2.FraudRule:
    """The same, to show."""
    return service_pb2.FraudRule(
        rule=rule.rule,
        hits=rule.hits,
        confirmed=rule.confirmed,
        shadow_since=_at(rule.shadow_since),
        asked_by=rule.asked_by,
    )


def shown_to(call: Origin, message: events_pb2.CreditDecided) -> events_pb2.CreditDecided:
    """A decision as the caller may know it: whoever is of the buyer's hears no more than that a person checks the order."""
    if call.caller is not None and call.caller.accounts is not None:
        told = [CHECKED if reason in SUSPICIONS else reason for reason in message.reasons]
        del message.reasons[:]
        message.reasons.extend(told)
    return message


def decision_shown(call: Origin, answered: Answered) -> service_pb2.DecisionShown:
    """A decision in a list, with where its order's hold stands."""
    shown = service_pb2.DecisionShown(
        decision=shown_to(call, decided(answered.record)),
        hold_state=answered.state.value,
        held=contracts.money_message(answered.held),
    )
    shown.decided_at.FromDatetime(answered.at)
    return shown


def released(hold: Hold, amount: Money, cause: events_pb2.ReleaseCause.ValueType) -> events_pb2.HoldReleased:
    """What was given back of a hold, to tell."""
    return events_pb2.HoldReleased(
        order_id=hold.order_id,
        version=hold.version,
        account_id=hold.account_id,
        amount=contracts.money_message(amount),
        cause=cause,
        scope=contracts.scope_message(hold.scope),
    )


def captured(hold: Hold, amount: Money, invoice_number: str) -> events_pb2.HoldCaptured:
    """What an invoice took of a hold, to tell."""
    return events_pb2.HoldCaptured(
        order_id=hold.order_id,
        version=hold.version,
        account_id=hold.account_id,
        amount=contracts.money_message(amount),
        invoice_number=invoice_number,
    )


def expired(hold: Hold) -> events_pb2.HoldExpired:
    """A hold whose time is over, to tell."""
    return events_pb2.HoldExpired(
        order_id=hold.order_id,
        version=hold.version,
        account_id=hold.account_id,
        amount=contracts.money_message(hold.held),
        scope=contracts.scope_message(hold.scope),
    )


def exceeded(item: ledger_pb2.ItemOpened, hold: Hold, limit: Money, excess: Money) -> events_pb2.LimitExceeded:
    """An invoice that used more than the limit, to tell."""
    return events_pb2.LimitExceeded(
        account_id=item.account_id,
        order_id=item.order_id,
        invoice_number=item.number,
        invoice_amount=item.amount,
        limit=contracts.money_message(limit),
        excess=contracts.money_message(excess),
        scope=contracts.scope_message(hold.scope),
    )


def account(row: Any) -> service_pb2.Account:
    """An account to show."""
    limit, used, held = (Money(n, row.currency) for n in (row.limit_minor, row.used_minor, row.held_minor))
    registered_at = Timestamp()
    registered_at.FromDatetime(row.registered_at)
    return service_pb2.Account(
        account_id=row.account_id,
        company=party_pb2.Company.FromString(row.company),
        limit=contracts.money_message(limit),
        used=contracts.money_message(used),
        held=contracts.money_message(held),
        headroom=contracts.money_message(limit - used - held),
        registered_at=registered_at,
        exposure_uncertain=row.uncertain,
        on_hold=row.stopped,
    )
