"""Every call and every followed event of each service, as asked of the stock: the hot account, ordinary ones, strangers."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from receivables.audit.v1 import service_pb2 as audit_pb2
from receivables.common.v1 import money_pb2, party_pb2, standing_pb2
from receivables.credit.v1 import applications_pb2, exposure_pb2, lab_pb2
from receivables.credit.v1 import events_pb2 as credit_events
from receivables.credit.v1 import service_pb2 as credit_pb2
from receivables.credit.v1 import standing_pb2 as credit_standing
from receivables.disputes.v1 import causes_pb2, incidents_pb2, responses_pb2
from receivables.disputes.v1 import events_pb2 as disputes_events
from receivables.disputes.v1 import service_pb2 as disputes_pb2
from receivables.disputes.v1 import standing_pb2 as disputes_standing
from receivables.invoicing.v1 import events_pb2 as invoicing_events
from receivables.invoicing.v1 import service_pb2 as invoicing_pb2
from receivables.ledger.v1 import events_pb2 as ledger_events
from receivables.ledger.v1 import service_pb2 as ledger_pb2
from receivables.notifications.v1 import events_pb2 as notifications_events
from receivables.notifications.v1 import feedback_pb2, letters_pb2
from receivables.notifications.v1 import service_pb2 as notifications_pb2
from receivables.orders.v1 import events_pb2 as orders_events

from services.chassis.access import CALL
from services.chassis.audit import AuditService
from services.chassis.envelope import Record
from services.chassis.service import AUDIT as AUDIT_SERVICE
from services.chassis.service import Servicer
from services.chassis.workers import Work, drain
from services.credit.domain import underwriting
from services.disputes.domain import responses
from services.notifications import post
from tests import callers
from tests.integration.credit.applicants import ANSWERS
from tests.integration.disputes import desk as disputes
from tests.integration.invoicing import office
from tests.integration.ledger import desk as ledger
from tests.records import a_record
from tests.unit.disputes.spoken import said

PARENT = credit_events.NODE_KIND_PARENT
LC = credit_events.SECURITY_KIND_LC
HOT = "b0"  # one in ten of all
BATCH = 40
PICTURE = b"\x89PNG\r\n\x1a\n-"


class Refused(Exception):  # noqa: N818 - a word of the trade, as in the kernel
    """A call that a door does not answer: the stock is not as the call believes."""


@dataclass(frozen=True)
class Caller:
    """Who calls, as the door sees them."""

    by: str = "user:ada"

    def invocation_metadata(self) -> Any:
        return (*(pair for pair in office.metadata() if pair[0] != "ar-actor"), ("ar-actor", self.by))

    def metadata(self, audience: str) -> dict[str, str]:
        """With the token of whoever calls."""
        return dict(callers.signed("", self.invocation_metadata(), audience))

    async def abort_with_status(self, status: Any) -> None:
        raise Refused(status.details)

    async def abort(self, code: Any, details: str) -> None:
        raise Refused(f"{code} {details}")


@dataclass(frozen=True)
class Door:
    """What is asked or told, by name; what came of the calls before can be built on."""

    name: str
    ask: Callable[["Asked"], Awaitable[Any]]


@dataclass
class Asked:
    """A service with the stock, open to be asked."""

    parts: Any
    servicers: Sequence[Servicer]

    async def call(self, method: str, request: Message, *, by: str = "user:ada") -> Any:
        answers: Any
        if request.DESCRIPTOR.file.package == audit_pb2.DESCRIPTOR.package:
            answers, name = AuditService(self.parts.database, self.parts.consumer), AUDIT_SERVICE
        else:
            name, answers = next((one.name, one.answers) for one in self.servicers if method in methods_of(one))
        caller, audience = Caller(by), self.parts.consumer.name
        gate = callers.gate(audience, [name])
        call = gate.admit(f"{name}/{method}", caller.metadata(audience), None)
        gate.check(call, request)
        token = CALL.set(call)
        try:
            return await getattr(answers, method)(request, caller)
        finally:
            CALL.reset(token)

    async def tell(self, records: Sequence[Record]) -> None:
        await self.parts.consumer.handle(records)

    async def work(self, work: Work) -> None:
        await drain(self.parts.consumer, [work])
        async with self.parts.database.transaction(await self.parts.database.tenants()) as tx:
            await work.findable(tx)


def methods_of(servicer: Servicer) -> set[str]:
    """The calls that it answers."""
    service = descriptor_pool.Default().FindServiceByName(servicer.name)  # type: ignore[no-untyped-call, unused-ignore]
    return {method.name for method in service.methods}


def call(request: Message) -> Door:
    """The call whose request this is."""
    method = request.DESCRIPTOR.name.removesuffix("Request")
    return Door(method, lambda asked: asked.call(method, request))


def called_by(who: str, request: Message) -> Door:
    """The same, by somebody."""
    method = request.DESCRIPTOR.name.removesuffix("Request")
    return Door(method, lambda asked: asked.call(method, request, by=who))


def pages(request: Any, rows: int = 5) -> list[Door]:
    """The first page of a list, and the one after it."""
    method = request.DESCRIPTOR.name.removesuffix("Request")

    async def second(asked: Asked) -> None:
        first = type(request)()
        first.CopyFrom(request)
        first.page_size = rows
        token = (await asked.call(method, first)).next_page_token
        assert token, f"{method} has a second page of {request}"
        first.page_token = token
        await asked.call(method, first)

    return [call(request), Door(method, second)]


def event(make: Callable[[int], Record], *, kind: type[Message]) -> Door:
    """A batch of events of one kind, of many accounts."""
    return Door(kind.__name__, lambda asked: asked.tell([make(n) for n in range(BATCH)]))


def of_account(body: Any, subject: str, n: int) -> Record:
    """An event of the account that its number belongs to, the hot one included."""
    body.account_id = account_of(n)
    return a_record(body, account=body.account_id, subject=subject)


def account_of(n: int) -> str:
    """Every fourth is the hot one's."""
    return HOT if n % 4 == 0 else f"b{n}"


def eur(minor: int) -> money_pb2.Money:
    return money_pb2.Money(minor=minor, currency="EUR")


def _erased(n: int) -> Record:
    """Somebody is forgotten, who wrote nothing that is left."""
    body = notifications_events.ContactErased(contact_id=f"c{n}", account_id=account_of(n))
    return a_record(body, account=account_of(n), subject=f"contact/c{n}")


def _succeeded(n: int) -> Record:
    """Somebody of the seller's handed over, who saw to nothing that is left."""
    body = notifications_events.ContactSucceeded(contact_id=f"c{n}", successor_id="sam")
    return a_record(body, account="people", subject=f"succession/c{n}")


