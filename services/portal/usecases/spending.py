"""Orders that people place here: at once, or once somebody has approved them; and the rules that say which."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from receivables.common.v1 import money_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from services import standing
from services.chassis import jobs
from services.chassis.database import Tx
from services.chassis.jobs import Job
from services.chassis.pages import Page
from services.chassis.workers import Batch, Work
from services.kernel.money import Money
from services.kernel.refusals import Conflict, Forbidden, Invalid, NotFound
from services.kernel.standing import Act, Approval, Bounds, Kind, Used
from services.portal import store
from services.portal.asks import Away, Refused, Unknown, Write
from services.portal.domain import spending
from services.portal.domain.people import BUYER_ROLES, CONTACT, Person, standing_in
from services.portal.domain.spending import Rule
from services.portal.store import Purchase
from services.portal.store.effort import forget_effort
from services.portal.usecases.door import Door, noted, own_word
from services.portal.usecases.notices import AWAY_S, tell
from services.portal.usecases.people import people_of
from services.portal.usecases.signing_in import find_person

PLACE, APPROVERS = "place", "approvers"  # kinds of jobs: place what was approved; tell who may approve what waits
TOLD_MOST = 50  # people, of one order that waits
LOOKS_AGAIN_S = 900.0  # whether somebody may approve by now what nobody could
_APPROVALS = "/approvals"
_ID_CHARACTERS = 32
_UNKNOWN = NotFound("approval.unknown", "there is no such order")


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of an order: placed, or waiting for somebody's approval."""

    # "" as long as it waits.
    order_id: str
    # Of what waits: `/approvals`; "" of an order that is placed.
    approval_id: str = ""

    @property
    def awaits_approval(self) -> bool:
        """Whether somebody must approve it first."""
        return bool(self.approval_id)


@dataclass(frozen=True, slots=True)
class Asked:
    """An order that needs approval, as the reader sees it."""

    purchase: Purchase
    who: str
    lines: Sequence[str]
    may_decide: bool
    is_own: bool
    # How many of their orders that are as large, or not much smaller, were approved one by one lately.
    alike: int = 0
    cost_centre: str = ""

    @property
    def is_habit(self) -> bool:
        """Whether approving what is alike once is worth a word."""
        return self.alike >= spending.HABIT


@dataclass(frozen=True, slots=True)
class Standing:
    """An approval for orders that are alike, as the reader sees it."""

    approval: Approval
    used: Used
    # For whom, and who granted it; "": anybody.
    who: str
    by: str
    stands: bool
    period_until: datetime


@dataclass(frozen=True, slots=True)
class _Concerned:
    """Whom an order that waits is told to, by their ids; nobody, if it does not wait any more."""

    purchase: Purchase | None
    approvers: Sequence[str] = ()
    # Where there are no approvers: who administers the account, and who sells to it.
    admins: Sequence[str] = ()
    sellers: Sequence[str] = ()


async def place_or_ask(door: Door, person: Person, request: invoicing_pb2.PlaceOrderRequest, write: Write) -> Placed:
    """Place an order in somebody's name; one above what they may spend waits for an approver.

    `write` is the form's own id: the same form sent again is the same order.
    """
    if not person.is_buyer:
        answer = await door.asks.of(person).invoicing("PlaceOrder", request, write)
        return Placed(answer.order_id)
    purchase = await _purchase(door, person, request, write)
    if purchase.state == "AWAITING" or (purchase.state == "PLACING" and purchase.decided_by):
        return Placed("", purchase.purchase_id)  # what was approved is placed by a job alone
    if purchase.state == "PLACED":
        return Placed(purchase.order_id)
    return Placed(await _place(door, person, purchase))


