"""A business under constant load: orders arrive at a fixed rate, and each goes its way through all five services.

Its buyers and orders are the sample's, many times over: five currencies, every format of document. A day of the business
clock takes a minute, so that what the clock brings (digests, lapsed holds, overdue items) comes too.
"""

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from queue import SimpleQueue
from typing import Any

from receivables.credit.v1 import events_pb2 as credit_events
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from deploy.demo import orders, sample
from deploy.demo.calls import Refused
from deploy.demo.desk import Payment, money
from deploy.demo.feed import Fact
from deploy.demo.orders import Order
from deploy.demo.player import AT_ONCE, Stage
from deploy.demo.sample import Buyer, Contact
from deploy.demo.settled import wait_until_settled
from services.kernel.money import Money

TENANT = "nordwerk"
BEGINS = datetime.combine(sample.FIRST_DAY, sample.OPENS, UTC)
BUYERS = 300
PLENTY = Decimal(1_000_000_000)  # of credit
DAY_S = 60.0  # in which a day of the business clock passes
CLOCK_S = 1.0  # between two moves of it
TICK_S = 0.05
ACT_AFTER_S = 20.0  # when a buyer pays or contests, from the invoice on
AGAIN_S = 2.0
# Disputes has not heard of the invoice yet: a person tries again.
NOT_YET = {"dispute.unknown_invoice"}
STALL_S = 60.0  # without any progress, after which what is left is given up
REST_S = 900.0  # for the services to come to rest, after every order has ended
BEHIND_S = 10.0  # an order that waits longer for its answer and its invoices says that the services do not keep up
TIGHT_EVERY = 20  # buyers: one whose single order is a little above its limit, and so goes to a person
LOOK_EVERY = 10  # orders: for one, somebody looks at everything about it