def _order_checks() -> list[Door]:
    """An order that is to go somewhere else, and what people do with it."""
    placed = [
        credit_pb2.DecideRequest(
            order_id="led",
            version=version,
            account_id="b7",
            amount=eur(500),
            ship_to=party_pb2.Address(street="Hauptstr. 1", city=city, country="DE"),
        )
        for version, city in enumerate(("Berlin", "Hamburg"), start=1)
    ]
    return [
        *map(call, placed),
        *pages(credit_pb2.ListOrderChecksRequest()),
        call(credit_pb2.GetOrderCheckRequest(order_id="led")),
        called_by("user:bo", credit_pb2.TakeUpOrderCheckRequest(order_id="led")),
        called_by("user:bo", credit_pb2.RecordOrderCheckRequest(order_id="led", is_clear=True)),
        *pages(credit_pb2.ListFraudRulesRequest()),
        call(credit_pb2.RestoreFraudRuleRequest(rule="F07")),
    ]


def _applications() -> list[Door]:
    """Applications of the hot account, and of b1, whose contacts apply; `ap-<n>` waits for the seller where n ends with 7."""
    new = "new-application"
    facts = [applications_pb2.Fact(key=key, value=value) for key, value in ANSWERS.items()]
    policy = underwriting.default()
    a_case = lab_pb2.HistoryCase(case_id="new-case", decided_on="2010-01-05", currency="EUR", drawn="100")
    document = applications_pb2.AddApplicationDocumentRequest(
        application_id=new,
        document_id="new-document",
        key="annual_accounts",
        name="accounts.pdf",
        media_type="application/pdf",
        content=b"%PDF-1.7",
    )

    def decided(application_id: str, minor: int = 1_000_00) -> applications_pb2.DecideApplicationRequest:
        return applications_pb2.DecideApplicationRequest(
            application_id=application_id,
            outcome=applications_pb2.APPLICATION_OUTCOME_APPROVED,
            limit=eur(minor),
        )

    async def replay(asked: Asked) -> None:
        shown = await asked.call(
            "GetApplication", applications_pb2.GetApplicationRequest(application_id=new), by="key:e"
        )
        request = applications_pb2.ReplayDecisionRequest(decision_id=shown.application.decision.decision_id)
        await asked.call("ReplayDecision", request)

    async def clear(asked: Asked) -> None:
        match = applications_pb2.Match(key="company_name", list="UN", entry_id="XX.1", name="d" * 64)
        look = applications_pb2.Look(matches=[match]).SerializeToString()
        async with asked.parts.database.transaction(["acme"]) as tx:
            await tx.run(
                "UPDATE application_look SET look = %s WHERE tenant = %s AND application_id = %s", [look, "acme", new]
            )
        request = applications_pb2.ClearMatchRequest(application_id=new, list="UN", entry_id="XX.1", key="company_name")
        await asked.call("ClearMatch", request)

    return [
        called_by("key:e", applications_pb2.StartApplicationRequest(application_id=new, account_id="b1")),
        called_by("key:e", applications_pb2.GiveFactsRequest(application_id=new, facts=facts)),
        called_by("key:e", document),
        called_by(
            "key:e",
            applications_pb2.GetApplicationDocumentRequest(application_id=new, document_id="new-document"),
        ),
        called_by("key:e", applications_pb2.SubmitApplicationRequest(application_id=new)),
        Door("ReplayDecision", replay),
        called_by("key:e", applications_pb2.GetApplicationRequest(application_id=new)),
        *pages(applications_pb2.ListApplicationsRequest()),
        *pages(applications_pb2.ListApplicationsRequest(account_id=HOT)),
        call(applications_pb2.GetCaseRequest(application_id=new)),
        called_by(
            "service:portal",
            applications_pb2.ConfirmAddressRequest(application_id=new, address=ANSWERS["contact_email"]),
        ),
        called_by("contact:c", applications_pb2.ConfirmShipToRequest(application_id=new)),
        called_by(
            "user:cy",
            applications_pb2.RecordCallBackRequest(
                application_id=new,
                number="+49 30 901820",
                source_of_number=applications_pb2.NUMBER_SOURCE_REGISTER,
                spoke_with="Somebody",
                outcome=applications_pb2.CALL_BACK_OUTCOME_NOT_REACHED,
            ),
        ),
        Door("ClearMatch", clear),
        call(applications_pb2.TakeUpApplicationRequest(application_id=new)),
        call(applications_pb2.AskForFactRequest(application_id=new, key="owners")),
        called_by(
            "key:e",
            applications_pb2.GiveFactsRequest(
                application_id=new, facts=[applications_pb2.Fact(key="owners", value="Somebody")]
            ),
        ),
        call(decided(new, 9_000_000_00)),
        called_by("user:bo", applications_pb2.ConfirmApplicationRequest(application_id=new, confirmed=True)),
        called_by("contact:c", applications_pb2.AppealApplicationRequest(application_id=new, why="Please")),
        called_by("user:bo", applications_pb2.TakeUpApplicationRequest(application_id=new)),
        called_by("user:bo", decided(new)),
        called_by("contact:c", applications_pb2.AcceptApplicationRequest(application_id=new)),
        called_by("key:e", applications_pb2.StartApplicationRequest(application_id="gone", account_id="b1")),
        called_by("contact:c", applications_pb2.WithdrawApplicationRequest(application_id="gone")),
        call(applications_pb2.CheckPolicyTextRequest(text=policy.text)),
        call(applications_pb2.ProposePolicyTextRequest(text=policy.text)),
        called_by("user:bo", applications_pb2.ActivatePolicyTextRequest(policy_id=policy.policy_id)),
        call(applications_pb2.GetPolicyTextRequest()),
        *pages(applications_pb2.ListPolicyTextsRequest()),
        call(lab_pb2.AddHistoryRequest(cases=[a_case])),
        call(
            lab_pb2.StartTrialRequest(
                trial_id="new-trial",
                policy_id=policy.policy_id,
                source=lab_pb2.TRIAL_SOURCE_BOTH,
                from_day="2010-01-01",
                split_day="2010-01-15",
                to_day="2010-01-31",
            )
        ),
        call(lab_pb2.GetTrialRequest(trial_id="new-trial")),
        *pages(lab_pb2.ListTrialsRequest()),
        *pages(lab_pb2.ListTrialsRequest(policy_id="p-7")),
        call(lab_pb2.CancelTrialRequest(trial_id="new-trial")),
    ]