async def _purchase(door: Door, person: Person, request: invoicing_pb2.PlaceOrderRequest, write: Write) -> Purchase:
    """The order as it is kept, decided by the rules the first time that its form is sent."""
    tenant, order = person.tenant, request.order
    purchase_id = door.keyed("purchase", tenant, person.contact_id, write.key).hex()[:_ID_CHARACTERS]
    spender = person.on_behalf_of.partition(":")[2] or person.contact_id
    async with door.database.transaction([tenant]) as tx:
        await store.lock_spender(tx, tenant, spender)
        if (kept := await store.find_purchase(tx, tenant, purchase_id)) is not None:
            return kept
        rules = await store.rules_of(tx, tenant, person.account_id)
        rule = spending.rule_for(rules, spender, person.roles, order.currency)
        spent = Money(await store.spent_this_month(tx, tenant, spender, order.currency), order.currency)
        amount = max(order.gross_minor, order.net_minor, sum(line.net_minor for line in order.lines))
        waits = spending.must_ask(rule, Money(amount, order.currency), spent)
        purchase = Purchase(
            purchase_id=purchase_id,
            account_id=person.account_id,
            contact_id=spender,
            ordered_by=_actor(person),
            currency=order.currency,
            gross_minor=amount,
            state="AWAITING" if waits else "PLACING",
            request=request.SerializeToString(),
            assurance=person.assurance,
            requested_at=tx.at,
            expires_at=tx.at,
            decided_by="",
            code="",
            order_id="",
            known_by=sorted(_known_by(door, person)) if waits else [],
            lacks_approver=False,
        )
        if waits and (approval_id := await _approved_alike(tx, tenant, purchase, order)):
            purchase = replace(purchase, state="PLACING", known_by=[], standing_id=approval_id)
            waits = False
            await noted(tx, person, "portal/UseStandingApproval", about=purchase_id)
        await store.add_purchase(tx, tenant, purchase)
        await store.ordered(tx, tenant, spender)
        if waits:
            await noted(tx, person, "portal/AskForApproval", about=purchase_id)
            await jobs.add(tx, [Job(APPROVERS, f"purchase/{purchase_id}", own_word(tenant))])
        added = await store.find_purchase(tx, tenant, purchase_id)
        assert added is not None, "it was added just now"
        return added


async def _approved_alike(tx: Tx, tenant: str, purchase: Purchase, order: orders_pb2.OrderPlaced) -> str:
    """By which standing approval an order needs nobody's yes (RULES: standing approvals), counted; "": by none."""
    act = Act(
        Kind.PURCHASE,
        f"purchase/{purchase.purchase_id}",
        purchase.account_id,
        _amount(purchase),
        people=_behind(purchase) | {one.hex() for one in purchase.known_by},
        category=_category(order),
        person=f"{CONTACT}:{purchase.contact_id}",
        cost_centre=order.scope.cost_centre,
    )
    used = await standing.use(tx, tenant, act)
    return used[0].approval_id if used else ""


def _category(order: orders_pb2.OrderPlaced) -> str:
    """What an order is of, if it is of one kind: "GOODS", "SERVICE"."""
    kinds = {orders_pb2.LineKind.Name(line.kind or orders_pb2.LINE_KIND_GOODS) for line in order.lines}
    return kinds.pop().removeprefix("LINE_KIND_") if len(kinds) == 1 else ""


async def _place(door: Door, person: Person, purchase: Purchase) -> str:
    """Place an order; once, however often it is tried. Raises Refused, which is kept, or Away, after which it goes on."""
    if purchase.state != "PLACING":
        raise Conflict("approval.over", "this order was decided already")
    request = invoicing_pb2.PlaceOrderRequest.FromString(purchase.request)
    try:
        answer = await door.asks.of(person).invoicing("PlaceOrder", request, Write(f"purchase {purchase.purchase_id}"))
    except (Refused, Unknown) as refused:
        code = refused.code if isinstance(refused, Refused) else "approval.not_allowed"
        await _settle(door, person.tenant, purchase, code=code)
        raise
    await _settle(door, person.tenant, purchase, order_id=answer.order_id)
    return str(answer.order_id)


