"""What the stories stand on: five running services, a clock, and sellers with their buyers, each test its own."""

import email
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import uuid4

from receivables.common.v1 import party_pb2
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.orders.v1 import events_pb2 as orders_pb2

from deploy.demo import orders
from deploy.demo.desk import Desk, Payment
from deploy.demo.orders import Line, Order
from deploy.demo.player import Stage
from deploy.demo.sample import Buyer, Contact, Seller, party
from deploy.demo.stack import rows
from deploy.local.processes import wait_until
from services.kernel.calendars import add_business_days

OPENS = time(9, 0)
CLOSES = time(18, 0)


class World:
    """The services under test, at one instant of the business clock."""

    def __init__(self, stage: Stage, mail_folder: Path, at: datetime) -> None:
        """Set the clock."""
        self.stage = stage
        self.mail_folder = mail_folder
        self.at = at
        stage.services.set_clock(at)

    def settle(self) -> None:
        """Wait until nothing is under way."""
        self.stage.settle(timeout_s=60)

    def next_day(self, days: int = 1) -> None:
        """Move the clock to the morning so many days later, and let happen what that brings."""
        self._set(datetime.combine(self.at.date() + timedelta(days=days), OPENS, UTC))

    def next_business_day(self) -> None:
        """Move the clock to the next morning on which people work."""
        self._set(datetime.combine(add_business_days(self.at.date(), 1), OPENS, UTC))

    def end_of_day(self) -> None:
        """Move the clock to the evening, after the end of the business day."""
        self._set(datetime.combine(self.at.date(), CLOSES, UTC))

    def _set(self, at: datetime) -> None:
        self.at = max(self.at, at)
        self.stage.services.set_clock(self.at)
        self.settle()

    def parked(self, service: str, tenant: str) -> list[tuple[str, str, str]]:
        """What waits of a tenant's events: (reason, code, subject), oldest first."""
        question = (
            f"SELECT reason, code, subject FROM parked WHERE closed_at IS NULL AND tenant = '{tenant}' ORDER BY id"
        )
        return [
            (reason, code, subject)
            for reason, code, subject in rows(self.stage.stack.running[service].database, [tenant], question)
        ]

    def await_parked(self, service: str, tenant: str, wanted: tuple[str, str, str]) -> None:
        """Wait until an event waits there, as (reason, code, subject)."""
        self.stage.shop.flush()
        wait_until(lambda: wanted in self.parked(service, tenant), f"{wanted} is parked in {service}")