def _credit() -> list[Door]:
    def order(n: int) -> Record:
        body = orders_events.OrderPlaced(
            order_id=f"new-{n}",
            version=1,
            placed_on="2026-03-02",
            promised_ship_on="2026-03-03",
            currency="EUR",
            net_minor=900,
            gross_minor=900,
        )
        body.lines.add(
            line_id="1",
            sku="s",
            name="w",
            quantity="1",
            unit="C62",
            unit_price="9",
            net_minor=900,
            tax_class="STANDARD",
        )
        return of_account(body, f"order/new-{n}", n)

    def opened(n: int) -> Record:
        body = ledger_events.ItemOpened(
            invoice_id=f"new-{n}", number=f"N-{n}", order_id=f"new-{n}", final=True, amount=eur(900)
        )
        return of_account(body, f"invoice/new-{n}", n)

    def reduced(n: int) -> Record:
        body = ledger_events.ItemReduced(
            invoice_id=f"new-{n}",
            amount=eur(100),
            open=eur(800),
            by=ledger_events.REDUCTION_CREDITED,
            cause_id=f"c-{n}",
        )
        return of_account(body, f"invoice/new-{n}", n)

    def kept(n: int) -> Record:
        body = ledger_events.CreditKept(invoice_id=f"new-{n}", credit_note_number=f"k-{n}", amount=eur(100))
        return of_account(body, f"invoice/new-{n}", n)

    def paid(n: int) -> Record:
        body = ledger_events.PaymentReceived(payment_id=f"p-{n}", amount=eur(100), unapplied=eur(0))
        return of_account(body, f"payment/p-{n}", n)

    def cancelled(n: int) -> Record:
        return of_account(orders_events.OrderCancelled(order_id=f"new-{n}"), f"order/new-{n}", n)

    def shipped(n: int) -> Record:
        return of_account(orders_events.OrderShipped(order_id=f"new-{n}", shipment_id="s"), f"order/new-{n}", n)

    def refused(n: int) -> Record:
        body = invoicing_events.ShipmentRefused(order_id=f"new-{n}", code="order.rate_unknown", version=1)
        return of_account(body, f"order/new-{n}", n)

    def met(kind: type[Any]) -> Callable[[int], Record]:
        after = ledger_events.Standing(open=eur(900), unapplied=eur(0), credits=eur(0))
        return lambda n: of_account(
            kind(payment_id=f"p-{n}", invoice_id=f"new-{n}", amount=eur(100), after=[after]), f"payment/p-{n}", n
        )

    def seller(n: int) -> Record:
        body = invoicing_events.SellerChanged(version=1)
        body.seller.seller_id, body.seller.time_zone = f"s{n}", "Europe/Berlin"
        return a_record(body, account=f"s{n}", subject=f"seller/s{n}")

    policy = credit_events.CreditPolicy(referral_share="0.2", hold_days=9)
    uplift = exposure_pb2.GrantUpliftRequest(uplift_id="fresh", account_id="b7", amount=eur(5), reason_code="season")
    uplift.valid_until.FromDatetime(office.MONDAY + timedelta(days=9))
    security = exposure_pb2.SetSecurityRequest(
        security_id="fresh", account_id="b7", amount=eur(5), coverage="0.9", kind=LC
    )
    as_of = exposure_pb2.GetLimitAsOfRequest(account_id=HOT)
    for time in (as_of.valid_at, as_of.known_at):  # the stock is registered by the system's clock
        time.FromDatetime(office.MONDAY + timedelta(days=3650))
    of_node = exposure_pb2.GetLimitAsOfRequest(node_id="g1")
    for time in (of_node.valid_at, of_node.known_at):
        time.FromDatetime(office.MONDAY + timedelta(days=3650))
    rate = credit_events.Rate(base="EUR", quote="SEK", day=office.MONDAY.date().isoformat(), rate="11.25")
    decide = credit_pb2.DecideRequest(order_id="call", version=1, account_id=HOT, amount=eur(500))
    abroad = credit_pb2.DecideRequest(order_id="abroad", version=1, account_id=HOT)
    abroad.amount.minor, abroad.amount.currency = 500, "SEK"
    return [
        call(credit_pb2.RegisterBuyerRequest(account_id="fresh", company=office.company(), limit=eur(10))),
        call(credit_pb2.ChangeBuyerRequest(account_id=HOT, company=office.company())),
        call(credit_pb2.SetLimitRequest(account_id="b7", limit=eur(10**12))),
        call(decide),
        call(credit_pb2.ReviewRequest(order_id="o1", outcome=credit_events.OUTCOME_APPROVED)),
        *_order_checks(),
        call(credit_pb2.GetAccountRequest(account_id=HOT)),
        *pages(credit_pb2.ListAccountsRequest()),
        *pages(credit_pb2.ListAccountsRequest(search="B1")),
        *pages(credit_pb2.ListAccountsRequest(search="Acme")),
        call(credit_pb2.ListAccountsRequest(search="no such company")),
        call(credit_pb2.GetDecisionRequest(order_id="o7")),
        call(credit_pb2.GetDecisionRequest(order_id="o7", version=1)),
        *pages(credit_pb2.ListDecisionsRequest()),
        *pages(credit_pb2.ListDecisionsRequest(account_id=HOT)),
        *pages(credit_pb2.ListReferredRequest()),
        call(credit_pb2.PlaceHoldRequest(hold_id="fresh", account_id="b7", scope=party_pb2.Scope(site="x"))),
        call(credit_pb2.LiftHoldRequest(hold_id="fresh")),
        *pages(credit_pb2.ListHoldsRequest()),
        *pages(credit_pb2.ListHoldsRequest(account_id=HOT)),
        call(credit_pb2.SetPolicyRequest(policy=policy)),
        call(credit_pb2.GetPolicyRequest()),
        *_applications(),
        call(as_of),
        call(exposure_pb2.GetExposureRequest(account_id=HOT)),
        call(uplift),
        call(security),
        call(exposure_pb2.EndSecurityRequest(security_id="s10")),
        *pages(exposure_pb2.ListSecuritiesRequest()),
        *pages(exposure_pb2.ListSecuritiesRequest(account_id=HOT)),
        called_by("user:bo", exposure_pb2.ApproveUpliftRequest(uplift_id="u10")),
        call(exposure_pb2.EndUpliftRequest(uplift_id="u10")),
        called_by("contact:c1", exposure_pb2.AcceptReviewRequest(review_id="r1")),
        call(exposure_pb2.DecideReviewRequest(review_id="r11", confirmed=True)),
        *pages(exposure_pb2.ListReviewsRequest()),
        *pages(exposure_pb2.ListReviewsRequest(account_id=HOT)),
        *pages(exposure_pb2.ListUpliftsRequest()),
        *pages(exposure_pb2.ListUpliftsRequest(account_id=HOT)),
        *_standing(credit_standing, standing_pb2.STANDING_KIND_UPLIFT),
        call(exposure_pb2.RegisterNodeRequest(node_id="fresh", kind=PARENT, parent_id="g1", limit=eur(10**12))),
        call(exposure_pb2.SetNodeLimitRequest(node_id="g1", limit=eur(10**13))),
        call(of_node),
        call(exposure_pb2.SetRatesRequest(rates=[rate])),
        *pages(exposure_pb2.ListRatesRequest()),
        call(abroad),
        call(exposure_pb2.MoveAccountRequest(account_id="b7", parent_id="fresh")),
        *pages(exposure_pb2.GetTreeRequest()),
        *pages(exposure_pb2.GetTreeRequest(node_id="g1")),
        call(exposure_pb2.GetTreeRequest(account_id="b11")),
        event(seller, kind=invoicing_events.SellerChanged),
        event(_erased, kind=notifications_events.ContactErased),
        event(_succeeded, kind=notifications_events.ContactSucceeded),
        event(order, kind=orders_events.OrderPlaced),
        event(shipped, kind=orders_events.OrderShipped),
        event(opened, kind=ledger_events.ItemOpened),
        event(reduced, kind=ledger_events.ItemReduced),
        event(kept, kind=ledger_events.CreditKept),
        event(paid, kind=ledger_events.PaymentReceived),
        event(met(ledger_events.CashApplied), kind=ledger_events.CashApplied),
        event(met(ledger_events.CashUnapplied), kind=ledger_events.CashUnapplied),
        event(cancelled, kind=orders_events.OrderCancelled),
        event(refused, kind=invoicing_events.ShipmentRefused),
    ]