async def _settle(door: Door, tenant: str, purchase: Purchase, *, order_id: str = "", code: str = "") -> None:
    """Keep what became of an order, and tell whoever waited for it what became of what was approved."""
    async with door.database.transaction([tenant]) as tx:
        if not await store.settle(tx, tenant, purchase.purchase_id, order_id=order_id, code=code):
            return
        if not purchase.decided_by:
            return  # it was placed at once, before the eyes of who ordered it
        by = purchase.decided_by
        if order_id:
            approved = notifications_pb2.NOTICE_KIND_ORDER_APPROVED
            await _tell_who_ordered(tx, tenant, purchase, approved, f"/orders/{order_id}", by=by, order_id=order_id)
        else:
            await _tell_who_ordered(tx, tenant, purchase, notifications_pb2.NOTICE_KIND_ORDER_NOT_PLACED, by=by)


async def _tell_who_ordered(
    tx: Tx,
    tenant: str,
    purchase: Purchase,
    kind: notifications_pb2.NoticeKind.ValueType,
    path: str = _APPROVALS,
    **said: Any,
) -> None:
    """Have all who stand behind an order mailed what became of it."""
    for subject in sorted(_behind(purchase)):
        await tell(tx, tenant, subject.partition(":")[2], kind, path, amount=_said(purchase), **said)


def asking(door: Door) -> Work:
    """How those are told who may approve what waits."""

    async def ask(batch: Batch) -> None:
        found = {job.key: await _concerned(door, job) for job in batch.jobs}
        async with batch.finishing() as done:
            for job in done.jobs:
                match found[job.key]:
                    case None:
                        done.again(job, in_s=AWAY_S, why="notifications is away")
                    case _Concerned(purchase=Purchase() as purchase) as concerned if concerned.approvers:
                        await store.lacks_approver(done.tx, job.tenant, purchase.purchase_id, lacks=False)
                        await _tell_approvers(done.tx, job.tenant, purchase, concerned.approvers)
                    case _Concerned(purchase=Purchase() as purchase) as concerned:
                        if await store.lacks_approver(done.tx, job.tenant, purchase.purchase_id, lacks=True):
                            await _ask_for_approver(done.tx, job.tenant, purchase, concerned)
                        done.again(job, in_s=LOOKS_AGAIN_S, why="nobody may approve it")

    return Work(APPROVERS, ask, most=20)


async def _concerned(door: Door, job: Job) -> _Concerned | None:
    """Who may approve an order that waits, stand-ins too; None: it cannot be said just now."""
    tenant, purchase_id = job.tenant, job.subject.removeprefix("purchase/")
    async with door.database.transaction([tenant]) as tx:
        purchase = await store.find_purchase(tx, tenant, purchase_id)
        if purchase is None or purchase.state != "AWAITING":
            return _Concerned(None)
        rules = await store.rules_of(tx, tenant, purchase.account_id)
    try:
        people = {one.contact_id: one for one in await people_of(door, tenant, purchase.account_id)}
    except Away:
        return None
    async with door.database.transaction([tenant]) as tx:
        away = await store.stand_ins_of(tx, tenant, list(people), datetime.now(UTC).date())
    lent = [
        standing_in(people[one.to_contact], people[one.from_contact], frozenset(one.roles))
        for one in away
        if one.to_contact in people
    ]
    may = _ids(one for one in (*people.values(), *lent) if _may_approve(door, rules, one, purchase))
    if may:
        return _Concerned(purchase, may)
    try:
        sellers = await people_of(door, tenant, "")
    except Away:
        return None
    behind = _behind(purchase)
    admins = _ids(one for one in people.values() if "ACCOUNT_ADMIN" in one.roles and one.subject not in behind)
    return _Concerned(purchase, admins=admins, sellers=_ids(one for one in sellers if "SALES" in one.roles))


def _ids(people: Iterable[Person]) -> list[str]:
    return list(dict.fromkeys(one.contact_id for one in people))[:TOLD_MOST]


