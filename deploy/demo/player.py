"""Plays a business day by day: sets the clock, tells and does what happens, waits until all has come to rest."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from smtplib import SMTPException
from typing import Any

from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from deploy.demo import bad, orders, post
from deploy.demo.book import Book
from deploy.demo.calls import Refused, Services
from deploy.demo.desk import Desk, Payment, money
from deploy.demo.feed import Fact, Feed
from deploy.demo.sample import Business, Buyer, Contact, Happening, News, Step
from deploy.demo.settled import wait_until_settled
from deploy.demo.shop import Shop
from deploy.demo.stack import Stack, rows
from deploy.demo.visit import Visit, wait_for
from deploy.local.processes import wait_until
from services.kernel.money import Money

AT_ONCE = 8
ORDER_REFERENCE = re.compile(r"\{(\w+)\}")
EXACT = re.compile(r"exact([+-]\d+)?")


class Stage:
    """What every player needs: the doors, the shop, the public topics, and a way to wait."""

    def __init__(self, stack: Stack, services: Services, shop: Shop, feed: Feed) -> None:
        """Take what is up."""
        self.stack = stack
        self.services = services
        self.shop = shop
        self.feed = feed
        self.book = Book()
        self.facts: list[Fact] = []
        # Where each seller's pages are.
        self.portals: dict[str, str] = {}
        # Calls that services refused, by code.
        self.refusals: Counter[str] = Counter()

    def settle(self, timeout_s: float = 120) -> list[Fact]:
        """Wait until nothing is under way, and learn what was announced meanwhile."""
        self.shop.flush()
        wait_until_settled(self.services, self.feed, timeout_s=timeout_s, watch=self.stack.check)
        new = self.feed.read()
        self.facts += new
        self.book.learn(new)
        return new

    def desk(self, tenant: str, actor: str = "user:clerk", account: str = "") -> Desk:
        """Somebody who acts for a tenant."""
        return Desk(self.services, tenant, actor, account)

    def all_at_once(self, deeds: Sequence[Callable[[], object]]) -> None:
        """Do deeds that do not depend on each other, a few at a time; the first that fails is raised."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(deed) for deed in deeds]:
                done.result()