def _ledger() -> list[Door]:
    def numbered(make: Callable[..., Record], name: str, **more: Any) -> Callable[[int], Record]:
        return lambda n: make(f"{name}-{n}", account=account_of(n), **more)

    def of_b1(make: Callable[..., Record], *more: Any) -> Callable[[int], Record]:
        return lambda n: make(f"new-{n}", *more)

    def statement(asked: Asked) -> Awaitable[Any]:
        rows = "\n".join(f"row-{n},{account_of(n)},2026-03-02,150.00,EUR,RE-{10 * n}" for n in range(BATCH))
        content = f"reference,account,value_date,amount,currency,remittance\n{rows}".encode()
        return asked.call("ImportBankStatement", ledger_pb2.ImportBankStatementRequest(content=content))

    def pay(name: str, minor: int, remittance: str = "", **more: str) -> Door:
        return call(ledger.a_payment(f"{name} {uuid4()}", minor, remittance, **({"account": HOT} | more)))

    announcement = ledger_pb2.AnnouncePaymentRequest(
        account_id="b2", items=[ledger_pb2.AnnouncedItem(number="RE-2", amount=eur(100))]
    )

    async def withdraw(asked: Asked) -> None:
        announced = (await asked.call("AnnouncePayment", announcement)).announcement
        request = ledger_pb2.WithdrawAnnouncementRequest(account_id="b2", reference=announced.reference)
        await asked.call("WithdrawAnnouncement", request)

    def credited(n: int) -> Record:
        return ledger.credited(f"new-{n}", note=f"new-c-{n}", account=account_of(n))

    def disputed(n: int) -> Record:
        return ledger.disputed(f"new-d-{n}", invoice="i1")

    return [
        pay("small", 100),
        pay("named", 15_000, "RE-100 and RE-200"),
        pay("paid before", 15_000, "RE-1", account="b1"),
        pay("of many", 3_000_000),
        pay("of more than one transaction meets", 6_000_000),
        pay("behind that", 100),
        pay("of the other currency", 50_000, currency="SEK"),
        pay("of a small account", 10**9, "RE-17", account="b18"),
        call(ledger.a_payment("p-i1", 10_000, "RE-1", account="b1")),
        Door("ImportBankStatement", statement),
        call(ledger_pb2.GetAccountRequest(account_id=HOT)),
        call(ledger_pb2.GetAccountRequest(account_id="b7")),
        call(ledger_pb2.GetPaymentRequest(payment_id="p-i7")),
        *pages(ledger_pb2.ListPaymentsRequest()),
        *pages(ledger_pb2.ListPaymentsRequest(account_id="b1")),
        call(ledger_pb2.ListPaymentsRequest(unapplied_only=True)),
        call(ledger_pb2.ListPaymentsRequest(account_id="b1", unapplied_only=True)),
        call(announcement),
        Door("WithdrawAnnouncement", withdraw),
        *pages(ledger_pb2.ListAnnouncementsRequest()),
        *pages(ledger_pb2.ListAnnouncementsRequest(account_id=HOT)),
        *pages(ledger_pb2.ListAnnouncementsRequest(expected_only=True)),
        *pages(ledger_pb2.ListAnnouncementsRequest(account_id=HOT, expected_only=True)),
        *pages(ledger_pb2.ListOpenItemsRequest()),
        *pages(ledger_pb2.ListOpenItemsRequest(account_id=HOT)),
        *pages(ledger_pb2.ListOpenItemsRequest(account_id="b2"), rows=2),
        call(ledger_pb2.ListOpenItemsRequest(account_id=HOT, invoice_ids=["i10", "i20"])),
        call(ledger_pb2.GetTrialBalanceRequest()),
        event(lambda n: ledger.registered(f"fresh-{n}"), kind=credit_events.BuyerRegistered),
        event(lambda n: ledger.seller_registered(f"s{n}"), kind=invoicing_events.SellerRegistered),
        event(lambda n: ledger.seller_in("Asia/Tokyo", f"s{n}"), kind=invoicing_events.SellerChanged),
        event(numbered(ledger.issued, "new"), kind=invoicing_events.InvoiceIssued),
        event(credited, kind=invoicing_events.CreditNoteIssued),
        event(numbered(ledger.decided, "new"), kind=credit_events.CreditDecided),
        event(of_b1(ledger.captured), kind=credit_events.HoldCaptured),
        event(of_b1(ledger.released), kind=credit_events.HoldReleased),
        event(of_b1(ledger.expired), kind=credit_events.HoldExpired),
        event(disputed, kind=disputes_events.DisputeOpened),
        event(lambda n: ledger.moved("REJECTED", f"new-d-{n}", invoice="i1"), kind=disputes_events.DisputeMoved),
        event(lambda n: ledger.resolved(f"new-d-{n}", invoice="i1"), kind=disputes_events.DisputeResolved),
    ]


def _standing(of: Any, kind: standing_pb2.StandingKind.ValueType) -> list[Door]:
    bounds = standing_pb2.StandingBounds(
        kinds=[kind], act_most=eur(5), period_most=eur(5), period_count=1, period_days=30
    )
    bounds.valid_until.FromDatetime(office.MONDAY + timedelta(days=9))
    return [
        call(of.GrantStandingApprovalRequest(approval_id="fresh", account_id="b7", bounds=bounds)),
        called_by("user:bo", of.ConfirmStandingApprovalRequest(approval_id="fresh")),
        call(of.RevokeStandingApprovalRequest(approval_id="fresh")),
        *pages(of.ListStandingApprovalsRequest()),
        *pages(of.ListStandingApprovalsRequest(account_id=HOT)),
        *pages(of.ListStandingUsesRequest(approval_id="sa10")),
    ]


_NEWEST = disputes_pb2.LIST_ORDER_NEWEST_FIRST
_AT_SELLER, _AT_BUYER = disputes_pb2.LIST_ORDER_WAITING_FOR_SELLER, disputes_pb2.LIST_ORDER_WAITING_FOR_BUYER
_AT_RISK = disputes_pb2.LIST_ORDER_AT_RISK_FIRST
_DISPUTE_POLICY = disputes_events.DisputePolicy(window_days=90, answer_days=5, customer_days=5, reopen_days=30)


_OF_INCIDENTS = (
    "OpenIncident",
    "JoinIncident",
    "MoveIncident",
    "ProposeIncidentEnd",
    "ApproveIncidentEnd",
    "GetIncident",
    "ListIncidents",
)