async def _tell_approvers(tx: Tx, tenant: str, purchase: Purchase, people: Sequence[str]) -> None:
    for contact_id in people:
        await tell(
            tx,
            tenant,
            contact_id,
            notifications_pb2.NOTICE_KIND_ORDER_WAITS,
            f"{_APPROVALS}#{purchase.purchase_id}",
            while_waits=purchase.purchase_id,
            by=purchase.ordered_by,
            amount=_said(purchase),
            last=purchase.expires_at.date().isoformat(),
        )


async def _ask_for_approver(tx: Tx, tenant: str, purchase: Purchase, concerned: _Concerned) -> None:
    """Whoever ordered hears that nobody may approve it; who can change that is asked to."""
    said: dict[str, Any] = {"amount": _said(purchase), "last": purchase.expires_at.date().isoformat()}
    waits = {"while_waits": purchase.purchase_id}
    for subject in sorted(_behind(purchase)):
        nobody = notifications_pb2.NOTICE_KIND_ORDER_WAITS_FOR_NOBODY
        await tell(tx, tenant, subject.partition(":")[2], nobody, _APPROVALS, **waits, **said)
    for contact_id in concerned.admins:
        wanted = notifications_pb2.NOTICE_KIND_APPROVER_WANTED
        await tell(tx, tenant, contact_id, wanted, "/people/spending", **waits, by=purchase.ordered_by, **said)
    page = f"/desk/accounts/{quote(purchase.account_id, safe='')}"
    for contact_id in concerned.sellers:
        wanted = notifications_pb2.NOTICE_KIND_APPROVER_WANTED_AT
        await tell(tx, tenant, contact_id, wanted, page, **waits, company=purchase.account_id, **said)


def placing(door: Door) -> Work:
    """How what was approved is placed: in the name of who ordered it, with the roles that one has by then."""

    async def place(batch: Batch) -> None:
        for job in batch.jobs:
            await _place_approved(door, job)
        async with batch.finishing():
            pass

    return Work(PLACE, place, most=20)


async def _place_approved(door: Door, job: Job) -> None:
    purchase_id = job.subject.removeprefix("purchase/")
    async with door.database.transaction([job.tenant]) as tx:
        purchase = await store.find_purchase(tx, job.tenant, purchase_id)
    if purchase is None or purchase.state != "PLACING":
        return
    person = await find_person(door, job.tenant, purchase.contact_id)
    if person is None or person.account_id != purchase.account_id or not person.roles:
        await _settle(door, job.tenant, purchase, code="approval.left")
        return
    try:
        await _place(door, replace(person, assurance=purchase.assurance), purchase)
    except (Refused, Unknown):
        return  # it is kept with its code


async def approvals(door: Door, person: Person) -> list[Asked]:
    """Orders of the account that needed approval: those that the reader may decide, and their own."""
    async with door.database.transaction([person.tenant], accounts=[person.account_id]) as tx:
        rules = await store.rules_of(tx, person.tenant, person.account_id)
        found = await store.purchases_of(tx, person.tenant, person.account_id)
        lately = await store.approved_lately(tx, person.tenant, person.account_id)
    names: dict[str, str] = {}
    shown: list[Asked] = []
    for one in found:
        may = one.state == "AWAITING" and _may_approve(door, rules, person, one)
        is_own = person.contact_id == one.contact_id
        is_lost = one.state == "AWAITING" and one.lacks_approver and "ACCOUNT_ADMIN" in person.roles
        if not (may or is_own or is_lost or one.decided_by.startswith(person.subject)):
            continue
        if one.contact_id not in names:
            known = await find_person(door, person.tenant, one.contact_id)
            names[one.contact_id] = known.name if known else one.contact_id
        order = invoicing_pb2.PlaceOrderRequest.FromString(one.request).order
        lines = [f"{line.quantity} × {line.name or line.sku}" for line in order.lines[:5]]
        asked = Asked(one, names[one.contact_id], lines, may_decide=may, is_own=is_own)
        alike = spending.alike(lately.get((one.contact_id, one.currency), ()), one.gross_minor)
        shown.append(replace(asked, alike=alike, cost_centre=order.scope.cost_centre))
    return shown