class Trader:
    """A seller with a tenant of its own, who sees nothing of what other tests do."""

    def __init__(self, world: World, *, country: str = "GB", name: str = "") -> None:
        """Register the legal entity."""
        self.world = world
        self.tenant = f"t{uuid4().hex[:10]}"
        self.name = name or f"Seller {self.tenant}"
        self.desk = Desk(world.stage.services, self.tenant)
        self.prefix = self.tenant[1:7].upper()
        self._orders: dict[str, orders_pb2.OrderPlaced] = {}
        self._buyers: dict[str, Buyer] = {}
        vat_id = {"GB": "GB314159228", "DE": "DE271828106"}[country]
        company = _company(self.name, country, vat_id)
        company.legal_id = "07654321"
        company.electronic_address, company.electronic_address_scheme = "billing@seller.example", "EM"
        self.seller = Seller(
            tenant=self.tenant,
            seller_id=f"{self.tenant}-1",
            company=company,
            iban="GB60BARC20000055779911" if country == "GB" else "DE05200505500123456789",
            bic="BARCGB22XXX",
            series_prefix=self.prefix,
            time_zone="Europe/London" if country == "GB" else "Europe/Berlin",
            contact_name="Billing desk",
            contact_phone="+44 117 496 0100",
            contact_email="billing@seller.example",
        )
        self.desk.register_seller(self.seller)

    def buyer(
        self,
        account: str = "b1",
        *,
        limit: int = 1000,
        country: str = "GB",
        currency: str = "GBP",
        vat_id: str = "",
        net_days: int = 30,
        invoice_on: str = "SHIPMENT",
        profile: str = "",
    ) -> str:
        """Register a buyer; all services know it afterwards."""
        company = _company(f"Buyer {account} of {self.tenant}", country, vat_id)
        known = Buyer(
            self.tenant, account, company, currency, Decimal(limit), net_days, invoice_on, "BUYER-REF", profile
        )
        self._buyers[account] = known
        self.desk.register_buyer(known)
        self.world.settle()
        return account

    def person(
        self,
        contact: str,
        roles: str,
        account: str = "",
        *,
        email: str = "",
        language: str = "en",
        wants_document: bool = False,
        site: str = "",
    ) -> str:
        """Register somebody who hears; gives the address, which no other test has."""
        address = email or f"{contact}.{self.tenant}@people.example"
        person = Contact(
            self.tenant,
            contact,
            account,
            f"Person {contact}",
            address,
            tuple(roles.split()),
            language,
            wants_document,
            site,
        )
        self.desk.register_contact(person)
        return address

    def place(
        self,
        order_id: str,
        *amounts: str,
        account: str = "b1",
        quantity: str = "1",
        version: int = 1,
        promised_in_days: int = 3,
        site: str = "",
        asset: str = "",
        told: bool = True,
    ) -> orders_pb2.OrderPlaced:
        """Place an order with a line a net price each; `told` False: make it and keep it."""
        buyer = self._buyers.get(account)
        today = self.world.at.date()
        order = Order(
            order_id=order_id,
            version=version,
            account_id=account,
            currency=buyer.currency if buyer else "GBP",
            placed_on=today,
            promised_ship_on=today + timedelta(days=promised_in_days),
            lines=[
                Line(str(n), f"SKU-{n}", f"Goods {n}", Decimal(quantity), Decimal(amount), asset_id=asset)
                for n, amount in enumerate(amounts, 1)
            ],
            site=site,
        )
        whose = party(buyer.company) if buyer else party(self.seller.company)
        self._orders[order_id] = orders.placed(order, party(self.seller.company), whose)
        if told:
            self.tell_placed(order_id)
        return self._orders[order_id]

    def tell_placed(self, order_id: str) -> None:
        """Tell an order that was made and not told, or tell it again."""
        self.world.stage.shop.place(self.tenant, self._orders[order_id], self.world.at)

    def ship(
        self, order_id: str, *lines: tuple[str, str], shipment: str = "s1", final: bool = True, dispute: str = ""
    ) -> None:
        """Ship an order, whole or only the lines as (line, quantity); of a case what it ended in sending again."""
        shipped = orders.shipped(
            self._orders[order_id], f"{order_id}-{shipment}", self.world.at.date(), lines, final=final
        )
        shipped.dispute_id = dispute
        self.world.stage.shop.ship(self.tenant, shipped, self.world.at)

    def cancel(self, order_id: str) -> None:
        """Cancel an order."""
        self.world.stage.shop.cancel(self.tenant, self._orders[order_id], self.world.at)

    def report(self, asset_id: str, *readings: tuple[str, str, str], account: str = "b1", site: str = "") -> None:
        """Tell of something that a buyer has, with readings (name, value, unit) of just now."""
        told = orders_pb2.AssetReported(
            asset_id=asset_id,
            account_id=account,
            serial_number=f"SN-{asset_id}",
            name="Compressor",
            in_service_since=(self.world.at.date() - timedelta(days=800)).isoformat(),
            next_visit_on=(self.world.at.date() + timedelta(days=20)).isoformat(),
            scope=party_pb2.Scope(site=site),
        )
        told.reported_at.FromDatetime(self.world.at)
        for name, value, unit in readings:
            told.readings.add(name=name, value=value, unit=unit).taken_at.FromDatetime(self.world.at)
        self.world.stage.shop.report(self.tenant, told, self.world.at)

    def sell(self, order_id: str, *amounts: str, account: str = "b1", quantity: str = "1", asset: str = "") -> Any:
        """Place an order that fits, ship it whole, and give its InvoiceIssued."""
        self.place(order_id, *amounts, account=account, quantity=quantity, asset=asset)
        self.world.settle()
        self.ship(order_id)
        self.world.settle()
        return self.invoices(order_id)[-1]

    def pay(
        self, reference: str, amount: str, remittance: str = "", account: str = "b1"
    ) -> ledger_pb2.RecordPaymentResponse:
        """Money comes in, in the buyer's currency."""
        currency = self._buyers[account].currency
        return self.desk.pay(Payment(reference, account, self.world.at.date(), Decimal(amount), currency, remittance))

    def told(self, name: str, **fields: Any) -> list[Any]:
        """The bodies of what was announced of this tenant under this name, with these fields, in order."""
        return [
            fact.body
            for fact in self.world.stage.facts
            if fact.tenant == self.tenant
            and fact.name == name
            and all(getattr(fact.body, field) == value for field, value in fields.items())
        ]

    def invoices(self, order_id: str) -> list[Any]:
        """The InvoiceIssued of an order."""
        return self.told("InvoiceIssued", order_id=order_id)

    def credit(self, account: str = "b1") -> tuple[Decimal, Decimal]:
        """What the account uses and holds, in major units of a currency with two decimals."""
        request = credit_pb2.GetAccountRequest(account_id=account)
        found = self.world.stage.services.read(
            self.world.stage.services.credit.GetAccount, request, tenant=self.tenant
        ).account
        return _pounds(found.used.minor), _pounds(found.held.minor)

    def decision(self, order_id: str) -> credit_pb2.GetDecisionResponse:
        """The newest answer to an order and where its hold stands."""
        services = self.world.stage.services
        request = credit_pb2.GetDecisionRequest(order_id=order_id)
        return services.read(services.credit.GetDecision, request, tenant=self.tenant)

    def balance(self, account: str = "b1") -> ledger_pb2.Balance:
        """What the account owes, in its one currency."""
        services = self.world.stage.services
        request = ledger_pb2.GetAccountRequest(account_id=account)
        [balance] = services.read(services.ledger.GetAccount, request, tenant=self.tenant).balances
        return balance

    def books(self) -> dict[str, Decimal]:
        """The trial balance in major units, by number of the chart; memo accounts and zeros apart."""
        services = self.world.stage.services
        answer = services.read(services.ledger.GetTrialBalance, ledger_pb2.GetTrialBalanceRequest(), tenant=self.tenant)
        return {b.account: _pounds(b.balance.minor) for b in answer.balances if b.balance.minor}

    def render(self, number: str) -> bytes:
        """The document as its recipient gets it."""
        services = self.world.stage.services
        request = invoicing_pb2.RenderDocumentRequest(document=number)
        return services.read(services.invoicing.RenderDocument, request, tenant=self.tenant).content

    def mails(self, address: str) -> list[EmailMessage]:
        """What an address received, oldest first."""
        files = sorted(self.world.mail_folder.glob(f"*-{address}.eml"), key=lambda file: int(file.name.split("-")[0]))
        return [email.message_from_bytes(file.read_bytes(), policy=default) for file in files]


def text_of(mail: EmailMessage) -> str:
    """The text part, its lines joined."""
    part = mail.get_body(("plain",))
    assert part is not None, "a mail has a text part"
    return " ".join(str(part.get_content()).split())


def subjects(mails: Sequence[EmailMessage]) -> list[str]:
    """What the mails are about."""
    return [str(mail["Subject"]) for mail in mails]


def _company(name: str, country: str, vat_id: str) -> party_pb2.Company:
    address = party_pb2.Address(street="1 High Street", city="Town", post_code="12345", country=country)
    return party_pb2.Company(name=name, vat_id=vat_id, address=address)


def _pounds(minor: int) -> Decimal:
    return Decimal(minor).scaleb(-2)