class Player:
    """Plays a business that is described as data."""

    def __init__(self, stage: Stage, business: Business) -> None:
        """Nothing happens yet."""
        self.stage = stage
        self.business = business
        self._buyers = {(buyer.tenant, buyer.account): buyer for buyer in business.buyers}
        self._placed: dict[tuple[str, str], orders_pb2.OrderPlaced] = {}
        self._shipments: Counter[tuple[str, str]] = Counter()
        self._cases: dict[tuple[str, str], str] = {}
        self._applications = {(one.tenant, one.application): one for one in business.applications}
        # Of companies that applied, by application.
        self._accounts: dict[tuple[str, str], str] = {}

    def open(self, step: Step) -> None:
        """Register sellers, buyers and people, before the first step."""
        self.stage.services.set_clock(step.at.replace(hour=8, minute=0))
        desk = self.stage.desk
        for seller in self.business.sellers:
            desk(seller.tenant).register_seller(seller)
            host = f"{seller.tenant}.localhost"
            self.stage.portals[seller.tenant] = self.stage.stack.open_portal(seller.tenant, seller.company.name, host)
        self.stage.all_at_once([partial(desk(b.tenant).register_buyer, b) for b in self.business.buyers])
        self.stage.all_at_once([partial(desk(c.tenant).register_contact, c) for c in self.business.contacts])
        self.stage.settle()
        for tenant in sorted({news.tenant for news in self.business.news}):
            self._tell(step, tenant, [news for news in self.business.news if news.tenant == tenant])

    def play(self, step: Step) -> None:
        """Let happen what happens at one instant.

        Shipments are told before the orders of the same instant: so one of them can be early.
        """
        self.stage.services.set_clock(step.at)
        for tenant, order in step.orders:
            buyer = self.business.buyer(tenant, order.account_id)
            account = self._accounts.get((tenant, order.account_id), order.account_id)
            priced = orders.placed(replace(order, account_id=account), self.business.seller(tenant), buyer)
            self._placed[(tenant, order.order_id)] = priced
        for tenant, asset in step.assets:
            self.stage.shop.report(tenant, asset, step.at)
        for happening in step.happenings:
            if happening.what in SHOP:
                SHOP[happening.what](self, step, happening)
        for tenant, order in step.orders:
            self.stage.shop.place(tenant, self._placed[(tenant, order.order_id)], step.at)
        for happening in step.happenings:
            if happening.what in DESK:
                DESK[happening.what](self, step, happening)
        self._import_statements(step)
        self.stage.settle()

    def ship(self, step: Step, what: Happening) -> None:
        """Tell a shipment: the whole order, or the named lines; final unless the text says it is a part."""
        key = (what.tenant, what.about)
        self._shipments[key] += 1
        shipment = orders.shipped(
            self._placed[key],
            f"{what.about}-S{self._shipments[key]}",
            step.at.date(),
            what.lines,
            final=what.text != "part",
        )
        self.stage.shop.ship(what.tenant, shipment, step.at)

    def cancel(self, step: Step, what: Happening) -> None:
        """Tell that nothing more of an order will be shipped."""
        self.stage.shop.cancel(what.tenant, self._placed[(what.tenant, what.about)], step.at)

    def go_wrong(self, step: Step, what: Happening) -> None:
        """Tell bad input of the kind that the text names."""
        if what.text in bad.KINDS:
            buyer = self._buyers[(what.tenant, what.about)]
            bad.Culprit(self.stage.shop, what.tenant, buyer.account, buyer.currency, step.at).tell(what.text)

    def spy(self, _step: Step, what: Happening) -> None:
        """Ask in one tenant's name for what is another's; must be refused."""
        if what.text in bad.KINDS:
            return
        services, [other] = self.stage.services, {s.tenant for s in self.business.sellers} - {what.tenant}
        [invoice, *_] = [i for (tenant, _), found in self.stage.book.invoices.items() if tenant == other for i in found]
        asked: dict[str, Callable[[], Any]] = {
            "foreign_account": lambda: services.read(
                services.credit.GetAccount, credit_pb2.GetAccountRequest(account_id=what.about), tenant=what.tenant
            ),
            "foreign_invoice": lambda: services.read(
                services.invoicing.GetInvoice,
                invoicing_pb2.GetInvoiceRequest(invoice=invoice.invoice_id),
                tenant=what.tenant,
            ),
            "foreign_dispute": lambda: services.read(
                services.disputes.GetDispute,
                disputes_pb2.GetDisputeRequest(dispute_id=next(iter(self._cases_of(other)))),
                tenant=what.tenant,
            ),
        }
        try:
            asked[what.text]()
        except Refused as refused:
            self.stage.refusals[refused.code] += 1
        else:
            raise AssertionError(f"{what.tenant} was shown what is {other}'s: {what.text}")

    def review(self, _step: Step, what: Happening) -> None:
        """A person decides a referred order."""
        outcome = {"approve": "APPROVED", "decline": "DECLINED"}[what.what]
        self.stage.desk(what.tenant, "user:credit").review(what.about, outcome)

    def limit(self, _step: Step, what: Happening) -> None:
        """A person changes a limit."""
        currency = self._buyers[(what.tenant, what.about)].currency
        self.stage.desk(what.tenant, "user:credit").set_limit(
            what.about, Decimal(what.amount), currency, f"limit/{what.row}"
        )

    def apply(self, _step: Step, what: Happening) -> None:
        """A clerk applies for a company without an account."""
        key = (what.tenant, what.about)
        self._accounts[key] = self.stage.desk(what.tenant).apply(self._applications[key]).account_id

    def accept(self, _step: Step, what: Happening) -> None:
        """The applicant takes what was decided."""
        self.stage.desk(what.tenant).accept_application(what.about)

    def appeal(self, _step: Step, what: Happening) -> None:
        """The applicant wants another person to look at it."""
        self.stage.desk(what.tenant).appeal(what.about, what.text)

    def decide(self, _step: Step, what: Happening) -> None:
        """A person decides an application, or another one does after an appeal; the text says how, and why."""
        outcome, *reasons = what.text.split()
        currency = self._applications[(what.tenant, what.about)].currency
        limit = money(Decimal(what.amount), currency) if what.amount else None
        actor = {"decide": "user:credit", "reconsider": "user:second"}[what.what]
        self.stage.desk(what.tenant, actor).decide(what.about, outcome, reasons, limit)

    def want(self, _step: Step, what: Happening) -> None:
        """A person asks an applicant for the fact that the text names."""
        self.stage.desk(what.tenant, "user:credit").want(what.about, what.text)

    def group(self, _step: Step, what: Happening) -> None:
        """The accounts that the text names share a limit from now on."""
        accounts = what.text.split()
        limit = money(Decimal(what.amount), self._buyers[(what.tenant, accounts[0])].currency)
        self.stage.desk(what.tenant, "user:credit").group(what.about, limit, accounts)

    def pay(self, step: Step, what: Happening) -> None:
        """Money comes in by a call."""
        self.stage.desk(what.tenant, "user:cash").pay(self._payment(step, what))

    def dispute(self, _step: Step, what: Happening) -> None:
        """The buyer contests lines or an amount of an order's first invoice."""
        invoice = self.stage.book.invoices[(what.tenant, what.about)][0]
        lines = {line.order_line_id: line.line_id for line in invoice.lines}
        opened = self.stage.desk(what.tenant, f"contact:{invoice.account_id}-1", invoice.account_id).open_dispute(
            invoice.number,
            what.text,
            key=f"dispute/{what.row}",
            lines=[(lines[line], quantity) for line, quantity in what.lines],
            amount=money(Decimal(what.amount), invoice.currency) if what.amount else None,
        )
        self._cases[(what.tenant, what.about)] = opened.dispute_id

    def resolve(self, _step: Step, what: Happening) -> None:
        """The seller ends the case about an order as the text says."""
        invoice = self.stage.book.invoices[(what.tenant, what.about)][0]
        amount = money(Decimal(what.amount), invoice.currency) if what.amount else None
        self.stage.desk(what.tenant, "user:cases").resolve(
            self._cases[(what.tenant, what.about)], what.text, amount=amount
        )

    def complain(self, _step: Step, what: Happening) -> None:
        """The buyer contests lines of an order's first invoice at the portal."""
        invoice = self.stage.book.invoices[(what.tenant, what.about)][0]
        lines = {line.order_line_id: line.line_id for line in invoice.lines}
        page = f"/invoices/{invoice.number}/dispute"
        fields: dict[str, str | list[str]] = {"reason": what.text, "what": "lines"}
        fields["line"] = [lines[line] for line, _ in what.lines]
        fields |= {f"quantity-{lines[line]}": str(quantity) for line, quantity in what.lines}
        with self._visit(what.tenant, invoice.account_id) as visit:
            self._cases[(what.tenant, what.about)] = _last_of(visit.send(page, fields, page=page))

    def write(self, _step: Step, what: Happening) -> None:
        """Whoever of the buyer was mailed about a case of theirs last answers by mail, as often as it takes."""
        stack = self.stage.stack
        account = self.stage.book.invoices[(what.tenant, what.about)][0].account_id
        theirs = [one.email for one in self.business.contacts if (one.tenant, one.account) == (what.tenant, account)]
        address, to = next((of, to) for of in theirs if (to := post.reply_to(stack.servers.mail_folder, of)))

        def is_taken() -> bool:
            authority, message_id = Path(stack.servers.authority.file), f"<{what.row}@demo.example>"
            try:
                post.send(
                    what.text, of=address, to=to, port=stack.mail_port, authority=authority, message_id=message_id
                )
            except (SMTPException, OSError):
                return False
            return True

        wait_until(is_taken, "the mail is taken", 90)

    def announce(self, _step: Step, what: Happening) -> None:
        """A buyer says at the portal that it is paying all that is open."""
        with self._visit(what.tenant, what.about) as visit:
            items = re.findall(r'name="item" value="([^"]+)"', visit.page("/pay"))
            visit.send("/pay", {"item": items}, page="/pay")

    def invite(self, _step: Step, what: Happening) -> None:
        """An administrator of a buyer asks a colleague in at the portal: an address, and what they do."""
        address, role = what.text.split()
        with self._visit(what.tenant, what.about) as visit:
            visit.prove()
            visit.send("/people/invite", {"address": address, "role": role}, page="/people")

    def _tell(self, step: Step, tenant: str, told: Sequence[News]) -> None:
        """Somebody of the seller's sales writes news and tips at the desk, and publishes them."""
        page, today = "/desk/news/new", step.at.date()
        with self._visit(tenant, "", "SALES") as visit:
            for news in told:
                fields: dict[str, str | list[str]] = {"kind": news.kind, "act": news.act, "fallback": news.fallback}
                fields |= {"role": list(news.roles), "first": today.isoformat()}
                fields["last"] = (today + timedelta(days=news.days)).isoformat()
                for language, (title, body) in news.texts.items():
                    fields |= {f"title-{language}": title, f"body-{language}": body}
                written = visit.send(page, fields, page=page)
                visit.send(f"{written}/publish", {}, page=written)

    def _visit(self, tenant: str, account: str, role: str = "ACCOUNT_ADMIN") -> Visit:
        """Whoever has a role in an account, or at the seller (""), at the seller's portal."""
        base, person = self.stage.portals[tenant], self._person(tenant, account, role)
        wait_for(base)
        return Visit(base, self.stage.stack.servers.mail_folder, person.email)

    def _person(self, tenant: str, account: str, role: str) -> Contact:
        theirs = [c for c in self.business.contacts if (c.tenant, c.account) == (tenant, account)]
        return next(contact for contact in theirs if role in contact.roles)

    def withdraw(self, _step: Step, what: Happening) -> None:
        """The buyer takes the case about an order back."""
        self.stage.desk(what.tenant, "user:cases").move(self._cases[(what.tenant, what.about)], "WITHDRAW")

    def ask(self, _step: Step, what: Happening) -> None:
        """The seller asks the buyer for the missing item that the text names."""
        desk, case = self.stage.desk(what.tenant, "user:cases"), self._cases[(what.tenant, what.about)]
        desk.move(case, "REVIEW")
        desk.move(case, "ASK_CUSTOMER", missing=what.text)

    def discard(self, _step: Step, what: Happening) -> None:
        """An operator closes a shipment that invoicing refused and that was corrected since."""
        database = self.stage.stack.running["invoicing"].database
        question = (
            f"SELECT id FROM parked WHERE closed_at IS NULL AND reason = 'refused' AND subject = 'order/{what.about}'"  # noqa: S608 - our own sample
        )
        for (number,) in rows(database, [what.tenant], question):
            self.stage.stack.command("invoicing", "parked", "discard", str(number), "--why", what.text)

    def _cases_of(self, tenant: str) -> list[str]:
        return [case for (owner, _), case in self._cases.items() if owner == tenant]

    def _import_statements(self, step: Step) -> None:
        """One bank file a seller and instant."""
        for tenant in sorted({h.tenant for h in step.happenings if h.what == "bank"}):
            payments = [self._payment(step, h) for h in step.happenings if (h.what, h.tenant) == ("bank", tenant)]
            rows = self.stage.desk(tenant, "user:cash").import_statement(payments, f"bank/{step.at.isoformat()}")
            self.stage.refusals.update(row.code for row in rows if row.outcome == "refused")

    def _payment(self, step: Step, what: Happening) -> Payment:
        """The amount is a number, or "exact" with more or less: what the named orders' invoices come to."""
        named = [
            i for order in ORDER_REFERENCE.findall(what.text) for i in self.stage.book.invoices[(what.tenant, order)]
        ]
        buyer = self._buyers.get((what.tenant, what.about)) or self._seller_currency(what)
        amount = what.amount
        if exact := EXACT.fullmatch(amount):
            gross = Money.total((Money(i.gross_minor, buyer.currency) for i in named), buyer.currency)
            amount = str(gross.decimal + Decimal(exact[1] or 0))
        return Payment(
            reference=f"{what.tenant}-{what.row}",
            account=what.about,
            value_date=step.at.date(),
            amount=Decimal(amount),
            currency=buyer.currency,
            remittance=ORDER_REFERENCE.sub(lambda order: self._numbers(what.tenant, order[1]), what.text),
        )

    def _numbers(self, tenant: str, order_id: str) -> str:
        return " ".join(invoice.number for invoice in self.stage.book.invoices[(tenant, order_id)])

    def _seller_currency(self, what: Happening) -> Buyer:
        return next(buyer for buyer in self.business.buyers if buyer.tenant == what.tenant)


def _last_of(path: str) -> str:
    """The last part of an address: the name of what its page is about."""
    return path.partition("?")[0].rpartition("/")[2]


Deed = Callable[[Player, Step, Happening], None]
# What a row of the story may be: told by the shop on Kafka …
SHOP: dict[str, Deed] = {"ship": Player.ship, "cancel": Player.cancel, "bad": Player.go_wrong}
# … or done at a desk over gRPC.
DESK: dict[str, Deed] = {
    "bad": Player.spy,
    "approve": Player.review,
    "decline": Player.review,
    "limit": Player.limit,
    "apply": Player.apply,
    "accept": Player.accept,
    "appeal": Player.appeal,
    "decide": Player.decide,
    "reconsider": Player.decide,
    "want": Player.want,
    "group": Player.group,
    "pay": Player.pay,
    "dispute": Player.dispute,
    "resolve": Player.resolve,
    "complain": Player.complain,
    "announce": Player.announce,
    "invite": Player.invite,
    "write": Player.write,
    "withdraw": Player.withdraw,
    "ask": Player.ask,
    "discard": Player.discard,
}
