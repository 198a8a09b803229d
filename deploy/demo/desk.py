"""What clerks and buyers do over gRPC: master data, payments, disputes; each deed under a key of its own."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TypeVar

from receivables.common.v1 import money_pb2, party_pb2
from receivables.credit.v1 import applications_pb2, exposure_pb2
from receivables.credit.v1 import events_pb2 as credit_events
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.disputes.v1 import events_pb2 as disputes_events
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2

from deploy.demo.calls import Method, Services
from deploy.demo.sample import Application, Buyer, Contact, Seller
from deploy.local.trust import person
from services.chassis.identity import Principal
from services.documents.words import language_of
from services.kernel.money import Money

Req = TypeVar("Req")
Resp = TypeVar("Resp")

# Of the sample's people; of whoever is not named here, all that such a one can have.
ROLES = {
    "user:clerk": ("SELLER_ADMIN", "BILLING", "SALES"),
    "user:credit": ("CREDIT",),
    "user:second": ("CREDIT",),
    "user:head": ("CREDIT",),
    "user:cash": ("CASH_APP",),
    "user:cases": ("DISPUTE_OWNER",),
    "user:lead": ("DISPUTE_OWNER",),
}

TERMS_DAYS = 30  # that an applicant gets from a person
BANK_HEADER = ("reference", "account", "value_date", "amount", "currency", "remittance")


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that came in, as the bank tells it."""

    reference: str
    account: str
    value_date: date
    amount: Decimal
    currency: str
    remittance: str