async def standing_of(door: Door, person: Person) -> list[Standing]:
    """What was approved once for all alike in the reader's account, the newest first, with what is used of it."""
    async with door.database.transaction([person.tenant], accounts=[person.account_id]) as tx:
        found = await standing.list_approvals(tx, person.tenant, person.account_id, Page())
        at = tx.at
    people = await people_of(door, person.tenant, person.account_id) if found else ()
    names = {one.subject: one.name for one in people}

    def named(subject: str) -> str:
        return names.get(subject) or subject.partition(":")[2]

    return [
        Standing(
            approval,
            used,
            named(approval.bounds.person),
            " / ".join(named(one) for one in approval.granted_by.split(" for ")),
            stands=approval.stands(at),
            period_until=approval.period(at)[1],
        )
        for approval, used in found
    ]


async def who_orders(door: Door, person: Person) -> list[Person]:
    """Whose orders somebody may approve: the account's people who may order, by name; oneself is not among them."""
    people = await people_of(door, person.tenant, person.account_id)
    own = {person.subject, person.on_behalf_of}
    ordering = (one for one in people if one.roles & spending.ORDERING and one.subject not in own)
    return sorted(ordering, key=lambda one: (one.name.casefold(), one.contact_id))


async def grant_standing(door: Door, person: Person, bounds: Bounds, contacts: Sequence[str], once: str) -> Approval:
    """Approve orders of colleagues once for all that are alike, from now on; `contacts`: the account's people."""
    if bounds.person and bounds.person.partition(":")[2] not in contacts:
        raise Invalid("spending.who", "choose a role or a colleague")
    approval_id = door.keyed("standing", person.tenant, once).hex()[:_ID_CHARACTERS]
    async with door.database.transaction([person.tenant], accounts=[person.account_id]) as tx:
        spending.check_grant(await store.rules_of(tx, person.tenant, person.account_id), person, bounds)
        if (known := await standing.find(tx, person.tenant, approval_id)) is not None:
            return known
        wanted = Approval(
            approval_id,
            replace(bounds, account_id=person.account_id, valid_from=tx.at),
            _actor(person),
            tx.at,
            _actor(person),
            tx.at,
            known_by=frozenset(one.hex() for one in _known_by(door, person)),
        )
        kept, _ = await standing.keep(tx, person.tenant, frozenset({Kind.PURCHASE}), wanted)
        await noted(tx, person, "portal/GrantStandingApproval", about=approval_id)
    return kept


async def revoke_standing(door: Door, person: Person, approval_id: str) -> None:
    """Approve no more by it, from now on."""
    async with door.database.transaction([person.tenant], accounts=[person.account_id]) as tx:
        if await standing.take_back(tx, person.tenant, approval_id, _actor(person)) is not None:
            await noted(tx, person, "portal/RevokeStandingApproval", about=approval_id)


async def decide(door: Door, person: Person, purchase_id: str, *, says_yes: bool) -> None:
    """Approve an order, or refuse it; what is approved is placed at once."""
    tenant = person.tenant
    async with door.database.transaction([tenant], accounts=[person.account_id]) as tx:
        purchase = await store.find_purchase(tx, tenant, purchase_id)
        if purchase is None:
            raise _UNKNOWN
        rules = await store.rules_of(tx, tenant, person.account_id)
        if not _may_approve(door, rules, person, purchase):
            raise Forbidden("approval.not_yours", "this order is for somebody else to approve")
        state, code = ("PLACING", "") if says_yes else ("REFUSED", "approval.refused")
        if not await store.decide(tx, tenant, purchase_id, state=state, by=_actor(person), code=code):
            raise Conflict("approval.over", "this order was decided already, or waited too long")
        if says_yes:
            await jobs.add(tx, [Job(PLACE, f"purchase/{purchase_id}", own_word(tenant))])
        else:
            refused = notifications_pb2.NOTICE_KIND_ORDER_REFUSED
            await _tell_who_ordered(tx, tenant, purchase, refused, by=_actor(person))
        await noted(tx, person, "portal/Approve" if says_yes else "portal/Refuse", about=purchase_id)