async def _move_action(asked: Asked) -> None:
    """The stock has none."""
    request = causes_pb2.MoveActionRequest(action_id="none", step=causes_pb2.ACTION_STEP_START)
    with suppress(Refused):
        await asked.call("MoveAction", request)


async def _incident(asked: Asked) -> None:
    """One on what is contested of a few days, from its opening to its end."""
    opening = incidents_pb2.OpenIncidentRequest(title_code="QTY_SHORT", sku="of-nobody")
    incident = (await asked.call("OpenIncident", opening)).incident.incident_id
    progress = disputes_events.INCIDENT_PROGRESS_MENDING
    end = disputes_events.RESOLUTION_INVALID_PAYABLE
    await asked.call("JoinIncident", incidents_pb2.JoinIncidentRequest(incident_id=incident, dispute_ids=["D-2026-77"]))
    await asked.call("MoveIncident", incidents_pb2.MoveIncidentRequest(incident_id=incident, progress=progress))
    await asked.call("GetIncident", incidents_pb2.GetIncidentRequest(incident_id=incident))
    await asked.call("ListIncidents", incidents_pb2.ListIncidentsRequest())
    await asked.call(
        "ProposeIncidentEnd", incidents_pb2.ProposeIncidentEndRequest(incident_id=incident, resolution=end)
    )
    await asked.call("ApproveIncidentEnd", incidents_pb2.ApproveIncidentEndRequest(incident_id=incident), by="user:bo")


def _disputes() -> list[Door]:
    def issued(n: int) -> Record:
        return disputes.issued(f"new-{n}", account=account_of(n))

    def credited(n: int) -> Record:
        return disputes.credited(None, 100, note=f"new-c-{n}", invoice=f"new-{n}", account=account_of(n))

    def reduced(n: int) -> Record:
        return disputes.reduced(100, n + 1, invoice=f"new-{n}")

    async def open_move_resolve(asked: Asked) -> None:
        request = disputes_pb2.OpenRequest(
            invoice="N-new-1", reason_code="QTY_SHORT", description="two", amount=eur(100)
        )
        case = (await asked.call("Open", request)).dispute
        for action, by in (
            (disputes_pb2.ACTION_REVIEW, "user:ada"),
            (disputes_pb2.ACTION_PROPOSE, "user:ada"),
            (disputes_pb2.ACTION_ACCEPT, "user:bo"),
        ):
            await asked.call("Move", disputes_pb2.MoveRequest(dispute_id=case.dispute_id, action=action), by=by)
        resolve = disputes_pb2.ResolveRequest(
            dispute_id=case.dispute_id, resolution=disputes_events.RESOLUTION_FULL_CREDIT
        )
        await asked.call("Resolve", resolve, by="user:bo")

    async def run_split_and_merge(asked: Asked) -> None:
        request = disputes_pb2.OpenRequest(
            invoice="N-new-2",
            reason_code="OTH",
            description="two",
            lines=[disputes_events.DisputedLine(line_id="1", quantity="2")],
        )
        case = (await asked.call("Open", request)).dispute
        await asked.call("Assign", disputes_pb2.AssignRequest(dispute_id=case.dispute_id, owner="user:ada"))
        await asked.call("Recode", disputes_pb2.RecodeRequest(dispute_id=case.dispute_id, reason_code="QTY_SHORT"))
        part = [disputes_events.DisputedLine(line_id="1", quantity="1")]
        split = await asked.call("Split", disputes_pb2.SplitRequest(dispute_id=case.dispute_id, lines=part))
        merge = disputes_pb2.MergeRequest(dispute_id=split.split_off.dispute_id, into=case.dispute_id)
        await asked.call("Merge", merge)

    async def set_cell(asked: Asked) -> None:
        request = disputes_pb2.OpenRequest(invoice="N-new-3", reason_code="QLT_SPEC", amount=eur(100))
        case = (await asked.call("Open", request)).dispute
        steps = disputes_events.CellStep.values()[1:]
        places = [disputes_events.CellPlace(step=step, person=f"user:{step}", by=case.answer_by) for step in steps]
        cell = disputes_pb2.Cell(coordinator="user:ada", places=places)
        await asked.call("SetCell", disputes_pb2.SetCellRequest(dispute_id=case.dispute_id, cell=cell))

    async def add_and_get_evidence(asked: Asked) -> None:
        request = disputes_pb2.AddEvidenceRequest(
            dispute_id="D-2026-7", file_name="a.pdf", media_type="application/pdf", content=b"%PDF-1.7"
        )
        added = (await asked.call("AddEvidence", request)).evidence
        shown = disputes_pb2.GetEvidenceRequest(dispute_id="d000000007", evidence_id=added.evidence_id)
        await asked.call("GetEvidence", shown)

    def agreed(n: int) -> Record:
        body = invoicing_events.ContractSet(version=1)
        body.contract.account_id = account_of(n)
        return a_record(body, account=account_of(n), subject=f"contract/{account_of(n)}")

    def paid(n: int) -> Record:
        return of_account(ledger_events.PaymentReceived(payment_id=f"new-{n}"), f"payment/new-{n}", n)

    def taken_back(n: int) -> Record:
        body = ledger_events.CashUnapplied(payment_id=f"new-{n}", invoice_id=f"new-{n}", amount=eur(100))
        return of_account(body, f"payment/new-{n}", n)

    return [
        event(lambda n: office.placed(f"new-{n}", account=account_of(n)), kind=orders_events.OrderPlaced),
        event(lambda n: office.shipped(f"new-{n}", account=account_of(n)), kind=orders_events.OrderShipped),
        event(lambda n: office.received(f"new-{n}", account=account_of(n)), kind=orders_events.GoodsReceived),
        event(agreed, kind=invoicing_events.ContractSet),
        event(paid, kind=ledger_events.PaymentReceived),
        event(issued, kind=invoicing_events.InvoiceIssued),
        event(taken_back, kind=ledger_events.CashUnapplied),
        event(credited, kind=invoicing_events.CreditNoteIssued),
        event(reduced, kind=ledger_events.ItemReduced),
        event(lambda _: disputes.sent_again("d000000007", invoice="i7"), kind=invoicing_events.ReplacementShipped),
        event(lambda n: disputes.seller(f"s{n}", time_zone="Europe/Berlin"), kind=invoicing_events.SellerChanged),
        call(disputes_pb2.SetPolicyRequest(policy=_DISPUTE_POLICY)),
        call(disputes_pb2.GetPolicyRequest()),
        *_standing(disputes_standing, standing_pb2.STANDING_KIND_CREDIT),
        *(Door(name, open_move_resolve) for name in ("Open", "Move", "Resolve")),
        Door("SetCell", set_cell),
        *(Door(name, run_split_and_merge) for name in ("Assign", "Recode", "Split", "Merge")),
        call(disputes_pb2.GetDisputeRequest(dispute_id="d000000007")),
        call(disputes_pb2.GetDisputeRequest(dispute_id="D-2026-77")),
        call(disputes_pb2.GetMoveRequest(dispute_id="d000000007", nth=1)),
        call(disputes_pb2.PreviewRequest(invoice="i7", reason_code="QTY_SHORT")),
        call(disputes_pb2.PreviewRequest(invoice="i7", reason_code="INV_DUP")),
        call(disputes_pb2.ListChecksRequest(dispute_id="d000000007")),
        *(Door(name, add_and_get_evidence) for name in ("AddEvidence", "GetEvidence")),
        call(disputes_pb2.ListEvidenceRequest(dispute_id="d000000007")),
        event(_erased, kind=notifications_events.ContactErased),
        event(_succeeded, kind=notifications_events.ContactSucceeded),
        *pages(disputes_pb2.ListDisputesRequest()),
        *pages(disputes_pb2.ListDisputesRequest(account_id=HOT)),
        *pages(disputes_pb2.ListDisputesRequest(state=disputes_events.STATE_PROPOSED)),
        *pages(disputes_pb2.ListDisputesRequest(account_id="b7", state=disputes_events.STATE_PROPOSED)),
        call(disputes_pb2.ListDisputesRequest(account_id=HOT, state=disputes_events.STATE_PROPOSED)),
        call(disputes_pb2.ListDisputesRequest(account_id=HOT, state=disputes_events.STATE_WITHDRAWN)),
        *pages(disputes_pb2.ListDisputesRequest(order=_NEWEST)),
        *pages(disputes_pb2.ListDisputesRequest(order=_NEWEST, account_id=HOT)),
        *pages(disputes_pb2.ListDisputesRequest(order=_AT_SELLER)),
        *pages(disputes_pb2.ListDisputesRequest(order=_AT_SELLER, account_id=HOT)),
        *pages(disputes_pb2.ListDisputesRequest(order=_AT_BUYER)),
        *pages(disputes_pb2.ListDisputesRequest(order=_AT_RISK)),
        call(disputes_pb2.ListDisputesRequest(order=_AT_RISK, account_id=HOT)),
        call(disputes_pb2.ListDisputesRequest(order=_AT_RISK, owner="user:ada")),
        call(disputes_pb2.ListDisputesRequest(order=_AT_RISK, without_owner=True)),
        call(disputes_pb2.ListDisputesRequest(order=_AT_BUYER, account_id=HOT)),
        call(disputes_pb2.ListDisputesRequest(invoice_id="i7")),
        call(disputes_pb2.ListDisputesRequest(invoice_ids=["i7", "i10", "i20"], account_id=HOT)),
        call(disputes_pb2.ListDisputesRequest(invoice_id="i7", account_id="b7", state=disputes_events.STATE_CLOSED)),
        call(responses_pb2.ReadResponseRequest(content=responses.write(said("RE", invoice_number="N-new-2")))),
        call(responses_pb2.ListResponsesRequest(invoice="i7")),
        call(responses_pb2.ListUnreadResponsesRequest()),
        *(call(causes_pb2.GetCausesRequest(by=by)) for by in causes_pb2.CountBy.values()),
        call(causes_pb2.ListActionsRequest()),
        call(causes_pb2.ListActionsRequest(all=True)),
        Door("MoveAction", _move_action),
        *(Door(name, _incident) for name in _OF_INCIDENTS),
    ]