Deed = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of an order, by its number."""

    cancelled: bool = False
    in_parts: bool = False
    by_bank: bool = False
    paid_in_two: bool = False
    # "line": the first line comes back and the rest is paid; "amount": paid whole, a part credited; "invalid": nothing.
    dispute: str = ""


# An order's number modulo their count says which; whatever is not named here is shipped whole and paid at once.
PLANS = {
    1: Plan(in_parts=True),
    2: Plan(paid_in_two=True),
    3: Plan(by_bank=True),
    4: Plan(dispute="line"),
    5: Plan(cancelled=True),
    6: Plan(by_bank=True, paid_in_two=True),
    7: Plan(dispute="amount"),
    8: Plan(in_parts=True, by_bank=True),
    9: Plan(dispute="invalid"),
}
PLANS_IN_ALL = 40


@dataclass(frozen=True, slots=True)
class Customer:
    """A buyer, its people, and what it orders in turn."""

    buyer: Buyer
    people: Sequence[Contact]
    orders: Sequence[Order]


@dataclass(slots=True)
class Under:
    """An order that is under way."""

    placed: orders_pb2.OrderPlaced
    plan: Plan
    at: float
    shipments: int = 0  # told; its invoices are awaited
    invoices: int = 0
    # The invoice whose credit note is awaited.
    contested: Any = None


@dataclass(slots=True)
class Tally:
    """What has happened so far."""

    placed: int = 0
    declined: int = 0
    referred: int = 0
    cancelled: int = 0
    invoices: int = 0
    credit_notes: int = 0
    payments: int = 0
    # From order to invoice, in seconds.
    delays: list[float] = field(default_factory=list)
    # What should not have happened, by what it was.
    trouble: Counter[str] = field(default_factory=Counter)


class Load:
    """Everything that buyers, shop and clerks do, driven from one thread; calls are made by a few others."""

    def __init__(self, stage: Stage, orders_per_second: float) -> None:
        """Nothing happens yet."""
        self.stage = stage
        self.rate = orders_per_second
        self.tally = Tally()
        self.under_way: dict[str, Under] = {}
        self.at = BEGINS
        self._business = sample.load()
        [self._seller] = [seller for seller in self._business.sellers if seller.tenant == TENANT]
        self._desk = stage.desk(TENANT)
        self._customers = list(self._many_customers())
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="desk")
        self._calls: list[tuple[Future[object], Deed]] = []
        self._moving: Future[datetime] | None = None
        # What will be done, by when, and in between by the order in which it came to mind.
        self._due: list[tuple[float, int, Deed]] = []
        # What the bank will tell in its next statement.
        self._bank: SimpleQueue[Payment] = SimpleQueue()
        self._numbers = count()
        self._began = 0.0
        self._progress_at = 0.0

    def open(self) -> None:
        """Register the seller, its people, the buyers and theirs."""
        self.stage.services.set_clock(self.at)
        self._desk.register_seller(self._seller)
        people = [contact for contact in self._business.contacts if contact.tenant == TENANT and not contact.account]
        people += [contact for customer in self._customers for contact in customer.people]
        self.stage.all_at_once([partial(self._desk.register_buyer, customer.buyer) for customer in self._customers])
        self.stage.all_at_once([partial(self._desk.register_contact, contact) for contact in people])
        self.rest()

    def run(self, seconds: float, tell: Callable[[float], None]) -> None:
        """Let orders arrive for so long; a tick that comes late places what should have been placed before."""
        self._began = time.monotonic()
        while (elapsed := self._elapsed()) < seconds:
            while self.tally.placed < elapsed * self.rate:
                self._place()
            self._tick()
            tell(elapsed)
            time.sleep(TICK_S)

    def drain(self, tell: Callable[[float], None]) -> None:
        """Go on without new orders until every order has ended, or nothing moves, and all services are at rest."""
        while self._unfinished() and self._elapsed() < self._progress_at + STALL_S:
            self._tick()
            tell(self._elapsed())
            time.sleep(TICK_S)
        if self.under_way:
            self.tally.trouble[f"order without its end, such as {next(iter(self.under_way))}"] += len(self.under_way)
        self._pool.shutdown()
        self.rest()

    def rest(self) -> None:
        """Wait until nothing is under way in any service."""
        self.stage.shop.flush()
        wait_until_settled(self.stage.services, self.stage.feed, timeout_s=REST_S, watch=self.stage.stack.check)
        for fact in self.stage.feed.read():
            self._learn(fact)

    @property
    def waiting_s(self) -> float:
        """How long the oldest order has waited for its answer or an invoice."""
        waiting = [one.at for one in self.under_way.values() if not one.shipments or one.invoices < one.shipments]
        return self._elapsed() - min(waiting) if waiting else 0.0

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _unfinished(self) -> bool:
        return bool(self.under_way or self._due or self._calls or self._bank.qsize())

    def _tick(self) -> None:
        self.stage.stack.check()
        self._move_clock()
        for fact in self.stage.feed.read():
            self._learn(fact)
        while self._due and self._due[0][0] <= self._elapsed():
            self._call(heapq.heappop(self._due)[2])
        if payments := [self._bank.get() for _ in range(self._bank.qsize())]:
            self._call(partial(self._import, payments))
        self._calls = [(call, deed) for call, deed in self._calls if not call.done() or self._ended(call, deed)]

    def _ended(self, call: Future[object], deed: Deed) -> bool:
        """Note a refusal, or try again; any other failure is raised. Always false: an ended call is not kept."""
        try:
            call.result()
        except Refused as refused:
            if refused.code in NOT_YET:
                self._later(AGAIN_S, deed)
            else:
                self.tally.trouble[f"call refused: {refused}"] += 1
        self._progress_at = self._elapsed()
        return False

    def _call(self, deed: Deed) -> None:
        self._calls.append((self._pool.submit(deed), deed))

    def _later(self, seconds: float, deed: Deed) -> None:
        heapq.heappush(self._due, (self._elapsed() + seconds, next(self._numbers), deed))

    def _move_clock(self) -> None:
        if self._moving is not None:
            if not self._moving.done():
                return
            self.at = self._moving.result()
        wanted = BEGINS + timedelta(days=self._elapsed() / DAY_S)
        if (wanted - self.at) / timedelta(days=1) * DAY_S >= CLOCK_S:
            self._moving = self._pool.submit(self._set_clock, wanted)

    def _set_clock(self, at: datetime) -> datetime:
        self.stage.services.set_clock(at)
        return at

    # The shop.

    def _place(self) -> None:
        number = self.tally.placed
        self.tally.placed += 1
        customer = self._customers[number % len(self._customers)]
        buyer, turn = customer.buyer, number // len(self._customers)
        order = replace(
            customer.orders[turn % len(customer.orders)],
            order_id=f"O{number}",
            placed_on=self.at.date(),
            promised_ship_on=self.at.date() + timedelta(days=2),
        )
        placed = self._price(order, buyer)
        plan = PLANS.get(number % PLANS_IN_ALL, Plan())
        self.under_way[order.order_id] = Under(placed, plan, self._elapsed())
        self.stage.shop.place(TENANT, placed, self.at)
        if number % LOOK_EVERY == 0:
            self._call(partial(self._look, buyer.account))
        if number % (LOOK_EVERY * LOOK_EVERY) == 0:
            key = f"limit/{number}"
            self._call(partial(self._desk.set_limit, buyer.account, buyer.limit, buyer.currency, key))

    def _ship(self, under: Under) -> None:
        order, on = under.placed, self.at.date()
        if under.plan.cancelled:
            self.stage.shop.cancel(TENANT, order, self.at)
            self.tally.cancelled += 1
            self.under_way.pop(order.order_id)
            return
        parts = [[(line.line_id, line.quantity)] for line in order.lines] if under.plan.in_parts else [()]
        for nth, quantities in enumerate(parts, 1):
            shipment = orders.shipped(order, f"{order.order_id}-S{nth}", on, quantities, final=nth == len(parts))
            self.stage.shop.ship(TENANT, shipment, self.at)
        under.shipments = len(parts)

    # What is announced, and who acts on it.

    def _learn(self, fact: Fact) -> None:
        if fact.name in UNWANTED:
            rules = [finding.rule for finding in getattr(fact.body, "findings", ())]
            self.tally.trouble[" ".join([fact.name, *rules, getattr(fact.body, "code", "")])] += 1
        if (act := ACTS.get(fact.name)) is not None and (under := self.under_way.get(fact.body.order_id)) is not None:
            self._progress_at = self._elapsed()
            act(self, under, fact.body)

    def _decided(self, under: Under, body: credit_events.CreditDecided) -> None:
        if body.outcome == credit_events.OUTCOME_APPROVED:
            self._ship(under)
        elif body.outcome == credit_events.OUTCOME_REFERRED:
            self.tally.referred += 1
            clerk = self._desk.acting_as("user:credit")
            self._call(partial(clerk.review, body.order_id, "APPROVED"))
        else:
            self.tally.declined += 1
            self.under_way.pop(body.order_id)

    def _invoiced(self, under: Under, body: Any) -> None:
        under.invoices += 1
        self.tally.invoices += 1
        self.tally.delays.append(self._elapsed() - under.at)
        if under.plan.dispute:
            self._later(ACT_AFTER_S, partial(self._contest, under.plan.dispute, body))
        if under.plan.dispute in ("line", "amount"):
            under.contested = body
        if under.plan.dispute != "line":
            self._will_pay(under.plan, body, body.gross_minor)
        self._end_if_done(under)

    def _credited(self, under: Under, body: Any) -> None:
        self.tally.credit_notes += 1
        invoice, under.contested = under.contested, None
        if under.plan.dispute == "line" and invoice.gross_minor > body.gross_minor:
            self._will_pay(under.plan, invoice, invoice.gross_minor - body.gross_minor)
        self._end_if_done(under)

    def _end_if_done(self, under: Under) -> None:
        if under.invoices == under.shipments and under.contested is None:
            self.under_way.pop(under.placed.order_id)

    # The desks.

    def _will_pay(self, plan: Plan, invoice: Any, minor: int) -> None:
        halves = [minor // 2, minor - minor // 2] if plan.paid_in_two and minor > 1 else [minor]
        for nth, part in enumerate(halves, 1):
            payment = Payment(
                reference=f"{invoice.number}/{nth}",
                account=invoice.account_id,
                value_date=self.at.date(),
                amount=Money(part, invoice.currency).decimal,
                currency=invoice.currency,
                remittance=f"invoice {invoice.number}",
            )
            pay = self._bank.put if plan.by_bank else self._desk.acting_as("user:cash").pay
            self._later(ACT_AFTER_S * nth, partial(pay, payment))
            self.tally.payments += 1

    def _import(self, payments: Sequence[Payment]) -> None:
        rows = self._desk.acting_as("user:cash").import_statement(payments, f"bank/{payments[0].reference}")
        for row in rows:
            if row.outcome != "booked":
                raise Refused(row.code, row.message)

    def _contest(self, how: str, invoice: Any) -> None:
        """Open a case as the buyer, and end it as the seller; every other way the buyer is asked in between."""
        buyer = self._desk.acting_as(f"contact:{invoice.account_id}-1", invoice.account_id)
        clerk = self._desk.acting_as("user:cases")
        key = f"dispute/{invoice.number}"
        tenth = money(Money(max(1, invoice.gross_minor // 10), invoice.currency).decimal, invoice.currency)
        if how == "line":
            first = invoice.lines[0]
            case = buyer.open_dispute(invoice.number, "RET_CREDIT", key=key, lines=[(first.line_id, first.quantity)])
            clerk.resolve(case.dispute_id, "FULL_CREDIT")
            return
        case = buyer.open_dispute(invoice.number, "PRC_DISC", key=key, amount=tenth)
        clerk.move(case.dispute_id, "REVIEW")
        clerk.move(case.dispute_id, "ASK_CUSTOMER", missing="the price that was agreed")
        clerk.move(case.dispute_id, "ANSWER")
        if how == "amount":
            clerk.resolve(case.dispute_id, "PARTIAL_CREDIT", amount=tenth)
        else:
            clerk.resolve(case.dispute_id, "INVALID_PAYABLE")

    def _look(self, account: str) -> None:
        """Somebody asks every service about an account."""
        services, ask = self.stage.services, partial(self.stage.services.read, tenant=TENANT)
        ask(services.credit.GetAccount, credit_pb2.GetAccountRequest(account_id=account))
        ask(services.credit.ListReferred, credit_pb2.ListReferredRequest(page_size=20))
        ask(services.invoicing.ListInvoices, invoicing_pb2.ListInvoicesRequest(account_id=account, page_size=20))
        ask(services.ledger.GetAccount, ledger_pb2.GetAccountRequest(account_id=account))
        ask(services.ledger.ListOpenItems, ledger_pb2.ListOpenItemsRequest(account_id=account, page_size=20))
        ask(services.disputes.ListDisputes, disputes_pb2.ListDisputesRequest(account_id=account, page_size=20))
        ask(
            services.notifications.ListMessages,
            notifications_pb2.ListMessagesRequest(account_id=account, page_size=20),
        )

    # Who there is.

    def _many_customers(self) -> Iterator[Customer]:
        """The sample's buyers in turn, each with the people and the orders of the one that it is made after."""
        patterns = [buyer for buyer in self._business.buyers if buyer.tenant == TENANT]
        for number in range(BUYERS):
            pattern = patterns[number % len(patterns)]
            buyer = replace(pattern, account=f"B{number}", limit=PLENTY, invoice_on="SHIPMENT")
            ordered = [
                replace(order, account_id=buyer.account)
                for step in self._business.steps
                for tenant, order in step.orders
                if (tenant, order.account_id, order.version) == (TENANT, pattern.account, 1)
            ]
            if number % TIGHT_EVERY == TIGHT_EVERY - 1:
                ordered = ordered[:1]
                gross = self._price(ordered[0], buyer).gross_minor
                buyer = replace(buyer, limit=Money(gross * 20 // 21, buyer.currency).decimal)
            yield Customer(buyer, list(self._people(pattern, buyer)), ordered)

    def _price(self, order: Order, buyer: Buyer) -> orders_pb2.OrderPlaced:
        return orders.placed(order, sample.party(self._seller.company), sample.party(buyer.company))

    def _people(self, pattern: Buyer, buyer: Buyer) -> Iterator[Contact]:
        for contact in self._business.contacts:
            if (contact.tenant, contact.account) == (TENANT, pattern.account):
                nth = contact.contact.rpartition("-")[2]
                name = f"{buyer.account}-{nth}"
                yield replace(contact, contact=name, account=buyer.account, email=f"{name.lower()}@buyers.example")


Act = Callable[[Load, Under, Any], None]
UNWANTED = {"OrderRefused", "ShipmentRefused", "DocumentHeld", "CreditNoteRefused", "MessageBounced", "LimitExceeded"}
# What is done on an announcement about an order that is under way.
ACTS: dict[str, Act] = {
    "CreditDecided": Load._decided,
    "InvoiceIssued": Load._invoiced,
    "CreditNoteIssued": Load._credited,
}