async def rules_of(door: Door, person: Person) -> list[Rule]:
    """The rules of somebody's account."""
    async with door.database.transaction([person.tenant], accounts=[person.account_id]) as tx:
        return await store.rules_of(tx, person.tenant, person.account_id)


async def save_rule(door: Door, person: Person, rule: Rule, contacts: Sequence[str], once: str) -> None:
    """Say what a colleague, or whoever has a role, may order without asking; `contacts`: the account's people."""
    kind, _, name = rule.who.partition(":")
    known = contacts if kind == CONTACT else BUYER_ROLES
    if kind not in (CONTACT, "role") or name not in known:
        raise Invalid("spending.who", "choose a role or a colleague")
    if rule.per_order_minor is None and rule.per_month_minor is None:
        raise Invalid("spending.empty", "say how much, for an order or for a month")
    if any(minor is not None and minor < 0 for minor in (rule.per_order_minor, rule.per_month_minor)):
        raise Invalid("spending.amount", "an amount is not less than nothing")
    rule_id = door.keyed("rule", person.tenant, once).hex()[:_ID_CHARACTERS]
    async with door.database.transaction([person.tenant], accounts=[person.account_id]) as tx:
        if len(await store.rules_of(tx, person.tenant, person.account_id)) >= store.RULES_MAX:
            raise Conflict("spending.too_many", "there are as many rules as one keeps: remove some first")
        await store.save_rule(tx, person.tenant, person.account_id, replace(rule, rule_id=rule_id), person.subject)
        await noted(tx, person, "portal/SetSpendRule", about=rule.who)


async def remove_rule(door: Door, person: Person, rule_id: str) -> None:
    """A rule is none any more."""
    async with door.database.transaction([person.tenant], accounts=[person.account_id]) as tx:
        await store.remove_rule(tx, person.tenant, person.account_id, rule_id)
        await noted(tx, person, "portal/RemoveSpendRule", about=rule_id)


async def forget_outdated(tx: Tx, tenant: str) -> int:
    """What nobody has decided in time waits no longer; links, sessions, counts and wishes whose time is over go."""
    expired = await store.expire(tx, tenant, store.AT_ONCE)
    for purchase in expired:
        await _tell_who_ordered(tx, tenant, purchase, notifications_pb2.NOTICE_KIND_ORDER_EXPIRED)
    forgotten = await store.forget_granters(tx, tenant) + await store.forget_outdated(tx, tenant)
    kept = await store.forget_wishes(tx, tenant) + await forget_effort(tx, tenant, tx.at)
    return len(expired) + forgotten + kept


def _may_approve(door: Door, rules: Sequence[Rule], person: Person, purchase: Purchase) -> bool:
    """Whether somebody may approve an order (RULES: four eyes): who has an address of whoever ordered it is that one."""
    is_other = _known_by(door, person).isdisjoint(purchase.known_by)
    return is_other and spending.may_approve(rules, person, _amount(purchase), _behind(purchase))


def _known_by(door: Door, person: Person) -> frozenset[bytes]:
    own = {door.keyed("address", address) for address in person.addresses}
    return frozenset(own | ({person.proved_address} - {b""}))


def _amount(purchase: Purchase) -> Money:
    return Money(purchase.gross_minor, purchase.currency)


def _said(purchase: Purchase) -> money_pb2.Money:
    return money_pb2.Money(minor=purchase.gross_minor, currency=purchase.currency)


def _actor(person: Person) -> str:
    return f"{person.subject} for {person.on_behalf_of}" if person.on_behalf_of else person.subject


def _behind(purchase: Purchase) -> frozenset[str]:
    return frozenset(purchase.ordered_by.split(" for ")) | {f"{CONTACT}:{purchase.contact_id}"}