def _notifications(handlers: Sequence[type[Message]]) -> list[Door]:
    from tests.unit.notifications import samples  # noqa: PLC0415 - its events are of its own tenant

    made: list[Callable[[], Any]] = [
        samples.decided,
        samples.placed,
        samples.cancelled,
        samples.reduced,
        samples.unapplied,
        samples.released,
        samples.expired,
        samples.limit_changed,
        samples.limit_exceeded,
        samples.review_proposed,
        samples.review_ended,
        samples.order_refused,
        samples.hold_placed,
        samples.hold_lifted,
        samples.invoice_differs,
        samples.shipped,
        samples.shipment_refused,
        samples.document_held,
        samples.credit_refused,
        samples.invoice,
        samples.credit_note,
        samples.payment,
        samples.announced,
        samples.received,
        samples.dispute_opened,
        samples.dispute_checked,
        lambda: samples.dispute_moved(disputes_events.STATE_PROPOSED),
        samples.dispute_resolved,
        samples.dispute_changed,
        samples.dispute_at_risk,
        samples.dispute_late,
        samples.dispute_cell,
        samples.incident_moved,
    ]
    bodies = {type(one.body): one.body for one in (make() for make in made)}
    bodies |= {
        orders_events.OrderPlaced: samples.placed(scope=party_pb2.Scope(site="north")).body,
        credit_events.BuyerRegistered: credit_events.BuyerRegistered(company=party_pb2.Company(name="B")),
        credit_events.BuyerChanged: credit_events.BuyerChanged(company=party_pb2.Company(name="B")),
        invoicing_events.SellerRegistered: invoicing_events.SellerRegistered(
            seller_id="s", company=party_pb2.Company(name="S")
        ),
        invoicing_events.SellerChanged: invoicing_events.SellerChanged(
            version=1, seller=invoicing_events.Seller(seller_id="s", company=party_pb2.Company(name="S"))
        ),
    }

    def of_kind(kind: type[Message]) -> Callable[[int], Record]:
        def make(n: int) -> Record:
            body: Any = kind()
            body.CopyFrom(bodies[kind])
            for name in (
                "order_id",
                "invoice_id",
                "dispute_id",
                "payment_id",
                "draft_id",
                "decision_id",
                "credit_note_id",
                "hold_id",
                "reference",
            ):
                if name in body.DESCRIPTOR.fields_by_name:
                    setattr(body, name, f"new-{n}")
            if "account_id" in body.DESCRIPTOR.fields_by_name:
                body.account_id = account_of(n)
            return a_record(body, account=account_of(n), subject=f"invoice/i{n + 1}")

        return make

    async def send_again(asked: Asked) -> None:
        newest = notifications_pb2.ListMessagesRequest(account_id="b1", about="invoice/i2")
        told = (await asked.call("ListMessages", newest)).messages
        message = next(one for one in told if one.event_type.endswith(".InvoiceIssued") and one.contact_id == "c-b1")
        await asked.call("SendAgain", notifications_pb2.SendAgainRequest(message_id=message.message_id))

    register = notifications_pb2.RegisterContactRequest(
        contact_id="fresh", account_id=HOT, name="F", email="f@b0.example", roles=["AP_MANAGER"], language="en"
    )
    heir = notifications_pb2.RegisterContactRequest(
        contact_id="fresh-heir", account_id=HOT, name="H", email="h@b0.example", roles=["LEGAL"], language="en"
    )
    ours = notifications_pb2.RegisterContactRequest(
        contact_id="fresh-ours", name="O", email="o@seller.example", roles=["SALES"], language="en"
    )
    return [
        call(register),
        call(notifications_pb2.SetPolicyRequest(policy=notifications_events.NotificationPolicy(digest_at="17:00"))),
        call(notifications_pb2.GetPolicyRequest()),
        call(notifications_pb2.ListContactsRequest(account_id=HOT)),
        call(notifications_pb2.ListContactsRequest(account_id="b7")),
        *pages(notifications_pb2.ListMessagesRequest()),
        *pages(notifications_pb2.ListMessagesRequest(account_id=HOT)),
        *pages(notifications_pb2.ListMessagesRequest(contact_id=f"c-{HOT}")),
        *pages(notifications_pb2.ListMessagesRequest(account_id=HOT, contact_id=f"c-{HOT}")),
        call(notifications_pb2.ListMessagesRequest(about="invoice/i7")),
        call(notifications_pb2.ListMessagesRequest(account_id=HOT, about="invoice/i10", contact_id=f"c-{HOT}")),
        call(notifications_pb2.ExportContactRequest(contact_id=f"c-{HOT}")),
        call(notifications_pb2.GetContactRequest(contact_id=f"c-{HOT}")),
        call(notifications_pb2.ChangeContactRequest(contact_id=f"c-{HOT}", language="en")),
        called_by("service:portal", notifications_pb2.FindContactsRequest(email="cleo@b7.example")),
        called_by(
            "service:portal",
            notifications_pb2.SendLinkRequest(
                contact_id=f"c-{HOT}",
                kind=notifications_pb2.LINK_KIND_SIGN_IN,
                url="https://x.example/in",
                minutes=10,
            ),
        ),
        called_by(
            "service:portal",
            notifications_pb2.SendLinkRequest(
                kind=notifications_pb2.LINK_KIND_APPLICATION,
                url="https://x.example/apply",
                minutes=10,
                address="new@x.example",
                language="en",
            ),
        ),
        called_by(
            "service:portal",
            notifications_pb2.SendNoticeRequest(
                contact_id=f"c-{HOT}",
                kind=notifications_pb2.NOTICE_KIND_FACTOR_ADDED,
                url="https://x.example/profile",
                factor=notifications_pb2.FACTOR_APP,
            ),
        ),
        called_by("service:portal", notifications_pb2.ListContactsRequest(account_id=HOT)),
        call(notifications_pb2.GetTimelineRequest(about="invoice/i7")),
        call(notifications_pb2.GetTimelineRequest(about="invoice/OLD-7")),
        call(notifications_pb2.AddMessageRequest(about="invoice/i7", text="Hello")),
        call(notifications_pb2.ListThreadRequest(about="invoice/i7")),
        call(notifications_pb2.AddNoteRequest(about="invoice/i7", text="Hello")),
        call(notifications_pb2.ListNotesRequest(about="invoice/i7")),
        call(notifications_pb2.MarkReadRequest(about="invoice/i7", nth=1)),
        *pages(notifications_pb2.ListUnreadRequest()),
        *pages(notifications_pb2.ListUnreadRequest(account_id=HOT)),
        call(notifications_pb2.ListUnreadRequest(account_id="b7")),
        *pages(notifications_pb2.ListUndeliveredRequest()),
        call(notifications_pb2.ListUndeliveredRequest(account_id=HOT)),
        *pages(notifications_pb2.ListUnreachableRequest()),
        call(notifications_pb2.GetTimelineRequest(about="application/a7")),
        call(notifications_pb2.GetFirstStepsRequest(account_id=HOT)),
        call(notifications_pb2.GetPeopleRequest(account_id=HOT)),
        *pages(notifications_pb2.ListAsksRequest(account_id=HOT)),
        call(notifications_pb2.ListAsksRequest(account_id=HOT, about="invoice/i10")),
        call(notifications_pb2.SetInfluenceRequest(account_id=HOT, contact_id=f"c-{HOT}", influence="USER")),
        call(notifications_pb2.SetTeamRequest(account_id=HOT, owner_id="", stand_in_id="")),
        call(notifications_pb2.GetTeamRequest(account_id=HOT)),
        call(ours),
        call(notifications_pb2.SetPictureRequest(contact_id="fresh-ours", content=PICTURE)),
        call(notifications_pb2.GetPictureRequest(picture=hashlib.sha256(PICTURE).hexdigest())),
        call(heir),
        call(notifications_pb2.SucceedRequest(account_id=HOT, contact_id="fresh", successor_id="fresh-heir")),
        call(notifications_pb2.GetAccountJourneyRequest(account_id=HOT)),
        call(notifications_pb2.GetPromisesRequest()),
        call(
            notifications_pb2.SetServiceLevelsRequest(
                account_id=HOT,
                levels=[
                    notifications_events.ServiceLevel(kind="order", step="SHIPPED", days=3, remedy="WAIVE_INTEREST")
                ],
            )
        ),
        call(notifications_pb2.GetServiceLevelsRequest(account_id=HOT)),
        *pages(notifications_pb2.ListLateRequest()),
        *pages(notifications_pb2.ListFirstStepsRequest()),
        called_by("service:portal", notifications_pb2.NoteSignInRequest(contact_id=f"c-{HOT}")),
        called_by(
            "contact:c-b1",
            notifications_pb2.AnswerFirstStepRequest(account_id="b1", code="SAMPLE", answer="ACCEPTED"),
        ),
        call(notifications_pb2.CloseFirstStepRequest(account_id=HOT, code="COLLEAGUES")),
        called_by("service:portal", feedback_pb2.GetQuestionRequest(token="asked-acme-b0-7")),
        called_by("service:portal", feedback_pb2.AnswerQuestionRequest(token="asked-acme-b0-7", value=2)),
        *pages(feedback_pb2.ListActionsRequest()),
        *pages(feedback_pb2.ListActionsRequest(account_id=HOT)),
        call(feedback_pb2.GetHealthRequest(account_id=HOT)),
        call(feedback_pb2.GetEffortRequest()),
        call(feedback_pb2.CloseActionRequest(question_id="qb0-4", cause="DELIVERY", said="Sent again.")),
        call(letters_pb2.ListLettersRequest(language="en")),
        call(letters_pb2.PreviewLetterRequest(kind="digest", language="en")),
        called_by("service:portal", letters_pb2.GetDeclineRequest(decline_token="decline-c-b7")),
        called_by("service:portal", letters_pb2.DeclineRequest(decline_token="decline-c-b7", declined=True)),
        call(notifications_pb2.EraseContactRequest(contact_id="fresh")),
        Door("mail", _come_by_mail),
        *(event(of_kind(kind), kind=kind) for kind in handlers),
        Door("SendAgain", send_again),
    ]