@dataclass(frozen=True, slots=True)
class Desk:
    """A seller's desks and its buyers' people: the same deed again repeats its answer."""

    services: Services
    tenant: str
    actor: str = "user:clerk"
    # Of a buyer's person: whose.
    account: str = ""

    def acting_as(self, actor: str, account: str = "") -> "Desk":
        """The same desk, in somebody else's name: a contact's with the account that it is of."""
        return replace(self, actor=actor, account=account)

    @property
    def caller(self) -> Principal:
        """Who does it, with the roles that they have."""
        accounts = [self.account] if self.account else []
        return person(self.actor, self.tenant, *accounts, roles=ROLES.get(self.actor, ()))

    def register_seller(self, seller: Seller) -> None:
        """The legal entity that issues the invoices."""
        request = invoicing_pb2.RegisterSellerRequest(
            seller_id=seller.seller_id,
            company=seller.company,
            iban=seller.iban,
            bic=seller.bic,
            series_prefix=seller.series_prefix,
            time_zone=seller.time_zone,
            contact_name=seller.contact_name,
            contact_phone=seller.contact_phone,
            contact_email=seller.contact_email,
            language=language_of(seller.company.address.country),
        )
        self._write(self.services.invoicing.RegisterSeller, request, f"seller/{seller.seller_id}")

    def register_buyer(self, buyer: Buyer) -> None:
        """A buyer's account with its limit, and what was agreed with it."""
        limit = money(buyer.limit, buyer.currency)
        request = credit_pb2.RegisterBuyerRequest(account_id=buyer.account, company=buyer.company, limit=limit)
        self._write(self.services.credit.RegisterBuyer, request, f"buyer/{buyer.account}")
        contract = invoicing_pb2.SetContractRequest(
            account_id=buyer.account,
            net_days=buyer.net_days,
            invoice_on=invoicing_pb2.InvoiceOn.Value(f"INVOICE_ON_{buyer.invoice_on}"),
            buyer_reference=buyer.buyer_reference,
            profile=buyer.profile,
            format=buyer.format,
            language=language_of(buyer.company.address.country),
        )
        self._write(self.services.invoicing.SetContract, contract, f"contract/{buyer.account}")

    def register_contact(self, contact: Contact) -> None:
        """A person of a buyer or of the seller."""
        request = notifications_pb2.RegisterContactRequest(
            contact_id=contact.contact,
            account_id=contact.account,
            name=contact.name,
            email=contact.email,
            roles=contact.roles,
            scope=party_pb2.Scope(site=contact.site),
            language=contact.language,
            wants_document=contact.wants_document,
        )
        self._write(self.services.notifications.RegisterContact, request, f"contact/{contact.contact}")

    def set_limit(self, account: str, limit: Decimal, currency: str, key: str) -> None:
        """A person gives a buyer another limit."""
        request = credit_pb2.SetLimitRequest(account_id=account, limit=money(limit, currency))
        self._write(self.services.credit.SetLimit, request, key)

    def review(self, order_id: str, outcome: str) -> credit_events.CreditDecided:
        """A person decides a referred order: APPROVED or DECLINED."""
        request = credit_pb2.ReviewRequest(order_id=order_id, outcome=credit_events.Outcome.Value(f"OUTCOME_{outcome}"))
        return self._write(self.services.credit.Review, request, f"review/{order_id}").decision

    def apply(self, application: Application) -> applications_pb2.Application:
        """A company applies for credit, and says all that it says of itself at once."""
        calls, name = self.services.applications, application.application
        start = applications_pb2.StartApplicationRequest(
            application_id=name, country=application.country, currency=application.currency
        )
        self._write(calls.StartApplication, start, f"start/{name}")
        facts = [applications_pb2.Fact(key=key, value=value) for key, value in application.facts.items()]
        answered = self._write(
            calls.GiveFacts, applications_pb2.GiveFactsRequest(application_id=name, facts=facts), f"answer/{name}"
        )
        assert not answered.refused, answered.refused
        for key, file in application.documents.items():
            document = applications_pb2.AddApplicationDocumentRequest(
                application_id=name,
                document_id=f"{name}-{key}",
                key=key,
                name=file,
                media_type="application/pdf",
                content=f"%PDF-1.7 {name} {key}".encode(),
            )
            self._write(calls.AddApplicationDocument, document, f"{key}/{name}")
        submit = applications_pb2.SubmitApplicationRequest(application_id=name)
        return self._write(calls.SubmitApplication, submit, f"submit/{name}").application

    def accept_application(self, application_id: str) -> applications_pb2.Application:
        """The applicant takes what was decided."""
        request = applications_pb2.AcceptApplicationRequest(application_id=application_id)
        return self._write(
            self.services.applications.AcceptApplication, request, f"accept/{application_id}"
        ).application

    def appeal(self, application_id: str, why: str) -> applications_pb2.Application:
        """The applicant wants another person to look at it."""
        request = applications_pb2.AppealApplicationRequest(application_id=application_id, why=why)
        return self._write(
            self.services.applications.AppealApplication, request, f"appeal/{application_id}"
        ).application

    def want(self, application_id: str, fact: str) -> applications_pb2.Application:
        """A person takes an application up and asks the applicant for one more fact."""
        key = f"want/{application_id}/{fact}"
        self._take_up(application_id, key)
        request = applications_pb2.AskForFactRequest(application_id=application_id, key=fact)
        return self._write(self.services.applications.AskForFact, request, key).application

    def decide(
        self, application_id: str, outcome: str, reasons: Sequence[str], limit: money_pb2.Money | None = None
    ) -> applications_pb2.Application:
        """A person takes an application up and decides it; where two have to, the head of credit confirms it."""
        key = f"{application_id}/{self.actor}"
        self._take_up(application_id, f"decide/{key}")
        request = applications_pb2.DecideApplicationRequest(
            application_id=application_id,
            outcome=applications_pb2.ApplicationOutcome.Value(f"APPLICATION_OUTCOME_{outcome}"),
            limit=limit,
            terms_days=TERMS_DAYS if limit else 0,
            reasons=reasons,
        )
        calls = self.services.applications
        decided = self._write(calls.DecideApplication, request, f"decide/{key}").application
        if decided.state != applications_pb2.APPLICATION_STATE_PROPOSED:
            return decided
        confirm = applications_pb2.ConfirmApplicationRequest(application_id=application_id, confirmed=True)
        head = self.acting_as("user:head")
        return head._write(calls.ConfirmApplication, confirm, f"confirm/{key}").application

    def _take_up(self, application_id: str, deed: str) -> None:
        request = applications_pb2.TakeUpApplicationRequest(application_id=application_id)
        self._write(self.services.applications.TakeUpApplication, request, f"take-up/{deed}")

    def group(self, node: str, limit: money_pb2.Money, accounts: Sequence[str]) -> None:
        """Accounts that answer for one another share a limit from now on."""
        calls = self.services.exposure
        request = exposure_pb2.RegisterNodeRequest(node_id=node, kind=credit_events.NODE_KIND_GROUP, limit=limit)
        self._write(calls.RegisterNode, request, f"node/{node}")
        for account in accounts:
            move = exposure_pb2.MoveAccountRequest(account_id=account, parent_id=node)
            self._write(calls.MoveAccount, move, f"node/{node}/{account}")

    def pay(self, payment: Payment) -> ledger_pb2.RecordPaymentResponse:
        """Book one payment."""
        request = ledger_pb2.RecordPaymentRequest(
            payment_id=payment.reference,
            account_id=payment.account,
            amount=money(payment.amount, payment.currency),
            value_date=payment.value_date.isoformat(),
            remittance=payment.remittance,
        )
        return self._write(self.services.ledger.RecordPayment, request, f"payment/{payment.reference}")

    def import_statement(self, payments: Sequence[Payment], key: str) -> list[ledger_pb2.StatementRow]:
        """Book a bank's file, row by row."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(BANK_HEADER)
        writer.writerows((p.reference, p.account, p.value_date, p.amount, p.currency, p.remittance) for p in payments)
        request = ledger_pb2.ImportBankStatementRequest(content=text.getvalue().encode())
        return list(self._write(self.services.ledger.ImportBankStatement, request, key).rows)

    def announce(self, invoice: str, minor: int, currency: str, *, key: str) -> ledger_pb2.Announcement:
        """Say that so much of an invoice is being paid."""
        item = ledger_pb2.AnnouncedItem(number=invoice, amount=money_pb2.Money(minor=minor, currency=currency))
        request = ledger_pb2.AnnouncePaymentRequest(account_id=self.account, items=[item])
        return self._write(self.services.ledger.AnnouncePayment, request, key).announcement

    def open_dispute(
        self,
        invoice: str,
        reason_code: str,
        *,
        key: str,
        lines: Sequence[tuple[str, str]] = (),
        amount: money_pb2.Money | None = None,
        description: str = "",
    ) -> disputes_pb2.Dispute:
        """Contest lines, as (invoice line, quantity), or a gross amount of an invoice."""
        request = disputes_pb2.OpenRequest(
            invoice=invoice,
            reason_code=reason_code,
            description=description,
            lines=[disputes_events.DisputedLine(line_id=line, quantity=quantity) for line, quantity in lines],
            amount=amount,
        )
        return self._write(self.services.disputes.Open, request, key).dispute

    def move(self, dispute_id: str, action: str, *, missing: str = "") -> disputes_pb2.Dispute:
        """Move a case by one action ("REVIEW", "WITHDRAW" …)."""
        request = disputes_pb2.MoveRequest(
            dispute_id=dispute_id, action=disputes_pb2.Action.Value(f"ACTION_{action}"), missing=missing
        )
        return self._write(self.services.disputes.Move, request, f"{action}/{dispute_id}").dispute

    def resolve(
        self,
        dispute_id: str,
        resolution: str,
        *,
        amount: money_pb2.Money | None = None,
        correction: disputes_events.Correction | None = None,
    ) -> disputes_pb2.Dispute:
        """End a case that was received: a clerk looks at it and proposes, the lead accepts and carries it out."""
        self.move(dispute_id, "REVIEW")
        self.move(dispute_id, "PROPOSE")
        request = disputes_pb2.ResolveRequest(
            dispute_id=dispute_id,
            resolution=disputes_events.Resolution.Value(f"RESOLUTION_{resolution}"),
            amount=amount,
            correction=correction,
        )
        lead = self.acting_as("user:lead")
        return lead._write(self.services.disputes.Resolve, request, f"resolve/{dispute_id}").dispute

    def _write(self, method: Method[Req, Resp], request: Req, key: str) -> Resp:
        return self.services.write(method, request, caller=self.caller, key=key)


def money(amount: Decimal, currency: str) -> money_pb2.Money:
    """An amount as the contracts say it, rounded to the currency's minor unit."""
    return money_pb2.Money(minor=Money.of(amount, currency).minor, currency=currency)