async def _come_by_mail(asked: Asked) -> None:
    """A reply to a case and a report of a mail, as their addresses find them."""
    async with asked.parts.database.transaction(await asked.parts.database.tenants()) as tx:
        case = await tx.row("SELECT token FROM case_file WHERE tenant = 'acme' AND about = 'invoice/i7'")
        mail = await tx.row("SELECT token FROM mail WHERE tenant = 'acme' AND contact_id = %s LIMIT 1", [f"c-{HOT}"])
        for found in (await post.of_case(tx, case.token), await post.of_mail(tx, mail.token)):
            assert found is not None
            await post.add(tx, [found], b"From: cleo@b7.example\r\n\r\nHello")


def _invoicing() -> list[Door]:
    def order_of(n: int) -> str:
        return f"new-{n}"

    def resolved(n: int) -> Record:
        invoice = invoicing_events.InvoiceIssued(
            invoice_id=f"i{n + 1}", number=f"OLD-{n + 1}", account_id="b0", currency="EUR", order_id=f"o{n + 1}"
        )
        invoice.account_id = HOT if (n + 1) % 10 == 0 else f"b{n + 1}"
        return office.resolved(invoice, gross=100, dispute=f"new-d-{n}")

    def contract(asked: Asked) -> Awaitable[Any]:
        request = invoicing_pb2.SetContractRequest(
            account_id="b7", net_days=30, invoice_on=invoicing_pb2.INVOICE_ON_SHIPMENT
        )
        return asked.call("SetContract", request)

    return [
        event(lambda n: office.buyer(f"fresh-{n}"), kind=credit_events.BuyerRegistered),
        event(lambda n: office.placed(order_of(n), account=f"fresh-{n}"), kind=orders_events.OrderPlaced),
        event(lambda n: office.shipped(order_of(n), account=f"fresh-{n}"), kind=orders_events.OrderShipped),
        event(lambda n: office.received(order_of(n), account=f"fresh-{n}"), kind=orders_events.GoodsReceived),
        event(lambda n: office.buyer_changed(office.company("New"), f"fresh-{n}"), kind=credit_events.BuyerChanged),
        event(lambda n: office.placed(f"late-{n}", account="fresh-1"), kind=orders_events.OrderPlaced),
        event(lambda n: office.approved(f"late-{n}"), kind=credit_events.CreditDecided),
        event(lambda n: office.cancelled(f"late-{n}"), kind=orders_events.OrderCancelled),
        event(lambda n: office.reported(f"new-{n}", account=account_of(n)), kind=orders_events.AssetReported),
        event(resolved, kind=disputes_events.DisputeResolved),
        Door("SetContract", contract),
        call(office.a_seller("s2", "SE")),
        call(invoicing_pb2.GetSellerRequest(seller_id="s2")),
        call(invoicing_pb2.ListSellersRequest()),
        call(invoicing_pb2.GetInvoiceRequest(invoice="i7")),
        call(invoicing_pb2.GetInvoiceRequest(invoice="OLD-77")),
        call(invoicing_pb2.GetInvoiceRequest(invoice="RE-2026-000001")),
        *pages(invoicing_pb2.ListInvoicesRequest()),
        *pages(invoicing_pb2.ListInvoicesRequest(account_id=HOT)),
        *pages(invoicing_pb2.ListInvoicesRequest(account_id="b7")),
        call(invoicing_pb2.ListInvoicesRequest(order_id="o7")),
        call(invoicing_pb2.ListInvoicesRequest(order_id="o10", account_id=HOT)),
        *pages(invoicing_pb2.ListInvoicesRequest(newest_first=True)),
        *pages(invoicing_pb2.ListInvoicesRequest(search="OLD-7")),
        *pages(invoicing_pb2.ListInvoicesRequest(search="o7", account_id=HOT), rows=1),
        call(invoicing_pb2.ListInvoicesRequest(search="OLD-777")),
        call(invoicing_pb2.GetContractRequest(account_id="b7")),
        call(invoicing_pb2.GetOrderRequest(order_id="o7")),
        *pages(invoicing_pb2.ListOrdersRequest()),
        *pages(invoicing_pb2.ListOrdersRequest(account_id=HOT)),
        *pages(invoicing_pb2.ListOrdersRequest(account_id="b7"), rows=1),
        *pages(invoicing_pb2.ListOrdersRequest(search="o7")),
        *pages(invoicing_pb2.ListOrdersRequest(search="o7", account_id=HOT)),
        call(invoicing_pb2.ListOrdersRequest(search="o777")),
        call(invoicing_pb2.ListOrdersRequest(search="po-7", account_id="b7")),
        *pages(invoicing_pb2.ListOrdersRequest(asset_id="a0")),
        *pages(invoicing_pb2.ListOrdersRequest(asset_id="a0", account_id=HOT)),
        *pages(invoicing_pb2.ListInvoicesRequest(asset_id="a0")),
        *pages(invoicing_pb2.ListInvoicesRequest(asset_id="a0", account_id=HOT)),
        *pages(invoicing_pb2.ListAssetsRequest()),
        *pages(invoicing_pb2.ListAssetsRequest(account_id=HOT)),
        *pages(invoicing_pb2.ListAssetsRequest(search="SN-7")),
        *pages(invoicing_pb2.ListAssetsRequest(search="SN-1", account_id=HOT)),
        call(invoicing_pb2.GetAssetRequest(asset_id="a10")),
        call(office.placing("by-call", account="b7", seller="s2")),
        event(lambda n: office.placed(f"open-{n}", account="fresh-1"), kind=orders_events.OrderPlaced),
        call(office.shipping("open-2", account="fresh-1")),
        called_by("contact:ann", invoicing_pb2.ConfirmReceiptRequest(account_id="fresh-1", order_id="new-1")),
        call(invoicing_pb2.CancelOrderRequest(account_id="fresh-1", order_id="open-3")),
        call(invoicing_pb2.RenderDocumentRequest(document="RE-2026-000001")),
        call(invoicing_pb2.SampleInvoiceRequest(account_id=HOT)),
        *pages(invoicing_pb2.ListHeldRequest()),
        *pages(invoicing_pb2.ListHeldRequest(account_id="b1"), rows=1),
        call(invoicing_pb2.RetryHeldRequest(account_id="b21")),
    ]


# What every service answers.
AUDIT = [
    *pages(audit_pb2.ListActsRequest()),
    *pages(audit_pb2.ListActsRequest(account_id=HOT)),
    *pages(audit_pb2.ListActsRequest(account_id="b7"), rows=2),
    *pages(audit_pb2.ListActsRequest(actor="user:u7")),
    *pages(audit_pb2.ListRootsRequest()),
]

DOORS: dict[str, Callable[[Sequence[type[Message]]], list[Door]]] = {
    "credit": lambda _: _credit(),
    "ledger": lambda _: _ledger(),
    "disputes": lambda _: _disputes(),
    "notifications": _notifications,
    "invoicing": lambda _: _invoicing(),
}

# Sums over what one account has open, over the accounts of a tenant, or over what is due: they read what they add up.
_USED = {"JOIN standing_use": 100_000}  # of a page of approvals, of each a period's acts: a thousand at most
SUMS = {
    "credit": _USED,
    "disputes": _USED,
    "notifications": {"FROM message WHERE mail_key IS NULL AND due_at": 10_000},  # what is due just now
    "ledger": {"AS overdue_minor": 110_000, "FROM balance WHERE tenant": 100_000},
}
